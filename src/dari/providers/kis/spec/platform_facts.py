"""What holds for all of KIS: hosts, limits, error codes, market codes, and the layouts of the master files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal["ok", "retry", "wait", "reissue", "unknown_outcome", "key", "mode", "request", "refused", "stream"]
"""What a code asks of us.

`ok` no error · `retry` the same request again after a moment (reads) · `wait` a minute's limit ·
`reissue` a new token, once · `unknown_outcome` look the order up, never send it again · `key` the operator's key,
address or right · `mode` key, host or tr_id of the other mode · `request` the call is spelt wrongly ·
`refused` understood and declined · `stream` about a websocket registration.
"""


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One `msg_cd` (or OAuth `error_code`): its meaning in Korean and English, and what it asks of us."""

    code: str
    ko: str
    en: str
    kind: Kind


@cache
def _read(name: str) -> Mapping[str, Any]:
    told: dict[str, Any] = json.loads(Path(__file__).with_name(name).read_bytes())
    return MappingProxyType(told)


def platform_facts() -> Mapping[str, Any]:
    """`hosts`, `rate_limits`, `token`, `approval`, `websocket`, `paging`, `errors`, code lists and `units`.

    Each part keeps its `confidence`: official, or observed by several independent projects.
    """
    return _read("platform.json")


def error_code(code: str) -> ErrorCode | None:
    """The known meaning of a `msg_cd`; None where KIS has not told and nobody has observed it."""
    row = platform_facts()["errors"].get(code.strip())
    return ErrorCode(code.strip(), *row) if row else None


def master_files() -> Mapping[str, Any]:
    """The daily issue lists that need no key: `files` {name: {url, layout}}, `layouts`, `group_codes`.

    A fixed-width layout is `{head: [[Korean, English, width]], tail: [...]}`; the width None takes the rest. The head
    is read from the left and the tail from the right of a decoded line (cp949), counted in characters.
    """
    return _read("master_files.json")
