"""A circuit breaker with the semantics of Resilience4j 2.x (COUNT_BASED window), told every call, good or bad.

What is kept of Resilience4j: rates are -1 until min(minimumNumberOfCalls, window) calls are recorded; a rate at or
above its threshold opens; a call is slow when it takes longer than (not as long as) the threshold; HALF_OPEN has its
own empty window of `permittedNumberOfCallsInHalfOpenState` calls and is left only when they are all recorded (or
after maxWaitDurationInHalfOpenState, 0 = wait for ever); results that arrive while OPEN are still recorded; an
ignored error gives its permission back; DISABLED and METRICS_ONLY let everything through, FORCED_OPEN nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from dari.core.clock import Clock

EVENTS_KEPT: Final = 100
"""Resilience4j's event consumer buffer, by default."""


class State(StrEnum):
    """The six states."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"
    DISABLED = "DISABLED"
    FORCED_OPEN = "FORCED_OPEN"
    METRICS_ONLY = "METRICS_ONLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerConfig:
    """Thresholds in percent, waits in seconds; the defaults are Resilience4j's own."""

    failure_rate_threshold: float = 50.0
    slow_call_rate_threshold: float = 100.0
    slow_call_seconds: float = 60.0
    wait_in_open: float = 60.0
    permitted_in_half_open: int = 10
    minimum_calls: int = 100
    window: int = 100
    automatic_half_open: bool = False
    max_wait_in_half_open: float = 0.0
    ignored_errors: frozenset[str] = frozenset()


KAFKA_PUBLISHER: Final = BreakerConfig(
    slow_call_rate_threshold=50.0,
    slow_call_seconds=2.0,
    wait_in_open=30.0,
    permitted_in_half_open=3,
    minimum_calls=5,
    automatic_half_open=True,
    # A topic that does not exist says nothing of the brokers: the other topics go on.
    ignored_errors=frozenset(
        {
            "UNKNOWN_TOPIC_OR_PART",
            "_UNKNOWN_TOPIC",
            "_UNKNOWN_PARTITION",
            "MSG_SIZE_TOO_LARGE",
            "TOPIC_AUTHORIZATION_FAILED",
        }
    ),
)
PG_AUTH_API: Final = BreakerConfig(
    slow_call_rate_threshold=50.0,
    slow_call_seconds=2.0,
    wait_in_open=60.0,
    permitted_in_half_open=5,
    minimum_calls=10,
    automatic_half_open=True,
)


@dataclass(frozen=True, slots=True)
class BreakerEvent:
    """One line of /actuator/circuitbreakerevents; `kind` is STATE_TRANSITION, ERROR or IGNORED_ERROR."""

    name: str
    kind: str
    at: datetime
    error: str | None = None
    milliseconds: int | None = None
    transition: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As Resilience4j's actuator spells it."""
        return {
            "circuitBreakerName": self.name,
            "type": self.kind,
            "creationTime": self.at.isoformat(timespec="milliseconds"),
            "errorMessage": self.error,
            "durationInMs": self.milliseconds,
            "stateTransition": self.transition,
        }


class _Window:
    """The last `size` calls as (failed, slow), and the counts over them."""

    def __init__(self, size: int, minimum: int) -> None:
        self.calls: deque[tuple[bool, bool]] = deque(maxlen=size)
        self.minimum = min(minimum, size)
        self.failed = self.slow = self.slow_failed = 0
        self.not_permitted = 0

    def _add(self, call: tuple[bool, bool], sign: int) -> None:
        failed, slow = call
        self.failed += sign * failed
        self.slow += sign * slow
        self.slow_failed += sign * (failed and slow)

    def record(self, *, failed: bool, slow: bool) -> None:
        if len(self.calls) == self.calls.maxlen:
            self._add(self.calls[0], -1)
        self.calls.append((failed, slow))
        self._add((failed, slow), 1)

    def rate(self, count: int) -> float:
        total = len(self.calls)
        return -1.0 if total == 0 or total < self.minimum else 100.0 * count / total


class Breaker:
    """One named breaker. Ask `permit()` before a call and tell `succeeded` or `failed` after it."""

    def __init__(self, name: str, config: BreakerConfig, clock: Clock) -> None:
        self.name = name
        self.config = config
        self.events: deque[BreakerEvent] = deque(maxlen=EVENTS_KEPT)
        self.transitions: deque[BreakerEvent] = deque(maxlen=EVENTS_KEPT)
        self.not_permitted_total = 0
        self.on_transition: Callable[[BreakerEvent], None] | None = None
        self._clock = clock
        self._state = State.CLOSED
        self._window = _Window(config.window, config.minimum_calls)
        self._since = clock.monotonic()
        self._permits = 0

    @property
    def state(self) -> State:
        """The state now: time alone moves OPEN on (when automatic) and HALF_OPEN back (when it has a longest stay)."""
        waited = self._clock.monotonic() - self._since
        if self._state is State.OPEN and self.config.automatic_half_open and waited >= self.config.wait_in_open:
            self._enter(State.HALF_OPEN)
        elif self._state is State.HALF_OPEN and 0 < self.config.max_wait_in_half_open <= waited:
            self._enter(State.OPEN)
        return self._state

    @property
    def failure_rate(self) -> float:
        """Percent of the recorded calls that failed; -1 until there are enough."""
        return self._window.rate(self._window.failed)

    @property
    def slow_call_rate(self) -> float:
        """Percent of the recorded calls that were slow; -1 until there are enough."""
        return self._window.rate(self._window.slow)

    def permit(self) -> bool:
        """Whether a call may go now; in HALF_OPEN a yes takes one of the permitted calls."""
        state = self.state
        if state is State.OPEN and self._clock.monotonic() - self._since >= self.config.wait_in_open:
            self._enter(State.HALF_OPEN)
            state = State.HALF_OPEN
        if state in {State.CLOSED, State.DISABLED, State.METRICS_ONLY}:
            return True
        if state is State.HALF_OPEN and self._permits > 0:
            self._permits -= 1
            return True
        self._window.not_permitted += 1
        self.not_permitted_total += 1
        return False

    def give_back(self) -> None:
        """The permitted call was not made after all."""
        if self._state is State.HALF_OPEN and self._permits < self.config.permitted_in_half_open:
            self._permits += 1

    def succeeded(self, seconds: float) -> None:
        """A permitted call came back well after `seconds`."""
        self._record(failed=False, seconds=seconds)

    def failed(self, seconds: float, error: str, where: str = "") -> None:
        """A permitted call failed after `seconds`, at `where`; an ignored error counts as no call at all."""
        told = f"{error} {where}" if where else error
        if error in self.config.ignored_errors:
            self.give_back()
            self._tell("IGNORED_ERROR", error=told, seconds=seconds)
            return
        self._tell("ERROR", error=told, seconds=seconds)
        self._record(failed=True, seconds=seconds)

    def reset(self) -> None:
        """Back to CLOSED with an empty window."""
        self._enter(State.CLOSED)

    def force(self, state: State) -> None:
        """An operator's transition to any state."""
        self._enter(state)

    def kept(self) -> list[BreakerEvent]:
        """The last events, and with them the last transitions, which errors do not push out."""
        transitions = [event for event in self.transitions if event not in self.events]
        return sorted([*transitions, *self.events], key=lambda event: event.at)

    def snapshot(self) -> dict[str, Any]:
        """The ten fields of `GET /circuit-breaker/{name}`: rates are two-decimal strings with a percent sign."""
        state, window = self.state, self._window
        return {
            "state": state.value,
            "numberOfSuccessfulCalls": len(window.calls) - window.failed,
            "numberOfFailedCalls": window.failed,
            "numberOfSlowCalls": window.slow,
            "numberOfSlowSuccessfulCalls": window.slow - window.slow_failed,
            "numberOfSlowFailedCalls": window.slow_failed,
            "numberOfBufferedCalls": len(window.calls),
            "numberOfNotPermittedCalls": window.not_permitted,
            "failureRate": f"{self.failure_rate:.2f}%",
            "slowCallRate": f"{self.slow_call_rate:.2f}%",
        }

    def _record(self, *, failed: bool, seconds: float) -> None:
        state = self.state
        if state in {State.DISABLED, State.FORCED_OPEN}:
            return
        self._window.record(failed=failed, slow=seconds > self.config.slow_call_seconds)
        if state not in {State.CLOSED, State.HALF_OPEN}:
            return
        exceeded = (
            self.failure_rate >= self.config.failure_rate_threshold
            or self.slow_call_rate >= self.config.slow_call_rate_threshold
        )
        if exceeded:
            self._enter(State.OPEN)
        elif state is State.HALF_OPEN and self.failure_rate >= 0:
            self._enter(State.CLOSED)

    def _enter(self, state: State) -> None:
        was, self._state = self._state, state
        self._since = self._clock.monotonic()
        if state is State.HALF_OPEN:
            permitted = self.config.permitted_in_half_open
            self._window = _Window(permitted, permitted)
            self._permits = permitted
        elif state in {State.CLOSED, State.METRICS_ONLY, State.DISABLED}:
            self._window = _Window(self.config.window, self.config.minimum_calls)
        self._tell("STATE_TRANSITION", transition=f"{was}_TO_{state}")

    def _tell(
        self,
        kind: str,
        *,
        error: str | None = None,
        seconds: float | None = None,
        transition: str | None = None,
    ) -> None:
        milliseconds = None if seconds is None else round(seconds * 1000)
        event = BreakerEvent(self.name, kind, self._clock.now(), error, milliseconds, transition)
        self.events.append(event)
        if transition is not None:
            self.transitions.append(event)
            if self.on_transition is not None:
                self.on_transition(event)
