"""The accounts behind the keys: each a desk for stocks and one for gold, opened with cash and a few holdings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dari.core import krx
from dari.core.clock import Clock
from dari.providers.kiwoom.simulator.desk import Desk, opened_with
from dari.providers.kiwoom.simulator.keys import Key
from dari.providers.kiwoom.simulator.pricing import GoldPrices, StockPrices
from dari.worlds.market import Market

CASH: Final = 10_000_000
GOLD_CASH: Final = 5_000_000
FIRST_HOLDINGS: Final = (("005930", 20), ("000660", 4), ("196170", 3))
BOUGHT_BEFORE: Final = 20
"""Trading days before the account is opened on which its first holdings were bought, at the close."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account."""

    key: Key
    stock: Desk
    gold: Desk


def open_account(key: Key, market: Market, world: Clock) -> Account:
    """A new account as it stands before its first order."""
    stock = Desk(key.account, key.mode, StockPrices(market), world, cash=CASH)
    gold = Desk(key.account, key.mode, GoldPrices(market.seed), world, cash=GOLD_CASH, taxed=False)
    now = world.now()
    day = krx.trading_days(krx.board(now).day, BOUGHT_BEFORE)[-1]
    for code, quantity in FIRST_HOLDINGS:
        path = market.paths.day(market.by_code[code], day)
        opened_with(stock, code, quantity, path.prices[-1])
    return Account(key, stock, gold)
