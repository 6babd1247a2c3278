"""투자자별 순매수 순위: what foreigners and institutions bought net, as KIS counts it four times a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer, Gap
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.core.values import percent
from dari.providers.kis.models import Net, Trades, net, rows
from dari.providers.kis.tools.asks import (
    INDEX,
    INDEX_PRICE,
    INVESTOR,
    MARKET_INVESTOR,
    MARKETS,
    MULTI,
    VENUE,
    head,
    index_values,
    investor_trades,
    market_sums,
    values,
)
from dari.providers.kis.tools.shapes import INTEGER, NUMBER, OBJECT, TEXT, WHOLE, answer_of, eok, line, rows_of

RANKING: Final = "domestic_stock.foreign_institution_total"
SHOWN: Final = 30
WHO: Final = {"FOREIGN": "frgn", "INSTITUTION": "orgn", "INDIVIDUAL": "prsn"}
KIND: Final = {"FOREIGN": "1", "INSTITUTION": "2"}
GROSS: Final = (
    "buy_amount", "sell_amount", "buy_volume", "sell_volume", "average_buy_price", "average_sell_price",
)  # fmt: skip


class InvestorRanking(Query):
    """Arguments of get_investor_ranking. `side` tells which end of NET: those who bought, or those who sold."""

    investor_type: Literal["FOREIGN", "INSTITUTION", "INDIVIDUAL", "PROGRAM"] = "FOREIGN"
    trade_type: Literal["BUY", "SELL", "NET"] = "NET"
    market: Literal["ALL", "KOSPI", "KOSDAQ"] = "ALL"
    count: int = Field(default=20, ge=1, le=50)
    side: Literal["buy", "sell"] = "buy"


ROWS: Final = rows_of(
    rank=INTEGER,
    stock_code=TEXT,
    stock_name=TEXT,
    buy_amount=WHOLE,
    sell_amount=WHOLE,
    net_amount=INTEGER,
    buy_volume=WHOLE,
    sell_volume=WHOLE,
    net_volume=INTEGER,
    average_buy_price=NUMBER,
    average_sell_price=NUMBER,
    impact_ratio=NUMBER,
)
OUTPUT: Final = answer_of(
    ranking={"anyOf": [ROWS, {"type": "null"}]},
    summary=OBJECT,
)


async def get_investor_ranking(query: InvestorRanking, upstream: Upstream) -> Answer:
    """KIS ranks FOREIGN and INSTITUTION by net amount; every other ranking is null, with a gap naming who has it.

    Costs one call a market, one a market for its sums and one for its value, one a row, and one for thirty values.
    Raises what the upstream's policies raise.
    """
    markets = MARKETS[query.market]
    unranked = _unranked(query)
    summary, known = await _summary(query, markets, upstream)
    if unranked:
        ranking, gaps = None, [unranked, *known]
    else:
        ranking, gaps = await _ranking(query, markets, upstream)
        gaps += known
    data = {
        **head(upstream),
        "investor_type": query.investor_type,
        "trade_type": query.trade_type,
        "market": query.market,
        "ranking": ranking,
        "summary": summary,
    }
    return Answer(data, upstream.sources, tuple(gaps), _text(query, ranking, summary, unranked))


def _unranked(query: InvestorRanking) -> Gap | None:
    if query.investor_type in {"INDIVIDUAL", "PROGRAM"}:
        what = "개인" if query.investor_type == "INDIVIDUAL" else "프로그램"
        return Gap("ranking", f"KIS does not rank {query.investor_type} ({what}) trading", "KIWOOM_APP_KEY")
    if query.trade_type != "NET":
        reason = f"KIS ranks net trading only, not gross {query.trade_type}; ask NET with side=buy or side=sell"
        return Gap("ranking", reason, "KIWOOM_APP_KEY")
    return None


async def _ranking(
    query: InvestorRanking, markets: Sequence[str], upstream: Upstream
) -> tuple[list[dict[str, Any]], list[Gap]]:
    who, sign = WHO[query.investor_type], 1 if query.side == "buy" else -1
    found = await together(*(_nets(upstream, market, query) for market in markets))

    def place_of(one: Net) -> tuple[int, str]:
        return (-sign * one.amount, one.code)

    merged = sorted((one for some in found for one in some), key=place_of)
    # A full reply hides whatever comes after its last row: from there on the order of several markets is not known.
    ends = [place_of(max(some, key=place_of)) for some in found if len(some) >= SHOWN]
    certain = [one for one in merged if all(place_of(one) <= end for end in ends)]
    shown = certain[: query.count]
    codes = [one.code for one in shown]
    worth, gross = await _worth_and_gross(upstream, codes, who)
    ranking = [_row(place, one, worth, gross[one.code]) for place, one in enumerate(shown, start=1)]
    return ranking, list(_gaps(query, ranking, full=bool(ends)))


async def _worth_and_gross(
    upstream: Upstream, codes: Sequence[str], who: str
) -> tuple[Mapping[str, int], dict[str, Trades | None]]:
    worth = await values(upstream, codes)
    told = await together(*(investor_trades(upstream, code, who) for code in codes))
    return worth, dict(zip(codes, told, strict=True))


async def _nets(upstream: Upstream, market: str, query: InvestorRanking) -> list[Net]:
    parameters = {
        "FID_COND_MRKT_DIV_CODE": "V",
        "FID_COND_SCR_DIV_CODE": "16449",
        "FID_INPUT_ISCD": INDEX[market],
        "FID_DIV_CLS_CODE": "1",
        "FID_RANK_SORT_CLS_CODE": "0" if query.side == "buy" else "1",
        "FID_ETC_CLS_CODE": KIND[query.investor_type],
    }
    reply = await upstream.ask(RANKING, parameters, venue=VENUE)
    return [net(row, WHO[query.investor_type]) for row in rows(reply.body, "output", "Output")]


def _average(value: int, volume: int | None) -> float | None:
    return float((Decimal(value) / volume).quantize(Decimal("0.01"), ROUND_HALF_UP)) if volume else None


def _row(place: int, one: Net, worth: Mapping[str, int], gross: Trades | None) -> dict[str, Any]:
    told: dict[str, Any] = dict.fromkeys(GROSS)
    if gross is not None:
        told = {
            "buy_amount": gross.bought,
            "sell_amount": gross.sold,
            "buy_volume": gross.bought_volume,
            "sell_volume": gross.sold_volume,
            "average_buy_price": _average(gross.bought, gross.bought_volume),
            "average_sell_price": _average(gross.sold, gross.sold_volume),
        }
    value = worth.get(one.code)
    return {
        "rank": place,
        "stock_code": one.code,
        "stock_name": one.name,
        "net_amount": one.amount,
        "net_volume": one.volume,
        **told,
        "impact_ratio": percent(abs(one.amount), value) if value else None,
    }


async def _summary(
    query: InvestorRanking, markets: Sequence[str], upstream: Upstream
) -> tuple[dict[str, Any], list[Gap]]:
    names = ("total_buy_amount", "total_sell_amount", "total_net_amount", "market_impact")
    if query.investor_type == "PROGRAM":
        return dict.fromkeys(names), [Gap("summary", "program totals are not in this answer", "KIWOOM_APP_KEY")]
    sums = await market_sums(upstream, markets, WHO[query.investor_type])
    traded = sum((await index_values(upstream, markets)).values())
    told = (sums.bought, sums.sold, sums.net, percent(abs(sums.net), traded))
    return dict(zip(names, told, strict=True)), []


def _gaps(query: InvestorRanking, ranking: Sequence[Mapping[str, Any]], *, full: bool) -> Iterable[Gap]:
    if any(row["buy_amount"] is None for row in ranking):
        reason = "KIS tells what was bought and sold only after the close"
        yield Gap(f"ranking[].{{{','.join(GROSS)}}}", reason, "time")
    if any(row["impact_ratio"] is None for row in ranking):
        yield Gap("ranking[].impact_ratio", "nothing of these issues was traded today")
    if len(ranking) < query.count:
        reason = f"{len(ranking)} places are certain; KIS shows {SHOWN} issues a market" if full else "no more issues"
        yield Gap("ranking", f"{query.count} were asked for: {reason}")


def _text(
    query: InvestorRanking, ranking: Sequence[Mapping[str, Any]] | None, summary: Mapping[str, Any], gap: Gap | None
) -> str:
    total = eok(summary["total_net_amount"])
    if ranking is None:
        why = gap.reason if gap else ""
        return f"{query.investor_type} {query.trade_type}: 순위 없음 ({why}). 시장 합계 순매수 {total}"
    end = "순매수" if query.side == "buy" else "순매도"
    lines = [f"{query.investor_type} {end} 상위 {query.market} (가집계 추정, KRX) · 시장 합계 {total}"]
    lines += [line(row, eok(row["net_amount"]), f"{row['net_volume']:,}주") for row in ranking]
    return "\n".join(lines)


TOOLS: Final = (
    Tool(
        name="get_investor_ranking",
        title="투자자별 순매수 순위",
        description="Stocks by net buying of foreigners 외국인 or institutions 기관 (provisional counts, 4x a day); "
        "side=sell for net selling.",
        query=InvestorRanking,
        output=OUTPUT,
        run=get_investor_ranking,
        toolset="ranking",
        endpoints=(RANKING, MARKET_INVESTOR, INDEX_PRICE, MULTI, INVESTOR),
    ),
)
