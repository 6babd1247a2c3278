"""Time, handed in: nothing in Dari asks the machine for it on its own."""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import datetime, timedelta, timezone
from typing import Final, Protocol

KST: Final = timezone(timedelta(hours=9), "KST")
"""Korean time is a fixed +09:00: no daylight saving since 1988."""


PASSES: Final = 3
"""Turns of the event loop a manual clock grants to whoever was just woken, before it moves on to the next sleeper."""


class Clock(Protocol):
    """What the house needs of time."""

    def now(self) -> datetime:
        """The wall clock, aware, in KST."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, comparable within one process only."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(KST)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that moves only when told to, or when somebody sleeps on it: waiting costs no real time.

    Sleepers are woken in the order of their times, so several tasks may wait on one clock.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(KST)
        self._elapsed = 0.0
        self._sleepers: set[tuple[float, int]] = set()
        self._arrivals = itertools.count()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by `seconds`."""
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        me = (self._elapsed + max(0.0, seconds), next(self._arrivals))
        self._sleepers.add(me)
        patience = PASSES
        try:
            while self._elapsed < me[0]:
                await asyncio.sleep(0)
                patience = patience - 1 if min(self._sleepers) == me else PASSES
                if not patience:
                    self.advance(max(0.0, me[0] - self._elapsed))
        finally:
            self._sleepers.discard(me)


class RunningClock:
    """A wall clock that starts at `start` (None: the present) and runs `speed` times as fast; 0 stands still.

    `monotonic` and `sleep` stay real seconds: waiting is about the network, not about the market told of.
    """

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self._began = time.monotonic()
        self._start = (start or datetime.now(KST)).astimezone(KST)
        self._speed = speed

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._began) * self._speed)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
