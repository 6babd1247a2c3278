"""Daily, weekly, monthly and yearly bars (기간별시세) of an issue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final

from dari.core import krx
from dari.providers.kis.simulator.answers.figures import figures, issue_of, venue_of
from dari.providers.kis.simulator.exchange import Ask, wrong
from dari.providers.kis.simulator.writing import Value, block_of, direction, known, row
from dari.worlds.market import Bar

ROWS: Final = 100
_OLDEST: Final = date(2000, 1, 4)


def day_of(ask: Ask, name: str) -> date:
    """A YYYYMMDD parameter. Raises Refusal for anything else."""
    try:
        return datetime.strptime(ask[name].strip(), "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise wrong(f"ERROR INVALID {name}") from None


def _week(bar: Bar) -> str:
    year, week, _ = date.fromisoformat(bar.day).isocalendar()
    return f"{year}{week:02d}"


_PERIODS: Final[Mapping[str, Callable[[Bar], str]]] = {
    "D": lambda bar: bar.day,
    "W": _week,
    "M": lambda bar: bar.day[:6],
    "Y": lambda bar: bar.day[:4],
}


def merged(bars: Iterable[Bar], period: str) -> list[Bar]:
    """Bars (newest first) joined into periods; a period carries the day of its newest bar."""
    told = []
    for _, group in groupby(bars, _PERIODS[period]):
        days = list(group)
        traded = [bar for bar in days if bar.volume]
        told.append(
            Bar(
                days[0].day,
                days[-1].base,
                traded[-1].open if traded else 0,
                max((bar.high for bar in traded), default=0),
                min((bar.low for bar in traded), default=0),
                days[0].close,
                sum(bar.volume for bar in days),
                sum(bar.value for bar in days),
            )
        )
    return told


def between(ask: Ask, code: str, venue: krx.Venue, first: date, last: date) -> list[Bar]:
    """The bars of an issue from `first` to `last`, newest first; the running day counts as far as it is."""
    today = krx.board(ask.at, venue).day
    if last < max(first, _OLDEST) or first > today:
        return []
    days = krx.trading_days(min(last, today), 1)
    wanted = [bar for bar in ask.market.daily(code, ask.at, 1, venue) if days[0] == today]
    day = krx.previous_trading_day(today) if wanted else days[0]
    bars = wanted
    while day >= max(first, _OLDEST) and len(bars) < ROWS * 260:
        bars.append(ask.market.bar(code, day, venue))
        day = krx.previous_trading_day(day)
    return [bar for bar in bars if bar.day >= f"{first:%Y%m%d}"]


def bar_figures(bar: Bar) -> dict[str, Value]:
    """A bar under KIS's names."""
    change = bar.close - bar.base
    return {
        "stck_bsop_date": bar.day,
        "stck_clpr": bar.close,
        "stck_oprc": bar.open,
        "stck_hgpr": bar.high,
        "stck_lwpr": bar.low,
        "acml_vol": bar.volume,
        "acml_tr_pbmn": bar.value,
        "prdy_vrss": change,
        "prdy_vrss_sign": direction(change),
        "flng_cls_code": "00",
        "prtt_rate": "0.00",
        "mod_yn": "N",
    }


def inquire_daily_itemchartprice(ask: Ask) -> Mapping[str, Any]:
    """국내주식기간별시세 FHKST03010100: the newest hundred periods between two days."""
    venue, issue = venue_of(ask), issue_of(ask)
    head, block = block_of(ask.endpoint, "output1"), block_of(ask.endpoint, "output2")
    first, last = day_of(ask, "FID_INPUT_DATE_1"), day_of(ask, "FID_INPUT_DATE_2")
    if issue is None:
        return {"output1": row(head, {}), "output2": []}
    period = ask["FID_PERIOD_DIV_CODE"]
    oldest = max(first, date(last.year - 1, 1, 1)) if period == "D" else first
    bars = merged(between(ask, issue.code, venue, oldest, last), period)[:ROWS]
    quote = ask.market.quote(issue.code, ask.at, venue)
    yesterday = ask.market.daily(issue.code, ask.at, 2, venue)[1]
    book = ask.market.book(issue.code, ask.at, venue)
    values: dict[str, Value] = {
        **figures(quote),
        "stck_prdy_oprc": yesterday.open,
        "stck_prdy_hgpr": yesterday.high,
        "stck_prdy_lwpr": yesterday.low,
        "askp": book.asks[0].price,
        "bidp": book.bids[0].price,
        "prdy_vrss_vol": quote.volume - quote.previous_volume,
    }
    return {"output1": known(head, values), "output2": [known(block, bar_figures(bar)) for bar in bars]}


HANDLERS: Final = {"domestic_stock.inquire_daily_itemchartprice": inquire_daily_itemchartprice}
