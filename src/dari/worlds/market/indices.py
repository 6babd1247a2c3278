"""Indices and sectors (지수·업종): sums over the issues they contain, on the KRX board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from dari.worlds.market.issues import Issue
from dari.worlds.market.noise import draw
from dari.worlds.market.paths import DayPath, Run
from dari.worlds.market.sectors import SECTORS, Board, Sector

_LEVELS: Final = {"0001": 2_600, "1001": 820, "2001": 350}
_LARGE: Final = 100
_MIDDLE: Final = 300
_KOSPI200: Final = 200
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexQuote:
    """One index at a moment: levels with two places, volume in shares, values in won, counts of issues by direction."""

    sector: Sector
    level: Decimal
    base: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    volume: int
    value: int
    previous_volume: int
    previous_value: int
    market_cap: int
    issues: int
    limit_up: int
    up: int
    flat: int
    down: int
    limit_down: int

    @property
    def change(self) -> Decimal:
        """Signed points."""
        return self.level - self.base

    @property
    def change_rate(self) -> Decimal:
        """Signed percent, two places."""
        if not self.base:
            return Decimal("0.00")
        return ((self.level - self.base) * 100 / self.base).quantize(_CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class IndexDay:
    """One whole day of an index: levels with two places, volume in shares, value in won."""

    day: date
    base: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    level: Decimal
    volume: int
    value: int


def memberships(issues: Sequence[Issue]) -> Mapping[str, tuple[Issue, ...]]:
    """Index code → its issues, in code order. Exchange-traded products belong to none."""
    members: dict[str, list[Issue]] = {code: [] for code in SECTORS}
    boards: tuple[tuple[Board, str, tuple[str, str, str]], ...] = (
        ("KOSPI", "0001", ("0002", "0003", "0004")),
        ("KOSDAQ", "1001", ("1002", "1003", "1004")),
    )
    for board, market, sizes in boards:
        own = [one for one in issues if one.board == board and one.counted]
        members[market] = own
        for one in own:
            home = SECTORS[one.sector]
            members[home.code].append(one)
            if home.parent:
                members[home.parent].append(one)
        ordered = sorted(own, key=lambda one: (-one.price * one.shares, one.code))
        members |= zip(sizes, (ordered[:_LARGE], ordered[_LARGE:_MIDDLE], ordered[_MIDDLE:]), strict=True)
        if board == "KOSPI":
            members["2001"] = [one for one in ordered if one.kind == "common"][:_KOSPI200]
    return {code: tuple(sorted(rows, key=lambda one: one.code)) for code, rows in members.items()}


def start_level(seed: int, code: str) -> int:
    """The level of an index when every issue stands at its first price."""
    return _LEVELS.get(code) or 300 + draw(seed, "level", code) % 4_000


def scaled(level: int, cap: int, first_cap: int) -> Decimal:
    """The level that goes with a market capitalisation."""
    if not first_cap:
        return Decimal(level).quantize(_CENT)
    return (Decimal(level) * cap / first_cap).quantize(_CENT, ROUND_HALF_UP)


def directions(rows: Iterable[tuple[DayPath, Run]]) -> tuple[int, int, int, int, int]:
    """(상한, 상승, 보합, 하락, 하한) counts; a limit counts as its own, not as a rise or fall too."""
    counts = [0, 0, 0, 0, 0]
    for path, run in rows:
        if run.price == path.high_limit:
            counts[0] += 1
        elif run.price == path.low_limit:
            counts[4] += 1
        else:
            counts[1 if run.price > path.base else 3 if run.price < path.base else 2] += 1
    return counts[0], counts[1], counts[2], counts[3], counts[4]
