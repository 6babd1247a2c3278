"""Drops a connection whose headers do not come: who sends a byte a second holds nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

HEADER_SECONDS = 10.0
"""How long the headers of a request may take to come."""

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as Protocol
else:
    Protocol = object


class Punctual(Protocol):
    """Beside one of uvicorn's HTTP protocols, which it watches: a new `cycle` means that all headers have come."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A connection: headers are expected."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Bytes: of headers (which do not make them less late), or of a body, which has a time of its own."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._expect_no_more()
        elif before is None or before.response_complete:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._expect_no_more()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._late is None:
            self._late = asyncio.get_running_loop().call_later(HEADER_SECONDS, self._drop)

    def _expect_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _drop(self) -> None:
        self._late = None
        if self.transport.get_protocol() is self:  # else it has become a websocket
            self.transport.close()
