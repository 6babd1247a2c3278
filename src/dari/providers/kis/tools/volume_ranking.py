"""거래대금 순위: the issues with the largest traded value (or volume) of a market, exactly, with its totals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer, Gap
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.core.values import percent
from dari.providers.kis.models import Fundamentals, Ranked, fundamentals
from dari.providers.kis.tools.asks import (
    INDEX,
    INDEX_PRICE,
    MARKETS,
    PRICE,
    RANK,
    head,
    index_values,
    prices,
    volume_rank,
)
from dari.providers.kis.tools.shapes import INTEGER, NUMBER, OBJECT, TEXT, WHOLE, answer_of, rows_of
from dari.providers.kis.tools.slices import Slice, Top, top

MAX_COUNT: Final = 50
LEADERS: Final = 5
ORDERS: Final = {"value": "3", "volume": "0"}
"""FID_BLNG_CLS_CODE: 3 거래금액순; 0 평균거래량, which of one day is its volume."""


class VolumeRanking(Query):
    """Arguments of get_volume_ranking."""

    market: Literal["ALL", "KOSPI", "KOSDAQ"] = "ALL"
    count: int = Field(default=20, ge=1, le=MAX_COUNT)
    include_details: bool = True
    sort_by: Literal["value", "volume"] = "value"


OUTPUT: Final = answer_of(
    market_status=TEXT,
    ranking=rows_of(
        rank=INTEGER,
        stock_code=TEXT,
        stock_name=TEXT,
        market_type=TEXT,
        current_price=INTEGER,
        change=INTEGER,
        change_rate=NUMBER,
        volume=INTEGER,
        trading_value=INTEGER,
        market_cap=WHOLE,
        foreign_ratio=NUMBER,
        per=NUMBER,
        turnover_rate=NUMBER,
    ),
    summary=OBJECT,
)


async def get_volume_ranking(query: VolumeRanking, upstream: Upstream) -> Answer:
    """The ranking, the market totals and, with details, two figures asked stock by stock.

    Costs one call a market (more only where 30 rows do not reach), one an index, and with details one a row.
    Raises what the upstream's policies raise.
    """
    orders = (query.sort_by,) if query.sort_by == "value" else (query.sort_by, "value")
    count = max(query.count, LEADERS)
    ranked_by = [_top(query.market, count, order, upstream) for order in orders]
    totals, tops = await asyncio.gather(index_values(upstream), together(*ranked_by))
    found, by_value = tops[0], tops[-1]
    shown = found.rows[: query.count]
    told = await prices(upstream, [row.code for _, row in shown]) if query.include_details else {}
    details = {code: fundamentals(row) for code, row in told.items()}
    ranking = [
        _row(place, market, row, details.get(row.code), detailed=query.include_details)
        for place, (market, row) in enumerate(shown, start=1)
    ]
    total = sum(totals[market] for market in MARKETS[query.market])
    leaders = [row.value for _, row in by_value.rows[:LEADERS]]
    data = {
        **head(upstream),
        "market": query.market,
        "ranking": ranking,
        "summary": {
            "total_trading_value": total,
            "kospi_trading_value": totals["KOSPI"],
            "kosdaq_trading_value": totals["KOSDAQ"],
            "top5_concentration": percent(sum(leaders), total),
        },
    }
    return Answer(data, upstream.sources, tuple(_gaps(query, found, data)), _text(query, ranking, total))


async def _top(market: str, count: int, order: str, upstream: Upstream) -> Top[Ranked]:
    def key(row: Ranked) -> tuple[int, str]:
        return (-(row.value if order == "value" else row.volume), row.code)

    async def ask(band: Slice) -> list[Ranked]:
        return await volume_rank(upstream, INDEX[band.market], ORDERS[order], low=band.low, high=band.high)

    return await top(ask, MARKETS[market], count, key)


def _row(place: int, market: str, row: Ranked, more: Fundamentals | None, *, detailed: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "rank": place,
        "stock_code": row.code,
        "stock_name": row.name,
        "market_type": market,
        "current_price": row.price,
        "change": row.change,
        "change_rate": row.change_rate,
        "volume": row.volume,
        "trading_value": row.value,
    }
    if detailed:
        told["market_cap"] = row.market_cap
        told["foreign_ratio"] = more.foreign_ratio if more else None
        told["per"] = more.per if more else None
        told["turnover_rate"] = row.turnover
    return told


def _gaps(query: VolumeRanking, found: Top[Ranked], data: dict[str, Any]) -> Iterable[Gap]:
    ranking = data["ranking"]
    for field in ("change_rate", "market_cap", "foreign_ratio", "per", "turnover_rate"):
        missing = sum(1 for row in ranking if row.get(field, 0) is None)
        if missing:
            yield Gap(f"ranking[].{field}", f"KIS gives none for {missing} of {len(ranking)} issues")
    if data["summary"]["top5_concentration"] is None:
        yield Gap("summary.top5_concentration", "nothing has traded yet")
    for band in found.uncertain:
        yield Gap("ranking", f"more than 30 issues of {band.market} cost {band.low} won: some may be missing")
    if len(ranking) < query.count:
        yield Gap("ranking", f"{len(ranking)} issues traded; {query.count} were asked for")


def _text(query: VolumeRanking, ranking: list[dict[str, Any]], total: int) -> str:
    """One line a row: rank, code, name, price, change, value in 억원. At most 2,500 characters for 50 rows."""
    what = "거래대금" if query.sort_by == "value" else "거래량"
    lines = [f"{what} 순위 {query.market} (KRX) · 시장 전체 {_eok(total)}억원"]
    for row in ranking:
        rate = "" if row["change_rate"] is None else f" {row['change_rate']:+.2f}%"
        amount = f"{_eok(row['trading_value'])}억" if query.sort_by == "value" else f"{row['volume']:,}주"
        lines.append(
            f"{row['rank']}. {row['stock_code']} {row['stock_name'][:12]} {row['current_price']:,}{rate} {amount}"
        )
    return "\n".join(lines)


def _eok(won: int) -> str:
    return f"{won / 100_000_000:,.0f}"


TOOLS: Final = (
    Tool(
        name="get_volume_ranking",
        title="거래대금 순위",
        description="Top stocks by traded value 거래대금 (KRW) or volume on KRX, today or the last session, and "
        "market totals. Details: market cap, foreign %, PER, turnover.",
        query=VolumeRanking,
        output=OUTPUT,
        run=get_volume_ranking,
        toolset="ranking",
        endpoints=(RANK, PRICE, INDEX_PRICE),
    ),
)
