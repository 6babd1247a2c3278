"""The right answers about investors and sectors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from dari.core import krx
from dari.providers.kis.simulator.truth.universe import MARKETS, MILLION, THOUSAND, best, chosen, head, number
from dari.worlds.market import Flows, Market, Quote, Side, partition, percent

_FOREIGN: Final = ("foreigner", "resident_foreigner")
_GROUPS: Final = {"FOREIGN": _FOREIGN, "INSTITUTION": ("institution",), "INDIVIDUAL": ("individual",)}
_KNOWN_AFTER: Final = timedelta(minutes=10)


def towards_zero(amount: int, unit: int) -> int:
    """An amount told in `unit`s, cut towards zero, and back in ones."""
    return int(Decimal(amount) / unit) * unit


def _side(flows: Flows, groups: tuple[str, ...]) -> Side:
    parts = [flows[group] for group in groups]
    return Side(
        sum(one.bought for one in parts),
        sum(one.sold for one in parts),
        sum(one.bought_value for one in parts),
        sum(one.sold_value for one in parts),
    )


def _average(value: int, shares: int) -> float | None:
    """Won a share out of published million won; None without shares."""
    return float((Decimal(value) / shares).quantize(Decimal("0.01"), ROUND_HALF_UP)) if shares else None


def _final(at: datetime) -> bool:
    """Whether the day's investors are told: from ten minutes past the close."""
    board = krx.board(at)
    times = krx.session(board.day)
    return times is not None and at >= times.closes + _KNOWN_AFTER


def _row(world: Market, at: datetime, quote: Quote, groups: tuple[str, ...], shares: int) -> dict[str, Any]:
    net = towards_zero(shares * quote.price, MILLION)
    row: dict[str, Any] = {
        "stock_code": quote.code,
        "stock_name": quote.issue.name,
        "market_type": quote.issue.board,
        "current_price": quote.price,
        "net_volume": shares,
        "net_amount": net,
        "impact_ratio": float(percent(abs(net), quote.value)) if quote.value else None,
    }
    amounts = ("buy_amount", "sell_amount", "buy_volume", "sell_volume", "average_buy_price", "average_sell_price")
    if not _final(at):
        return row | dict.fromkeys(amounts)
    side = _side(world.flows(quote.code, at), groups)
    paid, earned = towards_zero(side.bought_value, MILLION), towards_zero(side.sold_value, MILLION)
    told = (paid, earned, side.bought, side.sold, _average(paid, side.bought), _average(earned, side.sold))
    return row | dict(zip(amounts, told, strict=True))


def investor_ranking(world: Market, at: datetime, query: Mapping[str, str]) -> Mapping[str, Any]:
    """Net trade by the last provisional count (query: investor_type=FOREIGN|INSTITUTION, side=BUY|SELL, market, count).

    `side` BUY ranks the largest net purchases first, SELL the largest net sales. Order and `net_amount` follow KIS:
    counted shares × current price, cut to million won, told in won; of equals the smaller code. Gross amounts are null
    until ten minutes past the close. `summary` adds every market asked (cut to million won each) up to now.
    """
    investor = chosen(query, "investor_type", ("FOREIGN", "INSTITUTION"), "FOREIGN")
    side = chosen(query, "side", ("BUY", "SELL"), "BUY")
    market = chosen(query, "market", MARKETS, "ALL")
    groups, sign = _GROUPS[investor], 1 if side == "BUY" else -1
    counts = world.estimates(at)
    shares = {code: sum(counts.net(code, group) for group in groups) for code in world.by_code}

    def shown(quote: Quote) -> int:
        return sign * towards_zero(shares[quote.code] * quote.price, MILLION)

    quotes = [quote for quote in world.snapshot(at).quotes.values() if market in ("ALL", quote.issue.board)]
    ranked = best((quote for quote in quotes if shown(quote) > 0), shown, number(query, "count", 20))
    sums = {code: _side(world.index_flows(code, at), groups) for code in MARKETS[market]}
    bought = sum(towards_zero(one.bought_value, MILLION) for one in sums.values())
    sold = sum(towards_zero(one.sold_value, MILLION) for one in sums.values())
    net = sum(towards_zero(one.net_value, MILLION) for one in sums.values())
    traded = sum(towards_zero(world.index(code, at).value, MILLION) for code in sums)
    counted = counts.foreign_at if investor == "FOREIGN" else counts.institutions_at
    rows = [_row(world, at, quote, groups, shares[quote.code]) for quote in ranked]
    return {
        **head(world, at, query),
        "investor_type": investor,
        "counted_at": counted.isoformat() if counted else None,
        "ranking": [{"rank": place, **row} for place, row in enumerate(rows, start=1)],
        "summary": {
            "total_buy_amount": bought,
            "total_sell_amount": sold,
            "total_net_amount": net,
            "market_impact": float(percent(abs(net), traded)),
        },
    }


def sector_volume_ranking(world: Market, at: datetime, query: Mapping[str, str]) -> Mapping[str, Any]:
    """Sectors by value (query: market=KOSPI|KOSDAQ, count, leaders=3): industries, none counted twice.

    Values are cut to million won, volumes to thousand shares, told in ones; of equals the smaller code first.
    `contribution` is of the published sector value. `index_change_rate` weighs by size, `average_change_rate` does not.
    """
    market = chosen(query, "market", ("KOSPI", "KOSDAQ"), "KOSPI")
    quotes = world.snapshot(at).quotes
    rows = []
    for sector in partition("KOSPI" if market == "KOSPI" else "KOSDAQ"):
        index = world.index(sector.code, at)
        members = [quotes[one.code] for one in world.members[sector.code]]
        value = towards_zero(index.value, MILLION)
        flows = world.index_flows(sector.code, at)
        changes = [quote.change_rate for quote in members]
        rows.append(
            {
                "sector_code": sector.code,
                "sector_name": sector.name,
                "trading_value": value,
                "trading_volume": towards_zero(index.volume, THOUSAND),
                "stock_count": len(members),
                "index_change_rate": float(index.change_rate),
                "average_change_rate": float(
                    (sum(changes, Decimal(0)) / len(changes)).quantize(Decimal("0.01"), ROUND_HALF_UP)
                    if changes
                    else Decimal(0)
                ),
                "leading_stocks": [
                    {
                        "stock_code": quote.code,
                        "stock_name": quote.issue.name,
                        "trading_value": quote.value,
                        "contribution": float(percent(quote.value, value)),
                    }
                    for quote in best(
                        (one for one in members if one.volume), lambda one: one.value, number(query, "leaders", 3)
                    )
                ],
                "foreign_net_buy": towards_zero(_side(flows, _FOREIGN).net_value, MILLION),
                "institution_net_buy": towards_zero(flows["institution"].net_value, MILLION),
            }
        )
    rows.sort(key=lambda row: (-row["trading_value"], row["sector_code"]))  # type: ignore[operator]  # an int, won
    ranking = [{"rank": place, **row} for place, row in enumerate(rows[: number(query, "count", 20)], start=1)]
    return {**head(world, at, query), "market": market, "total": len(rows), "ranking": ranking}
