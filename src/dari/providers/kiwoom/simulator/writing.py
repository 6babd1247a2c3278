"""How the simulated upstream writes a value into a field: unit, scale, sign, padding, decimals, all as strings.

Values come in plain units (won, shares, percent, points) and leave as the field's sheet says. The upstream's oddities
that the facts document are written too: a price's sign is its direction, `--` in ka10061, commas in kt00015, and a
32-bit ceiling on won that do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cache
from typing import Final

from dari.core.endpoint import Field
from dari.providers.kiwoom.spec import SPEC

Value = int | float | Decimal | str | None

DIVISORS: Final[Mapping[str, int]] = {
    "KRW_thousand": 1_000,
    "KRW_million": 1_000_000,
    "KRW_10million": 10_000_000,
    "KRW_100million": 100_000_000,
    "share_100": 100,
    "share_1000": 1_000,
}
WHOLE_UNITS: Final = frozenset({"KRW", "share", "issue_count", *DIVISORS})
SATURATION: Final = 4_294_967_295
SATURATED_FIELDS: Final = frozenset({("ka10003", "acc_trde_prica")})
"""Won in 32 bits: a field of that width stands still at the ceiling."""
DOUBLE_SIGNED: Final = frozenset({"ka10061"})
COMMAS: Final = frozenset({("kt00015", "trde_unit")})
_CENT: Final = Decimal("0.01")


def _digits(number: Decimal, field: Field) -> str:
    """The number without its sign, in the field's unit and scale."""
    number = abs(number)
    if field.scale:
        number /= Decimal(field.scale)
        return str(int(number.quantize(Decimal(1), ROUND_HALF_UP)))
    if field.unit in WHOLE_UNITS:
        whole = int((number / DIVISORS.get(field.unit, 1)).quantize(Decimal(1), ROUND_DOWN))
        return str(whole)
    if field.format.startswith("."):
        return str(number.quantize(Decimal(1).scaleb(-int(field.format[1:])), ROUND_HALF_UP))
    if number == number.to_integral_value():
        # rates and levels without a told precision come with two places, counts without any
        return str(number.quantize(_CENT)) if field.unit in ("percent", "index_point") else str(int(number))
    return str(number.quantize(_CENT, ROUND_HALF_UP))


def _direction(number: Decimal, base: Decimal | None) -> str:
    """The sign that tells whether a price stands above or below the previous close; none where it equals it."""
    if base is None or not number or number == base:
        return ""
    return "+" if number > base else "-"


def _padded(digits: str, width: int, *, negative: bool) -> str:
    """`000000001234`, and one sign more in front of a negative one: `-00000000196888` (15 places in all)."""
    return f"-{digits.zfill(width - 1)}" if negative else digits.zfill(width)


def spell(endpoint: str, field: Field, value: Value, base: Decimal | None = None) -> str:
    """`value` as `endpoint` writes it into `field`; `base` is the previous close that directions are told against."""
    if value is None or isinstance(value, str):
        return value or ""
    number = Decimal(str(value))
    if (endpoint, field.name) in SATURATED_FIELDS and number > SATURATION:
        number = Decimal(SATURATION)
    if (endpoint, field.name) in COMMAS:
        return f"{int(number):,}"
    digits = _digits(number, field)
    nothing = not digits.strip("0.")
    negative = number < 0 and not nothing
    if field.format.startswith("0"):
        return _padded(digits, int(field.format), negative=negative)
    if field.sign == "direction":
        return _direction(number, base) + digits
    if negative:
        return ("--" if endpoint in DOUBLE_SIGNED else "-") + digits
    return f"+{digits}" if field.sign == "value" and not nothing else digits


@cache
def units_of(endpoint: str) -> dict[str, str]:
    """The told unit of each field of an endpoint; of fields of one name, the first's."""
    fields = [one for block in SPEC.endpoint(endpoint).blocks for one in block.fields]
    return {one.name: one.unit for one in reversed(fields)}
