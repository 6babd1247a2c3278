"""What a handler is asked and what the gateway sends back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dari.core.endpoint import Endpoint
from dari.providers.kis.simulator.keys import Key, Mode
from dari.providers.kis.spec import error_code
from dari.worlds.market import Market

SPACE: Final = " " * 10
"""KIS pads msg1 with blanks; a client that compares texts must cope."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that passed the gateway. `parameters` hold every parameter of the sheet, absent ones as ""."""

    endpoint: Endpoint
    parameters: Mapping[str, str]
    mode: Mode
    key: Key
    tr_id: str
    tr_cont: str
    market: Market
    at: datetime

    def __getitem__(self, name: str) -> str:
        return self.parameters[name]


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """A request the gateway or a handler declines."""

    code: str
    status: int = 500
    result: str = "1"
    text: str = ""

    def body(self) -> dict[str, str]:
        """The envelope of a refusal."""
        return {"rt_cd": self.result, "msg_cd": self.code, "msg1": (self.text or meaning(self.code)) + SPACE}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What goes over the wire."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json; charset=utf-8"


def meaning(code: str) -> str:
    """The Korean meaning of a KIS code, as far as it is known."""
    known = error_code(code)
    return known.ko if known else code


def as_json(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Outcome:
    """A JSON reply."""
    return Outcome(status, json.dumps(body, ensure_ascii=False).encode(), headers or {})


def wrong(text: str) -> Refusal:
    """A parameter the service behind the gateway declines: HTTP 200 with rt_cd 2, as KIS does."""
    return Refusal("OPSQ2001", 200, "2", text)
