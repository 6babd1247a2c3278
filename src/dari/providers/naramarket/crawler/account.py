"""The windows of one crawl: which page is asked next, what an answer or a failure means, and each one's receipt."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, ParamSpec, Protocol, TypeVar

from dari.core.clock import Clock
from dari.core.errors import UpstreamError
from dari.providers.naramarket.crawler.book import Book
from dari.providers.naramarket.crawler.lines import CrawlRow, PageRow, WindowRow
from dari.providers.naramarket.crawler.reading import Reading, Verdict
from dari.providers.naramarket.crawler.windows import RUNGS

MOST_ROWS: Final = 999
LEAST_ROWS: Final = 50
ATTEMPTS: Final = 8
"""How often one page is asked before its window is given up, with the reason."""
SMALLER_AFTER: Final = 3
"""Failures of one page in a row, of the kind that large pages cause, until smaller ones are tried."""
TOO_LARGE: Final = frozenset({None, "http504", "05"})
LIVE: Final = timedelta(days=1)
"""A window that ends within a day of the crawl's start may still grow while it is read."""
CAUTION: Final = 0.5
"""Of the pages that an earlier measure lets expect, so many are asked before the first page has told the total."""

P = ParamSpec("P")
T = TypeVar("T")


class Aside(Protocol):
    """Runs work on the book where it blocks nobody, in the order it is asked for."""

    def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]: ...


async def here(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The plainest Aside: at once."""
    return work(*args, **kwargs)


@dataclass(slots=True)
class Open:
    """A window that is being read."""

    row: WindowRow
    reading: Reading
    asking: set[int] = field(default_factory=set)
    failures: dict[int, int] = field(default_factory=dict)
    not_before: dict[int, float] = field(default_factory=dict)
    last_page: int = 0
    hit: int = 0


class Account:
    """What is read, what is open and what is left of a crawl."""

    def __init__(self, book: Book, crawl: CrawlRow, way: dict[str, Any], clock: Clock, aside: Aside) -> None:
        self._book, self._crawl, self._way, self._clock, self._aside = book, crawl, way, clock, aside
        self.open: dict[int, Open] = {}
        self.pending: deque[WindowRow] = deque()
        self.done: list[int] = []
        self._size = MOST_ROWS
        self._most_days: int | None = None
        self._a_day: float | None = None
        self._doubt = crawl.doubt
        self._began = clock.now()
        self._rechecked = False

    async def begin(self) -> None:
        """Where the book says this crawl stands, and what is known of its operation."""
        book, crawl = self._book, self._crawl
        size, self._most_days = await self._aside(book.learned, crawl.endpoint)
        self._size = min(MOST_ROWS, size or MOST_ROWS)
        self._a_day = await self._aside(book.measured, crawl.endpoint, crawl.way, crawl.filters)
        self.done = [one.id for one in await self._aside(book.windows, crawl.id, "done")]
        self.pending.extend(await self._aside(book.windows, crawl.id, "open", "pending"))

    # --- what is asked next ---

    async def pick(self, now: float) -> tuple[tuple[Open, int] | None, float | None]:
        """The next page to ask: of an open window, else the first page of a pending one."""
        later: float | None = None
        for one in self.open.values():
            for number in one.reading.wants():
                if number in one.asking:
                    continue
                due = one.not_before.get(number, 0.0)
                if due <= now:
                    return (one, number), None
                later = due if later is None else min(later, due)
        while self.pending:
            begun = await self._opened(self.pending.popleft())
            if begun is not None:
                return (begun, begun.reading.wants()[0]), None
        return self._expected(), later

    def _expected(self) -> tuple[Open, int] | None:
        """A page that will be wanted as soon as the first page has come, as an earlier measure lets expect."""
        for one in self.open.values():
            span = one.row.span
            if not self._a_day or span is None or not one.reading.untouched:
                continue
            last = int(CAUTION * self._a_day * span.days / one.reading.size)
            for number in range(2, last + 1):
                if number not in one.asking and number not in one.failures:
                    return one, number
        return None

    async def _opened(self, row: WindowRow) -> Open | None:
        """Begin a window, or go on with it from its page receipts; None where that shows it to be done, or too wide."""
        span = row.span
        if row.state == "pending" and span and self._most_days and span.days > self._most_days:
            await self._replaced(row, span.parts(self._most_days))
            return None
        if row.state == "open":
            one = await self._gone_on(row)
        else:
            doubt = row.doubt or self._doubt
            await self._aside(self._book.open_window, row.id, self._size, doubt=doubt)
            one = Open(row, Reading(self._size, doubt=doubt))
        self.open[row.id] = one
        if not one.reading.wants():
            await self._judged(one)
            return None
        return one

    async def _gone_on(self, row: WindowRow) -> Open:
        """A window as it stood when the last page of it was committed."""
        one = Open(row, Reading(row.size or self._size, doubt=row.doubt))
        resizes = deque(row.sizes)
        for page in await self._aside(self._book.pages, row.id):
            while resizes and resizes[0][0] < page.id:
                one.reading.resize(resizes.popleft()[1])
            self._take(one, page)
        for _, smaller in resizes:
            one.reading.resize(smaller)
        return one

    def _take(self, one: Open, page: PageRow) -> None:
        one.reading.wants()
        one.reading.hear(page.number, page.size, page.told, page.total, page.keys)
        one.last_page = page.id

    # --- what came of it ---

    def arrived(self, window: int, number: int, size: int, page: PageRow) -> None:
        """A page that was asked has come."""
        one = self.open.get(window)
        if one is None:
            return
        if size == one.reading.size:
            one.asking.discard(number)
        one.failures.pop(number, None)
        before = one.reading.size
        self._take(one, page)
        if one.reading.size != before:
            one.asking.clear()  # pages of the old size are not those that are wanted now

    def refused(self, window: int, number: int, size: int) -> None:
        """A page was not let in: it is asked again."""
        one = self.open.get(window)
        if one is not None and size == one.reading.size:
            one.asking.discard(number)

    async def failed(self, window: int, number: int, size: int, error: UpstreamError) -> None:
        """A page failed in a way that may pass: asked again later, in smaller pages, or given up."""
        one, now = self.open.get(window), self._clock.monotonic()
        self.refused(window, number, size)
        if one is None or size != one.reading.size or one.reading.verdict is not None:
            return
        count = one.failures[number] = one.failures.get(number, 0) + 1
        one.hit = one.hit + 1 if error.upstream_code in TOO_LARGE else 0
        one.not_before[number] = now + min(5.0, 0.1 * 2.0**count)
        if count >= SMALLER_AFTER and one.hit >= SMALLER_AFTER and size > LEAST_ROWS:
            await self._smaller(one)
        elif count >= ATTEMPTS:
            await self._gave_up(one, f"page {number} failed {count} times: {error.message}")

    async def _smaller(self, one: Open) -> None:
        """Large pages fail: half as large ones from now on, for every window to come."""
        size = max(LEAST_ROWS, one.reading.size // 2)
        self._size = min(self._size, size)
        await self._aside(self._book.resized, one.row.id, one.last_page, size)
        await self._aside(self._book.learn, self._crawl.endpoint, size=self._size)
        one.reading.resize(size)
        one.failures.clear()
        one.not_before.clear()
        one.asking.clear()
        one.hit = 0

    async def too_wide(self, window: int) -> None:
        """A window was refused as too wide: narrower ones take its place."""
        one = self.open.get(window)
        if one is None:
            return
        span = one.row.span
        parts = span.split(self._way["format"]) if span else []
        if not span or not parts:
            await self._gave_up(one, "refused as too wide (07), and it cannot be narrower")
            return
        if lower := [rung for rung in RUNGS if rung < span.days]:
            self._most_days = min(self._most_days or lower[0], lower[0])
            await self._aside(self._book.learn, self._crawl.endpoint, most_days=self._most_days)
        del self.open[one.row.id]
        await self._replaced(one.row, parts)

    async def _replaced(self, row: WindowRow, parts: Sequence[Any]) -> None:
        found = await self._aside(self._book.split, self._crawl.id, row.id, parts)
        self.pending.extendleft(
            reversed(
                [
                    WindowRow(i, p.start, p.end, "pending", None, (), row.doubt)
                    for i, p in zip(found, parts, strict=True)
                ]
            )
        )

    # --- receipts ---

    async def settle(self, window: int) -> None:
        """Write the receipt of a window where nothing is wanted and nothing asked any more."""
        one = self.open.get(window)
        if one is not None and not one.reading.wants() and not one.asking:
            await self._judged(one)

    async def _judged(self, one: Open) -> None:
        verdict = one.reading.verdict
        assert verdict is not None  # nothing is wanted any more
        del self.open[one.row.id]
        await self._aside(self._book.judge, one.row.id, verdict, now=self._clock.now())
        if span := one.row.span:
            self._a_day = verdict.distinct / span.days
            crawl = self._crawl
            await self._aside(self._book.measure, crawl.endpoint, crawl.way, crawl.filters, self._a_day)
        if one.reading.cap and one.reading.cap < self._size:
            self._size = one.reading.cap
            await self._aside(self._book.learn, self._crawl.endpoint, size=self._size)
        if verdict.note and not self._doubt:  # what was taken on one reading alone is read once more
            self._doubt = True
            await self._aside(self._book.reopen, self._crawl.id, windows=self.done, doubt=True)
            again = {row.id: row for row in await self._aside(self._book.windows, self._crawl.id, "pending")}
            self.pending.extend(again[i] for i in self.done)
            self.done = []
        if not verdict.gap:
            self.done.append(one.row.id)

    async def _gave_up(self, one: Open, gap: str) -> None:
        seen = len(one.reading.seen)
        self.open.pop(one.row.id, None)
        verdict = Verdict(None, seen, 0, 0, one.reading.number, gap)
        await self._aside(self._book.judge, one.row.id, verdict, now=self._clock.now())

    async def recheck(self) -> bool:
        """Windows that end in the present may have grown while others were read: they are read once more, once."""
        if self._rechecked or (self._clock.now() - self._began).total_seconds() < 1:
            return False
        self._rechecked, edge = True, self._began - LIVE
        live = [
            row.id
            for row in await self._aside(self._book.windows, self._crawl.id, "done")
            if row.end and row.end >= edge and row.id in self.done
        ]
        if not live or len(self.done) == 1:
            return False
        await self._aside(self._book.reopen, self._crawl.id, windows=live)
        self.done = [one for one in self.done if one not in live]
        again = await self._aside(self._book.windows, self._crawl.id, "pending")
        self.pending.extend(row for row in again if row.id in live)
        return True
