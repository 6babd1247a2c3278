"""Stretches of time that have a name: days, weeks, months, dates and clock times, in Asia/Seoul."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from dari.core.clock import KST
from dari.services.monitoring.filters.marks import Unclear, Words, kind, number, past, said, whole

Grain = Literal["day", "period", "clock", "instant"]
NOON: Final = 12


@dataclass(frozen=True, slots=True)
class Extent:
    """[start, end); a clock time or instant has no length. `half` is the 오전/오후 a following time inherits."""

    start: datetime
    end: datetime
    grain: Grain
    half: str = ""
    unit: str = "day"
    bare: bool = False
    """It leaned on today (a clock time without a day): it cannot stand beside a window that names another day."""


def midnight(day: date) -> datetime:
    """00:00 of a day in Seoul."""
    return datetime.combine(day, time(), KST)


def of_day(day: date) -> Extent:
    """The whole day."""
    return Extent(midnight(day), midnight(day + timedelta(days=1)), "day")


def back(day: date, months: int) -> date:
    """The same day `months` earlier, or the last one that month has."""
    count = day.year * 12 + day.month - 1 - months
    first = date(count // 12, count % 12 + 1, 1)
    return min(first.replace(day=1) + timedelta(days=day.day - 1), _next_month(first) - timedelta(days=1))


def period(unit: str, steps: int, today: date) -> Extent:
    """This (0), last (-1), … week (from Monday), month, quarter, year or weekend."""
    if unit in {"week", "weekend"}:
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=steps)
        first = monday + timedelta(days=5) if unit == "weekend" else monday
        last = monday + timedelta(days=7)
    elif unit == "month":
        first = back(today.replace(day=1), -steps)
        last = _next_month(first)
    elif unit == "quarter":
        first = back(date(today.year, (today.month - 1) // 3 * 3 + 1, 1), -3 * steps)
        last = back(first, -3)
    else:
        first, last = date(today.year + steps, 1, 1), date(today.year + steps + 1, 1, 1)
    return Extent(midnight(first), midnight(last), "period", unit=unit)


def extent(words: Words, index: int, now: datetime, near: Extent | None = None) -> tuple[int, Extent] | None:
    """The stretch named at `index`, with (next index); `near` lends a range's second end what it leaves out.

    Raises Unclear for a name with two readings (월요일 alone, 2시 without 오전/오후).
    """
    found = _date(words, index, now, near)
    if found is None:
        clock = _clock(words, index, near)
        if clock is None:
            return None
        after, at, half = clock
        day_at = past(words, after, "on", "of")
        day = _date(words, day_at, now, None)
        if day and day[1].grain == "day":
            return day[0], _at(day[1].start.date(), at, half)
        return after, replace(_at(near.start.date() if near else now.date(), at, half), bare=near is None)
    after, named = found
    if named.grain != "day":
        return found
    nxt = past(words, after, "at", "around-none", ",")
    clock = _clock(words, nxt, near)
    if clock:
        return clock[0], _at(named.start.date(), clock[1], clock[2])
    if kind(words, nxt) in {"AM", "PM"}:
        noon = named.start + timedelta(hours=NOON)
        morning = kind(words, nxt) == "AM"
        return nxt + 1, Extent(named.start, noon, "period") if morning else Extent(noon, named.end, "period")
    if kind(words, after) == "DURATION" and words[after].value == (1, "day"):  # 오늘 하루
        after += 1
    return after, named


def _at(day: date, at: tuple[int, int, int], half: str) -> Extent:
    hour, minute, second = at
    moment = midnight(day) + timedelta(hours=hour, minutes=minute, seconds=second)
    return Extent(moment, moment, "clock", half)


def _date(words: Words, index: int, now: datetime, near: Extent | None) -> tuple[int, Extent] | None:
    today = now.date()
    here = kind(words, index)
    if here == "STAMP":
        return index + 1, _stamp(words, index, today)
    if here == "DAY":
        return index + 1, of_day(today + timedelta(days=words[index].value))
    if here == "NOW":
        return index + 1, Extent(now, now, "instant")
    if here == "WEEKDAY":
        return _weekday(words, index, near)
    if here in {"PERIOD", "THIS", "LAST", "BEFORELAST", "PREVIOUS"}:
        return _period(words, index, today)
    return (
        _ago(words, index, now)
        or _korean_date(words, index, today, near)
        or _english_date(words, index, today, near)
        or _quarter(words, index, today)
    )


def _stamp(words: Words, index: int, today: date) -> Extent:
    part = words[index].value
    try:
        day = date(int(part["y"] or today.year), int(part["m"]), int(part["d"]))
        if part["y"] is None and day > today:
            raise Unclear("date", words[index : index + 1], "어느 해인지 적어 주세요.", "Say which year.")
        if not part.get("H"):
            return of_day(day)
        text = f"{day.isoformat()}T{int(part['H']):02}:{part['M']}:{part['S'] or '00'}"
        zone = (part["z"] or "+09:00").upper().replace("Z", "+00:00")
        moment = datetime.fromisoformat(text + zone).astimezone(KST)
    except ValueError:
        raise Unclear("date", words[index : index + 1], "없는 날짜입니다.", "There is no such date.") from None
    return Extent(moment, moment, "clock")


def _weekday(words: Words, index: int, near: Extent | None) -> tuple[int, Extent]:
    """월요일: known only beside its week (지난주 월요일, monday of last week)."""
    if near is not None and near.grain == "day":
        monday = near.start.date() - timedelta(days=near.start.weekday())
        return index + 1, of_day(monday + timedelta(days=words[index].value))
    nxt = past(words, index + 1, "of", "in")
    week = _period(words, nxt, date.min) if kind(words, nxt) in {"PERIOD", "THIS", "LAST"} else None
    if week is None or week[1].unit != "week":
        raise Unclear("weekday", words[index : index + 1], "이번 주인지 지난주인지 적어 주세요.", "Say of which week.")
    raise Unclear("weekday", words[index : week[0]], "'지난주 월요일'처럼 적어 주세요.", "Write 'last week monday'.")


def _period(words: Words, index: int, today: date) -> tuple[int, Extent] | None:
    here = words[index]
    if here.kind == "PERIOD":
        (unit, steps), after = here.value, index + 1
    else:
        unit = {"QUARTER": "quarter", "WEEKEND": "weekend"}.get(kind(words, index + 1), "")
        if kind(words, index + 1) == "UNIT":
            unit = words[index + 1].value
        if unit not in {"week", "month", "quarter", "year", "weekend"}:
            if kind(words, index + 1) == "WEEKDAY":
                raise Unclear(
                    "weekday",
                    words[index : index + 2],
                    "이번 주인지 지난주인지 적어 주세요.",
                    "Say 'this week' or 'last week' with the day.",
                )
            return None
        steps, after = here.value, index + 2
    if today == date.min:
        return after, Extent(midnight(date(2000, 1, 1)), midnight(date(2000, 1, 2)), "period", unit=unit)
    named = period(unit, steps, today)
    inner = past(words, after, "'s")
    if unit == "week" and kind(words, inner) == "WEEKDAY":
        return inner + 1, of_day(named.start.date() + timedelta(days=words[inner].value))
    if unit == "month":
        day = whole(words, inner)
        if day and said(words, day[0]) == "일":
            return day[0] + 1, of_day(_day(words[index : day[0] + 1], named.start.year, named.start.month, day[1]))
    if unit == "year":
        month = whole(words, inner)
        if month and kind(words, month[0]) == "MONTH_KO":
            return _month(words, inner, month, named.start.year)
        if month and kind(words, month[0]) == "QUARTER":
            return month[0] + 1, _nth_quarter(words[index : month[0] + 1], named.start.year, month[1])
    return after, named


def _ago(words: Words, index: int, now: datetime) -> tuple[int, Extent] | None:
    """3일 전, 3 days ago (the whole day); 2시간 전, 30 minutes ago (an instant)."""
    found = duration(words, index)
    if not found or kind(words, found[0]) != "AGO" or said(words, found[0]).startswith("이전"):
        return None
    after, months, step, unit = found
    if unit == "day" and not months and step % timedelta(days=1) == timedelta():
        return after + 1, of_day((now - step).date())
    if unit in {"hour", "minute", "second"}:
        return after + 1, Extent(now - step, now - step, "instant")
    raise Unclear("ago", words[index : after + 1], "날짜로 적어 주세요.", "Give a date instead.")


def duration(words: Words, index: int) -> tuple[int, int, timedelta, str] | None:
    """A length of time: (next index, months, the rest, the smallest unit). 1시간 30분, 한 달, 24h."""
    months, step, unit, at = 0, timedelta(), "", index
    while True:
        if kind(words, at) == "DURATION":
            (count, name), after = words[at].value, at + 1
        else:
            found = number(words, at)
            if not found or kind(words, found[0]) != "UNIT" or found[1] <= 0:
                break
            count, name, after = float(found[1]), words[found[0]].value, found[0] + 1
        if name in {"month", "year"}:
            if count != int(count):
                return None
            months += int(count) * (12 if name == "year" else 1)
        else:
            try:
                step += timedelta(**{name + "s": count})
            except OverflowError:
                return None
        unit, at = name, after
        if kind(words, at) == "HALF" and unit == "hour":
            step, at = step + timedelta(minutes=30), at + 1
    if not unit or months > 1200 or step > timedelta(days=36_500):
        return None
    return at, months, step, unit


def _korean_date(words: Words, index: int, today: date, near: Extent | None) -> tuple[int, Extent] | None:
    first = whole(words, index)
    if not first:
        return None
    after, figure = first
    if said(words, after) == "년" and 1970 <= figure <= 9998:
        month = whole(words, past(words, after + 1))
        if month and kind(words, month[0]) == "MONTH_KO":
            return _month(words, index, month, figure)
        if month and kind(words, month[0]) == "QUARTER":
            return month[0] + 1, _nth_quarter(words[index : month[0] + 1], figure, month[1])
        return after + 1, period("year", figure - today.year, today)
    if kind(words, after) == "MONTH_KO":
        year = near.start.year if near else today.year
        named = _month(words, index, first, year)
        if not near and named[1].start > midnight(today):
            raise Unclear("date", words[index : named[0]], "어느 해인지 적어 주세요.", "Say which year.")
        return named
    if said(words, after) == "일":
        lends = near is not None and near.grain in {"day", "clock"}
        if lends or kind(words, after + 1) in {"FROM", "UPTO", "RANGE", "SINCE_KO"}:
            base = near.start.date() if lends and near else today
            day = _day(words[index : after + 1], base.year, base.month, figure)
            if not lends and day > today:
                raise Unclear("date", words[index : after + 1], "몇 월인지 적어 주세요.", "Say which month.")
            return after + 1, replace(of_day(day), bare=not lends)
    return None


def _english_date(words: Words, index: int, today: date, near: Extent | None) -> tuple[int, Extent] | None:
    first = whole(words, index)
    if first and near and near.grain == "day" and kind(words, index) in {"NUM", "ORDINAL"} and said(words, index - 2):
        follows = kind(words, first[0])
        if kind(words, index - 3) == "MONTH" and follows not in {"UNIT", "WON", "CMP", "COUNT", "MONTH"}:  # nov 1-5
            return first[0], of_day(_day(words[index : first[0]], near.start.year, near.start.month, first[1]))
    if first and kind(words, past(words, first[0], "of")) == "MONTH":
        at = past(words, first[0], "of")
        month, after = words[at].value, at + 1
        day: int | None = first[1]
    elif kind(words, index) == "MONTH":
        month, after = words[index].value, index + 1
        second = whole(words, after)
        day = second[1] if second and second[1] <= 31 else None
        after = second[0] if second and day is not None else after
    else:
        return None
    year = _year(words, after + 1 if said(words, after) == "," else after, today)
    if year:
        after, chosen = year
    else:
        chosen = today.year
        if (month, day or 1) > (today.month, today.day):
            raise Unclear("date", words[index:after], "어느 해인지 적어 주세요.", "Say which year.")
    if day is None:
        first_day = date(chosen, month, 1)
        return after, Extent(midnight(first_day), midnight(_next_month(first_day)), "period", unit="month")
    return after, of_day(_day(words[index:after], chosen, month, day))


def _year(words: Words, index: int, today: date) -> tuple[int, int] | None:
    """A year behind a month or a quarter; november 12 2000원 is money."""
    found = whole(words, index)
    if not found or not said(words, index).isdigit() or not 1970 <= found[1] <= today.year + 1:
        return None
    unit = kind(words, found[0]) in {"WON", "CMP", "UNIT", "COUNT", "BAND", "THAN", "SCALE"}
    return None if unit or said(words, found[0]) == "건" else found


def _quarter(words: Words, index: int, today: date) -> tuple[int, Extent] | None:
    if kind(words, index) == "NTH_QUARTER":  # Q3, Q3 2025
        after, named = _year(words, index + 1, today) or (index + 1, today.year)
        return after, _nth_quarter(words[index:after], named, words[index].value)
    found = whole(words, index)
    if not found or kind(words, found[0]) != "QUARTER":
        return None
    return found[0] + 1, _nth_quarter(words[index : found[0] + 1], today.year, found[1])


def _nth_quarter(words: Words, year: int, quarter: int) -> Extent:
    if quarter not in {1, 2, 3, 4}:
        raise Unclear("date", words, "분기는 1–4입니다.", "A quarter is 1 to 4.")
    return period("quarter", 0, date(year, quarter * 3, 1))


def _month(words: Words, index: int, month: tuple[int, int], year: int) -> tuple[int, Extent]:
    """N월, N월 N일: `month` is (index of 월, N)."""
    at, figure = month
    day = whole(words, past(words, at + 1))
    if day and said(words, day[0]) == "일":
        return day[0] + 1, of_day(_day(words[index : day[0] + 1], year, figure, day[1]))
    first = _day(words[index : at + 1], year, figure, 1)
    return at + 1, Extent(midnight(first), midnight(_next_month(first)), "period", unit="month")


def _day(words: Words, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise Unclear("date", words, "없는 날짜입니다.", "There is no such date.") from None


def _next_month(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def _later_in_day(words: Words, index: int) -> bool:
    """9시부터 18시까지: the other end is told on a clock of 24 hours."""
    for at in range(index, min(index + 6, len(words))):
        if kind(words, at) == "OCLOCK":
            found = whole(words, at - 1)
            return found is not None and found[1] > NOON and kind(words, at - 2) not in {"AM", "PM"}
    return False


def _clock(words: Words, index: int, near: Extent | None) -> tuple[int, tuple[int, int, int], str] | None:
    """A clock time: (next index, (hour, minute, second), am/pm). Raises Unclear for 2시 that could be 14시."""
    here = kind(words, index)
    if here == "CLOCK":
        return index + 1, (*words[index].value, 0), ""
    if here == "MIDNIGHT":
        raise Unclear("clock", words[index : index + 1], "0시인지 24시인지 적어 주세요.", "Say 00:00 or 24:00.")
    half, at = "", index
    least, most = 0, 24
    if here in {"AM", "PM"}:
        half, at = here.lower(), index + 1
    elif here == "DAYPART":
        (half, least, most), at = words[index].value, index + 1
    if kind(words, at) == "TIME":
        hour, minute, second, own = words[at].value
        half, after = own or half, at + 1
    else:
        found = whole(words, at)
        if not found or kind(words, found[0]) != "OCLOCK":
            return None
        hour, minute, second, after = found[1], 0, 0, found[0] + 1
        minutes = whole(words, after)
        if minutes and said(words, minutes[0]) == "분":
            minute, after = minutes[1], minutes[0] + 1
        elif kind(words, after) == "HALF":
            minute, after = 30, after + 1
        half = half or (near.half if near and hour <= NOON else "")
        day_long = said(words, at).startswith("0") or (
            near is not None and near.grain == "clock" and not near.half and not 0 < near.start.hour <= NOON
        )  # 09시, or beside 14시: a clock of 24 hours
        day_long = day_long or _later_in_day(words, after)
        if not half and not day_long and 1 <= hour <= NOON:
            raise Unclear("clock", words[index:after], "오전인지 오후인지 적어 주세요.", "Say whether am or pm.")
    if not least <= hour <= most:
        raise Unclear("clock", words[index:after], "24시간제로 적어 주세요.", "Write it on a clock of 24 hours.")
    if half == "am" and hour > NOON:
        raise Unclear("clock", words[index:after], "오전은 12시까지입니다.", "There is no such time in the morning.")
    if half and hour <= NOON:
        hour = hour % NOON + (NOON if half == "pm" else 0)
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and minute):
        raise Unclear("clock", words[index:after], "없는 시각입니다.", "There is no such time.")
    return after, (hour, minute, second), half
