"""업종별 거래대금 순위: industries of a market, none counted twice, with leaders and net buying."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer, Gap
from dari.core.market import DayRow, History, neighbours_of
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.core.values import percent
from dari.providers.kis.models import Listed, SectorIndex, market_trades, rows, sector_index
from dari.providers.kis.tools import whole_market
from dari.providers.kis.tools.asks import (
    BOARD,
    FUNDS,
    INDEX,
    MARKET_INVESTOR,
    RANK,
    VENUE,
    head,
    market_investor,
    master,
)
from dari.providers.kis.tools.asks import volume_rank as rank
from dari.providers.kis.tools.shapes import INTEGER, NUMBER, TEXT, answer_of, eok, rows_of, signed

SECTORS: Final = "domestic_stock.inquire_index_category_price"
NONE: Final = "0000"
LEADERS: Final = 3
FIRST: Final = 5
SHORT: Final = 10
"""Of up to so many industries each names three leaders and one investor more; of more, the first five name three."""
BY_VALUE: Final = "3"
WEIGHTED: Final = "index change, weighted by capitalisation; not a plain mean of stocks"
PLAIN: Final = "plain mean of the industry's stocks at the close of {day}"
LEADING: Final = "share of the industry's value at the close of {day}"


class SectorRanking(Query):
    """Arguments of get_sector_volume_ranking."""

    market: Literal["KOSPI", "KOSDAQ"] = "KOSPI"
    count: int = Field(default=20, ge=1, le=50)


OUTPUT: Final = answer_of(
    ranking=rows_of(
        rank=INTEGER,
        sector_code=TEXT,
        sector_name=TEXT,
        trading_value=INTEGER,
        trading_volume=INTEGER,
        stock_count=INTEGER,
        average_change_rate=NUMBER,
        leading_stocks=rows_of(stock_code=TEXT, stock_name=TEXT, contribution=NUMBER),
        foreign_net_buy=INTEGER,
        institution_net_buy=INTEGER,
    ),
    notes={"type": "object"},
)


def homes(issues: Sequence[Listed]) -> dict[str, str]:
    """Each company's sector, so that the sectors together hold every company once.

    A large sector (지수업종대분류) whose companies are all told apart by medium ones (중분류) is counted by these; one
    that also holds companies directly is counted as a whole. Funds belong to no sector.
    """
    companies = [one for one in issues if one.group not in FUNDS and one.large.strip("0")]
    direct = {one.large for one in companies if not one.medium.strip("0")}
    return {one.code: one.large if one.large in direct else one.medium for one in companies}


@dataclass(frozen=True, slots=True)
class Closed:
    """An industry at the last close: its stocks by value, what they traded together, and their plain mean change."""

    rows: Sequence[DayRow]
    value: int
    mean: float | None


def closed(history: History, home: Mapping[str, str]) -> dict[str, Closed]:
    """Every industry out of the days that are kept."""
    members: dict[str, list[DayRow]] = {}
    for code, series in history.shares.items():
        if code in home:
            members.setdefault(home[code], []).append(series.row)
    found = {}
    for sector, rows_ in members.items():
        rates = [Decimal(str(row.change_rate)) for row in rows_]
        mean = float((sum(rates, Decimal(0)) / len(rates)).quantize(Decimal("0.01"), ROUND_HALF_UP))
        rows_.sort(key=lambda row: (-row.value, row.code))
        found[sector] = Closed(rows_, sum(row.value for row in rows_), mean)
    return found


async def get_sector_volume_ranking(query: SectorRanking, upstream: Upstream) -> Answer:
    """Costs one call for all sectors, one master file (kept for hours), and one a sector shown for net buying.

    Leaders and plain means come from the last close where the days are kept; else leaders cost one more a sector.
    Raises what the upstream's policies raise.
    """
    neighbours = neighbours_of(upstream)
    listing, issues = await _sectors(query.market, upstream), await master(upstream, query.market)
    history, gaps = await whole_market.kept_days(neighbours, 2)
    home = homes(issues)
    counts = Counter(home.values())
    found = sorted((one for one in listing if one.code in counts), key=lambda one: (-one.value, one.code))
    shown = found[: query.count]
    nets = await together(*(market_investor(upstream, query.market, one.code) for one in shown))
    if history is None:
        leaders = [
            _leading([(one.code, one.name, one.value) for one in top], sector.value)
            for top, sector in zip(
                await together(*(rank(upstream, one.code, BY_VALUE) for one in shown)), shown, strict=True
            )
        ]
        means = [one.change_rate for one in shown]
        notes = {"average_change_rate": WEIGHTED}
        gaps = whole_market.no_days(neighbours, "ranking[].average_change_rate", "no plain mean of stocks", gaps)
    else:
        ends = closed(history, home)
        told = [ends.get(one.code, Closed((), 0, None)) for one in shown]
        leaders = [_leading([(row.code, row.name, row.value) for row in one.rows], one.value) for one in told]
        means = [one.mean for one in told]
        day = history.days[0]
        notes = {"average_change_rate": PLAIN.format(day=day), "leading_stocks": LEADING.format(day=day)}
    ranking = [
        {
            "rank": place,
            "sector_code": one.code,
            "sector_name": one.name,
            "trading_value": one.value,
            "trading_volume": one.volume,
            "stock_count": counts[one.code],
            "average_change_rate": mean,
            "leading_stocks": top[: LEADERS if len(shown) <= SHORT or place <= SHORT // 2 else 1],
            "foreign_net_buy": market_trades(net, "frgn").net,
            "institution_net_buy": market_trades(net, "orgn").net,
            **({} if len(shown) > SHORT else _more(one, net)),
        }
        for place, (one, mean, top, net) in enumerate(zip(shown, means, leaders, nets, strict=True), start=1)
    ]
    data = {**head(upstream), "market": query.market, "ranking": ranking, "notes": notes}
    if len(ranking) < query.count:
        gaps.append(Gap("ranking", f"{query.market} has {len(ranking)} industries; {query.count} were asked for"))
    sources = upstream.sources if history is None else (*upstream.sources, whole_market.source(history, upstream))
    text = _text(query.market, ranking, [one.change_rate for one in shown])
    return Answer(data, sources, tuple(gaps), text)


def _more(sector: SectorIndex, net: Mapping[str, Any]) -> dict[str, Any]:
    """What a short answer has room for."""
    return {"index_change_rate": sector.change_rate, "individual_net_buy": market_trades(net, "prsn").net}


def _text(market: str, ranking: Sequence[Mapping[str, Any]], changes: Sequence[float | None]) -> str:
    lines = [f"업종별 거래대금 {market} (KRX)"]
    lines += [
        f"{row['rank']}. {row['sector_code']} {row['sector_name'][:12]} {eok(row['trading_value'])} "
        f"{signed(change)} 외국인 {eok(row['foreign_net_buy'])} "
        f"{' '.join(one['stock_name'][:8] for one in row['leading_stocks'][:2])}"
        for row, change in zip(ranking, changes, strict=True)
    ]
    return "\n".join(lines)


def _leading(stocks: Sequence[tuple[str, str, int]], whole: int) -> list[dict[str, Any]]:
    return [
        {"stock_code": code, "stock_name": name, "contribution": percent(value, whole) if whole else None}
        for code, name, value in stocks[:LEADERS]
    ]


async def _sectors(market: str, upstream: Upstream) -> list[SectorIndex]:
    parameters = {
        "FID_COND_MRKT_DIV_CODE": "U",
        "FID_INPUT_ISCD": INDEX[market],
        "FID_COND_SCR_DIV_CODE": "20214",
        "FID_MRKT_CLS_CODE": BOARD[market],
        "FID_BLNG_CLS_CODE": "0",
    }
    reply = await upstream.ask(SECTORS, parameters, venue=VENUE)
    return [sector_index(row) for row in rows(reply.body, "output2")]


TOOLS: Final = (
    Tool(
        name="get_sector_volume_ranking",
        title="업종별 거래대금 순위",
        description="Industries 업종 by traded value, with leading stocks and net buying.",
        query=SectorRanking,
        output=OUTPUT,
        run=get_sector_volume_ranking,
        toolset="ranking",
        endpoints=(SECTORS, RANK, MARKET_INVESTOR),
    ),
)
