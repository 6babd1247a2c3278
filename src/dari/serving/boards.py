"""Pushed data as documents: what is watched for a reader or a subscriber, its last records, and who hears of news."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from dari.core.alerts import Watch
from dari.core.clock import Clock
from dari.core.endpoint import Effect
from dari.core.errors import DariError, NotAllowed
from dari.core.exchange import DEFAULT_PROFILE, Provenance
from dari.core.live import Cut, Happening, Overrun, Tick, Topic
from dari.core.shelf import LiveResource, Shelf, Watched
from dari.serving.audit import Audit
from dari.serving.callers import Caller
from dari.serving.dispatch import source

log = logging.getLogger(__name__)

KEPT: Final = 30
"""Records that a document tells; what came before is counted."""
MARKS: Final = 10
MOST: Final = 64
"""Addresses watched at once by one server."""
HEAR_SECONDS: Final = 5.0
"""How long one who is told of news may take."""

News = Callable[[str], Awaitable[None]]


class Watching(Protocol):
    """What a board watches through (an `Asking` of upstream.client)."""

    @property
    def sources(self) -> tuple[Provenance, ...]: ...

    def watch(
        self, topics: Collection[Topic], *, scope: str = "market"
    ) -> AbstractAsyncContextManager[AsyncIterator[Happening]]: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: a first read waits `first` for a record, a board nobody needs stays `linger`, news comes `apart`."""

    first: float = 3.0
    linger: float = 30.0
    apart: float = 0.5


class Boards:
    """The watched addresses of one server. Everything is watched once, however many read or subscribe.

    `permitted` raises NotAllowed for a caller who may not watch.
    """

    def __init__(
        self,
        shelf: Shelf,
        upstream: Callable[[str], Watching],
        *,
        clock: Clock,
        audit: Audit,
        permitted: Callable[[Caller], None] = lambda _: None,
        patience: Patience | None = None,
    ) -> None:
        self.shelf = shelf
        self._upstream = upstream
        self._clock = clock
        self._audit = audit
        self._permitted = permitted
        self._patience = patience or Patience()
        self._open: dict[tuple[str, str], _Board] = {}

    async def read(self, uri: str, caller: Caller) -> tuple[str, str]:
        """The media type and the text of a live document. Raises a DariError where it cannot be watched."""
        async with self._held(uri, caller) as board:
            await board.some(self._patience.first)
            return board.resource.mime, board.text(uri, self._clock.now().isoformat(timespec="seconds"))

    @asynccontextmanager
    async def subscribed(self, uri: str, caller: Caller, news: News) -> AsyncIterator[None]:
        """Tell `news` the address whenever it has changed, until the block is left. Raises what watching raises."""
        async with self._held(uri, caller) as board:
            board.hearing.append(news)
            try:
                yield
            finally:
                board.hearing.remove(news)

    def listeners(self, uri: str, profile: str = DEFAULT_PROFILE) -> int:
        """How many are told of news of an address."""
        board = self._open.get((uri, profile))
        return len(board.hearing) if board is not None else 0

    async def close(self) -> None:
        """End everything watched."""
        boards, self._open = list(self._open.values()), {}
        for board in boards:
            await board.stop()

    @asynccontextmanager
    async def _held(self, uri: str, caller: Caller) -> AsyncIterator[_Board]:
        profile = caller.profile
        board = await self._opened(uri, caller, profile)
        try:
            yield board
        finally:
            board.users -= 1
            if not board.users:
                board.leaving = asyncio.ensure_future(self._linger(uri, profile, board))

    async def _opened(self, uri: str, caller: Caller, profile: str) -> _Board:
        outcome = "ok"
        try:
            return await self._found(uri, caller, profile)
        except DariError as error:
            outcome = error.code
            raise
        finally:
            name = uri.partition("://")[0][:20]
            self._audit.write(
                at=self._clock.now(),
                caller=caller.name,
                tool=f"resource {name}",
                effect=Effect.READ,
                arguments={},
                outcome=outcome,
            )

    async def _found(self, uri: str, caller: Caller, profile: str) -> _Board:
        self._permitted(caller)
        if profile not in caller.profiles:
            raise NotAllowed(f"no key set is granted to {caller.name}")
        board = self._open.get((uri, profile))
        if board is not None and board.error is not None and not board.users:
            await self._drop(uri, profile, board)  # it fell while nobody needed it: try again
            board = None
        if board is None:
            resource, watched = self.shelf.watched(uri)
            if len(self._open) >= MOST:
                raise NotAllowed(f"{MOST} addresses are watched already; leave some first")
            board = self._open[uri, profile] = _Board(uri, resource, watched, self._patience.apart, self._clock)
            board.start(self._upstream(profile))
        board.users += 1
        if board.leaving is not None:
            board.leaving.cancel()
            board.leaving = None
        try:
            await board.ready()
        except BaseException:
            board.users -= 1
            if not board.users:
                await self._drop(uri, profile, board)
            raise
        return board

    async def _linger(self, uri: str, profile: str, board: _Board) -> None:
        await asyncio.sleep(self._patience.linger)
        board.leaving = None
        await self._drop(uri, profile, board)

    async def _drop(self, uri: str, profile: str, board: _Board) -> None:
        if self._open.get((uri, profile)) is board:
            del self._open[uri, profile]
        await board.stop()


class _Board:
    """One watched address."""

    def __init__(self, uri: str, resource: LiveResource, watched: Watched, apart: float, clock: Clock) -> None:
        self.uri, self.resource, self.watched = uri, resource, watched
        self.users = 0
        self.hearing: list[News] = []
        self.leaving: asyncio.Task[None] | None = None
        self.error: DariError | None = None
        self._apart = apart
        self._clock = clock
        self._since = ""
        self._sources: list[dict[str, Any]] = []
        self._latest: dict[Topic, tuple[Tick, dict[str, Any]]] = {}
        self._recent: deque[tuple[Tick, dict[str, Any]]] = deque(maxlen=KEPT)
        self._count = 0
        self._lost = 0
        self._cuts: deque[dict[str, str]] = deque(maxlen=MARKS)
        self._fired: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._watch = Watch((watched.alert,) if watched.alert else ())
        self._news = asyncio.Event()
        self._some = asyncio.Event()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, upstream: Watching) -> None:
        self._tasks = [asyncio.ensure_future(self._run(upstream)), asyncio.ensure_future(self._tell())]

    async def stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        if self.leaving is not None:
            tasks.append(self.leaving)
            self.leaving = None
        for task in tasks:
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task is not asyncio.current_task()), return_exceptions=True)

    async def ready(self) -> None:
        await asyncio.shield(self._opened)

    async def some(self, seconds: float) -> None:
        """Wait for the first record, not for ever."""
        try:
            async with asyncio.timeout(seconds):
                await self._some.wait()
        except TimeoutError:
            return

    async def _run(self, upstream: Watching) -> None:
        try:
            async with upstream.watch(self.watched.topics, scope=self.watched.scope) as feed:
                self._since = self._clock.now().isoformat(timespec="seconds")
                self._sources = [source(one) for one in upstream.sources]
                self._opened.set_result(None)
                async for what in feed:
                    self._take(what)
        except DariError as error:
            self.error = error
            if not self._opened.done():
                self._opened.set_exception(error)
                self._opened.exception()  # whoever opened it hears of it, if he is still there
            self._changed()

    def _take(self, what: Happening) -> None:
        match what:
            case Tick():
                record = dict(self.resource.told(what))
                self._count += 1
                self._latest[what.topic] = (what, record)
                self._recent.append((what, record))
                fired = self._watch.heard(what.topic.item, self.resource.figures(what.topic.kind, record))
                self._fired.extend({"at": what.at.isoformat(timespec="milliseconds"), **one.told()} for one in fired)
                self._some.set()
                if fired or self.watched.alert is None:
                    self._changed()
            case Cut():
                since, until = (at.isoformat(timespec="seconds") for at in (what.since, what.until))
                self._cuts.append({"since": since, "until": until, "reason": what.reason})
                self._changed()
            case Overrun():
                self._lost += what.lost

    def _changed(self) -> None:
        self._some.set()
        self._news.set()

    async def _tell(self) -> None:
        """Tell those who subscribed; at most once in a while, and the last state always."""
        while True:
            await self._news.wait()
            self._news.clear()
            for news in list(self.hearing):
                try:
                    async with asyncio.timeout(HEAR_SECONDS):
                        await news(self.uri)
                except Exception:  # one who does not hear must not keep the others from hearing
                    log.exception("a subscriber of %s could not be told", self.uri.partition("://")[0])
            await asyncio.sleep(self._apart)

    def text(self, uri: str, now: str) -> str:
        shown = {topic.kind: list(self.resource.shown(topic.kind)) for topic in self.watched.topics}
        columns = next(iter(shown.values()), [])
        told: dict[str, Any] = {
            "uri": uri,
            "title": self.watched.title,
            "watched_since": self._since,
            "read_at": now,
            "count": self._count,
            "latest": [
                {"item": tick.topic.item, "at": tick.at.isoformat(timespec="milliseconds"), **record}
                for tick, record in self._latest.values()
            ],
            "columns": ["at", "item", "number", *columns],
            "rows": [
                [tick.at.isoformat(timespec="milliseconds"), tick.topic.item, tick.number, *map(record.get, columns)]
                for tick, record in self._recent
            ],
            "gaps": list(self._cuts),
            "lost": self._lost,
            "provenance": self._sources,
        }
        if any(one["simulated"] for one in self._sources):
            told["simulated"] = True
        if self.watched.alert is not None:
            told |= {"alert": str(self.watched.alert), "fired": list(self._fired)}
        if self.error is not None:
            told["ended"] = {"code": self.error.code, "message": self.error.message}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=str)
