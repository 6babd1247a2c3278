"""Never faster than the upstream permits, for all processes of one key together: a locked ring of send times."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Protocol

from dari.core.clock import Clock
from dari.core.exchange import Call, Reply, Sender
from dari.core.locks import POLL_SECONDS, Held, take
from dari.core.provider import Rate
from dari.core.shared_state import PRIVATE_FILE, file_name, private_folder

GUARD_SECONDS: Final = 0.025
"""Added to the window: what a call may lose between our stamp and the upstream's (measured: `dari bench pacing`)."""

BREATH_SECONDS: Final = 0.002
"""Between two tickets of one process, so that a call is on the wire before the next one is stamped."""


class Ring(Protocol):
    """The last `rate.limit` send times of a lane, shared by everybody who holds its key."""

    async def try_take(self, lane: str, rate: Rate) -> float:
        """Take a ticket now and return 0.0, or return the seconds until one may be free. Never blocks."""
        ...


class FileRing:
    """The ring in a small private file, under the operating system's lock.

    Times are the machine's monotonic clock, which all processes of one machine share; a time in the future is from
    before a reboot and counts as long past.
    """

    _HEAD: Final = struct.Struct("<II")  # capacity, index of the oldest

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = private_folder(folder)
        self._clock = clock

    async def try_take(self, lane: str, rate: Rate) -> float:
        path = self._folder / f"{file_name(lane)}.ring"
        try:
            lock = take(path.with_suffix(".lock"))
        except Held:
            return POLL_SECONDS
        try:
            return self._take(path, rate)
        finally:
            lock.release()

    def _take(self, path: Path, rate: Rate) -> float:
        times, oldest = self._read(path, rate.limit)
        now = self._clock.monotonic()
        last = times[oldest]
        wait = last + rate.seconds + GUARD_SECONDS - now if 0.0 < last <= now else 0.0
        if wait > 0.0:
            return wait
        times[oldest] = now
        packed = self._HEAD.pack(rate.limit, (oldest + 1) % rate.limit) + struct.pack(f"<{rate.limit}d", *times)
        path.write_bytes(packed)
        return 0.0

    def _read(self, path: Path, limit: int) -> tuple[list[float], int]:
        try:
            content = path.read_bytes()
            capacity, oldest = self._HEAD.unpack_from(content)
            times = list(struct.unpack_from(f"<{capacity}d", content, self._HEAD.size))
        except FileNotFoundError:
            path.touch(mode=PRIVATE_FILE)
            return [0.0] * limit, 0
        except struct.error:
            return [self._clock.monotonic()] * limit, 0  # unreadable: wait one window rather than risk a refusal
        if capacity != limit:  # the permitted rate was changed: the newest times still count
            newest = (times[oldest:] + times[:oldest])[-limit:]
            return [0.0] * (limit - len(newest)) + newest, 0
        return times, oldest


Limits = Callable[[Call], tuple[tuple[str, Rate], ...]]


class Pacing:
    """A Sender that waits for a ticket of every limit the call counts against, in the order the calls came."""

    def __init__(self, inner: Sender, ring: Ring, limits: Limits, clock: Clock) -> None:
        self._inner = inner
        self._ring = ring
        self._limits = limits
        self._clock = clock
        self._queues: dict[str, asyncio.Lock] = {}

    async def __call__(self, call: Call, /) -> Reply:
        async with AsyncExitStack() as queues:
            for lane, rate in self._limits(call):
                await queues.enter_async_context(self._queues.setdefault(lane, asyncio.Lock()))
                while wait := await self._ring.try_take(lane, rate):
                    await self._clock.sleep(wait)
            sending = asyncio.ensure_future(self._inner(call))
            try:
                await self._clock.sleep(BREATH_SECONDS)
            except asyncio.CancelledError:
                sending.cancel()
                raise
        try:
            return await sending
        finally:
            sending.cancel()
