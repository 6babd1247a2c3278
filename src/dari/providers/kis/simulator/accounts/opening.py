"""What the accounts begin with: cash and a few holdings, the same for every start of a world."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from dari.providers.kis.simulator.accounts.ledger import Account, Ledger, Position, Thing
from dari.providers.kis.simulator.keys import Key
from dari.worlds.market import Market
from dari.worlds.market.abroad import LISTED

_CASH: Final = {
    "KRW": Decimal(300_000_000),
    "USD": Decimal(120_000),
    "HKD": Decimal(200_000),
    "JPY": Decimal(5_000_000),
    "CNY": Decimal(150_000),
    "VND": Decimal(900_000_000),
}
_FEW: Final = ("005930", "000660", "035720", "005380", "247540")
_MANY: Final = 63
"""Holdings of an account with pages of them: more than one page of fifty."""


def open_ledger(market: Market, keys: Iterable[Key]) -> Ledger:
    """The ledger of a world on its first day. The last key's account holds many issues, the others a few."""
    ledger = Ledger()
    owners = list(keys)
    for key in owners:
        for number, _ in key.accounts:
            if number in ledger.accounts:
                continue
            account = ledger.accounts[number] = Account(number, _CASH)
            many = key is owners[-1] and len(owners) > 1
            held = [one.code for one in market.issues if one.kind == "common"][:_MANY] if many else list(_FEW)
            for place, code in enumerate(held):
                issue = market.by_code[code]
                thing = Thing("stock", code, issue.name, "KRW", "KRX")
                account.positions["stock", code] = Position(thing, 10 + 7 * place, Decimal(issue.price))
            for place, one in enumerate(LISTED[:3]):
                thing = Thing("overseas", one.symbol, one.name, one.currency, one.exchange)
                price = Decimal(one.start).scaleb(-one.decimals)
                account.positions["overseas", one.symbol] = Position(thing, 5 + 3 * place, price)
    return ledger
