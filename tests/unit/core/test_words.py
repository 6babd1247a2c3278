"""The words of the house: clocks, errors, numbers, provenance, shared state."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import pytest

from dari.core import errors
from dari.core.clock import KST, ManualClock, RunningClock, SystemClock
from dari.core.errors import DariError, Hint, Malformed, OutcomeUnknown
from dari.core.events import Event, Events
from dari.core.exchange import Provenance, merged
from dari.core.locks import Held, held, take
from dari.core.provider import Credential, Request, Response
from dari.core.shared_state import FileState, file_name, write_private
from dari.core.values import decimal, must, percent, text, whole

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)


async def test_the_system_clock_is_korean() -> None:
    clock = SystemClock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.now().utcoffset() == timedelta(hours=9)
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.monotonic() >= before


async def test_a_manual_clock_moves_when_slept_on_and_wakes_sleepers_in_order() -> None:
    clock, woken = ManualClock(NOON), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic()))

    await asyncio.gather(*(sleeper(seconds) for seconds in (1, 2, 3)))
    assert woken == [(1, 1), (2, 2), (3, 3)]
    assert clock.now() == NOON + timedelta(seconds=3)


def test_a_manual_clock_is_moved_by_the_loop_that_sleeps_on_it_last() -> None:
    """Who was left asleep in another loop is woken there at his time, and that loop moves the clock no more."""
    clock, one, other = ManualClock(NOON), asyncio.new_event_loop(), asyncio.new_event_loop()
    left = one.create_task(clock.sleep(1.0))
    one.run_until_complete(asyncio.sleep(0))  # asleep, and one turn of its loop is to come
    other.run_until_complete(clock.sleep(5.0))
    assert (clock.monotonic(), left.done()) == (5.0, False)
    later = other.create_task(clock.sleep(10.0))
    other.run_until_complete(asyncio.sleep(0))
    one.run_until_complete(asyncio.wait_for(left, 1.0))
    assert clock.monotonic() == 5.0
    later.cancel()
    other.run_until_complete(asyncio.gather(later, return_exceptions=True))
    for loop in (one, other):
        loop.close()


async def test_a_running_clock_starts_elsewhere_and_runs_at_its_speed() -> None:
    stands, runs = RunningClock(NOON, speed=0), RunningClock(NOON, speed=1000)
    before = runs.monotonic()
    await runs.sleep(0.01)
    assert stands.now() == NOON
    assert runs.now() - NOON > timedelta(seconds=9)
    assert runs.monotonic() - before < 5
    assert abs(RunningClock().now() - datetime.now(KST)) < timedelta(seconds=5)


def every(kind: type[DariError]) -> list[type[DariError]]:
    return [kind] + [deeper for sub in kind.__subclasses__() for deeper in every(sub)]


def test_every_error_has_a_code_of_its_own() -> None:
    kinds = [kind for kind in every(DariError) if kind.__module__ == DariError.__module__]  # others keep their parent's
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes)
    assert {kind.__name__ for kind in kinds if kind.retryable} == {"Unreachable", "RateLimited"}
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in kinds)


def test_an_error_says_what_to_do_in_both_languages_and_quotes_strangers_briefly() -> None:
    error = errors.Refused(
        "no", hint=Hint("다음", "next"), retry_after=1.23456, upstream_code="X1", upstream_text="가" * 999,
        details={"a": 1},
    )  # fmt: skip
    told = error.as_dict()
    assert told == {
        "code": "refused", "message": "no", "executed": False, "hint": "다음", "retry_after": 1.235,
        "upstream": {"code": "X1", "untrusted_text": "가" * 300}, "details": {"a": 1},
    }  # fmt: skip
    assert error.as_dict("en")["hint"] == "next"
    assert DariError("plain").as_dict() == {"code": "dari_error", "message": "plain", "executed": False}
    assert OutcomeUnknown("?", executed=False).executed is None
    assert not Hint("", "")


def test_events_reach_every_listener() -> None:
    events, heard = Events(), list[Event]()
    events.tell("nobody listens")
    events.listen(heard.append)
    events.tell("cache.hit", tier="l1")
    assert heard == [Event("cache.hit", {"tier": "l1"})]


def test_numbers_as_upstreams_write_them() -> None:
    row = {"a": " 0001,234 ", "b": "-0.50", "c": "", "d": "12.0", "e": "x", "f": "1.5", "g": "NaN", "h": 7}
    assert text(row, "a") == "0001,234"
    assert (whole(row, "a"), whole(row, "c"), whole(row, "d"), whole(row, "h")) == (1234, None, 12, 7)
    assert decimal(row, "b") == Decimal("-0.5")
    assert must(row, "a") == 1234
    for reader, name in ((whole, "e"), (whole, "f"), (decimal, "g"), (must, "c"), (whole, "missing")):
        with pytest.raises(Malformed):
            reader(row, name)
    assert (percent(1, 3), percent(Decimal(1), 0)) == (33.33, None)


def test_provenance_is_told_in_one_line_an_endpoint() -> None:
    def source(minute: int, cached: str | None, venue: str = "KRX") -> Provenance:
        return Provenance(
            provider="kis", endpoint="e", mode="real", venue=venue, cached=cached, age_seconds=minute,
            fetched_at=NOON + timedelta(minutes=minute),
        )  # fmt: skip

    mixed, other = merged([source(2, "l1"), source(1, None), source(3, "l1"), source(0, None, "NXT")])
    assert (mixed.calls, mixed.attempts, mixed.cached, mixed.age_seconds) == (3, 3, "partly", 3)
    assert mixed.fetched_at == NOON + timedelta(minutes=1)
    assert (other.venue, other.calls, other.cached) == ("NXT", 1, None)
    assert merged([source(1, "l2"), source(1, "l2")])[0].cached == "l2"
    assert merged([source(1, None), source(1, None)])[0].cached is None


def test_a_credential_and_a_request_never_print_their_parts() -> None:
    secret = {"appkey": "very-secret"}
    for one in (Credential(mode="real", parts=secret), Request("GET", "u", secret, secret, secret)):
        assert "very-secret" not in repr(one)
    assert "very-secret" not in repr(Response(200, {}, b"very-secret"))


async def test_shared_state_keeps_values_until_they_end(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    state = FileState(tmp_path / "private", clock)
    await state.put("a", {"x": 1}, seconds=10)
    await state.put("b", {"x": 2})
    assert await state.get("a") == {"x": 1}
    assert await FileState(tmp_path / "private", clock).get("b") == {"x": 2}
    assert set(await state.names()) == {"a", "b"}
    assert state.sweep() == 0
    clock.advance(10)
    assert (await state.get("a"), await state.get("b"), await state.get("c")) == (None, {"x": 2}, None)
    assert state.sweep() == 1
    assert await state.drop_matching("nothing*") == 0
    assert await state.drop_matching("b*") == 1
    assert await state.names() == {}
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o700


async def test_a_durable_value_is_on_disk_before_anybody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    state = FileState(tmp_path, ManualClock(NOON))
    await state.put("a", {"x": 1})
    assert synced == []
    await state.put("a", {"x": 2}, durable=True)
    assert len(synced) == 2  # the file, and the folder that holds its name
    assert await state.get("a") == {"x": 2}


async def test_a_damaged_file_is_worth_less_than_a_fresh_value(tmp_path: Path) -> None:
    state = FileState(tmp_path, ManualClock(NOON))
    await state.put("a", {"x": 1})
    path = tmp_path / f"{file_name('a')}.json"
    path.write_bytes(b'{"half')
    assert await state.names() == {}
    assert await state.get("a") is None
    assert not path.exists()


async def test_two_names_with_one_file_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dari.core.shared_state.file_name", lambda _: "same")
    state = FileState(tmp_path, ManualClock(NOON))
    await state.put("a", {"x": 1})
    assert await state.get("b") is None


def test_a_private_file_is_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_private(path, b"one")
    write_private(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


async def test_a_lock_is_waited_for_without_blocking_anybody(tmp_path: Path) -> None:
    path, clock, order = tmp_path / "lock", SystemClock(), []
    lock = take(path)
    with pytest.raises(Held):
        take(path)

    async def second() -> None:
        async with held(path, clock):
            order.append("second")

    waiting = asyncio.ensure_future(second())
    await asyncio.sleep(0.02)
    order.append("still running")
    lock.release()
    await asyncio.wait_for(waiting, 2)
    assert order == ["still running", "second"]


def test_what_could_not_be_written_leaves_no_half(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, b"one")
    with pytest.raises(OSError, match="full"), patch("os.fsync", side_effect=OSError("full")):
        write_private(path, b"two", durable=True)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"one"
