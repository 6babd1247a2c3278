"""Jobs of this process: tasks of its event loop, gone with it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

from dari.core.errors import NotFound
from dari.serving.jobs.standing import GAP, MOST_EVENTS, Standing, Told, Work, failure

log = logging.getLogger(__name__)

MOST_JOBS: Final = 500
"""How many ended jobs are remembered."""


class _Job:
    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self.events: deque[Told] = deque(maxlen=MOST_EVENTS)
        self.first = 0
        self.news = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class JobsHere:
    """Jobs as tasks. An event's id is a number that rises over all jobs of the process."""

    def __init__(self) -> None:
        self._works: dict[str, Work] = {}
        self._jobs: dict[str, _Job] = {}
        self._count = 0
        self._closed = False

    def register(self, kind: str, work: Work) -> None:
        self._works[kind] = work

    async def start(self, kind: str, arguments: Mapping[str, Any], *, key: str, owner: str = "local") -> Standing:
        work = self._works.get(kind)
        if work is None:
            raise NotFound(f"there is no kind of job {kind[:60]!r}")
        job = self._jobs.get(key)
        if job is not None and not job.standing.ended:
            return job.standing
        self._forget()
        job = self._jobs[key] = _Job(Standing(key, kind, owner, run=secrets.token_hex(4)))
        job.first = self._count
        job.task = asyncio.ensure_future(self._through(job, work, dict(arguments)))
        return job.standing

    async def _through(self, job: _Job, work: Work, arguments: Mapping[str, Any]) -> None:
        self._tell(job, "started", {}, state="running", tries=1)
        try:
            async with aclosing(work(arguments)) as told:
                async for progress in told:
                    self._tell(job, "progress", progress, progress=progress)
        except asyncio.CancelledError:
            self._tell(job, "cancelled", job.standing.progress, state="cancelled")
            if self._closed:
                raise
        except Exception as error:  # whatever ends a work ends its job, and is told
            reference = secrets.token_hex(4)
            log.warning("job %s failed %s", job.standing.key, reference, exc_info=error)
            said = failure(error, reference)
            self._tell(job, "failed", said, state="failed", error=said)
        else:
            self._tell(job, "done", job.standing.progress, state="done")

    def _tell(self, job: _Job, name: str, data: Mapping[str, Any], **change: Any) -> None:
        self._count += 1
        job.standing = job.standing.moved(**change)
        job.events.append(Told(str(self._count), name, dict(data)))
        job.news.set()
        job.news = asyncio.Event()

    def _forget(self) -> None:
        ended = [key for key, job in self._jobs.items() if job.standing.ended]
        for key in ended[: max(0, len(ended) - MOST_JOBS)]:
            del self._jobs[key]

    async def standing(self, key: str) -> Standing | None:
        job = self._jobs.get(key)
        return job.standing if job else None

    async def cancel(self, key: str) -> bool:
        job = self._jobs.get(key)
        if job is None or job.task is None or job.standing.ended:
            return False
        job.task.cancel()
        if job.standing.state == "queued":  # a task that never began runs no handler
            self._tell(job, "cancelled", {}, state="cancelled")
        return True

    async def events(self, key: str, after: str = "") -> AsyncGenerator[Told, None]:
        job = self._jobs.get(key)
        if job is None:
            return
        seen = int(after) if after.isdecimal() else 0
        if after and (not after.isdecimal() or seen > self._count or seen < job.first):
            seen = 0  # another process's, or of an earlier run: tell this run from its start
        if seen and job.events and seen < int(job.events[0].id) - 1:
            yield Told(str(int(job.events[0].id) - 1), GAP, {"after": after})
        while True:
            news, standing = job.news, job.standing
            for one in list(job.events):
                if int(one.id) > seen:
                    seen = int(one.id)
                    yield one
            if standing.ended and job.standing is standing:
                return
            if job.news is news:
                await news.wait()

    async def close(self) -> None:
        self._closed = True
        tasks = [job.task for job in self._jobs.values() if job.task and not job.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
