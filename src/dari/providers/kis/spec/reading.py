"""Turns one line of a sheet into an Endpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from dari.core.endpoint import NOTHING, Block, Effect, Endpoint, Field, Parameter

SOURCES: Final = MappingProxyType(
    {
        "portal": ("KIS developers portal workbook, 2026-06-03", "2026-06-03"),
        "portal+repo": (
            "KIS developers portal workbook, 2026-06-03; koreainvestment/open-trading-api @885dd4e, 2026-07-09",
            "2026-07-09",
        ),
    }
)
"""What a sheet's `source` word stands for: the text, and the date until which it was compared."""


def endpoint_of(line: bytes | str) -> Endpoint:
    """The Endpoint that one JSON line describes. Raises KeyError or ValueError on a line that is not a sheet."""
    row = json.loads(line)
    source, checked = SOURCES[row["source"]]
    codes = row.get("field_codes", {})
    return Endpoint(
        id=row["id"],
        provider="kis",
        title=row["title"],
        title_en=row["title_en"],
        category=row["id"].partition(".")[0],
        effect=Effect[row["effect"]],
        scope=row["scope"],
        transport=row["transport"],
        method=row["method"],
        path=row["path"],
        place=row["place"],
        codes=MappingProxyType(row["tr"]),
        parameters=tuple(map(_parameter, row["parameters"])),
        blocks=tuple(_block(one, codes) for one in row["blocks"]),
        max_rows=_max_rows(row.get("rows")),
        cache_seconds=row.get("cache"),
        lane=row["lane"],
        wire=_wire(row),
        source=source,
        checked=checked,
    )


def _parameter(row: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=row["name"],
        label=row["label"],
        required="optional" not in row,
        fixed=row.get("fixed"),
        codes=MappingProxyType(row["codes"]) if "codes" in row else NOTHING,
        closed=row.get("closed", False),
        length=row.get("length"),
        sample=row.get("sample", row.get("fixed")),
        note=row.get("note", ""),
    )


def _block(row: Mapping[str, Any], codes: Mapping[str, Mapping[str, str]]) -> Block:
    block = row["name"] or ""
    fields = tuple(_field(*one, codes=codes.get(f"{block}.{one[0]}", NOTHING)) for one in row["fields"])
    return Block(name=row["name"], kind=row["kind"], fields=fields)


def _field(
    name: str, label: str, english: str, unit: str = "", sample: str | None = None, *, codes: Mapping[str, str]
) -> Field:
    return Field(name=name, label=label, english=english, unit=unit, sample=sample, codes=codes)


def _max_rows(rows: Mapping[str, int] | None) -> int | None:
    """Rows a call gives at most; where the modes differ, the real one (each stands in `wire["rows"]`)."""
    if rows is None:
        return None
    return rows.get("all", rows.get("real"))


def _wire(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """KIS's own further facts.

    `group` (portal section) · `paging` {mode: tr_cont|key|none, keys?}: `tr_cont` goes by the header and carries the
    keys, if any; `key` only carries the keys; keys beside `none` stay as they are · `variants` [{label, real, paper,
    when}]: `when` names side, action, market, session, venue or period, and the request `parameters` that go with it ·
    `retired` {old tr_id: its successor} · `rows` {all|real|paper: n} · `screen` (HTS) · `api_id` · `encrypted` (AES
    notice) · `aliases` {block name: other spelling in use} · `columns` {wide array block: the ≤ 14 fields to show when
    nobody names any} · `twins` {parameter: the one it repeats} · `rest` (how a listed stream is asked over REST) ·
    `conflicts` [{what, portal, repo, taken, reason}].
    """
    wire: dict[str, Any] = {
        "group": row["group"],
        "paging": row.get("paging", {"mode": "none"}),
        "variants": row.get("variants", ()),
        "retired": row.get("retired", {}),
        "rows": row.get("rows", {}),
        "screen": row.get("screen"),
        "api_id": row.get("api_id"),
        "encrypted": row.get("encrypted", False),
        "aliases": row.get("aliases", {}),
        "columns": row.get("columns", {}),
        "twins": row.get("twins", {}),
        "rest": row.get("rest"),
        "conflicts": row.get("conflicts", ()),
    }
    return MappingProxyType(wire)
