"""Whole days of a market from the exchange: what the day store is filled from (core.market.DaySource)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final

from dari.core.market import DayRow, Market
from dari.core.tool import Upstream
from dari.providers.krx.models import day_row
from dari.providers.krx.spec import platform

SERVICES: Final[Mapping[Market, str]] = MappingProxyType({"KOSPI": "stk_bydd_trd", "KOSDAQ": "ksq_bydd_trd"})
PUBLISHED_HOUR: Final = 8
"""A day is out at 08:00 of the next trading day."""


class Snapshots:
    """One call a day and market, never kept as a reply: the store keeps it."""

    name = "krx"

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.simulated = False

    async def part(self, day: date, market: Market) -> Sequence[DayRow]:
        """Every share of the market on the day; none where the exchange has not published it."""
        reply = await self._upstream.ask(SERVICES[market], {"basDd": f"{day:%Y%m%d}"}, fresh=True)
        self.simulated = reply.simulated
        return [day_row(row) for row in reply.body[platform().rows]]
