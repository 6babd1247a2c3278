"""Answers of the server kis-trade: tables in columns, cut where they are long and said to be, and text for a person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dari.core.endpoint import Endpoint
from dari.providers.kis.models.tables import as_object, as_rows, columns_of, parts, unit_of

TEXT_LIMIT: Final = 2_350
"""Of 2,500 characters, room is left for the marks of dispatch."""
BYTES_LIMIT: Final = 24_000
"""Characters of one answer's tables; what is cut is said to be."""
CELLS: Final = 7
"""Columns of a row that a person is shown."""


def told(
    row: Endpoint, body: Mapping[str, Any], *, columns: Sequence[str] = (), limit: int = 30, raw: bool = False
) -> dict[str, Any]:
    """`fields` {block: {name: value}}, `tables` {block: {columns, rows, total}}, `units` and `truncated`.

    Raises Malformed where the reply is not rows.
    """
    fields: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    units: dict[str, str] = {}
    for part in parts(row, body):
        if part.single:
            fields[part.name] = as_object(part, raw=raw)
            shown = part.fields
        else:
            shown = columns_of(row, part, columns)
            names = [one.name if raw else one.english for one in shown]
            rows = as_rows(part, shown, raw=raw)
            tables[part.name] = {"columns": names, "rows": rows[:limit], "total": len(rows)}
        if not raw:
            units |= {one.english: unit_of(one) for one in shown if unit_of(one)}
    _fitted(tables)
    truncated = any(len(one["rows"]) < one["total"] for one in tables.values())
    return {"fields": fields, "tables": tables, "units": _grouped(units), "truncated": truncated}


def _grouped(units: Mapping[str, str]) -> dict[str, str]:
    """Unit → the names counted in it."""
    return {
        unit: " ".join(name for name, one in units.items() if one == unit) for unit in dict.fromkeys(units.values())
    }


def _fitted(tables: Mapping[str, Any]) -> None:
    """Cut the longest table until all fit."""
    while tables and (size := len(json.dumps(tables, ensure_ascii=False))) > BYTES_LIMIT:
        longest = max(tables.values(), key=lambda one: len(json.dumps(one, ensure_ascii=False)))
        if len(longest["rows"]) <= 1:
            return
        keep = int(len(longest["rows"]) * BYTES_LIMIT / size)
        del longest["rows"][min(keep, len(longest["rows"]) - 1) :]


def lines_of(data: Mapping[str, Any]) -> list[str]:
    """The tables and objects of `told`, a line a row."""
    said = []
    for name, one in data["tables"].items():
        said.append(f"[{name}] {one['total']}행 · " + " | ".join(one["columns"][:CELLS]))
        said += [" | ".join(cell(value) for value in row[:CELLS]) for row in one["rows"]]
    for name, one in data["fields"].items():
        said += [f"[{name}]", *(f"{field}: {cell(value)}" for field, value in one.items() if value is not None)]
    return said


def cell(value: Any) -> str:
    """One value for a person."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def text_of(title: str, lines: Iterable[str]) -> str:
    """The title and as many lines as a person's text may hold; what is left out is said."""
    said, length, rest = [title], len(title), list(lines)
    for place, line in enumerate(rest):
        if length + len(line) + 1 > TEXT_LIMIT:
            said.append(f"… 외 {len(rest) - place}줄 (structuredContent에 있음)")
            break
        said.append(line)
        length += len(line) + 1
    return "\n".join(said)
