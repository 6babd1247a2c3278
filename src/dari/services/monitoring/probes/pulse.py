"""How late this process itself is while it looks: what came late because we were starved is no slow part."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Self

from dari.core.clock import Clock, SystemClock

TICK: Final = 0.02
SHARE: Final = 0.25
"""A figure of which more than this share may be our own lateness is not known."""
QUICK_MS: Final = 50.0
"""An answer this quick is quick, whoever was late."""


class Pulse:
    """`async with Pulse(clock)`: `late` grows by every second the event loop or the machine kept us waiting.

    Of the machine's own clock only: virtual time waits for everybody, so nobody is late in it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts = isinstance(clock, SystemClock)
        self._counted = 0.0
        self._due = clock.monotonic() + TICK
        self._beat: asyncio.Task[None] | None = None

    @property
    def late(self) -> float:
        """Seconds so far, the beat that is due and has not come among them."""
        pending = max(0.0, self._clock.monotonic() - self._due)
        return self._counted + pending if self._counts else 0.0

    def since(self, began: float, late: float) -> float | None:
        """Milliseconds since `began` (monotonic seconds, when `late` was read); None where they may be our own."""
        passed = (self._clock.monotonic() - began) * 1000
        ours = (self.late - late) * 1000
        return None if passed > QUICK_MS and ours > SHARE * passed else passed

    async def _beating(self) -> None:
        while True:
            self._due = self._clock.monotonic() + TICK
            await asyncio.sleep(TICK)
            self._counted += max(0.0, self._clock.monotonic() - self._due)

    async def __aenter__(self) -> Self:
        if self._counts:
            self._beat = asyncio.create_task(self._beating(), name="monitor-pulse")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._beat is not None:
            self._beat.cancel()
            with suppress(asyncio.CancelledError):
                await self._beat
