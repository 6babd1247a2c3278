from __future__ import annotations

from typing import Any

import pytest

from dari.core.errors import Unreachable
from dari.upstream.wire.in_process import open_app_socket


async def echo(scope: Any, receive: Any, send: Any) -> None:
    assert (scope["type"], scope["path"], scope["query_string"]) == ("websocket", "/live", b"a=1")
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "headers": [(b"X-Simulator", b"1")]})
    while (told := await receive())["type"] == "websocket.receive":
        if told["text"] == "bye":
            await send({"type": "websocket.close", "code": 1000})
            return
        await send({"type": "websocket.send", "bytes": told["text"].encode()})


async def test_frames_go_both_ways_and_an_end_is_unreachable() -> None:
    socket = await open_app_socket(echo, "ws://app.invalid/live?a=1")
    assert socket.headers == {"x-simulator": "1"}
    await socket.send("안녕")
    assert await socket.receive() == "안녕"
    await socket.send("bye")
    with pytest.raises(Unreachable):
        await socket.receive()
    with pytest.raises(Unreachable):
        await socket.send("still there?")
    await socket.close()


async def test_closing_tells_the_app() -> None:
    socket = await open_app_socket(echo, "ws://app.invalid/live?a=1")
    await socket.close()
    with pytest.raises(Unreachable):
        await socket.receive()
    assert socket._running.done()


async def test_an_app_that_does_not_accept_is_unreachable() -> None:
    async def refuse(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 1000})

    with pytest.raises(Unreachable, match="did not accept"):
        await open_app_socket(refuse, "ws://app.invalid/live")
