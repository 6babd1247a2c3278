"""The exchange's rows in our words and units: one share on one day, one index on one day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dari.core.errors import Malformed
from dari.core.market import DayRow
from dari.core.values import decimal, text

BLANKS: Final = frozenset({"", "-"})
"""What stands where there is no figure."""


def _number(row: Mapping[str, Any], name: str) -> float | None:
    if text(row, name) in BLANKS:
        return None
    value = decimal(row, name)
    return None if value is None else float(value)


def _whole(row: Mapping[str, Any], name: str) -> int:
    """A whole number; nothing stands for 0 (a halted issue has no trades and no range)."""
    written = row.get(name)
    if isinstance(written, str) and written.isdecimal():
        return int(written)  # all but a few of the thirty thousand figures of a day
    if text(row, name) in BLANKS:
        return 0
    value = decimal(row, name)
    if value is None or value != value.to_integral_value():
        raise Malformed(f"{name} is not a whole number", upstream_text=text(row, name))
    return int(value)


def day_row(row: Mapping[str, Any]) -> DayRow:
    """A row of 일별매매정보. Raises Malformed."""
    return DayRow(
        code=text(row, "ISU_CD"),
        name=text(row, "ISU_NM"),
        close=_whole(row, "TDD_CLSPRC"),
        change=_whole(row, "CMPPREVDD_PRC"),
        change_rate=_number(row, "FLUC_RT") or 0.0,
        high=_whole(row, "TDD_HGPRC"),
        low=_whole(row, "TDD_LWPRC"),
        volume=_whole(row, "ACC_TRDVOL"),
        value=_whole(row, "ACC_TRDVAL"),
        market_cap=_whole(row, "MKTCAP"),
        shares=_whole(row, "LIST_SHRS"),
    )


@dataclass(frozen=True, slots=True)
class IndexDay:
    """One index on one day: points, won, shares. `market_cap` is None where the exchange tells none."""

    name: str
    close: float | None
    change_rate: float | None
    volume: int
    value: int
    market_cap: int | None


def index_day(row: Mapping[str, Any]) -> IndexDay:
    """A row of 일별시세정보 of an index series. Raises Malformed."""
    return IndexDay(
        name=text(row, "IDX_NM"),
        close=_number(row, "CLSPRC_IDX"),
        change_rate=_number(row, "FLUC_RT"),
        volume=_whole(row, "ACC_TRDVOL"),
        value=_whole(row, "ACC_TRDVAL"),
        market_cap=_whole(row, "MKTCAP") or None,
    )
