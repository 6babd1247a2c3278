"""Everything traded beside shares: futures, options, ELW, bonds, and what is listed abroad, as pure functions of time.

Prices are whole numbers of the instrument's smallest unit (`decimals` says how many places that is), so a price of
12345 with two decimals reads 123.45. Each instrument walks on its own; only a name ties it to what it is written on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal

from dari.core.clock import KST
from dari.worlds.market.noise import NORMAL, draw

Kind = Literal[
    "future", "option", "elw", "bond", "overseas", "overseas_index", "overseas_future", "overseas_option", "rate"
]

_HOURS: Final = {
    "KRX": (time(8, 45), timedelta(hours=7)),
    "KRX bond": (time(9, 0), timedelta(hours=6, minutes=30)),
    "US": (time(23, 30), timedelta(hours=6, minutes=30)),
    "HKS": (time(10, 30), timedelta(hours=6, minutes=30)),
    "CN": (time(10, 30), timedelta(hours=5, minutes=30)),
    "TSE": (time(9, 0), timedelta(hours=6)),
    "VN": (time(11, 0), timedelta(hours=6)),
    "CME": (time(8, 0), timedelta(hours=23)),
}
"""Opening time (KST, winter) and length of each market's day. Holidays abroad are not known to this world."""

_KNOTS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One instrument. `start` is its middle price, `step` its tick, both in smallest units."""

    symbol: str
    name: str
    english: str = ""
    kind: Kind
    exchange: str
    hours: str
    currency: str = "KRW"
    decimals: int = 2
    start: int
    step: int = 1
    swing: float = 0.015
    volume: int = 100_000
    shares: int = 0
    underlying: str = ""
    strike: int = 0
    multiplier: int = 1
    expires: date | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """One instrument at one moment, or over one whole day. `base` is the settlement or close before."""

    day: date
    moment: datetime
    price: int
    base: int
    open: int
    high: int
    low: int
    volume: int
    value: int
    previous_volume: int


def trading_day(one: Instrument, at: datetime) -> tuple[date, float]:
    """(the day an instrument's figures belong to at `at`, the part of it that has passed, 0 … 1)."""
    opens, length = _HOURS[one.hours]
    at = at.astimezone(KST)
    start = datetime.combine(at.date(), opens, KST)
    if at < start:
        start -= timedelta(days=1)
    while start.weekday() >= 5:
        start -= timedelta(days=1)
    return start.date(), max(0.0, min(1.0, (at - start) / length))


def session(one: Instrument, day: date) -> tuple[datetime, datetime]:
    """When an instrument's market opens and closes on a day, in Korean time."""
    opens, length = _HOURS[one.hours]
    start = datetime.combine(day, opens, KST)
    return start, start + length


def days_before(day: date, count: int) -> list[date]:
    """`count` weekdays that end with `day`, newest first."""
    days: list[date] = []
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day -= timedelta(days=1)
    return days


class Walk:
    """The paths of one world's instruments."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.close = lru_cache(maxsize=50_000)(self._close)

    def _noise(self, one: Instrument, *places: object) -> float:
        return NORMAL[draw(self.seed, "walk", one.kind, one.symbol, *places) % 4096]

    def _close(self, one: Instrument, day: date) -> int:
        """The last price of a weekday."""
        block, rest = divmod(day.toordinal(), 15)
        part = rest / 15
        slow = self._noise(one, "slow", block) * (1 - part) + self._noise(one, "slow", block + 1) * part
        height = one.swing * (0.7 * self._noise(one, day.toordinal()) + 2.5 * slow)
        return max(one.step, round(one.start * math.exp(height) / one.step) * one.step)

    def _volume(self, one: Instrument, day: date) -> int:
        return max(1, int(one.volume * math.exp(0.5 * self._noise(one, "volume", day.toordinal()))))

    def _knots(self, one: Instrument, day: date) -> list[int]:
        base, close = self.close(one, days_before(day - timedelta(days=1), 1)[0]), self.close(one, day)
        opened = base + (close - base) * 0.3
        reach = one.start * one.swing * 0.35
        knots = []
        for place in range(_KNOTS + 1):
            part = place / _KNOTS
            bend = reach * self._noise(one, "knot", day.toordinal(), place) * math.sqrt(part * (1 - part)) * 2
            raw = opened + (close - opened) * part + bend
            knots.append(max(one.step, round(raw / one.step) * one.step))
        return knots

    def until(self, one: Instrument, day: date, part: float, moment: datetime) -> Figures:
        """The figures of a day when `part` of it has passed."""
        before = days_before(day - timedelta(days=1), 1)[0]
        knots, base = self._knots(one, day), self.close(one, before)
        place = min(int(part * _KNOTS), _KNOTS - 1)
        inner = part * _KNOTS - place
        price = round((knots[place] + (knots[place + 1] - knots[place]) * inner) / one.step) * one.step
        seen = [*knots[: place + 1], price]
        total = self._volume(one, day)
        volume = max(1, int(total * part))
        middle = sum(seen) // len(seen)
        value = volume * middle * one.multiplier // 10**one.decimals
        previous = self._volume(one, before)
        return Figures(day, moment, price, base, knots[0], max(seen), min(seen), volume, value, previous)

    def now(self, one: Instrument, at: datetime) -> Figures:
        """The figures at a moment; after the close, the whole day's."""
        day, part = trading_day(one, at)
        opens, length = _HOURS[one.hours]
        ended = datetime.combine(day, opens, KST) + length
        return self.until(one, day, part, min(at.astimezone(KST), ended))

    def days(self, one: Instrument, at: datetime, count: int) -> list[Figures]:
        """The last days, newest first; the first as far as it is."""
        now = self.now(one, at)
        before = days_before(now.day - timedelta(days=1), count - 1)
        return [now, *(self.until(one, day, 1.0, datetime.combine(day, time(15, 30), KST)) for day in before)]

    def moments(self, one: Instrument, at: datetime, count: int, step: timedelta) -> list[Figures]:
        """The figures at every `step` back from `at` within the day, newest first."""
        day, _ = trading_day(one, at)
        opens, length = _HOURS[one.hours]
        start = datetime.combine(day, opens, KST)
        moment = min(at.astimezone(KST), start + length).replace(microsecond=0)
        told: list[Figures] = []
        while len(told) < count and moment > start:
            told.append(self.until(one, day, min((moment - start) / length, 1.0), moment))
            moment -= step
        return told

    def book(
        self, one: Instrument, figures: Figures, depth: int = 10
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(asks, bids): levels of (price, quantity) around a price, best first."""
        usual = max(1, one.volume // 500)

        def level(side: str, place: int) -> int:
            return 1 + draw(self.seed, "depth", one.symbol, side, int(figures.moment.timestamp()), place) % (2 * usual)

        asks = [(figures.price + one.step * (place + 1), level("ask", place)) for place in range(depth)]
        bids = [(max(one.step, figures.price - one.step * place), level("bid", place)) for place in range(depth)]
        return asks, bids
