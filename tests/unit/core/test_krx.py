from datetime import date, datetime, timedelta

import pytest

from dari.core import krx
from dari.core.clock import KST
from dari.core.krx_days import CLOSED


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KST)


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        (date(2026, 11, 20), True),
        (date(2026, 11, 21), False),
        (date(2026, 6, 3), False),
        (date(2026, 7, 17), False),
        (date(2027, 5, 3), False),
        (date(2027, 7, 19), False),
        (date(2026, 12, 31), False),
    ],
)
def test_trading_days_know_elections_substitutes_and_the_last_day_of_a_year(*, day: date, opens: bool) -> None:
    assert krx.is_trading_day(day) is opens


def test_a_holiday_has_its_korean_name_and_a_weekend_none() -> None:
    assert krx.holiday_name(date(2026, 9, 25)) == "추석"
    assert krx.holiday_name(date(2026, 11, 21)) is None


def test_days_step_over_what_is_closed() -> None:
    assert krx.previous_trading_day(date(2026, 9, 28)) == date(2026, 9, 23)
    assert krx.next_trading_day(date(2026, 9, 23)) == date(2026, 9, 28)
    assert krx.trading_days(date(2026, 9, 27), 3) == (date(2026, 9, 23), date(2026, 9, 22), date(2026, 9, 21))


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2026, 11, 20), "09:00", "15:30"),
        (date(2026, 11, 19), "10:00", "16:30"),  # 수능
        (date(2026, 1, 2), "10:00", "15:30"),  # first day of the year
    ],
)
def test_late_openings(day: date, opens: str, closes: str) -> None:
    times = krx.session(day)
    assert times is not None
    assert f"{times.opens:%H:%M}" == opens
    assert f"{times.closes:%H:%M}" == closes


def test_no_session_on_a_holiday() -> None:
    assert krx.session(date(2026, 9, 25)) is None


@pytest.mark.parametrize(
    ("moment", "venue", "day", "as_of", "status", "live"),
    [
        ("2026-11-20T10:30", "KRX", "2026-11-20", "2026-11-20T10:30", "open", True),
        ("2026-11-20T08:30", "KRX", "2026-11-19", "2026-11-19T16:30", "closed", False),
        ("2026-11-20T15:25", "KRX", "2026-11-20", "2026-11-20T15:25", "closing_auction", False),
        ("2026-11-20T17:00", "KRX", "2026-11-20", "2026-11-20T15:30", "closed", False),
        ("2026-11-22T12:00", "KRX", "2026-11-20", "2026-11-20T15:30", "closed", False),
        ("2026-11-20T08:30", "NXT", "2026-11-20", "2026-11-20T08:30", "pre_market", True),
        ("2026-11-20T08:55", "NXT", "2026-11-20", "2026-11-20T08:55", "between", False),
        ("2026-11-20T19:00", "NXT", "2026-11-20", "2026-11-20T19:00", "after_market", True),
        ("2026-11-20T21:00", "NXT", "2026-11-20", "2026-11-20T20:00", "closed", False),
        ("2026-11-20T07:00", "NXT", "2026-11-19", "2026-11-19T20:00", "closed", False),
        ("2026-11-20T15:35", "UN", "2026-11-20", "2026-11-20T15:35", "between", False),
        ("2026-11-20T16:00", "UN", "2026-11-20", "2026-11-20T16:00", "after_market", True),
        ("2026-11-20T09:00", "UN", "2026-11-20", "2026-11-20T09:00", "open", True),
    ],
)
def test_boards(*, moment: str, venue: krx.Venue, day: str, as_of: str, status: str, live: bool) -> None:
    board = krx.board(at(moment), venue)
    assert board.day.isoformat() == day
    assert board.as_of == at(as_of)
    assert board.status == status
    assert board.live is live


def test_a_board_reads_any_zone() -> None:
    utc = at("2026-11-20T10:30").astimezone(tz=None) - timedelta(0)
    assert krx.board(utc).as_of == at("2026-11-20T10:30")


@pytest.mark.parametrize(
    ("price", "etp", "tick"),
    [
        (1_999, False, 1),
        (2_000, False, 5),
        (5_000, False, 10),
        (20_000, False, 50),
        (50_000, False, 100),
        (200_000, False, 500),
        (500_000, False, 1_000),
        (1_999, True, 1),
        (36_090, True, 5),
    ],
)
def test_tick_sizes(*, price: int, etp: bool, tick: int) -> None:
    assert krx.tick_size(price, etp=etp) == tick


def test_ticks_round_and_test() -> None:
    assert krx.floor_to_tick(20_049) == 20_000
    assert krx.ceil_to_tick(20_001) == 20_050
    assert krx.on_tick(20_050)
    assert not krx.on_tick(20_051)
    assert not krx.on_tick(0)


@pytest.mark.parametrize(
    ("base", "etp", "low", "high"),
    [
        (78_200, False, 54_800, 101_600),  # as KIS's own example of a multi-quote shows
        (35_980, True, 25_190, 46_770),  # and its example of a fund
        (1, False, 1, 2),
    ],
)
def test_price_limits(*, base: int, etp: bool, low: int, high: int) -> None:
    assert krx.price_limits(base, etp=etp) == (low, high)


def test_codes() -> None:
    assert krx.is_code("005930")
    assert krx.is_code("0043B0")
    assert not krx.is_code("5930")
    assert not krx.is_code("G25100")


@pytest.mark.parametrize("year", sorted(CLOSED))
def test_the_table_of_closed_days_is_the_packages(year: int) -> None:
    assert krx._closed_in(year) == krx.packaged(year)


def test_a_year_beyond_the_table_is_asked_of_the_package() -> None:
    assert krx._closed_in(2040) == krx.packaged(2040)
    assert date(2040, 1, 2).weekday() < 5
