"""Go on with the last real answer while the upstream is silent: marked stale, with its age, within a limit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dari.core.clock import Clock
from dari.core.endpoint import Effect
from dari.core.errors import CircuitOpen, RateLimited, Unreachable
from dari.core.events import Events
from dari.core.exchange import Call, Reply, Sender
from dari.core.shared_state import SharedState
from dari.upstream.cache import Cache, packed, unpacked

SILENT = (Unreachable, RateLimited, CircuitOpen)
"""The upstream did not answer. Whatever it did answer, a refusal too, is told and never papered over."""


@dataclass(frozen=True, slots=True)
class ContinuityRules:
    """`stale_seconds`: how old a real answer may be and still stand in, marked; 0 (the default): never."""

    stale_seconds: float = 0.0


class Continuity:
    """A Sender that remembers the last real reply of every market question.

    Account rows are never remembered: a balance of a while ago is worse than none.
    """

    def __init__(self, inner: Sender, state: SharedState, clock: Clock, events: Events, rules: ContinuityRules) -> None:
        self._inner = inner
        self._state = state
        self._clock = clock
        self._events = events
        self._rules = rules

    async def __call__(self, call: Call, /) -> Reply:
        longest = self._rules.stale_seconds
        if longest <= 0.0 or call.endpoint.effect is not Effect.READ or call.endpoint.scope != "market":
            return await self._inner(call)
        name = f"last {Cache.key(call)}"
        try:
            reply = await self._inner(call)
        except SILENT:
            kept = await self._state.get(name)
            if kept is None:
                raise
            last = unpacked(kept)
            age = (self._clock.now() - last.fetched_at).total_seconds()
            if not 0.0 <= age <= longest:
                raise
            self._events.tell("stale", endpoint=call.endpoint.id, age=age)
            return replace(last, stale=True, age_seconds=age, attempts=0)
        if reply.cached is None:
            await self._state.put(name, packed(reply), seconds=longest)
        return reply
