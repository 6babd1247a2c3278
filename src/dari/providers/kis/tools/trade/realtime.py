"""실시간: what KIS pushes within some seconds, decoded by its sheets: trades, books, and one's own executions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, InvalidInput
from dari.core.exchange import Answer, Gap
from dari.core.live import Cut, Happening, LiveUpstream, Overrun, Tick, Topic, gathered
from dari.core.tool import Query, Tool
from dari.providers.kis.models.tables import value
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.issues import Issue, Venue, issue_of
from dari.providers.kis.tools.trade.shaping import cell, text_of

TRADES: Final[Mapping[str, str]] = {
    "future": "domestic_futureoption.index_futures_realtime_conclusion",
    "option": "domestic_futureoption.index_option_realtime_conclusion",
    "stock_future": "domestic_futureoption.stock_futures_realtime_conclusion",
    "bond": "domestic_bond.bond_ccnl",
    "elw": "elw.elw_ccnl",
    "index": "domestic_stock.index_ccnl",
    "overseas": "overseas_stock.delayed_ccnl",
    "overseas_future": "overseas_futureoption.ccnl",
    "overseas_option": "overseas_futureoption.ccnl",
}
BOOKS: Final[Mapping[str, str]] = {
    "future": "domestic_futureoption.index_futures_realtime_quote",
    "option": "domestic_futureoption.index_option_realtime_quote",
    "stock_future": "domestic_futureoption.stock_futures_realtime_quote",
    "bond": "domestic_bond.bond_asking_price",
    "elw": "elw.elw_asking_price",
    "overseas": "overseas_stock.asking_price",
    "overseas_future": "overseas_futureoption.asking_price",
    "overseas_option": "overseas_futureoption.asking_price",
}
SUFFIX: Final[Mapping[str, str]] = {"KRX": "krx", "NXT": "nxt", "UN": "total"}
NOTICES: Final = "notice"
NOTICE: Final = "domestic_stock.ccnl_notice"
WITHOUT_ITEM: Final = frozenset({"domestic_stock.frgnmem_trade_trend"})
SHOWN: Final = 12
"""Fields of a record that are told unless others are asked for."""
ABROAD: Final[Mapping[str, str]] = {"overseas_stock.asking_price": "R"}
"""실시간종목코드 begins with D (delayed) or, for the American book, with R."""


class CollectRealtime(Query):
    """Arguments of collect_realtime."""

    symbols: list[str] = Field(default_factory=list, max_length=41)
    kind: str = Field(default="trade", description="trade, book, notice, or a stream id")
    seconds: float = Field(default=5, gt=0, le=60)
    limit: int = Field(default=50, ge=1, le=2_000)
    columns: list[str] = Field(default_factory=list)
    venue: Venue = "KRX"


async def collect_realtime(query: CollectRealtime, upstream: LiveUpstream) -> Answer:
    """What is pushed within some seconds, in the order it came; cuts and overruns are told as gaps.

    Raises NotAllowed above 41 registrations or where another session holds the key, WrongMode where a mode lacks it.
    """
    topics = topics_of(query)
    rows = {one.kind: SPEC.endpoint(one.kind) for one in topics}
    own = any(row.wire["encrypted"] for row in rows.values())
    watching = upstream.watch(topics, scope="account" if own else "market")
    happened = await gathered(watching, seconds=query.seconds, limit=query.limit)
    ticks = [one for one in happened if isinstance(one, Tick)]
    tables: dict[str, dict[str, Any]] = {}
    for kind, row in rows.items():
        columns = _columns(query, row)
        mine = [one for one in ticks if one.topic.kind == kind]
        told = [
            [one.at.isoformat(timespec="milliseconds"), one.topic.item, one.number]
            + [value(field, one.values.get(field.name, "")) for field in columns]
            for one in mine
        ]
        names = ["at", "item", "number", *(field.english for field in columns)]
        tables[kind] = {"title": row.title, "columns": names, "rows": told, "total": len(told)}
    data = {"tables": tables, "count": len(ticks), "truncated": len(happened) >= query.limit, "seconds": query.seconds}
    lines = [" | ".join(cell(one) for one in row[1:9]) for table in tables.values() for row in table["rows"]]
    gaps = [_mark(one) for one in happened if not isinstance(one, Tick)]
    return Answer(data, upstream.sources, tuple(gaps), text_of(f"실시간 {len(ticks)}건 ({query.seconds:g}초)", lines))


def topics_of(query: CollectRealtime) -> list[Topic]:
    """What is to be watched. Raises InvalidInput and NotFound."""
    if query.kind == NOTICES or "." in query.kind:
        row = SPEC.endpoint(NOTICE if query.kind == NOTICES else query.kind)
        if row.transport != "websocket":
            raise InvalidInput(
                f"{row.id} is no stream",
                hint=Hint("REST API는 call_endpoint로 부르세요.", "Call it with call_endpoint."),
                details={"parameter": "kind"},
            )
        if row.wire["encrypted"] or row.id in WITHOUT_ITEM:
            return [Topic(row.id)]
        items = [_item(row.id, one, query.venue) for one in query.symbols]
        return _some([Topic(row.id, one) for one in dict.fromkeys(items)])
    if query.kind not in {"trade", "book"}:
        raise InvalidInput(
            "kind: trade, book, notice, or the id of a stream",
            hint=Hint("search_endpoints로 실시간 API를 찾으세요.", "Look streams up with search_endpoints."),
            details={"parameter": "kind", "allowed": ["trade", "book", "notice"]},
        )
    issues = [issue_of(one, venue=query.venue) for one in query.symbols]
    return _some(list(dict.fromkeys(_topic(one, query.kind) for one in issues)))


def _some(topics: list[Topic]) -> list[Topic]:
    if not topics:
        raise InvalidInput(
            "symbols: give at least one",
            hint=Hint("symbols에 종목코드를 지정하세요.", "Give codes in symbols."),
            details={"parameter": "symbols"},
        )
    return topics


def _topic(one: Issue, kind: str) -> Topic:
    if one.kind in {"stock", "etf"}:
        stream = f"domestic_stock.{'ccnl' if kind == 'trade' else 'asking_price'}_{SUFFIX[one.venue]}"
    else:
        known = TRADES if kind == "trade" else BOOKS
        if one.kind not in known:
            raise InvalidInput(f"KIS pushes no {kind} of {one.kind}", details={"parameter": "kind"})
        stream = known[one.kind]
    return Topic(stream, _key(stream, one))


def _item(stream: str, symbol: str, venue: str) -> str:
    if stream.startswith("overseas_stock."):
        return symbol if symbol[:1] in "DR" and len(symbol) > len("DNAS") else _key(stream, issue_of(symbol))
    return issue_of(symbol, venue=venue).code


def _key(stream: str, one: Issue) -> str:
    """tr_key: the code, with its exchange before it abroad."""
    return f"{ABROAD.get(stream, 'D')}{one.exchange}{one.code}" if one.kind == "overseas" else one.code


def _columns(query: CollectRealtime, row: Endpoint) -> list[Any]:
    fields = list(row.blocks[0].fields)
    if query.columns == ["all"]:
        return fields
    if not query.columns:
        return fields[1 : 1 + SHOWN]
    by_name = {name: one for one in fields for name in (one.name, one.english)}
    if strange := [name for name in query.columns if name not in by_name]:
        raise InvalidInput(
            f"columns: {', '.join(strange[:5])} is no field of {row.id}",
            details={"parameter": "columns", "allowed": [one.english for one in fields]},
        )
    return [by_name[name] for name in query.columns]


def _mark(one: Happening) -> Gap:
    if isinstance(one, Cut):
        return Gap("tables", f"nothing could be received from {one.since:%H:%M:%S} to {one.until:%H:%M:%S}")
    lost = one.lost if isinstance(one, Overrun) else 0
    return Gap("tables", f"{lost} records were dropped: they came faster than they were read")


TOOLS: Final = (
    Tool(
        name="collect_realtime",
        title="실시간 수집",
        description="Watch pushed data 실시간 of any symbols for some seconds; notice: one's own executions 체결통보.",
        query=CollectRealtime,
        output={
            "type": "object",
            "properties": {
                "tables": {"type": "object"},
                "count": {"type": "integer"},
                "truncated": {"type": "boolean"},
            },
        },
        run=collect_realtime,
        toolset="realtime",
        deadline=90.0,
    ),
)
