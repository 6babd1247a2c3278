"""Resilience4j's behaviour as a table: what a breaker is told, and what it must say then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dari.core.clock import KST, Clock, ManualClock
from dari.services.payments.breaker import KAFKA_PUBLISHER, Breaker, BreakerConfig, State

Step = tuple[str, float]
"""ok, fail, slow, exact, ignored, late (times) · ask (permission only) · wait (seconds) · force_open, disable, watch,
reset."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: after `steps`, the breaker is in `state` with these rates (percent), calls and refusals."""

    title: str
    config: BreakerConfig
    steps: Sequence[Step]
    state: State
    failure_rate: float
    slow_rate: float
    buffered: int
    refused: int = 0


_K: Final = KAFKA_PUBLISHER
_PLAIN: Final = BreakerConfig(minimum_calls=4, window=4, permitted_in_half_open=2, wait_in_open=10)
_ENDS: Final = BreakerConfig(
    minimum_calls=2, window=4, wait_in_open=10, max_wait_in_half_open=5, automatic_half_open=True
)
_SMALL: Final = BreakerConfig(minimum_calls=100, window=3)
_CLOSED, _OPEN, _HALF = State.CLOSED, State.OPEN, State.HALF_OPEN

TABLE: Final[tuple[Line, ...]] = (
    Line("nothing recorded", _K, (), _CLOSED, -1, -1, 0),
    Line("below the minimum", _K, (("fail", 4),), _CLOSED, -1, -1, 4),
    Line("all failed at the minimum", _K, (("fail", 5),), _OPEN, 100, 0, 5),
    Line("exactly at the threshold", _K, (("ok", 3), ("fail", 3)), _OPEN, 50, 0, 6),
    Line("one below the threshold", _K, (("ok", 4), ("fail", 3)), _CLOSED, 300 / 7, 0, 7),
    Line("successes are recorded", _K, (("ok", 10),), _CLOSED, 0, 0, 10),
    Line("slow calls alone open", _K, (("slow", 5),), _OPEN, 0, 100, 5),
    Line("as long as the threshold is not slow", _K, (("exact", 5),), _CLOSED, 0, 0, 5),
    Line("ignored errors are no calls", _K, (("ignored", 50),), _CLOSED, -1, -1, 0),
    Line("open refuses and counts", _K, (("fail", 5), ("ask", 3)), _OPEN, 100, 0, 5, 3),
    Line("open until the wait is over", _K, (("fail", 5), ("wait", 29.9)), _OPEN, 100, 0, 5),
    Line("half-open by itself when automatic", _K, (("fail", 5), ("wait", 30)), _HALF, -1, -1, 0),
    Line("half-open only on a call when not", _PLAIN, (("fail", 4), ("wait", 60)), _OPEN, 100, 0, 4),
    Line("half-open on the first call", _PLAIN, (("fail", 4), ("wait", 10), ("ask", 1)), _HALF, -1, -1, 0),
    Line("half-open permits so many", _K, (("fail", 5), ("wait", 30), ("ask", 4)), _HALF, -1, -1, 0, 1),
    Line("half-open waits for all of them", _K, (("fail", 5), ("wait", 30), ("ok", 2)), _HALF, -1, -1, 2),
    Line("half-open closes", _K, (("fail", 5), ("wait", 30), ("ok", 3)), _CLOSED, -1, -1, 0),
    Line("one of three fails: closes", _K, (("fail", 5), ("wait", 30), ("fail", 1), ("ok", 2)), _CLOSED, -1, -1, 0),
    Line("two of three fail: opens", _K, (("fail", 5), ("wait", 30), ("ok", 1), ("fail", 2)), _OPEN, 200 / 3, 0, 3),
    Line("slow in half-open: opens", _K, (("fail", 5), ("wait", 30), ("slow", 3)), _OPEN, 0, 100, 3),
    Line(
        "an ignored error frees its place",
        _K,
        (("fail", 5), ("wait", 30), ("ignored", 9), ("ok", 3)),
        _CLOSED,
        -1,
        -1,
        0,
    ),
    Line("stuck half-open for ever", _K, (("fail", 5), ("wait", 30), ("ask", 3), ("wait", 9999)), _HALF, -1, -1, 0),
    Line(
        "a longest stay ends half-open", _ENDS, (("fail", 2), ("wait", 10), ("ask", 1), ("wait", 5)), _OPEN, -1, -1, 0
    ),
    Line("the window slides", _PLAIN, (("fail", 1), ("ok", 4)), _CLOSED, 0, 0, 4),
    Line("the minimum is at most the window", _SMALL, (("fail", 3),), _OPEN, 100, 0, 3),
    Line("late results while open are kept", _K, (("late", 5),), _OPEN, 500 / 6, 0, 6),
    Line(
        "forced open refuses for ever",
        _K,
        (("force_open", 1), ("wait", 999), ("ask", 2)),
        State.FORCED_OPEN,
        -1,
        -1,
        0,
        2,
    ),
    Line("disabled lets through and records not", _K, (("disable", 1), ("fail", 50)), State.DISABLED, -1, -1, 0),
    Line("metrics only records and never opens", _K, (("watch", 1), ("fail", 50)), State.METRICS_ONLY, 100, 0, 50),
    Line("reset empties the window", _K, (("fail", 5), ("reset", 1)), _CLOSED, -1, -1, 0),
)

_FORCED: Final = {"force_open": State.FORCED_OPEN, "disable": State.DISABLED, "watch": State.METRICS_ONLY}


def _call(breaker: Breaker, what: str) -> None:
    if not breaker.permit() or what == "ask":
        return
    if what == "fail":
        breaker.failed(0.01, "ERROR")
    elif what == "ignored":
        breaker.failed(0.01, "UNKNOWN_TOPIC_OR_PART")
    else:
        slow = breaker.config.slow_call_seconds
        breaker.succeeded({"ok": 0.01, "exact": slow, "slow": slow + 0.001}[what])


def _late(breaker: Breaker, count: int) -> None:
    for _ in range(count + 1):
        breaker.permit()
    for _ in range(count):
        breaker.failed(0.01, "ERROR")
    breaker.succeeded(0.01)


def play(breaker: Breaker, clock: ManualClock, steps: Sequence[Step]) -> None:
    """Tell the breaker the steps."""
    for what, amount in steps:
        if what == "wait":
            clock.advance(amount)
        elif what in _FORCED:
            breaker.force(_FORCED[what])
        elif what == "reset":
            breaker.reset()
        elif what == "late":
            _late(breaker, int(amount))
        else:
            for _ in range(int(amount)):
                _call(breaker, what)


def disagreements(make: Callable[[str, BreakerConfig, Clock], Breaker]) -> list[str]:
    """The lines of the table that breakers made by `make` do not follow, each with what they said instead."""
    wrong = []
    for line in TABLE:
        clock = ManualClock(datetime(2026, 3, 2, 10, tzinfo=KST))
        breaker = make("table", line.config, clock)
        play(breaker, clock, line.steps)
        said = breaker.snapshot()
        rates = (round(breaker.failure_rate, 6), round(breaker.slow_call_rate, 6))
        seen = (breaker.state, *rates, said["numberOfBufferedCalls"], said["numberOfNotPermittedCalls"])
        due = (line.state, round(line.failure_rate, 6), round(line.slow_rate, 6), line.buffered, line.refused)
        if seen != due:
            wrong.append(f"{line.title}: {seen} instead of {due}")
    return wrong
