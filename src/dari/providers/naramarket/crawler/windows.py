"""Periods as a service takes them: cut at its documented limit, split where it refuses, never overlapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from dari.core.clock import KST

MINUTE: Final = timedelta(minutes=1)
RUNGS: Final = (183, 92, 31, 15, 7, 3, 1)
"""Days to fall back to where a limit is undocumented: half a year, a quarter, a month, … as such limits come."""
UNKNOWN: Final[Mapping[str, int]] = {"months": 12}
"""Where nothing is documented, a wide window is tried: an empty one costs a call all the same."""
FORMS: Final = {"YYYYMM": "%Y%m", "YYYYMMDD": "%Y%m%d", "YYYYMMDDHHMM": "%Y%m%d%H%M"}
DECEMBER: Final = 12


@dataclass(frozen=True, slots=True)
class Span:
    """A period, both ends included, to the minute, in KST."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """Calendar days it touches."""
        return (self.end.date() - self.start.date()).days + 1

    def spelled(self, form: str) -> tuple[str, str]:
        """Both ends as the service writes them."""
        return self.start.strftime(FORMS[form]), self.end.strftime(FORMS[form])

    def parts(self, days: int) -> list[Span]:
        """It in parts of at most so many calendar days, the newest first."""
        found = []
        end = self.end
        while end >= self.start:
            start = max(self.start, _dawn(end.date() - timedelta(days=days - 1)))
            found.append(Span(start, end))
            end = start - MINUTE
        return found

    def split(self, form: str) -> list[Span]:
        """It in narrower parts, or nothing where it cannot be narrower."""
        if form == "YYYYMM":
            return self._by_month()
        lower = [rung for rung in RUNGS if rung < self.days]
        if lower:
            return self.parts(lower[0])
        if form == "YYYYMMDD" or self.end - self.start < MINUTE:
            return []
        middle = self.start + (self.end - self.start) // 2
        middle = middle.replace(second=0, microsecond=0)
        return [Span(middle + MINUTE, self.end), Span(self.start, middle)]

    def _by_month(self) -> list[Span]:
        if (self.start.year, self.start.month) == (self.end.year, self.end.month):
            return []
        first = _dawn(self.end.date().replace(day=1))
        return [Span(first, self.end), Span(self.start, first - MINUTE)]


def _dawn(day: date) -> datetime:
    return datetime.combine(day, time(), KST)


def whole(start: date, end: date) -> Span:
    """From the first minute of a day to the last of another."""
    return Span(_dawn(start), _dawn(end) + timedelta(days=1) - MINUTE)


def _months_back(day: date, months: int) -> date:
    count = day.year * DECEMBER + day.month - 1 - (months - 1)
    return date(count // DECEMBER, count % DECEMBER + 1, 1)


def planned(span: Span, way: Mapping[str, Any], *, most_days: int | None = None) -> list[Span]:
    """The windows of a period for one way of asking, the newest first.

    `most_days` is what a refusal has taught; months are calendar months, so that February breaks nothing.
    """
    if way["format"] == "YYYYMM":
        return [span]
    window: Mapping[str, int] = way.get("window") or UNKNOWN
    found: list[Span] = []
    end = span.end
    while end >= span.start:
        if "days" in window:
            first = end.date() - timedelta(days=window["days"] - 1)
        else:
            first = _months_back(end.date(), window["months"])
        start = max(span.start, _dawn(first))
        found.append(Span(start, end))
        end = start - MINUTE
    if most_days is None:
        return found
    return [part for one in found for part in one.parts(most_days)]
