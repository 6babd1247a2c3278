"""Redis through redis-py, without its retries: a probe answers within its deadline or says why not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from dari.core.clock import KST
from dari.services.monitoring.ports import Held, ProbeFailed, Row

_T = TypeVar("_T")


class RedisKeys:
    """One Redis. `delete` is reached only by an applied plan."""

    def __init__(self, url: str, *, deadline: float = 0.8) -> None:
        self._deadline = deadline
        # redis-py 8 retries by default: half a second of patience became nine.
        self._client: Any = redis.Redis.from_url(
            url,
            socket_timeout=deadline,
            socket_connect_timeout=deadline,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    async def _ask(self, asked: Awaitable[_T]) -> _T:
        try:
            return await asyncio.wait_for(asked, self._deadline)
        except (TimeoutError, redis.TimeoutError) as error:
            raise ProbeFailed("redis", "Timeout", f"no answer within {self._deadline} s") from error
        except (RedisError, OSError) as error:
            raise ProbeFailed("redis", type(error).__name__, str(error)) from error

    async def info(self) -> Mapping[str, Any]:
        """INFO with commandstats. Raises ProbeFailed."""
        said = dict(await self._ask(self._client.info()))
        said.update(await self._ask(self._client.info("commandstats")))
        return said

    async def now(self) -> datetime:
        """TIME. Raises ProbeFailed."""
        seconds, micros = await self._ask(self._client.time())
        return datetime.fromtimestamp(int(seconds) + int(micros) / 1e6, UTC).astimezone(KST)

    async def keys(self, pattern: str, limit: int) -> tuple[list[str], bool]:
        """Names by SCAN. Raises ProbeFailed."""
        found: set[str] = set()
        cursor = 0
        while True:
            cursor, batch = await self._ask(self._client.scan(cursor=cursor, match=pattern, count=1000))
            found.update(batch)
            if cursor == 0 or len(found) > limit:
                return sorted(found)[:limit], int(cursor) == 0 and len(found) <= limit

    async def values(self, keys: Sequence[str]) -> Mapping[str, Held]:
        """Values and TTLs, in one round trip. Raises ProbeFailed."""
        if not keys:
            return {}
        pipe = self._client.pipeline(transaction=False)
        for key in keys:
            pipe.get(key)
            pipe.ttl(key)
        said = await self._ask(pipe.execute(raise_on_error=False))
        pairs = zip(keys, said[::2], said[1::2], strict=True)
        return {key: Held(value if isinstance(value, str) else None, int(ttl)) for key, value, ttl in pairs}

    async def slowlog(self, limit: int) -> list[Row]:
        """SLOWLOG, newest first. Raises ProbeFailed."""
        rows = await self._ask(self._client.slowlog_get(limit))
        return [
            {
                "id": row["id"],
                "at": datetime.fromtimestamp(row["start_time"], UTC).astimezone(KST).isoformat(),
                "microseconds": row["duration"],
                "command": (
                    row["command"].decode(errors="replace") if isinstance(row["command"], bytes) else row["command"]
                )[:120],
            }
            for row in rows
        ]

    async def delete(self, key: str) -> int:
        """DEL of one key: how many there were. Raises ProbeFailed."""
        return int(await self._ask(self._client.delete(key)))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()
