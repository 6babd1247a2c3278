"""Never faster than the upstream permits, for all processes of one key together: a locked ring of send times."""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import struct
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from dari.core.clock import Clock
from dari.core.exchange import Call, Reply, Sender
from dari.core.locks import POLL_SECONDS, Held, held, take
from dari.core.provider import Rate
from dari.core.shared_state import PRIVATE_FILE, file_name, private_folder

if TYPE_CHECKING:
    from dari.core.shared_state.networked import Degrading  # Redis is an extra: who does not use it does not load it

GUARD_SECONDS: Final = 0.025
"""Added to the window: what a call may lose between our stamp and the upstream's (measured: `dari bench pacing`)."""

BREATH_SECONDS: Final = 0.002
"""Between two tickets of one process, so that a call is on the wire before the next one is stamped."""

REMEMBERED: Final = 31
"""How many recent round trips tell what is usual."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to send one call now: a place in the ring (its number, or its name in Redis) and the time there."""

    place: int | str
    stamp: float


class Ring(Protocol):
    """The last `rate.limit` send times of a lane, shared by everybody who holds its key. Nothing in it blocks."""

    async def take(self, lane: str, rate: Rate) -> Ticket | float:
        """A ticket, or the seconds until one may be free."""
        ...

    async def correct(self, lane: str, rate: Rate, ticket: Ticket, late: float) -> None:
        """The call of this ticket arrived up to `late` seconds after its stamp: its place is free that much later."""
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

    async def correct(self, lane: str, rate: Rate, ticket: Ticket, late: float) -> None:
        path, place = self._path(lane), ticket.place
        assert isinstance(place, int)  # a ticket of this ring
        async with held(path.with_suffix(".lock"), self._clock):
            times = self._read(path, rate.limit)
            if times[place] == ticket.stamp:
                times[place] += late
                self._write(path, times)

    def _read(self, path: Path, limit: int) -> list[float]:
        try:
            content = path.read_bytes()
            (count,) = self._HEAD.unpack_from(content)
            times = list(struct.unpack_from(f"<{count}d", content, self._HEAD.size))
        except FileNotFoundError:
            path.touch(mode=PRIVATE_FILE)
            return [0.0] * limit
        except struct.error:  # unreadable: wait one window rather than risk a refusal, and let it end
            self._write(path, times := [self._clock.monotonic()] * limit)
            return times
        if count == limit:
            return times
        newest = sorted(times)[-limit:]  # the permitted rate was changed: the newest times still count
        return [0.0] * (limit - len(newest)) + newest

    def _write(self, path: Path, times: list[float]) -> None:
        """In place, never emptied first: neither a kill nor a full disk leaves a ring without its times."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), PRIVATE_FILE)
        try:
            os.write(file, self._HEAD.pack(len(times)) + struct.pack(f"<{len(times)}d", *times))
        finally:
            os.close(file)


_TAKE: Final = """
local now = redis.call('TIME'); now = tonumber(now[1]) + tonumber(now[2]) / 1000000
local window, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) < limit then
  redis.call('ZADD', KEYS[1], string.format('%.6f', now), ARGV[3])
  redis.call('PEXPIRE', KEYS[1], math.ceil(window * 2000))
  return {'1', string.format('%.6f', now)}
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {'0', string.format('%.6f', tonumber(oldest[2]) + window - now)}
"""
_CORRECT: Final = "return redis.call('ZADD', KEYS[1], 'XX', 'GT', 'INCR', ARGV[1], ARGV[2])"
_SEEN: Final = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
return redis.call('ZCARD', KEYS[1])
"""

MACHINE_SECONDS: Final = 120.0
"""A machine that has not asked for so long no longer counts among those that share the limit."""


class SharedRing:
    """The ring in Redis, by Redis's clock, for processes of several machines.

    While Redis is lost, each machine takes its part of the limit from its own files: the machines seen last share it,
    so that all together stay within what is permitted. A change between the two waits: for the calls of the last
    window, which are written down on the other side, and, when Redis is back, until every machine must have noticed.
    """

    def __init__(self, state: Degrading, local: Ring, clock: Clock, machine: str) -> None:
        self._state = state
        self._local = local
        self._clock = clock
        self._machine = machine
        self._machines = 1
        self._side: dict[str, str] = {}
        self._waits: dict[str, float] = {}
        self._tickets = itertools.count()

    async def take(self, lane: str, rate: Rate) -> Ticket | float:
        return await self._state.tried(lambda: self._networked(lane, rate), lambda: self._alone(lane, rate))

    async def _networked(self, lane: str, rate: Rate) -> Ticket | float:
        state = self._state.networked
        seen = await state.script(_SEEN, [f"machines {lane}"], [self._machine, str(int(MACHINE_SECONDS))])
        self._machines = max(1, int(seen))
        if wait := self._changed(lane, "redis", rate.seconds):
            return wait
        name = f"{self._machine}-{os.getpid()}-{next(self._tickets)}"
        window = rate.seconds + GUARD_SECONDS
        taken, told = await state.script(_TAKE, [f"ring {lane}"], [f"{window:.6f}", str(rate.limit), name])
        return Ticket(name, float(told)) if taken == "1" else max(float(told), POLL_SECONDS)

    async def _alone(self, lane: str, rate: Rate) -> Ticket | float:
        if wait := self._changed(lane, "files", rate.seconds):
            return wait
        part = self._part(rate)
        return await self._local.take(lane, part) if part.limit else rate.seconds

    def _part(self, rate: Rate) -> Rate:
        """This machine's part of a limit nobody can share now; none at all of a limit smaller than the machines."""
        return Rate(rate.limit // self._machines, rate.seconds)

    def _changed(self, lane: str, side: str, window: float) -> float:
        """Seconds to wait because the side has changed: none at the very start, a window after that."""
        now = self._clock.monotonic()
        before = self._side.get(lane)
        if before is not None and before != side:
            others = self._state.notice_seconds if side == "redis" else 0.0
            self._waits[lane] = now + others + window + GUARD_SECONDS
        self._side[lane] = side
        return max(0.0, self._waits.get(lane, 0.0) - now)

    async def correct(self, lane: str, rate: Rate, ticket: Ticket, late: float) -> None:
        if isinstance(ticket.place, int):
            await self._local.correct(lane, self._part(rate), ticket, late)
            return
        arguments = [f"{late:.6f}", ticket.place]
        await self._state.tried(lambda: self._state.networked.script(_CORRECT, [f"ring {lane}"], arguments), _nothing)


async def _nothing() -> None:
    return None


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
                await self._ring.correct(lane, rate, ticket, taken - usual)
