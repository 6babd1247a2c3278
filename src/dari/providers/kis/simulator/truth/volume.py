"""The right answer to a ranking by traded value or volume."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dari.providers.kis.simulator.truth.universe import MARKETS, best, chosen, head, number, published, universe
from dari.worlds.market import Market, Quote, percent


def ranking_row(place: int, quote: Quote) -> dict[str, Any]:
    """One row with every field the ranking may show: won, shares, percent; `per` null where nothing is earned."""
    issue = quote.issue
    return {
        "rank": place,
        "stock_code": issue.code,
        "stock_name": issue.name,
        "market_type": issue.board,
        "kind": issue.kind,
        "current_price": quote.price,
        "change": quote.change,
        "change_rate": float(quote.change_rate),
        "volume": quote.volume,
        "trading_value": quote.value,
        "market_cap": quote.price * issue.shares,
        "foreign_ratio": float(quote.foreign_ratio),
        "per": float(quote.per) if issue.eps else None,
        "turnover_rate": float(quote.turnover),
    }


def volume_ranking(world: Market, at: datetime, query: Mapping[str, str]) -> Mapping[str, Any]:
    """The ranking of a market (query: market, count, sort_by=value|volume, venue=KRX|NXT|UN, exclude=etf,spac,…).

    `summary` tells totals as published (each market cut to million won, on the KRX board, funds not counted) and the
    concentration of the five largest by value against them; `exact` tells the same totals to the won.
    """
    sort_by = chosen(query, "sort_by", ("value", "volume"), "value")
    traded = universe(world, at, query)
    ranked = best(traded, lambda quote: quote.value if sort_by == "value" else quote.volume, number(query, "count", 20))
    top5 = sum(quote.value for quote in best(traded, lambda quote: quote.value, 5))
    codes = MARKETS[query.get("market", "ALL")]
    exact = {code: world.index(code, at).value for code in ("0001", "1001")}
    volumes = {code: world.index(code, at).volume for code in ("0001", "1001")}
    total = sum(published(exact[code]) for code in codes)
    return {
        **head(world, at, query),
        "market": query.get("market", "ALL"),
        "sort_by": sort_by,
        "ranking": [ranking_row(place, quote) for place, quote in enumerate(ranked, start=1)],
        "summary": {
            "total_trading_value": total,
            "kospi_trading_value": published(exact["0001"]),
            "kosdaq_trading_value": published(exact["1001"]),
            "top5_trading_value": top5,
            "top5_concentration": float(percent(top5, total)),
        },
        "exact": {
            "total_trading_value": sum(exact[code] for code in codes),
            "kospi_trading_value": exact["0001"],
            "kosdaq_trading_value": exact["1001"],
            "total_volume": sum(volumes[code] for code in codes),
        },
    }
