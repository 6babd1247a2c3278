"""거래량 증가율 순위: issues whose volume grew most over yesterday, or over the mean of 5 or 20 days."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer, Gap
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.core.values import percent
from dari.providers.kis.models import Day, Ranked
from dari.providers.kis.tools.asks import CHART, INDEX, MARKETS, NEWS, RANK, before, head, news_counts, volume_rank
from dari.providers.kis.tools.shapes import INTEGER, NUMBER, TEXT, WHOLE, answer_of, line, rows_of, signed

GROWTH: Final = "1"  # FID_BLNG_CLS_CODE 거래증가율
PERIODS: Final = {"1D": 1, "5D": 5, "20D": 20}


class ChangeRanking(Query):
    """Arguments of get_volume_change_ranking."""

    market: Literal["ALL", "KOSPI", "KOSDAQ"] = "ALL"
    period: Literal["1D", "5D", "20D"] = "1D"
    count: int = Field(default=20, ge=1, le=50)


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


def mean(amounts: Sequence[int]) -> float | None:
    """The mean to two places; None of nothing."""
    if not amounts:
        return None
    return float((Decimal(sum(amounts)) / len(amounts)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def growth(now: int, past: Sequence[int]) -> float | None:
    """How much `now` is above the mean of `past`, percent, two places; None where nothing was traded."""
    whole = sum(past)
    return percent(now * len(past) - whole, whole) if whole else None


async def get_volume_change_ranking(query: ChangeRanking, upstream: Upstream) -> Answer:
    """Growth in shares. 1D comes with the ranking itself; 5D and 20D cost one chart a candidate (30 a market).

    News cost one call a row shown. Raises what the upstream's policies raise.
    """
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
    news = await news_counts(upstream, [row.code for row in shown])
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
            "disclosure_count": None,
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
    gaps = [
        Gap("ranking[].disclosure_count", "KIS tells no disclosures 공시", "DART_API_KEY"),
        Gap("ranking", "candidates are the 30 a market whose shares grew most over yesterday", "KRX_AUTH_KEY"),
    ]
    if len(ranking) < query.count:
        gaps.append(Gap("ranking", f"{len(ranking)} candidates; {query.count} were asked for"))
    lines = [f"거래량 증가율 {query.market} {query.period} (주식 수 기준, KRX)"]
    lines += [
        line(row, f"{row['volume_change_rate']:+,.1f}%" if row["volume_change_rate"] is not None else "–",
             f"주가 {signed(row['price_change_rate'])}", f"뉴스 {row['news_count']}")
        for row in ranking
    ]  # fmt: skip
    return Answer(data, upstream.sources, tuple(gaps), "\n".join(lines))


def _volumes(bars: Sequence[Day]) -> list[int]:
    return [bar.volume for bar in bars]


TOOLS: Final = (
    Tool(
        name="get_volume_change_ranking",
        title="거래량 증가율 순위",
        description="Stocks whose volume grew most 거래량 증가율 vs yesterday (1D) or the mean of 5 or 20 days.",
        query=ChangeRanking,
        output=OUTPUT,
        run=get_volume_change_ranking,
        toolset="ranking",
        endpoints=(RANK, CHART, NEWS),
    ),
)
