"""거래대금 증가율 순위: shares whose value grew most over yesterday, or over the mean of 5 or 20 days.

By value over the whole market out of the days that are kept; by volume, or without these days, among the shares KIS
shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer, Gap
from dari.core.market import Disclosure, History, Neighbours, neighbours_of
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kis.models import Day, Ranked
from dari.providers.kis.tools import whole_market
from dari.providers.kis.tools.asks import (
    CHART,
    INDEX,
    MARKETS,
    NEWS,
    RANK,
    before,
    head,
    news_counts,
    trading_day,
    volume_rank,
)
from dari.providers.kis.tools.shapes import INTEGER, NUMBER, TEXT, WHOLE, answer_of, eok, line, rows_of, signed
from dari.providers.kis.tools.whole_market import growth, mean

GROWTH: Final = "1"  # FID_BLNG_CLS_CODE 거래증가율
PERIODS: Final = {"1D": 1, "5D": 5, "20D": 20}


class ChangeRanking(Query):
    """Arguments of get_volume_change_ranking."""

    market: Literal["ALL", "KOSPI", "KOSDAQ"] = "ALL"
    period: Literal["1D", "5D", "20D"] = "1D"
    count: int = Field(default=20, ge=1, le=50)
    ranked_by: Literal["value", "volume"] = "value"


OUTPUT: Final = answer_of(
    ranked_by=TEXT,
    ranking=rows_of(
        rank=INTEGER,
        stock_code=TEXT,
        stock_name=TEXT,
        current_volume=INTEGER,
        previous_volume=NUMBER,
        volume_change_rate=NUMBER,
        trading_value=INTEGER,
        price_change_rate=NUMBER,
        news_count=WHOLE,
        disclosure_count=WHOLE,
    ),
)


async def candidates(upstream: Upstream, market: str, *, low: int | None = None) -> list[Ranked]:
    """The thirty fastest growing issues of each market, as KIS ranks them by shares over yesterday."""
    found = await together(*(volume_rank(upstream, INDEX[one], GROWTH, low=low) for one in MARKETS[market]))
    return [row for rows in found for row in rows]


async def disclosed(
    neighbours: Neighbours, codes: Sequence[str], day: date, field: str
) -> tuple[Mapping[str, tuple[Disclosure, ...]], list[Gap]]:
    """What the companies of these shares disclosed on the day, and a gap where nobody, or not everything, is known."""
    if neighbours.disclosures is None:
        return {}, [Gap(field, "KIS tells no disclosures 공시", neighbours.keys["disclosures"])]
    found = await neighbours.disclosures.of_day(codes, day)
    if neighbours.disclosures.lacking:
        return found, [Gap(field, neighbours.disclosures.lacking, "time")]
    unknown = sum(1 for code in codes if code not in found)
    return found, [Gap(field, f"DART knows no company of {unknown} of {len(codes)} shares")] if unknown else []


async def get_volume_change_ranking(query: ChangeRanking, upstream: Upstream) -> Answer:
    """By value: the whole market's finished days, one call a row for news and few for disclosures.

    By volume, or without the days: 1D comes with KIS's ranking of 30 a market; 5D and 20D cost a chart a candidate.
    Raises what the upstream's policies raise.
    """
    neighbours = neighbours_of(upstream)
    span = PERIODS[query.period]
    history, gaps = None, list[Gap]()
    if query.ranked_by == "value":
        history, gaps = await whole_market.kept_days(neighbours, span + 1)
        if history is not None and len(history.days) <= span:
            history = None
    if history is not None:
        return await _by_value(query, upstream, history, gaps)
    return await _by_volume(query, upstream, gaps)


async def _by_value(query: ChangeRanking, upstream: Upstream, history: History, gaps: list[Gap]) -> Answer:
    day = history.days[0]
    found = whole_market.grown(history, query.market, PERIODS[query.period])
    shown = found[: query.count]
    codes = [one.series.row.code for one in shown]
    news = await news_counts(upstream, codes, day)
    told, unknown = await disclosed(neighbours_of(upstream), codes, day, "ranking[].disclosure_count")
    ranking = [
        {
            "rank": place,
            "stock_code": (row := one.series.row).code,
            "stock_name": row.name,
            "current_volume": row.value,
            "previous_volume": mean(one.past),
            "volume_change_rate": one.rate,
            "trading_value": row.value,
            "price_change_rate": row.change_rate,
            "news_count": news[row.code],
            "disclosure_count": len(told[row.code]) if row.code in told else None,
        }
        for place, one in enumerate(shown, start=1)
    ]
    data = {
        **whole_market.head(history, upstream),
        "market": query.market,
        "period": query.period,
        "ranked_by": "value (KRW)",
        "ranking": ranking,
        "total": len(found),
    }
    title = f"거래대금 증가율 {query.market} {query.period} ({day} 마감, 전 종목 {len(found):,}, KRX)"
    lines = [title, *(_line(row, eok(one.series.row.value)) for one, row in zip(shown, ranking, strict=True))]
    sources = (*upstream.sources, whole_market.source(history, upstream))
    return Answer(data, sources, (*gaps, *unknown), "\n".join(lines))


def _line(row: Mapping[str, Any], amount: str) -> str:
    rate = row["volume_change_rate"]
    noted = f"뉴스 {row['news_count']}" + (f" 공시 {row['disclosure_count']}" if row["disclosure_count"] else "")
    return line(
        row, "–" if rate is None else f"{rate:+,.1f}%", amount, f"주가 {signed(row['price_change_rate'])}", noted
    )


async def _by_volume(query: ChangeRanking, upstream: Upstream, lacking: Sequence[Gap]) -> Answer:
    neighbours = neighbours_of(upstream)
    found = await candidates(upstream, query.market)
    span = PERIODS[query.period]
    if span == 1:
        past = {row.code: [row.previous_volume] if row.previous_volume else [] for row in found}
    else:
        bars = await together(*(before(upstream, row.code, span) for row in found))
        past = {row.code: _volumes(days) for row, (_, days) in zip(found, bars, strict=True)}
    rates = {row.code: growth(row.volume, past[row.code]) for row in found}
    ordered = sorted(found, key=lambda row: (-(rates[row.code] if rates[row.code] is not None else -1e18), row.code))  # type: ignore[operator]  # None was just sorted out
    shown = ordered[: query.count]
    codes = [row.code for row in shown]
    news = await news_counts(upstream, codes)
    told, unknown = await disclosed(neighbours, codes, trading_day(upstream), "ranking[].disclosure_count")
    ranking: list[dict[str, Any]] = [
        {
            "rank": place,
            "stock_code": row.code,
            "stock_name": row.name,
            "current_volume": row.volume,
            "previous_volume": mean(past[row.code]),
            "volume_change_rate": rates[row.code],
            "trading_value": row.value,
            "price_change_rate": row.change_rate,
            "news_count": news[row.code],
            "disclosure_count": len(told[row.code]) if row.code in told else None,
        }
        for place, row in enumerate(shown, start=1)
    ]
    data = {
        **head(upstream),
        "market": query.market,
        "period": query.period,
        "ranked_by": "volume (shares)",
        "ranking": ranking,
    }
    gaps = list(unknown)
    if query.ranked_by == "value":
        gaps += whole_market.no_days(neighbours, "ranked_by", "not by value 거래대금", lacking)
    gaps.append(Gap("ranking", "candidates are the 30 a market whose shares grew most over yesterday", "KRX_AUTH_KEY"))
    if len(ranking) < query.count:
        gaps.append(Gap("ranking", f"{len(ranking)} candidates; {query.count} were asked for"))
    lines = [f"거래량 증가율 {query.market} {query.period} (주식 수 기준, KRX)", *(_line(row, "") for row in ranking)]
    return Answer(data, upstream.sources, tuple(gaps), "\n".join(lines))


def _volumes(bars: Sequence[Day]) -> list[int]:
    return [bar.volume for bar in bars]


TOOLS: Final = (
    Tool(
        name="get_volume_change_ranking",
        title="거래대금 증가율 순위",
        description="Stocks whose value 거래대금 grew most vs the mean of 1, 5 or 20 days: all stocks, last close. "
        "volume: live, fewer.",
        query=ChangeRanking,
        output=OUTPUT,
        run=get_volume_change_ranking,
        toolset="ranking",
        endpoints=(RANK, CHART, NEWS),
    ),
)
