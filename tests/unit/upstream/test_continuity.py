"""The last real answer stands in while the upstream is silent: marked, within its age, never for an account."""

from __future__ import annotations

from pathlib import Path

import pytest

from dari.core.clock import ManualClock
from dari.core.errors import Refused, Unreachable
from dari.core.events import Event, Events
from dari.core.exchange import Reply
from dari.core.shared_state import FileState
from dari.upstream.continuity import Continuity, ContinuityRules
from tests.unit.upstream.doubles import NOON, Scripted, call, endpoint


def going_on(folder: Path, clock: ManualClock, sender: Scripted, seconds: float, heard: list[Event]) -> Continuity:
    events = Events()
    events.listen(heard.append)
    return Continuity(sender, FileState(folder, clock), clock, events, ContinuityRules(seconds))


async def test_the_last_real_reply_stands_in_with_its_age_until_it_is_too_old(tmp_path: Path) -> None:
    clock, heard = ManualClock(NOON), list[Event]()
    sender = Scripted(clock, "real", Unreachable("down"))
    one = going_on(tmp_path, clock, sender, 300, heard)
    assert (await one(call())).stale is False
    clock.advance(299)
    reply = await one(call())
    assert (reply.stale, reply.age_seconds, reply.body, reply.attempts) == (True, 299, {"said": "real"}, 0)
    assert [event.name for event in heard] == ["stale"]
    clock.advance(2)
    with pytest.raises(Unreachable):
        await one(call())


async def test_without_a_last_reply_the_failure_is_told(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    with pytest.raises(Unreachable):
        await going_on(tmp_path, clock, Scripted(clock, Unreachable("down")), 300, [])(call())


async def test_a_refusal_is_told_not_papered_over(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    one = going_on(tmp_path, clock, Scripted(clock, "real", Refused("no")), 300, [])
    await one(call())
    with pytest.raises(Refused):
        await one(call())


@pytest.mark.parametrize(("seconds", "scope"), [(0.0, "market"), (300.0, "account")])
async def test_it_is_off_by_default_and_never_on_for_accounts(tmp_path: Path, seconds: float, scope: str) -> None:
    clock = ManualClock(NOON)
    one = going_on(tmp_path, clock, Scripted(clock, "real", Unreachable("down")), seconds, [])
    row = endpoint(scope=scope)
    await one(call(row=row))
    with pytest.raises(Unreachable):
        await one(call(row=row))


async def test_a_reply_out_of_a_cache_is_not_remembered_as_new(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    cached = Scripted(clock, lambda _: Reply({"said": "kept"}, clock.now(), cached="l1"), Unreachable("down"))
    one = going_on(tmp_path, clock, cached, 300, [])
    await one(call())
    with pytest.raises(Unreachable):
        await one(call())


async def test_a_reply_from_the_future_does_not_stand_in(tmp_path: Path) -> None:
    later, now = ManualClock(NOON), ManualClock(NOON)
    later.advance(60)
    await going_on(tmp_path, later, Scripted(later, "real"), 300, [])(call())
    with pytest.raises(Unreachable):
        await going_on(tmp_path, now, Scripted(now, Unreachable("down")), 300, [])(call())
