"""Never more than the permitted number in any window, whoever holds the key; all of it, when there is work."""

from __future__ import annotations

import asyncio
import errno
import itertools
import struct
from pathlib import Path
from unittest import mock
from unittest.mock import AsyncMock

import pytest

from dari.core.clock import ManualClock, SystemClock
from dari.core.exchange import Call, Reply
from dari.core.locks import POLL_SECONDS, take
from dari.core.provider import Rate
from dari.core.shared_state import file_name
from dari.upstream.pacing import GUARD_SECONDS, FileRing, Pacing, Ticket
from tests.unit.upstream.doubles import NOON, Scripted, call

WINDOW = 1.0 + GUARD_SECONDS


async def take_all(ring: FileRing, clock: ManualClock, count: int, rate: Rate) -> list[float]:
    times = []
    for _ in range(count):
        while isinstance(wait := await ring.take("lane", rate), float):
            clock.advance(wait)
        times.append(clock.monotonic())
    return times


@pytest.fixture
def clock() -> ManualClock:
    clock = ManualClock(NOON)
    clock.advance(1000)
    return clock


async def test_no_window_holds_more_than_the_limit_and_none_is_left_unused(clock: ManualClock, tmp_path: Path) -> None:
    times = await take_all(FileRing(tmp_path, clock), clock, 90, Rate(18))
    assert all(later - earlier >= WINDOW - 1e-9 for earlier, later in zip(times, times[18:], strict=False))
    assert times[-1] - times[0] == pytest.approx(4 * WINDOW)


async def test_processes_share_one_ring(clock: ManualClock, tmp_path: Path) -> None:
    one, other = FileRing(tmp_path, clock), FileRing(tmp_path, clock)
    await take_all(one, clock, 2, Rate(3))
    await take_all(other, clock, 1, Rate(3))
    assert await one.take("lane", Rate(3)) == pytest.approx(WINDOW)
    assert isinstance(await one.take("another lane", Rate(3)), Ticket)


async def test_a_lock_held_elsewhere_is_polled_not_waited_for(clock: ManualClock, tmp_path: Path) -> None:
    ring = FileRing(tmp_path, clock)
    lock = take(tmp_path / f"{file_name('lane')}.lock")
    assert await ring.take("lane", Rate(3)) == POLL_SECONDS
    lock.release()
    assert isinstance(await ring.take("lane", Rate(3)), Ticket)


async def test_a_smaller_limit_counts_the_newest_times(clock: ManualClock, tmp_path: Path) -> None:
    ring = FileRing(tmp_path, clock)
    await take_all(ring, clock, 18, Rate(18))
    assert await ring.take("lane", Rate(3)) == pytest.approx(WINDOW)


async def test_a_larger_limit_frees_the_difference_only(clock: ManualClock, tmp_path: Path) -> None:
    ring = FileRing(tmp_path, clock)
    await take_all(ring, clock, 2, Rate(2))
    await take_all(ring, clock, 3, Rate(5))
    assert await ring.take("lane", Rate(5)) == pytest.approx(WINDOW)


async def test_times_from_before_a_reboot_count_as_long_past(clock: ManualClock, tmp_path: Path) -> None:
    later = ManualClock(NOON)
    later.advance(90_000)
    await take_all(FileRing(tmp_path, later), later, 3, Rate(3))
    assert isinstance(await FileRing(tmp_path, clock).take("lane", Rate(3)), Ticket)


async def test_just_after_the_machine_started_a_free_place_is_free(tmp_path: Path) -> None:
    """The monotonic clock begins near 0: a place nobody has taken is told from one taken a moment after that."""
    later, clock = ManualClock(NOON), ManualClock(NOON)
    later.advance(90_000)
    clock.advance(1.5)
    await take_all(FileRing(tmp_path / "used", later), later, 3, Rate(3))
    for ring in (FileRing(tmp_path / "used", clock), FileRing(tmp_path / "new", clock)):
        assert await take_all(ring, clock, 3, Rate(3)) == [1.5] * 3
    wider = FileRing(tmp_path / "new", clock)
    assert await take_all(wider, clock, 2, Rate(5)) == [1.5] * 2
    assert await wider.take("lane", Rate(5)) == pytest.approx(WINDOW)


async def test_an_unreadable_ring_waits_a_window_rather_than_risk_a_refusal(clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / f"{file_name('lane')}.ring").write_bytes(struct.pack("<I", 18))  # and no times
    ring = FileRing(tmp_path, clock)
    assert await ring.take("lane", Rate(18)) == pytest.approx(WINDOW)
    clock.advance(WINDOW)
    assert isinstance(await ring.take("lane", Rate(18)), Ticket), "one window, not for ever"


async def test_a_ring_that_cannot_be_written_keeps_its_times(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = FileRing(tmp_path, clock)
    await ring.take("lane", Rate(2))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    clock.advance(0.1)
    with monkeypatch.context() as patch:
        patch.setattr("dari.upstream.pacing.os.write", full)
        with pytest.raises(OSError, match="full"):
            await ring.take("lane", Rate(2))
    assert isinstance(await ring.take("lane", Rate(2)), Ticket)
    assert await ring.take("lane", Rate(2)) == pytest.approx(WINDOW - 0.1), "the first one still counts"


async def test_the_ring_is_private(clock: ManualClock, tmp_path: Path) -> None:
    folder = tmp_path / "pacing"
    await FileRing(folder, clock).take("lane", Rate(1))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}


async def test_calls_wait_for_every_limit_they_count_against(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    limits = (("ledger", Rate(1)), ("all", Rate(18)))
    pacing = Pacing(sender, FileRing(tmp_path, clock), lambda _: limits, clock)
    await asyncio.gather(*(pacing(call(str(number))) for number in range(3)))
    assert [b - a for a, b in zip(sender.times, sender.times[1:], strict=False)] == pytest.approx(
        [WINDOW] * 2, abs=0.01
    )


async def test_calls_go_in_the_order_they_came(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    pacing = Pacing(sender, FileRing(tmp_path, clock), lambda _: (("lane", Rate(2)),), clock)
    await asyncio.gather(*(pacing(call(str(number))) for number in range(6)))
    assert [one.parameters["code"] for one in sender.calls] == list("012345")


async def test_who_gives_up_while_waiting_sends_nothing_and_blocks_nobody(tmp_path: Path) -> None:
    clock = SystemClock()
    sent: list[str] = []

    async def inner(asked: Call, /) -> Reply:
        sent.append(asked.parameters["code"])
        await asyncio.sleep(0.05)
        return Reply({}, clock.now())

    pacing = Pacing(inner, FileRing(tmp_path, clock), lambda _: (("lane", Rate(1, 0.2)),), clock)
    await pacing(call("first"))
    impatient = asyncio.ensure_future(pacing(call("impatient")))
    await asyncio.sleep(0.01)
    impatient.cancel()
    await pacing(call("patient"))
    assert sent == ["first", "patient"]


async def test_who_gives_up_while_sending_stops_the_send(tmp_path: Path) -> None:
    clock, stopped = SystemClock(), []

    async def inner(_: Call, /) -> Reply:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)
        raise AssertionError

    pacing = Pacing(inner, FileRing(tmp_path, clock), lambda _: (("lane", Rate(9)),), clock)
    for moment in (0.0005, 0.05):  # during the breath after the ticket, and after it
        sending = asyncio.ensure_future(pacing(call()))
        await asyncio.sleep(moment)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await asyncio.sleep(0)
    assert stopped == [True, True]


async def test_a_call_that_arrived_late_frees_its_place_late(clock: ManualClock, tmp_path: Path) -> None:
    ring = FileRing(tmp_path, clock)
    ticket = await ring.take("lane", Rate(1))
    assert isinstance(ticket, Ticket)
    clock.advance(0.5)
    await ring.correct("lane", Rate(1), ticket, 0.5)
    assert await ring.take("lane", Rate(1)) == pytest.approx(WINDOW)
    clock.advance(WINDOW)
    assert isinstance(await ring.take("lane", Rate(1)), Ticket)
    await ring.correct("lane", Rate(1), ticket, 9)  # its place has long been somebody else's
    assert await ring.take("lane", Rate(1)) == pytest.approx(WINDOW)


async def test_a_reply_later_than_usual_corrects_its_tickets(clock: ManualClock, tmp_path: Path) -> None:
    takes = [0.010] * 5 + [0.300]
    arrived: list[float] = []

    async def inner(_: Call, /) -> Reply:
        taken = takes.pop(0) if takes else 0.010
        await clock.sleep(taken - 0.010)  # a stall on the way there
        arrived.append(clock.monotonic())
        await clock.sleep(0.010)
        return Reply({}, clock.now())

    pacing = Pacing(inner, FileRing(tmp_path, clock), lambda _: (("lane", Rate(1)),), clock)
    for _ in range(7):
        await pacing(call())
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrived)]
    assert min(gaps) >= 1.0  # also after the one that arrived 0.29 s late
    assert gaps[-1] == pytest.approx(WINDOW, abs=0.02)


async def test_only_what_came_later_than_usual_by_more_than_the_guard_is_corrected(clock: ManualClock) -> None:
    ring, takes = AsyncMock(), [0.3, 0.01, 0.01, 0.01, 0.005, 0.03, 0.04]

    async def inner(_: Call, /) -> Reply:
        await clock.sleep(takes.pop(0))
        return Reply({}, clock.now())

    ring.take.return_value = ticket = Ticket(0, 0.0)
    limits = (("one", Rate(9)), ("all", Rate(18)))
    pacing = Pacing(inner, ring, lambda _: limits, clock)
    await pacing(call())  # nothing was usual yet
    assert ring.correct.await_args_list == [mock.call(*limit, ticket, pytest.approx(0.3)) for limit in limits]
    ring.correct.reset_mock()
    for _ in range(5):
        await pacing(call())
    ring.correct.assert_not_awaited()
    await pacing(call())
    assert ring.correct.await_args_list == [mock.call(*limit, ticket, pytest.approx(0.03)) for limit in limits]


@pytest.mark.parametrize(("late", "owed"), [(GUARD_SECONDS, 0), (2 * GUARD_SECONDS, 1)])
async def test_a_loss_as_long_as_the_guard_is_covered_by_it(late: float, owed: int) -> None:
    """The ring keeps a place for the window and the guard: only what is lost beyond that is owed."""
    ring, clock = AsyncMock(), mock.Mock(sleep=AsyncMock())
    ring.take.return_value = Ticket(0, 0.0)
    clock.monotonic.side_effect = [0.0, late]

    async def inner(_: Call, /) -> Reply:
        return Reply({}, NOON)

    await Pacing(inner, ring, lambda _: (("lane", Rate(9)),), clock)(call())
    assert ring.correct.await_count == owed


async def test_usual_is_what_the_latest_round_trips_were(clock: ManualClock) -> None:
    """Of the 31 latest the middle one: where an upstream has become quick, sixteen quick replies make that usual."""
    ring, takes = AsyncMock(), [0.1] * 16 + [0.01] * 16 + [0.04]

    async def inner(_: Call, /) -> Reply:
        await clock.sleep(takes.pop(0))
        return Reply({}, clock.now())

    ring.take.return_value = ticket = Ticket(0, 0.0)
    pacing = Pacing(inner, ring, lambda _: (("lane", Rate(9)),), clock)
    for _ in range(32):
        await pacing(call())
    ring.correct.reset_mock()
    await pacing(call())
    ring.correct.assert_awaited_once_with("lane", Rate(9), ticket, pytest.approx(0.03))
