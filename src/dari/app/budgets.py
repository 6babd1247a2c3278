"""How much of each pace is left now: rings that remember the lanes they were asked for, and can tell their use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from dari.core.clock import Clock
from dari.core.provider import Rate
from dari.upstream.pacing import FileRing, Ring, SharedRing, Ticket

if TYPE_CHECKING:
    from dari.core.shared_state.networked import Degrading  # Redis is an extra: who does not use it does not load it


@dataclass(frozen=True, slots=True)
class Budget:
    """`used` of `limit` calls in the last `seconds`, counted over all processes that hold the key."""

    lane: str
    used: int
    limit: int
    seconds: float


class Telling(Ring, Protocol):
    """A ring that tells what is left."""

    async def budgets(self) -> list[Budget]:
        """One a lane that this process has used, by name."""
        ...


class FileBudgets(FileRing):
    """The ring in files; its lanes' use is read where all processes write it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        super().__init__(folder, clock)
        self._rates: dict[str, Rate] = {}

    async def take(self, lane: str, rate: Rate) -> Ticket | float:
        self._rates[lane] = rate
        return await super().take(lane, rate)

    async def budgets(self) -> list[Budget]:
        return [
            Budget(lane, self.used(lane, rate), rate.limit, rate.seconds) for lane, rate in sorted(self._rates.items())
        ]

    def used(self, lane: str, rate: Rate) -> int:
        """Calls in the last window; a time in the future is from before a reboot."""
        now = self._clock.monotonic()
        return sum(now - rate.seconds < time <= now for time in self._read(self._path(lane), rate.limit) if time)


_USED: Final = """
local now = redis.call('TIME'); now = tonumber(now[1]) + tonumber(now[2]) / 1000000
return redis.call('ZCOUNT', KEYS[1], now - tonumber(ARGV[1]), '+inf')
"""


class SharedBudgets(SharedRing):
    """The ring in Redis; while that is lost, what is told is this machine's part of the limit."""

    def __init__(self, state: Degrading, local: FileBudgets, clock: Clock, machine: str) -> None:
        super().__init__(state, local, clock, machine)
        self._files = local
        self._rates: dict[str, Rate] = {}

    async def take(self, lane: str, rate: Rate) -> Ticket | float:
        self._rates[lane] = rate
        return await super().take(lane, rate)

    async def budgets(self) -> list[Budget]:
        return [await self._budget(lane, rate) for lane, rate in sorted(self._rates.items())]

    async def _budget(self, lane: str, rate: Rate) -> Budget:
        async def networked() -> Budget:
            used = await self._state.networked.script(_USED, [f"ring {lane}"], [f"{rate.seconds:.6f}"])
            return Budget(lane, int(used), rate.limit, rate.seconds)

        async def alone() -> Budget:
            part = self._part(rate)
            return Budget(lane, self._files.used(lane, part) if part.limit else 0, part.limit, part.seconds)

        return await self._state.tried(networked, alone)
