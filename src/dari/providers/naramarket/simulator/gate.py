"""The gateway before the services: keys, speed, how many at once, and the daily quota."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote_plus

from dari.core.clock import Clock

SIMULATED_KEY: Final = "simulated+key/of==dari"
"""A decoding key of the kind that data.go.kr gives: it must be encoded, once."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a key may do. `services` None means all were applied for; `quota` replaces the sheets' daily figure."""

    services: frozenset[str] | None = None
    expires: datetime | None = None
    quota: int | None = None


def key_of(query_string: bytes) -> str | None:
    """The key of a query, decoded exactly once; the parameter's case does not matter."""
    for pair in query_string.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name.lower() == b"servicekey":
            return unquote_plus(value.decode("ascii", "replace"))
    return None


class Speed:
    """A bucket that lets `burst` calls through at once and `rate` a second after that."""

    def __init__(self, clock: Clock, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._clock = clock
        self._left = burst
        self._then = clock.monotonic()

    def lets(self) -> bool:
        """Is there room for one more call now?"""
        now = self._clock.monotonic()
        self._left = min(self.burst, self._left + (now - self._then) * self.rate)
        self._then = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Gate:
    """Keys and quota. Counts start again at midnight, Korean time."""

    def __init__(self, clock: Clock, accounts: Mapping[str, Account]) -> None:
        self._clock = clock
        self._accounts = accounts
        self._used: Counter[tuple[str, str, str]] = Counter()

    def refusal(self, key: str | None, service: str) -> str | None:
        """20, 30 or 31 where the key does not do, else None."""
        if key is None or key == "":
            return "20"
        account = self._accounts.get(key)
        if account is None:
            return "30"
        if account.expires and account.expires <= self._clock.now():
            return "31"
        if account.services is not None and service not in account.services:
            return "20"
        return None

    def spend(self, key: str, operation: str, quota: int) -> bool:
        """Count a call against the day's quota; False where nothing is left."""
        own = self._accounts[key].quota
        slot = (key, operation, self._clock.now().date().isoformat())
        if self._used[slot] >= (quota if own is None else own):
            return False
        self._used[slot] += 1
        return True

    def used(self, operation: str) -> int:
        """Calls counted today for an operation, by all keys."""
        today = self._clock.now().date().isoformat()
        return sum(count for (_, name, day), count in self._used.items() if name == operation and day == today)
