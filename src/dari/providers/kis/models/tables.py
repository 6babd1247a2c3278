"""Any reply of KIS by its sheet: blocks as objects and tables, in our names and units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from dari.core.endpoint import Block, Endpoint, Field
from dari.core.errors import Malformed

SCALES: Final[Mapping[str, int]] = {
    "KRW": 1,
    "share": 1,
    "percent": 1,
    "thousand": 1_000,
    "share_1000": 1_000,
    "KRW_10thousand": 10_000,
    "KRW_million": 1_000_000,
    "KRW_100million": 100_000_000,
}
"""Unit of a field → what it is multiplied with to be won, shares, percent or pieces. Fields without a unit (codes,
times, prices abroad) stay as KIS writes them: a leading zero may belong to them."""

ACCOUNT: Final = frozenset({"cano", "acnt_no", "acct_no", "cust_id", "user_id"})
"""Fields in which KIS repeats an account number, or the customer's own name for himself."""


@dataclass(frozen=True, slots=True)
class Part:
    """One block of a reply as it came: `fields` as the sheet tells them, `rows` (one, where `single`)."""

    name: str
    fields: tuple[Field, ...]
    rows: tuple[Mapping[str, Any], ...]
    single: bool


def unit_of(field: Field) -> str:
    """The unit our value is in."""
    return {"share_1000": "share", "thousand": ""}.get(field.unit, field.unit.partition("_")[0])


def value(field: Field, written: Any) -> int | float | str | None:
    """One value in our units: None where KIS left it blank, its own text where it is no number."""
    text = str(written).strip()
    if not text:
        return None
    if field.name.lower() in ACCOUNT:
        return hidden(text)
    scale = SCALES.get(field.unit)
    if scale is None:
        return text
    try:
        number = Decimal(text.replace(",", "")) * scale
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    return int(number) if number == number.to_integral_value() else float(number)


def hidden(account: str) -> str:
    """An account number as it may be told: its last two digits."""
    return "*" * max(len(account) - 2, 0) + account[-2:]


def parts(row: Endpoint, body: Mapping[str, Any]) -> Iterator[Part]:
    """The blocks of a reply that are there, in sheet order. Raises Malformed where a block holds anything but rows."""
    for block in row.blocks:
        found = _found(row, block, body)
        if found is None:
            continue
        listed = found if isinstance(found, list) else [found]
        if not all(isinstance(one, Mapping) for one in listed):
            raise Malformed(f"the block {block.name} of {row.id} holds something that is not a row")
        single = isinstance(found, Mapping)
        yield Part(block.name or "top", block.fields, tuple(listed), single)


def _found(row: Endpoint, block: Block, body: Mapping[str, Any]) -> Any:
    if block.name is None:
        return {one.name: body[one.name] for one in block.fields if one.name in body} or None
    for name in (block.name, row.wire["aliases"].get(block.name), block.name.lower(), block.name.capitalize()):
        if name in body:
            return body[name]
    return None


def as_object(part: Part, *, raw: bool = False) -> dict[str, Any]:
    """A single row by our names, or `raw` as KIS writes it; what the sheet does not know keeps KIS's name."""
    row = part.rows[0]
    if raw:
        return {name: _raw(name, one) for name, one in row.items()}
    return {one.english: value(one, row.get(one.name, "")) for one in part.fields}


def _raw(name: str, written: Any) -> Any:
    return hidden(str(written)) if name.lower() in ACCOUNT and written else written


def columns_of(row: Endpoint, part: Part, wanted: Sequence[str]) -> tuple[Field, ...]:
    """The fields to show of a table: those wanted (by either name; "all"), else the sheet's default ones."""
    if list(wanted) == ["all"]:
        return part.fields
    if wanted:
        by_name = {name: one for one in part.fields for name in (one.name, one.english)}
        return tuple(dict.fromkeys(by_name[name] for name in wanted if name in by_name))
    default = row.wire["columns"].get(part.name)
    if not default:
        return part.fields
    by_name = {one.name: one for one in part.fields}
    return tuple(by_name[name] for name in default)


def as_rows(part: Part, columns: Sequence[Field], *, raw: bool = False) -> list[list[Any]]:
    """The rows of a table, each as long as `columns`."""
    if raw:
        return [[_raw(field.name, one.get(field.name)) for field in columns] for one in part.rows]
    return [[value(field, one.get(field.name, "")) for field in columns] for one in part.rows]
