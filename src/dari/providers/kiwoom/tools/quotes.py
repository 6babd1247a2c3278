"""현재가: one stock or a hundred, from 지정종목 정보 ka10095, which tells the time of the trade beside the price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from dari.core.errors import DariError, Hint, NotFound, Refused
from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kiwoom.models import Table, table
from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools.envelope import (
    MAYBE_NUMBER,
    MAYBE_TEXT,
    SUFFIX,
    StockCode,
    Venue,
    columnar,
    failing,
    good,
    schema,
    signed,
    told_gaps,
    won,
)

QUOTES: Final = "ka10095"
MOST_IN_ONE_CALL: Final = 100
MOST: Final = 500
TOO_MANY_AT_ONCE: Final = "1634"
SEPARATOR: Final = "|"

SAMPLE_PRICE: Final = {"price": 50000, "change": 500, "change_rate": 1.0, "volume": 1000000}
"""The values the source document shows; they belong to no stock."""

COLUMNS: Final = {
    "stock_code": "code",
    "name": "name",
    "price": "price",
    "change": "change",
    "change_rate": "change_pct",
    "volume": "volume",
    "value": "value",
    "as_of": "as_of",
}


class StockPrice(Query):
    """Arguments of get_stock_price."""

    stock_code: StockCode
    venue: Venue = "KRX"


class StockPrices(Query):
    """Arguments of get_stock_prices."""

    stock_codes: list[StockCode] = Field(min_length=1, max_length=MOST)
    venue: Venue = "KRX"


async def get_stock_price(query: StockPrice, upstream: Upstream) -> Answer:
    """The price of one stock on the stated venue: won, shares, percent, the time of the last trade.

    Raises NotFound for a code that Kiwoom answers with an empty row.
    """
    read, fetched_at = await _quotes([query.stock_code], query.venue, upstream)
    if not read.rows or read.rows[0]["price"] is None:
        raise _unknown([query.stock_code], query.venue)
    row = read.rows[0]
    data = {
        "stock_code": query.stock_code,
        "name": row["name"],
        "price": row["price"],
        "change": row["change"],
        "change_rate": row["change_pct"],
        "volume": row["volume"],
        "timestamp": fetched_at.isoformat(timespec="seconds"),
        "venue": query.venue,
        "as_of": row["as_of"],
        "direction": row["change_sign"],
        "value": row["value"],
        "open": row["open"],
        "high": row["high"],
        "low": row["low"],
        "reference_price": row["reference_price"],
        "limit_up": row["limit_up"],
        "limit_down": row["limit_down"],
        "best_ask": row["ask"],
        "best_bid": row["bid"],
        "market_cap": row["market_cap"],
    }
    gaps = [Gap(f"data.{name}", "Kiwoom gives none here") for name, value in data.items() if value is None]
    line = (
        f"{row['name']} ({query.stock_code}, {query.venue}) {won(row['price'])} {signed(row['change_pct'])} "
        f"거래량 {row['volume'] or 0:,}주 · {row['as_of'] or data['timestamp']}"
    )
    as_of = datetime.fromisoformat(row["as_of"]) if row["as_of"] else None
    return good(upstream, data, f"{query.stock_code} 종목 가격 조회 완료", lines=[line], gaps=gaps, as_of=as_of)


async def get_stock_prices(query: StockPrices, upstream: Upstream) -> Answer:
    """Prices of up to 500 stocks, a hundred a call. A code without a quote is a gap, not a row of nothing."""
    codes = list(dict.fromkeys(query.stock_codes))
    read, fetched_at = await _quotes(codes, query.venue, upstream)
    rows = [row for row in read.rows if row["price"] is not None]
    found = {row["code"] for row in rows}
    missing = [code for code in codes if code not in found]
    if not rows:
        raise _unknown(codes, query.venue)
    data = {
        **columnar(rows, COLUMNS),
        "count": len(rows),
        "missing": missing,
        "venue": query.venue,
        "timestamp": fetched_at.isoformat(timespec="seconds"),
    }
    gaps = told_gaps(read, "data.rows", COLUMNS.values())
    if missing:
        gaps.append(Gap("data.rows", f"no quote on {query.venue} for {', '.join(missing[:20])}"))
    lines = [f"{row['code']} {row['name']} {won(row['price'])} {signed(row['change_pct'])}" for row in rows]
    return good(upstream, data, f"{len(rows)}개 종목 시세 조회 완료 ({query.venue})", lines=lines, gaps=gaps)


async def _quotes(codes: Sequence[str], venue: str, upstream: Upstream) -> tuple[Table, datetime]:
    """Rows of ka10095 with `as_of`, and when the oldest of them was fetched."""
    read: list[Table] = []
    fetched: list[datetime] = []
    waiting = [list(codes[start : start + MOST_IN_ONE_CALL]) for start in range(0, len(codes), MOST_IN_ONE_CALL)]
    while waiting:
        batch = waiting.pop(0)
        parameters = {"stk_cd": SEPARATOR.join(code + SUFFIX[venue] for code in batch)}
        try:
            reply = await upstream.ask(QUOTES, parameters, venue=venue)
        except Refused as error:
            # 1634 "too many codes in one call": the limit is below the hundred we know. Halves, never the same again.
            if error.upstream_code != TOO_MANY_AT_ONCE or len(batch) == 1:
                raise
            middle = len(batch) // 2
            waiting[:0] = [batch[:middle], batch[middle:]]
            continue
        read.append(table(SPEC.endpoint(QUOTES), reply.body))
        fetched.append(reply.fetched_at)
    rows = tuple({**row, "as_of": _as_of(row)} for one in read for row in one.rows)
    raw = tuple(row for one in read for row in one.raw)
    whole = Table(rows, raw, frozenset().union(*(one.saturated for one in read)), frozenset())
    return whole, min(fetched)


def _as_of(row: Mapping[str, Any]) -> str | None:
    """The moment of the last trade: the day and the time of the row."""
    try:
        return datetime.fromisoformat(f"{row['date']}T{row['trade_time']}+09:00").isoformat()
    except ValueError:
        return None


def _unknown(codes: Sequence[str], venue: str) -> NotFound:
    return NotFound(
        f"Kiwoom has no quote of {', '.join(codes[:5])} on {venue}",
        hint=Hint(
            "search_stocks로 종목코드를 찾거나 venue를 바꿔 보세요.",
            "Find the code with search_stocks, or try another venue.",
        ),
    )


def sample_price(query: StockPrice, error: DariError, now: datetime) -> Answer:
    """The document's sample answer; dispatch marks it as one."""
    note = "샘플 데이터 (API 응답 없음)" if error.code == "malformed" else "샘플 데이터 (API 호출 실패)"
    data = {
        "stock_code": query.stock_code,
        **SAMPLE_PRICE,
        "timestamp": now.isoformat(timespec="seconds"),
        "note": note,
    }
    message = f"[샘플] {query.stock_code} 종목 가격 조회: {note}"
    return Answer({"success": True, "data": data, "message": message}, text=message)


TOOLS: Final = (
    Tool(
        name="get_stock_price",
        title="주식 현재가",
        description="Current price 현재가 of one Korean stock: change, volume, open/high/low, limits. "
        "KRX figures leave out NXT trades; `unified` has both (real mode only).",
        query=StockPrice,
        output=schema(
            {
                "stock_code": "string",
                "name": MAYBE_TEXT,
                "price": "integer",
                "change": MAYBE_NUMBER,
                "change_rate": MAYBE_NUMBER,
                "volume": MAYBE_NUMBER,
                "timestamp": "string",
                "venue": "string",
                "as_of": MAYBE_TEXT,
            }
        ),
        run=get_stock_price,
        toolset="market",
        endpoints=(QUOTES,),
        failed=failing("종목 가격 조회", "stock_code"),
        sample=sample_price,
    ),
    Tool(
        name="get_stock_prices",
        title="여러 종목 시세",
        description="Prices of up to 500 stocks at once 관심종목 시세, 100 in one upstream call.",
        query=StockPrices,
        output=schema(
            {"columns": {"type": "array"}, "rows": {"type": "array"}, "missing": {"type": "array"}, "venue": "string"}
        ),
        run=get_stock_prices,
        toolset="market",
        endpoints=(QUOTES,),
        failed=failing("여러 종목 시세 조회"),
    ),
)
