"""업종별 거래대금 순위: industries of a market, none counted twice, with leaders and net buying."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer, Gap
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.core.values import percent
from dari.providers.kis.models import Listed, Ranked, SectorIndex, market_trades, rows, sector_index
from dari.providers.kis.tools.asks import FUNDS, INDEX, MARKET_INVESTOR, RANK, VENUE, head, market_investor, master
from dari.providers.kis.tools.asks import volume_rank as rank
from dari.providers.kis.tools.shapes import INTEGER, NUMBER, TEXT, answer_of, eok, rows_of, signed

SECTORS: Final = "domestic_stock.inquire_index_category_price"
BOARD: Final = {"KOSPI": "K", "KOSDAQ": "Q"}
NONE: Final = "0000"
LEADERS: Final = 3
FIRST: Final = 5
SHORT: Final = 10
"""Of up to so many industries each names three leaders; of more, the first five do and the rest name one."""
BY_VALUE: Final = "3"
WEIGHTED: Final = "index change, weighted by capitalisation; not a plain mean of stocks"


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


def industries(issues: Sequence[Listed]) -> dict[str, int]:
    """The sector codes that together hold every company once, and how many each holds.

    A large sector (지수업종대분류) whose companies are all told apart by medium ones (중분류) is counted by these; one
    that also holds companies directly is counted as a whole. Funds belong to no sector.
    """
    companies = [one for one in issues if one.group not in FUNDS and one.large.strip("0")]
    direct = {one.large for one in companies if not one.medium.strip("0")}
    return Counter(one.large if one.large in direct else one.medium for one in companies)


async def get_sector_volume_ranking(query: SectorRanking, upstream: Upstream) -> Answer:
    """Costs one call for all sectors, one master file (kept for hours), and two a sector shown.

    Raises what the upstream's policies raise.
    """
    listing, issues = await _sectors(query.market, upstream), await master(upstream, query.market)
    counts = industries(issues)
    found = sorted((one for one in listing if one.code in counts), key=lambda one: (-one.value, one.code))
    shown = found[: query.count]
    leaders = await together(*(rank(upstream, one.code, BY_VALUE) for one in shown))
    nets = await together(*(market_investor(upstream, query.market, one.code) for one in shown))
    ranking = [
        _row(
            place, one, counts[one.code], top, net, leaders=LEADERS if len(shown) <= SHORT or place <= SHORT // 2 else 1
        )
        for place, (one, top, net) in enumerate(zip(shown, leaders, nets, strict=True), start=1)
    ]
    data = {
        **head(upstream),
        "market": query.market,
        "ranking": ranking,
        "notes": {"average_change_rate": WEIGHTED},
    }
    gaps = []
    if len(ranking) < query.count:
        gaps.append(Gap("ranking", f"{query.market} has {len(ranking)} industries; {query.count} were asked for"))
    lines = [f"업종별 거래대금 {query.market} (KRX)"]
    lines += [
        f"{row['rank']}. {row['sector_code']} {row['sector_name'][:12]} {eok(row['trading_value'])} "
        f"{signed(row['average_change_rate'])} 외국인 {eok(row['foreign_net_buy'])} "
        f"{' '.join(one['stock_name'][:8] for one in row['leading_stocks'][:2])}"
        for row in ranking
    ]
    return Answer(data, upstream.sources, tuple(gaps), "\n".join(lines))


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


def _row(
    place: int, sector: SectorIndex, count: int, top: Sequence[Ranked], net: Mapping[str, Any], *, leaders: int
) -> dict[str, Any]:
    return {
        "rank": place,
        "sector_code": sector.code,
        "sector_name": sector.name,
        "trading_value": sector.value,
        "trading_volume": sector.volume,
        "stock_count": count,
        "average_change_rate": sector.change_rate,
        "leading_stocks": [
            {
                "stock_code": one.code,
                "stock_name": one.name,
                "contribution": percent(one.value, sector.value) if sector.value else None,
            }
            for one in top[:leaders]
        ],
        "foreign_net_buy": market_trades(net, "frgn").net,
        "institution_net_buy": market_trades(net, "orgn").net,
    }


TOOLS: Final = (
    Tool(
        name="get_sector_volume_ranking",
        title="업종별 거래대금 순위",
        description="Industries 업종 of a market by traded value, with leading stocks and net buying.",
        query=SectorRanking,
        output=OUTPUT,
        run=get_sector_volume_ranking,
        toolset="ranking",
        endpoints=(SECTORS, RANK, MARKET_INVESTOR),
    ),
)
