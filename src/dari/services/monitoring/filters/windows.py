"""A window of time out of extents and the words around them: half-open, a day as an end is included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dari.services.monitoring.filters.extents import Extent, back, duration, extent, of_day
from dari.services.monitoring.filters.marks import Unclear, Words, kind, past, said


@dataclass(frozen=True, slots=True)
class Window:
    """since ≤ t < until; None leaves that side open."""

    since: datetime | None
    until: datetime | None
    bare: bool = False
    """An end of it leaned on today."""


def window(words: Words, index: int, now: datetime) -> tuple[int, Window] | None:
    """The window told at `index` with the next index, or None. Raises Unclear."""
    found = _rolling(words, index, now) or _prefixed(words, index, now) or _postfixed(words, index, now)
    if found is None:
        return None
    after, told = found
    if told.since and told.until and told.since >= told.until:
        raise Unclear("empty", words[index:after], "끝이 시작보다 빠릅니다.", "The window ends before it begins.")
    return found


def _rolling(words: Words, index: int, now: datetime) -> tuple[int, Window] | None:
    """지난 1시간, 최근 3일, last 24h, past week, within 2 hours, 1시간 이내: ends now."""
    at, led = index, False
    if kind(words, at) == "WITHIN":
        at, led = past(words, at + 1, "the"), True
    if kind(words, at) in {"ROLL", "LAST", "PREVIOUS"}:
        lead = words[at]
        at, led = past(words, at + 1), True
        if kind(words, at) == "UNIT" and lead.text.isascii():
            unit = words[at].value
            if lead.kind == "ROLL" or unit in {"hour", "minute", "second"}:
                return _ending_now(words, at + 1, now, *_one(unit))
            if unit == "day":
                raise Unclear(
                    "day",
                    words[index : at + 1],
                    "어제인지 24시간인지 적어 주세요.",
                    "Say 'yesterday' or 'last 24 hours'.",
                )
    found = duration(words, at)
    if not found:
        return None
    after, months, step, _ = found
    bounded = kind(words, after) == "FOR" and said(words, after).startswith(("이내", "내"))
    if not led and not bounded:
        return None
    return _ending_now(words, after, now, months, step)


def _one(unit: str) -> tuple[int, timedelta]:
    if unit in {"month", "year"}:
        return (1 if unit == "month" else 12), timedelta()
    return 0, timedelta(**{unit + "s": 1})


def _ending_now(words: Words, after: int, now: datetime, months: int, step: timedelta) -> tuple[int, Window]:
    while kind(words, after) == "FOR":
        after += 1
    since = now - step
    if months:
        since = datetime.combine(back(since.date(), months), since.timetz())
    if kind(words, after) == "AGO":
        raise Unclear("ago", words[after - 1 : after + 1], "기간을 다시 적어 주세요.", "Say the period again.")
    return after, Window(since, now)


def _prefixed(words: Words, index: int, now: datetime) -> tuple[int, Window] | None:
    """Between a and b, from a to b, since a, after a, before a, until a."""
    here = kind(words, index)
    if here not in {"BETWEEN", "FROM_EN", "SINCE", "AFTER", "BEFORE", "TO"}:
        return None
    if here == "SINCE" and kind(words, index + 1) == "WEEKDAY" and kind(words, index + 2) != "PERIOD":
        return index + 2, Window(_latest(words, index + 1, now), None)
    first = _end(words, past(words, index + 1, "the"), now)
    if first is None:
        return None
    after, one = first
    if here in {"BETWEEN", "FROM_EN"}:
        link = kind(words, after)
        if (here == "BETWEEN" and link in {"AND", "RANGE"}) or (here == "FROM_EN" and link in {"TO", "RANGE"}):
            second = _end(words, past(words, after + 1, "the"), now, one)
            if second is None:
                raise Unclear(
                    "range", words[index : after + 1], "범위의 끝을 적어 주세요.", "Say where the range ends."
                )
            return second[0], _joined(one, second[1])
        if kind(words, after) == "SOFAR":
            return after + 1, Window(one.start, now)
        if here == "BETWEEN":
            raise Unclear("range", words[index:after], "범위의 끝을 적어 주세요.", "Say where the range ends.")
        named = one.grain == "period" or kind(words, past(words, index + 1, "the")) == "DAY"
        if named and said(words, index) == "from":
            return after, Window(one.start, one.end)  # payments from last week: that week
        return after, Window(one.start, None, one.bare)
    if here == "SINCE":
        return (
            (after + 1, Window(one.start, now))
            if kind(words, after) == "SOFAR"
            else (after, Window(one.start, None, one.bare))
        )
    if here == "AFTER":
        return after, Window(one.end, None, one.bare)
    return after, Window(None, one.start if here == "BEFORE" else one.end, one.bare)


def _latest(words: Words, index: int, now: datetime) -> datetime:
    """Since monday, 월요일부터: the last one there was, today included."""
    today = now.date()
    return of_day(today - timedelta(days=(today.weekday() - words[index].value) % 7)).start


def _joined(one: Extent, other: Extent) -> Window:
    """From one to the other; "2pm to 3pm yesterday" names its day only once, at the end."""
    start = one.start
    if one.grain == other.grain == "clock" and start >= other.end:
        start = datetime.combine(other.start.date(), start.timetz())
    return Window(start, other.end)


def _postfixed(words: Words, index: int, now: datetime) -> tuple[int, Window] | None:
    """A부터 B까지, A~B, A와 B 사이, A부터, A 이후, A까지, A 이전, or a named period by itself."""
    if kind(words, index) == "WEEKDAY" and kind(words, index + 1) in {"FROM", "SINCE_KO"}:
        return index + 2, Window(_latest(words, index, now), None)  # a day named after it is not understood
    start = past(words, index) if kind(words, index) == "PART" else index
    first = _end(words, start, now)
    if first is None:
        return None
    after, one = first
    link = kind(words, after)
    if link == "SOFAR":
        return after + 1, Window(one.start, now)
    if link in {"FROM", "EOSEO", "RANGE", "TO", "AND"}:
        if link == "FROM" and kind(words, after + 1) == "SOFAR":
            return after + 2, Window(one.start, now)
        second = _end(words, after + 1, now, one)
        closed = second is not None and kind(words, second[0]) in {"UPTO", "BETWEEN_KO"}
        if second and (closed or link in {"RANGE", "TO"}):
            if link == "AND" and kind(words, second[0]) != "BETWEEN_KO":
                raise Unclear("range", words[index : second[0]], "범위를 다시 적어 주세요.", "Say the range again.")
            return second[0] + (1 if closed else 0), _joined(one, second[1])
        if link == "FROM":
            return after + 1, Window(one.start, None, one.bare)
        if link in {"RANGE", "TO"}:
            raise Unclear("range", words[index : after + 1], "범위의 끝을 적어 주세요.", "Say where the range ends.")
    if link == "SINCE_KO":
        return after + 1, Window(one.start, None, one.bare)
    if link == "UPTO":
        return after + 1, Window(None, one.end, one.bare)
    if link == "AGO":
        if said(words, after).startswith("이전") and one.grain in {"day", "period"}:
            raise Unclear(
                "before",
                words[index : after + 1],
                "'전' 또는 '까지'로 적어 주세요.",
                "'이전' may or may not include the day: write 전 or 까지.",
            )
        return after + 1, Window(None, one.start, one.bare)
    return _by_itself(words, index, after, one, now)


def _by_itself(words: Words, index: int, after: int, one: Extent, now: datetime) -> tuple[int, Window] | None:
    if one.grain == "instant":
        return None
    if one.grain == "clock":
        if said(words, after) == "대" and one.start.minute == 0:
            return after + 1, Window(one.start, one.start + timedelta(hours=1))
        raise Unclear(
            "clock",
            words[index:after],
            "그 시각부터인지, 까지인지 적어 주세요.",
            "Say from, until, or a range around that time.",
        )
    inner = _inside(words, after, now, one)
    if inner:
        return inner
    while kind(words, after) == "FOR" and said(words, after) in {"동안", "동안의", "간"}:
        after += 1
    return after, Window(one.start, one.end)


def _inside(words: Words, after: int, now: datetime, day: Extent) -> tuple[int, Window] | None:
    """Yesterday after 2pm, yesterday between 2pm and 3pm: inside that day."""
    here = kind(words, past(words, after, ","))
    if day.grain != "day" or here not in {"BETWEEN", "FROM_EN", "AFTER", "BEFORE", "SINCE"}:
        return None
    at = past(words, after, ",")
    if here in {"BETWEEN", "FROM_EN"}:
        first = extent(words, at + 1, now, day)
        if not first or first[1].grain != "clock" or kind(words, first[0]) not in {"AND", "TO", "RANGE"}:
            return None
        second = extent(words, first[0] + 1, now, first[1])
        if not second or second[1].grain != "clock":
            return None
        return second[0], Window(first[1].start, second[1].end)
    first = extent(words, at + 1, now, day)
    if not first or first[1].grain != "clock" or not day.start <= first[1].start <= day.end:
        return None
    if here == "BEFORE":
        return first[0], Window(day.start, first[1].start)
    return first[0], Window(first[1].start, day.end)


def _end(words: Words, index: int, now: datetime, near: Extent | None = None) -> tuple[int, Extent] | None:
    return extent(words, index, now, near)
