"""시가총액 순위: the largest companies, how their place changed since yesterday, and what they trade."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from dari.core.exchange import Answer, Gap
from dari.core.krx import previous_trading_day
from dari.core.market import History, Market, Neighbours, Treasury, neighbours_of
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.core.values import percent
from dari.providers.kis.models import Capital, Listed, capital, fundamentals, rate, rows
from dari.providers.kis.tools import whole_market
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
    trading_day,
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
    """In won; sector: KRX code."""

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
MEANS: Final = {
    "average_per": "mean of the rows shown; nobody here publishes the market's",
    "average_pbr": "mean of the rows shown",
}
NOTES: Final = {
    "weight_in_index": "of both markets' capitalisation together",
    "total_market_cap": "by yesterday's close (master files)",
    "top10_concentration": "sum of the ten largest weights",
    **MEANS,
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the whole market says of single companies: places, weights in percent, and the summary's two figures."""

    places: Mapping[str, int]
    by_value: Mapping[str, int]
    weights: Mapping[str, float | None]
    total: int
    top10: float | None
    notes: Mapping[str, str]


async def get_market_cap_ranking(query: CapRanking, upstream: Upstream) -> Answer:
    """Filters are applied to the 50 largest: fewer than `count` rows may be left, and the gap says so.

    Costs one call a market (more only beyond 30), one for thirty values, two master files kept for hours (and without
    kept days one a market for values' places), and one a row; a company's treasury stock one more, once a day.
    Raises what the upstream's policies raise.
    """
    neighbours = neighbours_of(upstream)
    markets = MARKETS[query.market]
    reach = MAX_COUNT if query.filter_by else max(query.count, TOP)
    found = await _largest(upstream, markets, reach)
    history, lacking = await whole_market.kept_days(neighbours, 2)
    issues = [one for some in await together(*(master(upstream, market) for market in markets)) for one in some]
    sizes = (
        await _shown(upstream, found, markets, issues)
        if history is None
        else _kept(history, query.market, trading_day(upstream), _places(issues))
    )
    codes = [row.code for _, row in found.rows]
    wanted = codes if query.filter_by else codes[: query.count]
    worth = await values(upstream, wanted)
    kept = [
        (place, row)
        for place, (_, row) in enumerate(found.rows, start=1)
        if row.code in wanted and _passes(query.filter_by, row, worth, _sector_of(issues, query.filter_by))
    ][: query.count]
    shown = [row.code for _, row in kept]
    details = await prices(upstream, shown)
    own: Mapping[str, Treasury] = {}
    if neighbours.disclosures is not None:
        own = await neighbours.disclosures.treasury(shown)
    ranking: list[dict[str, Any]] = [
        {
            "rank": place,
            "stock_code": row.code,
            "stock_name": row.name,
            "market_cap": row.market_cap,
            "market_cap_rank_change": sizes.places[row.code] - place if row.code in sizes.places else None,
            "current_price": row.price,
            "trading_value": worth.get(row.code),
            "trading_value_rank": sizes.by_value.get(row.code),
            "weight_in_index": sizes.weights.get(row.code),
            "foreign_ownership": fundamentals(details[row.code]).foreign_ratio,
            "treasury_stock_ratio": own[row.code].ratio if row.code in own else None,
        }
        for place, row in kept
    ]
    summary = {
        "total_market_cap": sizes.total,
        "top10_concentration": sizes.top10,
        "average_per": _mean(rate(details[code], "per") for code in shown),
        "average_pbr": _mean(rate(details[code], "pbr") for code in shown),
    }
    notes = {**sizes.notes, **({"treasury_stock_ratio": _reports(own.values())} if own else {})}
    data = {**head(upstream), "market": query.market, "ranking": ranking, "summary": summary, "notes": notes}
    lines = [f"시가총액 순위 {query.market} (KRX)"]
    lines += [line(row, eok(row["market_cap"]), f"{row['current_price']:,}원") for row in ranking]
    gaps = (*_gaps(query, found, ranking, neighbours), *lacking)
    sources = upstream.sources if history is None else (*upstream.sources, whole_market.source(history, upstream))
    return Answer(data, sources, gaps, "\n".join(lines))


def _reports(own: Iterable[Treasury]) -> str:
    """Which reports the own shares are out of."""
    days = sorted({one.as_of for one in own})
    return f"periodic report as of {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "")


async def _shown(upstream: Upstream, found: Top[Capital], markets: Sequence[Market], issues: Sequence[Listed]) -> Sizes:
    """Sizes out of what KIS shows and the master files."""
    weights = [row.weight for _, row in found.rows[:TOP]]
    return Sizes(
        places=_places(issues),
        by_value=await _value_places(upstream, markets),
        weights={row.code: row.weight for _, row in found.rows},
        total=sum(one.previous_cap for one in issues if one.group not in FUNDS),
        top10=round(sum(one for one in weights if one is not None), 2),
        notes=NOTES,
    )


def _kept(history: History, market: str, today: date, places: Mapping[str, int]) -> Sizes:
    """Sizes at the last close that is kept. Places of the day before `today`, where they are kept."""
    day = history.days[0]
    shares = whole_market.of_market(history, market)
    caps = {one.row.code: one.row.market_cap for one in shares}
    totals = Counter[str]()
    for one in history.shares.values():
        totals[one.market] += one.row.market_cap
    before = caps if day < today else {code: history.earlier[code] for code in caps if code in history.earlier}
    exact = previous_trading_day(today) in history.days[: 1 if day < today else 2]
    total = sum(caps.values())
    return Sizes(
        places=whole_market.places(list(before.items())) if exact else places,
        by_value=whole_market.places([(one.row.code, one.row.value) for one in shares]),
        weights={one.row.code: percent(one.row.market_cap, totals[one.market]) for one in shares},
        total=total,
        top10=percent(sum(sorted(caps.values(), reverse=True)[:TOP]), total),
        notes={
            "weight_in_index": f"of its market's shares at the close of {day}",
            "total_market_cap,top10_concentration": f"at the close of {day}",
            "trading_value_rank": f"among all shares at the close of {day}",
            **MEANS,
        },
    )


async def _largest(upstream: Upstream, markets: tuple[Market, ...], count: int) -> Top[Capital]:
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


async def _value_places(upstream: Upstream, markets: Sequence[Market]) -> dict[str, int]:
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


def _gaps(
    query: CapRanking, found: Top[Capital], ranking: Sequence[Mapping[str, Any]], neighbours: Neighbours
) -> Iterable[Gap]:
    own = sum(1 for row in ranking if row["treasury_stock_ratio"] is None)
    if own and neighbours.disclosures is None:
        key = neighbours.keys["disclosures"]
        yield Gap("ranking[].treasury_stock_ratio", "KIS tells no treasury stock 자사주", key)
    elif own and neighbours.disclosures is not None:
        told = f"no periodic report at DART tells it for {own} of {len(ranking)} companies"
        yield Gap("ranking[].treasury_stock_ratio", neighbours.disclosures.lacking or told)
    if any(row["trading_value_rank"] is None for row in ranking):
        reason = "KIS shows the 30 largest by value a market"
        yield Gap("ranking[].trading_value_rank", reason, neighbours.keys["days"])
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
        description="Largest companies by market cap 시가총액, with index weight, foreign holding, treasury stock.",
        query=CapRanking,
        output=OUTPUT,
        run=get_market_cap_ranking,
        toolset="ranking",
        endpoints=(CAP, RANK, MULTI, PRICE),
    ),
)
