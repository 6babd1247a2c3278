"""The right answers about growing and unusual volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from dari.core import krx
from dari.providers.kis.simulator.truth.universe import MARKETS, best, chosen, head, number, universe
from dari.worlds.market import Bar, Market, Quote, percent
from dari.worlds.market.filings import disclosures

_PERIODS: Final = {"1D": 1, "5D": 5, "20D": 20}
_MEAN: Final = 20
_CENT: Final = Decimal("0.01")


def growth(quote: Quote) -> Decimal:
    """Today's shares in percent of yesterday's whole day, two places (100 = the same); 0 without a yesterday."""
    return percent(quote.volume, quote.previous_volume)


def candidates(world: Market, at: datetime, query: Mapping[str, str]) -> list[Quote]:
    """The issues a client of KIS can see: of each market asked the first `candidates` (30) by growth of shares.

    `candidates=0` takes the whole market. `min_price` is a floor the ranking itself applies. Largest growth first.
    """
    limit = number(query, "candidates", 30)
    floor = number(query, "min_price", 0)
    traded = [quote for quote in universe(world, at, query) if quote.price >= floor]
    if not limit:
        return best(traded, growth, len(traded))
    found: list[Quote] = []
    for code in MARKETS[query.get("market", "ALL")]:
        board = "KOSPI" if code == "0001" else "KOSDAQ"
        found += best((quote for quote in traded if quote.issue.board == board), growth, limit)
    return best(found, growth, len(found))


def filed(world: Market, code: str, at: datetime) -> int:
    """How many disclosures of an issue's company were filed on the board's day by then; 0 for funds."""
    return disclosures(world).count(code, krx.board(at).day, at)


def _mean(amounts: Sequence[int]) -> Decimal:
    return (Decimal(sum(amounts)) / len(amounts)).quantize(_CENT, ROUND_HALF_UP)


def rise(now: int, before: Sequence[int]) -> float | None:
    """How much `now` is above the mean of `before`, percent, two places; None where the mean is nothing."""
    whole = sum(before)
    return float(percent(now * len(before) - whole, whole)) if whole else None


def volume_change_ranking(world: Market, at: datetime, query: Mapping[str, str]) -> Mapping[str, Any]:
    """Rising volume (query: market, count, period=1D|5D|20D, rank_by=shares|value, candidates, venue, exclude).

    The period's mean is over that many whole days before the board's day. Rows are ordered by the rise of `rank_by`.
    """
    period = chosen(query, "period", _PERIODS, "1D")
    rank_by = chosen(query, "rank_by", ("shares", "value"), "shares")
    days = _PERIODS[period]
    rows = []
    for quote in candidates(world, at, query):
        before = world.daily(quote.code, at, days + 1)[1:]
        rows.append(
            {
                "stock_code": quote.code,
                "stock_name": quote.issue.name,
                "market_type": quote.issue.board,
                "current_shares": quote.volume,
                "previous_shares": float(_mean([bar.volume for bar in before])),
                "shares_change_rate": rise(quote.volume, [bar.volume for bar in before]),
                "current_value": quote.value,
                "previous_value": float(_mean([bar.value for bar in before])),
                "value_change_rate": rise(quote.value, [bar.value for bar in before]),
                "kis_growth": float(growth(quote)),
                "price_change_rate": float(quote.change_rate),
                "current_price": quote.price,
                "news_count": len(world.news(quote.code, at)),
                "disclosure_count": filed(world, quote.code, at),
            }
        )
    key = f"{rank_by}_change_rate"
    rows.sort(key=lambda row: (-(row[key] if isinstance(row[key], float) else -1e18), row["stock_code"]))  # type: ignore[operator]  # a rate is a float or None
    ranking = [{"rank": place, **row} for place, row in enumerate(rows[: number(query, "count", 20)], start=1)]
    return {**head(world, at, query), "period": period, "rank_by": rank_by, "ranking": ranking}


def _streak(bars: Sequence[Bar], threshold: float) -> int:
    """Days in a row, the running one first, whose shares reach `threshold` percent of their own 20 days' mean."""
    count = 0
    for place in range(len(bars) - _MEAN):
        whole = sum(bar.volume for bar in bars[place + 1 : place + 1 + _MEAN])
        if not whole or bars[place].volume * _MEAN * 100 < Decimal(str(threshold)) * whole:
            break
        count += 1
    return count


def _z_score(now: int, before: Sequence[int]) -> float | None:
    """(now - mean) / standard deviation of the days before (population), two places; None without deviation."""
    mean = Decimal(sum(before)) / len(before)
    variance = sum(((Decimal(one) - mean) ** 2 for one in before), Decimal(0)) / len(before)
    return float(((Decimal(now) - mean) / variance.sqrt()).quantize(_CENT, ROUND_HALF_UP)) if variance else None


def unusual_volume(world: Market, at: datetime, query: Mapping[str, str]) -> Mapping[str, Any]:
    """Unusual volume (query: market, threshold=200, min_price, count, candidates, venue, exclude).

    Issues among the candidates whose shares reach `threshold` percent of the mean of the 20 whole days before, by
    that ratio. `consecutive_days` counts back at most 20 days. `evidence` tells what may have caused it.
    """
    threshold = float(query.get("threshold", "200"))
    rows = []
    for quote in candidates(world, at, query):
        bars = world.daily(quote.code, at, 2 * _MEAN + 1)
        before = [bar.volume for bar in bars[1 : _MEAN + 1]]
        ratio = percent(quote.volume * _MEAN, sum(before))
        if not sum(before) or ratio < Decimal(str(threshold)):
            continue
        issue = quote.issue
        high = world.range(quote.code, at)[0]
        rows.append(
            {
                "stock_code": quote.code,
                "stock_name": issue.name,
                "market_type": issue.board,
                "current_volume": quote.volume,
                "average_volume": float(_mean(before)),
                "volume_ratio": float(ratio),
                "z_score": _z_score(quote.volume, before),
                "price_change_rate": float(quote.change_rate),
                "current_price": quote.price,
                "trading_value": quote.value,
                "consecutive_days": _streak(bars, threshold),
                "evidence": {
                    "news_count": len(world.news(quote.code, at)),
                    "disclosure_count": filed(world, quote.code, at),
                    "vi_count": len(world.interruptions_of(quote.code, at)),
                    "new_52_week_high": quote.high >= high,
                    "year_high": high,
                    "market_warning": issue.warning,
                    "administered": issue.administered,
                    "short_term_overheated": issue.overheated,
                },
            }
        )
    rows.sort(key=lambda row: (-row["volume_ratio"], row["stock_code"]))  # type: ignore[operator]  # a ratio is a float
    return {
        **head(world, at, query),
        "threshold": threshold,
        "total": len(rows),
        "unusual_stocks": rows[: number(query, "count", 20)],
    }
