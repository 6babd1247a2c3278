"""The last finished calls with what their answers were made of: what a person who watches sees."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, islice
from typing import Any, Final

KEPT: Final = 10_000
BACKLOG: Final = 500
"""How many calls a listener may lag behind; what is more it misses, and sees in the list."""


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

    @property
    def kept(self) -> bool:
        """Whether every number came out of a cache."""
        return bool(self.sources) and all(one.get("cached") for one in self.sources)


@dataclass(slots=True)
class Sums:
    """What a tenant's calls come to since the process began. `asked` are those that spoke of an upstream."""

    calls: int = 0
    seconds: float = 0.0
    asked: int = 0
    kept: int = 0
    by_server: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    """By server."""


class Journal:
    """The last `KEPT` calls of this process, newest last. A tenant sees its own; "" is the person at this machine."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._numbers = count(1)
        self._sums: dict[str, Sums] = {}
        self._listeners: dict[asyncio.Queue[Entry], str] = {}

    def wrote(
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
            sources=_rows(structured.get("provenance")),
            gaps=_rows(structured.get("gaps")),
            simulated=bool(structured.get("simulated")),
        )
        self._entries.append(entry)
        self._count(entry)
        for queue, whose in self._listeners.items():
            if whose == tenant:
                with suppress(asyncio.QueueFull):
                    queue.put_nowait(entry)

    def _count(self, entry: Entry) -> None:
        sums = self._sums.setdefault(entry.tenant, Sums())
        sums.calls += 1
        sums.seconds += entry.seconds
        sums.asked += bool(entry.sources)
        sums.kept += entry.kept
        sums.by_server[entry.server] += 1
        sums.errors[entry.server] += entry.error is not None

    def sums(self, tenant: str) -> Sums:
        """What a tenant's calls come to."""
        return self._sums.get(tenant) or Sums()

    def last(self, tenant: str, limit: int = 100, *, tool: str = "", errors: bool = False) -> list[Entry]:
        """The newest calls first, of one tenant; only of tools whose name has `tool` in it, only failed ones."""
        found = (
            one
            for one in reversed(self._entries)
            if one.tenant == tenant and tool in f"{one.server}/{one.tool}" and (one.error or not errors)
        )
        return list(islice(found, limit))

    def entry(self, tenant: str, number: int) -> Entry | None:
        """One call by its number, if it is still kept and of this tenant."""
        return next((one for one in self._entries if one.number == number and one.tenant == tenant), None)

    @contextmanager
    def listening(self, tenant: str) -> Iterator[asyncio.Queue[Entry]]:
        """A queue of a tenant's calls as they finish, while the block runs."""
        queue: asyncio.Queue[Entry] = asyncio.Queue(BACKLOG)
        self._listeners[queue] = tenant
        try:
            yield queue
        finally:
            del self._listeners[queue]


def _rows(told: Any) -> tuple[Mapping[str, Any], ...]:
    return tuple(one for one in told if isinstance(one, Mapping)) if isinstance(told, (list, tuple)) else ()
