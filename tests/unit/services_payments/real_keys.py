"""The face that tests know of the simulated keys, over a real Redis: an outage is a closed port, and time is Redis's.

Virtual time goes faster than Redis's: what has passed of it is taken off every key's time to live before the next
question, so that it is Redis that counts, and Redis that forgets.
"""

from __future__ import annotations

from typing import Any, Final

from redis import Redis

from dari.core.clock import Clock
from dari.services.payments.adapters.redis_keys import RedisKeys
from dari.services.payments.ports import KeyValueError
from tests.unit.services_payments.private_parts import free_port

PASS: Final = """
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - tonumber(ARGV[1])) end
end
"""


class RealKeys:
    """One test's Redis, empty at its beginning."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._beside = Redis.from_url(url, decode_responses=True)
        self._beside.flushall()
        self._keys = RedisKeys(url)
        self._away = RedisKeys(f"redis://127.0.0.1:{free_port()}")
        self._clock = clock
        self._at = clock.monotonic()
        self.outage: KeyValueError | None = None
        """Whatever it says, connections are refused as long as it is there."""

    def _now(self) -> RedisKeys:
        if self.outage is not None:
            return self._away
        if (passed := int(self._clock.monotonic() - self._at)) > 0:
            self._beside.eval(PASS, 0, str(passed * 1000))
            self._at += passed
        return self._keys

    async def get(self, key: str) -> str | None:
        return await self._now().get(key)

    async def put(self, key: str, value: str, seconds: int) -> None:
        await self._now().put(key, value, seconds)

    async def count(self, key: str, window: int) -> tuple[int, int]:
        return await self._now().count(key, window)

    async def delete(self, key: str) -> None:
        await self._now().delete(key)

    async def close(self) -> None:
        await self._keys.close()
        await self._away.close()
        self._beside.close()

    def flush_all(self) -> None:
        """FLUSHALL."""
        self._beside.flushall()

    def peek(self, key: str) -> tuple[str | None, int]:
        """Value and seconds to live (-1 no expiry, -2 gone)."""
        value: Any = self._beside.get(key)
        return value, int(self._beside.ttl(key))
