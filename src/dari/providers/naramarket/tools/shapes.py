"""What the procurement tools have in common: their output schemas, dates as people write them, rows as lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from dari.core.endpoint import Endpoint
from dari.core.exchange import Gap
from dari.providers.naramarket.models import Reader, Typed, plain

DIGITS: Final = re.compile(r"\D")
MOST_TEXT: Final = 2_400

OBJECT: Final = {"type": "object"}
ROWS: Final = {"type": "array", "items": OBJECT}
TEXT: Final = {"type": ["string", "null"]}
WHOLE: Final = {"type": ["integer", "null"]}
SURE: Final = {"type": "boolean"}


def schema(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """An output schema: types only."""
    return {"type": "object", "properties": properties}


LISTED: Final = schema(rows=ROWS, total=WHOLE, page=WHOLE, next_page=WHOLE, truncated=SURE, period=OBJECT)


def _day(value: Any) -> Any:
    """2026-09-01, 20260901 and 2026.9.1 are the same day."""
    if isinstance(value, str):
        if re.fullmatch(r"\d{4}\D\d{1,2}\D\d{1,2}", value.strip()):
            return date(*(int(part) for part in re.split(r"\D", value.strip())))
        digits = DIGITS.sub("", value)[:8]
        if len(digits) == 8:  # noqa: PLR2004 -- YYYYMMDD
            return datetime.strptime(digits, "%Y%m%d").date()  # noqa: DTZ007 -- a day has no zone
    return value


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string"})]
Business = Literal["all", "goods", "services", "works", "foreign", "other"]
WHOLE_NUMBER: Final = WithJsonSchema({"type": "integer"})
"""Bounds are checked all the same; a client need not read them."""
Limit = Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER]
Page = Annotated[int, Field(ge=1), WHOLE_NUMBER]
Number = Annotated[str, Field(min_length=4, max_length=40), WithJsonSchema({"type": "string"})]

SUFFIX: Final[Mapping[str, str]] = {
    "goods": "Thng",
    "services": "Servc",
    "works": "Cnstwk",
    "foreign": "Frgcpt",
    "other": "Etc",
}
"""How operation names end for each kind of business: 물품, 용역, 공사, 외자, 기타."""


def kinds(asked: str, offered: Iterable[str] = ("goods", "services", "works", "foreign")) -> list[str]:
    """The kinds of business a question is about."""
    return list(offered) if asked == "all" else [asked]


def period(start: date | None, end: date | None, now: datetime, days: int) -> tuple[date, date]:
    """The period asked for, or the last so many days."""
    last = end or now.date()
    return start or last - timedelta(days=days - 1), last


def shown(
    endpoint: Endpoint, rows: Iterable[Mapping[str, str]], *, only: Iterable[str] = ()
) -> tuple[list[Any], Typed]:
    """Rows for an answer: values by our names, empty ones left out; `only` names fields in the upstream's words."""
    typed = Reader(endpoint).read(rows)
    wanted = {endpoint.wire["english"].get(name, name) for name in only}
    told = [
        {name: plain(value) for name, value in row.items() if value is not None and (not wanted or name in wanted)}
        for row in typed.rows
    ]
    return told, typed


def gaps_of(typed: Typed, place: str) -> list[Gap]:
    """The gaps of rows, and one line for fields that no sheet knows."""
    gaps = list(typed.gaps(place))
    if typed.unknown:
        gaps.append(Gap(f"{place}.*", f"fields the sheets do not know: {', '.join(sorted(typed.unknown))[:200]}"))
    return gaps


def money(value: Any) -> str:
    """Won, as people read it."""
    return f"{value:,}원" if isinstance(value, int) else "-"


def text(lines: Iterable[str]) -> str:
    """Lines for a person, cut where they grow long."""
    told, size = [], 0
    for line in lines:
        size += len(line) + 1
        if size > MOST_TEXT:
            told.append("…")
            break
        told.append(line)
    return "\n".join(told)
