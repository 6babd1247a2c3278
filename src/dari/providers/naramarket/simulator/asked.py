"""Reads a query the way the services do: which way is asked, from when to when, which page, or which refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from dari.core.clock import KST
from dari.core.endpoint import Endpoint

MOST_ROWS: Final = 999
CONTROL: Final = frozenset({"servicekey", "pageno", "numofrows", "type", "inqrydiv"})
FORMS: Final = {6: "%Y%m", 8: "%Y%m%d", 12: "%Y%m%d%H%M"}


class Refusal(Exception):
    """The service says no, with one of its result codes."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Question:
    """One query, understood. `start` and `end` are the window (end inclusive, to the minute)."""

    endpoint: Endpoint
    way: str
    values: Mapping[str, str]
    start: datetime | None = None
    end: datetime | None = None
    page: int = 1
    rows: int = 10
    json: bool = False
    filters: Mapping[str, str] = field(default_factory=dict)

    @property
    def width(self) -> float:
        """Seconds from start to end."""
        return (self.end - self.start).total_seconds() if self.start and self.end else 0.0

    def lies_in(self, other: Question) -> bool:
        """Does this ask for a part (or all) of what `other` asks for, by the same way and filters?"""
        if (self.endpoint.id, self.way, self.filters) != (other.endpoint.id, other.way, other.filters):
            return False
        if self.start and self.end and other.start and other.end:
            return other.start <= self.start and self.end <= other.end
        return dict(self.values) == dict(other.values)

    @property
    def window(self) -> tuple[Any, ...]:
        """What is asked, without page and size."""
        return (self.endpoint.id, self.way, *sorted(self.values.items()))


def add_months(when: datetime, months: int) -> datetime:
    """The same day some months later, or the last day of that month where it has no such day."""
    year, month = divmod(when.year * 12 + when.month - 1 + months, 12)
    for day in range(when.day, when.day - 4, -1):
        try:
            return when.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError(when)


def parse_time(text: str, *, last: bool) -> datetime:
    """A moment of a query; a date or a month means its first minute, or with `last` its last. Refuses with 06."""
    form = FORMS.get(len(text))
    if form is None or not text.isdigit():
        raise Refusal("06")
    try:
        when = datetime.strptime(text, form).replace(tzinfo=KST)
    except ValueError:
        raise Refusal("06") from None
    if last and len(text) == 8:
        return when.replace(hour=23, minute=59)
    if last and len(text) == 6:
        return add_months(when, 1) - timedelta(minutes=1)
    return when


def too_wide(start: datetime, end: datetime, window: Mapping[str, int], *, dates: bool) -> bool:
    """Is the window wider than so many calendar months or days? Exactly as wide is still right.

    With plain dates both ends count: 7 days from the 1st end on the 7th.
    """
    limit = add_months(start, window["months"]) if "months" in window else start + timedelta(days=window["days"])
    return end >= limit if dates else end > limit


def _positive(text: str, default: int) -> int:
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise Refusal("10")
    return int(text)


def _way(endpoint: Endpoint, values: Mapping[str, str]) -> str:
    """Which of the operation's ways is asked: by inqryDiv, else by the first whose parameters are there."""
    ways: Mapping[str, Mapping[str, Any]] = endpoint.wire["by"]
    division = values.get("inqryDiv")
    if any(parameter.name == "inqryDiv" for parameter in endpoint.parameters):
        if not division:
            raise Refusal("08")
        for word, way in ways.items():
            if way["send"]["inqryDiv"] == division:
                return word
        raise Refusal("10")
    for word, way in ways.items():
        if way["requires"] and all(values.get(name) for name in way["requires"]):
            return word
    if "all" in ways:
        if any(values.get(way.get(edge, "")) for way in ways.values() for edge in ("from", "to")):
            raise Refusal("08")
        return "all"
    raise Refusal("08")


def understand(
    endpoint: Endpoint, query: Mapping[str, str], *, narrower: Mapping[str, int] | None = None, bounded: bool = True
) -> Question:
    """The question in a query. Raises Refusal 06, 07, 08 or 10.

    `narrower` is a limit nobody documented; without `bounded` a window may be as wide as one likes.
    """
    lowered = {name.lower(): value for name, value in query.items()}
    values = {name: value for name, value in query.items() if name.lower() not in CONTROL and value}
    if query.get("inqryDiv"):
        values["inqryDiv"] = query["inqryDiv"]
    word = _way(endpoint, values)
    way = endpoint.wire["by"][word]
    for parameter in endpoint.parameters:
        if parameter.required and not values.get(parameter.name):
            raise Refusal("08")
    if any(not values.get(name) for name in way["requires"]):
        raise Refusal("08")
    start = end = None
    if "from" in way:
        start, end = (parse_time(values[way[edge]], last=edge == "to") for edge in ("from", "to"))
        if end < start:
            raise Refusal("07")
        dates = len(values[way["from"]]) == 8
        for window in (way.get("window"), narrower):
            if bounded and window and too_wide(start, end, window, dates=dates):
                raise Refusal("07")
    used = {"inqryDiv", *way["requires"]}
    return Question(
        endpoint=endpoint,
        way=word,
        values=values,
        start=start,
        end=end,
        page=_positive(lowered.get("pageno", ""), 1),
        rows=min(_positive(lowered.get("numofrows", ""), 10), MOST_ROWS),
        json=lowered.get("type", "").lower() == "json" and "json" in endpoint.wire["answers"],
        filters={name: value for name, value in values.items() if name not in used},
    )
