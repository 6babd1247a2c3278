"""Numbers as upstreams write them (strings, padded, signed, with commas or not at all) into int and Decimal."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from dari.core.errors import Malformed


def text(row: Mapping[str, Any], name: str) -> str:
    """The field as text without padding; raises Malformed where the reply lacks it."""
    if name not in row:
        raise Malformed(f"the reply lacks the field {name}")
    return str(row[name]).strip()


def decimal(row: Mapping[str, Any], name: str) -> Decimal | None:
    """The field as a number; None where the upstream left it empty; Malformed where it is not a number."""
    written = text(row, name).replace(",", "")
    if not written:
        return None
    try:
        value = Decimal(written)
    except InvalidOperation:
        raise Malformed(f"{name} is not a number", upstream_text=written) from None
    if not value.is_finite():
        raise Malformed(f"{name} is not a finite number", upstream_text=written)
    return value


def whole(row: Mapping[str, Any], name: str) -> int | None:
    """The field as a whole number; None where it is empty; Malformed where it has a fraction or is no number."""
    value = decimal(row, name)
    if value is None:
        return None
    if value != value.to_integral_value():
        raise Malformed(f"{name} is not a whole number", upstream_text=str(value))
    return int(value)


def must(row: Mapping[str, Any], name: str) -> int:
    """A whole number that an answer cannot do without: Malformed where it is empty."""
    value = whole(row, name)
    if value is None:
        raise Malformed(f"the reply leaves {name} empty")
    return value


def percent(part: Decimal | int, of: Decimal | int) -> float | None:
    """`part` of `of` in percent, two decimals; None of nothing."""
    return None if not of else round(float(Decimal(part) * 100 / Decimal(of)), 2)
