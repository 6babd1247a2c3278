"""Listen on an address until stopped; port 0 takes a free one, and the address is told before the first request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

STOP_SECONDS = 2
"""How long open requests may take to end after a stop."""


class _Beside(uvicorn.Server):
    """A server that leaves signals to whoever started it: it runs beside other work of the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: Any, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=STOP_SECONDS
    )


async def serve(app: Any, host: str, port: int, *, told: Callable[[str], object]) -> None:
    """Serve until stopped (Ctrl-C, SIGTERM); `told` hears the address."""
    config = _config(app, host, port)
    sock = config.bind_socket()
    told(f"http://{host}:{sock.getsockname()[1]}")
    await uvicorn.Server(config).serve(sockets=[sock])


@asynccontextmanager
async def serving(app: Any, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve while the block runs; yields the address."""
    config = _config(app, host, port)
    sock = config.bind_socket()
    server = _Beside(config)
    running = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        while not server.started and not running.done():  # noqa: ASYNC110 -- uvicorn tells by a flag, not an event
            await asyncio.sleep(0.01)
        yield f"http://{host}:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
