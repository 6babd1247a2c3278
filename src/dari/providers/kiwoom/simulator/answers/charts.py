"""차트: ticks, minutes, days, weeks, months and years of a stock (ka10079–10083, 10094)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from itertools import groupby
from typing import Final

from dari.core import krx
from dari.providers.kiwoom.simulator.days import Day, bars, end_of, minute_row
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers
from dari.worlds.market import Bar
from dari.worlds.market.tape import Tape, Trade

MINUTE_DAYS: Final = 5
"""How many days of minutes are told: the upstream goes back about a year."""
TICKS: Final = 900


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def wanted(ask: Ask) -> int:
    """How many rows are needed for this page and to know whether another follows."""
    return int(ask.extra.get("need", 600))


@answers("ka10081")
def days(ask: Ask) -> Told:
    """일봉, newest first, up to `base_dt`."""
    code, venue = ask.split(ask["stk_cd"])
    issue = ask.market.by_code[code]
    at = end_of(ask.date("base_dt"), ask.now)
    found = bars(ask.market, code, at, wanted(ask), venue)
    return Told(
        Row({"stk_cd": ask["stk_cd"]}),
        [Day(ask.market, issue, bar).row.given(pred_pre=_signed(bar.close - bar.base)) for bar in found],
    )


def _signed(number: int) -> str:
    return f"+{number}" if number > 0 else str(number)


def joined(newest_first: Iterable[Bar]) -> Bar:
    """Several days as one bar, dated by its first trading day."""
    rows = list(newest_first)
    traded = [bar for bar in rows if bar.volume] or rows
    return Bar(
        rows[-1].day,
        rows[-1].base,
        traded[-1].open,
        max(bar.high for bar in traded),
        min(bar.low for bar in traded),
        rows[0].close,
        sum(bar.volume for bar in rows),
        sum(bar.value for bar in rows),
    )


def _week(bar: Bar) -> str:
    year, week, _ = _day(bar.day).isocalendar()
    return f"{year}{week:02d}"


PERIODS: Final[dict[str, tuple[Callable[[Bar], str], int]]] = {
    "ka10082": (_week, 5),
    "ka10083": (lambda bar: bar.day[:6], 22),
    "ka10094": (lambda bar: bar.day[:4], 250),
}
"""What makes a period, and how many days it may hold."""


def periods(ask: Ask, code: str, venue: krx.Venue) -> list[Bar]:
    """The periods wanted, newest first."""
    count = wanted(ask)
    period, length = PERIODS[ask.endpoint.id]
    at = end_of(ask.date("base_dt"), ask.now)
    found = bars(ask.market, code, at, count * length + length, venue)
    return [joined(rows) for _, rows in groupby(found, key=period)][:count]


@answers("ka10082", "ka10083", "ka10094")
def longer(ask: Ask) -> Told:
    """주봉, 월봉, 년봉."""
    code, venue = ask.split(ask["stk_cd"])
    issue = ask.market.by_code[code]
    found = periods(ask, code, venue)
    return Told(
        Row({"stk_cd": ask["stk_cd"]}),
        [Day(ask.market, issue, bar).row.given(pred_pre=_signed(bar.close - bar.base)) for bar in found],
    )


@answers("ka10080")
def minutes(ask: Ask) -> Told:
    """분봉, newest first, back over the last days."""
    code, venue = ask.split(ask["stk_cd"])
    at = end_of(ask.date("base_dt"), ask.now)
    board = krx.board(at, venue)
    rows: list[Row] = []
    for place, day in enumerate(krx.trading_days(board.day, MINUTE_DAYS)):
        tape = Tape(ask.market.paths, ask.market.by_code[code], day, venue)
        found = tape.minutes(board.as_of if place == 0 else tape.ends, int(ask["tic_scope"]))
        rows += [minute_row(bar, tape.path.base) for bar in reversed(found)]
        if len(rows) >= wanted(ask):
            break
    return Told(Row({"stk_cd": ask["stk_cd"]}), rows)


def bundled(trades: list[Trade], size: int) -> list[list[Trade]]:
    """Trades in bundles of `size`, newest first."""
    return [trades[place : place + size] for place in range(0, len(trades), size)]


@answers("ka10079")
def ticks(ask: Ask) -> Told:
    """틱 차트 of today: what traded within a second counts as one tick."""
    code, venue = ask.split(ask["stk_cd"])
    board = krx.board(ask.now, venue)
    tape = Tape(ask.market.paths, ask.market.by_code[code], board.day, venue)
    size = int(ask["tic_scope"])
    found = tape.trades(board.as_of, min(wanted(ask), TICKS) * size)
    rows = []
    for bundle in bundled(found, size):
        prices = [one.price for one in bundle]
        rows.append(
            Row(
                {
                    "cntr_tm": f"{bundle[0].time:%Y%m%d%H%M%S}",
                    "cur_prc": prices[0],
                    "open_pric": prices[-1],
                    "high_pric": max(prices),
                    "low_pric": min(prices),
                    "trde_qty": sum(one.volume for one in bundle),
                    "pred_pre": _signed(prices[0] - tape.path.base),
                    "pred_pre_sig": "2" if prices[0] > tape.path.base else "5" if prices[0] < tape.path.base else "3",
                },
                tape.path.base,
            ),
        )
    return Told(Row({"stk_cd": ask["stk_cd"], "last_tic_cnt": str(len(found) % size)}), rows)
