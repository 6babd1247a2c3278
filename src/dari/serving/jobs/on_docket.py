"""Jobs on pydocket: any process that shares the Redis may take one, and another goes on where a worker died."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Final, Self

from docket import Docket, Worker

from dari.core.clock import Clock
from dari.core.errors import Hint, NotFound, Unreachable
from dari.core.shared_state.networked import LOST, RedisState
from dari.serving.jobs.standing import GAP, MOST_EVENTS, Standing, Told, Work, failure

log = logging.getLogger(__name__)

NAME: Final = "dari-jobs"
KEEP_SECONDS: Final = 7 * 86_400.0
"""How long an ended job and its events are remembered."""

LOOK_SECONDS: Final = 0.25
"""How often a reader looks for new events."""

RETAKE: Final = timedelta(seconds=15)
"""How long a worker may be silent before another takes its job."""

PLACE: Final = re.compile(r"\d{1,20}-\d{1,20}")
"""An id of a Redis stream; what else a client sends back as Last-Event-ID is not one of ours."""

DONE_WITHOUT: Final = Hint(
    "Redis에 연결할 수 없습니다. DARI_REDIS_URL과 서버 상태를 확인하세요.",
    "Redis does not answer: look at DARI_REDIS_URL and at the server.",
)


class JobsOnDocket:
    """Jobs by key in Redis. `working`: this process also does them; otherwise it only starts and watches.

    What Redis holds is trusted: pydocket's tasks are pickled, so whoever may write to it may run code here.
    """

    def __init__(
        self, url: str, clock: Clock, *, working: bool = True, concurrency: int = 4, retake: timedelta = RETAKE
    ) -> None:
        self._clock = clock
        self._state = RedisState(url, clock)
        self._docket = Docket(NAME, url, execution_ttl=timedelta(seconds=60))
        self._docket.register(self._work, names=[NAME])
        self._working, self._concurrency, self._retake = working, concurrency, retake
        self._works: dict[str, Work] = {}
        self._opened = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None

    def register(self, kind: str, work: Work) -> None:
        self._works[kind] = work

    async def open(self) -> Self:
        """Connect, and begin to work where this process does. Raises Unreachable."""
        async with self._opened:
            if self._running is None:
                try:
                    await self._state.get("alive")
                except LOST as error:
                    raise Unreachable("Redis, where jobs are kept, does not answer", hint=DONE_WITHOUT) from error
                ready = asyncio.Event()
                self._running = asyncio.ensure_future(self._run(ready))
                self._running.add_done_callback(lambda _: ready.set())
                await ready.wait()
        return self

    async def _run(self, ready: asyncio.Event) -> None:
        """Keep the connection, in one task from its start to its end: pydocket's context belongs to a task."""
        async with self._docket:
            if not self._working:
                ready.set()
                await asyncio.Event().wait()
            worker = Worker(
                self._docket,
                concurrency=self._concurrency,
                redelivery_timeout=self._retake,
                schedule_automatic_tasks=False,
            )
            async with worker:
                ready.set()
                await worker.run_forever()

    async def work(self) -> None:
        """Work until stopped (`dari worker`)."""
        await self.open()
        if self._running is not None:
            await self._running

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._state.close()

    # --- from outside ---

    async def start(self, kind: str, arguments: Mapping[str, Any], *, key: str, owner: str = "local") -> Standing:
        if kind not in self._works:
            raise NotFound(f"there is no kind of job {kind[:60]!r}")
        await self.open()
        try:
            async with self._state.lock(f"job {key}"):
                known = await self.standing(key)
                if known is not None and not known.ended:
                    return known
                standing = Standing(key, kind, owner, run=secrets.token_hex(4))
                await self._state.drop(f"events {key}")
                await self._keep(standing)
                await self._docket.add(NAME, key=f"{key}#{standing.run}")(kind, key, json.dumps(dict(arguments)))
        except LOST as error:
            raise Unreachable("Redis, where jobs are kept, does not answer", hint=DONE_WITHOUT) from error
        return standing

    async def standing(self, key: str) -> Standing | None:
        try:
            kept = await self._state.get(f"job {key}")
        except LOST as error:
            raise Unreachable("Redis, where jobs are kept, does not answer", hint=DONE_WITHOUT) from error
        return Standing(**kept) if kept else None

    async def cancel(self, key: str) -> bool:
        standing = await self.standing(key)
        if standing is None or standing.ended:
            return False
        await self.open()
        await self._state.put(f"cancel {key}", {"run": standing.run}, seconds=3_600.0)
        if standing.state == "queued":
            await self._tell(standing.moved(state="cancelled"), "cancelled", {})
        await self._docket.cancel(f"{key}#{standing.run}")
        return True

    async def events(self, key: str, after: str = "") -> AsyncGenerator[Told, None]:
        seen = after if PLACE.fullmatch(after) else ""
        while True:
            standing = await self.standing(key)
            if standing is None:
                return
            first, rows = await self._state.since(f"events {key}", seen)
            if seen and first and after_gap(seen, first):
                yield Told(seen, GAP, {"after": seen})
            for place, row in rows:
                seen = place
                yield Told(place, row["name"], json.loads(row["data"]))
            if standing.ended and not rows:
                return
            if not rows:
                await self._clock.sleep(LOOK_SECONDS)

    # --- inside a worker ---

    async def _work(self, kind: str, key: str, arguments: str) -> None:
        standing = await self.standing(key)
        work = self._works.get(kind)
        if standing is None or standing.ended:
            return
        if work is None:  # a worker of another version: it would be taken for done
            raise NotFound(f"this worker does not know jobs of kind {kind!r}")
        standing = standing.moved(state="running", tries=standing.tries + 1)
        await self._tell(standing, "started", {"tries": standing.tries})
        try:
            async with aclosing(work(json.loads(arguments))) as told:
                async for progress in told:
                    standing = standing.moved(progress=dict(progress))
                    await self._tell(standing, "progress", progress)
        except asyncio.CancelledError:
            asked = await self._state.get(f"cancel {key}")
            if asked and asked["run"] == standing.run:
                await self._tell(standing.moved(state="cancelled"), "cancelled", standing.progress)
            raise  # a worker that stops leaves the job to the others
        except Exception as error:  # whatever ends a work ends its job, and is told
            reference = secrets.token_hex(4)
            log.warning("job %s failed %s", key, reference, exc_info=error)
            said = failure(error, reference)
            await self._tell(standing.moved(state="failed", error=said), "failed", said)
        else:
            await self._tell(standing.moved(state="done"), "done", standing.progress)

    async def _tell(self, standing: Standing, name: str, data: Mapping[str, Any]) -> None:
        """Append the event, then keep the standing: a reader that sees the end has all events before it.

        Progress that Redis does not take is lost and the work goes on; an end is tried until it is taken.
        """
        while True:
            try:
                row = {"name": name, "data": json.dumps(dict(data), ensure_ascii=False, default=str)}
                await self._state.append(f"events {standing.key}", row, most=MOST_EVENTS, seconds=KEEP_SECONDS)
                await self._keep(standing)
            except LOST:
                log.warning("Redis did not take the event %s of job %s", name, standing.key)
                if not standing.ended:
                    return
                await self._clock.sleep(1.0)
            else:
                return

    async def _keep(self, standing: Standing) -> None:
        await self._state.put(f"job {standing.key}", standing.as_dict(), seconds=KEEP_SECONDS)


def after_gap(seen: str, first: str) -> bool:
    """Whether the oldest kept event is later than the one after `seen`, as far as ids of a Redis stream tell."""
    return [*map(int, first.split("-"))] > [*map(int, seen.split("-"))]
