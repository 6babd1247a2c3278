"""The clock a simulator runs on: it may start elsewhere and run at another speed."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta

from dari.core.clock import KST


class RunningClock:
    """Wall time that starts at `start` (None: now) and runs `speed` times as fast; 0 stands still.

    `monotonic` and `sleep` stay real seconds: limits and waiting are about the network, not about the market.
    """

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self._real = time.monotonic()
        self._start = (start or datetime.now(KST)).astimezone(KST)
        self._speed = speed

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._real) * self._speed)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
