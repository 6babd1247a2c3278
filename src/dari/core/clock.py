"""Time, handed in: nothing in Dari asks the machine for it on its own."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import datetime, timedelta, timezone
from typing import Final, Protocol

KST: Final = timezone(timedelta(hours=9), "KST")
"""Korean time is a fixed +09:00: no daylight saving since 1988."""


def midnight_after(now: datetime) -> datetime:
    """When daily quotas start again: the next midnight, Korean time."""
    return (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


PASSES: Final = 30
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

    Sleepers are woken in the order of their times, so several tasks may wait on one clock. Time goes on when nobody
    has gone to sleep or been woken for some turns of the loop: whoever is awake has then done what there was to do.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(KST)
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()
        self._ticking: asyncio.AbstractEventLoop | None = None
        self._quiet = 0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by `seconds`."""
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0.0:
            return
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._arrivals), woken))
        self._quiet = 0
        if self._ticking is not loop:
            self._ticking = loop
            loop.call_soon(self._tick, loop)
        await woken

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """One turn of the loop: wake who is due, or, after enough quiet ones, who is due next."""
        if self._ticking is not loop:
            return
        self._quiet += 1
        while self._sleepers and (self._sleepers[0][2].done() or self._sleepers[0][0] <= self._elapsed):
            self._wake()
        if not self._sleepers:
            self._ticking = None
            return
        if self._quiet >= PASSES:
            self.advance(self._sleepers[0][0] - self._elapsed)
            self._wake()
        loop.call_soon(self._tick, loop)

    def _wake(self) -> None:
        _, _, woken = heapq.heappop(self._sleepers)
        if not woken.done():
            woken.set_result(None)
            self._quiet = 0


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
