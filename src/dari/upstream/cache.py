"""Tell again what was told a moment ago: two tiers, one upstream call for any number of equal questions in flight."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from dari.core.clock import Clock
from dari.core.endpoint import Effect
from dari.core.events import Events
from dari.core.exchange import Call, Reply, Sender
from dari.core.sealing import unopened
from dari.core.shared_state import SharedState

log = logging.getLogger(__name__)

L1_ENTRIES: Final = 4096
"""How many replies one process keeps in memory; the least recently used goes first."""


@dataclass(frozen=True, slots=True)
class CacheRules:
    """Lifetimes in seconds: `l1_seconds` in memory, `l2_seconds` shared. A row's `cache_seconds` is its own lifetime.

    `moving` tells whether prices move at a time. A reply fetched or asked for while they do lives as long as its row
    says, or as L1 where the row says nothing: L2 lengthens lives only while nothing moves, so that a price is never
    five minutes old in trading hours.
    """

    l1_seconds: float = 60.0
    l2_seconds: float = 300.0
    moving: Callable[[datetime], bool] = lambda _: True


@dataclass(slots=True)
class CacheCounts:
    """What `dari cache` and the metrics tell."""

    hits: int = 0
    misses: int = 0
    l1_hits: int = 0
    l2_hits: int = 0
    joined: int = 0
    """Equal questions that waited for a call already in flight."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    reply: Reply
    l1_ends: float


class Cache:
    """A Sender that keeps replies of reads: L1 in this process, L2 in the state shared by processes.

    Replies to account rows are kept nowhere: a balance is asked for each time.
    """

    def __init__(
        self, inner: Sender, state: SharedState, clock: Clock, events: Events, rules: CacheRules | None = None
    ) -> None:
        self._inner = inner
        self._state = state
        self._clock = clock
        self._events = events
        self._rules = rules or CacheRules()
        self._l1: OrderedDict[str, _Entry] = OrderedDict()
        self._flights: dict[str, asyncio.Task[Reply]] = {}
        self._passengers: dict[str, int] = {}
        self.counts = CacheCounts()

    @staticmethod
    def key(call: Call) -> str:
        """The name of a question: what it asks, never who may ask it, with parameters hidden behind a hash."""
        asked = json.dumps([sorted(call.parameters.items()), call.cursor], ensure_ascii=False)
        digest = hashlib.sha256(asked.encode()).hexdigest()[:24]
        return f"{call.endpoint.provider}:{call.endpoint.id}:{call.mode}:{digest}"

    def _life(self, call: Call, fetched_at: datetime) -> float:
        """How many seconds after `fetched_at` a reply may still be told."""
        own = call.endpoint.cache_seconds if call.max_age is None else call.max_age
        if self._rules.moving(fetched_at) or self._rules.moving(self._clock.now()):
            return self._rules.l1_seconds if own is None else own
        return max(own or 0.0, self._rules.l2_seconds)

    async def __call__(self, call: Call, /) -> Reply:
        row = call.endpoint
        if row.effect is not Effect.READ or row.scope != "market" or row.cache_seconds == 0:
            return await self._inner(call)
        key = self.key(call)
        if not call.fresh:
            kept = self._from_l1(key, call)
            if kept is not None:
                return kept
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.ensure_future(self._fetch(key, call))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        else:
            self.counts.joined += 1
        return await self._ride(key, flight)

    async def _ride(self, key: str, flight: asyncio.Task[Reply]) -> Reply:
        """Wait for a flight with others; the last one to give up takes it down."""
        self._passengers[key] = self._passengers.get(key, 0) + 1
        try:
            return await asyncio.shield(flight)
        finally:
            left = self._passengers[key] - 1
            if left:
                self._passengers[key] = left
            else:
                del self._passengers[key]
                if not flight.done():
                    flight.cancel()

    def _from_l1(self, key: str, call: Call) -> Reply | None:
        entry = self._l1.get(key)
        if entry is None:
            return None
        age = (self._clock.now() - entry.reply.fetched_at).total_seconds()
        keep = min(entry.l1_ends - self._clock.monotonic(), self._life(call, entry.reply.fetched_at) - age)
        if keep <= 0.0 or age < 0.0:  # a clock that was set back: what is from the future is asked again
            return None
        self._l1.move_to_end(key)
        self._hit("l1", call)
        return entry.reply.kept("l1", age=age, keep=keep)

    async def _fetch(self, key: str, call: Call) -> Reply:
        # The lock is named by three letters of the key's hash: a bounded number of lock files, few strangers waiting.
        async with self._state.lock(f"flight {key[-3:]}"):
            if not call.fresh:
                kept = await self._from_l2(key, call)
                if kept is not None:
                    return kept
            self.counts.misses += 1
            self._events.tell("cache.miss", endpoint=call.endpoint.id)
            reply = await self._inner(call)
            life = self._life(call, reply.fetched_at)
            keep = self._keep_in_l1(key, reply, life)
            try:
                await self._state.put(f"reply {key}", packed(reply), seconds=max(life, self._rules.l2_seconds))
            except OSError as error:  # a full disk: the reply is told all the same, and kept in memory
                log.warning("a reply of %s is not shared: %s", call.endpoint.id, error)
            return replace(reply, keep_seconds=keep)

    async def _from_l2(self, key: str, call: Call) -> Reply | None:
        packed = await self._state.get(f"reply {key}")
        if packed is None:
            return None
        reply = unpacked(packed)
        age = (self._clock.now() - reply.fetched_at).total_seconds()
        left = self._life(call, reply.fetched_at) - age
        if left <= 0.0 or age < 0.0:
            return None
        keep = self._keep_in_l1(key, reply, left)
        self._hit("l2", call)
        return reply.kept("l2", age=age, keep=keep)

    def _keep_in_l1(self, key: str, reply: Reply, left: float) -> float:
        self._l1[key] = _Entry(key, reply, self._clock.monotonic() + self._rules.l1_seconds)
        self._l1.move_to_end(key)
        while len(self._l1) > L1_ENTRIES:
            self._l1.popitem(last=False)
        return min(self._rules.l1_seconds, left)

    def _hit(self, tier: str, call: Call) -> None:
        self.counts.hits += 1
        if tier == "l1":
            self.counts.l1_hits += 1
        else:
            self.counts.l2_hits += 1
        self._events.tell("cache.hit", tier=tier, endpoint=call.endpoint.id)

    def entries(self) -> dict[str, float]:
        """Every reply in memory: its name and its age in seconds."""
        now = self._clock.now()
        return {name: (now - entry.reply.fetched_at).total_seconds() for name, entry in self._l1.items()}

    async def clear(self, pattern: str = "*") -> int:
        """Forget every kept reply whose name matches the shell-style `pattern`; returns how many were in memory."""
        gone = [name for name in self._l1 if fnmatchcase(name, pattern)]
        for name in gone:
            del self._l1[name]
        await self._state.drop_matching(f"reply {pattern}")
        await self._state.drop_matching(f"last {pattern}")
        return len(gone)


def packed(reply: Reply) -> dict[str, Any]:
    """A reply as a value of shared state."""
    return {
        "body": dict(reply.body),
        "fetched_at": reply.fetched_at.isoformat(),
        "cursor": reply.cursor,
        "simulated": reply.simulated,
    }


def unpacked(kept: dict[str, Any]) -> Reply:
    """A reply out of shared state. Raises BadSetting for one that was sealed, where there is no key to open it."""
    if "body" not in kept:
        raise unopened()
    return Reply(
        body=kept["body"],
        fetched_at=datetime.fromisoformat(kept["fetched_at"]),
        cursor=kept["cursor"],
        simulated=kept["simulated"],
    )
