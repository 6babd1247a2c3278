"""The last finished calls with what their answers were made of: what a person who watches sees."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Final

KEPT: Final = 10_000
BACKLOG: Final = 500
"""How many calls a listener may lag behind; what is older it misses, and sees in the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One finished call. `seconds` is how long it took; `arguments` are names only, values stay with the caller."""

    number: int
    at: datetime
    server: str
    tool: str
    caller: str
    tenant: str
    seconds: float
    error: str | None
    arguments: tuple[str, ...]
    sources: tuple[Mapping[str, Any], ...]
    gaps: tuple[Mapping[str, Any], ...]
    simulated: bool

    @property
    def calls(self) -> int:
        """Upstream calls made for this one; what a cache told costs none."""
        return sum(int(one.get("calls", 1)) for one in self.sources if not one.get("cached"))


class Journal:
    """The last `KEPT` calls of this process, newest last. A tenant sees its own."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._numbers = count(1)
        self._listeners: dict[asyncio.Queue[Entry], str] = {}

    def wrote(  # noqa: PLR0913 -- the facts of one call
        self,
        *,
        at: datetime,
        server: str,
        tool: str,
        caller: str,
        tenant: str,
        seconds: float,
        error: str | None,
        arguments: Mapping[str, Any],
        structured: Mapping[str, Any],
    ) -> None:
        """Keep one finished call, and tell it to who listens."""
        entry = Entry(
            number=next(self._numbers),
            at=at,
            server=server,
            tool=tool,
            caller=caller,
            tenant=tenant,
            seconds=seconds,
            error=error,
            arguments=tuple(sorted(str(name)[:60] for name in arguments))[:40],
            sources=tuple(structured.get("provenance") or ()),
            gaps=tuple(structured.get("gaps") or ()),
            simulated=bool(structured.get("simulated")),
        )
        self._entries.append(entry)
        for queue, whose in self._listeners.items():
            if whose == tenant:
                with suppress(asyncio.QueueFull):
                    queue.put_nowait(entry)

    def last(self, tenant: str, limit: int = 100, *, tool: str = "", errors: bool = False) -> list[Entry]:
        """The newest calls first, of one tenant; only of tools whose name has `tool` in it, only failed ones."""
        found = (
            one
            for one in reversed(self._entries)
            if one.tenant == tenant and tool in one.tool and (one.error or not errors)
        )
        return [one for one, _ in zip(found, range(limit), strict=False)]

    def entry(self, tenant: str, number: int) -> Entry | None:
        """One call by its number, if it is still kept and of this tenant."""
        return next((one for one in self._entries if one.number == number and one.tenant == tenant), None)

    async def follow(self, tenant: str) -> AsyncIterator[Entry]:
        """Calls as they finish, until nobody asks any more."""
        queue: asyncio.Queue[Entry] = asyncio.Queue(BACKLOG)
        self._listeners[queue] = tenant
        try:
            while True:
                yield await queue.get()
        finally:
            del self._listeners[queue]
