"""대차거래, 신주인수권: lending of shares, told as a fixed part of what is traded and held."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from dari.core import krx
from dari.providers.kiwoom.simulator.answers.history import days_of, span
from dari.providers.kiwoom.simulator.answers.ranks import largest
from dari.providers.kiwoom.simulator.days import Day
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers
from dari.providers.kiwoom.simulator.stocks import Stock
from dari.providers.kiwoom.simulator.writing import Value
from dari.worlds.market import Bar, Issue, percent

WHOLE_MARKET: Final = 40
"""How many of the most traded issues stand for the whole market's lending."""


def lending(issue: Issue, bar: Bar) -> dict[str, int]:
    """What was lent, given back and is still out of an issue on a day: shares, and won at the close."""
    lent = bar.volume * (2 + int(bar.day) % 3) // 100
    repaid = bar.volume * (2 + int(bar.day[::-1]) % 3) // 100
    out = issue.shares // 50 + lent - repaid
    return {
        "dbrt_trde_cntrcnt": lent,
        "dbrt_trde_rpy": repaid,
        "dbrt_trde_irds": lent - repaid,
        "rmnd": out,
        "remn_amt": out * bar.close,
    }


@answers("ka20068")
def of_stock(ask: Ask) -> Told:
    """대차거래추이 of a stock."""
    days = span(ask) if ask["strt_dt"] else days_of(ask, 60)
    return Told(rows=[Row(lending(day.issue, day.bar), dt=day.bar.day) for day in days])


@answers("ka10068")
def of_market(ask: Ask) -> Told:
    """대차거래추이: the sums of the most traded issues, day by day."""
    until = ask.date("end_dt")
    since = ask.date("strt_dt", krx.trading_days(until, 20)[-1])
    chosen = sorted(ask.market.issues, key=lambda issue: (-issue.daily_volume * issue.price, issue.code))[:WHOLE_MARKET]
    rows = []
    for day in krx.trading_days(until, 60):
        if day < since:
            break
        total: dict[str, int] = {}
        for issue in chosen:
            path = ask.market.paths.day(issue, day)
            close = path.prices[-1]
            bar = Bar(f"{day:%Y%m%d}", path.base, path.prices[0], close, close, close, path.volume, path.volume * close)
            for name, figure in lending(issue, bar).items():
                total[name] = total.get(name, 0) + figure
        rows.append(Row(total, dt=f"{day:%Y%m%d}"))
    return Told(rows=rows)


def _today(stocks: Iterable[Stock]) -> list[tuple[Stock, dict[str, int]]]:
    rows = []
    for stock in stocks:
        quote = stock.quote
        bar = Bar(stock.day, quote.base, quote.open, quote.high, quote.low, quote.price, quote.volume, quote.value)
        rows.append((stock, lending(stock.issue, bar)))
    return rows


@answers("ka10069")
def top_ten(ask: Ask) -> Told:
    """대차거래상위10종목, and what part of the market they are."""
    rows = _today(largest(ask))
    rows.sort(key=lambda one: (-one[1]["dbrt_trde_cntrcnt"], one[0].issue.code))
    top: dict[str, Value] = {}
    for name in ("dbrt_trde_cntrcnt", "dbrt_trde_rpy", "rmnd", "remn_amt"):
        ten, whole = sum(one[1][name] for one in rows[:10]), sum(one[1][name] for one in rows)
        top[f"{name}_sum"] = ten
        top[f"{name}_rt"] = percent(ten, whole)
    return Told(Row(top), [stock.row.given(**figures) for stock, figures in rows[:10]])


@answers("ka90012")
def of_day(ask: Ask) -> Told:
    """대차거래내역 of a day, in code order."""
    at = ask.date("dt")
    day = krx.trading_day_on_or_before(at)
    rows = []
    for stock in sorted(largest(ask), key=lambda one: one.issue.code):
        bar = ask.market.daily(stock.issue.code, ask.now, 1)[0] if day == ask.day else _bar(ask, stock.issue, day)
        rows.append(Day(ask.market, stock.issue, bar).row.given(**lending(stock.issue, bar)))
    return Told(rows=rows)


def _bar(ask: Ask, issue: Issue, day: date) -> Bar:
    times = krx.session(day)
    assert times is not None  # a trading day was asked for
    return ask.market.daily(issue.code, times.nxt_closes, 1)[0]


@answers("ka10011")
def rights(_: Ask) -> Told:
    """신주인수권: this world has no subscription rights."""
    return Told()
