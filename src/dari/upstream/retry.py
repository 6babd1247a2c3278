"""Ask again where that cannot do harm: reads only, bounded, later each time, never after a wait too long to sit."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, replace

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from dari.core.clock import Clock
from dari.core.endpoint import Effect
from dari.core.errors import DariError
from dari.core.events import Events
from dari.core.exchange import Call, Reply, Sender

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryRules:
    """`attempts` in all; waits of `first` · 2ⁿ seconds, at most `longest`, each shortened by chance by up to `spread`.

    An upstream that asks for a wait above `patience` seconds is not waited for: the caller is told instead.
    """

    attempts: int = 3
    first: float = 0.2
    longest: float = 4.0
    patience: float = 5.0
    spread: float = 0.5


class Retry:
    """A Sender that repeats what may be repeated. Built on tenacity, with the house's clock."""

    def __init__(self, inner: Sender, clock: Clock, events: Events, rules: RetryRules | None = None) -> None:
        self._inner = inner
        self._clock = clock
        self._events = events
        self._rules = rules or RetryRules()
        self._random = random.Random()  # noqa: S311 -- spreads callers in time; nothing secret hangs on it

    def _again(self, error: BaseException) -> bool:
        if not isinstance(error, DariError) or not error.retryable:
            return False
        return error.retry_after is None or error.retry_after <= self._rules.patience

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, DariError) else None
        doubled: float = min(self._rules.longest, self._rules.first * 2.0 ** (state.attempt_number - 1))
        return max(asked or 0.0, doubled * self._random.uniform(1.0 - self._rules.spread, 1.0))

    def _tell(self, call: Call, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        log.warning(
            "retry %d/%d of %s %s in %.1f s: %s",
            state.attempt_number,
            self._rules.attempts,
            call.endpoint.provider,
            call.endpoint.id,
            wait,
            error,
        )
        self._events.tell("retry", endpoint=call.endpoint.id, attempt=state.attempt_number)

    async def __call__(self, call: Call, /) -> Reply:
        if call.endpoint.effect is not Effect.READ:
            return await self._inner(call)
        attempts = AsyncRetrying(
            sleep=self._clock.sleep,
            stop=stop_after_attempt(self._rules.attempts),
            wait=self._wait,
            retry=retry_if_exception(self._again),
            reraise=True,
            before_sleep=lambda state: self._tell(call, state),
        )
        reply: Reply = await attempts(self._inner, call)
        made = int(attempts.statistics.get("attempt_number", 1))
        return reply if made == 1 else replace(reply, attempts=made)
