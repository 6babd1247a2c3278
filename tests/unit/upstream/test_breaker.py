"""The breaker opens after failures in a row, rests, tries one call, and closes or rests again."""

from __future__ import annotations

import asyncio

import pytest

from dari.core.clock import ManualClock
from dari.core.errors import CircuitOpen, DariError, Malformed, RateLimited, Refused, Unreachable
from dari.core.events import Event, Events
from dari.core.exchange import Call, Reply
from dari.upstream.breaker import Breaker, BreakerRules
from tests.unit.upstream.doubles import NOON, Scripted, call


def breaker(clock: ManualClock, sender: Scripted, heard: list[Event] | None = None) -> Breaker:
    events = Events()
    if heard is not None:
        events.listen(heard.append)
    return Breaker(sender, lambda _: "lane", clock, events, BreakerRules(failures=3, rest_seconds=15))


async def fail(one: Breaker, times: int, kind: type[DariError] = Unreachable) -> None:
    for _ in range(times):
        with pytest.raises(kind):
            await one(call())


async def test_it_opens_after_three_failures_in_a_row_and_says_when_to_come_back() -> None:
    clock, heard = ManualClock(NOON), list[Event]()
    sender = Scripted(clock, Unreachable("down"))
    one = breaker(clock, sender, heard)
    assert one.state("lane") == "closed"
    await fail(one, 3)
    assert one.state("lane") == "open"
    clock.advance(5)
    with pytest.raises(CircuitOpen) as refused:
        await one(call())
    assert (refused.value.retry_after, refused.value.executed, len(sender.calls)) == (10, False, 3)
    assert [(event.name, event.facts["failures"]) for event in heard] == [("breaker.opened", 3)]


async def test_without_rules_it_opens_after_five() -> None:
    clock = ManualClock(NOON)
    one = Breaker(Scripted(clock, Unreachable("down")), lambda _: "lane", clock, Events())
    await fail(one, 4)
    assert one.state("lane") == "closed"
    await fail(one, 1)
    assert one.state("lane") == "open"


async def test_a_success_between_failures_keeps_it_closed() -> None:
    clock = ManualClock(NOON)
    one = breaker(clock, Scripted(clock, Unreachable("1"), Unreachable("2"), "ok", Malformed("3"), Unreachable("4")))
    await fail(one, 2)
    await one(call())
    await fail(one, 1, Malformed)
    await fail(one, 1)
    assert one.state("lane") == "closed"


async def test_refusals_are_a_healthy_upstream_saying_no() -> None:
    clock = ManualClock(NOON)
    one = breaker(clock, Scripted(clock, Refused("no")))
    await fail(one, 5, Refused)
    assert one.lanes() == {"lane": "closed"}


async def test_after_the_rest_one_call_tries_and_a_success_closes() -> None:
    clock, heard = ManualClock(NOON), list[Event]()
    one = breaker(clock, Scripted(clock, *[Unreachable("down")] * 3, "ok"), heard)
    await fail(one, 3)
    clock.advance(15)
    assert one.state("lane") == "half-open"
    await one(call())
    assert one.state("lane") == "closed"
    assert [event.name for event in heard] == ["breaker.opened", "breaker.closed"]


async def test_after_the_rest_a_refusal_closes_too() -> None:
    clock = ManualClock(NOON)
    one = breaker(clock, Scripted(clock, *[Unreachable("down")] * 3, RateLimited("slower")))
    await fail(one, 3)
    clock.advance(15)
    await fail(one, 1, RateLimited)
    assert one.state("lane") == "closed"


async def test_after_the_rest_a_failure_opens_at_once_for_a_whole_rest() -> None:
    clock = ManualClock(NOON)
    one = breaker(clock, Scripted(clock, Unreachable("down")))
    await fail(one, 3)
    clock.advance(15)
    await fail(one, 1)
    clock.advance(14)
    assert one.state("lane") == "open"


async def test_while_one_tries_the_others_are_refused() -> None:
    clock, let_go = ManualClock(NOON), asyncio.Event()
    sender = Scripted(clock, Unreachable("down"))
    one = breaker(clock, sender)
    await fail(one, 3)
    clock.advance(15)

    async def slow(_: Call, /) -> Reply:
        await let_go.wait()
        return Reply({}, clock.now())

    one._inner = slow
    trying = asyncio.ensure_future(one(call()))
    await asyncio.sleep(0)
    with pytest.raises(CircuitOpen):
        await one(call())
    let_go.set()
    await trying
    assert one.state("lane") == "closed"


async def test_it_rests_fifteen_seconds_and_asks_for_one_at_least() -> None:
    clock = ManualClock(NOON)
    one = Breaker(Scripted(clock, Unreachable("down")), lambda _: "lane", clock, Events())
    await fail(one, BreakerRules().failures)
    for passed, left in ((0.0, 15.0), (14.5, 1.0)):
        clock.advance(passed)
        with pytest.raises(CircuitOpen) as refused:
            await one(call())
        assert refused.value.retry_after == left


async def test_what_comes_back_is_passed_as_it_is() -> None:
    clock = ManualClock(NOON)
    assert (await breaker(clock, Scripted(clock, "ok"))(call())).fetched_at == NOON
