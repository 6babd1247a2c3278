"""The day's tape of an issue: minute bars and single trades, cut from the same run that its quotes are read from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from dari.core import krx
from dari.worlds.market.board import venue_run
from dari.worlds.market.issues import Issue
from dari.worlds.market.paths import DayPath, Paths, Run

_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute that traded: it begins at `start`. Won and shares; `total` is the day's volume by its end."""

    start: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int
    total: int


@dataclass(frozen=True, slots=True)
class Trade:
    """What traded within one second, told as one trade; `total` and `total_value` are the day's by then."""

    time: datetime
    price: int
    volume: int
    total: int
    total_value: int


class Tape:
    """One issue's day on one venue."""

    def __init__(self, paths: Paths, issue: Issue, day: date, venue: krx.Venue) -> None:
        times = krx.session(day)
        if times is None:
            raise ValueError(f"{day} is not a trading day")
        self.issue, self.venue, self.times = issue, venue, times
        self.path: DayPath = paths.day(issue, day)
        self.starts = times.opens if venue == "KRX" else times.nxt_pre
        self.ends = times.closes if venue == "KRX" else times.nxt_closes

    def run(self, moment: datetime) -> Run:
        """Everything traded until `moment`."""
        return venue_run(self.issue, self.path, moment, self.times, self.venue)

    def minutes(self, until: datetime, step: int = 1) -> list[Minute]:
        """The bars of `step` minutes that traded until `until`, oldest first; their extremes are the day's extremes."""
        bars: list[Minute] = []
        width = _MINUTE * step
        start, before = self.starts, Run(self.path.base, 0, 0, 0, 0, 0)
        last = min(until, self.ends)
        while start <= last:
            # the closing auction's trades carry the closing time itself: they end the last bar
            end = min(start + width - _SECOND, last)
            after = self.run(end)
            if after.volume > before.volume:
                opened = after.open if before.volume == 0 else before.price
                high = max(opened, after.price, after.high if after.high > before.high else 0)
                low = min(opened, after.price, after.low if after.low < before.low or not before.volume else opened)
                bars.append(
                    Minute(
                        start,
                        opened,
                        high,
                        low,
                        after.price,
                        after.volume - before.volume,
                        after.value - before.value,
                        after.volume,
                    )
                )
            before, start = after, start + width
        return bars

    def trades(self, until: datetime, count: int) -> list[Trade]:
        """The last `count` seconds that traded until `until`, newest first.

        A trade tells the price that stood until the next one: the last of them is what the board shows.
        """
        found: list[Trade] = []
        moment = min(until, self.ends)
        after = self.run(moment)
        while len(found) < count and after.volume and moment >= self.starts:
            before = self.run(moment - _SECOND)
            if before.volume == after.volume:
                moment = self._last_change(moment, after.volume)
                continue
            found.append(Trade(moment, after.price, after.volume - before.volume, after.volume, after.value))
            moment, after = moment - _SECOND, before
        return found

    def _last_change(self, moment: datetime, volume: int) -> datetime:
        """The second at which the run first stood at `volume`."""
        low, high = self.starts - _SECOND, moment
        while high - low > _SECOND:
            middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
            if self.run(middle).volume >= volume:
                high = middle
            else:
                low = middle
        return high
