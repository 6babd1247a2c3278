"""Days that are made up for tests: a hundred and twenty shares a market, figures from the day and the code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from dari.core.clock import KST, ManualClock
from dari.core.errors import Unreachable
from dari.core.market import DayRow, Market

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=KST)
LAST = date(2026, 11, 19)
SHARES = 120


def clock() -> ManualClock:
    return ManualClock(NOW)


def row(code: str, day: date) -> DayRow:
    amount = int(code) % 97 + day.day
    return DayRow(
        code=code, name=f"종목{code}", close=1000 + amount, change=amount, change_rate=1.5, high=1100, low=900,
        volume=amount * 10, value=amount * 10_000, market_cap=(1000 + amount) * 5000, shares=5000,
    )  # fmt: skip


def codes(market: Market) -> list[str]:
    start = 100_000 if market == "KOSPI" else 500_000
    return [f"{start + number * 10:06d}" for number in range(SHARES)]


class Exchange:
    """A DaySource that counts what it is asked; `closed` days are not published, `fails` is raised once."""

    name = "krx"
    simulated = False

    def __init__(self, closed: Sequence[date] = (), fails: Exception | None = None) -> None:
        self.asked: list[tuple[date, Market]] = []
        self._closed = closed
        self._fails = fails

    async def part(self, day: date, market: Market) -> Sequence[DayRow]:
        self.asked.append((day, market))
        if self._fails is not None:
            failure, self._fails = self._fails, None
            raise failure
        return [] if day in self._closed else [row(code, day) for code in codes(market)]


class Charts:
    """A ChartSource over the same shares; after `until` charts it fails, as if it were stopped."""

    name = "kis"
    simulated = True

    def __init__(self, days: Sequence[date], until: int = 10_000) -> None:
        self.asked: list[str] = []
        self._days = days
        self._until = until

    async def codes(self, market: Market) -> Mapping[str, str]:
        return {code: f"종목{code}" for code in codes(market)}

    async def bars(self, code: str, name: str, first: date, last: date) -> Mapping[date, DayRow]:
        if len(self.asked) >= self._until:
            raise Unreachable("gone")
        self.asked.append(code)
        assert name == f"종목{code}"
        return {day: row(code, day) for day in self._days if first <= day <= last}
