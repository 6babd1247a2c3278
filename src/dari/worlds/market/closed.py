"""Whole closed days of a market at once: every issue's bar, every index, as an exchange tells them the day after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

from dari.core import krx
from dari.worlds.market import indices
from dari.worlds.market.board import Bar, krx_run
from dari.worlds.market.issues import Issue
from dari.worlds.market.paths import DayPath, Run
from dari.worlds.market.sectors import SECTORS
from dari.worlds.market.world import Market

_KRX300: Final = 300
_KRX300_LEVEL: Final = 1_600
_TMI_LEVEL: Final = 1_610


@dataclass(frozen=True, slots=True)
class IndexClose:
    """One index on one closed day: levels with two places, volume in shares, value and capitalisation in won."""

    base: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    value: int
    market_cap: int


class ClosedDays:
    """The closed days of one market, the last few kept."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._runs = lru_cache(maxsize=3)(self._make_runs)
        self._bars = lru_cache(maxsize=90)(self._make_bars)
        ordered = sorted(
            (one for one in market.issues if one.kind == "common"), key=lambda one: (-one.price * one.shares, one.code)
        )
        self._baskets: Mapping[str, tuple[int, Sequence[Issue]]] = {
            **{code: (indices.start_level(market.seed, code), market.members[code]) for code in SECTORS},
            "KRX 300": (_KRX300_LEVEL, ordered[:_KRX300]),
            "KRX TMI": (_TMI_LEVEL, [one for one in market.issues if one.counted]),
        }

    def _make_runs(self, day: date) -> Mapping[str, tuple[DayPath, Run]]:
        times = krx.session(day)
        if times is None:
            raise ValueError(f"{day} is not a trading day")
        found = {}
        for issue in self.market.issues:
            path = self.market.path(issue.code, day)
            found[issue.code] = (path, krx_run(issue, path, times.closes, times))
        return found

    def _make_bars(self, day: date) -> Mapping[str, Bar]:
        told = f"{day:%Y%m%d}"
        return {
            code: Bar(told, path.base, run.open, run.high, run.low, run.price, run.volume, run.value)
            for code, (path, run) in self._runs(day).items()
        }

    def bars(self, day: date) -> Mapping[str, Bar]:
        """Every issue's whole KRX day, by code, in code order. Raises ValueError for a day without trading."""
        return self._bars(day)

    def index(self, code: str, day: date) -> IndexClose:
        """An index by its 업종코드, or "KRX 300" or "KRX TMI". Raises KeyError, and ValueError for a closed day."""
        level, members = self._baskets[code]
        return _close(level, members, self._runs(day))


def _close(level: int, members: Iterable[Issue], runs: Mapping[str, tuple[DayPath, Run]]) -> IndexClose:
    knots, first, base, volume, value = [0] * 8, 0, 0, 0, 0
    for issue in members:
        path, run = runs[issue.code]
        volume, value = volume + run.volume, value + run.value
        first, base = first + issue.price * issue.shares, base + path.base * issue.shares
        prices = path.prices if len(path.prices) == len(knots) else (path.base,) * len(knots)
        for place, price in enumerate(prices):
            knots[place] += price * issue.shares
    levels = [indices.scaled(level, cap, first) for cap in knots]
    return IndexClose(
        indices.scaled(level, base, first),
        levels[0],
        max(levels),
        min(levels),
        levels[-1],
        volume,
        value,
        knots[-1],
    )


@lru_cache(maxsize=4)
def closed_days(market: Market) -> ClosedDays:
    """The closed days of a market, made once."""
    return ClosedDays(market)
