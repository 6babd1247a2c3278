"""Business days (Monday to Friday) as whole numbers, and moments of a business day as times."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from dari.core.clock import KST

EPOCH: Final = date(1999, 12, 27)
"""A Monday: business day 0. This world keeps no holidays but weekends."""


def day_date(day: int) -> date:
    """The date of a business day."""
    return EPOCH + timedelta(days=day // 5 * 7 + day % 5)


def first_day(when: date) -> int:
    """The first business day on or after a date."""
    weeks, rest = divmod((when - EPOCH).days, 7)
    return weeks * 5 + min(rest, 5)


def last_day(when: date) -> int:
    """The last business day on or before a date."""
    weeks, rest = divmod((when - EPOCH).days, 7)
    return weeks * 5 + min(rest, 4)


def moment(day: int, minute: int, second: int = 0) -> datetime:
    """A minute of a business day, in KST. `minute` counts from midnight and may run over into later days."""
    start = day_date(day)
    return datetime(start.year, start.month, start.day, tzinfo=KST) + timedelta(minutes=minute, seconds=second)
