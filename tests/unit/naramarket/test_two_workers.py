"""Two workers on one Redis: the same rows as one worker alone, and one quota for both."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dari.app.naramarket import desk_of
from dari.app.parts import Parts
from dari.app.runtime import Runtime
from dari.core.clock import SystemClock
from dari.providers.naramarket.crawler import success, whole
from dari.providers.naramarket.crawler.desk import Desk, job_key
from dari.providers.naramarket.simulator import SIMULATED_KEY, Limits, create_app
from dari.settings import resolve
from dari.upstream.wire import Wire
from dari.worlds.procurement import World
from tests.support import settings
from tests.unit.naramarket.conftest import GOODS, NOW
from tests.unit.shared.test_networked import Redis

pytestmark = [pytest.mark.needs("redis"), pytest.mark.serial]
FORTNIGHTS = [(date(2026, 9, 1), date(2026, 9, 14)), (date(2026, 9, 15), date(2026, 9, 30)),
              (date(2026, 8, 1), date(2026, 8, 15)), (date(2026, 8, 16), date(2026, 8, 31))]  # fmt: skip


class Calendar(SystemClock):
    """Real seconds on another day."""

    def __init__(self) -> None:
        self.shift = NOW - datetime.now(NOW.tzinfo)

    def now(self) -> datetime:
        return super().now() + self.shift


class Shared:
    """One simulated upstream and one Redis, for as many machines as join."""

    def __init__(self, redis: Redis, world: World, folder: Path, **limits: Any) -> None:
        self.redis, self.folder, self.clock = redis, folder, Calendar()
        self.app = create_app(world, clock=self.clock, limits=Limits(**limits))
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://simulated")

    @asynccontextmanager
    async def machine(self, home: str, *, working: bool = False, **environment: str) -> AsyncIterator[Runtime]:
        more = {"DARI_HOME": str(self.folder / home), "DARI_REDIS_URL": self.redis.url,
                "NARAMARKET_SERVICE_KEY": SIMULATED_KEY, "DARI_NARAMARKET_URL": "http://127.0.0.1:1"}  # fmt: skip
        found = resolve(environment=settings(self.folder, **more, **environment), home=self.folder)
        async with Runtime(found, clock=self.clock, working=working) as runtime:
            yield runtime

    async def truth(self, start: date, end: date) -> set[str]:
        first, last = whole(start, end).spelled("YYYYMMDDHHMM")
        service, _, operation = GOODS.rpartition(".")
        asked = {"inqryDiv": "1", "inqryBgnDt": first, "inqryEndDt": last}
        return set((await self.http.get(f"/__truth__/{service}/{operation}", params=asked)).json()["keys"])

    async def received(self) -> int:
        return int((await self.http.get("/__sim__/stats")).json()["received"])


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path may not be long
        one = Redis(Path(folder))
        await one.start()
        yield one
        await one.kill()


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The app that every wire of the test leads to."""
    apps: list[Any] = []
    monkeypatch.setattr(Parts, "wire", lambda _self, **_: Wire.to_app(apps[0]))
    return apps


async def begun(desk: Desk, start: date, end: date) -> str:
    return await desk.begin(await desk.plan(GOODS, "registered", start, end, {}))


async def test_two_workers_on_one_redis_same_result(
    redis: Redis, world: World, tmp_path: Path, joined: list[Any]
) -> None:
    shared = Shared(redis, world, tmp_path, base=0.02)
    joined.append(shared.app)
    async with AsyncExitStack() as stack:
        asker = await stack.enter_async_context(shared.machine("home", DARI_JOBS="workers"))
        desk = desk_of(asker.client_of("naramarket"))
        crawls = [await begun(desk, *days) for days in FORTNIGHTS]
        for crawl in crawls:
            await desk.start(crawl)
        workers = [await stack.enter_async_context(shared.machine("home", working=True, DARI_JOBS="workers"))
                   for _ in range(2)]  # fmt: skip
        for worker in workers:
            jobs: Any = worker.parts.jobs
            await jobs.open()
        async with asyncio.timeout(30.0):
            for crawl in crawls:
                async with aclosing(asker.parts.jobs.events(job_key(crawl))) as events:
                    assert [one.name async for one in events][-1] == "done"
        receipts = await desk.on(lambda book: [one for crawl in crawls for one in book.receipts(crawl)])
        assert success(receipts)
        keys = await desk.on(lambda book: book.keys(GOODS))
        truth = set[str]().union(*[await shared.truth(*days) for days in FORTNIGHTS])
        assert keys == truth
        assert await shared.received() == sum(max(1, -(-one["expected"] // 999)) for one in receipts)
        assert not await desk.running(crawls[0])
    await shared.http.aclose()


async def through(desk: Desk, crawl: str) -> str:
    state = ""
    async with aclosing(desk.run(crawl)) as told:
        async for progress in told:
            state = progress.state
    return state


async def test_two_workers_on_one_redis_one_quota(
    redis: Redis, world: World, tmp_path: Path, joined: list[Any]
) -> None:
    """Two machines, each with a store of its own: what one finds spent, the other spends no call to find out."""
    shared = Shared(redis, world, tmp_path, base=0.02, quota=4)
    joined.append(shared.app)
    async with shared.machine("one") as one, shared.machine("other") as other:
        desks = [desk_of(machine.client_of("naramarket")) for machine in (one, other)]
        for desk in desks:
            await desk.on(lambda book: book.learn(GOODS, size=100))
        crawls = [await begun(desk, *days) for desk, days in zip(desks, FORTNIGHTS, strict=False)]
        assert await through(desks[0], crawls[0]) == "quota"
        spent = await shared.received()
        assert await through(desks[1], crawls[1]) == "quota"
        assert await shared.received() == spent  # not one call more
        assert (await desks[1].on(lambda book: book.spent(shared.clock.now()))) == {}
        row = await desks[1].on(lambda book: book.crawl(crawls[1]))
        assert row.resume_not_before == "2026-11-21T00:00:00+09:00"
        for _ in range(12):
            shared.clock.shift += timedelta(days=1)
            states = [await through(desk, crawl) for desk, crawl in zip(desks, crawls, strict=True)]
            if states == ["done", "done"]:
                break
        keys = [await desk.on(lambda book: book.keys(GOODS)) for desk in desks]
        assert keys[0] | keys[1] == await shared.truth(*FORTNIGHTS[0]) | await shared.truth(*FORTNIGHTS[1])
    await shared.http.aclose()
