"""The door to the network: an ASGI app on a port."""

from __future__ import annotations

import uvicorn
from starlette.types import ASGIApp


async def listen(app: ASGIApp, host: str, port: int) -> None:
    """Serve `app` until told to stop (SIGINT, SIGTERM). Raises SystemExit where the port is taken."""
    config = uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False)
    await uvicorn.Server(config).serve()
