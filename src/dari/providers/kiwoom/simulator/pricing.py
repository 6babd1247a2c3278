"""What an order desk may ask about a code: names, prices, the book, and whether it trades now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dari.core import krx
from dari.providers.kiwoom.simulator import bullion
from dari.providers.kiwoom.simulator.refusals import Refused
from dari.worlds.market import Market
from dari.worlds.market.depth import depth


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A code at a moment: (price, quantity) levels best first; `live` whether orders can be taken and filled."""

    name: str
    last: int
    base: int
    low_limit: int
    high_limit: int
    asks: tuple[tuple[int, int], ...]
    bids: tuple[tuple[int, int], ...]
    live: bool
    halted: bool
    board: str


class Pricing(Protocol):
    """Where a desk gets its prices."""

    def at(self, code: str, moment: datetime, venue: krx.Venue) -> Price:
        """The price of a code. Refuses 1902 for an unknown one."""
        ...

    def on_tick(self, code: str, price: int) -> bool:
        """Whether an order may carry the price."""
        ...

    def name(self, code: str) -> str:
        """The code's name."""
        ...


class StockPrices:
    """Prices of the world's issues."""

    def __init__(self, market: Market) -> None:
        self.market = market

    def at(self, code: str, moment: datetime, venue: krx.Venue) -> Price:
        """A stock; a SOR order sees the joint board."""
        if code not in self.market.by_code:
            raise Refused("1902", f"종목코드={code}")
        quote = self.market.quote(code, moment, venue)
        book = depth(self.market.seed, quote)
        return Price(
            name=quote.issue.name,
            last=quote.price,
            base=quote.base,
            low_limit=quote.low_limit,
            high_limit=quote.high_limit,
            asks=tuple((level.price, level.quantity) for level in book.asks if level.quantity),
            bids=tuple((level.price, level.quantity) for level in book.bids if level.quantity),
            live=krx.board(moment, venue).live,
            halted=quote.issue.halted,
            board="KOSPI" if quote.issue.board == "KOSPI" else "KOSDAQ",
        )

    def on_tick(self, code: str, price: int) -> bool:
        """By KRX's tick table."""
        return krx.on_tick(price, etp=self.market.by_code[code].etp)

    def name(self, code: str) -> str:
        """종목명."""
        return self.market.by_code[code].name


class GoldPrices:
    """Prices of the simulator's gold."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def at(self, code: str, moment: datetime, venue: krx.Venue) -> Price:
        """A contract; gold trades on KRX alone."""
        if code not in bullion.CONTRACTS:
            raise Refused("1902", f"종목코드={code}")
        gold, trades = bullion.today(self.seed, code, moment)
        last = trades[-1].price if trades else gold.base
        step = bullion.TICK
        return Price(
            name=bullion.CONTRACTS[code][0],
            last=last,
            base=gold.base,
            low_limit=gold.base * 90 // 100 // step * step,
            high_limit=gold.base * 110 // 100 // step * step,
            asks=tuple((last + step * place, 100 * place) for place in range(1, 6)),
            bids=tuple((last - step * (place - 1), 100 * place) for place in range(1, 6)),
            live=krx.board(moment, venue).live,
            halted=False,
            board="GOLD",
        )

    def on_tick(self, code: str, price: int) -> bool:
        """Steps of ten won a gram."""
        return code in bullion.CONTRACTS and price > 0 and price % bullion.TICK == 0

    def name(self, code: str) -> str:
        """종목명."""
        return bullion.CONTRACTS[code][0]
