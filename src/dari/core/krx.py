"""The Korean stock market as a set of rules: codes, trading days, sessions of both venues, tick sizes, price limits.

Venues are named as orders name them: `KRX` (한국거래소), `NXT` (넥스트레이드) and `UN` (통합, both together).
Trading days come from the `holidays` package's XKRX set, corrected by `_OPEN_ANYWAY` and `_CLOSED_ANYWAY`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal

from dari.core.clock import KST
from dari.core.krx_days import CLOSED

Venue = Literal["KRX", "NXT", "UN"]
Status = Literal["pre_market", "open", "closing_auction", "between", "after_market", "closed"]

SATURDAY: Final = 5

_CODE: Final = re.compile(r"[0-9][0-9A-Z]{5}")

_CLOSED_ANYWAY: Final[frozenset[date]] = frozenset({date(2026, 7, 17)})
"""Days the exchange rests although a future edition of the package may not say so (제헌절, a holiday again)."""

_OPEN_ANYWAY: Final[frozenset[date]] = frozenset()
"""Days the package calls a holiday and the exchange trades; none is known."""

_EXAM_DAYS: Final[frozenset[date]] = frozenset(
    {
        date(2020, 12, 3),
        date(2021, 11, 18),
        date(2022, 11, 17),
        date(2023, 11, 16),
        date(2024, 11, 14),
        date(2025, 11, 13),
        date(2026, 11, 19),
        date(2027, 11, 18),
    }
)
"""수능 days: the whole regular session moves by one hour (10:00–16:30)."""

_TICK_BOUNDS: Final = (2_000, 5_000, 20_000, 50_000, 200_000, 500_000)
_TICKS: Final = (1, 5, 10, 50, 100, 500, 1_000)
_LIMIT_PERCENT: Final = 30
_ETP_FINE_BELOW: Final = 2_000
_ETP_TICK: Final = 5


def is_code(text: str) -> bool:
    """Whether `text` looks like a short stock code (단축코드): six places, digits, since 2024 also capitals."""
    return _CODE.fullmatch(text) is not None


# ── trading days ──────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=64)
def _closed_in(year: int) -> frozenset[date]:
    if year in CLOSED:
        return frozenset(date(year, int(told[:2]), int(told[2:])) for told in CLOSED[year].split())
    return packaged(year)


def packaged(year: int) -> frozenset[date]:
    """The weekdays of `year` the exchange rests, as the `holidays` package tells them."""
    import holidays  # noqa: PLC0415 -- a tenth of a second, for years beyond the table only

    named = holidays.financial_holidays("XKRX", years=year, language="ko")
    return frozenset(day for day in named if day.year == year and day.weekday() < SATURDAY)


@lru_cache(maxsize=8192)
def is_trading_day(day: date) -> bool:
    """Whether the exchange opens on `day` (거래일)."""
    if day.weekday() >= 5 or day in _CLOSED_ANYWAY:  # noqa: PLR2004 - Saturday
        return False
    return day in _OPEN_ANYWAY or day not in _closed_in(day.year)


def holiday_name(day: date) -> str | None:
    """The Korean name of the holiday that closes `day`; None on other days, weekends included."""
    import holidays  # noqa: PLC0415 -- asked by people, not by every start

    named = holidays.financial_holidays("XKRX", years=day.year, language="ko").get(day)
    return str(named) if named else None


def trading_day_on_or_before(day: date) -> date:
    """`day` itself, or the last trading day before it."""
    while not is_trading_day(day):
        day -= timedelta(days=1)
    return day


@lru_cache(maxsize=8192)
def previous_trading_day(day: date) -> date:
    """The last trading day strictly before `day` (전 거래일)."""
    return trading_day_on_or_before(day - timedelta(days=1))


def next_trading_day(day: date) -> date:
    """The first trading day strictly after `day`."""
    day += timedelta(days=1)
    while not is_trading_day(day):
        day += timedelta(days=1)
    return day


@lru_cache(maxsize=512)
def trading_days(last: date, count: int) -> tuple[date, ...]:
    """The `count` trading days that end with `last` (or the one before it), newest first."""
    days = []
    day = trading_day_on_or_before(last)
    for _ in range(count):
        days.append(day)
        day = previous_trading_day(day)
    return tuple(days)


# ── sessions ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Session:
    """The times of one trading day, aware, in KST.

    `opens`, `auction` (10 minutes before the close: orders gather, nothing trades) and `closes` are the regular KRX
    session; the `nxt_*` times are NXT's pre-market (프리), main (메인) and after-market (애프터).
    """

    day: date
    opens: datetime
    auction: datetime
    closes: datetime
    nxt_pre: datetime
    nxt_pre_ends: datetime
    nxt_main: datetime
    nxt_main_ends: datetime
    nxt_after: datetime
    nxt_closes: datetime


@lru_cache(maxsize=512)
def session(day: date) -> Session | None:
    """The session of `day`, None where the exchange rests.

    The first trading day of a year opens an hour late and closes as always; a 수능 day moves as a whole. NXT follows
    the regular session; that its pre-market moves with it is our reading, not a published rule we have seen.
    """
    if not is_trading_day(day):
        return None
    exam = day in _EXAM_DAYS
    first_of_year = previous_trading_day(day).year < day.year
    late = timedelta(hours=1 if exam or first_of_year else 0)
    shift = timedelta(hours=1 if exam else 0)

    def at(hour: int, minute: int, second: int = 0) -> datetime:
        return datetime.combine(day, time(hour, minute, second), KST)

    return Session(
        day=day,
        opens=at(9, 0) + late,
        auction=at(15, 20) + shift,
        closes=at(15, 30) + shift,
        nxt_pre=at(8, 0) + late,
        nxt_pre_ends=at(8, 50) + late,
        nxt_main=at(9, 0, 30) + late,
        nxt_main_ends=at(15, 20) + shift,
        nxt_after=at(15, 40) + shift,
        nxt_closes=at(20, 0),
    )


@dataclass(frozen=True, slots=True)
class Board:
    """Which session the figures of a venue belong to at a moment.

    `as_of` is the moment the figures speak of: now while trading, else the end of the last trading of `day`.
    `live` says whether trades can happen right now.
    """

    day: date
    as_of: datetime
    status: Status
    live: bool


def _phase(now: datetime, times: Session, venue: Venue) -> Status:
    """Where `now` stands in the day. Of UN, an open KRX or NXT counts; of two, KRX speaks."""
    krx: list[tuple[datetime, Status]] = [
        (times.opens, "open"),
        (times.auction, "closing_auction"),
        (times.closes, "closed"),
    ]
    nxt: list[tuple[datetime, Status]] = [
        (times.nxt_pre, "pre_market"),
        (times.nxt_pre_ends, "between"),
        (times.nxt_main, "open"),
        (times.nxt_main_ends, "between"),
        (times.nxt_after, "after_market"),
        (times.nxt_closes, "closed"),
    ]
    both: list[tuple[datetime, Status]] = [
        *nxt[:2],
        *krx[:2],
        (times.closes, "between"),
        *nxt[4:],
    ]
    steps = {"KRX": krx, "NXT": nxt, "UN": both}[venue]
    place = bisect_right([when for when, _ in steps], now)
    return steps[place - 1][1] if place else "closed"


def board(now: datetime, venue: Venue = "KRX") -> Board:
    """The board of `venue` at `now`: before the day's first trade the last session's final figures stand.

    A KRX board turns at the regular opening, NXT's and the joint one when the pre-market opens.
    """
    now = now.astimezone(KST)
    times = session(now.date())
    if times is not None:
        starts = times.opens if venue == "KRX" else times.nxt_pre
        if now >= starts:
            ends = times.closes if venue == "KRX" else times.nxt_closes
            status = _phase(now, times, venue)
            live = status in {"pre_market", "open", "after_market"}
            return Board(now.date(), min(now, ends), status, live)
    last = session(previous_trading_day(now.date()))
    assert last is not None  # previous_trading_day gives trading days only
    return Board(last.day, last.closes if venue == "KRX" else last.nxt_closes, "closed", live=False)


# ── prices ────────────────────────────────────────────────────────────────────────────────────────────────────────


def tick_size(price: int, *, etp: bool = False) -> int:
    """호가단위 in won at `price`; the KRX table of 2023-01-25, the same for both markets. `etp`: ETF and ETN."""
    if etp:
        return 1 if price < _ETP_FINE_BELOW else _ETP_TICK
    return _TICKS[bisect_right(_TICK_BOUNDS, price)]


def floor_to_tick(price: int, *, etp: bool = False) -> int:
    """The highest valid price not above `price`."""
    return price - price % tick_size(price, etp=etp)


def ceil_to_tick(price: int, *, etp: bool = False) -> int:
    """The lowest valid price not below `price`."""
    return -(-price // (tick := tick_size(price, etp=etp))) * tick


def on_tick(price: int, *, etp: bool = False) -> bool:
    """Whether an order may carry `price`."""
    return price > 0 and price % tick_size(price, etp=etp) == 0


def price_limits(base: int, *, etp: bool = False) -> tuple[int, int]:
    """(하한가, 상한가) for a 기준가 `base`: ±30 %, the width cut to the tick of the base, both ends valid prices."""
    width = base * _LIMIT_PERCENT // 100
    width = max(width - width % tick_size(base, etp=etp), tick_size(base, etp=etp))
    return ceil_to_tick(max(base - width, 1), etp=etp), floor_to_tick(base + width, etp=etp)
