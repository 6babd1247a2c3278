"""투자자별 순위: nets of foreigners and institutions as KIS counts them four times a day; all others by Kiwoom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer, Gap
from dari.core.krx import board, session
from dari.core.market import Flows, Neighbours, Traded, TradedRanking, neighbours_of
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
    PROGRAM,
    PROGRAM_SUMS,
    VENUE,
    head,
    index_values,
    investor_trades,
    market_sums,
    program_sums,
    program_trades,
    values,
)
from dari.providers.kis.tools.shapes import INTEGER, NUMBER, OBJECT, TEXT, WHOLE, answer_of, eok, line, rows_of

RANKING: Final = "domestic_stock.foreign_institution_total"
SHOWN: Final = 30
WHO: Final = {"FOREIGN": "frgn", "INSTITUTION": "orgn", "INDIVIDUAL": "prsn"}
KIND: Final = {"FOREIGN": "1", "INSTITUTION": "2"}
NAMES: Final = {"FOREIGN": "외국인", "INSTITUTION": "기관", "INDIVIDUAL": "개인", "PROGRAM": "프로그램"}
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
    net_amount=WHOLE,
    buy_volume=WHOLE,
    sell_volume=WHOLE,
    net_volume=WHOLE,
    average_buy_price=NUMBER,
    average_sell_price=NUMBER,
    impact_ratio=NUMBER,
)
OUTPUT: Final = answer_of(
    ranking={"anyOf": [ROWS, {"type": "null"}]},
    summary=OBJECT,
)


async def get_investor_ranking(query: InvestorRanking, upstream: Upstream) -> Answer:
    """KIS ranks FOREIGN and INSTITUTION by net amount; every other ranking comes from Kiwoom, or is null with a gap.

    Costs one call a market, one a market for its sums and one for its value, one a row, and one for thirty values
    (Kiwoom's whole market after the close: a page a hundred shares, once a day).
    Raises what the upstream's policies raise.
    """
    neighbours = neighbours_of(upstream)
    markets = MARKETS[query.market]
    summary = await _summary(query, markets, upstream)
    ranked_by, unranked = "net", None
    if query.trade_type == "NET" and query.investor_type in KIND:
        ranking, gaps = await _ranking(query, markets, upstream)
    else:
        told, unranked = await _by_neighbour(query, upstream, neighbours)
        if told is None or unranked:
            ranking, gaps = None, [unranked] if unranked else []
        else:
            ranking, gaps = await _filled(query, told, upstream)
            ranked_by = told.by
    data = {
        **head(upstream),
        "investor_type": query.investor_type,
        "trade_type": query.trade_type,
        "market": query.market,
        "ranked_by": ranked_by,
        "ranking": ranking,
        "summary": summary,
    }
    return Answer(data, upstream.sources, tuple(gaps), _text(query, ranking, summary, unranked))


async def _by_neighbour(
    query: InvestorRanking, upstream: Upstream, neighbours: Neighbours
) -> tuple[TradedRanking | None, Gap | None]:
    """What Kiwoom ranks, or the gap that says who could and when."""
    flows, key = neighbours.flows, neighbours.keys["flows"]
    who, what = query.investor_type, NAMES[query.investor_type]
    gross = query.trade_type != "NET"
    if gross and who == "PROGRAM":
        return None, Gap("ranking", "nobody ranks gross program trading 프로그램: ask NET with side=buy or side=sell")
    if flows is None and not gross:
        return None, Gap("ranking", f"KIS does not rank {who} ({what}) trading", key)
    if flows is None:
        reason = f"KIS ranks net trading only, not gross {query.trade_type}; ask NET with side=buy or side=sell"
        return None, Gap("ranking", reason, key)
    return await _asked(query, upstream, flows)


async def _asked(query: InvestorRanking, upstream: Upstream, flows: Flows) -> tuple[TradedRanking | None, Gap | None]:
    markets = MARKETS[query.market]
    if query.trade_type == "NET":
        day = board(upstream.now()).day
        selling = query.side == "sell"
        return await flows.net(query.investor_type, markets, day, selling=selling, most=query.count), None
    selling = query.trade_type == "SELL"
    told = await flows.gross(query.investor_type, markets, selling=selling, most=query.count, closed=_closed(upstream))
    if told is None:
        what = NAMES[query.investor_type]
        return None, Gap("ranking", f"gross {query.trade_type} of {what} is told after the close only", "time")
    return told, None


def _closed(upstream: Upstream) -> bool:
    """Whether the board's day is told as a whole: ten minutes past its close."""
    now = upstream.now()
    times = session(board(now).day)
    return times is None or now >= times.closes + timedelta(minutes=10)


async def _filled(
    query: InvestorRanking, told: TradedRanking, upstream: Upstream
) -> tuple[list[dict[str, Any]], list[Gap]]:
    """A neighbour's rows with what KIS knows of each: its value, and who traded what of it."""
    codes = [one.code for one in told.rows]
    worth = await values(upstream, codes)
    if query.investor_type == "PROGRAM":
        gross = dict(zip(codes, await together(*(program_trades(upstream, code) for code in codes)), strict=True))
    else:
        who = WHO[query.investor_type]
        gross = dict(zip(codes, await together(*(investor_trades(upstream, code, who) for code in codes)), strict=True))
    ranking = [_row_of(place, one, worth, gross[one.code], by=told.by) for place, one in enumerate(told.rows, start=1)]
    gaps = list(_gaps(query, ranking, full=False))
    if told.note:
        gaps.append(Gap("ranked_by", told.note, "time"))
    return ranking, gaps


def _row_of(place: int, one: Traded, worth: Mapping[str, int], known: Trades | None, *, by: str) -> dict[str, Any]:
    """A row of a neighbour: its own figures count, KIS fills what it leaves out."""
    bought = one.bought if one.bought is not None else known.bought if known else None
    sold = one.sold if one.sold is not None else known.sold if known else None
    bought_volume = one.bought_volume if one.bought_volume is not None else known.bought_volume if known else None
    sold_volume = one.sold_volume if one.sold_volume is not None else known.sold_volume if known else None
    net = one.net if by == "net" else None if bought is None or sold is None else bought - sold
    net_volume = one.net_volume
    if net_volume is None and bought_volume is not None and sold_volume is not None:
        net_volume = bought_volume - sold_volume
    value = worth.get(one.code)
    return {
        "rank": place,
        "stock_code": one.code,
        "stock_name": one.name,
        "net_amount": net,
        "net_volume": net_volume,
        "buy_amount": bought,
        "sell_amount": sold,
        "buy_volume": bought_volume,
        "sell_volume": sold_volume,
        "average_buy_price": None if bought is None else _average(bought, bought_volume),
        "average_sell_price": None if sold is None else _average(sold, sold_volume),
        "impact_ratio": percent(abs(net), value) if value and net is not None else None,
    }


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


async def _summary(query: InvestorRanking, markets: Sequence[str], upstream: Upstream) -> dict[str, Any]:
    names = ("total_buy_amount", "total_sell_amount", "total_net_amount", "market_impact")
    if query.investor_type == "PROGRAM":
        sums = await program_sums(upstream, markets)
    else:
        sums = await market_sums(upstream, markets, WHO[query.investor_type])
    traded = sum((await index_values(upstream, markets)).values())
    told = (sums.bought, sums.sold, sums.net, percent(abs(sums.net), traded))
    return dict(zip(names, told, strict=True))


def _gaps(query: InvestorRanking, ranking: Sequence[Mapping[str, Any]], *, full: bool) -> Iterable[Gap]:
    missing = [name for name in GROSS if any(row[name] is None for row in ranking)]
    if missing:
        reason = "KIS tells what was bought and sold only after the close"
        yield Gap(f"ranking[].{{{','.join(missing)}}}", reason, "time")
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
    name, field = {"BUY": ("매수", "buy"), "SELL": ("매도", "sell")}.get(query.trade_type, ("", "net"))
    end = name or ("순매수" if query.side == "buy" else "순매도")
    counted = "가집계 추정, " if not name and query.investor_type in KIND else ""
    lines = [f"{query.investor_type} {end} 상위 {query.market} ({counted}KRX) · 시장 합계 순매수 {total}"]
    lines += [
        line(row, eok(row[f"{field}_amount"]), "" if (shares := row[f"{field}_volume"]) is None else f"{shares:,}주")
        for row in ranking
    ]
    return "\n".join(lines)


TOOLS: Final = (
    Tool(
        name="get_investor_ranking",
        title="투자자별 매매 순위",
        description="Stocks by net buying (side=sell: selling) of an investor; BUY and SELL after the close.",
        query=InvestorRanking,
        output=OUTPUT,
        run=get_investor_ranking,
        toolset="ranking",
        endpoints=(RANKING, MARKET_INVESTOR, INDEX_PRICE, MULTI, INVESTOR, PROGRAM, PROGRAM_SUMS),
    ),
)
