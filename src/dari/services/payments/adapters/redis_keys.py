"""The key-value port on a real Redis; no hidden retries, so that a dead server is known within half a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from dari.services.payments.ports import KeyValueError

T = TypeVar("T")
COUNT: Final = """
local said = {}
for at, key in ipairs(KEYS) do
  local n, left = redis.pcall('INCR', key), 0
  if type(n) == 'table' then
    said[at] = {n.err, 0}
  else
    left = redis.call('TTL', key)
    if left < 0 then redis.call('EXPIRE', key, ARGV[at]); left = tonumber(ARGV[at]) end
    said[at] = {n, left}
  end
end
return said
"""
"""Count and expiry in one step: a crash between two calls would leave a counter that never ends."""
PUT: Final = """
for at, key in ipairs(KEYS) do redis.call('SET', key, ARGV[2 * at - 1], 'EX', ARGV[2 * at]) end
"""


class _Asked:
    """What waits for the next round trip: keys with their words, and who asked."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.words: list[str] = []
        self.answers: list[asyncio.Future[Any]] = []

    def add(self, key: str, *words: str) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.keys.append(key)
        self.words += words
        self.answers.append(answer)
        return answer

    def tell(self, said: Any) -> None:
        """An answer for each, or one error for all."""
        each = [said] * len(self.keys) if said is None or isinstance(said, Exception) else said
        for answer, one in zip(self.answers, each, strict=True):
            if answer.done():
                continue
            if isinstance(one, Exception):
                answer.set_exception(KeyValueError(type(one).__name__, str(one)[:200]))
            else:
                answer.set_result(one)


class RedisKeys:
    """`url` as redis-py reads it; `timeout` seconds for connecting and for each answer.

    What is asked in one turn of the event loop goes in one round trip, and within `gather` seconds of the one before.
    """

    def __init__(self, url: str, *, timeout: float = 0.5, gather: float = 0.0) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            client_name="payments",
        )
        self._gather = gather
        self._begun = float("-inf")
        self._gets, self._counts, self._puts = _Asked(), _Asked(), _Asked()
        self._flushing: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    @staticmethod
    async def _ask(answer: Awaitable[T]) -> T:
        try:
            return await answer
        except (RedisError, OSError) as error:
            raise KeyValueError(type(error).__name__, str(error)[:200]) from error

    async def _together(self, answer: asyncio.Future[Any]) -> Any:
        if self._flushing is None:
            task = self._flushing = asyncio.get_running_loop().create_task(self._flush())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await answer

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        if (left := self._begun + self._gather - loop.time()) > 0:
            await asyncio.sleep(left)
        self._begun, self._flushing = loop.time(), None
        gets, counts, puts = self._gets, self._counts, self._puts
        self._gets, self._counts, self._puts = _Asked(), _Asked(), _Asked()
        asked = [one for one in (gets, counts, puts) if one.keys]
        pipe = self._redis.pipeline(transaction=False)
        if gets.keys:
            pipe.mget(gets.keys)
        for script, one in ((COUNT, counts), (PUT, puts)):
            if one.keys:
                pipe.eval(script, len(one.keys), *one.keys, *one.words)
        try:
            said: Sequence[Any] = await pipe.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            said = [error] * len(asked)
        for one, answers in zip(asked, said, strict=True):
            one.tell(answers)

    async def get(self, key: str) -> str | None:
        value: Any = await self._together(self._gets.add(key))
        return None if value is None else str(value)

    async def put(self, key: str, value: str, seconds: int) -> None:
        await self._together(self._puts.add(key, value, str(seconds)))

    async def count(self, key: str, window: int) -> tuple[int, int]:
        number, left = await self._together(self._counts.add(key, str(window)))
        if isinstance(number, str):
            raise KeyValueError("ResponseError", number[:200])
        return number, left

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
