"""The ring in Redis without a Redis: what is asked of it, what a machine does alone, what a change of sides costs."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from dari.core.clock import ManualClock
from dari.core.locks import POLL_SECONDS
from dari.core.provider import Rate
from dari.upstream.pacing import GUARD_SECONDS, FileRing, SharedRing, Ticket
from tests.unit.upstream.doubles import NOON

RATE = Rate(6, 2.0)
SIDES_CHANGE = 2.0 + GUARD_SECONDS


class Shared:
    """What SharedRing uses of the degrading state: scripts answer what they are told, until Redis is lost."""

    notice_seconds = 7.0

    def __init__(self) -> None:
        self.lost = False
        self.asked: list[tuple[list[str], list[str]]] = []
        self.machines = 1
        self.told = ["1", "12.5"]
        self.networked = self

    async def script(self, _: str, keys: list[str], arguments: list[str]) -> Any:
        self.asked.append((keys, arguments))
        return self.machines if keys[0].startswith("machines") else self.told

    async def tried(self, ask: Callable[[], Awaitable[Any]], instead: Callable[[], Awaitable[Any]]) -> Any:
        return await (instead() if self.lost else ask())


@pytest.fixture
def clock() -> ManualClock:
    clock = ManualClock(NOON)
    clock.advance(1000)
    return clock


@pytest.fixture
def shared() -> Shared:
    return Shared()


@pytest.fixture
def ring(shared: Shared, clock: ManualClock, tmp_path: Path) -> SharedRing:
    return SharedRing(shared, FileRing(tmp_path, clock), clock, "here")  # type: ignore[arg-type]  # its double


async def alone(ring: SharedRing, clock: ManualClock) -> int:
    """How many tickets a machine gives out at once when it has nobody to ask."""
    given = 0
    while isinstance(told := await ring.take("lane", RATE), Ticket):
        given += 1
    assert told > 0.0
    clock.advance(100)
    return given


async def test_a_ticket_has_a_name_nobody_else_gives_and_redis_time(shared: Shared, ring: SharedRing) -> None:
    first, second = await ring.take("lane", RATE), await ring.take("lane", RATE)
    assert isinstance(first, Ticket)
    assert isinstance(second, Ticket)
    assert (first.place, first.stamp) == (f"here-{os.getpid()}-0", 12.5)
    assert second.place == f"here-{os.getpid()}-1"
    assert shared.asked[:2] == [
        (["machines lane"], ["here", "120"]),
        (["ring lane"], ["2.025000", "6", first.place]),
    ]


async def test_just_after_the_machine_started_nothing_has_changed_yet(shared: Shared, tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    clock.advance(0.5)
    ring = SharedRing(shared, FileRing(tmp_path, clock), clock, "here")  # type: ignore[arg-type]  # its double
    assert isinstance(await ring.take("lane", RATE), Ticket)


async def test_a_full_ring_says_when_to_come_back_and_never_at_once(shared: Shared, ring: SharedRing) -> None:
    shared.told = ["0", "0.75"]
    assert await ring.take("lane", RATE) == 0.75
    shared.told = ["0", "0.000001"]
    assert await ring.take("lane", RATE) == POLL_SECONDS


@pytest.mark.parametrize(("machines", "part"), [(0, 6), (1, 6), (2, 3), (4, 1)])
async def test_cut_off_a_machine_takes_its_part(
    shared: Shared, ring: SharedRing, clock: ManualClock, machines: int, part: int
) -> None:
    shared.machines = machines
    await ring.take("lane", RATE)
    shared.lost = True
    assert await ring.take("lane", RATE) == pytest.approx(SIDES_CHANGE)
    clock.advance(100)
    assert await alone(ring, clock) == part


async def test_who_has_never_seen_redis_takes_the_whole_limit_at_once(
    shared: Shared, ring: SharedRing, clock: ManualClock
) -> None:
    shared.lost = True
    assert await alone(ring, clock) == 6


async def test_a_limit_that_cannot_be_parted_waits(shared: Shared, ring: SharedRing, clock: ManualClock) -> None:
    shared.machines = 7
    await ring.take("lane", RATE)
    shared.lost = True
    await ring.take("lane", RATE)
    clock.advance(100)
    assert await ring.take("lane", RATE) == 2.0


async def test_a_change_of_sides_waits_for_what_the_other_side_has_let_through(
    shared: Shared, ring: SharedRing, clock: ManualClock
) -> None:
    assert isinstance(await ring.take("lane", RATE), Ticket)
    shared.lost = True
    assert await ring.take("lane", RATE) == pytest.approx(SIDES_CHANGE)
    clock.advance(1.0)
    assert await ring.take("lane", RATE) == pytest.approx(SIDES_CHANGE - 1.0)  # the rest of it, not once more
    clock.advance(SIDES_CHANGE - 1.0)
    assert isinstance(await ring.take("lane", RATE), Ticket)
    shared.lost = False  # and back: until the last machine has noticed, and a window after that
    assert await ring.take("lane", RATE) == pytest.approx(7.0 + SIDES_CHANGE)
    clock.advance(7.0 + SIDES_CHANGE)
    assert isinstance(await ring.take("lane", RATE), Ticket)
    assert isinstance(await ring.take("another lane", RATE), Ticket)


async def test_a_ticket_is_corrected_on_its_own_side(shared: Shared, ring: SharedRing, clock: ManualClock) -> None:
    shared.machines = 6
    ticket = await ring.take("lane", RATE)
    assert isinstance(ticket, Ticket)
    await ring.correct("lane", RATE, ticket, 0.25)
    assert shared.asked[-1] == (["ring lane"], ["0.250000", ticket.place])
    shared.lost = True
    await ring.take("lane", RATE)
    clock.advance(100)
    mine = await ring.take("lane", RATE)
    assert isinstance(mine, Ticket)
    clock.advance(0.5)
    await ring.correct("lane", RATE, mine, 0.5)
    assert await ring.take("lane", RATE) == pytest.approx(SIDES_CHANGE)
    asked = len(shared.asked)
    await ring.correct("lane", RATE, ticket, 0.25)  # of the side that is lost: nobody to tell
    assert len(shared.asked) == asked
