from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn

from dari.serving.mcp_door import listening

PAUSE = 0.03
"""Less than the 40 ms of a delayed acknowledgement, more than a request on a busy machine."""


async def hello(scope: Any, _: Any, send: Any) -> None:
    assert scope["type"] == "http"
    headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hel", "more_body": True})
    await send({"type": "http.response.body", "body": b"lo"})


async def typical(address: str, requests: int) -> float:
    """The median of the later requests over one connection: at first the other side acknowledges at once."""
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    times = []
    for _ in range(requests):
        started = time.perf_counter()
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(5) == b"hello"
        times.append(time.perf_counter() - started)
    writer.close()
    await writer.wait_closed()
    return statistics.median(times[requests // 2 :])


async def test_a_reply_in_two_writes_does_not_wait_for_an_acknowledgement() -> None:
    async with listening.serving(hello) as address:
        assert await typical(address, 60) < PAUSE


async def test_it_listens_on_a_free_port_and_stops() -> None:
    async with listening.serving(hello) as address:
        assert address.startswith("http://127.0.0.1:")
        assert await typical(address, 1) < 10
    with pytest.raises(OSError, match=r"."):
        await typical(address, 1)


async def test_serve_tells_its_address_once_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    servers: list[uvicorn.Server] = []
    made = listening._Telling.__init__

    def remembered(self: Any, config: uvicorn.Config, told: Any) -> None:
        made(self, config, told)
        servers.append(self)

    monkeypatch.setattr(listening._Telling, "__init__", remembered)
    addresses: asyncio.Queue[str] = asyncio.Queue()
    running = asyncio.create_task(listening.serve(hello, "127.0.0.1", 0, told=addresses.put_nowait))
    assert await typical(await addresses.get(), 3) < 10
    servers[0].should_exit = True
    await running
