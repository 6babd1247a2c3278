"""get_quote, get_order_book, get_candles: the same question for any kind of issue, in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.errors import Hint, NotFound
from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kis.models.tables import parts, value
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.asking import completed
from dari.providers.kis.tools.trade.issues import Issue, Kind, Question, Venue, book_of, candles_of, issue_of, quote_of
from dari.providers.kis.tools.trade.shaping import cell, text_of

RENAMED: Final[Mapping[str, str]] = {
    "index": "price", "index_change": "change", "index_change_rate": "change_rate", "index_open": "open",
    "index_high": "high", "index_low": "low", "hts_korean_name": "name", "previous_index": "previous_close",
    "last": "close", "execution_volume": "volume", "execution_quantity": "volume", "execution_amount": "trading_value",
    "data_date": "date", "local_date": "date", "data_time": "time", "local_time": "time", "currency_code": "currency",
    "elw_code": "code",
}  # fmt: skip
QUOTE: Final = (
    "price", "change", "change_rate", "open", "high", "low", "previous_close", "volume", "trading_value",
    "upper_limit", "lower_limit", "open_interest", "theoretical_price", "nav", "market_cap", "listed_shares",
    "per", "pbr", "eps", "high_52w", "low_52w", "foreign_exhaustion_rate", "profit_rate", "strike_price",
    "implied_volatility", "bid_price", "ask_price", "expiry_date",
)  # fmt: skip
"""What a quote tells, where its endpoint does."""
WORDS: Final = frozenset({"name", "currency", "date", "time", "expiry_date"})
CANDLE: Final = ("date", "time", "open", "high", "low", "close", "volume", "trading_value")
LEVELS: Final = 10
US: Final = ("NAS", "NYS", "AMS")


class GetQuote(Query):
    """Arguments of get_quote."""

    symbol: str
    kind: Kind = "auto"
    venue: Venue = "KRX"


class GetOrderBook(GetQuote):
    """Arguments of get_order_book."""


class GetCandles(GetQuote):
    """Arguments of get_candles."""

    interval: Literal["minute", "day", "week", "month", "year"] = "day"
    count: int = Field(default=30, ge=1, le=100)


async def asked(upstream: Upstream, issue: Issue, question: Question) -> list[tuple[bool, list[dict[str, Any]]]]:
    """The blocks of a reply in our words: (one row?, rows)."""
    endpoint, parameters = question
    row = SPEC.endpoint(endpoint)
    mode = "real"
    told = completed(row, parameters, mode, upstream.now().date())
    reply = await upstream.ask(endpoint, told, venue=venue_of(issue))
    return [
        (
            part.single,
            [
                {RENAMED.get(one.english, one.english): value(one, line.get(one.name, "")) for one in part.fields}
                for line in part.rows
            ],
        )
        for part in parts(row, reply.body)
    ]


def venue_of(issue: Issue) -> str | None:
    """Where it is traded, as provenance tells it; None where the symbol does not say."""
    return issue.exchange or (None if issue.kind.startswith("overseas") else issue.venue)


def number(name: str, told: Any) -> Any:
    """A figure as a number, whatever unit its sheet leaves open; words stay words."""
    if name in WORDS or not isinstance(told, str):
        return told
    try:
        figure = Decimal(told.replace(",", ""))
    except InvalidOperation:
        return None
    if not figure.is_finite():
        return None
    return int(figure) if figure == figure.to_integral_value() else float(figure)


def _merged(blocks: Iterable[tuple[bool, list[dict[str, Any]]]]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for _, rows in blocks:
        for row in rows[:1]:
            told = {**row, **told}
    return told


async def _found(upstream: Upstream, issue: Issue, of: Any) -> tuple[Issue, dict[str, Any], Any]:
    """The issue with its first rows; a bare symbol abroad is looked for on the three exchanges of the US in turn."""
    places = US if issue.kind == "overseas" and issue.exchange == "NAS" else (issue.exchange,)
    for place in places:
        tried = Issue(issue.kind, issue.code, place, issue.venue)
        blocks = await asked(upstream, tried, of(tried))
        told = _merged(blocks)
        if len(places) == 1 or _says(blocks):
            return tried, told, blocks
    raise NotFound(
        f"{issue.code} is not quoted as {issue.kind}",
        hint=Hint("find_symbol로 종목을 찾으세요.", "Look it up with find_symbol."),
    )


def _says(blocks: Iterable[tuple[bool, list[dict[str, Any]]]]) -> bool:
    """Whether a reply tells of something: a price, or a day."""
    rows = [row for _, some in blocks for row in some]
    return any(number("price", row.get("price")) or row.get("date") not in {None, "", "0"} for row in rows)


async def get_quote(query: GetQuote, upstream: Upstream) -> Answer:
    """What it costs now, whatever it is. Raises NotFound for a symbol that is not quoted."""
    issue, told, _ = await _found(upstream, issue_of(query.symbol, query.kind, query.venue), quote_of)
    quote: dict[str, Any] = {name: number(name, told[name]) for name in QUOTE if name in told}
    if not quote.get("price"):
        raise NotFound(f"{issue.code} has no price as {issue.kind}")
    data = _head(issue, quote_of(issue)[0], told) | quote
    gaps = [Gap(name, "KIS left it blank") for name, one in quote.items() if one is None]
    lines = [f"{name}: {cell(one)}" for name, one in quote.items() if one is not None]
    return Answer(data, upstream.sources, tuple(gaps), text_of(_title(data), lines))


def _head(issue: Issue, endpoint: str, told: Mapping[str, Any]) -> dict[str, Any]:
    head: dict[str, Any] = {
        "symbol": issue.code,
        "kind": issue.kind,
        "endpoint": endpoint,
        "venue": venue_of(issue),
    }
    return head | {name: told[name] for name in ("name", "currency") if told.get(name)}


def _title(data: Mapping[str, Any]) -> str:
    return " ".join(str(data[name]) for name in ("symbol", "name", "kind", "venue") if data.get(name))


async def get_order_book(query: GetOrderBook, upstream: Upstream) -> Answer:
    """Both sides of the book, best first. Raises NotFound where KIS offers none."""
    issue, told, blocks = await _found(upstream, issue_of(query.symbol, query.kind, query.venue), book_of)
    listed = next((rows for single, rows in blocks if not single and rows and "ask_price" in rows[0]), None)
    sides: dict[str, list[list[Any]]] = {}
    for side in ("ask", "bid"):
        if listed is not None:
            pairs = [(row.get(f"{side}_price"), row.get(f"{side}_quantity")) for row in listed]
        else:
            places = range(1, LEVELS + 1)
            pairs = [(told.get(f"{side}_price_{one}"), told.get(f"{side}_quantity_{one}")) for one in places]
        levels = [[number("price", price), number("quantity", quantity)] for price, quantity in pairs]
        sides[f"{side}s"] = [one for one in levels if one[0]]
    data: dict[str, Any] = {**_head(issue, book_of(issue)[0], told), "columns": ["price", "quantity"], **sides}
    for side in ("ask", "bid"):
        data[f"total_{side}"] = number("quantity", told.get(f"total_{side}_quantity"))
    lines = [f"매도 {cell(price)} × {cell(quantity)}" for price, quantity in reversed(sides["asks"])]
    lines += [f"매수 {cell(price)} × {cell(quantity)}" for price, quantity in sides["bids"]]
    return Answer(data, upstream.sources, text=text_of(_title(data), lines))


async def get_candles(query: GetCandles, upstream: Upstream) -> Answer:
    """The last candles, newest first. Raises NotFound where KIS offers none of that interval."""
    now = upstream.now()

    def of(one: Issue) -> Question:
        return candles_of(one, query.interval, query.count, now.date(), f"{now:%H%M%S}")

    issue, told, blocks = await _found(upstream, issue_of(query.symbol, query.kind, query.venue), of)
    candles = (rows for _, rows in blocks if rows and "date" in rows[0] and "open" in rows[0])
    rows: list[dict[str, Any]] = next(candles, [])
    for row in rows:
        row.setdefault("close", row.get("price"))
    columns = [name for name in CANDLE if rows and name in rows[0]]
    shown = [[number(name, row.get(name)) for name in columns] for row in rows if row.get("date")][: query.count]
    data = {**_head(issue, of(issue)[0], told), "interval": query.interval, "columns": columns, "rows": shown}
    gaps = [] if len(shown) == query.count else [Gap("rows", f"{len(shown)} candles; {query.count} were asked for")]
    lines = [" | ".join(cell(one) for one in row) for row in shown]
    return Answer(data, upstream.sources, tuple(gaps), text_of(f"{_title(data)} {' | '.join(columns)}", lines))


LIST: Final = {"type": "array"}
TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": ["number", "null"]}
HEAD: Final = {"symbol": TEXT, "kind": TEXT, "endpoint": TEXT, "venue": TEXT}

TOOLS: Final = (
    Tool(
        name="get_quote",
        title="현재가",
        description="Price now 현재가 of a stock, ETF, ELW, index, future, option or bond; abroad AAPL or TSE:7203.",
        query=GetQuote,
        output={
            "type": "object",
            "properties": HEAD | dict.fromkeys(("price", "change", "change_rate", "volume"), NUMBER),
        },
        run=get_quote,
        toolset="market",
    ),
    Tool(
        name="get_order_book",
        title="호가",
        description="Order book 호가 of any issue: asks and bids as [price, quantity], best first.",
        query=GetOrderBook,
        output={"type": "object", "properties": {**HEAD, "asks": LIST, "bids": LIST}},
        run=get_order_book,
        toolset="market",
    ),
    Tool(
        name="get_candles",
        title="차트",
        description="Candles 봉 of any issue, newest first, adjusted prices where KIS has them.",
        query=GetCandles,
        output={"type": "object", "properties": {**HEAD, "columns": LIST, "rows": LIST}},
        run=get_candles,
        toolset="market",
    ),
)
