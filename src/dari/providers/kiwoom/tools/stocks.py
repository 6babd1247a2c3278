"""종목: what a stock is, its price history, its order book, and the way from a name to a code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.errors import DariError, NotFound
from dari.core.exchange import Answer, Gap
from dari.core.krx import trading_days
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kiwoom.models import head
from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools.envelope import (
    MAYBE_NUMBER,
    MAYBE_TEXT,
    ROWS,
    SUFFIX,
    StockCode,
    Venue,
    columnar,
    failing,
    good,
    pages,
    schema,
    told_gaps,
    won,
)

INFO: Final = "ka10100"
LIST: Final = "ka10099"
BOOK: Final = "ka10004"
UNIFIED_BOOK: Final = "ka10007"
CHARTS: Final = {"day": "ka10081", "week": "ka10082", "month": "ka10083", "year": "ka10094"}

MARKETS: Final = {"0": "KOSPI", "10": "KOSDAQ", "30": "K-OTC", "50": "KONEX"}
LIST_PAGES: Final = 40
"""Of a hundred issues each, as a page of the list may be; kept for half a day, so only the first search waits."""
SEARCHED: Final = {"0": "KOSPI", "10": "KOSDAQ", "8": "ETF"}
"""Lists that search_stocks looks through: market code of ka10099 → what it holds."""

BAR: Final = {
    "date": "date",
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "price",
    "volume": "volume",
    "value": "value",
}
LEVELS: Final = 10


class StockInfo(Query):
    """Arguments of get_stock_info."""

    stock_code: StockCode


class StockHistory(Query):
    """Arguments of get_stock_history."""

    stock_code: StockCode
    days: int = Field(default=30, ge=1, le=2000, description="bars, newest first")
    period: Literal["day", "week", "month", "year"] = "day"
    adjusted: bool = True
    venue: Venue = "KRX"


class OrderBook(Query):
    """Arguments of get_orderbook."""

    stock_code: StockCode
    venue: Literal["KRX", "unified"] = "KRX"


class Search(Query):
    """Arguments of search_stocks."""

    query: str = Field(min_length=1, max_length=40)
    limit: int = Field(default=10, ge=1, le=50)


async def get_stock_info(query: StockInfo, upstream: Upstream) -> Answer:
    """종목 기본정보: name, market, sector, listed shares, warnings. Raises NotFound for an empty answer."""
    reply = await upstream.ask(INFO, {"stk_cd": query.stock_code})
    row = head(SPEC.endpoint(INFO), reply.body).rows[0]
    if row["name"] is None:
        raise NotFound(f"Kiwoom knows no stock {query.stock_code}")
    data = {
        "stock_code": query.stock_code,
        "name": row["name"],
        "market": MARKETS.get(row["market_code"] or "", row["market"]),
        "sector": row["sector"],
        "timestamp": reply.fetched_at.isoformat(timespec="seconds"),
        "listed_shares": row["listed_shares"],
        "listed_date": row["listed_date"],
        "previous_close": row["previous_close"],
        "state": row["state"],
        "warning": row["order_warning"],
        "size_class": row["size_class"],
        "nxt_tradable": row["nxt_enabled"] == "가능",
    }
    wanted = ("market", "sector", "listed_shares", "listed_date", "previous_close")
    gaps = [Gap(f"data.{name}", "Kiwoom gives none for this issue") for name in wanted if data[name] is None]
    line = f"{data['name']} ({query.stock_code}) {data['market']} · {data['sector'] or '-'} · {data['state'] or ''}"
    return good(upstream, data, f"{query.stock_code} 종목 정보 조회 완료", lines=[line], gaps=gaps)


async def get_stock_history(query: StockHistory, upstream: Upstream) -> Answer:
    """Bars of a stock, newest first, in won and shares; `days` counts bars of trading days, weeks, months or years."""
    endpoint = CHARTS[query.period]
    today = upstream.now()
    parameters = {
        "stk_cd": query.stock_code + SUFFIX[query.venue],
        "base_dt": today.strftime("%Y%m%d"),
        "upd_stkpc_tp": "1" if query.adjusted else "0",
    }
    read, more, reply = await pages(upstream, endpoint, parameters, query.days, venue=query.venue)
    if not read.rows:
        raise NotFound(f"Kiwoom has no history of {query.stock_code} on {query.venue}")
    data = {
        "stock_code": query.stock_code,
        "venue": query.venue,
        "period": query.period,
        "adjusted": query.adjusted,
        **columnar(read.rows, BAR),
        "count": len(read.rows),
        "truncated": more,
        "timestamp": reply.fetched_at.isoformat(timespec="seconds"),
    }
    gaps = told_gaps(read, "data.rows", BAR.values())
    if len(read.rows) < query.days and not more:
        gaps.append(Gap("data.rows", f"{query.days} bars were asked for, {len(read.rows)} exist"))
    lines = [
        f"{row['date']} 시 {row['open'] or 0:,} 고 {row['high'] or 0:,} 저 {row['low'] or 0:,} "
        f"종 {row['price'] or 0:,} 거래량 {row['volume'] or 0:,}"
        for row in read.rows
    ]
    message = f"{query.stock_code} 시세 이력 {len(read.rows)}건 조회 완료 ({query.venue}, {query.period})"
    return good(upstream, data, message, lines=lines, gaps=gaps)


async def get_orderbook(query: OrderBook, upstream: Upstream) -> Answer:
    """호가: ten levels a side, in won and shares. KRX from ka10004, both venues together from ka10007."""
    endpoint = BOOK if query.venue == "KRX" else UNIFIED_BOOK
    reply = await upstream.ask(endpoint, {"stk_cd": query.stock_code + SUFFIX[query.venue]}, venue=query.venue)
    row = head(SPEC.endpoint(endpoint), reply.body).rows[0]
    sides = {side: _levels(row, side) for side in ("ask", "bid")}
    data = {
        "stock_code": query.stock_code,
        "venue": query.venue,
        "book_time": row["book_time"] if query.venue == "KRX" else row["time"],
        "columns": ["price", "quantity", "change"],
        "asks": sides["ask"],
        "bids": sides["bid"],
        "total_ask": row["total_ask_qty"],
        "total_bid": row["total_bid_qty"],
        "timestamp": reply.fetched_at.isoformat(timespec="seconds"),
    }
    gaps = [Gap(f"data.{side}s", "the book is empty") for side, levels in sides.items() if not levels]
    lines = [f"매도 {won(price)} {quantity:,}주" for price, quantity, _ in reversed(sides["ask"])]
    lines += [f"매수 {won(price)} {quantity:,}주" for price, quantity, _ in sides["bid"]]
    return good(upstream, data, f"{query.stock_code} 호가 조회 완료 ({query.venue})", lines=lines, gaps=gaps)


def _levels(row: Mapping[str, Any], side: str) -> list[list[Any]]:
    """The levels that have a price, best first."""
    found = [
        (row[f"{side}_{n}"], row[f"{side}_{n}_qty"], row.get(f"{side}_{n}_qty_change")) for n in range(1, LEVELS + 1)
    ]
    return [[price, quantity or 0, change] for price, quantity, change in found if price]


async def search_stocks(query: Search, upstream: Upstream) -> Answer:
    """Codes of stocks whose name or code holds the query: KOSPI, KOSDAQ and ETF lists, exact names first."""
    wanted = query.query.replace(" ", "").upper()
    found: list[tuple[int, str, dict[str, Any]]] = []
    gaps: list[Gap] = []
    for code, market in SEARCHED.items():
        read, more, _ = await pages(upstream, LIST, {"mrkt_tp": code}, 100_000, turns=LIST_PAGES)
        if more:
            gaps.append(Gap("data.rows", f"the list of {market} is longer than {LIST_PAGES} pages"))
        for row in read.rows:
            name = (row["name"] or "").replace(" ", "").upper()
            if wanted in name or wanted == row["code"]:
                rank = 0 if wanted in {name, row["code"]} else 1 if name.startswith(wanted) else 2
                found.append((rank, name, {**row, "listing": market}))
    found.sort(key=lambda one: (one[0], len(one[1]), one[1]))
    rows = [row for _, _, row in found[: query.limit]]
    columns = {
        "stock_code": "code",
        "name": "name",
        "market": "listing",
        "sector": "sector",
        "warning": "order_warning",
    }
    data = {**columnar(rows, columns), "count": len(rows), "total": len(found), "truncated": len(found) > len(rows)}
    lines = [f"{row['code']} {row['name']} {row['listing']} {row['sector'] or ''}" for row in rows]
    return good(upstream, data, f"'{query.query}' 종목 {len(found)}개 검색됨", lines=lines, gaps=gaps)


def _note(error: DariError) -> str:
    return "샘플 데이터 (API 응답 없음)" if error.code == "malformed" else "샘플 데이터 (API 호출 실패)"


def sample_info(query: StockInfo, error: DariError, now: datetime) -> Answer:
    """The document's sample, which names one company whatever was asked: its note says so."""
    data = {
        "stock_code": query.stock_code,
        "name": "삼성전자",
        "market": "KOSPI",
        "sector": "전기전자",
        "timestamp": now.isoformat(timespec="seconds"),
        "note": _note(error),
    }
    message = f"[샘플] {query.stock_code} 종목 정보 조회: {_note(error)}"
    return Answer({"success": True, "data": data, "message": message}, text=message)


def sample_history(query: StockHistory, error: DariError, now: datetime) -> Answer:
    """Flat bars of the document's sample price on real trading days."""
    days = trading_days(now.date(), min(query.days, 30))
    data = {
        "stock_code": query.stock_code,
        "columns": list(BAR),
        "rows": [[day.isoformat(), 50000, 50000, 50000, 50000, 1000000, 50000000000] for day in days],
        "count": len(days),
        "timestamp": now.isoformat(timespec="seconds"),
        "note": _note(error),
    }
    message = f"[샘플] {query.stock_code} 시세 이력 조회: {_note(error)}"
    return Answer({"success": True, "data": data, "message": message}, text=message)


TOOLS: Final = (
    Tool(
        name="get_stock_info",
        title="종목 정보",
        description="What a stock is 종목 기본정보: name, market, sector 업종, listed shares, warnings, NXT.",
        query=StockInfo,
        output=schema(
            {
                "stock_code": "string",
                "name": "string",
                "market": MAYBE_TEXT,
                "sector": MAYBE_TEXT,
                "timestamp": "string",
                "listed_shares": MAYBE_NUMBER,
                "nxt_tradable": "boolean",
            }
        ),
        run=get_stock_info,
        toolset="market",
        endpoints=(INFO,),
        failed=failing("종목 정보 조회", "stock_code"),
        sample=sample_info,
    ),
    Tool(
        name="get_stock_history",
        title="시세 이력",
        description="Daily, weekly, monthly or yearly bars 차트 (open, high, low, close, volume, value in won).",
        query=StockHistory,
        output=schema({"stock_code": "string", "venue": "string", **ROWS, "timestamp": "string"}),
        run=get_stock_history,
        toolset="market",
        endpoints=tuple(CHARTS.values()),
        failed=failing("시세 이력 조회", "stock_code"),
        sample=sample_history,
    ),
    Tool(
        name="get_orderbook",
        title="호가",
        description="Order book 호가잔량: ten levels of each side as [price, quantity, change], best first.",
        query=OrderBook,
        output=schema(
            {
                "stock_code": "string",
                "venue": "string",
                "book_time": MAYBE_TEXT,
                "asks": {"type": "array", "items": {"type": "array"}},
                "bids": {"type": "array", "items": {"type": "array"}},
                "total_ask": MAYBE_NUMBER,
                "total_bid": MAYBE_NUMBER,
            }
        ),
        run=get_orderbook,
        toolset="market",
        endpoints=(BOOK, UNIFIED_BOOK),
        failed=failing("호가 조회", "stock_code"),
    ),
    Tool(
        name="search_stocks",
        title="종목 찾기",
        description="Find stock codes by Korean name or part of it (종목명 → 종목코드).",
        query=Search,
        output=schema({**ROWS, "total": "integer"}),
        run=search_stocks,
        toolset="market",
        endpoints=(LIST,),
        failed=failing("종목 검색"),
    ),
)
