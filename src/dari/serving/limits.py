"""How often a caller may call a tool: counted where callers are shared, refused with the time to wait."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from typing import Final

from dari.core.clock import Clock
from dari.core.errors import Hint, NotAllowed
from dari.core.shared_state import SharedState
from dari.serving.callers import Caller

WINDOW: Final = 60.0
MOST_COUNTED: Final = 10_000


class Limits:
    """Calls of a tool by a caller in any minute. In this process, or (with `state`) over all replicas that share it.

    Replicas count by minutes of the wall clock: at their edge a caller may have up to twice as many in 60 seconds.
    """

    def __init__(self, clock: Clock, state: SharedState | None = None) -> None:
        self._clock, self._state = clock, state
        self._calls: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def share(self, state: SharedState) -> None:
        """Count over every process that shares this state from now on."""
        self._state = state

    async def take(self, caller: Caller, what: str) -> None:
        """Count one call. Raises NotAllowed with `retry_after` where it is one too many."""
        if caller.per_minute is None:
            return
        wait = (
            self._here(caller.name, what, caller.per_minute)
            if self._state is None
            else await self._shared(self._state, caller.name, what, caller.per_minute)
        )
        if wait > 0:
            raise NotAllowed(
                f"{what}: {caller.per_minute} calls a minute are allowed to {caller.name}",
                retry_after=wait,
                hint=Hint(f"{math.ceil(wait)}초 뒤에 다시 부르세요.", f"Call again in {math.ceil(wait)} s."),
                details={"limit": "per_minute", "allowed": caller.per_minute},
            )

    def _here(self, name: str, what: str, allowed: int) -> float:
        now, key = self._clock.monotonic(), (name, what)
        calls = self._calls.setdefault(key, deque())
        self._calls.move_to_end(key)
        while len(self._calls) > MOST_COUNTED:
            self._calls.popitem(last=False)
        while calls and now - calls[0] >= WINDOW:
            calls.popleft()
        if len(calls) >= allowed:
            return WINDOW - (now - calls[0])
        calls.append(now)
        return 0.0

    async def _shared(self, state: SharedState, name: str, what: str, allowed: int) -> float:
        now = self._clock.now().timestamp()
        minute = int(now // WINDOW)
        key = f"limit {name} {what} {minute}"
        async with state.lock(key):
            kept = await state.get(key)
            count = int(kept["count"]) if kept else 0
            if count >= allowed:
                return (minute + 1) * WINDOW - now
            await state.put(key, {"count": count + 1}, seconds=2 * WINDOW)
        return 0.0
