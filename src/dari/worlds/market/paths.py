"""How one issue's price and volume run: from day to day by layered noise, within a day along eight knots.

A price path is a broken line through knots, rounded down to the tick; rounding never turns an order around, so the
highest and lowest price so far are always those of a knot already passed or of the moment itself.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from typing import Final

from dari.core import krx
from dari.worlds.market.issues import Issue
from dari.worlds.market.noise import NORMAL, SCALE, columns, smooth

KNOTS: Final = 6
"""Turning points between the day's opening and its last trade."""
_EVENT_BLOCK: Final = 16
_EVENT_CHANCE: Final = 0.3
_LIMIT_EVENT: Final = 0.285
"""A jump that no limit lets through whole: ln(1.33)."""
_CALM: Final = 0.01
"""Issues that swing less (funds, SPACs, REITs) never jump."""
_OPENING: Final = 0.03
_CLOSING: Final = 0.07
"""Parts of the day's volume that trade in the opening and closing auctions."""

_WHITE, _VOLUME, _GAP, _JITTER, _AFTER, _HEIGHT = range(6)
_WIDTH: Final = 6 + KNOTS


@dataclass(frozen=True, slots=True)
class DayPath:
    """One issue's whole day on KRX: `prices` at `times` (parts of continuous trading, 0 … 1), and the day's volume."""

    day: date
    base: int
    low_limit: int
    high_limit: int
    times: tuple[float, ...]
    prices: tuple[int, ...]
    volume: int
    after_price: int
    """Where NXT's after-market ends."""


@dataclass(frozen=True, slots=True)
class Run:
    """What has traded so far: prices in won (0 before the first trade), volume in shares, value in won."""

    price: int
    open: int
    high: int
    low: int
    volume: int
    value: int


class Paths:
    """The paths of one world's issues."""

    def __init__(self, seed: int, rows: int) -> None:
        self.seed = seed
        self.rows = rows

    def _event(self, place: int, ordinal: int) -> tuple[float, int] | None:
        """(jump of the log price, days since) of the latest event of an issue within its reach, if any.

        One event at most in a block of 16 days, never at a block's first two or last two days: never two in a row.
        """
        for block in (ordinal // _EVENT_BLOCK, ordinal // _EVENT_BLOCK - 1):
            chance, where, size = columns(self.seed, "event", block, self.rows, 3)
            if chance[place] < _EVENT_CHANCE * SCALE:
                day = block * _EVENT_BLOCK + 2 + where[place] * (_EVENT_BLOCK - 4) // SCALE
                if day <= ordinal:
                    share = size[place] / SCALE
                    jump = _LIMIT_EVENT if share > 0.97 else -0.38 if share < 0.006 else (share - 0.35) * 0.26
                    return jump, ordinal - day
        return None

    def jumping(self, day: date) -> frozenset[int]:
        """The places whose price may jump on a day (호재·악재); of these, `jumps` tells whether an issue does."""
        block, offset = divmod(day.toordinal(), _EVENT_BLOCK)
        chance, where, _ = columns(self.seed, "event", block, self.rows, 3)
        most, width = int(_EVENT_CHANCE * SCALE), _EVENT_BLOCK - 4
        return frozenset(
            place
            for place, (lot, at) in enumerate(zip(chance, where, strict=True))
            if lot < most and 2 + at * width // SCALE == offset
        )

    @staticmethod
    def jumps(issue: Issue, places: frozenset[int]) -> bool:
        """Whether an issue's price jumps on the day of `places`: such a day is an unusual one for it."""
        return issue.place in places and not issue.halted and issue.volatility >= _CALM

    def _raw(self, issue: Issue, day: date) -> tuple[int, bool]:
        """(close before any limit, whether an event falls on the day)."""
        ordinal, place, swing = day.toordinal(), issue.place, issue.volatility
        if issue.halted:
            return issue.price, False
        white = columns(self.seed, "day", ordinal, self.rows, _WIDTH)[_WHITE]
        left, right, part = smooth(self.seed, "week", ordinal, 9, self.rows)
        far_left, far_right, far_part = smooth(self.seed, "season", ordinal, 57, self.rows)
        week = NORMAL[left[place] >> 4] * (1.0 - part) + NORMAL[right[place] >> 4] * part
        season = NORMAL[far_left[place] >> 4] * (1.0 - far_part) + NORMAL[far_right[place] >> 4] * far_part
        height = swing * (0.75 * NORMAL[white[place] >> 4] + 1.6 * week + 4.0 * season)
        event = None if issue.volatility < _CALM else self._event(place, ordinal)
        if event is not None:
            height += event[0] * math.exp(-event[1] / 6.0)
        price = krx.floor_to_tick(max(int(issue.price * math.exp(height)), 50), etp=issue.etp)
        return price, event is not None and event[1] == 0

    def close(self, issue: Issue, day: date) -> int:
        """The closing price of a trading day. Only an event can reach a price limit, and none follows another."""
        price, event = self._raw(issue, day)
        if not event:
            return price
        low, high = krx.price_limits(self._raw(issue, krx.previous_trading_day(day))[0], etp=issue.etp)
        return max(low, min(high, price))

    def volume(self, issue: Issue, day: date, moved: float) -> int:
        """The day's whole KRX volume; `moved` is the day's absolute log return, which brings trade along."""
        if issue.halted:
            return 0
        ordinal, place = day.toordinal(), issue.place
        daily = columns(self.seed, "day", ordinal, self.rows, _WIDTH)[_VOLUME]
        left, right, part = smooth(self.seed, "crowd", ordinal, 13, self.rows)
        crowd = NORMAL[left[place] >> 4] * (1.0 - part) + NORMAL[right[place] >> 4] * part
        height = 0.33 * NORMAL[daily[place] >> 4] + 0.4 * crowd + 5.0 * moved
        event = self._event(place, ordinal)
        push = 1.0 if event is None else 1.0 + 30.0 * abs(event[0]) * 0.55 ** event[1]
        return max(1, min(int(issue.daily_volume * math.exp(height) * push), issue.shares))

    def day(self, issue: Issue, day: date) -> DayPath:
        """The whole of one trading day."""
        return self.between(issue, day, self.close(issue, krx.previous_trading_day(day)), self.close(issue, day))

    def between(self, issue: Issue, day: date, base: int, close: int) -> DayPath:
        """The same where the closes of the day before and of the day are known already."""
        low, high = krx.price_limits(base, etp=issue.etp)
        if issue.halted:
            return DayPath(day, base, low, high, (0.0, 1.0), (base, base), 0, base)
        place, chance = issue.place, columns(self.seed, "day", day.toordinal(), self.rows, _WIDTH)
        moved = math.log(close / base)
        start = base * math.exp(0.35 * moved + 0.22 * issue.volatility * NORMAL[chance[_GAP][place] >> 4])
        jitter = (chance[_JITTER][place] / SCALE - 0.5) * 0.8 / (KNOTS + 1)
        reach = base * issue.volatility * (0.35 + 0.5 * chance[_HEIGHT][place] / SCALE)
        times, prices = [0.0], [start]
        for knot in range(KNOTS):
            part = (knot + 1) / (KNOTS + 1) + jitter
            bend = NORMAL[chance[6 + knot][place] >> 4] * reach * math.sqrt(part * (1.0 - part)) * 2.0
            times.append(part)
            prices.append(start + (close - start) * part + bend)
        times.append(1.0)
        prices.append(close)
        etp = issue.etp
        rounded = tuple(max(low, min(high, krx.floor_to_tick(max(int(price), 1), etp=etp))) for price in prices)
        drift = close * (1.0 + 0.4 * issue.volatility * NORMAL[chance[_AFTER][place] >> 4])
        after = max(low, min(high, krx.floor_to_tick(max(int(drift), 1), etp=etp)))
        return DayPath(day, base, low, high, tuple(times), rounded, self.volume(issue, day, abs(moved)), after)


def flow(part: float) -> float:
    """The share of a day's volume traded at `part` of continuous trading: much early, little at noon, more late."""
    curve = part + 0.10 * math.sin(2.0 * math.pi * part) + 0.35 * part * (1.0 - part) * (0.5 - part) * 2.0
    return _OPENING + (1.0 - _OPENING - _CLOSING) * curve


_FULL: Final = 1.0


def price_at(path: DayPath, part: float, *, etp: bool) -> int:
    """The last traded price at `part` of the continuous session."""
    times, prices = path.times, path.prices
    place = bisect_right(times, part)
    if place >= len(times):
        return prices[-1]
    before, span = times[place - 1], times[place] - times[place - 1]
    price = prices[place - 1] + (prices[place] - prices[place - 1]) * (part - before) / span
    return krx.floor_to_tick(int(price), etp=etp)


def run_to(path: DayPath, part: float, *, closed: bool, etp: bool) -> Run:
    """Everything traded from the opening until `part` (0 … 1) of continuous trading; `closed`: the closing auction too.

    The value is the sum over the stretches between knots of volume × the middle of their two prices, cut to won.
    """
    total = path.volume
    if total == 0:
        return Run(path.base, 0, 0, 0, 0, 0)
    times, prices = path.times, path.prices
    passed = bisect_right(times, part)
    high = low = last = prices[0]
    sold = max(1, int(total * _OPENING))
    value = sold * last
    for place in range(1, passed):
        price = prices[place]
        volume = max(sold, int(total * flow(times[place])))
        value += (volume - sold) * (last + price) // 2
        sold, last = volume, price
        high, low = max(high, price), min(low, price)
    if passed < len(times):
        price = price_at(path, part, etp=etp)
        volume = max(sold, int(total * flow(part)))
        value += (volume - sold) * (last + price) // 2
        sold, last = volume, price
        high, low = max(high, price), min(low, price)
    if closed:
        value += (total - sold) * last
        sold = total
    return Run(last, prices[0], high, low, sold, value)
