"""The order book (호가) of an issue on a venue at a moment: ten levels a side around the last price."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dari.core import krx
from dari.worlds.market.board import Quote

LEVELS: Final = 10


@dataclass(frozen=True, slots=True)
class Level:
    """One price level: won, resting shares, resting orders. All 0 beyond a price limit."""

    price: int
    quantity: int
    orders: int


NO_LEVEL: Final = Level(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Depth:
    """Ten levels a side, best first, and their totals in shares."""

    asks: tuple[Level, ...]
    bids: tuple[Level, ...]

    @property
    def ask_total(self) -> int:
        """총매도잔량."""
        return sum(level.quantity for level in self.asks)

    @property
    def bid_total(self) -> int:
        """총매수잔량."""
        return sum(level.quantity for level in self.bids)


def _ladder(quote: Quote, *, up: bool, first: int) -> list[int]:
    prices: list[int] = []
    price, etp = first, quote.issue.etp
    while len(prices) < LEVELS and quote.low_limit <= price <= quote.high_limit:
        prices.append(price)
        price = price + krx.tick_size(price, etp=etp) if up else price - krx.tick_size(price - 1, etp=etp)
    return prices


def depth(seed: int, quote: Quote) -> Depth:
    """The book behind `quote`. It changes every second while the market moves and rests with the board's `as_of`.

    Sizes follow a usual day's volume; on UN they are those of KRX and NXT together. At a price limit the side beyond
    it is empty. A halted issue (거래정지) has no book.
    """
    issue, moment = quote.issue, quote.as_of
    if issue.halted:
        return Depth((NO_LEVEL,) * LEVELS, (NO_LEVEL,) * LEVELS)
    tick = krx.tick_size(quote.price, etp=issue.etp)
    raw = _raw(seed, issue.code, quote.venue, moment)
    if quote.venue == "UN" and issue.nxt_share:
        other = _raw(seed, issue.code, "NXT", moment)
        parts = (int(two * issue.nxt_share) for two in other)
        raw = raw[:1] + bytes(min(255, one + part) for one, part in zip(raw[1:], list(parts)[1:], strict=True))
    rising = raw[0] % 2 == 0
    best_ask = quote.price if not rising else quote.price + tick
    best_bid = quote.price if rising else quote.price - krx.tick_size(quote.price - 1, etp=issue.etp)
    usual = max(10, issue.daily_volume // 400)

    def side(prices: list[int], offset: int) -> tuple[Level, ...]:
        levels = []
        for place in range(LEVELS):
            if place >= len(prices):
                levels.append(NO_LEVEL)
                continue
            quantity = max(1, usual * (raw[offset + place] + 32) * (place + 2) // 600)
            levels.append(Level(prices[place], quantity, 1 + quantity // max(1, usual // 6)))
        return tuple(levels)

    return Depth(
        side(_ladder(quote, up=True, first=best_ask), 1), side(_ladder(quote, up=False, first=best_bid), 1 + LEVELS)
    )


def _raw(seed: int, code: str, venue: str, moment: datetime) -> bytes:
    text = f"{seed}/depth/{code}/{'KRX' if venue == 'UN' else venue}/{moment:%Y%m%d%H%M%S}"
    return hashlib.shake_128(text.encode()).digest(1 + 2 * LEVELS)
