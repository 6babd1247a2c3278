"""What holds for the whole platform: hosts, headers, limits, websocket rules, and what each refusal code means."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

RefusalClass = Literal[
    "batch_limit",
    "rate",
    "token",
    "credentials",
    "mode_mismatch",
    "ip",
    "device",
    "request",
    "input",
    "auth",
    "not_found",
    "mock_unsupported",
    "corporate_unsupported",
    "server",
    "recursion",
    "condition",
    "subscription",
    "session",
]
RetryRule = Literal["never", "backoff", "after_token", "reads_only"]

ROOM: Final = files(__package__)
EMBEDDED: Final = re.compile(r"\[(?P<bracket>RC\d{4}|\d{4})\b|CODE=(?P<frame>\d{4})")
"""Where a message hides its code: `[8005:...]` in REST bodies, `CODE=8005` in websocket frames."""
QUOTA: Final = re.compile(r"유량\s*=\s*(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refusal code: its class, what may be done, and `return_code`, the number beside it in the envelope.

    `meaning` is English, ours; `korean` is the short wording the simulator answers with, ours too.
    """

    code: str
    kind: RefusalClass
    retry: RetryRule
    return_code: int
    meaning: str
    korean: str
    seen: Literal["documented", "probed"]
    quota_in_message: bool = False


@cache
def platform() -> Mapping[str, Any]:
    """platform.json: hosts, sign_in, headers, envelope, limits, websocket, conventions."""
    read: dict[str, Any] = json.loads((ROOM / "platform.json").read_text("utf-8"))
    return read


def hosts(mode: Literal["real", "paper"]) -> Mapping[str, str]:
    """`{rest, websocket}` of a mode (Kiwoom calls paper `mock`)."""
    found: Mapping[str, str] = platform()["hosts"][mode]
    return found


def limits(mode: Literal["real", "paper"]) -> Mapping[str, Any]:
    """`{per_second, burst}` per app key and api-id: what to begin with, until a 1700 tells the quota."""
    found: Mapping[str, Any] = platform()["limits"][mode]
    return found


def _refusals(name: str) -> Mapping[str, Refusal]:
    text = (ROOM / name).read_text("utf-8")
    return {one.code: one for one in (Refusal(**json.loads(line)) for line in text.splitlines())}


class _Lazy(Mapping[str, Refusal]):
    """A table of refusals, read when first looked at."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def _table(self) -> Mapping[str, Refusal]:
        return _cached_refusals(self._name)

    def __getitem__(self, code: str) -> Refusal:
        return self._table[code]

    def __iter__(self) -> Any:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


@cache
def _cached_refusals(name: str) -> Mapping[str, Refusal]:
    return _refusals(name)


REFUSALS: Final[Mapping[str, Refusal]] = _Lazy("refusals.jsonl")
"""Codes of REST messages: the 37 documented ones and the two that probes found (1634, RC9000)."""
REFUSALS_OF_FRAMES: Final[Mapping[str, Refusal]] = _Lazy("refusals_of_frames.jsonl")
"""Codes of websocket frames."""


def named_in(message: str) -> str | None:
    """The refusal code a message carries, or None. `1700` and `1634` differ in nothing else."""
    found = EMBEDDED.search(message)
    return (found["bracket"] or found["frame"]) if found else None


def quota_in(message: str) -> int | None:
    """The calls per second that a 1700 message tells (`유량=5`), or None."""
    found = QUOTA.search(message)
    return int(found[1]) if found else None
