"""Server-sent events: a call or a job told while it runs, gone on with after `Last-Event-ID`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, Final

from starlette.responses import StreamingResponse

from dari.core.endpoint import Effect
from dari.core.progress import heard_by
from dari.serving.callers import Caller, Permit
from dari.serving.dispatch import Dispatch
from dari.serving.jobs import Jobs, Told
from dari.serving.rest_door.replying import spelled, status_of

CALL: Final = "call"
"""The kind of job that is one call of a tool."""

BEAT_SECONDS: Final = 15.0
"""How long a stream may be silent: proxies cut what is silent for a minute."""

STEP_SECONDS: Final = 0.2
"""Progress is told so often at most."""

RETRY_MILLISECONDS: Final = 1_000
OK: Final = 200


async def call(
    servers: Mapping[str, Dispatch], arguments: Mapping[str, Any]
) -> AsyncGenerator[Mapping[str, Any], None]:
    """The work of a CALL: progress as the tool tells it, then `{status, result}`."""
    latest: list[Mapping[str, Any]] = []
    dispatch, caller = servers[arguments["server"]], caller_from(arguments["caller"])
    with heard_by(lambda one: latest.__setitem__(slice(None), [one])):
        task = asyncio.ensure_future(dispatch.call(arguments["tool"], arguments["arguments"], caller))
    try:
        while not task.done():
            await asyncio.wait([task], timeout=STEP_SECONDS)
            if latest:
                yield latest.pop()
        outcome = task.result()
        yield {"status": status_of(outcome.error), "result": dict(outcome.structured)}
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def caller_told(caller: Caller) -> dict[str, Any]:
    """A caller as plain JSON, for a job that another process may do."""
    return asdict(caller)


def caller_from(told: Mapping[str, Any]) -> Caller:
    """The caller again."""

    def permits(rows: Any) -> tuple[Permit, ...]:
        return tuple(Permit(**{**row, "reach": Effect(row["reach"])}) for row in rows)

    lists = {name: tuple(told[name]) for name in ("profiles", "deny")}
    lists["allow"] = tuple(tuple(one) for one in told["allow"])
    return Caller(**{
        **told, **lists,
        "reach": Effect(told["reach"]),
        "permits": None if told["permits"] is None else permits(told["permits"]),
        "obtainable": permits(told["obtainable"]),
    })  # fmt: skip


def owner_of(caller: Caller) -> str:
    """Whose a job is: the tenant's, or of whoever is at this machine."""
    return f"{caller.tenant}/{caller.name}" if caller.tenant else "local"


def place_of(last: str) -> tuple[str, str]:
    """Job and event of a `Last-Event-ID`; empty where it is not one of ours."""
    key, _, place = last.rpartition(".")
    return (key, place) if key else ("", "")


def stream(jobs: Jobs, key: str, after: str = "") -> StreamingResponse:
    """The events of a job from after `after` on, to its end."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_told(jobs, key, after), media_type="text/event-stream", headers=headers)


async def _told(jobs: Jobs, key: str, after: str) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    async with aclosing(jobs.events(key, after)) as events:
        coming = asyncio.ensure_future(anext(events, None))
        try:
            while True:
                done, _ = await asyncio.wait([coming], timeout=BEAT_SECONDS)
                if not done:
                    yield ": still here\n\n"
                    continue
                one = coming.result()
                if one is None:
                    return
                yield written(key, one)
                coming = asyncio.ensure_future(anext(events, None))
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


def written(key: str, one: Told) -> str:
    """One event on the wire. A call that ended in an error is an `error`."""
    name = "error" if one.name == "done" and one.data.get("status", OK) != OK else one.name
    return f"id: {key}.{one.id}\nevent: {name}\ndata: {spelled({'job': key, **one.data})}\n\n"
