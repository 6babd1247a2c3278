"""What one operation of an upstream is, as a fact: everything else about a call is derived from this row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, Literal

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

Place = Literal["query", "body", "header", "frame"]


class Effect(IntEnum):
    """How far a call reaches; ordered, so that `effect <= reach` asks whether it is allowed."""

    READ = 0
    """Looks only. May be kept, asked again, asked by anyone."""
    CHANGE = 1
    """Changes something, the same however often it is done."""
    COMMIT = 2
    """Cannot be taken back (an order, a replay, a load test): only by plan → apply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One request parameter, in the upstream's own spelling.

    `codes` maps each allowed value to its meaning; it is a closed list only where `closed` says so.
    `fixed` is the constant the parameter must carry ("" = sent empty).
    """

    name: str
    label: str = ""
    required: bool = True
    fixed: str | None = None
    codes: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    closed: bool = False
    length: int | None = None
    sample: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One response field: the upstream's name, its Korean label, our short English name and the unit it comes in.

    `sign` says what a leading + or - means: the direction against the previous close (the value itself is positive),
    or the value's own sign. `scale` multiplies what arrives ("0.01": the point is left out). `format` is a date shape
    ("YYYYMMDD"), a number of decimals (".2") or a zero-padded width ("012"). `codes` maps values to meanings.
    """

    name: str
    label: str = ""
    english: str = ""
    unit: str = ""
    sample: str | None = None
    sign: Literal["", "direction", "value"] = ""
    scale: str = ""
    format: str = ""
    codes: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One named part of a reply: `object` (one row), `array` (rows) or `frame` (a websocket record, in field order)."""

    name: str | None
    kind: Literal["object", "array", "frame"]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint of one upstream.

    `codes` gives the upstream's operation code per mode (KIS tr_id, Kiwoom api-id); None where that mode lacks it.
    `wire` holds the upstream's own further facts (variants, paging keys, retired codes): read by dialect and simulator.
    `cache_seconds` is the longest a reply may be kept while the market moves; None follows the settings' L1/L2.
    """

    id: str
    provider: str
    title: str
    title_en: str = ""
    category: str = ""
    effect: Effect = Effect.READ
    scope: Literal["market", "account", "auth"] = "market"
    transport: Literal["rest", "websocket", "file"] = "rest"
    method: Literal["GET", "POST"] = "GET"
    path: str = ""
    place: Place = "query"
    codes: Mapping[str, str | None] = field(default_factory=lambda: NOTHING, hash=False)
    parameters: tuple[Parameter, ...] = ()
    blocks: tuple[Block, ...] = ()
    max_rows: int | None = None
    cache_seconds: float | None = None
    lane: str = "default"
    wire: Mapping[str, Any] = field(default_factory=lambda: NOTHING, hash=False)
    source: str = ""
    checked: str = ""
