"""The cache tells again what it may, asks once for equal questions, and never keeps an account."""

from __future__ import annotations

import asyncio
import errno
import re
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest

from dari.core.clock import ManualClock
from dari.core.endpoint import Effect
from dari.core.errors import Unreachable
from dari.core.events import Events
from dari.core.exchange import Call, Reply
from dari.core.shared_state import FileState
from dari.upstream import cache as room
from dari.upstream.cache import Cache, CacheRules
from tests.unit.upstream.doubles import NOON, Scripted, call, endpoint


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


def kept_by(clock: ManualClock, folder: Path, sender: Scripted, rules: CacheRules | None = None) -> Cache:
    return Cache(sender, FileState(folder, clock), clock, Events(), rules)


async def test_a_kept_reply_costs_nothing_and_says_its_age(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    cache = kept_by(clock, tmp_path, sender)
    first = await cache(call())
    clock.advance(59)
    again = await cache(call())
    assert len(sender.calls) == 1
    assert (first.cached, first.attempts, first.keep_seconds) == (None, 1, 60)
    assert (again.cached, again.age_seconds, again.attempts) == ("l1", 59, 0)
    assert again.keep_seconds == pytest.approx(1)
    assert again.body == first.body


RESTING = CacheRules(moving=lambda _: False)


async def test_l1_ends_at_60_l2_at_300_seconds(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    cache = kept_by(clock, tmp_path, sender, RESTING)
    await cache(call())
    clock.advance(61)
    promoted = await cache(call())
    assert (promoted.cached, promoted.age_seconds) == ("l2", 61)
    clock.advance(1)
    assert (await cache(call())).cached == "l1"
    clock.advance(239)  # 301 s after it was fetched, and only then
    assert (await cache(call())).cached is None
    assert len(sender.calls) == 2
    assert (cache.counts.hits, cache.counts.l1_hits, cache.counts.l2_hits, cache.counts.misses) == (2, 1, 1, 2)


async def test_each_tier_is_counted_as_itself(clock: ManualClock, tmp_path: Path) -> None:
    cache = kept_by(clock, tmp_path, Scripted(clock), RESTING)
    for passed in (0, 1, 1):
        clock.advance(passed)
        await cache(call())
    assert (cache.counts.l1_hits, cache.counts.l2_hits) == (2, 0)


async def test_a_life_that_is_over_is_over_in_both_tiers_and_not_before(clock: ManualClock, tmp_path: Path) -> None:
    mine = kept_by(clock, tmp_path, Scripted(clock))
    await mine(call())
    for passed in (0.5, 59):
        clock.advance(passed)
        assert (await kept_by(clock, tmp_path, Scripted(clock))(call())).cached == "l2"
    clock.advance(0.5)
    assert (await kept_by(clock, tmp_path, Scripted(clock, "new"))(call())).body == {"said": "new"}


async def test_at_the_very_end_of_its_life_a_reply_in_memory_is_asked_again(clock: ManualClock, tmp_path: Path) -> None:
    cache = kept_by(clock, tmp_path, Scripted(clock))
    await cache(call())
    clock.advance(60)
    assert (await cache(call())).cached is None


async def test_without_a_shared_life_nothing_is_kept_while_prices_rest(clock: ManualClock, tmp_path: Path) -> None:
    cache = kept_by(clock, tmp_path, Scripted(clock), CacheRules(l2_seconds=0.0, moving=lambda _: False))
    await cache(call())
    assert (await cache(call())).cached is None


async def test_locks_of_flights_are_few(clock: ManualClock, tmp_path: Path) -> None:
    """However many questions: three hexadecimal digits name 4,096 lock files at most."""
    state, names = FileState(tmp_path, clock), list[str]()
    lock = state.lock

    def named(name: str) -> AbstractAsyncContextManager[None]:
        names.append(name)
        return lock(name)

    with mock.patch.object(state, "lock", named):
        await Cache(Scripted(clock), state, clock, Events())(call())
    assert re.fullmatch("flight [0-9a-f]{3}", names[0])


async def test_while_prices_move_nothing_is_older_than_l1(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    cache = kept_by(clock, tmp_path, sender)
    await cache(call())
    clock.advance(61)
    assert (await cache(call())).cached is None


async def test_a_reader_of_what_moves_slowly_may_take_an_older_reply(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    cache, price = kept_by(clock, tmp_path, sender), endpoint(cache=2)
    await cache(call(row=price))
    clock.advance(30)
    patient = replace(call(row=price), max_age=300)
    assert (await cache(patient)).age_seconds == 30
    clock.advance(45)
    reply = await cache(patient)  # L1 is over; the shared cache holds it yet
    assert (reply.cached, reply.age_seconds) == ("l2", 75)
    assert (await cache(call(row=price))).cached is None


async def test_a_promoted_reply_never_outlives_l2(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    cache = kept_by(clock, tmp_path, sender, RESTING)
    await cache(call())
    clock.advance(290)
    assert (await cache(call())).keep_seconds == pytest.approx(10)
    clock.advance(11)
    assert (await cache(call())).cached is None


async def test_a_price_is_not_kept_longer_than_its_row_says_while_prices_move(
    clock: ManualClock, tmp_path: Path
) -> None:
    sender = Scripted(clock)
    cache = kept_by(clock, tmp_path, sender, CacheRules(moving=lambda at: at < NOON + timedelta(seconds=3)))
    price = endpoint(cache=2)
    await cache(call(row=price))
    clock.advance(1.9)
    assert (await cache(call(row=price))).cached == "l1"
    clock.advance(0.2)
    assert (await cache(call(row=price))).cached is None
    clock.advance(3)
    assert (await cache(call(row=price))).cached is None  # fetched while prices moved: not the last price yet
    clock.advance(200)
    assert (await cache(call(row=price))).cached == "l2"  # the market rests: its last price is still its price


async def test_processes_share_l2(clock: ManualClock, tmp_path: Path) -> None:
    one, other = Scripted(clock, "one"), Scripted(clock, "other")
    await kept_by(clock, tmp_path, one)(call())
    reply = await kept_by(clock, tmp_path, other)(call())
    assert (reply.cached, reply.body, other.calls) == ("l2", {"said": "one"}, [])


async def test_a_hundred_equal_questions_are_one_call(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    cache = kept_by(clock, tmp_path, sender)
    replies = await asyncio.gather(*(cache(call()) for _ in range(100)))
    assert len(sender.calls) == 1
    assert cache.counts.joined == 99
    assert {reply.body["said"] for reply in replies} == {"ok"}


async def test_different_questions_are_different_calls(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    cache = kept_by(clock, tmp_path, sender)
    await asyncio.gather(cache(call("005930")), cache(call("000660")))
    assert len(sender.calls) == 2


async def test_fresh_asks_past_what_is_kept_and_renews_it(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock, "old", "new")
    cache = kept_by(clock, tmp_path, sender)
    await cache(call())
    assert (await cache(call(fresh=True))).body == {"said": "new"}
    assert (await cache(call())).body == {"said": "new"}


@pytest.mark.parametrize(
    "row", [endpoint(scope="account"), endpoint(Effect.CHANGE), endpoint(Effect.COMMIT), endpoint(cache=0)]
)
async def test_what_must_not_be_kept_is_asked_each_time(clock: ManualClock, tmp_path: Path, row: object) -> None:
    sender = Scripted(clock)
    cache = kept_by(clock, tmp_path, sender)
    for _ in range(2):
        assert (await cache(call(row=row))).cached is None  # type: ignore[arg-type]  # rows of the list above
    assert len(sender.calls) == 2
    assert await FileState(tmp_path, clock).names() == {}


async def test_a_failure_is_told_to_everybody_and_kept_by_nobody(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock, Unreachable("down"), "ok")
    cache = kept_by(clock, tmp_path, sender)
    failures = await asyncio.gather(*(cache(call()) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in failures] == [Unreachable] * 3
    assert (await cache(call())).body == {"said": "ok"}


async def test_one_who_gives_up_leaves_the_others_their_answer(clock: ManualClock, tmp_path: Path) -> None:
    landed = asyncio.Event()

    async def slow(asked: Call, /) -> Reply:
        await landed.wait()
        return Reply({"said": asked.parameters["code"]}, clock.now())

    cache = Cache(slow, FileState(tmp_path, clock), clock, Events())
    patient, hasty = asyncio.ensure_future(cache(call())), asyncio.ensure_future(cache(call()))
    await asyncio.sleep(0.01)
    hasty.cancel()
    await asyncio.sleep(0.01)
    landed.set()
    assert (await patient).body == {"said": "005930"}
    assert hasty.cancelled()


async def test_the_last_to_give_up_takes_the_call_down(clock: ManualClock, tmp_path: Path) -> None:
    stopped = asyncio.Event()

    async def endless(_: Call, /) -> Reply:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError

    cache = Cache(endless, FileState(tmp_path, clock), clock, Events())
    only = asyncio.ensure_future(cache(call()))
    await asyncio.sleep(0.01)
    only.cancel()
    await asyncio.wait_for(stopped.wait(), 1)


async def test_memory_is_bounded(clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "L1_ENTRIES", 2)
    cache = kept_by(clock, tmp_path, Scripted(clock))
    for code in ("1", "2", "3"):
        await cache(call(code))
    assert len(cache.entries()) == 2
    assert (await cache(call("3"))).cached == "l1"
    assert (await cache(call("2"))).cached == "l1"  # the one that was asked for longest ago has gone


async def test_people_can_look_and_clear(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    cache = kept_by(clock, tmp_path, sender)
    await cache(call())
    clock.advance(5)
    (name, age), *rest = cache.entries().items()
    assert (name.startswith("test:test.price:real:"), age, rest) == (True, 5, [])
    assert "005930" not in name
    assert await cache.clear("kis:*") == 0
    assert await cache.clear("test:*") == 1
    assert (await cache(call())).cached is None


async def test_a_reply_from_the_future_is_not_told(clock: ManualClock, tmp_path: Path) -> None:
    later = ManualClock(NOON)
    later.advance(600)
    await kept_by(later, tmp_path, Scripted(later))(call())
    assert (await kept_by(clock, tmp_path, Scripted(clock))(call())).cached is None


async def test_a_reply_that_cannot_be_shared_is_told_all_the_same(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    sender, state = Scripted(clock), FileState(tmp_path, clock)
    monkeypatch.setattr(state, "put", full)
    cache = Cache(sender, state, clock, Events())
    assert (await cache(call())).body == (await cache(call())).body
    assert len(sender.calls) == 1


async def test_after_the_clock_was_set_back_nothing_is_told_from_the_future(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    cache = kept_by(clock, tmp_path, sender)
    await cache(call())
    clock._now -= timedelta(minutes=10)
    again = await cache(call())
    assert (len(sender.calls), again.cached) == (2, None)
