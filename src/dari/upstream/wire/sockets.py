"""Websockets, in the same room as the rest of the network; imported when the first one is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from dari.core.errors import Unreachable
from dari.upstream.wire import connect_hint

OPEN_SECONDS: Final = 10.0
FRAME_LIMIT: Final = 8 * 1024 * 1024
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Socket:
    """One websocket (dari.upstream.live.Connection). Its library sends no pings of its own: upstreams have theirs."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @property
    def headers(self) -> Mapping[str, str]:
        reply = self._connection.response
        return {name.lower(): value for name, value in reply.headers.raw_items()} if reply else {}

    async def send(self, text: str) -> None:
        """Send one text frame. Raises Unreachable."""
        try:
            await self._connection.send(text)
        except (WebSocketException, OSError) as error:
            raise _socket_broke(error) from None

    async def receive(self) -> str:
        """The next frame as text. Raises Unreachable when there will be none."""
        try:
            return str(await self._connection.recv(decode=True))
        except (WebSocketException, OSError) as error:
            raise _socket_broke(error) from None

    async def close(self) -> None:
        """Close it; a closed one stays closed."""
        await self._connection.close()


async def open_socket(url: str) -> Socket:
    """Open a websocket. Raises Unreachable."""
    host = urlsplit(url).hostname or "?"
    try:
        connection = await connect(
            url,
            ping_interval=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=2.0,
            max_size=FRAME_LIMIT,
            compression=None,
            proxy=None if host in LOOPBACK else True,
        )
    except (WebSocketException, OSError, TimeoutError) as error:
        raise Unreachable(
            f"no websocket to {host} ({type(error).__name__})", executed=False, hint=connect_hint(error)
        ) from None
    return Socket(connection)


def _socket_broke(error: Exception) -> Unreachable:
    return Unreachable(f"the websocket broke ({type(error).__name__})", executed=None)
