"""Never faster than the upstream permits, for all processes of one key together: a locked ring of send times."""

from __future__ import annotations

import asyncio
import statistics
import struct
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from dari.core.clock import Clock
from dari.core.exchange import Call, Reply, Sender
from dari.core.locks import POLL_SECONDS, Held, held, take
from dari.core.provider import Rate
from dari.core.shared_state import PRIVATE_FILE, file_name, private_folder

GUARD_SECONDS: Final = 0.025
"""Added to the window: what a call may lose between our stamp and the upstream's (measured: `dari bench pacing`)."""

BREATH_SECONDS: Final = 0.002
"""Between two tickets of one process, so that a call is on the wire before the next one is stamped."""

REMEMBERED: Final = 31
"""How many recent round trips tell what is usual."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to send one call now: a place in the ring and the time stamped there."""

    place: int
    stamp: float


class Ring(Protocol):
    """The last `rate.limit` send times of a lane, shared by everybody who holds its key. Nothing in it blocks."""

    async def take(self, lane: str, rate: Rate) -> Ticket | float:
        """A ticket, or the seconds until one may be free."""
        ...

    async def correct(self, lane: str, rate: Rate, ticket: Ticket, at: float) -> None:
        """The call of this ticket arrived as late as `at`: its place is free a window after that."""
        ...


class FileRing:
    """The ring in a small private file, under the operating system's lock.

    Times are the machine's monotonic clock, which all processes of one machine share; a time in the future is from
    before a reboot and counts as long past.
    """

    _HEAD: Final = struct.Struct("<I")  # how many times follow

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = private_folder(folder)
        self._clock = clock

    def _path(self, lane: str) -> Path:
        return self._folder / f"{file_name(lane)}.ring"

    async def take(self, lane: str, rate: Rate) -> Ticket | float:
        path = self._path(lane)
        try:
            lock = take(path.with_suffix(".lock"))
        except Held:
            return POLL_SECONDS
        try:
            return self._take(path, rate)
        finally:
            lock.release()

    def _take(self, path: Path, rate: Rate) -> Ticket | float:
        times = self._read(path, rate.limit)
        now = self._clock.monotonic()
        times = [0.0 if time > now else time for time in times]
        oldest = min(range(rate.limit), key=times.__getitem__)
        wait = times[oldest] + rate.seconds + GUARD_SECONDS - now if times[oldest] else 0.0
        if wait > 0.0:
            return wait
        times[oldest] = now
        self._write(path, times)
        return Ticket(oldest, now)

    async def correct(self, lane: str, rate: Rate, ticket: Ticket, at: float) -> None:
        path = self._path(lane)
        async with held(path.with_suffix(".lock"), self._clock):
            times = self._read(path, rate.limit)
            if times[ticket.place] == ticket.stamp:
                times[ticket.place] = at
                self._write(path, times)

    def _read(self, path: Path, limit: int) -> list[float]:
        try:
            content = path.read_bytes()
            (count,) = self._HEAD.unpack_from(content)
            times = list(struct.unpack_from(f"<{count}d", content, self._HEAD.size))
        except FileNotFoundError:
            path.touch(mode=PRIVATE_FILE)
            return [0.0] * limit
        except struct.error:
            return [self._clock.monotonic()] * limit  # unreadable: wait one window rather than risk a refusal
        if count == limit:
            return times
        newest = sorted(times)[-limit:]  # the permitted rate was changed: the newest times still count
        return [0.0] * (limit - len(newest)) + newest

    def _write(self, path: Path, times: list[float]) -> None:
        path.write_bytes(self._HEAD.pack(len(times)) + struct.pack(f"<{len(times)}d", *times))


Limits = Callable[[Call], tuple[tuple[str, Rate], ...]]


class Pacing:
    """A Sender that waits for a ticket of every limit the call counts against, in the order the calls came.

    A call may lose time between our stamp and the upstream's: this process or the network stalls. The guard covers
    little losses; a reply that comes later than usual by more than the guard shows a larger one, and its tickets are
    corrected to the latest moment the call can have arrived.
    """

    def __init__(self, inner: Sender, ring: Ring, limits: Limits, clock: Clock) -> None:
        self._inner = inner
        self._ring = ring
        self._limits = limits
        self._clock = clock
        self._queues: dict[str, asyncio.Lock] = {}
        self._recent: deque[float] = deque(maxlen=REMEMBERED)

    async def __call__(self, call: Call, /) -> Reply:
        limits = self._limits(call)
        async with AsyncExitStack() as queues:
            tickets = []
            for lane, rate in limits:
                await queues.enter_async_context(self._queues.setdefault(lane, asyncio.Lock()))
                while not isinstance(ticket := await self._ring.take(lane, rate), Ticket):
                    await self._clock.sleep(ticket)
                tickets.append(ticket)
            sending = asyncio.ensure_future(self._inner(call))
            sent = self._clock.monotonic()
            try:
                await self._clock.sleep(BREATH_SECONDS)
            except asyncio.CancelledError:
                sending.cancel()
                raise
        try:
            return await sending
        finally:
            sending.cancel()
            await self._corrected(limits, tickets, sent)

    async def _corrected(self, limits: tuple[tuple[str, Rate], ...], tickets: list[Ticket], sent: float) -> None:
        now = self._clock.monotonic()
        usual = statistics.median(self._recent) if self._recent else 0.0
        taken = now - sent
        self._recent.append(taken)
        if taken > usual + GUARD_SECONDS:
            for (lane, rate), ticket in zip(limits, tickets, strict=True):
                await self._ring.correct(lane, rate, ticket, now - usual)
