"""Each attempt at an upstream as a span: its endpoint, and how long it took."""

from __future__ import annotations

from dari.core.exchange import Call, Reply, Sender
from dari.core.tracing import span

ATTEMPT = "upstream"


class Traced:
    """A Sender around a Sender, told to whoever listens."""

    def __init__(self, inner: Sender) -> None:
        self._inner = inner

    async def __call__(self, call: Call) -> Reply:
        with span(ATTEMPT, endpoint=call.endpoint.id, provider=call.endpoint.provider, mode=call.mode):
            return await self._inner(call)
