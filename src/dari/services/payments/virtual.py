"""Virtual time: a clock per task and a schedule that takes one thing after another, so that a run can be repeated."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dari.core.clock import KST, Clock


class VirtualClock:
    """Time that moves only by the schedule, and for a task that sleeps: who sleeps goes ahead alone, nobody waits."""

    def __init__(self, start: datetime) -> None:
        self._start = start.astimezone(KST)
        self._base = 0.0
        self._ahead: ContextVar[float] = ContextVar(f"ahead-{id(self)}", default=0.0)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return self._base + self._ahead.get()

    async def sleep(self, seconds: float) -> None:
        self._ahead.set(self._ahead.get() + max(0.0, seconds))

    def move_to(self, moment: float) -> None:
        """Begin the next thing at `moment` (seconds since the start)."""
        self._base = moment
        self._ahead.set(0.0)


class SkewedClock:
    """A clock that is wrong by `offset` seconds: what an application sees on a host whose time is off."""

    def __init__(self, clock: Clock, offset: float = 0.0) -> None:
        self.offset = offset
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self.offset)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


Step = Callable[[], Awaitable[Any]]


@dataclass(order=True, slots=True)
class _Due:
    at: float
    order: int
    name: str = field(compare=False)
    step: Step = field(compare=False)
    interval: float | None = field(compare=False)


class Schedule:
    """Steps by their virtual times. A repeated step runs again `interval` after it ended; one thing runs at a time."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self._heap: list[_Due] = []
        self._order = 0
        self._paused: set[str] = set()
        self._reached = 0.0

    def _push(self, at: float, name: str, step: Step, interval: float | None) -> None:
        self._order += 1
        heapq.heappush(self._heap, _Due(at, self._order, name, step, interval))

    def once(self, after: float, step: Step, name: str = "once") -> None:
        """Run `step` `after` seconds from now."""
        self._push(self._reached + after, name, step, None)

    def every(self, interval: float, step: Step, name: str) -> None:
        """Run `step` now and again, `interval` after each end."""
        self._push(self._reached, name, step, interval)

    def pause(self, name: str) -> None:
        """Skip the steps of this name from now on: the program hangs or is stopped."""
        self._paused.add(name)

    def resume(self, name: str) -> None:
        """Take its steps again."""
        self._paused.discard(name)

    def cancel(self, name: str) -> None:
        """Forget every step of this name."""
        self._heap = [due for due in self._heap if due.name != name]
        heapq.heapify(self._heap)

    def skip(self, seconds: float) -> None:
        """Let `seconds` pass without anything happening: every step is put off."""
        for due in self._heap:
            due.at += seconds
        self._reached += seconds
        self.clock.move_to(self._reached)

    async def run(self, seconds: float) -> None:
        """Let `seconds` pass."""
        until = self._reached + seconds
        while self._heap and self._heap[0].at <= until:
            due = heapq.heappop(self._heap)
            self._reached = due.at
            self.clock.move_to(due.at)
            if due.name not in self._paused:
                await due.step()
            if due.interval is not None:
                self._push(self.clock.monotonic() + due.interval, due.name, due.step, due.interval)
        self._reached = until
        self.clock.move_to(until)
