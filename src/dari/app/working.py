"""Where long works run, and what each kind of them does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from dari.core.clock import Clock
from dari.core.errors import BadSetting, Hint, MissingExtra
from dari.core.exchange import DEFAULT_PROFILE
from dari.serving.jobs import Jobs, JobsHere
from dari.settings import Settings
from dari.upstream.client import Client

Clients = Callable[[str], Client]

WATCH: Final = "watch"
"""Arguments: `name` of a saved search, `profile` (of whose desk); progress: the crawler's own."""
CRAWL: Final = "crawl"
"""Arguments: `crawl` (its id), `profile` (of whose desk) and `again` (read windows with a gap once more).

Progress is the crawler's own."""


def jobs_of(settings: Settings, clock: Clock, *, working: bool | None = None) -> Jobs:
    """Jobs as DARI_JOBS says; `working`: whether this process does those of others. Raises BadSetting, MissingExtra."""
    where = settings.text("DARI_JOBS")
    if where == "here":
        return JobsHere()
    url = settings.text("DARI_REDIS_URL")
    if not url:
        hint = Hint("DARI_REDIS_URL을 설정하거나 DARI_JOBS=here로 하세요.", "Set DARI_REDIS_URL, or DARI_JOBS=here.")
        raise BadSetting(f"DARI_JOBS={where} needs DARI_REDIS_URL", hint=hint)
    try:
        from dari.serving.jobs.on_docket import JobsOnDocket  # noqa: PLC0415 -- Redis and its workers are an extra
    except ImportError:
        hint = Hint("pip install 'dari[redis]'", "pip install 'dari[redis]'")
        raise MissingExtra(f"DARI_JOBS={where} needs the extra dari[redis]", hint=hint) from None
    return JobsOnDocket(url, clock, working=where == "shared" if working is None else working)


def shared_jobs(jobs: Jobs) -> Any:
    """The jobs in Redis, as one who works on them needs them. Raises BadSetting where they run in this process."""
    if isinstance(jobs, JobsHere):
        hint = Hint("DARI_JOBS=workers 와 DARI_REDIS_URL을 설정하세요.", "Set DARI_JOBS=workers and DARI_REDIS_URL.")
        raise BadSetting("with DARI_JOBS=here there is nothing to work on for others", hint=hint)
    return jobs


def register(jobs: Jobs, client_of: Clients) -> None:
    """Say how every kind of job is done."""
    jobs.register(CRAWL, partial(crawl, client_of))
    jobs.register(WATCH, partial(watch, client_of))


async def watch(client_of: Clients, arguments: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
    """One round of a saved search."""
    from dari.app.naramarket import desk_of  # noqa: PLC0415 -- a process pays for the providers it asks

    desk = desk_of(client_of("naramarket"), arguments.get("profile", DEFAULT_PROFILE))
    async with aclosing(desk.look(arguments["name"])) as told:
        async for progress in told:
            yield asdict(progress)


async def crawl(client_of: Clients, arguments: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
    """A crawl of the book, from where it was left."""
    from dari.app.naramarket import desk_of  # noqa: PLC0415 -- a process pays for the providers it asks

    desk = desk_of(client_of("naramarket"), arguments.get("profile", DEFAULT_PROFILE))
    async with aclosing(desk.run(arguments["crawl"], again=bool(arguments.get("again")))) as told:
        async for progress in told:
            yield asdict(progress)
