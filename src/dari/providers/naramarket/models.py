"""Rows as values: amounts and numbers as numbers, dates as dates, packed strings as tables, people kept out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from dari.core.clock import KST
from dari.core.endpoint import Endpoint
from dari.core.exchange import Gap

HIDDEN: Final = "***"
"""What stands for a person's name, telephone number or address; it tells that there is one."""

FORMS: Final = {
    "YYYY-MM-DD HH:MM:SS": "%Y-%m-%d %H:%M:%S",
    "YYYY-MM-DD HH:MM": "%Y-%m-%d %H:%M",
    "YYYY-MM-DD": "%Y-%m-%d",
    "YYYYMMDD": "%Y%m%d",
    "YYYY-MM": "%Y-%m",
    "YYYYMM": "%Y%m",
}
BY_LENGTH: Final = {19: "%Y-%m-%d %H:%M:%S", 16: "%Y-%m-%d %H:%M", 14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M",
                    10: "%Y-%m-%d", 8: "%Y%m%d", 7: "%Y-%m", 6: "%Y%m"}  # fmt: skip
"""Live rows do not always follow their sheet; the length of a time tells how it is written."""
FLAGS: Final = {"Y": True, "N": False}


@dataclass(slots=True)
class Typed:
    """Rows with values, by our English names. `unread` are cells that are not what their sheet says, kept null."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)

    def gaps(self, place: str = "rows[]") -> tuple[Gap, ...]:
        """What could not be told: cells that did not read, fields the upstream no longer sends."""
        told = [
            Gap(f"{place}.{name}", f"the upstream sent {value!r}, which its sheet does not explain")
            for name, value in sorted(self.unread.items())
        ]
        told += [Gap(f"{place}.{name}", "always sent by its sheet, and absent") for name in sorted(self.missing)]
        return tuple(told)


def number(text: str) -> int | Decimal:
    """A number as it travels ("1,234", "12.50"). Raises ValueError."""
    try:
        value = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        raise ValueError(text) from None
    if not value.is_finite():
        raise ValueError(text)
    return int(value) if value == value.to_integral_value() else value


def moment(text: str, form: str = "") -> datetime:
    """A time in KST. Raises ValueError."""
    text = text.strip()
    written = FORMS.get(form, "")
    for pattern in (written, BY_LENGTH.get(len(text), "")):
        if pattern:
            try:
                return datetime.strptime(text, pattern).replace(tzinfo=KST)
            except ValueError:
                continue
    raise ValueError(text)


def day(text: str, form: str = "") -> date:
    """A date. Raises ValueError."""
    return moment(text, form).date()


def flag(text: str) -> bool:
    """Y or N. Raises ValueError."""
    try:
        return FLAGS[text.strip().upper()]
    except KeyError:
        raise ValueError(text) from None


def packed(text: str, layout: Iterable[str], hidden: Iterable[str] = ()) -> list[dict[str, str]]:
    """`[1^code^name],[2^…]` as rows; parts beyond the layout are numbered. Parts of people are hidden."""
    names, kept_out = list(layout), set(hidden)
    rows = []
    for group in text.strip().removeprefix("[").removesuffix("]").replace("] ,", "],").split("],["):
        parts = group.split("^")
        row = {}
        for at, part in enumerate(parts):
            name = names[at] if at < len(names) else f"part_{at + 1}"
            row[name] = HIDDEN if name in kept_out and part.strip() else part.strip()
        rows.append(row)
    return rows


def _reader(kind: str, unit: str) -> Callable[[str], Any]:
    readers: dict[str, Callable[[str], Any]] = {
        "amount": number,
        "number": number,
        "rate": number,
        "date": lambda text: day(text, unit),
        "datetime": lambda text: moment(text, unit),
        "month": lambda text: day(text, unit),
        "flag": flag,
    }
    return readers.get(kind, str.strip)


class Reader:
    """Reads the rows of one operation. Personal fields are hidden unless `people` is asked for."""

    def __init__(self, endpoint: Endpoint, *, people: bool = False) -> None:
        wire = endpoint.wire
        self._endpoint = endpoint
        self._kinds: Mapping[str, str] = wire["kinds"]
        self._english: Mapping[str, str] = wire["english"]
        self._spelled: Mapping[str, str] = wire["also_spelled"]
        self._personal = frozenset() if people else wire["pii"]
        self._packed: Mapping[str, tuple[str, ...]] = wire["packed"]
        self._parts = {} if people else wire["pii_parts"]
        units = {one.name: one.unit for one in endpoint.blocks[0].fields}
        self._readers = {name: _reader(kind, units.get(name, "")) for name, kind in self._kinds.items()}

    def read(self, rows: Iterable[Mapping[str, str]]) -> Typed:
        """The rows as values; nothing is raised for one bad cell: it is null, and told."""
        told = Typed()
        for raw in rows:
            row = {self._spelled.get(name, name): value for name, value in raw.items()}
            told.missing |= {self._english[name] for name in self._endpoint.wire["always"] - set(row)}
            told.rows.append(dict(self._cell(name, value, told) for name, value in row.items()))
        return told

    def _cell(self, name: str, value: str, told: Typed) -> tuple[str, Any]:
        english = self._english.get(name)
        if english is None:
            told.unknown.add(name)
            return name, value or None
        if not value.strip():
            return english, None
        if name in self._personal:
            told.hidden.add(english)
            return english, HIDDEN
        if name in self._packed:
            return english, packed(value, self._packed[name], self._parts.get(name, ()))
        try:
            return english, self._readers[name](value)
        except ValueError:
            told.unread.setdefault(english, value[:40])
            return english, None


def plain(value: Any) -> Any:
    """The same for JSON: times as ISO 8601 (+09:00), fractions as floats."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def natural_key(endpoint: Endpoint, row: Mapping[str, str]) -> str:
    """What tells a row from all others of its operation, in the upstream's words, joined by `|`."""
    return "|".join(row.get(name, "") for name in endpoint.wire["key"])
