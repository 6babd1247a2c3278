"""One quota for everybody who holds a key: what one has found spent, no other spends a call to find out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from dari.core.clock import Clock
from dari.core.errors import QuotaSpent
from dari.core.exchange import Call, Reply, Sender
from dari.core.shared_state import SharedState

UNTIL: Final = "resume_not_before"


class OneQuota:
    """A Sender that asks no more of an operation whose calls of today are known to be spent, whoever spent them.

    `lane` names the key and operation. What it knows stands in the state that the holders of the key share: files of
    this machine, or Redis. A call that it keeps back raises QuotaSpent without an upstream's code.
    """

    def __init__(self, send: Sender, state: SharedState, clock: Clock, lane: Callable[[Call], str]) -> None:
        self._send, self._state, self._clock, self._lane = send, state, clock, lane

    async def __call__(self, call: Call, /) -> Reply:
        name = f"spent {self._lane(call)}"
        kept = await self._state.get(name)
        if kept and self._clock.now().isoformat() < kept[UNTIL]:
            raise QuotaSpent(f"{call.endpoint.id}: the calls of today are spent", details={UNTIL: kept[UNTIL]})
        try:
            return await self._send(call)
        except QuotaSpent as error:
            if until := error.details.get(UNTIL):
                left = datetime.fromisoformat(str(until)) - self._clock.now()
                await self._state.put(name, {UNTIL: until}, seconds=max(1.0, left.total_seconds()))
            raise
