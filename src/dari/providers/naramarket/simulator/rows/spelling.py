"""How values become the strings of a row, and what a field holds where the world says nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from dari.core.endpoint import Endpoint
from dari.providers.naramarket.spec import SPEC

FORMS: Final = {
    "YYYY-MM-DD HH:MM:SS": "%Y-%m-%d %H:%M:%S",
    "YYYY-MM-DD HH:MM": "%Y-%m-%d %H:%M",
    "YYYY-MM-DD": "%Y-%m-%d",
    "YYYYMMDD": "%Y%m%d",
    "YYYYMM": "%Y%m",
    "YYYY-MM": "%Y-%m",
}
ALWAYS: Final = {"flag": "N", "amount": "0", "number": "0", "rate": "0", "code": "1", "text": "해당없음", "url": ""}
"""What stands in a field that is always there, where the world says nothing."""

Values = Mapping[str, Any]


def packed(*groups: tuple[object, ...]) -> str:
    """The upstream's way to put a table into a string: `[1^code^name],[2^…]`."""
    return ",".join(f"[{'^'.join(map(str, group))}]" for group in groups)


def _dated(form: str) -> Callable[[Any], str]:
    def spell(value: Any) -> str:
        return value.strftime(form) if isinstance(value, date) else str(value)

    return spell


class Sheet:
    """One operation's fields, ready to be filled."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        kinds, always = endpoint.wire["kinds"], endpoint.wire["always"]
        self.blank = {name: ALWAYS.get(kind, "") if name in always else "" for name, kind in kinds.items()}
        self._spell = {
            field.name: _dated(FORMS.get(field.unit, "%Y-%m-%d")) if field.unit in FORMS else str
            for field in endpoint.blocks[0].fields
        }
        self.urls = tuple(name for name, kind in kinds.items() if kind == "url")
        self._dates = [
            field.name for field in endpoint.blocks[0].fields if field.unit in FORMS and field.name in always
        ]

    def row(self, values: Values) -> dict[str, str]:
        """The row in the order of the sheet. `base` among the values dates what is always dated."""
        row = dict(self.blank)
        spell = self._spell
        base = values.get("base")
        if base is not None:
            for name in self._dates:
                row[name] = spell[name](base)
        for name, value in values.items():
            if name in row and value is not None:
                row[name] = spell[name](value)
        return row

    def key(self, row: Mapping[str, str]) -> str:
        """The natural key of a row."""
        return "|".join(row[name] for name in self.endpoint.wire["key"])


@cache
def sheet(endpoint_id: str) -> Sheet:
    """The sheet of an operation."""
    return Sheet(SPEC.endpoint(endpoint_id))


def day(value: datetime | None) -> date | None:
    """The date of a time that may be missing."""
    return value.date() if value else None
