"""시장: whether it is open, rankings, investor flow, sectors, themes; in won, shares and percent throughout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer
from dari.core.krx import board, holiday_name, next_trading_day, session
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kiwoom.tools.envelope import (
    MARKET_OF_LIST,
    ROWS,
    SUFFIX,
    VENUE_OF_LIST,
    Market,
    StockCode,
    Venue,
    columnar,
    failing,
    good,
    pages,
    schema,
    signed,
    told_gaps,
)

FLOW: Final = "ka10059"
SECTORS: Final = "ka20003"
SECTOR_STOCKS: Final = "ka20002"
THEMES: Final = "ka90001"
THEME_STOCKS: Final = "ka90002"


@dataclass(frozen=True, slots=True)
class Ranking:
    """One ranking: its endpoint, what it is asked with beside market and venue, and the fields that rank it."""

    endpoint: str
    title: str
    asked: Mapping[str, str]
    shown: tuple[str, ...]
    price: str = "price"


_ANY: Final = {"stk_cnd": "0", "crd_cnd": "0", "pric_cnd": "0", "updown_incls": "1"}
_MOVERS: Final = {**_ANY, "trde_qty_cnd": "0000", "trde_prica_cnd": "0"}
_NEW: Final = {
    "high_low_close_tp": "1",
    "stk_cnd": "0",
    "trde_qty_tp": "00000",
    "crd_cnd": "0",
    "updown_incls": "1",
    "dt": "250",
}
_VOLUME: Final = {
    "mang_stk_incls": "0",
    "crd_tp": "0",
    "trde_qty_tp": "0",
    "pric_tp": "0",
    "trde_prica_tp": "0",
    "mrkt_open_tp": "0",
}
_SURGE: Final = {"tm_tp": "2", "trde_qty_tp": "5", "stk_cnd": "0", "pric_tp": "0"}
RANKINGS: Final[Mapping[str, Ranking]] = {
    "value": Ranking("ka10032", "거래대금 상위", {"mang_stk_incls": "1"}, ("volume", "value")),
    "volume": Ranking("ka10030", "거래량 상위", {**_VOLUME, "sort_tp": "1"}, ("volume", "value", "turnover_pct")),
    "gainers": Ranking("ka10027", "상승률 상위", {**_MOVERS, "sort_tp": "1"}, ("volume", "strength")),
    "losers": Ranking("ka10027", "하락률 상위", {**_MOVERS, "sort_tp": "3"}, ("volume", "strength")),
    "volume_surge": Ranking(
        "ka10023", "거래량 급증", {**_SURGE, "sort_tp": "2"}, ("volume", "previous_volume", "surge_pct")
    ),
    "foreign_buy": Ranking("ka10034", "외국인 순매수 상위", {"trde_tp": "2", "dt": "0"}, ("volume", "net_buy_qty")),
    "foreign_sell": Ranking("ka10034", "외국인 순매도 상위", {"trde_tp": "1", "dt": "0"}, ("volume", "net_buy_qty")),
    "new_high": Ranking("ka10016", "52주 신고가", {**_NEW, "ntl_tp": "1"}, ("volume", "high")),
    "new_low": Ranking("ka10016", "52주 신저가", {**_NEW, "ntl_tp": "2"}, ("volume", "low")),
    "expected": Ranking(
        "ka10029",
        "예상체결 등락률 상위",
        {"sort_tp": "1", "trde_qty_cnd": "0", "stk_cnd": "0", "crd_cnd": "0", "pric_cnd": "0"},
        ("expected_qty", "reference_price"),
        price="expected_price",
    ),
}
INVESTORS: Final = ("individual", "foreigner", "institution", "pension_fund", "investment_trust", "private_fund")


class Rank(Query):
    """Arguments of get_ranking."""

    kind: Literal[
        "value", "volume", "gainers", "losers", "volume_surge", "foreign_buy", "foreign_sell", "new_high", "new_low",
        "expected",
    ] = "value"  # fmt: skip
    market: Market = "ALL"
    count: int = Field(default=20, ge=1, le=200)
    venue: Venue = "KRX"


class Flow(Query):
    """Arguments of get_investor_flow."""

    stock_code: StockCode
    days: int = Field(default=20, ge=1, le=250)
    unit: Literal["won", "shares"] = "won"
    venue: Venue = "KRX"


class Sector(Query):
    """Arguments of get_sectors."""

    market: Literal["KOSPI", "KOSDAQ"] = "KOSPI"
    sector_code: str | None = Field(default=None, pattern=r"^[0-9]{3}$", description="its stocks")
    count: int = Field(default=50, ge=1, le=500)


class Theme(Query):
    """Arguments of get_themes."""

    theme_code: str | None = Field(default=None, max_length=6, description="its stocks")
    stock_code: StockCode | None = Field(default=None, description="its themes")
    days: int = Field(default=5, ge=1, le=99)
    count: int = Field(default=30, ge=1, le=200)


class MarketStatus(Query):
    """Arguments of get_market_status."""

    market: Literal["KOSPI", "KOSDAQ"] = "KOSPI"
    venue: Literal["KRX", "NXT"] = "KRX"


async def get_market_status(query: MarketStatus, upstream: Upstream) -> Answer:
    """Whether the market is open, by the clock and the exchange's calendar: Kiwoom has no REST call for it."""
    now = upstream.now()
    where = board(now, query.venue)
    is_open = where.status in {"open", "closing_auction"}
    today = session(now.date())
    data = {
        "market_open": is_open,
        "current_time": now.isoformat(timespec="seconds"),
        "market_type": query.market,
        "status": "OPEN" if is_open else "CLOSED",
        "venue": query.venue,
        "session": where.status,
        "basis": "clock",
        "trading_day": today is not None,
        "holiday": holiday_name(now.date()),
        "opens": today.opens.isoformat() if today else None,
        "closes": today.closes.isoformat() if today else None,
        "next_trading_day": next_trading_day(now.date()).isoformat(),
    }
    message = f"{query.market} {'개장' if is_open else '폐장'} 상태 ({where.status}, 시각과 거래소 달력 기준)"
    return good(upstream, data, message)


async def get_ranking(query: Rank, upstream: Upstream) -> Answer:
    """One of Kiwoom's rankings: price in won, change in percent, and the figures that rank."""
    kind = RANKINGS[query.kind]
    parameters = {
        "mrkt_tp": MARKET_OF_LIST[query.market],
        **kind.asked,
        "stex_tp": VENUE_OF_LIST[query.venue],
    }
    read, more, reply = await pages(upstream, kind.endpoint, parameters, query.count, venue=query.venue)
    rows = [{**row, "rank": place} for place, row in enumerate(read.rows, 1)]
    columns = {"rank": "rank", "stock_code": "code", "name": "name", "price": kind.price, "change": "change"}
    if any("change_pct" in row for row in rows):
        columns["change_rate"] = "change_pct"
    columns |= {name: name for name in kind.shown}
    data = {
        "kind": query.kind,
        "market": query.market,
        "venue": query.venue,
        **columnar(rows, columns),
        "count": len(rows),
        "truncated": more,
        "timestamp": reply.fetched_at.isoformat(timespec="seconds"),
    }
    lines = [
        f"{row['rank']}. {row['code']} {row['name']} {row[kind.price] or 0:,} {signed(row.get('change_pct'))} "
        f"{kind.shown[-1]} {row[kind.shown[-1]] or 0:,}"
        for row in rows
    ]
    message = f"{kind.title} {query.market} {len(rows)}건 조회 완료 ({query.venue})"
    return good(upstream, data, message, lines=lines, gaps=told_gaps(read, "data.rows", columns.values()))


async def get_investor_flow(query: Flow, upstream: Upstream) -> Answer:
    """투자자별 순매수 of a stock, by day, in won or shares: individuals, foreigners, institutions."""
    money = query.unit == "won"
    parameters = {
        "dt": upstream.now().strftime("%Y%m%d"),
        "stk_cd": query.stock_code + SUFFIX[query.venue],
        "amt_qty_tp": "1" if money else "2",
        "trde_tp": "0",
        "unit_tp": "1",  # 단주: single shares, so that a quantity needs no factor
    }
    read, more, reply = await pages(upstream, FLOW, parameters, query.days, venue=query.venue)
    columns = {
        "date": "date",
        "close": "price",
        "change": "change",
        "change_rate": "change_pct",
        "volume": "acc_volume",
    }
    columns |= {name: name for name in INVESTORS}
    data = {
        "stock_code": query.stock_code,
        "venue": query.venue,
        "unit": query.unit,
        **columnar(read.rows, columns),
        "count": len(read.rows),
        "truncated": more,
        "timestamp": reply.fetched_at.isoformat(timespec="seconds"),
    }
    unit = "원" if money else "주"
    lines = [
        f"{row['date']} 개인 {row['individual'] or 0:+,}{unit} 외국인 {row['foreigner'] or 0:+,}{unit} "
        f"기관 {row['institution'] or 0:+,}{unit}"
        for row in read.rows
    ]
    message = f"{query.stock_code} 투자자별 순매수 {len(read.rows)}일 조회 완료 ({query.venue})"
    return good(upstream, data, message, lines=lines, gaps=told_gaps(read, "data.rows", columns.values()))


MEMBER: Final = {
    "stock_code": "code",
    "name": "name",
    "price": "price",
    "change": "change",
    "change_rate": "change_pct",
}
"""A stock of a sector or a theme: our column → the sheet's."""


async def get_sectors(query: Sector, upstream: Upstream) -> Answer:
    """업종: every sector index of a market in points, or with a code the stocks of one sector."""
    kospi = query.market == "KOSPI"
    if query.sector_code is None:
        endpoint, parameters = SECTORS, {"inds_cd": "001" if kospi else "101"}
        columns = {
            "sector_code": "code",
            "name": "name",
            "price": "price",
            "change": "change",
            "change_rate": "change_pct",
        }
        columns |= {"value": "value", "rising": "issues_rising", "falling": "issues_falling"}
    else:
        endpoint = SECTOR_STOCKS
        parameters = {"mrkt_tp": "0" if kospi else "1", "inds_cd": query.sector_code, "stex_tp": VENUE_OF_LIST["KRX"]}
        columns = MEMBER | {"volume": "volume"}
    return await _board(upstream, endpoint, parameters, columns=columns, count=query.count, what=f"{query.market} 업종")


async def get_themes(query: Theme, upstream: Upstream) -> Answer:
    """테마: groups with their return over some days, the themes of one stock, or the stocks of one theme."""
    days = str(query.days)
    if query.theme_code is not None:
        endpoint = THEME_STOCKS
        parameters = {"date_tp": days, "thema_grp_cd": query.theme_code, "stex_tp": VENUE_OF_LIST["KRX"]}
        columns = MEMBER | {"volume": "acc_volume", "period_return": "date_return_pct_n"}
    else:
        endpoint = THEMES
        parameters = {"qry_tp": "0", "date_tp": days, "flu_pl_amt_tp": "1", "stex_tp": VENUE_OF_LIST["KRX"]}
        if query.stock_code is not None:
            parameters |= {"qry_tp": "2", "stk_cd": query.stock_code}
        columns = {"theme_code": "theme_code", "name": "theme", "change_rate": "change_pct", "issues": "issues"}
        columns |= {"rising": "rising_issues", "period_return": "date_return_pct", "main_stocks": "main_stock"}
    return await _board(upstream, endpoint, parameters, columns=columns, count=query.count, what="테마")


async def _board(
    upstream: Upstream, endpoint: str, parameters: dict[str, str], *, columns: dict[str, str], count: int, what: str
) -> Answer:
    read, more, reply = await pages(upstream, endpoint, parameters, count, venue="KRX")
    data: dict[str, Any] = {
        **columnar(read.rows, columns),
        "count": len(read.rows),
        "truncated": more,
        "venue": "KRX",
        "timestamp": reply.fetched_at.isoformat(timespec="seconds"),
    }
    first, second, *_ = columns.values()
    lines = [f"{row[first]} {row[second]} {signed(row['change_pct'])}" for row in read.rows]
    gaps = told_gaps(read, "data.rows", columns.values())
    return good(upstream, data, f"{what} {len(read.rows)}건 조회 완료 (KRX)", lines=lines, gaps=gaps)


def _tool(name: str, title: str, description: str, query: type[Query], *, run: Any, endpoints: tuple[str, ...]) -> Tool:
    return Tool(
        name=name,
        title=title,
        description=description,
        query=query,
        output=schema({**ROWS, "venue": "string", "timestamp": "string"}),
        run=run,
        toolset="market",
        endpoints=endpoints,
        failed=failing(f"{title} 조회", "stock_code" if "stock_code" in query.model_fields else None),
    )


TOOLS: Final = (
    Tool(
        name="get_market_status",
        title="시장 상태",
        description="Is the market open 장 운영 상태: session, holiday, next trading day. From clock and calendar.",
        query=MarketStatus,
        output=schema(
            {
                "market_open": "boolean",
                "current_time": "string",
                "market_type": "string",
                "status": "string",
                "session": "string",
                "basis": "string",
            }
        ),
        run=get_market_status,
        toolset="market",
        failed=failing("시장 상태 조회"),
        open_world=False,
    ),
    _tool(
        "get_ranking",
        "순위",
        "Rankings 순위: traded value, volume, movers, volume surge, foreign net buying, 52-week highs and lows.",
        Rank,
        run=get_ranking,
        endpoints=tuple(dict.fromkeys(one.endpoint for one in RANKINGS.values())),
    ),
    _tool(
        "get_investor_flow",
        "투자자별 매매",
        "Net buying of a stock by investor group and day 투자자별 순매수 (won or shares).",
        Flow,
        run=get_investor_flow,
        endpoints=(FLOW,),
    ),
    _tool(
        "get_sectors",
        "업종",
        "Sector indexes 업종지수, or the stocks of one sector.",
        Sector,
        run=get_sectors,
        endpoints=(SECTORS, SECTOR_STOCKS),
    ),
    _tool(
        "get_themes",
        "테마",
        "Theme groups 테마, the themes of a stock, or the stocks of a theme.",
        Theme,
        run=get_themes,
        endpoints=(THEMES, THEME_STOCKS),
    ),
)
