"""Figures over every share of both markets, out of the days that are kept: growth of value, unusual volume, places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from dari.core.exchange import Gap, Provenance
from dari.core.krx import session
from dari.core.market import History, Neighbours, Series
from dari.core.tool import Upstream
from dari.core.values import percent
from dari.providers.kis.tools.asks import MARKETS

MEAN_DAYS: Final = 20
KEPT: Final = "store"
CENT: Final = Decimal("0.01")


def mean(amounts: Sequence[int]) -> float | None:
    """The mean to two places; None of nothing."""
    if not amounts:
        return None
    return float((Decimal(sum(amounts)) / len(amounts)).quantize(CENT, ROUND_HALF_UP))


def growth(now: int, past: Sequence[int]) -> float | None:
    """How much `now` is above the mean of `past`, percent, two places; None where nothing was traded."""
    whole = sum(past)
    return percent(now * len(past) - whole, whole) if whole else None


# ── the days ──


async def kept_days(neighbours: Neighbours, count: int) -> tuple[History | None, list[Gap]]:
    """The newest days, where at least two are kept, and what is missing as a gap. Raises what filling them raises."""
    if neighbours.days is None:
        return None, []
    history = await neighbours.days.history(count)
    lacking = neighbours.days.lacking
    gaps = [Gap("as_of", lacking, neighbours.days.filled_by)] if lacking else []
    return (history if history and len(history.days) > 1 else None), gaps


def no_days(neighbours: Neighbours, field: str, reason: str, gaps: Sequence[Gap]) -> list[Gap]:
    """The gap of a figure that needs the days: names the key, or what the store lacks."""
    if gaps:
        return [Gap(field, f"{reason}: {gaps[0].reason}", gaps[0].filled_by)]
    return [Gap(field, f"{reason}: it needs the whole market's days", neighbours.keys["days"])]


def close_of(history: History) -> datetime:
    """The moment the newest day's figures speak of."""
    times = session(history.days[0])
    assert times is not None  # the store holds trading days
    return times.closes


def source(history: History, upstream: Upstream) -> Provenance:
    """The line of the kept days in an answer's provenance."""
    return Provenance(
        provider=history.source,
        endpoint="day_store",
        mode="real",
        simulated=history.simulated,
        venue="KRX",
        fetched_at=history.fetched_at,
        as_of=close_of(history),
        cached=KEPT,
        age_seconds=max(0.0, (upstream.now() - history.fetched_at).total_seconds()),
        attempts=0,
        calls=0,
    )


def head(history: History, upstream: Upstream) -> dict[str, Any]:
    """What an answer about finished days begins with."""
    return {
        "timestamp": upstream.now().isoformat(timespec="seconds"),
        "as_of": close_of(history).isoformat(timespec="seconds"),
        "market_status": "closed",
    }


def of_market(history: History, market: str) -> list[Series]:
    """The shares of ALL, KOSPI or KOSDAQ on the newest day."""
    wanted = MARKETS[market]
    return [one for one in history.shares.values() if one.market in wanted]


# ── what grew ──


@dataclass(frozen=True, slots=True)
class Grown:
    """A share with the growth of its value against the days before."""

    series: Series
    past: tuple[int, ...]
    rate: float


def grown(history: History, market: str, span: int) -> list[Grown]:
    """Every share that was listed on all of the days and traded in them, the fastest first, of equals by code."""
    found = []
    for one in of_market(history, market):
        past = one.values[1 : span + 1]
        rate = growth(one.values[0], past) if len(past) == span else None
        if rate is not None:
            found.append(Grown(one, past, rate))
    return sorted(found, key=lambda one: (-one.rate, one.series.row.code))


# ── what is unusual ──


@dataclass(frozen=True, slots=True)
class Volumes:
    """A share's volumes, newest first, against the mean of the 20 days before: ratio in percent."""

    volumes: tuple[int, ...]
    ratio: float

    @property
    def average(self) -> float | None:
        """The mean of the 20 days."""
        return mean(self.volumes[1 : MEAN_DAYS + 1])

    @property
    def z_score(self) -> float | None:
        """(newest - mean) / standard deviation of the 20 days (population), two places; None without deviation."""
        window = self.volumes[1 : MEAN_DAYS + 1]
        average = Decimal(sum(window)) / len(window)
        variance = sum(((Decimal(one) - average) ** 2 for one in window), Decimal(0)) / len(window)
        if not variance:
            return None
        return float(((Decimal(self.volumes[0]) - average) / variance.sqrt()).quantize(CENT, ROUND_HALF_UP))

    def streak(self, threshold: float) -> int:
        """Days in a row, newest first, that reach the threshold against their own 20 days before."""
        count = 0
        for place in range(len(self.volumes) - MEAN_DAYS):
            total = sum(self.volumes[place + 1 : place + 1 + MEAN_DAYS])
            if not total or self.volumes[place] * MEAN_DAYS * 100 < Decimal(str(threshold)) * total:
                break
            count += 1
        return count


def compared(volumes: tuple[int, ...]) -> Volumes | None:
    """None where there are no 20 days to compare with (a new listing), or nothing was traded in them."""
    window = volumes[1 : MEAN_DAYS + 1]
    ratio = percent(volumes[0] * MEAN_DAYS, sum(window)) if len(window) == MEAN_DAYS else None
    return None if ratio is None else Volumes(volumes, ratio)


def unusual(history: History, market: str, threshold: float, floor: int) -> list[tuple[Series, Volumes]]:
    """Every share at or above the threshold and the lowest price, the largest ratio first, of equals by code."""
    found = [
        (one, told)
        for one in of_market(history, market)
        if one.row.close >= floor and (told := compared(one.volumes)) is not None and told.ratio >= threshold
    ]
    return sorted(found, key=lambda two: (-two[1].ratio, two[0].row.code))


# ── places ──


def places(figures: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Code → place, the largest figure first, of equals the smaller code."""
    ordered = sorted(figures, key=lambda one: (-one[1], one[0]))
    return {code: place for place, (code, _) in enumerate(ordered, start=1)}
