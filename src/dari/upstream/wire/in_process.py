"""A websocket to an ASGI app in this process: a simulator, asked without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from dari.core.errors import Unreachable

GOING_AWAY = 1001


class AppSocket:
    """One connection (dari.upstream.live.Connection), both ends of which are queues."""

    def __init__(self, app: Any, url: str) -> None:
        parts = urlsplit(url)
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "root_path": "",
            "query_string": parts.query.encode(),
            "headers": [(b"host", parts.netloc.encode())],
            "client": ("127.0.0.1", 0),
            "server": (parts.hostname or "", 80),
            "subprotocols": [],
        }
        self._told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._told.put_nowait({"type": "websocket.connect"})
        self._heard: asyncio.Queue[str | None] = asyncio.Queue()
        self._accepted: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        self._headers: Mapping[str, str] = {}
        self._closed = False
        self._running = asyncio.ensure_future(app(scope, self._told.get, self._hear))
        self._running.add_done_callback(lambda _: self._over())

    async def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "websocket.accept":
                headers = {name.decode().lower(): value.decode() for name, value in message.get("headers", ())}
                self._accepted.set_result(headers)
            case "websocket.send":
                self._heard.put_nowait(message.get("text") or (message.get("bytes") or b"").decode())
            case _:
                self._over()

    def _over(self) -> None:
        if not self._accepted.done():
            self._accepted.set_exception(Unreachable("the simulator did not accept the websocket", executed=False))
        self._heard.put_nowait(None)

    async def opened(self) -> AppSocket:
        """Wait until the app has accepted. Raises Unreachable."""
        self._headers = await self._accepted
        return self

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers

    async def send(self, text: str) -> None:
        """Send one text frame. Raises Unreachable."""
        if self._closed:
            raise Unreachable("the websocket is closed", executed=None)
        self._told.put_nowait({"type": "websocket.receive", "text": text})

    async def receive(self) -> str:
        """The next frame. Raises Unreachable when there will be none."""
        frame = None if self._closed else await self._heard.get()
        if frame is None:
            self._closed = True
            raise Unreachable("the websocket is closed", executed=None)
        return frame

    async def close(self) -> None:
        """Close it; the app sees its client go."""
        self._closed = True
        self._heard.put_nowait(None)
        self._told.put_nowait({"type": "websocket.disconnect", "code": GOING_AWAY})
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(1.0):
                await asyncio.wait([self._running])
        self._running.cancel()


async def open_app_socket(app: Any, url: str) -> AppSocket:
    """Open a websocket to an app. Raises Unreachable."""
    return await AppSocket(app, url).opened()
