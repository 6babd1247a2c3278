"""Reads are asked again, a bounded number of times, later each time; nothing else ever is."""

from __future__ import annotations

import pytest

from dari.core.clock import ManualClock
from dari.core.endpoint import Effect
from dari.core.errors import DariError, Malformed, QuotaSpent, RateLimited, Refused, Unreachable
from dari.core.events import Event, Events
from dari.upstream.retry import Retry, RetryRules
from tests.unit.upstream.doubles import NOON, Scripted, call, endpoint


async def test_a_read_is_asked_three_times_with_growing_jittered_waits() -> None:
    clock, heard, events = ManualClock(NOON), list[Event](), Events()
    events.listen(heard.append)
    sender = Scripted(clock, Unreachable("1"), Unreachable("2"), "ok")
    reply = await Retry(sender, clock, events)(call())
    first, second = sender.times[1] - sender.times[0], sender.times[2] - sender.times[1]
    assert reply.attempts == 3
    assert 0.1 <= first <= 0.2
    assert 0.2 <= second <= 0.4
    assert [event.facts["attempt"] for event in heard] == [1, 2]


async def test_a_reply_says_how_often_was_asked() -> None:
    clock = ManualClock(NOON)
    assert (await Retry(Scripted(clock, Unreachable("1"), "ok"), clock, Events())(call())).attempts == 2


async def test_the_last_failure_is_the_one_told() -> None:
    clock = ManualClock(NOON)
    sender = Scripted(clock, Unreachable("1"), Unreachable("2"), Unreachable("3"), "never")
    with pytest.raises(Unreachable, match="3"):
        await Retry(sender, clock, Events())(call())
    assert len(sender.calls) == 3


async def test_an_answer_at_once_is_passed_as_it_is() -> None:
    clock = ManualClock(NOON)
    assert (await Retry(Scripted(clock), clock, Events())(call())).attempts == 1


@pytest.mark.parametrize("effect", [Effect.CHANGE, Effect.COMMIT])
async def test_what_changes_something_is_sent_once(effect: Effect) -> None:
    clock = ManualClock(NOON)
    sender = Scripted(clock, Unreachable("gone"), "never")
    with pytest.raises(Unreachable):
        await Retry(sender, clock, Events())(call(row=endpoint(effect)))
    assert len(sender.calls) == 1


@pytest.mark.parametrize("error", [Refused("no"), Malformed("?"), QuotaSpent("tomorrow"), ValueError("ours")])
async def test_what_would_fail_again_is_not_asked_again(error: Exception) -> None:
    clock = ManualClock(NOON)
    sender = Scripted(clock, error, "never")
    with pytest.raises(type(error)):
        await Retry(sender, clock, Events())(call())
    assert len(sender.calls) == 1


async def test_a_wait_the_upstream_asks_for_is_kept() -> None:
    clock = ManualClock(NOON)
    sender = Scripted(clock, RateLimited("slower", retry_after=3), "ok")
    await Retry(sender, clock, Events())(call())
    assert sender.times[1] - sender.times[0] == pytest.approx(3)


async def test_a_wait_nobody_sits_through_is_told_instead() -> None:
    clock = ManualClock(NOON)
    sender = Scripted(clock, RateLimited("once a minute", retry_after=60), "never")
    with pytest.raises(DariError, match="once a minute"):
        await Retry(sender, clock, Events())(call())
    assert len(sender.calls) == 1


async def test_waits_do_not_grow_for_ever() -> None:
    clock = ManualClock(NOON)
    sender = Scripted(clock, *[Unreachable("down")] * 9, "ok")
    await Retry(sender, clock, Events(), RetryRules(attempts=10, longest=1.0))(call())
    assert max(b - a for a, b in zip(sender.times, sender.times[1:], strict=False)) <= 1.0


@pytest.mark.parametrize(("asked", "calls"), [(5.0, 2), (5.1, 1)])
async def test_patience_ends_after_five_seconds_not_at_them(asked: float, calls: int) -> None:
    clock = ManualClock(NOON)
    sender = Scripted(clock, RateLimited("slower", retry_after=asked), "ok")
    if calls == 1:
        with pytest.raises(RateLimited):
            await Retry(sender, clock, Events())(call())
    else:
        await Retry(sender, clock, Events())(call())
    assert len(sender.calls) == calls


async def test_no_wait_is_longer_than_four_seconds() -> None:
    clock = ManualClock(NOON)
    sender = Scripted(clock, *(Unreachable("down") for _ in range(8)), "ok")
    await Retry(sender, clock, Events(), RetryRules(attempts=9, spread=0.0))(call())
    waits = [after - before for before, after in zip(sender.times, sender.times[1:], strict=False)]
    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 4.0, 4.0, 4.0])
