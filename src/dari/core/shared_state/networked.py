"""Shared state on Redis, for processes of several machines; and the way back to files when Redis is lost."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from dari.core.clock import Clock
from dari.core.events import Events
from dari.core.locks import POLL_SECONDS
from dari.core.shared_state import SharedState

log = logging.getLogger(__name__)

PREFIX: Final = "dari:"
ANSWER_SECONDS: Final = 0.5
"""Longest one question to Redis may take: it is asked before each call to an upstream."""

LOCK_SECONDS: Final = 60.0
"""A lock whose holder died is free after this; no holder keeps one longer than a tool's deadline."""

REST_SECONDS: Final = 5.0
"""After a failure Redis is not asked again for so long."""

_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

T = TypeVar("T")
LOST: Final = (RedisError, OSError, TimeoutError)


class RedisState:
    """Shared state on one Redis. Raises what redis-py raises; `Degrading` around it goes on without."""

    def __init__(self, url: str, clock: Clock) -> None:
        # redis-py retries by itself: half a second became nine.
        self._redis = Redis.from_url(
            url, decode_responses=True, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0), health_check_interval=0,
        )  # fmt: skip
        self._clock = clock

    async def get(self, name: str) -> dict[str, Any] | None:
        told = await self._redis.get(PREFIX + name)
        return None if told is None else dict(json.loads(told))

    async def put(
        self, name: str, value: dict[str, Any], *, seconds: float | None = None, durable: bool = False
    ) -> None:
        del durable  # how much Redis writes to disk is Redis's own setting: what must not be lost is kept in files
        life = None if seconds is None else max(1, int(seconds * 1000))
        await self._redis.set(PREFIX + name, json.dumps(value, ensure_ascii=False), px=life)

    async def drop(self, name: str) -> None:
        await self._redis.delete(PREFIX + name)

    async def drop_matching(self, pattern: str) -> int:
        gone = [key async for key in self._redis.scan_iter(PREFIX + pattern, count=500)]
        return int(await self._redis.delete(*gone)) if gone else 0

    async def names(self, pattern: str = "*") -> dict[str, float | None]:
        now, found = self._clock.now().timestamp(), dict[str, float | None]()
        async for key in self._redis.scan_iter(PREFIX + pattern, count=500):
            left = await self._redis.pttl(key)
            found[key.removeprefix(PREFIX)] = now + left / 1000 if left >= 0 else None
        return found

    @asynccontextmanager
    async def _held(self, name: str) -> AsyncIterator[None]:
        key, mine = f"{PREFIX}lock {name}", secrets.token_hex(8)
        while not await self._redis.set(key, mine, nx=True, px=int(LOCK_SECONDS * 1000)):
            await self._clock.sleep(10 * POLL_SECONDS)
        try:
            yield
        finally:
            await self.script(_RELEASE, [f"lock {name}"], [mine])

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        return self._held(name)

    async def script(self, text: str, names: list[str], arguments: list[str]) -> Any:
        """Run a Lua script on these names."""
        answer = self._redis.eval(text, len(names), *(PREFIX + name for name in names), *arguments)
        return await answer

    async def append(self, name: str, row: dict[str, str], *, most: int, seconds: float) -> str:
        """Add a row to the stream of that name, which keeps about the newest `most`; returns the row's id."""
        key = PREFIX + name
        fields: dict[Any, Any] = dict(row)
        place = await self._redis.xadd(key, fields, maxlen=most, approximate=True)
        await self._redis.expire(key, int(seconds))
        return str(place)

    async def since(self, name: str, after: str) -> tuple[str | None, list[tuple[str, dict[str, str]]]]:
        """The oldest id that a stream keeps (None: it is empty), and its rows after the id `after` ("": all)."""
        key = PREFIX + name
        oldest: Any = await self._redis.xrange(key, count=1)
        rows: Any = await self._redis.xrange(key, min=f"({after}" if after else "-")
        return (oldest[0][0] if oldest else None), [(place, dict(row)) for place, row in rows]

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()


class Degrading:
    """Redis while it answers, files of this machine while it does not: told once each way, never an error to a caller.

    A lock is taken where the state lives when it is asked for; one taken in files holds off this machine only.
    """

    def __init__(self, networked: RedisState, local: SharedState, clock: Clock, events: Events) -> None:
        self.networked = networked
        self.local = local
        self._clock = clock
        self._events = events
        self._rests_until: float | None = None

    @property
    def degraded(self) -> bool:
        """Whether Redis is lost at the moment."""
        return self._rests_until is not None

    @property
    def notice_seconds(self) -> float:
        """How long another machine may go on without Redis after it is back: it looks again only after a rest."""
        return REST_SECONDS + 2 * ANSWER_SECONDS

    async def tried(self, ask: Callable[[], Awaitable[T]], instead: Callable[[], Awaitable[T]]) -> T:
        """What Redis answers, or what is done without it."""
        if self._rests_until is not None and self._clock.monotonic() < self._rests_until:
            return await instead()
        try:
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                answer = await ask()
        except LOST as error:
            if self._rests_until is None:
                log.warning("Redis is lost (%s): state is shared on this machine only", type(error).__name__)
                self._events.tell("redis.lost")
            self._rests_until = self._clock.monotonic() + REST_SECONDS
            return await instead()
        if self._rests_until is not None:
            log.warning("Redis is back")
            self._events.tell("redis.back")
            self._rests_until = None
        return answer

    async def get(self, name: str) -> dict[str, Any] | None:
        return await self.tried(lambda: self.networked.get(name), lambda: self.local.get(name))

    async def put(
        self, name: str, value: dict[str, Any], *, seconds: float | None = None, durable: bool = False
    ) -> None:
        await self.tried(
            lambda: self.networked.put(name, value, seconds=seconds, durable=durable),
            lambda: self.local.put(name, value, seconds=seconds, durable=durable),
        )
        if name.startswith("grant "):  # a machine cut off goes on with the grant it has, instead of asking for another
            await self.local.put(name, value, seconds=seconds, durable=durable)

    async def drop(self, name: str) -> None:
        await self.local.drop(name)
        await self.tried(lambda: self.networked.drop(name), lambda: self.local.drop(name))

    async def drop_matching(self, pattern: str) -> int:
        here = await self.local.drop_matching(pattern)
        return here + await self.tried(
            lambda: self.networked.drop_matching(pattern), lambda: self.local.drop_matching(pattern)
        )

    async def names(self, pattern: str = "*") -> dict[str, float | None]:
        return await self.tried(lambda: self.networked.names(pattern), lambda: self.local.names(pattern))

    @asynccontextmanager
    async def _held(self, name: str) -> AsyncIterator[None]:
        alive = await self.tried(self._alive, self._gone)
        holder = self.networked.lock(name) if alive else self.local.lock(name)
        try:
            await holder.__aenter__()
        except LOST:
            holder = self.local.lock(name)
            await holder.__aenter__()
        try:
            yield
        finally:
            try:
                await holder.__aexit__(None, None, None)
            except LOST:
                log.warning("a lock in Redis was left to expire")

    async def _alive(self) -> bool:
        await self.networked.get("alive")
        return True

    async def _gone(self) -> bool:
        return False

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        return self._held(name)

    async def close(self) -> None:
        """Close Redis."""
        await self.networked.close()
