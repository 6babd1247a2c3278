"""One pushed session a key: leased among processes, within its budget, reconnected with its gaps marked, kept alive."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Protocol

from dari.core.clock import Clock
from dari.core.errors import DariError, GrantStale, Hint, Malformed, NotAllowed, Unreachable
from dari.core.events import Events
from dari.core.exchange import Call, Grant, Reply
from dari.core.live import Answered, Asked, Beat, Cut, Ended, FrameDialect, Pushed, Tick, Topic
from dari.core.shared_state import SharedState
from dari.upstream.feed import Feed
from dari.upstream.grants import Grants
from dari.upstream.lease import Lease, holder_name

log = logging.getLogger(__name__)


class Connection(Protocol):
    """One websocket, as `wire` opens it."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What the server said when it was opened, names in lower case."""
        ...

    async def send(self, text: str) -> None: ...
    async def receive(self) -> str: ...
    async def close(self) -> None: ...


Connect = Callable[[str], Awaitable[Connection]]


@dataclass(frozen=True, slots=True)
class LiveRules:
    """Seconds: a reply may take `answer`; a lease lives `lease` and is renewed at a third of it.

    An unwatched session stays for `linger`; between two tries to connect `first` passes, doubling up to `longest`.
    """

    answer: float = 10.0
    lease: float = 30.0
    linger: float = 20.0
    first: float = 1.0
    longest: float = 30.0


class Live:
    """The session of one key: connects when somebody watches, and goes on until nobody does."""

    def __init__(
        self,
        dialect: FrameDialect,
        *,
        connect: Connect,
        grants: Grants,
        state: SharedState,
        clock: Clock,
        events: Events,
        profile: str,
        mode: str,
        rules: LiveRules | None = None,
        holder: str | None = None,
    ) -> None:
        self._dialect = dialect
        self._connect = connect
        self._grants = grants
        self._clock = clock
        self._events = events
        self._profile, self._mode = profile, mode
        self._rules = rules or LiveRules()
        name = dialect.session_name(profile, mode)
        self._lease = Lease(name, state, clock, seconds=self._rules.lease, holder=holder or holder_name())
        self.simulated = False
        """Whether the server named itself a simulator."""
        self._feeds: list[Feed] = []
        self._numbers: dict[Topic, int] = {}
        self._connection: Connection | None = None
        self._grant: Grant | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._users = 0
        self._leaving: asyncio.Task[None] | None = None
        self._door = asyncio.Lock()  # who opens and closes the session
        self._turn = asyncio.Lock()  # whose frame is waiting for its reply
        self._awaited: tuple[str, asyncio.Future[Answered]] | None = None
        self._ready = asyncio.Event()
        self._heard = 0.0

    # --- for those who watch or ask -------------------------------------------------------------------------------

    @asynccontextmanager
    async def watching(self, topics: Collection[Topic]) -> AsyncIterator[Feed]:
        """A feed of these topics. Raises NotAllowed above the budget or where another process holds the session."""
        feed = Feed(frozenset(topics))
        taken = self._dialect.cost(self._watched() | feed.topics)
        if taken > self._dialect.budget:
            raise NotAllowed(
                f"one session watches at most {self._dialect.budget} items; that would be {taken}",
                hint=Hint("종목 수를 줄이세요.", "Watch fewer items."),
            )
        async with self._using():
            fresh = feed.topics - self._watched()
            self._feeds.append(feed)
            try:
                for asked in self._dialect.register(fresh, self._grant) if fresh else ():
                    await self._exchange(asked)
                yield feed
            finally:
                self._feeds.remove(feed)
                await self._forget(feed.topics - self._watched())

    async def ask(self, call: Call) -> Reply:
        """Ask an endpoint that is served here. Raises what its reply stands for."""
        asked = self._dialect.question(call)
        async with self._using():
            answered = await self._exchange(asked)
        return Reply(body=answered.body, fetched_at=self._clock.now(), cursor=answered.cursor, simulated=self.simulated)

    async def close(self) -> None:
        """End the session whoever uses it."""
        async with self._door:
            await self._leave()

    def _watched(self) -> set[Topic]:
        return {topic for feed in self._feeds for topic in feed.topics}

    async def _forget(self, topics: Collection[Topic]) -> None:
        for topic in topics:
            self._numbers.pop(topic, None)
        if topics and self._ready.is_set():
            with suppress(DariError):  # a session that just broke watches nothing any more
                for asked in self._dialect.remove(topics, self._grant):
                    await self._exchange(asked)

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[None]:
        async with self._door:
            self._users += 1
            if self._leaving is not None:
                self._leaving.cancel()
                self._leaving = None
            try:
                await self._enter()
            except BaseException:
                self._users -= 1
                if not self._users:
                    await self._leave()
                raise
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._leaving = asyncio.ensure_future(self._linger())

    # --- the session ----------------------------------------------------------------------------------------------

    async def _enter(self) -> None:
        """Connected, signed in and read from; at once where that is so already."""
        if self._tasks and not any(task.done() for task in self._tasks):
            await self._until_ready()
            return
        await self._stop()
        await self._lease.take()
        try:
            connection = await self._opened()
        except _Over as over:
            raise over.error from None
        self._tasks = [asyncio.ensure_future(self._read_on(connection)), asyncio.ensure_future(self._keep())]
        for task in self._tasks:
            task.add_done_callback(self._fell)

    def _fell(self, task: asyncio.Task[None]) -> None:
        """A fault of ours in a task must not leave readers waiting for ever."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: the realtime session fell", self._dialect.name, exc_info=error)
            for feed in self._feeds:
                feed.end(Unreachable("the realtime session fell over a fault of ours", executed=None))

    async def _until_ready(self) -> None:
        try:
            async with asyncio.timeout(self._rules.answer):
                await self._ready.wait()
        except TimeoutError:
            raise Unreachable(
                f"the realtime session of {self._dialect.name} is down; it is being opened again"
            ) from None

    async def _linger(self) -> None:
        await self._clock.sleep(self._rules.linger)
        async with self._door:  # who comes now cancels this, so nobody is here
            self._leaving = None
            await self._leave()

    async def _leave(self) -> None:
        await self._stop()
        await self._lease.drop()

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        if self._leaving is not None:
            tasks.append(self._leaving)
            self._leaving = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._drop_connection()

    async def _drop_connection(self) -> None:
        self._ready.clear()
        connection, self._connection = self._connection, None
        if self._awaited is not None and not self._awaited[1].done():
            self._awaited[1].set_exception(Unreachable("the realtime session broke", executed=None))
        if connection is not None:
            await connection.close()

    async def _opened(self) -> Connection:
        """A connection that is signed in and watches everything watched; a disowned grant is replaced once."""
        try:
            return await self._sign_in()
        except GrantStale:
            if self._grant is not None:
                self._grants.disown(self._grant)
            return await self._sign_in()

    async def _sign_in(self) -> Connection:
        self._grant = await self._grants.get(self._profile, self._mode)
        connection = await self._connect(self._dialect.url(self._mode))
        try:
            first = self._dialect.opening(self._grant)
            for asked in ((first,) if first else ()) + self._registration():
                await connection.send(asked.text)
                await self._expect(connection, asked)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        self.simulated = self._dialect.simulated(connection.headers, self._grant)
        self._heard = self._clock.monotonic()
        self._ready.set()
        self._events.tell("live.opened", provider=self._dialect.name)
        return connection

    def _registration(self) -> tuple[Asked, ...]:
        watched = self._watched()
        return self._dialect.register(watched, self._grant) if watched else ()

    async def _expect(self, connection: Connection, asked: Asked) -> None:
        """Read until the reply of a frame sent before anybody else reads."""
        try:
            async with asyncio.timeout(self._rules.answer):
                while asked.reply is not None:
                    answered = await self._told(connection, await connection.receive())
                    if answered is not None and answered.name == asked.reply:
                        if answered.error is not None:
                            raise answered.error
                        return
        except TimeoutError:
            raise Unreachable(f"{self._dialect.name} did not answer {asked.reply}", executed=None) from None

    async def _exchange(self, asked: Asked) -> Answered:
        """Send a frame in its turn and wait for its reply, which the reading task hands over."""
        async with self._turn:
            await self._until_ready()
            assert self._connection is not None  # ready says so
            if asked.reply is None:
                await self._connection.send(asked.text)
                return Answered("")
            future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
            self._awaited = (asked.reply, future)
            try:
                await self._connection.send(asked.text)
                async with asyncio.timeout(self._rules.answer):
                    answered = await future
            except TimeoutError:
                raise Unreachable(f"{self._dialect.name} did not answer {asked.reply}", executed=None) from None
            finally:
                self._awaited = None
            if answered.error is not None:
                raise answered.error
            return answered

    async def _read_on(self, connection: Connection) -> None:
        """Read for ever; after a cut connect again, unless the upstream forbids it. Giving up ends every feed."""
        error: DariError
        while True:
            try:
                while True:
                    answered = await self._told(connection, await connection.receive())
                    if answered is not None:
                        self._hand_over(answered)
            except (Unreachable, Malformed) as cut:
                error = cut
            except _Over as over:
                error = over.error
                if not over.again:
                    break
            since = self._clock.now()
            await self._drop_connection()
            self._events.tell("live.cut", provider=self._dialect.name, reason=error.code)
            found = await self._again()
            if isinstance(found, DariError):
                error = found
                break
            connection = found
            self._mark(Cut(since, self._clock.now(), error.message))
        await self._drop_connection()
        for feed in self._feeds:
            feed.end(error)
        await self._lease.drop()

    def _hand_over(self, answered: Answered) -> None:
        if self._awaited is not None and self._awaited[0] == answered.name and not self._awaited[1].done():
            self._awaited[1].set_result(answered)

    async def _again(self) -> Connection | DariError:
        """A new connection, however long it takes; or the error that waiting cannot mend."""
        wait = self._rules.first
        while True:
            await self._clock.sleep(wait)
            try:
                await self._lease.take()
                return await self._opened()
            except _Over as over:
                if not over.again:
                    return over.error
            except (Unreachable, Malformed) as error:
                log.warning("%s: realtime is down (%s); next try in %.0f s", self._dialect.name, error.message, wait)
            except DariError as error:
                if not error.retryable:
                    return error
            wait = min(self._rules.longest, wait * 2.0)

    async def _keep(self) -> None:
        """Renew the lease, and end a connection that has gone silent."""
        while True:
            await self._clock.sleep(self._rules.lease / 3.0)
            if self._connection is not None and self._clock.monotonic() - self._heard > self._dialect.silence:
                await self._connection.close()  # the reader sees it break, and connects again
            try:
                await self._lease.take()
            except NotAllowed as error:  # we slept past our lease, and another process took it
                for feed in self._feeds:
                    feed.end(error)
                await self._drop_connection()
                return

    # --- what comes in --------------------------------------------------------------------------------------------

    async def _told(self, connection: Connection, frame: str) -> Answered | None:
        """Act on a frame; a reply is handed back. Raises _Over, Malformed and what sending raises."""
        self._heard = self._clock.monotonic()
        meaning = self._dialect.read(frame, self._clock.now())
        match meaning:
            case Pushed(ticks):
                for tick in ticks:
                    self._push(tick)
            case Beat(answer):
                if answer is not None:
                    await connection.send(answer)
            case Ended(error, again):
                raise _Over(error, again=again)
            case Answered():
                return meaning
        return None

    def _push(self, tick: Tick) -> None:
        number = self._numbers.get(tick.topic, 0) + 1
        told: Tick | None = None
        for feed in self._feeds:
            if tick.topic in feed.topics:
                if told is None:
                    self._numbers[tick.topic] = number
                    told = replace(tick, number=number)
                feed.tell(told)

    def _mark(self, mark: Cut) -> None:
        for feed in self._feeds:
            feed.tell(mark)


class _Over(Exception):
    """The upstream ended the session."""

    def __init__(self, error: DariError, *, again: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.again = again
