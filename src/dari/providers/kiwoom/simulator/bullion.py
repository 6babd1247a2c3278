"""Gold (금현물) of the simulator's own: one price path for both contracts, as a pure function of seed and time."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from dari.core import krx
from dari.worlds.market import Bar

CONTRACTS: Final = {"M04020000": ("금 99.99_1kg", 1_000), "M04020100": ("미니금 99.99_100g", 100)}
"""종목코드 → (name, grams in one bar). Prices are won a gram."""
FIRST: Final = 148_000
TICK: Final = 10


@lru_cache(maxsize=8_000)
def _unit(seed: int, code: str, label: str, place: str) -> float:
    raw = hashlib.blake2b(f"{seed}/gold/{code}/{label}/{place}".encode(), digest_size=8).digest()
    return int.from_bytes(raw, "big") / 2**64


def close(seed: int, code: str, day: date) -> int:
    """The last price of a day: slow waves and a little noise around the first price."""
    ordinal = day.toordinal()
    height = 0.05 * math.sin(ordinal / 67) + 0.03 * math.sin(ordinal / 19 + seed)
    height += 0.012 * (_unit(seed, code, "day", str(ordinal)) - 0.5)
    return int(FIRST * math.exp(height)) // TICK * TICK


@dataclass(frozen=True, slots=True)
class GoldTrade:
    """One trade: won a gram, grams."""

    time: datetime
    price: int
    volume: int
    total: int
    total_value: int


class GoldDay:
    """One day of a contract: a trade every minute of the session."""

    def __init__(self, seed: int, code: str, day: date) -> None:
        times = krx.session(day)
        if times is None:
            raise ValueError(f"{day} is not a trading day")
        self.seed, self.code, self.day, self.times = seed, code, day, times
        self.base = close(seed, code, krx.previous_trading_day(day))
        self.last = close(seed, code, day)
        self.minutes = int((times.closes - times.opens).total_seconds()) // 60

    def price(self, minute: int) -> int:
        """The price of the trade at a minute of the session."""
        part = minute / self.minutes
        bend = math.sin(part * math.pi) * 0.004 * (_unit(self.seed, self.code, "bend", str(self.day)) - 0.5)
        shake = 0.0006 * (_unit(self.seed, self.code, "shake", f"{self.day}/{minute}") - 0.5)
        if minute >= self.minutes:
            return self.last
        return int((self.base + (self.last - self.base) * part) * (1 + bend + shake)) // TICK * TICK

    def trades(self, until: datetime) -> list[GoldTrade]:
        """Every trade until a moment, oldest first."""
        found: list[GoldTrade] = []
        total = value = 0
        last = min(until, self.times.closes)
        for minute in range(self.minutes + 1):
            moment = self.times.opens + timedelta(minutes=minute)
            if moment > last:
                break
            volume = 20 + int(180 * _unit(self.seed, self.code, "volume", f"{self.day}/{minute}"))
            price = self.price(minute)
            total, value = total + volume, value + volume * price
            found.append(GoldTrade(moment, price, volume, total, value))
        return found


@lru_cache(maxsize=4_000)
def finished(seed: int, code: str, day: date) -> Bar:
    """A whole past day as a bar."""
    gold = GoldDay(seed, code, day)
    return bar_of(gold, gold.trades(gold.times.closes))


def bar_of(gold: GoldDay, trades: list[GoldTrade]) -> Bar:
    """A day's trades as a bar."""
    prices = [trade.price for trade in trades] or [gold.base]
    total, value = (trades[-1].total, trades[-1].total_value) if trades else (0, 0)
    return Bar(f"{gold.day:%Y%m%d}", gold.base, prices[0], max(prices), min(prices), prices[-1], total, value)


def today(seed: int, code: str, now: datetime) -> tuple[GoldDay, list[GoldTrade]]:
    """The board's day and what has traded of it."""
    board = krx.board(now)
    gold = GoldDay(seed, code, board.day)
    return gold, gold.trades(board.as_of)


def price_now(seed: int, code: str, now: datetime) -> int:
    """The last price."""
    gold, trades = today(seed, code, now)
    return trades[-1].price if trades else gold.base


def days(seed: int, code: str, now: datetime, count: int) -> list[Bar]:
    """The last days, newest first; the first as far as it is."""
    gold, trades = today(seed, code, now)
    before = krx.trading_days(krx.previous_trading_day(gold.day), max(0, count - 1)) if count > 1 else ()
    return [bar_of(gold, trades), *(finished(seed, code, day) for day in before)]
