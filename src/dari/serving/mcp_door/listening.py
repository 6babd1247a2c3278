"""Listen on an address until stopped; port 0 takes a free one, and the address is told before the first request."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn

from dari.serving.mcp_door.punctual import Punctual

STOP_SECONDS = 2
"""How long open requests may take to end after a stop."""


class _Telling(uvicorn.Server):
    """A server that tells when it can be reached, not when it has only a number."""

    def __init__(self, config: uvicorn.Config, told: Callable[[], object]) -> None:
        super().__init__(config)
        self._told = told

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self._told()


class _Beside(_Telling):
    """A server that leaves signals to whoever started it, and ends when told: it runs beside other work."""

    def __init__(self, config: uvicorn.Config, told: Callable[[], object]) -> None:
        super().__init__(config, told)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._stopped.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # uvicorn's own loop looks ten times a second whether it shall end
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), 1.0)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: Any, host: str, port: int) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        date_header=not getattr(
            app, "tells_time", False
        ),  # a simulator's clock is its own, and may be wrong on purpose
        proxy_headers=False,  # whose word about an address is believed, the gate decides
        server_header=False,
    )
    config.load()
    # whichever protocol is installed (h11, httptools), made to keep time
    config.http_protocol_class = type("Punctual", (Punctual, config.http_protocol_class), {})
    return config


def _bound(config: uvicorn.Config) -> socket.socket:
    """A bound socket whose connections send at once.

    asyncio does so by itself only where it made the socket; without it a reply in two writes waits 40 ms for the
    other side's delayed acknowledgement. Connections inherit it from the listening socket.
    """
    sock = config.bind_socket()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


async def serve(app: Any, host: str, port: int, *, told: Callable[[str], object]) -> None:
    """Serve until stopped (Ctrl-C, SIGTERM); `told` hears the address once it answers.

    What is in memory by then stays: the collector of cycles, which would walk all of it again and again, leaves it out.
    """
    config = _config(app, host, port)
    sock = _bound(config)
    address = f"http://{host}:{sock.getsockname()[1]}"

    def ready() -> None:
        gc.collect()
        gc.freeze()
        told(address)

    await _Telling(config, ready).serve(sockets=[sock])


@asynccontextmanager
async def serving(app: Any, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve while the block runs; yields the address."""
    config = _config(app, host, port)
    sock = _bound(config)
    ready = asyncio.Event()
    server = _Beside(config, ready.set)
    running = asyncio.create_task(server.serve(sockets=[sock]))
    running.add_done_callback(lambda _: ready.set())
    try:
        await ready.wait()
        yield f"http://{host}:{sock.getsockname()[1]}"
    finally:
        server.stop()
        await running
