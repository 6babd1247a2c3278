"""Days, minutes, trades and index levels as records in the upstream's field names."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Final

from dari.core import krx
from dari.core.clock import KST
from dari.providers.kiwoom.simulator.exchange import Row
from dari.providers.kiwoom.simulator.stocks import CALM, direction
from dari.providers.kiwoom.simulator.writing import Value
from dari.worlds.market import Bar, Issue, Market, percent
from dari.worlds.market.flows import Program, Side, investors, members, program, strength
from dari.worlds.market.indices import scaled, start_level
from dari.worlds.market.tape import Minute, Trade

HISTORY_BEGINS: Final = date(2016, 1, 4)
"""The world's issues have no bars before this day, however long they are listed."""
INDEX_DAYS: Final = 60
"""How far back the levels of an index are told: each costs a look at all its members."""


def end_of(day: date, now: datetime) -> datetime:
    """The last moment of `day`, or now if that comes first."""
    return min(now, datetime.combine(day, time(23, 59, 59), KST))


def bars(market: Market, code: str, now: datetime, count: int, venue: krx.Venue = "KRX") -> list[Bar]:
    """The last `count` days until `now`, newest first, not before the issue was listed or the world began."""
    floor = max(f"{HISTORY_BEGINS:%Y%m%d}", market.by_code[code].listed_on)
    board = krx.board(now, venue).day
    first = date.fromisoformat(floor)
    most = max(1, (board - first).days * 5 // 7 + 5)
    return [bar for bar in market.daily(code, now, min(count, most), venue) if bar.day >= floor]


class Day:
    """One day of one issue: prices, volume, and who traded."""

    def __init__(self, market: Market, issue: Issue, bar: Bar) -> None:
        self.market, self.issue, self.bar = market, issue, bar

    @property
    def row(self) -> Row:
        """As a record."""
        return Row(self.get, self.bar.base)

    @cached_property
    def sides(self) -> Mapping[str, Side]:
        """Investor groups of the day."""
        return investors(self.market.seed, self.issue.code, self.bar.day, self.bar.volume, self.bar.value)

    @cached_property
    def program(self) -> Program:
        """Program trading of the day."""
        return program(self.market.seed, self.issue.code, self.bar.day, self.bar.volume, self.bar.value)

    @cached_property
    def firms(self) -> Mapping[str, Side]:
        """Member firms of the day."""
        return members(self.market.seed, self.issue.code, self.bar.day, self.bar.volume, self.bar.value)

    @property
    def strength(self) -> Decimal:
        """체결강도."""
        return Decimal(str(round(strength(self.market.seed, self.issue.code, self.bar.day), 2)))

    def get(self, name: str) -> Value:
        """A field by its name."""
        known = DAY_FIELDS.get(name)
        return known(self) if known else None


DAY_FIELDS: Final[Mapping[str, Callable[[Day], Value]]] = {
    "dt": lambda d: d.bar.day,
    "date": lambda d: d.bar.day,
    "cntr_dt": lambda d: d.bar.day,
    "stk_cd": lambda d: d.issue.code,
    "stk_nm": lambda d: d.issue.name,
    "open_pric": lambda d: d.bar.open,
    "high_pric": lambda d: d.bar.high,
    "low_pric": lambda d: d.bar.low,
    "cur_prc": lambda d: d.bar.close,
    "close_pric": lambda d: d.bar.close,
    "pred_pre": lambda d: d.bar.close - d.bar.base,
    "pre": lambda d: d.bar.close - d.bar.base,
    "flu_rt": lambda d: percent(d.bar.close - d.bar.base, d.bar.base),
    "pre_rt": lambda d: percent(d.bar.close - d.bar.base, d.bar.base),
    "pre_sig": lambda d: direction(d.bar.close, d.bar.base),
    "pred_pre_sig": lambda d: direction(d.bar.close, d.bar.base),
    "pre_tp": lambda d: direction(d.bar.close, d.bar.base),
    "trde_qty": lambda d: d.bar.volume,
    "acc_trde_qty": lambda d: d.bar.volume,
    "opmr_trde_qty": lambda d: d.bar.volume,
    "trde_prica": lambda d: d.bar.value,
    "acc_trde_prica": lambda d: d.bar.value,
    "opmr_trde_prica": lambda d: d.bar.value,
    "amt_mn": lambda d: d.bar.value,
    "opmr_trde_wght": lambda d: Decimal(100) if d.bar.volume else Decimal(0),
    "opmr_trde_prica_wght": lambda d: Decimal(100) if d.bar.volume else Decimal(0),
    **dict.fromkeys(
        (
            *("bf_mkrt_trde_qty", "bf_mkrt_trde_wght", "bf_mkrt_trde_prica", "bf_mkrt_trde_prica_wght"),
            *("af_mkrt_trde_qty", "af_mkrt_trde_wght", "af_mkrt_trde_prica", "af_mkrt_trde_prica_wght"),
        ),
        lambda _: 0,
    ),
    "trde_tern_rt": lambda d: percent(d.bar.volume, d.issue.shares),
    "cntr_str": lambda d: d.strength,
    "for_poss": lambda d: percent(d.issue.foreign_held, d.issue.shares),
    "for_wght": lambda d: percent(d.issue.foreign_held, d.issue.shares),
    "wght": lambda d: percent(d.issue.foreign_held, d.issue.shares),
    "limit_exh_rt": lambda d: percent(d.issue.foreign_held, d.issue.shares),
    "for_rt": lambda d: percent(d.issue.foreign_held, d.issue.shares),
    "poss_stkcnt": lambda d: d.issue.foreign_held,
    "gain_pos_stkcnt": lambda d: d.issue.shares - d.issue.foreign_held,
    "frgnr_limit": lambda d: d.issue.shares,
    "frgnr_limit_irds": lambda _: 0,
    "chg_qty": lambda d: d.sides["foreigner"].net,
    "crd_rt": lambda d: Decimal(int(d.issue.code, 36) % 300 if d.issue.credit else 0) / 100,
    "crd_remn_rt": lambda d: Decimal(int(d.issue.code, 36) % 300 if d.issue.credit else 0) / 100,
}


def minute_row(bar: Minute, base: int, *, total: bool = False) -> Row:
    """One minute. `base` is the previous close."""
    return Row(
        {
            "cntr_tm": f"{bar.start:%Y%m%d%H%M%S}",
            "dt": f"{bar.start:%Y%m%d%H%M%S}",
            "open_pric": bar.open,
            "high_pric": bar.high,
            "low_pric": bar.low,
            "cur_prc": bar.close,
            "trde_qty": bar.volume,
            "acc_trde_qty": bar.total if total else None,
            "pred_pre": _signed(bar.close - base),
            "pred_pre_sig": direction(bar.close, base),
        },
        base,
    )


def _signed(number: int | Decimal) -> str:
    """A change where the sheet tells no unit: with its sign, as it is."""
    return f"+{number}" if number > 0 else str(number)


def trade_row(trade: Trade, base: int, *, bought: bool, venue: str) -> Row:
    """One trade; its volume carries a sign: + at the ask (bought), - at the bid (sold)."""
    change = trade.price - base
    return Row(
        {
            "tm": f"{trade.time:%H%M%S}",
            "cntr_tm": f"{trade.time:%H%M%S}",
            "cur_prc": trade.price,
            "cntr_pric": trade.price,
            "pred_pre": change,
            "pre_rt": percent(change, base),
            "flu_rt": percent(change, base),
            "sign": direction(trade.price, base),
            "pre_sig": direction(trade.price, base),
            "pred_pre_sig": direction(trade.price, base),
            "cntr_trde_qty": trade.volume if bought else -trade.volume,
            "cntr_qty": trade.volume,
            "trde_qty": trade.volume,
            "acc_trde_qty": trade.total,
            "acc_trde_prica": trade.total_value,
            "stex_tp": {"KRX": "KRX", "NXT": "NXT", "UN": "통합"}[venue],
        },
        base,
    )


@lru_cache(maxsize=200)
def _closes(market: Market, code: str, day: date) -> tuple[int, ...]:
    return tuple(market.paths.close(issue, day) for issue in market.members[code])


@lru_cache(maxsize=4_000)
def _index_day(market: Market, code: str, day: date) -> tuple[Decimal, int, int]:
    """(closing level, volume, value) of an index on a finished day: sums over its members' closes and volumes."""
    rows = market.members[code]
    closes, before = _closes(market, code, day), _closes(market, code, krx.previous_trading_day(day))
    cap = volume = value = 0
    for issue, close, base in zip(rows, closes, before, strict=True):
        traded = market.paths.volume(issue, day, abs(math.log(close / base)))
        cap += close * issue.shares
        volume += traded
        value += traded * (base + close) // 2
    first = sum(one.price * one.shares for one in rows)
    return scaled(start_level(market.seed, code), cap, first), volume, value


def index_days(market: Market, code: str, now: datetime, count: int) -> list[dict[str, Value]]:
    """The last days of an index, newest first: level, base, open, high, low, volume, value, day.

    The newest day is told as the index board tells it; of older ones the range is that of their closes, and the value
    is the volume at the middle of each member's last two closes.
    """
    board = krx.board(now).day
    running = market.index(code, now)
    days: list[dict[str, Value]] = [
        {
            "day": f"{board:%Y%m%d}",
            "level": running.level,
            "base": running.base,
            "open": running.open,
            "high": running.high,
            "low": running.low,
            "volume": running.volume,
            "value": running.value,
        },
    ]
    wanted = krx.trading_days(krx.previous_trading_day(board), min(count, INDEX_DAYS))
    for day in wanted[:-1]:
        level, volume, value = _index_day(market, code, day)
        base, _, _ = _index_day(market, code, krx.previous_trading_day(day))
        days.append(
            {
                "day": f"{day:%Y%m%d}",
                "level": level,
                "base": base,
                "open": base,
                "high": max(base, level),
                "low": min(base, level),
                "volume": volume,
                "value": value,
            },
        )
    return days[:count]


def minutes_of_index(market: Market, code: str, now: datetime, step: timedelta, count: int) -> list[dict[str, Value]]:
    """An index at the end of every `step` of the board's day, newest first; its volume is since the step before."""
    board = krx.board(now)
    times = krx.session(board.day)
    assert times is not None  # a board's day is a trading day
    moments: list[datetime] = []
    moment = board.as_of
    while moment > times.opens and len(moments) <= count:
        moments.append(moment)
        passed = (moment - times.opens) % step
        moment -= passed or step
    rows: list[dict[str, Value]] = []
    quotes = [market.index(code, moment) for moment in moments]
    for place, (moment, quote) in enumerate(zip(moments, quotes, strict=True)):
        earlier = quotes[place + 1] if place + 1 < len(quotes) else None
        start = earlier.level if earlier else quote.open
        rows.append(
            {
                "time": f"{moment:%Y%m%d%H%M%S}",
                "level": quote.level,
                "base": quote.base,
                "open": start,
                "high": max(start, quote.level),
                "low": min(start, quote.level),
                "volume": quote.volume - (earlier.volume if earlier else 0),
                "total": quote.volume,
            },
        )
    return rows[:count]


__all__ = [
    "CALM",
    "Day",
    "bars",
    "end_of",
    "index_days",
    "minute_row",
    "minutes_of_index",
    "trade_row",
]
