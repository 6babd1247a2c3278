"""What the procurement tools have beside the upstream: the crawl book, running crawls, and the output folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, ParamSpec, Protocol, TypeVar

from filelock import FileLock

from dari.core.clock import Clock
from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, InvalidInput, NotAllowed
from dari.core.exchange import Call, Sender
from dari.core.locks import Held, take
from dari.core.provider import Response
from dari.core.sealing import Sealing
from dari.core.tool import Upstream
from dari.providers.naramarket.crawler import Book, Crawler, Progress, Span, planned, success, whole
from dari.providers.naramarket.crawler.folder import Folder
from dari.providers.naramarket.crawler.watches import Watches
from dari.providers.naramarket.spec import SPEC

P = ParamSpec("P")
T = TypeVar("T")

FULL_PAGE: Final = 999
RESUMABLE: Final = frozenset({"planned", "running", "interrupted", "quota", "stopped", "incomplete", "cancelled"})


@dataclass(frozen=True, slots=True)
class Plan:
    """A crawl before it is paid for: `windows` cost at least a call each; more where they have many rows."""

    endpoint: Endpoint
    way: str
    filters: Mapping[str, str]
    windows: tuple[Span | None, ...]
    quota: int
    spent_today: int


class Works(Protocol):
    """Where works that outlive a call are done: in this process, or by workers that share a Redis."""

    async def start(self, kind: str, arguments: Mapping[str, Any], *, key: str) -> Any:
        """Begin, unless the work of that key is on its way."""
        ...

    async def standing(self, key: str) -> Any:
        """How it stands (None: nobody does it), with `ended`."""
        ...

    async def cancel(self, key: str) -> bool:
        """Ask it to stop."""
        ...


KIND: Final = "crawl"


def job_key(crawl: str) -> str:
    """The name of a crawl among works."""
    return f"crawl-{crawl}"


class Desk:
    """One of each for a process. Nothing is opened before it is needed.

    The book is read and written by a thread of its own, so that no commit holds up the event loop.
    """

    def __init__(
        self,
        *,
        home: Path,
        output: Path,
        send: Sender,
        check: Callable[[Call], None],
        clock: Clock,
        fetch: Callable[[str], Awaitable[Response]],
        works: Works,
        simulated: bool = False,
        sealing: Sealing | None = None,
    ) -> None:
        self._home, self._send, self._check, self._clock, self._works = home, send, check, clock, works
        self._sealing = sealing
        self._book: Book | None = None
        self._thread = ThreadPoolExecutor(1, "crawl-book")
        self._running: dict[str, Crawler] = {}
        self.folder = Folder(output)
        self.fetch = fetch
        self.simulated = simulated
        self.progress: dict[str, Progress] = {}

    @property
    def book(self) -> Book:
        """The crawl book, opened: for the book's thread, and for who has no event loop to hold up."""
        if self._book is None:
            self._book = Book(self._home / "crawls.sqlite", self._sealing)
        return self._book

    async def on(self, work: Callable[[Book], T]) -> T:
        """Do something short with the book, in its turn."""
        return await self._aside(lambda: work(self.book))

    async def apart(self, work: Callable[[Book], T]) -> T:
        """Read the book at length, beside what is written meanwhile, over a connection of one's own."""

        def alone() -> T:
            with closing(Book(self._home / "crawls.sqlite", self._sealing)) as book:
                return work(book)

        return await asyncio.to_thread(alone)

    async def _aside(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(work, *args, **kwargs))

    async def close(self) -> None:
        """Close the book. Whoever runs crawls has stopped by now; what they left can be resumed."""
        await asyncio.to_thread(self._thread.shutdown)
        if self._book is not None:
            self._book.close()
            self._book = None

    # --- planning ---

    async def plan(
        self, endpoint: str, by: str | None, start: date | None, end: date | None, filters: Mapping[str, str]
    ) -> Plan:
        """The windows of a crawl. Raises InvalidInput for a way the operation lacks or parameters it does not know."""
        row = SPEC.endpoint(endpoint)
        ways: Mapping[str, Mapping[str, Any]] = row.wire["by"]
        way = by or next((word for word, told in ways.items() if "from" in told), next(iter(ways)))
        if way not in ways:
            raise InvalidInput(f"{endpoint} is asked by {', '.join(ways)}, not by {way[:40]!r}")
        now = self._clock.now()
        (_, most_days), spent = await self.on(lambda book: (book.learned(endpoint), book.spent(now)))
        windows: tuple[Span | None, ...] = (None,)
        if "from" in ways[way]:
            if start is None or end is None or end < start:
                raise InvalidInput("a period needs a start and an end, in this order")
            windows = tuple(planned(whole(start, end), ways[way], most_days=most_days))
        plan = Plan(row, way, filters, windows, row.wire["quota"], spent.get(endpoint, 0))
        self._check(self.call(plan, windows[0], 1, FULL_PAGE))
        return plan

    def call(self, plan: Plan, span: Span | None, page: int, size: int) -> Call:
        """The call for one page of one window."""
        way = plan.endpoint.wire["by"][plan.way]
        parameters = {**way["send"], **plan.filters, "pageNo": str(page), "numOfRows": str(size)}
        if span:
            parameters |= dict(zip((way["from"], way["to"]), span.spelled(way["format"]), strict=True))
        return Call(plan.endpoint, parameters)

    async def begin(self, plan: Plan, *, watch: str = "") -> str:
        """Write the crawl down; its id."""
        now = self._clock.now()
        return await self.on(
            lambda book: book.begin(plan.endpoint.id, plan.way, plan.filters, plan.windows, now=now, watch=watch)
        )

    # --- running ---

    async def run(self, crawl: str, *, again: bool = False) -> AsyncGenerator[Progress, None]:
        """Read the crawl's windows; what it says on the way. Raises NotAllowed where another process reads them.

        `again` reads windows with a gap once more.
        """
        row = await self.on(lambda book: book.crawl(crawl))
        lock = self._leased(crawl)
        try:
            if again:
                await self.on(lambda book: book.reopen(crawl))
            crawler = Crawler(
                book=self.book,
                send=self._send,
                clock=self._clock,
                endpoint=SPEC.endpoint(row.endpoint),
                crawl=row,
                aside=self._aside,
            )
            self._running[crawl] = crawler
            async with aclosing(crawler.run()) as told:
                async for progress in told:
                    self.progress[crawl] = progress
                    yield progress
        finally:
            self._running.pop(crawl, None)
            lock.release()

    async def start(self, crawl: str, *, again: bool = False) -> None:
        """Run it in the background. Raises NotFound for a crawl the book does not know."""
        await self.on(lambda book: book.crawl(crawl))
        if not await self.running(crawl):
            await self._works.start(KIND, {"crawl": crawl, "again": again}, key=job_key(crawl))

    async def cancel(self, crawl: str) -> None:
        """Ask for no more pages; what runs in this process still takes those in flight."""
        await self.on(lambda book: book.crawl(crawl))
        found = self._running.get(crawl)
        if found:
            found.cancelled = True
        else:
            await self._works.cancel(job_key(crawl))

    async def running(self, crawl: str) -> bool:
        """Whether it is read now, or will be soon."""
        if crawl in self._running:
            return True
        standing = await self._works.standing(job_key(crawl))
        return standing is not None and not standing.ended

    def _leased(self, crawl: str) -> FileLock:
        try:
            return take(self._home / f"{crawl}.lock")
        except Held:
            raise NotAllowed(
                f"the crawl {crawl} is being read already",
                hint=Hint("crawl_status로 진행을 보세요.", "crawl_status tells how far it is."),
            ) from None

    async def success(self, crawl: str) -> bool:
        """Whether every window was read without a gap."""
        return success(await self.on(lambda book: book.receipts(crawl)))

    # --- saved searches ---

    async def look(self, name: str) -> AsyncGenerator[Progress, None]:
        """One round of a saved search: a look at its last days, within its calls. A round cut short goes on next time.

        Raises NotFound.
        """
        watch = await self.on(lambda book: Watches(book).one(name))
        today = self._clock.now().date()
        crawl = watch.crawl
        if crawl is None or not await self._goes_on(crawl, today):
            start = today - timedelta(days=watch.days - 1)
            plan = await self.plan(watch.endpoint, watch.way, start, today, watch.filters)
            crawl = await self.begin(plan, watch=name)
            begun = crawl
            await self.on(lambda book: Watches(book).begun(name, begun))
        state = ""
        async with aclosing(self.run(crawl)) as told:
            async for progress in told:
                state = progress.state
                if progress.calls >= watch.most_calls and crawl in self._running:
                    self._running[crawl].cancelled = True
                yield progress
        now = self._clock.now()
        await self.on(lambda book: Watches(book).ended(name, whole=state == "done", now=now))

    async def _goes_on(self, crawl: str, today: date) -> bool:
        """Whether a round was cut short today."""
        row = await self.on(lambda book: book.crawl(crawl))
        return row.state in RESUMABLE and row.end is not None and row.end.date() == today

    def now(self) -> datetime:
        """The time."""
        return self._clock.now()


class Procurement(Upstream, Protocol):
    """The Upstream of the procurement tools."""

    desk: Desk
