"""Investors' trade of single issues and whole indices, and the brokers' provisional counts (가집계) of a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from dari.core import krx
from dari.core.clock import KST
from dari.worlds.market.board import Quote
from dari.worlds.market.flows import NOTHING, Side, investors

Flows = Mapping[str, Side]
"""Investor group of `flows.GROUPS`, or "institution" → what it bought and sold."""

FOREIGN_TIMES: Final = (time(9, 30), time(11, 20), time(13, 20), time(14, 30))
INSTITUTION_TIMES: Final = (time(10, 0), time(11, 20), time(13, 20), time(14, 30))
"""When the provisional counts come out."""


def flows_of(seed: int, quote: Quote) -> Flows:
    """Who traded what of a quote's volume and value so far."""
    return investors(seed, quote.code, f"{quote.as_of:%Y%m%d}", quote.volume, quote.value)


def together(many: Iterable[Flows]) -> Flows:
    """The flows of several issues added up."""
    sums: dict[str, list[int]] = {}
    for flows in many:
        for group, side in flows.items():
            into = sums.setdefault(group, [0, 0, 0, 0])
            into[0] += side.bought
            into[1] += side.sold
            into[2] += side.bought_value
            into[3] += side.sold_value
    return {group: Side(*four) for group, four in sums.items()}


def last_count(as_of: datetime, times: Iterable[time]) -> datetime | None:
    """The moment of the last provisional count until `as_of`; None before the day's first. A late day counts later."""
    day = krx.session(as_of.date())
    if day is None:
        return None
    late = day.closes - datetime.combine(day.day, time(15, 30), KST)
    passed = [moment for one in times if (moment := datetime.combine(day.day, one, KST) + late) <= as_of]
    return max(passed, default=None)


@dataclass(frozen=True, slots=True)
class Estimates:
    """Provisional counts and when each was made (None: none yet today)."""

    foreign_at: datetime | None
    institutions_at: datetime | None
    foreign: Mapping[str, Flows]
    institutions: Mapping[str, Flows]

    def net(self, code: str, group: str) -> int:
        """Net shares of `group`: foreigners by the foreign count, any other by the institutions'."""
        counted = self.foreign if group in {"foreigner", "resident_foreigner"} else self.institutions
        return counted.get(code, {}).get(group, NOTHING).net
