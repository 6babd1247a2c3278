"""A request's body as arguments, within limits; and whether a browser's page may have sent it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request

MOST_BYTES: Final = 8 * 1024 * 1024
MOST_DEPTH: Final = 64
BODY_SECONDS: Final = 30.0
"""How long a client may take to send its body."""


class Unreadable(Exception):
    """A request that is refused before anything is called: HTTP status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


async def arguments_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body, {} for none. Raises Unreadable (400, 408, 413, 415)."""
    body = await _body(request)
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


async def _body(request: Request) -> bytes:
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told[:20]) > MOST_BYTES:
        raise Unreadable(413, f"a body may have {MOST_BYTES:,} bytes")
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    raise Unreadable(413, f"a body may have {MOST_BYTES:,} bytes")
    except TimeoutError:
        raise Unreadable(408, f"the body did not arrive within {BODY_SECONDS:g} s") from None
    return b"".join(parts)


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


def from_elsewhere(headers: Mapping[str, str], hosts: Collection[str] | None) -> bool:
    """Whether a page of another origin sent it, or under another name than ours (DNS rebinding).

    `hosts` are our names; None: any, since every request carries a token of its own.
    """
    if hosts is None:
        return False
    host = _name(f"//{headers.get('host', '')}")
    origin = headers.get("origin")
    return host not in hosts or (origin is not None and _name(origin) not in hosts)


def _name(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
