"""A request's body as arguments: one JSON object, of a depth and of values that an answer could repeat."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from starlette.requests import Request

MOST_DEPTH: Final = 64


class Unreadable(Exception):
    """A request that is refused before anything is called: HTTP status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


async def arguments_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body, {} for none. Raises Unreadable (400, 415)."""
    body = await request.body()  # of a length and a time that the guards before every door have bounded
    if not body:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # also what keeps a page of another origin from posting a form here
        raise Unreadable(415, "send application/json")
    try:
        told = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Unreadable(400, "the body is not JSON") from None
    if not isinstance(told, dict):
        raise Unreadable(400, "the body must be one JSON object")
    _within_limits(told)
    return told


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _within_limits(told: Any) -> None:
    """Refuse what JSON can say and no answer can repeat: depths without end, halves of characters, infinity."""
    waiting = [(told, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MOST_DEPTH:
            raise Unreadable(400, f"the body is nested deeper than {MOST_DEPTH} levels")
        if isinstance(node, dict):
            waiting += [(one, depth) for one in node]
            waiting += [(one, depth + 1) for one in node.values()]
        elif isinstance(node, list):
            waiting += [(one, depth + 1) for one in node]
        elif (isinstance(node, str) and not _whole(node)) or (isinstance(node, float) and not math.isfinite(node)):
            raise Unreadable(400, "the body holds what is no character or no number")


def _whole(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
