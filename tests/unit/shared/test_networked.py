"""State and pacing shared by machines over a real Redis; losing it degrades, and never to more calls than permitted."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dari.app.budgets import Budget, FileBudgets, SharedBudgets
from dari.core.clock import SystemClock
from dari.core.events import Event, Events
from dari.core.provider import Rate
from dari.core.sealing import Sealing
from dari.core.shared_state import FileState
from dari.core.shared_state import networked as room
from dari.core.shared_state.networked import Degrading, RedisState
from dari.core.shared_state.sealed import SealedState
from dari.upstream.grants import Grants
from dari.upstream.pacing import GUARD_SECONDS, FileRing, SharedRing, Ticket
from tests.unit.upstream.test_grants import Office

pytestmark = [pytest.mark.needs("redis"), pytest.mark.serial]
CLOCK = SystemClock()


class Redis:
    """A private redis-server that can be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            "redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--dir", str(self._folder),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(500):
            if self.socket.exists():
                return
            await asyncio.sleep(0.01)
        raise TimeoutError

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None
        self.socket.unlink(missing_ok=True)


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path may not be long
        one = Redis(Path(folder))
        await one.start()
        yield one
        await one.kill()


@asynccontextmanager
async def machine(redis: Redis, folder: Path, heard: list[str] | None = None) -> AsyncIterator[Degrading]:
    """One machine: files of its own, the Redis of all."""
    events = Events()
    if heard is not None:

        def listener(event: Event) -> None:
            heard.append(event.name)

        events.listen(listener)
    state = Degrading(RedisState(redis.url, CLOCK), FileState(folder, CLOCK), CLOCK, events)
    try:
        yield state
    finally:
        await state.close()


async def test_machines_share_values_and_locks(redis: Redis, tmp_path: Path) -> None:
    async with machine(redis, tmp_path / "a") as one, machine(redis, tmp_path / "b") as other:
        await one.put("reply x", {"n": 1}, seconds=60)
        await one.put("for ever", {"n": 2})
        assert await other.get("reply x") == {"n": 1}
        assert await other.get("nothing") is None
        names = await other.names()
        assert set(names) == {"reply x", "for ever"}
        assert names["for ever"] is None
        order: list[str] = []

        async def second() -> None:
            async with other.lock("one at a time"):
                order.append("other")

        async with one.lock("one at a time"):
            waiting = asyncio.ensure_future(second())
            await asyncio.sleep(0.1)
            order.append("one")
        await asyncio.wait_for(waiting, 5)
        assert order == ["one", "other"]
        await other.drop("for ever")
        assert await other.drop_matching("reply *") == 1
        assert await other.drop_matching("reply *") == 0
        assert await one.names() == {}


async def test_redis_holds_nothing_an_upstream_has_told_where_a_key_seals_it(redis: Redis, tmp_path: Path) -> None:
    sealing = Sealing([b"k" * 32])
    async with machine(redis, tmp_path / "a") as one, machine(redis, tmp_path / "b") as other:
        for name in ("reply x", "grant x"):
            await SealedState(one, sealing).put(name, {"name": "canary-7391"}, seconds=60)
            assert await SealedState(other, sealing).get(name) == {"name": "canary-7391"}
            assert "canary" not in str(await other.get(name))
        assert not any(b"canary" in path.read_bytes() for path in (tmp_path / "a").glob("*.json"))


async def test_without_redis_state_is_this_machines_and_comes_back(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "REST_SECONDS", 0.2)
    heard: list[str] = []
    async with machine(redis, tmp_path, heard) as one:
        await one.put("grant k", {"token": "t"}, seconds=60)
        await redis.kill()
        assert await one.get("grant k") == {"token": "t"}  # a machine cut off goes on with the grant it has
        assert one.degraded
        await one.put("here", {"n": 1})
        assert await one.get("here") == {"n": 1}
        assert "here" in await one.names()
        async with one.lock("x"):
            pass
        await one.drop("here")
        await redis.start()
        await asyncio.sleep(0.25)
        assert await one.get("here") is None
        assert not one.degraded
    assert heard == ["redis.lost", "redis.back"]


async def test_a_lock_whose_redis_dies_is_let_go(redis: Redis, tmp_path: Path) -> None:
    async with machine(redis, tmp_path) as one:
        async with one.lock("x"):
            await redis.kill()
        async with one.lock("x"):
            assert one.degraded


def ring_of(state: Degrading, folder: Path, name: str) -> SharedRing:
    return SharedRing(state, FileRing(folder / name, CLOCK), CLOCK, name)


async def test_what_is_left_is_counted_in_redis_and_without_it_in_this_machines_part(
    redis: Redis, tmp_path: Path
) -> None:
    rate = Rate(4, 30.0)
    async with machine(redis, tmp_path / "a") as one, machine(redis, tmp_path / "b") as two:
        ours, theirs = [
            SharedBudgets(state, FileBudgets(tmp_path / name / "ring", CLOCK), CLOCK, name)
            for name, state in (("a", one), ("b", two))
        ]
        for ring in (theirs, ours, ours):
            assert isinstance(await ring.take("lane", rate), Ticket)
        assert await ours.budgets() == await theirs.budgets() == [Budget("lane", 3, 4, 30.0)]
        await redis.kill()
        assert await ours.budgets() == [Budget("lane", 0, 2, 30.0)]  # half of it, of which its files know nothing


async def taken(rings: list[SharedRing], rate: Rate, seconds: float) -> list[float]:
    """When tickets were given to any of the rings within `seconds`, all asking as fast as they may."""
    times: list[float] = []
    until = CLOCK.monotonic() + seconds

    async def asking(ring: SharedRing) -> None:
        while CLOCK.monotonic() < until:
            told = await ring.take("lane", rate)
            if isinstance(told, Ticket):
                times.append(CLOCK.monotonic())
            else:
                await asyncio.sleep(min(told, 0.2))

    await asyncio.gather(*(asking(ring) for ring in rings for _ in range(2)))
    return sorted(times)


def most_in(times: list[float], window: float) -> int:
    """The largest number of tickets in any window."""
    return max((sum(1 for other in times if one <= other < one + window) for one in times), default=0)


async def test_two_machines_take_one_limit_together(redis: Redis, tmp_path: Path) -> None:
    async with machine(redis, tmp_path / "a") as one, machine(redis, tmp_path / "b") as other:
        rings = [ring_of(one, tmp_path, "a"), ring_of(other, tmp_path, "b")]
        times = await taken(rings, Rate(5, 0.5), 2.2)
    assert most_in(times, 0.5) <= 5
    assert len(times) >= 5 * int(2.2 / (0.5 + GUARD_SECONDS))


async def test_when_redis_is_lost_and_back_the_machines_stay_within_the_limit(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "REST_SECONDS", 0.3)
    monkeypatch.setattr(room, "ANSWER_SECONDS", 0.1)
    async with machine(redis, tmp_path / "a") as one, machine(redis, tmp_path / "b") as other:
        rings = [ring_of(one, tmp_path, "a"), ring_of(other, tmp_path, "b")]

        async def trouble() -> None:
            await asyncio.sleep(1.0)
            await redis.kill()
            await asyncio.sleep(2.0)
            await redis.start()

        times, _ = await asyncio.gather(taken(rings, Rate(4, 0.5), 6.0), trouble())
    assert most_in(times, 0.5) <= 4
    assert len([one for one in times if one > times[-1] - 1.0]) >= 4  # and it goes on


async def test_a_late_call_frees_its_place_late(redis: Redis, tmp_path: Path) -> None:
    async with machine(redis, tmp_path / "a") as one:
        ring = SharedRing(one, FileRing(tmp_path / "ring", CLOCK), CLOCK, "a")
        ticket = await ring.take("lane", Rate(1, 0.3))
        assert isinstance(ticket, Ticket)
        await ring.correct("lane", Rate(1, 0.3), ticket, 0.5)
        wait = await ring.take("lane", Rate(1, 0.3))
        assert isinstance(wait, float)
        assert 0.6 < wait <= 0.3 + GUARD_SECONDS + 0.5
        await redis.kill()
        told = await ring.take("lane", Rate(1, 0.3))
        assert isinstance(told, float)  # a change of sides waits a window first
        await asyncio.sleep(told)
        alone = await ring.take("lane", Rate(1, 0.3))
        assert isinstance(alone, Ticket)
        await ring.correct("lane", Rate(1, 0.3), alone, 0.2)
        await ring.correct("lane", Rate(1, 0.3), ticket, 0.2)  # one of the other side: there is nothing to correct


async def test_a_limit_smaller_than_the_machines_waits_for_redis(redis: Redis, tmp_path: Path) -> None:
    async with machine(redis, tmp_path / "a") as one, machine(redis, tmp_path / "b") as other:
        rings = [ring_of(one, tmp_path, "a"), ring_of(other, tmp_path, "b")]
        for ring in (*rings, *rings):
            await ring.take("lane", Rate(1, 0.1))
        await redis.kill()
        await rings[0].take("lane", Rate(1, 0.1))
        await asyncio.sleep(0.2)
        assert await rings[0].take("lane", Rate(1, 0.1)) == 0.1


async def test_a_lock_asked_of_a_redis_that_dies_meanwhile_is_taken_here(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with machine(redis, tmp_path) as one:

        async def alive() -> bool:
            await redis.kill()
            return True

        monkeypatch.setattr(one, "_alive", alive)
        async with one.lock("x"):
            pass


async def test_machines_of_one_key_issue_one_grant(redis: Redis, tmp_path: Path) -> None:
    office = Office(CLOCK)
    async with machine(redis, tmp_path / "a") as one, machine(redis, tmp_path / "b") as other:
        machines = [Grants(office, state, CLOCK) for state in (one, other)]
        grants = await asyncio.gather(*(each.get("default", "real") for each in machines for _ in range(10)))
    assert {grant.token for grant in grants if grant} == {"token-1"}
    assert office.issued == ["token-1"]
