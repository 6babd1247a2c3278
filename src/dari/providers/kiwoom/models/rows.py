"""Replies as rows in our words and units, each field read as its sheet says: sign, scale, format, unit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

from dari.core.endpoint import Block, Endpoint, Field
from dari.core.errors import Malformed
from dari.providers.kiwoom.models import written

FACTORS: Final[Mapping[str, int]] = {
    "KRW_thousand": 1_000,
    "KRW_million": 1_000_000,
    "KRW_10million": 10_000_000,
    "KRW_100million": 100_000_000,
    "share_100": 100,
    "share_1000": 1_000,
}
"""From the unit an upstream writes to won and shares."""

UNTOLD_UNITS: Final[Mapping[tuple[str, str], str]] = {
    ("0B", "311"): "KRW_100million",  # 시가총액: the same field has this unit in 0A
}
POINTLESS: Final = frozenset(
    {
        ("ka90005", "kospi200"),  # hundredths here, with a point in ka90010
        ("ka10059", "flu_rt"),  # the vendor's own example tells 57,300 → 61,300 as +698
    }
)
"""Fields that come in hundredths without a point, though the table of their endpoint does not say so."""

PRICE: Final = re.compile(
    r"(?:.*_)?price(?:_\d+)?|(?:open|high|low|close|highest|lowest)(?:_\d+[dw])?|(?:best_)?(?:ask|bid)(?:_\d+)?|limit_(?:up|down)"
)
"""Our names of prices: a stock's price is never negative, so a sign can only be its direction."""

COUNTED: Final = re.compile(
    r"(?:.*_)?(?:qty|volume|value|amount|price|pct|rank|orders|commission|tax|interest|estimate|change|per|eps|roe|pbr|ev"
    r"|bps|volatility|delta|gamma|theta|vega|rho|gearing|parity|premium|strike|issues|shares|cost|margin|nav|loss|strength"
    r"|sold|bought|trades|holding|left|multiple|rising|falling|unchanged|traded|limit_up|limit_down|receivable|deposit|leverage|count|principal)"
    r"(?:_\d+)?(?:_(?:change|today|sum|total|vs|vs_previous|pct))?"
)
"""Our names of quantities, for fields whose sheet gives no unit: read as numbers where they are numbers."""

Kind = Literal["number", "maybe", "date", "time", "moment", "code", "direction", "choice", "text"]
MOMENTS: Final[Mapping[str, Kind]] = {
    "YYYYMMDD": "date",
    "HHmmss": "time",
    "HH:mm:ss": "time",
    "YYYYMMDDHHmmss": "moment",
}
CODE_NAME: Final = re.compile(r"(?:.*_)?code")
DIRECTIONAL: Final = re.compile(r"(?!rank_)(?:.*_)?change_sign(?:_\w+)?|vs_reference_sign")
NOT_STOCKS: Final = re.compile(
    r"(?:(?:sell|buy)_broker|sector|theme|market|member|currency|exchange|asset|group|session|tracked|target|isin)_.*"
)


@dataclass(frozen=True, slots=True)
class Column:
    """How one field is read.

    `factor` turns what is written into our unit; `unsigned` drops a direction sign; `pointless` numbers mean
    hundredths where they come without a point.
    """

    name: str
    english: str
    kind: Kind
    factor: Decimal = Decimal(1)
    unsigned: bool = False
    pointless: bool = False
    prefixed: bool = False
    codes: Mapping[str, str] = field(default_factory=dict)

    def read(self, value: str) -> Any:
        """The value in our words: None where the upstream gives none. Raises Malformed."""
        return READERS[self.kind](self, value)

    def number(self, value: str) -> int | float | None:
        """The value as a number in our unit. Raises Malformed."""
        found = written.number(value)
        if found is None:
            return None
        found *= self.factor
        if self.pointless and "." not in value:
            found /= 100
        return written.plain(abs(found) if self.unsigned else found)


def _maybe(column: Column, value: str) -> Any:
    try:
        return column.number(value)
    except Malformed:
        return value.strip()


def _choice(column: Column, value: str) -> Any:
    known = column.codes.get(value.strip())
    if known is None and COUNTED.fullmatch(column.english):
        return _maybe(column, value)  # "0: unchanged", and a number otherwise
    return known or value.strip() or None


READERS: Final[Mapping[Kind, Callable[[Column, str], Any]]] = {
    "number": lambda column, value: column.number(value),
    "maybe": _maybe,
    "choice": _choice,
    "direction": lambda _, value: written.DIRECTIONS.get(value.strip()),
    "code": lambda column, value: written.code(value, prefixed=column.prefixed),
    "date": lambda _, value: written.day(value),
    "time": lambda _, value: written.clock_time(value),
    "moment": lambda _, value: written.moment(value),
    "text": lambda _, value: value.strip() or None,
}


@dataclass(frozen=True, slots=True)
class Table:
    """One block of a reply: rows of our names to our values, the strings they came as, and what ran over."""

    rows: tuple[dict[str, Any], ...]
    raw: tuple[Mapping[str, Any], ...]
    saturated: frozenset[str]
    unsure: frozenset[str]
    """Fields whose unit hangs on a request parameter that was set to something the sheet does not tell."""


_KNOWN: Final[dict[tuple[str, str | None, frozenset[str]], tuple[Column, ...]]] = {}


def columns(endpoint: Endpoint, block: Block, unsure: frozenset[str] = frozenset()) -> tuple[Column, ...]:
    """How each field of a block is read; worked out once."""
    key = (endpoint.id, block.name, unsure)
    known = _KNOWN.get(key)
    if known is None:
        prefixed = frozenset(endpoint.wire["code_prefix"])
        known = _KNOWN[key] = tuple(
            _column(endpoint.id, one, prefixed=one.name in prefixed, unsure=one.name in unsure) for one in block.fields
        )
    return known


def _column(endpoint: str, one: Field, *, prefixed: bool, unsure: bool) -> Column:
    english = one.english or one.name
    unit = one.unit or UNTOLD_UNITS.get((endpoint, one.name), "")
    price = PRICE.fullmatch(english) is not None and one.sign != "value"
    if one.format in MOMENTS:
        return Column(one.name, english, MOMENTS[one.format])
    if DIRECTIONAL.fullmatch(english):
        return Column(one.name, english, "direction")
    if one.codes:
        return Column(one.name, english, "choice", codes=one.codes)
    if unit or one.scale or one.format or one.sign == "direction":
        factor = Decimal(one.scale or 1) * (1 if unsure else FACTORS.get(unit, 1))
        return Column(one.name, english, "number", factor, one.sign == "direction" or price)
    if CODE_NAME.fullmatch(english) and not NOT_STOCKS.fullmatch(english):
        return Column(one.name, english, "code", prefixed=prefixed)
    # A sign without a unit is an inference of the sheet's source: 종목상태 has one, and is text.
    kind: Kind = "maybe" if one.sign or COUNTED.fullmatch(english) else "text"
    return Column(one.name, english, kind, unsigned=price, pointless=(endpoint, one.name) in POINTLESS)


def unsure_fields(endpoint: Endpoint, parameters: Mapping[str, str]) -> frozenset[str]:
    """Fields that count something else than their sheet's unit, because the call asked for it (금액 or 수량)."""
    depends = endpoint.wire["unit_depends"]
    if depends is None:
        return frozenset()
    asked = next((one for one in endpoint.parameters if one.name == depends["on"]), None)
    meaning = asked.codes.get(parameters.get(asked.name, ""), "") if asked else ""
    units = {one.unit for block in endpoint.blocks for one in block.fields if one.name in depends["fields"]}
    in_money = any(unit.startswith("KRW") for unit in units)
    return frozenset() if ("금액" in meaning) == in_money and meaning else frozenset(depends["fields"])


def block_of(endpoint: Endpoint, name: str | None) -> Block:
    """The block of a reply by its name. Raises KeyError."""
    for one in endpoint.blocks:
        if one.name == name:
            return one
    raise KeyError(name)


def list_block(endpoint: Endpoint) -> Block | None:
    """The block that holds the rows, where there is one."""
    return next((one for one in endpoint.blocks if one.kind == "array"), None)


def head(endpoint: Endpoint, body: Mapping[str, Any], parameters: Mapping[str, str] | None = None) -> Table:
    """The fields beside the list, as a table of one row. Raises Malformed."""
    return _table(endpoint, block_of(endpoint, None), [body], parameters or {})


def table(endpoint: Endpoint, body: Mapping[str, Any], parameters: Mapping[str, str] | None = None) -> Table:
    """The rows of the list. Raises Malformed where the reply has no such list, or it is not one of objects."""
    block = list_block(endpoint)
    if block is None:
        raise KeyError(f"{endpoint.id} has no list")
    return _table(endpoint, block, _listed(endpoint, block.name, body), parameters or {})


def frame(endpoint: Endpoint, values: Mapping[str, Any]) -> dict[str, Any]:
    """One realtime record of a type, by our names."""
    return _table(endpoint, endpoint.blocks[0], [values], {}).rows[0]


def _listed(endpoint: Endpoint, name: str | None, body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = body.get(name or "")
    if listed is None:
        # Tables and examples of the vendor disagree about some list names: the only list of the reply is the list.
        lists = [value for value in body.values() if isinstance(value, list)]
        if len(lists) > 1 or (not lists and not _empty(endpoint, body)):
            raise Malformed(f"the reply of {endpoint.id} lacks the list {name}")
        listed = lists[0] if lists else []
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise Malformed(f"{name} of {endpoint.id} is not a list of objects")
    return listed


def _empty(endpoint: Endpoint, body: Mapping[str, Any]) -> bool:
    """A success that says nothing at all: no rows, as some replies leave an empty list out."""
    told = {one.name for block in endpoint.blocks for one in block.fields}
    return not told & set(body)


def _table(endpoint: Endpoint, block: Block, raw: list[Mapping[str, Any]], parameters: Mapping[str, str]) -> Table:
    unsure = unsure_fields(endpoint, parameters)
    reading = columns(endpoint, block, unsure)
    saturated: set[str] = set()
    rows = []
    for one in raw:
        row: dict[str, Any] = {}
        for column in reading:
            value = one.get(column.name)
            if value is None:
                row[column.english] = None
                continue
            text = str(value)
            try:
                row[column.english] = column.read(text)
            except Malformed as error:
                raise Malformed(
                    f"{endpoint.id}.{column.name} ({column.english}) is not a number", upstream_text=error.upstream_text
                ) from None
            if column.kind in {"number", "maybe"} and written.is_saturated(text):
                saturated.add(column.english)
        rows.append(row)
    named = frozenset(column.english for column in reading if column.name in unsure)
    return Table(tuple(rows), tuple(raw), frozenset(saturated), named)
