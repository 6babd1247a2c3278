"""The shape every answer of this server has: `success`, `data`, `message`; and the words several tools share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from dari.core.errors import DariError
from dari.core.exchange import Answer, Gap, Reply
from dari.core.tool import Upstream
from dari.providers.kiwoom.models import Table, list_block, table
from dari.providers.kiwoom.spec import SPEC

Venue = Literal["KRX", "NXT", "unified"]
StockCode = Annotated[str, Field(pattern=r"^[0-9A-Z]{6}$")]
Market = Literal["ALL", "KOSPI", "KOSDAQ"]

SUFFIX: Final[Mapping[str, str]] = {"KRX": "", "NXT": "_NX", "unified": "_AL"}
"""How a stock code names its venue."""
VENUE_OF_LIST: Final[Mapping[str, str]] = {"KRX": "1", "NXT": "2", "unified": "3"}
"""How a market-wide list names it (stex_tp of rankings, sectors and themes; account lists have other codes)."""
MARKET_OF_LIST: Final[Mapping[str, str]] = {"ALL": "000", "KOSPI": "001", "KOSDAQ": "101"}

TEXT_LIMIT: Final = 2_350
"""Of 2,500 characters, room is left for the marks of dispatch and the line that says what was cut."""
PAGES: Final = 10
"""Most pages of one question: what lies behind them is said to be missing."""


def schema(data: Mapping[str, Any]) -> dict[str, Any]:
    """The output schema of an answer whose `data` has these fields: a type name, or a schema as it is."""
    fields = {name: {"type": one} if isinstance(one, str) else one for name, one in data.items()}
    return {
        "type": "object",
        "properties": {
            "success": {"type": "boolean"},
            "data": {"type": "object", "properties": fields},
            "message": {"type": "string"},
        },
    }


MAYBE_NUMBER: Final = {"type": ["number", "null"]}
MAYBE_TEXT: Final = {"type": ["string", "null"]}
ROWS: Final[Mapping[str, Any]] = {
    "columns": {"type": "array", "items": {"type": "string"}},
    "rows": {"type": "array", "items": {"type": "array"}},
    "count": "integer",
    "truncated": "boolean",
}
"""The fields of a columnar table."""


def good(
    upstream: Upstream,
    data: Mapping[str, Any],
    message: str,
    *,
    lines: Iterable[str] = (),
    gaps: Iterable[Gap] = (),
    as_of: datetime | None = None,
) -> Answer:
    """A success: the document's envelope, the provenance of every number, and text for a person."""
    sources = tuple(replace(one, as_of=as_of) if as_of else one for one in upstream.sources)
    return Answer({"success": True, "data": data, "message": message}, sources, tuple(gaps), text_of(message, lines))


def text_of(message: str, lines: Iterable[str]) -> str:
    """What a person reads: the message, one line a row, cut when long (dispatch adds what is simulated or stale)."""
    told = [message]
    length = len(told[0])
    rest = list(lines)
    for place, line in enumerate(rest):
        if length + len(line) + 1 > TEXT_LIMIT:
            told.append(f"… 외 {len(rest) - place}줄 (data에 있음)")
            break
        told.append(line)
        length += len(line) + 1
    return "\n".join(told)


def failing(
    subject: str, argument: str | None = None
) -> Callable[[Mapping[str, Any], DariError | None], dict[str, Any]]:
    """What a failing call says: the document's `{success: false, error, message}`, beside code, executed and hint."""

    def told(arguments: Mapping[str, Any], error: DariError | None) -> dict[str, Any]:
        if error is None:
            return {"success": False, "error": "internal error", "message": "시스템 오류가 발생했습니다"}
        about = str(arguments.get(argument, ""))[:20] if argument else ""
        return {"success": False, "error": error.message, "message": f"{about} {subject} 실패".strip()}

    return told


def columnar(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> dict[str, Any]:
    """Rows as a table: `columns` maps our column to the field of the row."""
    return {"columns": list(columns), "rows": [[row.get(name) for name in columns.values()] for row in rows]}


def told_gaps(read: Table, path: str, fields: Iterable[str] | None = None) -> list[Gap]:
    """Gaps for what ran over at the upstream, and for what no row has."""
    gaps = [Gap(f"{path}.{name}", "the upstream's counter ran over") for name in sorted(read.saturated)]
    if read.rows and fields is not None:
        gaps += [
            Gap(f"{path}.{name}", "Kiwoom gives none here")
            for name in fields
            if name in read.rows[0] and name not in read.saturated and all(row[name] is None for row in read.rows)
        ]
    return gaps


async def pages(
    upstream: Upstream,
    endpoint: str,
    parameters: Mapping[str, str],
    most: int,
    *,
    venue: str | None = None,
    turns: int = PAGES,
) -> tuple[Table, bool, Reply]:
    """The first `most` rows of a paged list, whether more lie behind them, and the last reply. Raises a DariError."""
    row = SPEC.endpoint(endpoint)
    found: list[Table] = []
    cursor: str | None = None
    for _ in range(turns):
        reply = await upstream.ask(endpoint, parameters, cursor=cursor, venue=venue)
        found.append(table(row, reply.body, parameters))
        cursor = reply.cursor
        if cursor is None or sum(len(one.rows) for one in found) >= most:
            break
    rows = tuple(one for read in found for one in read.rows)
    whole = Table(
        rows[:most],
        tuple(one for read in found for one in read.raw)[:most],
        frozenset().union(*(read.saturated for read in found)),
        found[0].unsure,
    )
    return whole, cursor is not None or len(rows) > most, reply


def list_name(endpoint: str) -> str:
    """The name of the list of an endpoint."""
    block = list_block(SPEC.endpoint(endpoint))
    return str(block.name) if block else ""


def won(value: float | None) -> str:
    """An amount for a person."""
    return "-" if value is None else f"{value:,.0f}원"


def signed(value: float | None, unit: str = "%") -> str:
    """A change for a person."""
    return "" if value is None else f"{value:+,.2f}{unit}"
