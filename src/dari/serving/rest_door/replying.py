"""An Outcome as an HTTP reply: what went wrong decides the status."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from starlette.responses import Response

from dari.serving.dispatch import Outcome

STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "invalid_input": 422, "not_found": 404, "not_allowed": 403, "plan_refused": 409, "caller_error": 400,
        "wrong_mode": 409, "missing_extra": 501, "no_space": 507,
        "missing_credential": 503, "sign_in_refused": 503, "grant_stale": 503, "bad_setting": 503, "setup_error": 503,
        "unreachable": 504, "rate_limited": 429, "quota_spent": 429, "refused": 422, "malformed": 502,
        "circuit_open": 503, "outcome_unknown": 502, "upstream_error": 502, "internal": 500,
    }
)  # fmt: skip
"""Error code → HTTP status. A refusal of the upstream's is about what was asked, so it is a 422."""

MEANINGS: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "Not JSON, or not an object", 401: "Sign in first", 403: "Not allowed for this caller",
        404: "There is no such thing", 408: "The body did not arrive in time",
        409: "Refused as things stand: a plan, or the mode", 413: "The body is too large",
        415: "Not application/json", 421: "Asked under a name that is not ours",
        422: "Arguments are wrong, or the upstream refused them", 429: "Too often; see Retry-After",
        500: "A fault of Dari, with a reference", 501: "An extra is not installed",
        502: "The upstream answered what cannot be read", 503: "Not set up, or the upstream is left alone for a while",
        504: "The upstream did not answer in time", 507: "The disk is full where Dari keeps things",
    }
)  # fmt: skip


def status_of(error: str | None) -> int:
    """The HTTP status of an outcome."""
    return 200 if error is None else STATUS.get(error, 500)


def reply(outcome: Outcome) -> Response:
    """The structured content, or the error as an object. A rate limit says when to come back."""
    headers = {}
    wait = outcome.structured.get("retry_after")
    status = status_of(outcome.error)
    if outcome.error == "not_allowed" and wait is not None:
        status = 429  # allowed, but not so often
    if status in {429, 503} and isinstance(wait, int | float):
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    return document(outcome.structured, status, headers)


def document(told: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """One JSON document, never kept by what lies between."""
    return Response(
        spelled(told), status, {"Cache-Control": "no-store", **(headers or {})}, media_type="application/json"
    )


def spelled(told: Any) -> str:
    """As JSON, on one line."""
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=str)


def problem(status: int, code: str, message: str) -> Response:
    """A refusal of the door itself, in the shape of every error."""
    return document({"code": code, "message": message, "executed": False}, status)
