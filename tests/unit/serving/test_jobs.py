"""Jobs in this process and on pydocket: what is told, cancelled, resumed, and taken over from a worker that died."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dari.core.clock import SystemClock
from dari.core.errors import InvalidInput, NotFound, Unreachable
from dari.serving.jobs import Jobs, JobsHere, Told
from dari.serving.jobs.on_docket import JobsOnDocket, after_gap
from tests.unit.shared.test_networked import Redis

SOON = 30.0


async def counting(arguments: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
    for done in range(1, arguments["to"] + 1):
        yield {"done": done}
        await asyncio.sleep(arguments.get("pause", 0))


async def failing(arguments: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
    yield {"done": 0}
    if arguments.get("ours"):
        raise ZeroDivisionError
    raise InvalidInput("not so")


def knowing(jobs: Jobs) -> Jobs:
    jobs.register("counting", counting)
    jobs.register("failing", failing)
    return jobs


async def told(jobs: Jobs, key: str, after: str = "") -> list[Told]:
    async with asyncio.timeout(SOON):
        return [one async for one in jobs.events(key, after)]


@asynccontextmanager
async def a_redis() -> AsyncIterator[Redis]:
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path may not be long
        one = Redis(Path(folder))
        await one.start()
        yield one
        await one.kill()


@pytest.fixture(params=["here", pytest.param("docket", marks=pytest.mark.needs("redis"))])
async def jobs(request: pytest.FixtureRequest) -> AsyncIterator[Jobs]:
    if request.param == "here":
        here = JobsHere()
        yield knowing(here)
        await here.close()
        return
    async with a_redis() as redis:
        shared = JobsOnDocket(redis.url, SystemClock())
        yield knowing(shared)
        await shared.close()


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with a_redis() as one:
        yield one


async def test_a_job_tells_its_progress_to_its_end_and_again_to_who_comes_later(jobs: Jobs) -> None:
    first = await jobs.start("counting", {"to": 3}, key="a", owner="kim")
    assert (first.key, first.owner, first.ended) == ("a", "kim", False)
    heard = await told(jobs, "a")
    assert [one.name for one in heard] == ["started", "progress", "progress", "progress", "done"]
    assert heard[-1].data == {"done": 3}
    standing = await jobs.standing("a")
    assert standing is not None
    assert (standing.state, standing.tries, dict(standing.progress)) == (
        "done",
        1,
        {"done": 3},
    )
    assert await told(jobs, "a") == heard
    assert await told(jobs, "a", heard[2].id) == heard[3:]
    assert await told(jobs, "a", heard[-1].id) == []
    assert await told(jobs, "a", "'; DROP") == heard


async def test_a_key_runs_once_at_a_time_and_again_after_its_end(jobs: Jobs) -> None:
    first = await jobs.start("counting", {"to": 2, "pause": 0.2}, key="a")
    second = await jobs.start("counting", {"to": 2, "pause": 0.2}, key="a")
    assert second.run == first.run
    before = await told(jobs, "a")
    third = await jobs.start("counting", {"to": 1}, key="a")
    assert third.run != first.run
    after = [one for one in await told(jobs, "a", before[-1].id) if one.name != "gap"]
    assert [one.name for one in after] == ["started", "progress", "done"]


async def test_a_cancelled_job_says_so(jobs: Jobs) -> None:
    await jobs.start("counting", {"to": 500, "pause": 0.05}, key="a")
    async for one in jobs.events("a"):
        if one.name == "progress":
            assert await jobs.cancel("a")
            break
    assert (await told(jobs, "a"))[-1].name == "cancelled"
    assert not await jobs.cancel("a")
    assert not await jobs.cancel("nothing")


async def test_a_failure_has_a_name_or_a_reference(jobs: Jobs) -> None:
    await jobs.start("failing", {}, key="theirs")
    assert (await told(jobs, "theirs"))[-1].data["code"] == "invalid_input"
    await jobs.start("failing", {"ours": 1}, key="ours")
    last = (await told(jobs, "ours"))[-1]
    assert last.name == "failed"
    assert last.data["code"] == "internal"
    assert "division" not in json.dumps(last.data)
    with pytest.raises(NotFound):
        await jobs.start("unknown", {}, key="b")
    assert await jobs.standing("b") is None
    assert await told(jobs, "b") == []


async def test_who_comes_back_too_late_is_told_of_the_gap() -> None:
    jobs = knowing(JobsHere())
    await jobs.start("counting", {"to": 3000}, key="a")
    whole = await told(jobs, "a")
    late = await told(jobs, "a", "2")
    assert late[0].name == "gap"
    assert late[1:] == whole[-len(late) + 1 :]
    await jobs.close()


def test_a_gap_is_seen_by_the_ids_of_a_stream() -> None:
    assert after_gap("5-1", "5-2")
    assert after_gap("5-10", "6-0")
    assert not after_gap("5-1", "5-1")
    assert not after_gap("10-0", "9-9")


async def test_a_process_that_ends_cancels_its_own_jobs() -> None:
    jobs = knowing(JobsHere())
    await jobs.start("counting", {"to": 3, "pause": 9}, key="begun")
    await asyncio.sleep(0.01)
    await jobs.start("counting", {"to": 3}, key="waiting")
    assert await jobs.cancel("waiting")
    await jobs.close()
    standings = [await jobs.standing(key) for key in ("begun", "waiting")]
    assert [one and one.state for one in standings] == ["cancelled", "cancelled"]


WORKER = """
import asyncio, sys
from datetime import timedelta
from dari.core.clock import SystemClock
from dari.serving.jobs.on_docket import JobsOnDocket
from tests.unit.serving.test_jobs import knowing

jobs = knowing(JobsOnDocket(sys.argv[1], SystemClock(), retake=timedelta(seconds=1)))
asyncio.run(jobs.work())
"""


@pytest.mark.needs("redis")
@pytest.mark.serial
async def test_a_job_survives_its_workers_death(redis: Redis) -> None:
    watching = JobsOnDocket(redis.url, SystemClock(), working=False)
    knowing(watching)
    workers = [await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, redis.url) for _ in range(1)]
    try:
        await watching.start("counting", {"to": 6, "pause": 0.2}, key="a")
        heard = []
        async with asyncio.timeout(6 * SOON):
            async for one in watching.events("a"):
                heard.append(one)
                if one.data == {"done": 2} and len(workers) == 1:
                    workers[0].kill()
                    workers.append(await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, redis.url))
        assert [one.data.get("tries") for one in heard if one.name == "started"] == [1, 2]
        assert heard[-1].name == "done"
        assert heard[-1].data == {"done": 6}
    finally:
        for worker in workers:
            with suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()
        await watching.close()


@pytest.mark.needs("redis")
async def test_a_job_nobody_has_begun_can_be_cancelled_and_a_lost_redis_is_named(redis: Redis) -> None:
    watching = JobsOnDocket(redis.url, SystemClock(), working=False, retake=timedelta(seconds=1))
    knowing(watching)
    await watching.start("counting", {"to": 1}, key="a")
    assert await watching.cancel("a")
    assert [one.name for one in await told(watching, "a")] == ["cancelled"]
    await redis.kill()
    with pytest.raises(Unreachable):
        await watching.start("counting", {"to": 1}, key="b")
    with pytest.raises(Unreachable):
        await watching.standing("a")
    await watching.close()
    lost = JobsOnDocket(redis.url, SystemClock())
    with pytest.raises(Unreachable):
        await lost.open()
    await lost.close()
