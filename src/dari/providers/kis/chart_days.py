"""The days of single shares out of KIS's daily charts: how the day store is filled without a key of the exchange.

A chart tells price, volume and value; capitalisation is the close times the shares listed now.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from dari.core.market import DayRow, Market
from dari.core.tool import Upstream
from dari.core.values import must, percent, text, whole
from dari.providers.kis.models import rows
from dari.providers.kis.tools.asks import CHART, FUNDS, VENUE, master

MOST_BARS: Final = 100
"""Bars of one reply; a longer period is asked for in more."""


class ChartDays:
    """One call a share and a hundred days."""

    name = "kis"

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.simulated = False

    async def codes(self, market: Market) -> Mapping[str, str]:
        """Every share of a market, funds left out, from its master file."""
        return {one.code: one.name for one in await master(self._upstream, market) if one.group not in FUNDS}

    async def bars(self, code: str, name: str, first: date, last: date) -> Mapping[date, DayRow]:
        """The days of a share, unadjusted prices. Raises a DariError."""
        found: dict[date, DayRow] = {}
        until = last
        while True:
            told = await self._asked(code, first, until)
            shares = whole(rows(told, "output1")[0], "lstn_stcn") or 0
            bars = [one for one in rows(told, "output2") if text(one, "stck_bsop_date")]
            for one in bars:
                row = _row(code, name, one, shares)
                found[date.fromisoformat(text(one, "stck_bsop_date"))] = row
            oldest = min(found, default=first)
            if len(bars) < MOST_BARS or oldest <= first or oldest >= until:
                return {day: row for day, row in found.items() if first <= day <= last}
            until = oldest

    async def _asked(self, code: str, first: date, last: date) -> Mapping[str, Any]:
        parameters = {
            "FID_COND_MRKT_DIV_CODE": "J",
            "FID_INPUT_ISCD": code,
            "FID_INPUT_DATE_1": f"{first:%Y%m%d}",
            "FID_INPUT_DATE_2": f"{last:%Y%m%d}",
            "FID_PERIOD_DIV_CODE": "D",
            "FID_ORG_ADJ_PRC": "1",
        }
        reply = await self._upstream.ask(CHART, parameters, venue=VENUE)
        self.simulated = reply.simulated
        return reply.body


def _row(code: str, name: str, one: Mapping[str, Any], shares: int) -> DayRow:
    close, change = must(one, "stck_clpr"), must(one, "prdy_vrss")
    return DayRow(
        code=code,
        name=name,
        close=close,
        change=change,
        change_rate=percent(change, close - change) or 0.0,
        high=must(one, "stck_hgpr"),
        low=must(one, "stck_lwpr"),
        volume=must(one, "acml_vol"),
        value=must(one, "acml_tr_pbmn"),
        market_cap=close * shares,
        shares=shares,
    )
