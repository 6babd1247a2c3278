"""실시간: watch what Kiwoom pushes for some seconds, and run the screens (조건검색) that were saved in its HTS."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

from pydantic import Field

from dari.core.errors import Hint, InvalidInput
from dari.core.exchange import Answer, Gap
from dari.core.live import Cut, Happening, LiveUpstream, Overrun, Tick, Topic, gathered
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kiwoom.models import frame, table
from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools.account import NoArguments
from dari.providers.kiwoom.tools.envelope import ROWS, SUFFIX, Venue, columnar, failing, good, schema, signed

SCREENS: Final = "ka10171"
SCREEN: Final = "ka10172"
SCREEN_LIVE: Final = "ka10173"
SCREEN_KIND: Final = "screen"

Kind = Literal[
    "0A", "0B", "0C", "0D", "0E", "0F", "0G", "0H", "0I", "0J", "0U", "0g", "0m", "0s", "0u", "0w", "1h", "00", "04",
    "screen",
]  # fmt: skip
WITHOUT_ITEM: Final = frozenset({"00", "04"})
OTHER_ITEMS: Final = frozenset({"0I", "0J", "0U", "0s", "screen"})
"""Kinds whose items are no stock codes: gold quotes, sectors, the market itself, screens."""

SHOWN: Final = {
    "0B": ("trade_time", "price", "change", "change_pct", "trade_qty", "acc_volume", "best_ask", "best_bid"),
    "0D": ("book_time", "ask_1", "ask_1_qty", "bid_1", "bid_1_qty", "total_ask_qty", "total_bid_qty"),
    "00": ("order_no", "code", "name", "order_state", "order_kind", "order_qty", "order_price", "open_qty",
           "execution_price", "execution_qty"),
    "04": ("code", "name", "holding_qty", "average_price", "price", "orderable_qty", "realised_profit_loss"),
}  # fmt: skip
"""What is told by default of the kinds with many fields; of the others, everything."""

FEED_LIMIT: Final = 2_000


class Collect(Query):
    """Arguments of collect_realtime."""

    kind: Kind = Field(default="0B", description="0B trades, 0D book, 00 own orders, 0J sectors, 1h VI")
    items: list[str] = Field(default_factory=list, max_length=200, description="stock codes, sector or screen numbers")
    seconds: float = Field(default=5, gt=0, le=60)
    limit: int = Field(default=50, ge=1, le=FEED_LIMIT)
    fields: list[str] | None = Field(default=None, max_length=40)
    venue: Venue = "KRX"


class RunScreen(Query):
    """Arguments of run_condition."""

    seq: str = Field(min_length=1, max_length=3)
    limit: int = Field(default=100, ge=1, le=1000)


async def collect_realtime(query: Collect, upstream: LiveUpstream) -> Answer:
    """What is pushed within some seconds, in the order it came, numbered an item. Cuts and overruns are told as gaps.

    Raises NotAllowed above 200 items, or where another process holds the one session of the key.
    """
    topics = topics_of(query)
    row = SPEC.endpoint(SCREEN_LIVE if query.kind == SCREEN_KIND else query.kind)
    names = _names(query, row)
    began = upstream.now()
    happened = await gathered(upstream.watch(topics), seconds=query.seconds, limit=query.limit)
    ticks = [one for one in happened if isinstance(one, Tick)]
    read = [(tick, record_of(row, tick)) for tick in ticks]
    columns = ["at", "item", "number", *names]
    data = {
        "kind": query.kind,
        "title": row.title,
        "venue": query.venue,
        "columns": columns,
        "rows": [
            [tick.at.isoformat(timespec="milliseconds"), tick.topic.item.partition("_")[0], tick.number]
            + [values.get(name) for name in names]
            for tick, values in read
        ],
        "count": len(ticks),
        "truncated": len(happened) >= query.limit,
        "seconds": query.seconds,
        "timestamp": began.isoformat(timespec="seconds"),
    }
    lines = [
        f"{tick.at:%H:%M:%S} {tick.topic.item} " + " ".join(f"{name} {values.get(name)}" for name in names[:5])
        for tick, values in read
    ]
    message = f"실시간 {row.title} {len(ticks)}건 수신 ({query.seconds:g}초, {query.venue})"
    return good(upstream, data, message, lines=lines, gaps=_marks(happened))


def topics_of(query: Collect) -> list[Topic]:
    """What is to be watched. Raises InvalidInput."""
    if query.kind in WITHOUT_ITEM or (query.kind == "0s" and not query.items):
        return [Topic(query.kind)]
    if not query.items:
        raise InvalidInput(
            f"{query.kind} is watched for items",
            hint=Hint("items에 종목코드를 지정하세요.", "Give stock codes in items."),
            details={"arguments": ["items"]},
        )
    suffix = "" if query.kind in OTHER_ITEMS else SUFFIX[query.venue]
    return [Topic(query.kind, item + suffix) for item in dict.fromkeys(query.items)]


def record_of(row: Any, tick: Tick) -> dict[str, Any]:
    """One record by our names."""
    if row.id == SCREEN_LIVE:
        block = next(one for one in row.blocks if one.name == "values")
        names = {one.name: one.english for one in block.fields}
        return {names.get(name, name): value for name, value in tick.values.items()}
    return frame(row, tick.values)


def _names(query: Collect, row: Any) -> list[str]:
    block = next((one for one in row.blocks if one.name == "values"), row.blocks[0])
    known = [one.english for one in block.fields]
    if query.fields is None:
        return list(SHOWN.get(query.kind, tuple(known)))
    if strange := [name for name in query.fields if name not in known]:
        raise InvalidInput(
            f"{', '.join(strange[:5])}: no field of {query.kind}",
            hint=Hint(
                f"describe_endpoint로 {row.id}의 필드를 확인하세요.", f"describe_endpoint tells the fields of {row.id}."
            ),
        )
    return list(query.fields)


def _marks(happened: list[Happening]) -> list[Gap]:
    gaps = []
    for one in happened:
        if isinstance(one, Cut):
            gaps.append(
                Gap("data.rows", f"nothing could be received from {one.since:%H:%M:%S} to {one.until:%H:%M:%S}")
            )
        elif isinstance(one, Overrun):
            gaps.append(Gap("data.rows", f"{one.lost} records were dropped: they came faster than they were read"))
    return gaps


async def list_conditions(_: NoArguments, upstream: Upstream) -> Answer:
    """조건검색 목록: the screens saved in the HTS, with the number that run_condition takes."""
    reply = await upstream.ask(SCREENS, venue="KRX")
    rows = [_screen(one) for one in reply.body.get("data") or ()]
    data = {**columnar(rows, {"seq": "seq", "name": "name"}), "count": len(rows), "truncated": False}
    lines = [f"{row['seq']} {row['name']}" for row in rows]
    return good(upstream, data, f"조건검색식 {len(rows)}개 조회 완료", lines=lines)


def _screen(one: Any) -> dict[str, str]:
    """A screen comes as an object in the vendor's table and as a pair in its example."""
    if isinstance(one, dict):
        return {"seq": str(one.get("seq", "")).strip(), "name": str(one.get("name", "")).strip()}
    return {"seq": str(one[0]).strip(), "name": str(one[1]).strip()}


async def run_condition(query: RunScreen, upstream: Upstream) -> Answer:
    """조건검색: the stocks a saved screen finds now, KRX only. Kiwoom wants the list of screens asked for first."""
    await upstream.ask(SCREENS, venue="KRX")
    row = SPEC.endpoint(SCREEN)
    asked = {"seq": query.seq, "search_type": "0", "stex_tp": "K"}
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        reply = await upstream.ask(SCREEN, asked, cursor=cursor, venue="KRX")
        found += table(row, reply.body).rows
        cursor = reply.cursor
        if cursor is None or len(found) >= query.limit:
            break
    rows = found[: query.limit]
    columns = {"stock_code": "code", "name": "name", "price": "price", "change": "change", "change_rate": "change_pct"}
    columns |= {"volume": "acc_volume"}
    data = {
        "seq": query.seq,
        **columnar(rows, columns),
        "count": len(rows),
        "truncated": cursor is not None or len(found) > len(rows),
        "venue": "KRX",
        "timestamp": reply.fetched_at.isoformat(timespec="seconds"),
    }
    lines = [f"{one['code']} {one['name']} {one['price'] or 0:,} {signed(one['change_pct'])}" for one in rows]
    return good(upstream, data, f"조건검색 {query.seq} {len(rows)}건 조회 완료 (KRX)", lines=lines)


TOOLS: Final = (
    Tool(
        name="collect_realtime",
        title="실시간 수집",
        description="Watch pushed data 실시간 for some seconds, in order, gaps said.",
        query=Collect,
        output=schema({"kind": "string", "venue": "string", **ROWS}),
        run=collect_realtime,
        toolset="realtime",
        endpoints=(*(one for one in get_args(Kind) if one != SCREEN_KIND), SCREEN_LIVE),
        failed=failing("실시간 수집"),
    ),
    Tool(
        name="list_conditions",
        title="조건검색 목록",
        description="Saved stock screens 조건검색 목록 of the HTS.",
        query=NoArguments,
        output=schema(dict(ROWS)),
        run=list_conditions,
        toolset="realtime",
        endpoints=(SCREENS,),
        failed=failing("조건검색 목록 조회"),
    ),
    Tool(
        name="run_condition",
        title="조건검색",
        description="Stocks a saved screen 조건검색식 finds now.",
        query=RunScreen,
        output=schema({"seq": "string", **ROWS}),
        run=run_condition,
        toolset="realtime",
        endpoints=(SCREENS, SCREEN),
        failed=failing("조건검색", "seq"),
    ),
)
