"""시가총액 순위: the largest companies, how their place changed since yesterday, and what they trade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from dari.core.exchange import Answer, Gap
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kis.models import Capital, Listed, capital, fundamentals, rate, rows
from dari.providers.kis.tools.asks import (
    FUNDS,
    INDEX,
    MARKETS,
    MULTI,
    PRICE,
    RANK,
    VENUE,
    head,
    master,
    prices,
    values,
    volume_rank,
)
from dari.providers.kis.tools.shapes import INTEGER, NUMBER, OBJECT, TEXT, WHOLE, answer_of, eok, line, rows_of
from dari.providers.kis.tools.slices import Slice, Top, top

CAP: Final = "domestic_stock.market_cap"
MAX_COUNT: Final = 50
TOP: Final = 10
BY_VALUE: Final = "3"


class Filter(BaseModel):
    """The closed list of filters, in won; sector: 4-digit KRX code."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_trading_value: int | None = None
    max_trading_value: int | None = None
    min_price: int | None = None
    max_price: int | None = None
    min_market_cap: int | None = None
    max_market_cap: int | None = None
    sector: str | None = Field(default=None, pattern=r"^\d{4}$")


class CapRanking(Query):
    """Arguments of get_market_cap_ranking."""

    market: Literal["ALL", "KOSPI", "KOSDAQ"] = "ALL"
    count: int = Field(default=20, ge=1, le=MAX_COUNT)
    filter_by: Filter | None = None


OUTPUT: Final = answer_of(
    ranking=rows_of(
        rank=INTEGER,
        stock_code=TEXT,
        stock_name=TEXT,
        market_cap=INTEGER,
        market_cap_rank_change=WHOLE,
        current_price=INTEGER,
        trading_value=WHOLE,
        trading_value_rank=WHOLE,
        weight_in_index=NUMBER,
        foreign_ownership=NUMBER,
        treasury_stock_ratio=NUMBER,
    ),
    summary=OBJECT,
    notes=OBJECT,
)
NOTES: Final = {
    "weight_in_index": "of both markets' capitalisation together",
    "total_market_cap": "by yesterday's close (master files)",
    "top10_concentration": "sum of the ten largest weights",
    "average_per": "mean of the rows shown",
    "average_pbr": "mean of the rows shown",
}


async def get_market_cap_ranking(query: CapRanking, upstream: Upstream) -> Answer:
    """Filters are applied to the 50 largest: fewer than `count` rows may be left, and the gap says so.

    Costs one call a market (more only beyond 30), one a market for values' places, one for thirty values, two master
    files kept for hours, and one a row. Raises what the upstream's policies raise.
    """
    markets = MARKETS[query.market]
    reach = MAX_COUNT if query.filter_by else max(query.count, TOP)
    found = await _largest(upstream, markets, reach)
    issues = [one for some in await together(*(master(upstream, market) for market in markets)) for one in some]
    places = _places(issues)
    codes = [row.code for _, row in found.rows]
    wanted = codes if query.filter_by else codes[: query.count]
    worth = await values(upstream, wanted)
    kept = [
        (place, row)
        for place, (_, row) in enumerate(found.rows, start=1)
        if row.code in wanted and _passes(query.filter_by, row, worth, _sector_of(issues, query.filter_by))
    ][: query.count]
    details = await prices(upstream, [row.code for _, row in kept])
    by_value = await _value_places(upstream, markets)
    ranking: list[dict[str, Any]] = [
        {
            "rank": place,
            "stock_code": row.code,
            "stock_name": row.name,
            "market_cap": row.market_cap,
            "market_cap_rank_change": places[row.code] - place if row.code in places else None,
            "current_price": row.price,
            "trading_value": worth.get(row.code),
            "trading_value_rank": by_value.get(row.code),
            "weight_in_index": row.weight,
            "foreign_ownership": fundamentals(details[row.code]).foreign_ratio,
            "treasury_stock_ratio": None,
        }
        for place, row in kept
    ]
    weights = [row.weight for _, row in found.rows[:TOP]]
    summary = {
        "total_market_cap": sum(one.previous_cap for one in issues if one.group not in FUNDS),
        "top10_concentration": round(sum(one for one in weights if one is not None), 2),
        "average_per": _mean(rate(details[row.code], "per") for _, row in kept),
        "average_pbr": _mean(rate(details[row.code], "pbr") for _, row in kept),
    }
    data = {**head(upstream), "market": query.market, "ranking": ranking, "summary": summary, "notes": NOTES}
    lines = [f"시가총액 순위 {query.market} (KRX)"]
    lines += [line(row, eok(row["market_cap"]), f"{row['current_price']:,}원") for row in ranking]
    return Answer(data, upstream.sources, tuple(_gaps(query, found, ranking)), "\n".join(lines))


async def _largest(upstream: Upstream, markets: tuple[str, ...], count: int) -> Top[Capital]:
    async def ask(band: Slice) -> list[Capital]:
        parameters = {
            "fid_input_price_2": "" if band.high is None else str(band.high),
            "fid_cond_mrkt_div_code": "J",
            "fid_cond_scr_div_code": "20174",
            "fid_div_cls_code": "0",
            "fid_input_iscd": INDEX[band.market],
            "fid_trgt_cls_code": "0",
            "fid_trgt_exls_cls_code": "0",
            "fid_input_price_1": "" if band.low is None else str(band.low),
            "fid_vol_cnt": "",
        }
        reply = await upstream.ask(CAP, parameters, venue=VENUE)
        return [capital(row) for row in rows(reply.body, "output")]

    return await top(ask, markets, count, lambda row: (-row.market_cap, row.code))


def _places(issues: Sequence[Listed]) -> dict[str, int]:
    """Yesterday's place of every company by capitalisation, of equals the smaller code first."""
    companies = (one for one in issues if one.group not in FUNDS)
    ordered = sorted(companies, key=lambda one: (-one.previous_cap, one.code))
    return {one.code: place for place, one in enumerate(ordered, start=1)}


async def _value_places(upstream: Upstream, markets: tuple[str, ...]) -> dict[str, int]:
    """The place by traded value, of the issues whose place the 30 rows of each market make certain."""
    found = await together(*(volume_rank(upstream, INDEX[market], BY_VALUE) for market in markets))
    ends = [min(row.value for row in rows_) for rows_ in found if len(rows_) >= 30]  # noqa: PLR2004 -- rows KIS shows
    ordered = sorted((row for rows_ in found for row in rows_), key=lambda row: (-row.value, row.code))
    return {row.code: place for place, row in enumerate(ordered, start=1) if not ends or row.value >= max(ends)}


def _sector_of(issues: Sequence[Listed], wanted: Filter | None) -> frozenset[str] | None:
    """The codes in the wanted sector; None where no sector is wanted."""
    if wanted is None or wanted.sector is None:
        return None
    return frozenset(one.code for one in issues if wanted.sector in {one.large, one.medium})


def _passes(wanted: Filter | None, row: Capital, worth: Mapping[str, int], sector: frozenset[str] | None) -> bool:
    if wanted is None:
        return True
    value = worth.get(row.code, 0)
    bounds = (
        (wanted.min_trading_value, wanted.max_trading_value, value),
        (wanted.min_price, wanted.max_price, row.price),
        (wanted.min_market_cap, wanted.max_market_cap, row.market_cap),
    )
    inside = all((low is None or figure >= low) and (high is None or figure <= high) for low, high, figure in bounds)
    return inside and (sector is None or row.code in sector)


def _mean(figures: Iterable[float | None]) -> float | None:
    """The mean of those that are there, two places; 0.00 stands for none."""
    there = [Decimal(str(one)) for one in figures if one]
    if not there:
        return None
    return float((sum(there, Decimal(0)) / len(there)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _gaps(query: CapRanking, found: Top[Capital], ranking: Sequence[Mapping[str, Any]]) -> Iterable[Gap]:
    yield Gap("ranking[].treasury_stock_ratio", "KIS tells no treasury stock 자사주", "DART_API_KEY")
    if any(row["trading_value_rank"] is None for row in ranking):
        yield Gap("ranking[].trading_value_rank", "KIS shows the 30 largest by value a market", "KRX_AUTH_KEY")
    for field in ("market_cap_rank_change", "trading_value", "weight_in_index", "foreign_ownership"):
        missing = sum(1 for row in ranking if row[field] is None)
        if missing:
            yield Gap(f"ranking[].{field}", f"KIS gives none for {missing} of {len(ranking)} issues")
    for band in found.uncertain:
        yield Gap("ranking", f"more than 30 issues of {band.market} cost {band.low} won: some may be missing")
    if len(ranking) < query.count:
        where = f"of the {MAX_COUNT} largest pass the filter" if query.filter_by else "are there"
        yield Gap("ranking", f"{len(ranking)} {where}; {query.count} were asked for")


TOOLS: Final = (
    Tool(
        name="get_market_cap_ranking",
        title="시가총액 순위",
        description="Largest companies by market cap 시가총액, with change of place, traded value, foreign holding.",
        query=CapRanking,
        output=OUTPUT,
        run=get_market_cap_ranking,
        toolset="ranking",
        endpoints=(CAP, RANK, MULTI, PRICE),
    ),
)
