"""The key-value port on a real Redis; no hidden retries, so that a dead server is known within half a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from dari.services.payments.ports import KeyValueError

T = TypeVar("T")
Command = Callable[[Any], object]
COUNT: Final = """
local n = redis.call('INCR', KEYS[1])
local left = redis.call('TTL', KEYS[1])
if left < 0 then redis.call('EXPIRE', KEYS[1], ARGV[1]); left = tonumber(ARGV[1]) end
return {n, left}
"""
"""Count and expiry in one step: a crash between two calls would leave a counter that never ends."""


class RedisKeys:
    """`url` as redis-py reads it; `timeout` seconds for connecting and for each answer."""

    def __init__(self, url: str, *, timeout: float = 0.5) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            client_name="payments",
        )
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._flushing: set[asyncio.Task[None]] = set()

    @staticmethod
    async def _ask(answer: Awaitable[T]) -> T:
        try:
            return await answer
        except (RedisError, OSError) as error:
            raise KeyValueError(type(error).__name__, str(error)[:200]) from error

    async def _together(self, command: Command) -> Any:
        """The answer to one command; what is asked in the same turn of the event loop goes in one round trip."""
        if not self._waiting:
            task = asyncio.get_running_loop().create_task(self._flush())
            self._flushing.add(task)
            task.add_done_callback(self._flushing.discard)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        return await answer

    async def _flush(self) -> None:
        asked, self._waiting = self._waiting, []
        pipe = self._redis.pipeline(transaction=False)
        for command, _ in asked:
            command(pipe)
        try:
            said: Sequence[Any] = await pipe.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            said = [error] * len(asked)
        for (_, answer), one in zip(asked, said, strict=True):
            if answer.done():
                continue
            if isinstance(one, Exception):
                answer.set_exception(KeyValueError(type(one).__name__, str(one)[:200]))
            else:
                answer.set_result(one)

    async def get(self, key: str) -> str | None:
        value: Any = await self._together(lambda pipe: pipe.get(key))
        return None if value is None else str(value)

    async def put(self, key: str, value: str, seconds: int) -> None:
        await self._together(lambda pipe: pipe.set(key, value, ex=seconds))

    async def count(self, key: str, window: int) -> tuple[int, int]:
        number, left = await self._together(lambda pipe: pipe.eval(COUNT, 1, key, str(window)))
        return int(number), int(left)

    async def delete(self, key: str) -> None:
        await self._ask(self._redis.delete(key))

    async def close(self) -> None:
        await self._redis.aclose()

    # -- for those who look at it from outside ----------------------------------------------------------------------

    async def flush(self) -> None:
        """FLUSHALL."""
        await self._ask(self._redis.flushall())

    async def count_keys(self, pattern: str | None = None) -> int:
        """How many keys there are, or how many of a pattern (by SCAN)."""
        if pattern is None:
            return int(await self._ask(self._redis.dbsize()))
        return sum([1 async for _ in self._redis.scan_iter(match=pattern, count=1000)])

    async def peek(self, key: str) -> tuple[str | None, int]:
        """A value and its seconds to live."""
        value = await self.get(key)
        return value, int(await self._ask(self._redis.ttl(key)))
