"""A small backtest over KIS daily candles: two moving averages, stop-loss and take-profit, fees and tax.

    python examples/backtest.py [--simulated] [CODE]

Decisions use yesterday's close and are filled at today's open, so that no number is known before its time.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from risk import Limits, exit_reason, quantity

from dari.kis import KisClient

FEE, TAX = 0.00015, 0.0015
"""Of every trade; of every sale (example figures: put your own broker's here)."""
FIELDS = {"output2": {"stck_bsop_date": "day", "stck_oprc": "open", "stck_clpr": "close"}}


@dataclass(frozen=True)
class Bar:
    """One day, in won."""

    day: str
    open: int
    close: int


@dataclass
class Result:
    """What came of it, in won."""

    equity: int
    trades: int
    worst: float
    held_instead: int


def backtest(bars: Sequence[Bar], cash: int, *, fast: int = 5, slow: int = 20, limits: Limits | None = None) -> Result:
    """Trade the bars, oldest first."""
    limits = limits or Limits(per_position=1.0)
    start, shares, bought_at, trades, peak, worst = cash, 0, 0, 0, cash, 0.0
    for place in range(slow, len(bars)):
        closes = [bar.close for bar in bars[:place]]
        rising = sum(closes[-fast:]) / fast > sum(closes[-slow:]) / slow
        today = bars[place]
        if shares and (not rising or exit_reason(bought_at, closes[-1], limits)):
            cash += int(shares * today.open * (1 - FEE - TAX))
            shares, trades = 0, trades + 1
        elif not shares and rising:
            shares = quantity(int(cash / (1 + FEE)), cash, today.open, limits)
            cash -= int(shares * today.open * (1 + FEE))
            bought_at, trades = today.open, trades + 1
        equity = cash + shares * today.close
        peak = max(peak, equity)
        worst = min(worst, equity / peak - 1)
    held = int(start * bars[-1].close / bars[slow].open)
    return Result(cash + shares * bars[-1].close, trades, worst, held)


async def daily(kis: KisClient, code: str, days: int) -> list[Bar]:
    """Daily bars, oldest first; KIS gives at most 100 rows a call, so the period is asked in parts."""
    found: dict[str, Bar] = {}
    end = date(2026, 11, 19)
    for _ in range(days // 100 + 1):
        begin = end - timedelta(days=140)
        reply = await kis.ask(
            "domestic_stock.inquire_daily_itemchartprice",
            {
                "FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code, "FID_INPUT_DATE_1": f"{begin:%Y%m%d}",
                "FID_INPUT_DATE_2": f"{end:%Y%m%d}", "FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "0",
            },
        )  # fmt: skip
        for row in kis.rows(reply, FIELDS):
            found[row["day"]] = Bar(row["day"], int(row["open"]), int(row["close"]))
        end = begin - timedelta(days=1)
    return [found[day] for day in sorted(found)][-days:]


async def main(code: str, *, simulated: bool) -> None:
    """Fetch and tell."""
    async with KisClient(simulated=simulated) as kis:
        bars = await daily(kis, code, 200)
    told = backtest(bars, 10_000_000)
    print(f"{code}: {len(bars)} days from {bars[0].day} to {bars[-1].day}")
    print(f"equity {told.equity:,}원 after {told.trades} trades, worst fall {told.worst:.1%}")
    print(f"held instead: {told.held_instead:,}원")


if __name__ == "__main__":
    words = [one for one in sys.argv[1:] if not one.startswith("-")]
    asyncio.run(main(words[0] if words else "005930", simulated="--simulated" in sys.argv))
