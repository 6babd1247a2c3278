"""The crawl: windows read page by page over plain ports; a stop at any moment loses nothing that was paid for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Any, Final

from dari.core.clock import Clock
from dari.core.endpoint import Endpoint
from dari.core.errors import DariError, QuotaSpent, RateLimited, Refused, SetupError, UpstreamError
from dari.core.exchange import Call, Sender
from dari.providers.naramarket.crawler.account import Account, Aside, Open, here
from dari.providers.naramarket.crawler.book import Book
from dari.providers.naramarket.crawler.lines import CrawlRow, PageRow, Progress
from dari.providers.naramarket.crawler.pace import Pace

WINDOW: Final = "07"


@dataclass(slots=True)
class _Asked:
    window: int
    number: int
    size: int
    at_once: int
    sent_at: float
    call: int = 0
    landed: bool = False
    rows: int = 0


class Crawler:
    """Reads the windows of one crawl in the book. `send` makes one attempt; the crawl judges failures itself.

    `aside` runs what is done with the book, in the order it is asked for.
    """

    def __init__(
        self, *, book: Book, send: Sender, clock: Clock, endpoint: Endpoint, crawl: CrawlRow, aside: Aside = here
    ) -> None:
        self._book, self._send, self._clock, self._aside = book, send, clock, aside
        self._endpoint, self._crawl = endpoint, crawl
        self._way: dict[str, Any] = endpoint.wire["by"][crawl.way]
        self._account = Account(book, crawl, self._way, clock, aside)
        self._pace = Pace()
        self._flying: dict[asyncio.Task[PageRow], _Asked] = {}
        self._landed = asyncio.Event()
        self._stop: tuple[str, str, str | None] | None = None
        self._rows = self._calls = self._refused = 0
        self._simulated: bool | None = None
        self.cancelled = False

    # --- the loop ---

    async def run(self) -> AsyncGenerator[Progress, None]:
        """Read until every window has its receipt, or there is a reason to stop. Ends with the final state.

        Closing the generator stops the crawl: calls in flight are given up, everything else is in the book.
        """
        ended = False
        try:
            await self._aside(self._book.stand, self._crawl.id, "running", now=self._clock.now())
            await self._account.begin()
            while True:
                wait = await self._fill()
                if not self._flying:
                    if wait is not None:
                        await self._clock.sleep(wait)
                        continue
                    if self._stop is None and await self._account.recheck():
                        continue
                    break
                for task in await self._next(wait):
                    await self._heard(self._flying.pop(task), task)
                yield self._progress("running")
            ended = True
            yield await self._finish()
        finally:
            for task in self._flying:
                task.cancel()
            await asyncio.gather(*self._flying, return_exceptions=True)
            if not ended:
                await self._left()

    async def _left(self) -> None:
        """Closed before the end: what was in flight is given up."""
        for asked in self._flying.values():
            await self._aside(self._book.called, asked.call, "given up")
        state = "cancelled" if self.cancelled else "interrupted"
        await self._aside(self._book.stand, self._crawl.id, state, now=self._clock.now())

    async def _next(self, wait: float | None) -> Iterable[asyncio.Task[PageRow]]:
        """Those of the calls in flight that have ended, at the latest when one more may be sent."""
        self._landed.clear()
        others: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._landed.wait())]
        if wait is not None:
            others.append(asyncio.ensure_future(self._clock.sleep(wait)))
        try:
            await asyncio.wait([*self._flying, *others], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in others:
                one.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        return [task for task in self._flying if task.done()]

    def _in_flight(self) -> int:
        """Calls that have not been answered yet."""
        return sum(not asked.landed for asked in self._flying.values())

    async def _fill(self) -> float | None:
        """Send what may be sent; the seconds until more may be, or None where only an answer helps."""
        while self._stop is None and not self.cancelled:
            now = self._clock.monotonic()
            picked, later = await self._account.pick(now)
            if picked is None:
                return None if later is None else later - now
            wait = self._pace.wait(self._in_flight(), now)
            if wait != 0.0:
                return wait
            self._ask(*picked)
        return None

    # --- one call ---

    def _ask(self, one: Open, number: int) -> None:
        size, span = one.reading.size, one.row.span
        parameters = {**self._way["send"], **self._crawl.filters}
        if span:
            parameters |= dict(
                zip((self._way["from"], self._way["to"]), span.spelled(self._way["format"]), strict=True)
            )
        parameters |= {"pageNo": str(number), "numOfRows": str(size)}
        self._calls += 1
        sent_at = self._clock.monotonic()
        asked = _Asked(one.row.id, number, size, self._in_flight() + 1, sent_at)
        self._pace.sent(sent_at)
        self._flying[asyncio.ensure_future(self._page(Call(self._endpoint, parameters), asked))] = asked
        one.asking.add(number)

    async def _page(self, call: Call, asked: _Asked) -> PageRow:
        """One attempt, written down before it is made, and what it brought, kept before it is counted."""
        book, aside = self._book, self._aside
        asked.call = await aside(
            book.calling,
            self._endpoint.id,
            now=self._clock.now(),
            crawl=self._crawl.id,
            window=asked.window,
            page=asked.number,
            size=asked.size,
        )
        try:
            reply = await self._send(call)
        except DariError as error:
            self._struck(asked, error)
            await aside(book.called, asked.call, f"{error.code} {error.upstream_code or ''}".strip())
            raise
        except Exception:
            await aside(book.called, asked.call, "failed")
            raise
        finally:
            asked.landed = True
            self._landed.set()
        self._pace.answered(self._clock.monotonic())
        self._simulated = reply.simulated
        asked.rows = len(reply.body["rows"])
        return await aside(
            book.page,
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
            watch=self._crawl.watch,
        )

    def _struck(self, asked: _Asked, error: DariError) -> None:
        """What a failure means for every other call, before the next one is sent."""
        now = self._clock.monotonic()
        if isinstance(error, RateLimited):
            self._refused += 1
            self._pace.refused(asked.at_once, asked.sent_at, now, error.retry_after)
        elif isinstance(error, QuotaSpent):
            self._stop = ("quota", error.message, error.details.get("resume_not_before"))
        elif isinstance(error, Refused) and error.upstream_code == WINDOW:
            self._pace.answered(now)
        elif isinstance(error, SetupError) or not isinstance(error, UpstreamError) or isinstance(error, Refused):
            self._stop = ("stopped", error.message, None)

    async def _heard(self, asked: _Asked, task: asyncio.Task[PageRow]) -> None:
        error, account = task.exception(), self._account
        place = asked.window, asked.number, asked.size
        if error is None:
            self._rows += asked.rows
            account.arrived(*place, task.result())
        elif not isinstance(error, DariError):
            raise error
        elif isinstance(error, Refused) and error.upstream_code == WINDOW:
            account.refused(*place)
            await account.too_wide(asked.window)
        elif isinstance(error, UpstreamError) and not isinstance(error, RateLimited | QuotaSpent | Refused):
            await account.failed(*place, error)
        else:
            account.refused(*place)
        await account.settle(asked.window)

    def _progress(self, state: str, reason: str = "", again: str | None = None) -> Progress:
        left = sum(len(one.reading.wants()) for one in self._account.open.values())
        return Progress(
            crawl=self._crawl.id,
            state=state,
            windows=len(self._account.open) + len(self._account.pending) + len(self._account.done),
            windows_done=len(self._account.done),
            pages_left=left + len(self._account.pending),
            rows=self._rows,
            calls=self._calls,
            refused=self._refused,
            in_flight=self._in_flight(),
            gaps=0,
            resume_not_before=again,
            reason=reason,
        )

    async def _finish(self) -> Progress:
        receipts = await self._aside(self._book.receipts, self._crawl.id)
        gaps = sum(one["state"] != "done" for one in receipts)
        if self.cancelled:
            state, reason, again = "cancelled", "", None
        elif self._stop:
            state, reason, again = self._stop
        else:
            state, reason, again = ("incomplete" if gaps else "done"), "", None
        await self._aside(
            self._book.stand,
            self._crawl.id,
            state,
            now=self._clock.now(),
            reason=reason,
            again=again,
            simulated=self._simulated,
        )
        told = self._progress(state, reason, again)
        return Progress(
            **{**{name: getattr(told, name) for name in Progress.__slots__}, "gaps": gaps, "windows": len(receipts)}
        )
