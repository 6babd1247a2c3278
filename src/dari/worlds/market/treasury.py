"""Own shares (자기주식) as a company's regular reports tell them, and the reports themselves.

The listed shares of an issue never change in this world, so nothing is retired while one looks: `retired` is 0, and
what was retired before the world begins stands in `retired_before`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from dari.core import krx
from dari.core.clock import KST
from dari.worlds.market.companies import Company
from dari.worlds.market.issues import Issue
from dari.worlds.market.noise import draw

KINDS: Final = ("11013", "11012", "11014", "11011")
"""보고서 코드 of the first quarter, the half year, the third quarter and the year, in the order of their quarters."""
_DUE: Final = timedelta(days=45)
_DUE_YEAR: Final = timedelta(days=90)
_EARLY: Final = 9
_SHARE: Final = 2**32
_FIRST_YEAR: Final = 2015
_CLASS_NAMES: Final = {"common": "보통주", "preferred": "우선주", "spac": "보통주", "reit": "보통주"}


@dataclass(frozen=True, slots=True)
class Report:
    """One regular report: of the business year `year`, settled on a day, received later."""

    company: Company
    year: int
    kind: str
    settled_on: date
    received_at: datetime

    @property
    def quarter(self) -> int:
        """1 … 4."""
        return KINDS.index(self.kind) + 1


@dataclass(frozen=True, slots=True)
class Holding:
    """One share class in one report, in shares: own shares at the year's start, what changed since, and at the end."""

    name: str
    issued: int
    opening: int
    acquired: int
    disposed: int
    retired: int
    closing: int
    retired_before: int

    @property
    def floating(self) -> int:
        """유통주식수."""
        return self.issued - self.closing


def _part(lot: int) -> float:
    return lot % _SHARE / _SHARE


@lru_cache(maxsize=8_192)
def _habit(seed: int, code: str) -> tuple[float, int, float]:
    """(usual part of its shares a company holds itself, quarters between changes, how far they swing)."""
    lot = draw(seed, "own shares", code)
    usual = 0.0 if lot % 100 < 30 else 0.0004 + 0.14 * _part(lot >> 8) ** 3
    return usual, (1, 2, 4, 8)[(lot >> 48) % 4], 0.05 + 0.3 * _part(lot >> 20)


def held(seed: int, issue: Issue, quarter: int) -> int:
    """Own shares of one class at the end of a quarter, counted from year 0: 4 × year + 1 … 4."""
    if issue.kind not in {"common", "preferred"}:
        return 0
    usual, pace, swing = _habit(seed, issue.code)
    now = 2 * _part(draw(seed, "own shares", issue.code, quarter // pace)) - 1
    return int(issue.shares * usual * (1 + swing * now))


def _month_end(year: int, month: int) -> date:
    ahead = date(year + month // 12, month % 12 + 1, 1)
    return ahead - timedelta(days=1)


def settled_on(company: Company, year: int, kind: str) -> date:
    """The day a report of business year `year` is settled; the year is the one it begins in."""
    months = company.settles_in % 12 + 3 * (KINDS.index(kind) + 1)
    return _month_end(year + (months - 1) // 12, (months - 1) % 12 + 1)


def due_in(company: Company, year: int) -> Iterator[tuple[int, str]]:
    """(business year, kind) of the reports that are due in a calendar year.

    Quarters end with March, June, September and December and reports are due 45 or 90 days later, so none is due so
    early in a year that it could be received in the one before.
    """
    for business_year in (year - 2, year - 1, year):
        for kind in KINDS:
            if (settled_on(company, business_year, kind) + _patience(kind)).year == year:
                yield business_year, kind


def _patience(kind: str) -> timedelta:
    return _DUE_YEAR if kind == "11011" else _DUE


@lru_cache(maxsize=65_536)
def _received(seed: int, corp_code: str, settled: date, year: int, kind: str) -> datetime:
    due = settled + _patience(kind)
    while not krx.is_trading_day(due):
        due += timedelta(days=1)
    lot = draw(seed, "report", corp_code, year, kind)
    day = krx.trading_days(due, _EARLY)[lot % _EARLY if lot % 3 else 0]
    return datetime.combine(day, time(8), KST) + timedelta(seconds=(lot >> 8) % 36_000)


def report(seed: int, company: Company, year: int, kind: str) -> Report:
    """One report, whether or not it was received yet. Raises ValueError for an unknown kind."""
    settled = settled_on(company, year, kind)
    return Report(company, year, kind, settled, _received(seed, company.corp_code, settled, year, kind))


def reports_until(seed: int, company: Company, at: datetime) -> Iterator[Report]:
    """The reports received by `at`, the latest settled first."""
    for year in range(at.year, _FIRST_YEAR - 1, -1):
        for kind in reversed(KINDS):
            found = report(seed, company, year, kind)
            if found.received_at <= at:
                yield found


def latest(seed: int, company: Company, at: datetime) -> Report | None:
    """The latest report received by `at`, if there is one."""
    return next(reports_until(seed, company, at), None)


def holdings(seed: int, told: Report) -> tuple[Holding, ...]:
    """Every share class of a report's company, the common share first."""
    begin = 4 * told.year
    rows = []
    for issue in told.company.issues:
        ends = [held(seed, issue, begin + quarter) for quarter in range(told.quarter + 1)]
        acquired = disposed = 0
        for quarter in range(1, told.quarter + 1):
            moved = ends[quarter] - ends[quarter - 1]
            both = ends[quarter] // 50 if draw(seed, "own trade", issue.code, begin + quarter) % 5 == 0 else 0
            acquired += max(moved, 0) + both
            disposed += max(-moved, 0) + both
        gone = draw(seed, "retired", issue.code)
        before = issue.shares * (gone % 12) // 100 if gone % 4 == 0 else 0
        rows.append(Holding(_CLASS_NAMES[issue.kind], issue.shares, ends[0], acquired, disposed, 0, ends[-1], before))
    return tuple(rows)
