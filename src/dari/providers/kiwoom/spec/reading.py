"""How one line of a sheet becomes an Endpoint.

A line is one JSON object. `parameters` hold `name`, `label` and, where they say something, `required` (true unless
told), `length`, `fixed`, `codes` ("@name" points into codes.json), `closed`, `venue` (the code may carry _NX or _AL),
`blank` (sent empty is accepted), `format`, `unit`, `within` (the frame's list it belongs to).
`blocks` are `[kind, name, fields]`; a field is `[name, label, english, unit?, {sign, scale, format, codes}?]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from dari.core.endpoint import NOTHING, Block, Effect, Endpoint, Field, Parameter, Place

PROVIDER: Final = "kiwoom"
SOURCE: Final = "kwcli 1.0.3 field tables; openapi.kiwoom.com scrape; live-probe notes"
CHECKED: Final = "2026-11-20"
TABLE_MARK: Final = "@"

KNOWN_KEYS: Final = frozenset(
    (
        *("id", "title", "title_en", "category", "path", "effect", "scope", "transport", "cache", "cursor", "rows"),
        *("batch", "mock_refusal", "example_only", "ignores_item", "parameters", "blocks", "unit_depends"),
        "code_prefix",
    ),
)
"""Every key a line may have; another one is a slip of the pen."""

Codes = Mapping[str, Mapping[str, str]]


def codes_of(written: Any, tables: Codes) -> Mapping[str, str]:
    """A field's or parameter's values: its own, or the shared table it points at. Raises KeyError."""
    if not written:
        return NOTHING
    if isinstance(written, str):
        return tables[written.removeprefix(TABLE_MARK)]
    return MappingProxyType(written)


def note_of(row: Mapping[str, Any]) -> str:
    """What a parameter's flags mean, in words."""
    said = []
    if row.get("venue"):
        said.append("a code may end in _NX (NXT) or _AL (unified)")
    if row.get("blank"):
        said.append("may be sent empty")
    if row.get("format"):
        said.append(row["format"])
    if row.get("unit"):
        said.append(row["unit"])
    if row.get("within"):
        said.append(f"inside {row['within']}[]")
    return "; ".join(said)


def parameter(row: Mapping[str, Any], tables: Codes) -> Parameter:
    """One request parameter."""
    return Parameter(
        name=row["name"],
        label=row["label"],
        required=row.get("required", True),
        fixed=row.get("fixed"),
        codes=codes_of(row.get("codes"), tables),
        closed=row.get("closed", False),
        length=row.get("length"),
        note=note_of(row),
    )


def field(row: list[Any], tables: Codes) -> Field:
    """One response field."""
    name, label, english, *rest = row
    unit = rest[0] if rest else ""
    more: Mapping[str, Any] = rest[1] if len(rest) > 1 else {}
    return Field(
        name=name,
        label=label,
        english=english,
        unit=unit,
        sign=more.get("sign", ""),
        scale=more.get("scale", ""),
        format=more.get("format", ""),
        codes=codes_of(more.get("codes"), tables),
    )


def wire_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The upstream's own further facts, for dialect, models and simulator.

    `cursor` (bool) · `batch` (parameter, separator, most, refusal) · `mock_refusal` (the code mock answers with) ·
    `venue_parameters` · `blank_parameters` · `data_parameters` (inside a frame's `data`) ·
    `unit_depends` (on, fields) · `code_prefix` (fields whose codes carry A, J or Q) · `example_only` (names that the
    vendor's examples show and its tables do not) · `ignores_item`.
    """
    parameters = row["parameters"]
    wire: dict[str, Any] = {
        "cursor": row.get("cursor", False),
        "venue_parameters": tuple(one["name"] for one in parameters if one.get("venue")),
        "blank_parameters": tuple(one["name"] for one in parameters if one.get("blank")),
        "data_parameters": tuple(one["name"] for one in parameters if one.get("within")),
        "code_prefix": tuple(row.get("code_prefix", ())),
        "example_only": tuple(row.get("example_only", ())),
        "ignores_item": row.get("ignores_item", False),
        "mock_refusal": row.get("mock_refusal"),
        "batch": MappingProxyType(row["batch"]) if "batch" in row else None,
        "unit_depends": MappingProxyType(row["unit_depends"]) if "unit_depends" in row else None,
    }
    return MappingProxyType(wire)


def endpoint(row: Mapping[str, Any], tables: Codes) -> Endpoint:
    """The whole line. Raises KeyError for a missing key and ValueError for one that nobody reads."""
    if strange := set(row) - KNOWN_KEYS:
        raise ValueError(f"{row['id']}: unknown keys {sorted(strange)}")
    websocket = row.get("transport") == "websocket"
    place: Place = "frame" if websocket else "body"
    return Endpoint(
        id=row["id"],
        provider=PROVIDER,
        title=row["title"],
        title_en=row["title_en"],
        category=row["category"],
        effect=Effect[row["effect"]],
        scope=row["scope"],
        transport="websocket" if websocket else "rest",
        method="POST",
        path=row["path"],
        place=place,
        codes=MappingProxyType({"real": row["id"], "paper": None if row.get("mock_refusal") else row["id"]}),
        parameters=tuple(parameter(one, tables) for one in row["parameters"]),
        blocks=tuple(
            Block(name=name, kind=kind, fields=tuple(field(one, tables) for one in fields))
            for kind, name, fields in row["blocks"]
        ),
        max_rows=row.get("rows"),
        cache_seconds=row.get("cache"),
        lane=row["id"],
        wire=wire_of(row),
        source=SOURCE,
        checked=CHECKED,
    )
