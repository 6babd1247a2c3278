"""The exact top of a market out of rankings that show 30 rows and do not page: ask again by price bands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from dari.core.together import together

SHOWN: Final = 30
"""Rows of one ranking reply, whatever is asked for (observed on every KIS ranking)."""


class Row(Protocol):
    """What a row of any such ranking has."""

    @property
    def code(self) -> str:
        """The issue."""
        ...

    @property
    def price(self) -> int:
        """Its price in won, which the bands split."""
        ...


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Slice:
    """One question: a market and a band of prices in won, both ends included; None is open."""

    market: str
    low: int | None = None
    high: int | None = None

    def halves(self, pivot: int) -> tuple[Slice, Slice]:
        """The band up to `pivot` and the one above it."""
        return Slice(self.market, self.low, pivot), Slice(self.market, pivot + 1, self.high)


@dataclass(frozen=True, slots=True)
class Top(Generic[R]):
    """The first `count` rows with the market of each, and the bands that could not be split any further."""

    rows: tuple[tuple[str, R], ...]
    uncertain: tuple[Slice, ...]


async def top(
    ask: Callable[[Slice], Awaitable[list[R]]],
    markets: tuple[str, ...],
    count: int,
    key: Callable[[R], tuple[int, str]],
) -> Top[R]:
    """The first `count` rows over `markets` by `key` (smallest first), exactly.

    A reply of fewer than 30 rows hides nothing. A full one hides only rows that come after its last; so as long as a
    full reply's last row stands before place `count`, its band is split in two at the median price and asked again.
    """
    answers: dict[Slice, list[R]] = {}
    uncertain: list[Slice] = []
    waiting = [Slice(market) for market in markets]
    while waiting:
        replies = await together(*map(ask, waiting))
        answers.update(zip(waiting, replies, strict=True))
        merged = _merged(answers, key)
        last = key(merged[count - 1][1]) if len(merged) >= count else None
        waiting = []
        for band, rows in list(answers.items()):
            hides = len(rows) >= SHOWN and (last is None or key(max(rows, key=key)) < last)
            if not hides or band in uncertain:
                continue
            pivot = sorted(row.price for row in rows)[len(rows) // 2 - 1]
            if band.high is not None and pivot >= band.high:
                pivot = band.high - 1
            if band.low is not None and pivot < band.low:
                uncertain.append(band)  # one price alone fills the reply: nothing left to split by
                continue
            del answers[band]
            waiting += band.halves(pivot)
    return Top(tuple(_merged(answers, key)[:count]), tuple(uncertain))


def _merged(answers: dict[Slice, list[R]], key: Callable[[R], tuple[int, str]]) -> list[tuple[str, R]]:
    """Every row once (the price may have moved it into two bands between two calls: the later answer counts)."""
    found = {row.code: (band.market, row) for band, rows in answers.items() for row in rows}
    return sorted(found.values(), key=lambda one: key(one[1]))
