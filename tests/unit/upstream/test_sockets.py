from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection, serve

from dari.core.errors import Unreachable
from dari.upstream.wire.sockets import open_socket


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async def echo(connection: ServerConnection) -> None:
        async for frame in connection:
            if frame == "bye":
                return
            await connection.send("you said " + str(frame))

    async with serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/"


async def test_frames_go_both_ways(address: str) -> None:
    socket = await open_socket(address)
    await socket.send("안녕")
    assert await socket.receive() == "you said 안녕"
    assert "server" in socket.headers
    await socket.close()
    await socket.close()


async def test_an_end_is_unreachable_either_way(address: str) -> None:
    socket = await open_socket(address)
    await socket.send("bye")
    with pytest.raises(Unreachable) as caught:
        await socket.receive()
    assert caught.value.executed is None
    with pytest.raises(Unreachable):
        await socket.send("still there?")
    await socket.close()


async def test_no_server_is_told_with_a_hint() -> None:
    with pytest.raises(Unreachable) as caught:
        await open_socket("ws://127.0.0.1:9/")
    assert caught.value.executed is False
    assert caught.value.hint
