"""Redis in this process: keys with expiry, and what INFO would say of them."""

from __future__ import annotations

import fnmatch
import math
from typing import Any, Final

from dari.core.clock import Clock
from dari.services.payments.ports import KeyValueError

OVERHEAD: Final = 72
"""Bytes a small string key costs Redis beside its own text (dict entry, robj, sds header)."""


class MemoryKeys:
    """`outage` makes every call fail as redis-py would: ConnectionError (refused) or TimeoutError (hangs)."""

    def __init__(self, clock: Clock, *, maxmemory: int = 256 * 1024 * 1024) -> None:
        self.outage: KeyValueError | None = None
        self._clock = clock
        self._maxmemory = maxmemory
        self._held: dict[str, tuple[str, float]] = {}
        self._started = clock.monotonic()
        self._counts = {"commands": 0, "hits": 0, "misses": 0, "expired": 0, "flushall": 0}

    def _touch(self) -> float:
        if self.outage is not None:
            raise self.outage
        self._counts["commands"] += 1
        return self._clock.monotonic()

    def _live(self, key: str, now: float) -> tuple[str, float] | None:
        held = self._held.get(key)
        if held is not None and held[1] <= now:
            del self._held[key]
            self._counts["expired"] += 1
            return None
        return held

    async def get(self, key: str) -> str | None:
        held = self._live(key, self._touch())
        self._counts["hits" if held else "misses"] += 1
        return held[0] if held else None

    async def put(self, key: str, value: str, seconds: int) -> None:
        self._held[key] = (value, self._touch() + seconds)

    async def count(self, key: str, window: int) -> tuple[int, int]:
        now = self._touch()
        held = self._live(key, now)
        number, until = (1, now + window) if held is None else (int(held[0]) + 1, held[1])
        self._held[key] = (str(number), until)
        left = -1 if math.isinf(until) else max(1, math.ceil(until - now))
        return number, left

    async def delete(self, key: str) -> None:
        self._touch()
        self._held.pop(key, None)

    async def close(self) -> None:
        """Nothing is held open."""

    def flush_all(self) -> None:
        """FLUSHALL: every key is gone, the server goes on."""
        self._touch()
        self._counts["flushall"] += 1
        self._held.clear()

    def restart(self) -> None:
        """The server process was started anew, without persistence."""
        self._held.clear()
        self._started = self._clock.monotonic()
        self._counts = dict.fromkeys(self._counts, 0)

    def never_expire(self, key: str) -> None:
        """PERSIST: the key keeps its value without a time to live."""
        self._held[key] = (self._held[key][0], math.inf)

    def dump(self) -> dict[str, tuple[str, float]]:
        """Every live key with its value and the moment it ends."""
        now = self._clock.monotonic()
        return {key: held for key, held in sorted(self._held.items()) if held[1] > now}

    def info(self) -> dict[str, Any]:
        """INFO's own field names."""
        self._touch()
        self.keys("*", len(self._held) + 1)
        size = sum(len(key) + len(value) + OVERHEAD for key, (value, _) in self._held.items())
        expiring = sum(not math.isinf(until) for _, until in self._held.values())
        return {
            "redis_version": "7.0.15",
            "redis_mode": "standalone",
            "uptime_in_seconds": int(self._clock.monotonic() - self._started),
            "connected_clients": 1,
            "used_memory": size + 900_000,
            "maxmemory": self._maxmemory,
            "maxmemory_policy": "allkeys-lru",
            "evicted_keys": 0,
            "expired_keys": self._counts["expired"],
            "keyspace_hits": self._counts["hits"],
            "keyspace_misses": self._counts["misses"],
            "total_commands_processed": self._counts["commands"],
            "cmdstat_flushall": {"calls": self._counts["flushall"]},
            "db0": {"keys": len(self._held), "expires": expiring},
        }

    def keys(self, pattern: str, limit: int) -> tuple[list[str], bool]:
        """Up to `limit` live keys that match the glob, sorted, and whether that was all."""
        if self.outage is not None:
            raise self.outage
        now = self._clock.monotonic()
        live = [key for key in sorted(self._held) if self._live(key, now) and fnmatch.fnmatchcase(key, pattern)]
        return live[:limit], len(live) <= limit

    def peek(self, key: str) -> tuple[str | None, int]:
        """Value and seconds to live (-1 no expiry, -2 gone), without counting as a hit."""
        if self.outage is not None:
            raise self.outage
        now = self._clock.monotonic()
        held = self._live(key, now)
        if held is None:
            return None, -2
        return held[0], -1 if math.isinf(held[1]) else math.ceil(held[1] - now)
