"""The right answer about market capitalisation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from dari.providers.kis.simulator.truth.universe import MARKETS, best, chosen, head, number
from dari.worlds.market import Market, Quote, percent
from dari.worlds.market.filings import Disclosures, disclosures

_EOK: Final = 100_000_000


def _mean(amounts: list[Decimal]) -> float | None:
    if not amounts:
        return None
    return float((sum(amounts, Decimal(0)) / len(amounts)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def market_cap_ranking(world: Market, at: datetime, query: Mapping[str, str]) -> Mapping[str, Any]:
    """Capitalisations (query: market, count). Funds are not ranked; every other issue is, halted ones too.

    `market_cap` is price × shares; `published_market_cap` the same cut to 억원. `previous_rank` is the place by
    yesterday's close among the same issues, by 억원 as the master files tell it, then by code;
    `market_cap_rank_change` is how many places it rose. `weight` is of both markets together, in percent.
    `trading_value_rank` is the place by value among all issues of the market asked, funds included.
    """
    market = chosen(query, "market", MARKETS, "ALL")
    everything = [quote for quote in world.snapshot(at).quotes.values() if market in ("ALL", quote.issue.board)]
    quotes = [quote for quote in everything if quote.issue.counted]
    ranked = best(quotes, lambda quote: quote.market_cap, number(query, "count", 20))
    yesterday = {
        quote.code: place
        for place, quote in enumerate(
            best(quotes, lambda quote: quote.base * quote.issue.shares // _EOK, len(quotes)), start=1
        )
    }
    traded = best((quote for quote in everything if quote.volume), lambda quote: quote.value, len(everything))
    by_value = {quote.code: place for place, quote in enumerate(traded, start=1)}
    whole = sum(world.index(code, at).market_cap for code in ("0001", "1001"))
    rows = [
        _row(place, quote, yesterday[quote.code], by_value.get(quote.code), whole)
        | _own_shares(disclosures(world), quote.code, at)
        for place, quote in enumerate(ranked, 1)
    ]
    total = sum(world.index(code, at).market_cap for code in MARKETS[market])
    ten = best(quotes, lambda quote: quote.market_cap, 10)
    return {
        **head(world, at, query),
        "market": market,
        "ranking": rows,
        "summary": {
            "total_market_cap": total,
            "previous_total_market_cap": sum(quote.base * quote.issue.shares for quote in quotes),
            "previous_total_published": sum(quote.base * quote.issue.shares // _EOK for quote in quotes) * _EOK,
            "top10_concentration": float(percent(sum(quote.market_cap for quote in ten), total)),
            "top10_weight_sum": float(sum(percent(quote.market_cap, whole) for quote in ten)),
            "average_per_of_rows": _mean([quote.per for quote in ranked if quote.issue.eps]),
            "average_pbr_of_rows": _mean([quote.pbr for quote in ranked if quote.issue.bps]),
        },
    }


def _own_shares(told: Disclosures, code: str, at: datetime) -> dict[str, Any]:
    """자기주식 by the latest report received: of the share's own class, percent of what is issued of it, two places."""
    report, holding = told.report(code, at), told.holding(code, at)
    if report is None or holding is None:
        return {"treasury_stock_ratio": None, "treasury_stock_settled_on": None}
    ratio = percent(holding.closing, holding.issued)
    return {"treasury_stock_ratio": float(ratio), "treasury_stock_settled_on": report.settled_on.isoformat()}


def _row(place: int, quote: Quote, before: int, value_place: int | None, whole: int) -> dict[str, Any]:
    issue = quote.issue
    return {
        "rank": place,
        "stock_code": issue.code,
        "stock_name": issue.name,
        "market_type": issue.board,
        "sector": issue.sector,
        "market_cap": quote.market_cap,
        "published_market_cap": quote.market_cap // _EOK * _EOK,
        "previous_rank": before,
        "market_cap_rank_change": before - place,
        "current_price": quote.price,
        "change_rate": float(quote.change_rate),
        "volume": quote.volume,
        "trading_value": quote.value,
        "trading_value_rank": value_place,
        "weight": float(percent(quote.market_cap, whole)),
        "foreign_ownership": float(quote.foreign_ratio),
        "per": float(quote.per) if issue.eps else None,
        "pbr": float(quote.pbr) if issue.bps else None,
    }
