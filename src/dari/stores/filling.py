"""Filling the day store: what is missing, newest first, a few calls at once; stopped anywhere, nothing is lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, Final

from dari.core.errors import DariError
from dari.core.krx import trading_days
from dari.core.locks import Held, take
from dari.core.market import MARKETS, ChartSource, DayRow, DaySource, Market
from dari.core.shared_state import private_folder
from dari.core.together import together
from dari.stores.days import DayStore, append, lines_of

AT_ONCE: Final = 4
"""Calls in flight: what a kill can make us spend again."""
FEWEST: Final = 100
"""A market never has so few shares: a shorter part is not a day of it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fill is: parts (or charts) asked for and in all, calls made, and what was not published."""

    done: int
    total: int
    calls: int
    what: str
    unpublished: tuple[date, ...] = ()


class Filling(Exception):
    """Somebody else is filling this store now."""


class Filler:
    """Fills a store from a source. One filler a store: `Filling` is raised while another process is at it."""

    def __init__(self, store: DayStore) -> None:
        self.store = store
        self._calls = count(1)

    async def from_days(self, source: DaySource, last: date, days: int) -> AsyncIterator[Progress]:
        """Take what is missing of the `days` trading days that end with `last`: a call a part.

        Raises Filling, and what the source raises; what was committed by then stays.
        """
        lock = self._lock()
        try:
            missing = self.store.missing(last, days)
            done, unpublished = 0, set[date]()
            yield Progress(0, len(missing), 0, "")
            for at in range(0, len(missing), AT_ONCE):
                some = missing[at : at + AT_ONCE]
                asked = [self._part(source, day, market) for day, market in some]
                told = await asyncio.gather(*asked, return_exceptions=True)
                for (day, _), one in zip(some, told, strict=True):
                    if isinstance(one, BaseException):
                        raise one
                    done += 1
                    if not one:
                        unpublished.add(day)
                yield Progress(done, len(missing), done, f"{some[-1][0]}", tuple(sorted(unpublished)))
        finally:
            lock.release()

    async def _part(self, source: DaySource, day: date, market: Market) -> bool:
        number = f"{os.getpid()}-{next(self._calls)}"
        self.store.note(call=number, asks=f"{day:%Y%m%d}-{market}", of=source.name)
        try:
            rows = await source.part(day, market)
        except DariError as error:
            self.store.note(call=number, ended=error.code)
            raise
        if len(rows) < FEWEST:
            self.store.note(call=number, ended="not published")
            return False
        self.store.commit(day, market, rows, source=source.name, simulated=source.simulated)
        self.store.note(call=number, ended="committed", rows=len(rows))
        return True

    async def from_charts(self, source: ChartSource, last: date, days: int) -> AsyncIterator[Progress]:
        """The same from charts: a call a share, kept one by one beside the store until the days are whole.

        Only days that nobody has committed are written. Raises like `from_days`.
        """
        lock = self._lock()
        try:
            missing = self.store.missing(last, days)
            if not missing:
                return
            wanted = trading_days(last, days)
            staged = private_folder(self.store.folder) / f"charts-{last:%Y%m%d}-{days}.jsonl"
            for other in set(self.store.folder.glob("charts-*.jsonl")) - {staged}:
                other.unlink()  # of a day that is no longer the newest: its charts end too early
            there = {(one["market"], one["code"]) for one in lines_of(staged)}
            listed = [
                (market, code, name)
                for market in MARKETS
                for code, name in (await source.codes(market)).items()
                if (market, code) not in there
            ]
            total, calls = len(there) + len(listed), 0
            yield Progress(len(there), total, 0, "charts")
            for at in range(0, len(listed), AT_ONCE):
                some = listed[at : at + AT_ONCE]
                await together(*(self._chart(source, staged, one, wanted) for one in some))
                calls += len(some)
                yield Progress(len(there) + calls, total, calls, some[-1][1])
            self._gathered(staged, frozenset(missing), source)
            yield Progress(total, total, calls, "committed")
        finally:
            lock.release()

    async def _chart(
        self, source: ChartSource, staged: Path, share: tuple[Market, str, str], wanted: Sequence[date]
    ) -> None:
        market, code, name = share
        bars = await source.bars(code, name, wanted[-1], wanted[0])
        rows = [[f"{day:%Y%m%d}", asdict(row)] for day, row in bars.items()]
        append(staged, {"market": market, "code": code, "rows": rows})

    def _gathered(self, staged: Path, missing: frozenset[tuple[date, Market]], source: ChartSource) -> None:
        parts: dict[tuple[date, Market], list[DayRow]] = {part: [] for part in missing}
        for told in lines_of(staged):
            for day, row in told["rows"]:
                rows = parts.get((date.fromisoformat(day), told["market"]))
                if rows is not None:
                    rows.append(DayRow(**row))
        for (day, market), rows in sorted(parts.items()):
            if len(rows) >= FEWEST:
                self.store.commit(day, market, rows, source=source.name, simulated=source.simulated)
        staged.unlink()

    def _lock(self) -> Any:
        try:
            return take(private_folder(self.store.folder) / "filling.lock")
        except Held:
            raise Filling from None
