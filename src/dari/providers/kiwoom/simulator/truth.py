"""What is true, told from the world and the ledger directly: none of it passes through the answers or their spelling.

Money in won, quantities in shares, rates as decimal strings, times in ISO 8601.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from dari.core.krx import Venue
from dari.providers.kiwoom.simulator.accounts_book import Account
from dari.providers.kiwoom.simulator.desk import Desk
from dari.worlds.market import Market, Quote
from dari.worlds.market.flows import Side, investors, program
from dari.worlds.market.tape import Tape

VENUES: Final[Mapping[str, Venue]] = {"KRX": "KRX", "NXT": "NXT", "UN": "UN"}
Query = Mapping[str, str]


def quote_facts(quote: Quote) -> dict[str, Any]:
    """A quote as plain figures."""
    return {
        "code": quote.code,
        "name": quote.issue.name,
        "board": quote.issue.board,
        "venue": quote.venue,
        "as_of": quote.as_of.isoformat(),
        "price": quote.price,
        "base": quote.base,
        "change": quote.change,
        "change_pct": str(quote.change_rate),
        "open": quote.open,
        "high": quote.high,
        "low": quote.low,
        "volume": quote.volume,
        "value": quote.value,
        "previous_volume": quote.previous_volume,
        "limit_up": quote.high_limit,
        "limit_down": quote.low_limit,
        "market_cap": quote.market_cap,
        "shares": quote.issue.shares,
        "per": str(quote.per),
        "pbr": str(quote.pbr),
    }


def _venue(query: Query) -> Venue:
    return VENUES[query.get("venue", "KRX")]


def quote(market: Market, at: datetime, query: Query) -> Any:
    """`?code=&venue=`: one issue; `codes=a,b,c` gives several by code."""
    if "codes" in query:
        return {code: quote_facts(market.quote(code, at, _venue(query))) for code in query["codes"].split(",")}
    return quote_facts(market.quote(query["code"], at, _venue(query)))


def daily(market: Market, at: datetime, query: Query) -> Any:
    """`?code=&count=&venue=`: days, newest first."""
    bars = market.daily(query["code"], at, int(query.get("count", "20")), _venue(query))
    return [asdict(bar) for bar in bars]


def minutes(market: Market, at: datetime, query: Query) -> Any:
    """`?code=&step=&venue=`: the board day's minutes, oldest first."""
    now = market.quote(query["code"], at, _venue(query))
    tape = Tape(market.paths, now.issue, now.as_of.date(), _venue(query))
    return [
        {**asdict(bar), "start": bar.start.isoformat()} for bar in tape.minutes(now.as_of, int(query.get("step", "1")))
    ]


def index(market: Market, at: datetime, query: Query) -> Any:
    """`?code=`: a sector by the world's four-place code."""
    one = market.index(query["code"], at)
    return {
        "code": one.sector.code,
        "name": one.sector.name,
        "level": str(one.level),
        "base": str(one.base),
        "change": str(one.change),
        "change_pct": str(one.change_rate),
        "volume": one.volume,
        "value": one.value,
        "up": one.up,
        "down": one.down,
        "flat": one.flat,
    }


def flows(market: Market, at: datetime, query: Query) -> Any:
    """`?code=&venue=`: investor groups of the board's day: net shares and net won."""
    now = market.quote(query["code"], at, _venue(query))
    sides = investors(market.seed, now.code, f"{now.as_of:%Y%m%d}", now.volume, now.value)
    return {group: {"net": side.net, "net_value": side.net_value} for group, side in sides.items()}


def ranking(market: Market, at: datetime, query: Query) -> Any:
    """`?by=volume|value|change_pct|market_cap&market=ALL|KOSPI|KOSDAQ&count=&venue=`: codes, best first."""
    by = query.get("by", "volume")
    figures: dict[str, Callable[[Quote], Any]] = {
        "volume": lambda one: one.volume,
        "value": lambda one: one.value,
        "change_pct": lambda one: one.change_rate,
        "market_cap": lambda one: one.market_cap,
    }
    rows = [one for one in market.snapshot(at, _venue(query)).of(query.get("market", "ALL")) if one.volume]
    rows.sort(key=lambda one: (-figures[by](one), one.code))
    return [quote_facts(one) for one in rows[: int(query.get("count", "30"))]]


_INVESTORS: Final[Mapping[str, str]] = {
    "INDIVIDUAL": "individual",
    "FOREIGN": "foreigner",
    "INSTITUTION": "institution",
}
_BY: Final[Mapping[str, Callable[[Side], int]]] = {
    "NET_BUY": lambda side: side.net_value,
    "NET_SELL": lambda side: -side.net_value,
    "BUY": lambda side: side.bought_value,
    "SELL": lambda side: side.sold_value,
}


def investor_ranking(market: Market, at: datetime, query: Query) -> Any:
    """`?investor=INDIVIDUAL|FOREIGN|INSTITUTION|PROGRAM&by=NET_BUY|NET_SELL|BUY|SELL&market=ALL&count=20`.

    Every traded issue of KRX by exact won, of equals the smaller code; shares and won bought and sold beside it.
    """
    investor, key = query.get("investor", "INDIVIDUAL"), _BY[query.get("by", "NET_BUY")]
    rows = []
    for one in market.snapshot(at).of(query.get("market", "ALL")):
        if not one.volume:
            continue
        drawn = (market.seed, one.code, f"{one.as_of:%Y%m%d}", one.volume, one.value)
        side = program(*drawn).whole if investor == "PROGRAM" else investors(*drawn)[_INVESTORS[investor]]
        if key(side) > 0:
            rows.append((-key(side), one.code, side))
    rows.sort(key=lambda row: row[:2])
    return [{"code": code, **asdict(side)} for _, code, side in rows[: int(query.get("count", "20"))]]


TELLERS: Final[Mapping[str, Callable[[Market, datetime, Query], Any]]] = {
    "quote": quote,
    "daily": daily,
    "minutes": minutes,
    "index": index,
    "flows": flows,
    "ranking": ranking,
    "investor-ranking": investor_ranking,
}


def _desk(desk: Desk) -> dict[str, Any]:
    return {
        "cash": desk.cash,
        "cash_after": desk.cash_after,
        "orderable": desk.orderable,
        "holdings": [asdict(one) for one in desk.held()],
        "orders": [
            {
                "number": one.number,
                "root": one.root,
                "original": one.original,
                "code": one.code,
                "side": one.side,
                "kind": one.kind,
                "quantity": one.quantity,
                "price": one.price,
                "venue": one.venue,
                "placed": one.placed.isoformat(),
                "left": one.left,
                "filled": one.filled,
                "filled_amount": one.filled_amount,
                "change": one.change,
            }
            for one in desk.orders.values()
        ],
        "executions": [{**asdict(one), "time": one.time.isoformat()} for one in desk.executions],
    }


def account(one: Account) -> dict[str, Any]:
    """An account's ledger, as it stands without looking at resting orders again."""
    return {"number": one.key.account, "mode": one.key.mode, "stock": _desk(one.stock), "gold": _desk(one.gold)}
