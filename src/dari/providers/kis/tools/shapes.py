"""Output shapes in few words, and text for people: rows of a table, amounts as Korean readers say them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

INTEGER: Final = {"type": "integer"}
TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": ["number", "null"]}
"""A number or null: said once in the tool's schema, however many fields are one."""
WHOLE: Final = {"type": ["integer", "null"]}
"""A whole number or null."""
OBJECT: Final = {"type": "object"}


def rows_of(**fields: Any) -> dict[str, Any]:
    """An array of objects with these fields."""
    return {"type": "array", "items": {"type": "object", "properties": fields}}


def answer_of(**fields: Any) -> dict[str, Any]:
    """The shape of a ranking: when it was told, then its own fields. What repeats the question is left out."""
    return {"type": "object", "properties": {"timestamp": TEXT, "as_of": TEXT, **fields}}


def eok(won: int | None) -> str:
    """Won as 억원, rounded; "–" for none."""
    return "–" if won is None else f"{won / 100_000_000:,.0f}억"


def signed(percent: float | None) -> str:
    """A rate with its sign; nothing for none."""
    return "" if percent is None else f"{percent:+.2f}%"


def line(row: Mapping[str, Any], *words: str) -> str:
    """One row for a person: place, code, short name, then words."""
    return " ".join([f"{row['rank']}. {row['stock_code']} {row['stock_name'][:12]}", *filter(None, words)])
