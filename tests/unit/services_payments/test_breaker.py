from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dari.core.clock import KST, ManualClock
from dari.services.payments.breaker import KAFKA_PUBLISHER, Breaker, BreakerConfig, State
from dari.services.payments.invariants.breaker_table import TABLE, Line, disagreements, play


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line.title)
def test_each_line_of_the_table_is_followed(line: Line) -> None:
    assert not [text for text in disagreements(Breaker) if text.startswith(f"{line.title}:")]


def test_the_table_catches_a_breaker_that_counts_nothing() -> None:
    class Blind(Breaker):
        def _record(self, *, failed: bool, seconds: float) -> None:
            pass

    assert len(disagreements(Blind)) > 10


def test_transitions_are_told_and_outlive_the_errors() -> None:
    clock = ManualClock(datetime(2026, 3, 2, 10, tzinfo=KST))
    breaker = Breaker("kafka-publisher", KAFKA_PUBLISHER, clock)
    told = []
    breaker.on_transition = lambda event: told.append(event.transition)
    play(breaker, clock, (("fail", 5), ("wait", 30), ("ok", 3)))
    breaker.force(State.METRICS_ONLY)
    play(breaker, clock, (("fail", 300),))
    assert told == ["CLOSED_TO_OPEN", "OPEN_TO_HALF_OPEN", "HALF_OPEN_TO_CLOSED", "CLOSED_TO_METRICS_ONLY"]
    kept = [event.transition for event in breaker.kept() if event.transition]
    assert kept == told
    assert len(breaker.kept()) == 100 + len(told)


class _Model(RuleBasedStateMachine):
    """Resilience4j told in the plainest way: lists of calls, no counters."""

    CONFIG = BreakerConfig(
        minimum_calls=3,
        window=5,
        permitted_in_half_open=2,
        wait_in_open=10,
        slow_call_seconds=1,
        automatic_half_open=True,
    )

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(datetime(2026, 3, 2, 10, tzinfo=KST))
        self.breaker = Breaker("model", self.CONFIG, self.clock)
        self.state = State.CLOSED
        self.calls: list[tuple[bool, bool]] = []
        self.opened = 0.0
        self.permits = 0
        self.flying = 0

    def _size(self) -> tuple[int, int]:
        if self.state is State.HALF_OPEN:
            return 2, 2
        return 5, 3

    def _rate(self, at: int) -> float:
        size, least = self._size() if self.state is not State.OPEN else (self.kept_size, self.kept_least)
        calls = self.calls[-size:]
        return -1.0 if len(calls) < least else 100.0 * sum(call[at] for call in calls) / len(calls)

    @rule(seconds=st.floats(0.1, 12))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.state is State.OPEN and self.clock.monotonic() - self.opened >= 10:
            self.state, self.calls, self.permits = State.HALF_OPEN, [], 2

    @rule()
    def ask(self) -> None:
        allowed = self.state is State.CLOSED or (self.state is State.HALF_OPEN and self.permits > 0)
        assert self.breaker.permit() is allowed
        if allowed:
            self.flying += 1
            self.permits -= self.state is State.HALF_OPEN

    @precondition(lambda self: self.flying > 0)
    @rule(failed=st.booleans(), slow=st.booleans())
    def answer(self, failed: bool, slow: bool) -> None:  # noqa: FBT001 — hypothesis hands them over by name
        self.flying -= 1
        seconds = 1.5 if slow else 0.5
        if failed:
            self.breaker.failed(seconds, "ERROR")
        else:
            self.breaker.succeeded(seconds)
        self.calls.append((failed, slow))
        if self.state is State.OPEN:
            return
        size, least = self._size()
        calls = self.calls[-size:]
        if len(calls) < least:
            return
        bad = sum(call[0] for call in calls) / len(calls) >= 0.5 or all(call[1] for call in calls)
        if bad:
            self.kept_size, self.kept_least = size, least
            self.state, self.opened = State.OPEN, self.clock.monotonic()
        elif self.state is State.HALF_OPEN:
            self.state, self.calls = State.CLOSED, []

    @precondition(lambda self: self.flying > 0)
    @rule()
    def never_mind(self) -> None:
        self.flying -= 1
        self.breaker.give_back()
        if self.state is State.HALF_OPEN:
            self.permits = min(2, self.permits + 1)

    @invariant()
    def agrees(self) -> None:
        assert self.breaker.state is self.state
        assert self.breaker.failure_rate == pytest.approx(self._rate(0))
        assert self.breaker.slow_call_rate == pytest.approx(self._rate(1))


TestModel = _Model.TestCase
TestModel.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
