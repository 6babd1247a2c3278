"""What a venue's board shows of every issue at a moment: price, range, volume, value; and yesterday's beside it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from dari.core import krx
from dari.worlds.market.issues import Issue
from dari.worlds.market.paths import DayPath, Run, flow, price_at, run_to

_PRE_PART: Final = 0.08
_MAIN_PART: Final = 0.74
_CENT: Final = Decimal("0.01")


def percent(part: int, whole: int, places: int = 2) -> Decimal:
    """`part` of `whole` in percent, rounded half away from zero to `places`; 0 where there is no whole."""
    if whole == 0:
        return Decimal(0).quantize(Decimal(1).scaleb(-places))
    return (Decimal(part) * 100 / Decimal(whole)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Quote:
    """One issue on one venue at one moment.

    Prices in won (open, high and low are 0 before the first trade), volumes in shares, values in won.
    `base` is 기준가 (yesterday's close), `previous_*` are yesterday's whole day on the same venue.
    """

    issue: Issue
    venue: krx.Venue
    as_of: datetime
    base: int
    low_limit: int
    high_limit: int
    price: int
    open: int
    high: int
    low: int
    volume: int
    value: int
    previous_volume: int
    previous_value: int

    @property
    def code(self) -> str:
        """종목코드."""
        return self.issue.code

    @property
    def change(self) -> int:
        """전일 대비, signed won."""
        return self.price - self.base

    @property
    def change_rate(self) -> Decimal:
        """전일 대비율, signed percent, two places."""
        return percent(self.price - self.base, self.base)

    @property
    def market_cap(self) -> int:
        """시가총액 in won: price × listed shares."""
        return self.price * self.issue.shares

    @property
    def turnover(self) -> Decimal:
        """거래량 회전율 in percent of listed shares, two places."""
        return percent(self.volume, self.issue.shares)

    @property
    def per(self) -> Decimal:
        """주가수익비율; 0 where the issue earns nothing that counts (ETF, SPAC, REIT); negative for a loss."""
        eps = self.issue.eps
        return (Decimal(self.price) / eps).quantize(_CENT, ROUND_HALF_UP) if eps else Decimal("0.00")

    @property
    def pbr(self) -> Decimal:
        """주가순자산비율; 0 where there is no book value."""
        bps = self.issue.bps
        return (Decimal(self.price) / bps).quantize(_CENT, ROUND_HALF_UP) if bps else Decimal("0.00")

    @property
    def foreign_ratio(self) -> Decimal:
        """외국인 보유비율: held / listed shares, percent, two places."""
        return percent(self.issue.foreign_held, self.issue.shares)


@dataclass(frozen=True, slots=True)
class Bar:
    """One trading day of one issue on one venue. Won and shares; `base` is the close before."""

    day: str
    base: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int


def part_of_day(moment: datetime, times: krx.Session) -> tuple[float, bool]:
    """(part of continuous trading passed 0 … 1, whether the closing auction is over)."""
    if moment >= times.closes:
        return 1.0, True
    whole = (times.auction - times.opens).total_seconds()
    return max(0.0, min(1.0, (moment - times.opens).total_seconds() / whole)), False


def krx_run(issue: Issue, path: DayPath, moment: datetime, times: krx.Session) -> Run:
    """What KRX has traded of `issue` until `moment`; nothing before the opening."""
    if moment < times.opens:
        return Run(path.base, 0, 0, 0, 0, 0)
    part, closed = part_of_day(moment, times)
    return run_to(path, part, closed=closed, etp=issue.etp)


def _nxt_steps(issue: Issue, path: DayPath, times: krx.Session) -> list[tuple[float, int, int]]:
    """(seconds after the pre-market opens, price, volume so far) at each turn of NXT's day."""
    total = int(path.volume * issue.nxt_share)
    pre, main = int(total * _PRE_PART), int(total * _MAIN_PART)
    begin = times.nxt_pre

    def after(moment: datetime) -> float:
        return (moment - begin).total_seconds()

    steps = [(0.0, path.base, 0), (after(times.nxt_pre_ends), path.prices[0], pre)]
    whole = (times.auction - times.opens).total_seconds()
    opened, main_opens = after(times.opens), after(times.nxt_main)
    share = flow(1.0) - flow(0.0)
    first = (main_opens - opened) / whole
    steps.append((main_opens, price_at(path, first, etp=issue.etp), pre))
    for part, price in zip(path.times, path.prices, strict=True):
        if part > first:
            steps.append((opened + part * whole, price, pre + int(main * (flow(part) - flow(0.0)) / share)))
    steps.append((after(times.nxt_after), path.prices[-1], pre + main))
    steps.append((after(times.nxt_closes), path.after_price, total))
    return steps


def nxt_run(issue: Issue, path: DayPath, moment: datetime, times: krx.Session) -> Run:
    """What NXT has traded of `issue` until `moment`: pre-market, main along the KRX price, after-market."""
    nothing = Run(path.base, 0, 0, 0, 0, 0)
    if issue.nxt_share == 0.0 or path.volume == 0 or moment < times.nxt_pre:
        return nothing
    steps = _nxt_steps(issue, path, times)
    seconds = (moment - times.nxt_pre).total_seconds()
    passed = bisect_right(steps, seconds, key=lambda step: step[0])
    price = high = low = steps[0][1]
    sold = value = 0
    for _, mark, volume in steps[1:passed]:
        value += (volume - sold) * (price + mark) // 2
        price, sold = mark, volume
        high, low = max(high, price), min(low, price)
    if passed < len(steps):
        (start, before, from_volume), (end, mark, to_volume) = steps[passed - 1], steps[passed]
        share = (seconds - start) / (end - start)
        now = krx.floor_to_tick(int(before + (mark - before) * share), etp=issue.etp)
        volume = int(from_volume + (to_volume - from_volume) * share)
        value += (volume - sold) * (price + now) // 2
        price, sold = now, volume
        high, low = max(high, price), min(low, price)
    return Run(price, steps[0][1], high, low, sold, value) if sold else nothing


def joint_run(first: Run, second: Run, *, latest: Run) -> Run:
    """Two venues together: sums, the wider range, the price of whichever traded last."""
    traded = [run for run in (first, second) if run.volume]
    if not traded:
        return first
    return Run(
        latest.price,
        traded[-1].open if second.volume else first.open,
        max(run.high for run in traded),
        min(run.low for run in traded),
        first.volume + second.volume,
        first.value + second.value,
    )


def venue_run(issue: Issue, path: DayPath, moment: datetime, times: krx.Session, venue: krx.Venue) -> Run:
    """What `venue` has traded of `issue` until `moment`."""
    if venue == "KRX":
        return krx_run(issue, path, moment, times)
    nxt = nxt_run(issue, path, moment, times)
    if venue == "NXT":
        return nxt
    mine = krx_run(issue, path, moment, times)
    nxt_speaks = nxt.volume and (moment < times.opens or moment >= times.nxt_after)
    return joint_run(mine, nxt, latest=nxt if nxt_speaks or not mine.volume else mine)
