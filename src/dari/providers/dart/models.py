"""DART's rows in our words: a disclosure, and the own shares of a company."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from dari.core.errors import Malformed
from dari.core.market import Disclosure, Treasury
from dari.core.values import text

CLASSES: Final = {True: "보통", False: "우선"}
"""How the class of a share is named, common or not: 보통주, 우선주, 의결권 있는 보통주 …"""
WHOLE: Final = "합계"
BLANKS: Final = frozenset({"", "-"})


def disclosure(row: Mapping[str, Any]) -> Disclosure:
    """A row of 공시검색. Raises Malformed."""
    return Disclosure(text(row, "rcept_no"), text(row, "report_nm"), _day(text(row, "rcept_dt")))


def treasury(rows: Iterable[Mapping[str, Any]], *, common: bool) -> Treasury | None:
    """자기주식수 of the issued shares 발행주식의 총수 of a class; of all together where the report tells no classes.

    None where the report has no such row. Raises Malformed.
    """
    told = {text(row, "se"): row for row in rows}
    named = next((row for name, row in told.items() if CLASSES[common] in name), None)
    for row in (named, told.get(WHOLE)):
        issued = _shares(row, "istc_totqy") if row else None
        if row and issued:
            return Treasury(_shares(row, "tesstk_co") or 0, issued, _day(text(row, "stlm_dt")))
    return None


def _shares(row: Mapping[str, Any], name: str) -> int | None:
    written = text(row, name).replace(",", "")
    if written in BLANKS:
        return None
    if not written.isdigit():
        raise Malformed(f"{name} is not a number of shares", upstream_text=written)
    return int(written)


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise Malformed("a day of DART is not a day", upstream_text=written) from None
