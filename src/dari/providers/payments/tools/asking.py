"""What every tool of the payment system does alike: ask a page, say unknown for unknown, keep the answer small."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from dari.core.clock import KST
from dari.core.errors import DariError, SetupError, UpstreamError
from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Upstream
from dari.providers.payments.models import away, fitted, told, unknown

TEXT: Final = {"type": "string"}
INTEGER: Final = {"type": "integer"}
SURE: Final = {"type": "boolean"}
FLAG: Final = {"type": ["boolean", "null"]}
"""null is unknown, here and below."""
FIGURE: Final = {"type": ["number", "null"]}
WORD: Final = {"type": ["string", "null"]}
OBJECT: Final = {"type": "object"}
ROWS: Final = {"type": "array", "items": {"type": "object"}}
NUMBERS: Final = {"type": "array", "items": {"type": "integer"}}
MAYBE: Final = {"type": ["object", "null"]}
MAYBE_ROWS: Final = {"type": ["array", "null"]}
NAMES: Final = {"type": "array", "items": {"type": "string"}}
SHOWN_ROWS: Final = 30
"""Rows a person is shown as text; the structured content has them all."""


class Nothing(Query):
    """No arguments."""


def shape(**fields: Any) -> dict[str, Any]:
    """The output shape of a tool."""
    return {"type": "object", "properties": fields}


def rows_of(**fields: Any) -> dict[str, Any]:
    """An array of objects with these fields."""
    return {"type": "array", "items": {"type": "object", "properties": fields}}


def failed(arguments: Mapping[str, Any], error: DariError | None) -> Mapping[str, Any]:
    """What could not be read is unknown: never healthy, never empty."""
    del arguments
    return {"status": "unknown"} if error is None or isinstance(error, UpstreamError | SetupError) else {}


def written(given: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as they travel; what was not given is not sent."""
    return {name: _text(value) for name, value in given.items() if value is not None and value != []}


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=KST)).isoformat()
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


async def page(upstream: Upstream, endpoint: str, **given: Any) -> dict[str, Any]:
    """A page in our words. Raises Unreachable where the part it is about could not be read."""
    return told((await upstream.ask(endpoint, written(given))).body)


async def look(upstream: Upstream, endpoint: str, **given: Any) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A page, or what could not be read: for tools whose very question is whether a part answers."""
    body = (await upstream.ask(endpoint, written(given))).body
    return ({}, unknown(body)) if away(body) else (told(body), None)


def answer(upstream: Upstream, data: dict[str, Any], text: str, *gaps: Gap) -> Answer:
    """The answer, cut to size."""
    return Answer(fitted(data), upstream.sources, gaps, text[:2_500])


def gap(missing: Mapping[str, Any], *fields: str) -> tuple[Gap, ...]:
    """Fields that a failed probe left open."""
    return tuple(
        Gap(field, f"{missing['component']} {missing['error_class']}", "check_all_services") for field in fields
    )


def won(amount: Any) -> str:
    """Integer won for people; "알 수 없음" for none."""
    return "알 수 없음" if amount is None else f"{int(amount):,}원"


def figure(value: Any, unit: str = "") -> str:
    """A figure for people; "unknown" for none."""
    return "unknown" if value is None else f"{value:,}{unit}" if isinstance(value, int | float) else f"{value}{unit}"


def clock(at: Any) -> str:
    """A time of an answer for people: day and time without zone."""
    return "–" if not at else str(at)[5:19].replace("T", " ")
