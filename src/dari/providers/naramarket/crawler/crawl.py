"""The crawl: windows read page by page over plain ports; a stop at any moment loses nothing that was paid for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from dari.core.clock import Clock
from dari.core.endpoint import Endpoint
from dari.core.errors import DariError, QuotaSpent, RateLimited, Refused, SetupError, UpstreamError
from dari.core.exchange import Call, Reply, Sender
from dari.providers.naramarket.crawler.book import Book
from dari.providers.naramarket.crawler.lines import CrawlRow, PageRow, Progress, WindowRow
from dari.providers.naramarket.crawler.pace import Pace
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
WINDOW: Final = "07"


@dataclass(slots=True)
class _Open:
    """A window that is being read."""

    row: WindowRow
    reading: Reading
    asking: set[int] = field(default_factory=set)
    failures: dict[int, int] = field(default_factory=dict)
    not_before: dict[int, float] = field(default_factory=dict)
    last_page: int = 0
    hit: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    window: int
    number: int
    size: int
    call: int
    at_once: int
    sent_at: float


class Crawler:
    """Reads the windows of one crawl in the book. `send` makes one attempt; the crawl judges failures itself."""

    def __init__(self, *, book: Book, send: Sender, clock: Clock, endpoint: Endpoint, crawl: CrawlRow) -> None:
        self._book, self._send, self._clock = book, send, clock
        self._endpoint, self._crawl = endpoint, crawl
        self._way: dict[str, Any] = endpoint.wire["by"][crawl.way]
        size, self._most_days = book.learned(endpoint.id)
        self._size = min(MOST_ROWS, size or MOST_ROWS)
        self._doubt = crawl.doubt
        self._pace = Pace()
        self._open: dict[int, _Open] = {}
        self._pending: deque[WindowRow] = deque()
        self._flying: dict[asyncio.Task[Reply], _Asked] = {}
        self._stop: tuple[str, str, str | None] | None = None
        self._began = clock.now()
        self._rows = self._calls = self._refused = 0
        self._simulated: bool | None = None
        self._done: list[int] = []
        self._rechecked = False
        self.cancelled = False

    # --- the loop ---

    async def run(self) -> AsyncGenerator[Progress, None]:
        """Read until every window has its receipt, or there is a reason to stop. Ends with the final state.

        Closing the generator stops the crawl: calls in flight are given up, everything else is in the book.
        """
        book, crawl = self._book, self._crawl.id
        book.stand(crawl, "running", now=self._clock.now())
        self._done = [one.id for one in book.windows(crawl, "done")]
        self._pending.extend(book.windows(crawl, "open", "pending"))
        ended = False
        try:
            while True:
                wait = self._fill()
                if not self._flying:
                    if wait is not None:
                        await self._clock.sleep(wait)
                        continue
                    if self._stop is None and self._recheck():
                        continue
                    break
                for task in await self._next(wait):
                    self._heard(self._flying.pop(task), task)
                yield self._progress("running")
            ended = True
            yield self._finish()
        finally:
            for task in self._flying:
                task.cancel()
            await asyncio.gather(*self._flying, return_exceptions=True)
            if not ended:
                for asked in self._flying.values():
                    book.called(asked.call, "given up")
                book.stand(crawl, "cancelled" if self.cancelled else "interrupted", now=self._clock.now())

    async def _next(self, wait: float | None) -> Iterable[asyncio.Task[Reply]]:
        """Those of the calls in flight that have ended, at the latest when one more may be sent."""
        if wait is None:
            done, _ = await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)
            return done
        timer = asyncio.ensure_future(self._clock.sleep(wait))
        either: list[asyncio.Future[Any]] = [*self._flying, timer]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)
        return [task for task in self._flying if task.done()]

    def _fill(self) -> float | None:
        """Send what may be sent; the seconds until more may be, or None where only an answer helps."""
        while self._stop is None and not self.cancelled:
            now = self._clock.monotonic()
            picked, later = self._pick(now)
            if picked is None:
                return None if later is None else later - now
            wait = self._pace.wait(len(self._flying), now)
            if wait != 0.0:
                return wait
            self._ask(*picked)
        return None

    def _pick(self, now: float) -> tuple[tuple[_Open, int] | None, float | None]:
        """The next page to ask: of an open window, else the first page of a pending one."""
        later: float | None = None
        for one in self._open.values():
            for number in one.reading.wants():
                if number in one.asking:
                    continue
                due = one.not_before.get(number, 0.0)
                if due <= now:
                    return (one, number), None
                later = due if later is None else min(later, due)
        while self._pending:
            begun = self._opened(self._pending.popleft())
            if begun is not None:
                return (begun, begun.reading.wants()[0]), None
        return None, later

    def _opened(self, row: WindowRow) -> _Open | None:
        """Begin a window, or go on with it from its page receipts; None where that shows it to be done, or too wide."""
        span = row.span
        if row.state == "pending" and span and self._most_days and span.days > self._most_days:
            self._replaced(row, span.parts(self._most_days))
            return None
        if row.state == "open":
            one = self._gone_on(row)
        else:
            doubt = row.doubt or self._doubt
            self._book.open_window(row.id, self._size, doubt=doubt)
            one = _Open(row, Reading(self._size, doubt=doubt))
        self._open[row.id] = one
        if not one.reading.wants():
            self._judged(one)
            return None
        return one

    def _gone_on(self, row: WindowRow) -> _Open:
        """A window as it stood when the last page of it was committed."""
        one = _Open(row, Reading(row.size or self._size, doubt=row.doubt))
        resizes = deque(row.sizes)
        for page in self._book.pages(row.id):
            while resizes and resizes[0][0] < page.id:
                one.reading.resize(resizes.popleft()[1])
            self._take(one, page)
        for _, smaller in resizes:
            one.reading.resize(smaller)
        return one

    def _take(self, one: _Open, page: PageRow) -> None:
        one.reading.wants()
        one.reading.hear(page.number, page.size, page.told, page.total, page.keys)
        one.last_page = page.id

    # --- one call ---

    def _ask(self, one: _Open, number: int) -> None:
        size, span = one.reading.size, one.row.span
        parameters = {**self._way["send"], **self._crawl.filters}
        if span:
            parameters |= dict(
                zip((self._way["from"], self._way["to"]), span.spelled(self._way["format"]), strict=True)
            )
        parameters |= {"pageNo": str(number), "numOfRows": str(size)}
        now = self._clock.now()
        call = self._book.calling(
            self._endpoint.id, now=now, crawl=self._crawl.id, window=one.row.id, page=number, size=size
        )
        self._calls += 1
        sent_at = self._clock.monotonic()
        self._pace.sent(sent_at)
        task = asyncio.ensure_future(self._send(Call(self._endpoint, parameters)))
        self._flying[task] = _Asked(one.row.id, number, size, call, len(self._flying) + 1, sent_at)
        one.asking.add(number)

    def _heard(self, asked: _Asked, task: asyncio.Task[Reply]) -> None:
        one = self._open.get(asked.window)
        if one is not None and asked.size == one.reading.size:
            one.asking.discard(asked.number)
        error = task.exception()
        if error is None:
            self._arrived(asked, one, task.result())
        elif isinstance(error, DariError):
            self._book.called(asked.call, f"{error.code} {error.upstream_code or ''}".strip())
            self._failed(asked, one, error)
        else:
            self._book.called(asked.call, "failed")
            raise error
        if one is not None and asked.window in self._open and not one.reading.wants() and not one.asking:
            self._judged(one)

    def _arrived(self, asked: _Asked, one: _Open | None, reply: Reply) -> None:
        self._pace.answered(self._clock.monotonic())
        self._simulated = reply.simulated
        page = self._book.page(
            self._endpoint,
            self._crawl.way,
            call=asked.call,
            window=asked.window,
            number=asked.number,
            size=asked.size,
            told=reply.body["size"],
            total=reply.body["total"],
            rows=reply.body["rows"],
            at=reply.fetched_at,
        )
        self._rows += len(reply.body["rows"])
        if one is None:
            return
        one.failures.pop(asked.number, None)
        before = one.reading.size
        self._take(one, page)
        if one.reading.size != before:
            one.asking.clear()  # pages of the old size are not those that are wanted now

    def _failed(self, asked: _Asked, one: _Open | None, error: DariError) -> None:
        now = self._clock.monotonic()
        if isinstance(error, RateLimited):
            self._refused += 1
            self._pace.refused(asked.at_once, asked.sent_at, now, error.retry_after)
            return
        if isinstance(error, QuotaSpent):
            self._stop = ("quota", error.message, error.details.get("resume_not_before"))
            return
        if isinstance(error, Refused) and error.upstream_code == WINDOW:
            self._pace.answered(now)
            if one is not None:
                self._too_wide(one)
            return
        if isinstance(error, SetupError) or not isinstance(error, UpstreamError) or isinstance(error, Refused):
            self._stop = ("stopped", error.message, None)
            return
        if one is None or asked.size != one.reading.size or one.reading.verdict is not None:
            return
        count = one.failures[asked.number] = one.failures.get(asked.number, 0) + 1
        one.hit = one.hit + 1 if error.upstream_code in TOO_LARGE else 0
        one.not_before[asked.number] = now + min(5.0, 0.1 * 2.0**count)
        if count >= SMALLER_AFTER and one.hit >= SMALLER_AFTER and asked.size > LEAST_ROWS:
            self._smaller(one)
        elif count >= ATTEMPTS:
            gap = f"page {asked.number} failed {count} times: {error.message}"
            self._gave_up(one, gap)

    def _smaller(self, one: _Open) -> None:
        """Large pages fail: half as large ones from now on, for every window to come."""
        size = max(LEAST_ROWS, one.reading.size // 2)
        self._size = min(self._size, size)
        self._book.resized(one.row.id, one.last_page, size)
        self._book.learn(self._endpoint.id, size=self._size)
        one.reading.resize(size)
        one.failures.clear()
        one.not_before.clear()
        one.asking.clear()
        one.hit = 0

    def _too_wide(self, one: _Open) -> None:
        span = one.row.span
        parts = span.split(self._way["format"]) if span else []
        if not span or not parts:
            self._gave_up(one, "refused as too wide (07), and it cannot be narrower")
            return
        if lower := [rung for rung in RUNGS if rung < span.days]:
            self._most_days = min(self._most_days or lower[0], lower[0])
            self._book.learn(self._endpoint.id, most_days=self._most_days)
        del self._open[one.row.id]
        self._replaced(one.row, parts)

    def _replaced(self, row: WindowRow, parts: Sequence[Any]) -> None:
        found = self._book.split(self._crawl.id, row.id, parts)
        self._pending.extendleft(
            reversed(
                [
                    WindowRow(i, p.start, p.end, "pending", None, (), row.doubt)
                    for i, p in zip(found, parts, strict=True)
                ]
            )
        )

    # --- receipts ---

    def _judged(self, one: _Open) -> None:
        verdict = one.reading.verdict
        assert verdict is not None  # nothing is wanted any more
        del self._open[one.row.id]
        self._book.judge(one.row.id, verdict, now=self._clock.now())
        if one.reading.cap and one.reading.cap < self._size:
            self._size = one.reading.cap
            self._book.learn(self._endpoint.id, size=self._size)
        if verdict.note and not self._doubt:  # what was taken on one reading alone is read once more
            self._doubt = True
            self._book.reopen(self._crawl.id, windows=self._done, doubt=True)
            again = {row.id: row for row in self._book.windows(self._crawl.id, "pending")}
            self._pending.extend(again[i] for i in self._done)
            self._done = []
        if not verdict.gap:
            self._done.append(one.row.id)

    def _gave_up(self, one: _Open, gap: str) -> None:
        seen = len(one.reading.seen)
        self._open.pop(one.row.id, None)
        verdict = Verdict(None, seen, 0, 0, one.reading.number, gap)
        self._book.judge(one.row.id, verdict, now=self._clock.now())

    def _recheck(self) -> bool:
        """Windows that end in the present may have grown while others were read: they are read once more, once."""
        if self._rechecked or (self._clock.now() - self._began).total_seconds() < 1:
            return False
        self._rechecked, edge = True, self._began - LIVE
        live = [
            row.id
            for row in self._book.windows(self._crawl.id, "done")
            if row.end and row.end >= edge and row.id in self._done
        ]
        if not live or len(self._done) == 1:
            return False
        self._book.reopen(self._crawl.id, windows=live)
        self._done = [one for one in self._done if one not in live]
        self._pending.extend(row for row in self._book.windows(self._crawl.id, "pending") if row.id in live)
        return True

    def _progress(self, state: str, reason: str = "", again: str | None = None) -> Progress:
        left = sum(len(one.reading.wants()) for one in self._open.values())
        return Progress(
            crawl=self._crawl.id,
            state=state,
            windows=len(self._open) + len(self._pending) + len(self._done),
            windows_done=len(self._done),
            pages_left=left + len(self._pending),
            rows=self._rows,
            calls=self._calls,
            refused=self._refused,
            in_flight=len(self._flying),
            gaps=0,
            resume_not_before=again,
            reason=reason,
        )

    def _finish(self) -> Progress:
        receipts = self._book.receipts(self._crawl.id)
        gaps = sum(one["state"] != "done" for one in receipts)
        if self.cancelled:
            state, reason, again = "cancelled", "", None
        elif self._stop:
            state, reason, again = self._stop
        else:
            state, reason, again = ("incomplete" if gaps else "done"), "", None
        self._book.stand(
            self._crawl.id, state, now=self._clock.now(), reason=reason, again=again, simulated=self._simulated
        )
        told = self._progress(state, reason, again)
        return Progress(
            **{**{name: getattr(told, name) for name in Progress.__slots__}, "gaps": gaps, "windows": len(receipts)}
        )
