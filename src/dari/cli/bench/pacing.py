"""Four processes with one key against a strict one-second window: how much of the permitted rate, how many refusals."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dari.cli.bench.shared import Connection, Measured, child
from dari.core.clock import SystemClock
from dari.core.endpoint import Endpoint
from dari.core.events import Events
from dari.core.exchange import Call, Grant, Reply
from dari.core.provider import Rate, Request
from dari.core.shared_state import FileState, SharedState
from dari.upstream.client import Client, Rules
from dari.upstream.pacing import FileRing, Ring, SharedRing, Ticket
from dari.upstream.retry import RetryRules
from dari.upstream.wire import Wire

LIMIT = 18
PROCESSES = 4
HOGS = 3
AT_LEAST = 0.97
STALL_MILLISECONDS = 20.0
ROW = Endpoint(id="bench.price", provider="bench", title="현재가", cache_seconds=0)


class Plain:
    """A dialect with nothing of its own: one lane of 18 a second, no sign-in."""

    name = "bench"

    def __init__(self, wire: Wire, address: str, clock: SystemClock) -> None:
        self._wire = wire
        self._address = address
        self._clock = clock

    def check(self, _: Call) -> None:
        return

    def lane(self, _: Call) -> str:
        return "bench"

    def limits(self, _: Call) -> tuple[tuple[str, Rate], ...]:
        return (("bench", Rate(LIMIT)),)

    def grant_name(self, _: str, __: str) -> str | None:
        return None

    async def sign_in(self, _: str, __: str) -> Grant:
        raise NotImplementedError  # grant_name says that there is none

    async def __call__(self, _: Call, /) -> Reply:
        response = await self._wire.send(Request("GET", f"{self._address}/price"))
        return Reply(json.loads(response.content), self._clock.now())


class Rows:
    """A spec of one row."""

    def endpoint(self, _: str) -> Endpoint:
        return ROW

    def ids(self) -> tuple[str, ...]:
        return (ROW.id,)


class Timed:
    """The ring, with the longest time one look at it held the event loop."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self.longest_cpu = 0.0
        self.longest_wall = 0.0
        self.corrected = 0

    async def take(self, lane: str, rate: Rate) -> Ticket | float:
        wall, cpu = time.perf_counter(), time.thread_time()
        ticket = await self._ring.take(lane, rate)
        self.longest_cpu = max(self.longest_cpu, time.thread_time() - cpu)
        self.longest_wall = max(self.longest_wall, time.perf_counter() - wall)
        return ticket

    async def correct(self, lane: str, rate: Rate, ticket: Ticket, late: float) -> None:
        self.corrected += 1
        await self._ring.correct(lane, rate, ticket, late)


async def work(address: str, seconds: float) -> dict[str, float]:
    """Call through the whole chain from eight tasks for `seconds`."""
    clock, wire = SystemClock(), Wire()
    folder = Path(os.environ["DARI_HOME"])
    state: SharedState = FileState(folder, clock)
    ring = Timed(FileRing(folder, clock))
    if url := os.environ.get("DARI_REDIS_URL"):
        from dari.core.shared_state.networked import Degrading, RedisState  # noqa: PLC0415 -- Redis is an extra

        state = Degrading(RedisState(url, clock), state, clock, Events())
        ring = Timed(SharedRing(state, FileRing(folder, clock), clock, folder.name))
    client = Client(
        spec=Rows(), dialect=Plain(wire, address, clock), state=state, ring=ring, clock=clock,
        events=Events(), rules=Rules(retry=RetryRules(attempts=1)),
    )  # fmt: skip
    until = clock.monotonic() + seconds

    async def asking() -> None:
        while clock.monotonic() < until:
            await client.asking().ask(ROW.id)

    await asyncio.gather(*(asking() for _ in range(8)))
    await wire.close()
    return {"cpu_ms": ring.longest_cpu * 1000, "wall_ms": ring.longest_wall * 1000, "corrected": ring.corrected}


@asynccontextmanager
async def redis_server(folder: str) -> AsyncIterator[str]:
    """A private redis-server on a socket in `folder`; yields its URL."""
    socket = Path(folder) / "redis.sock"
    process = await asyncio.create_subprocess_exec(
        "redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not socket.exists():  # noqa: ASYNC110 -- a file appears; there is no event to wait for
            await asyncio.sleep(0.02)
        yield f"unix://{socket}"
    finally:
        process.terminate()
        await process.wait()


async def _run(seconds: float, hogs: int, machines: int = 1) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        homes = [f"{folder}/{number}" for number in range(machines)]
        shared = {}
        if machines > 1:
            shared["DARI_REDIS_URL"] = await stack.enter_async_context(redis_server(folder))
        role = "dari.cli.bench.children"
        address = await stack.enter_async_context(child(role, "window", str(LIMIT)))
        for _ in range(hogs):
            await stack.enter_async_context(child(role, "hog"))
        workers = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", role, "worker", address, str(seconds + 4),
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, **shared, "DARI_HOME": homes[number % machines]},
            )
            for number in range(PROCESSES)
        ]  # fmt: skip
        stalls = [json.loads((await worker.communicate())[0]) for worker in workers]
        client = await Connection.to(address)
        _, body = await client.request("GET", "/told", {})
        client.close()
    told = json.loads(body)
    first = told["arrivals"][0]
    inside = sum(1 for at in told["arrivals"] if at - first < seconds)
    return {
        "share": inside / (LIMIT * seconds),
        "refused": told["refused"],
        "short_by_ms": told["short_by_ms"][:5],
        "corrected": sum(one["corrected"] for one in stalls),
        "loop_held_cpu_ms": round(max(one["cpu_ms"] for one in stalls), 2),
        "loop_held_wall_ms": round(max(one["wall_ms"] for one in stalls), 2),
    }


async def measure(*, long: bool, brief: bool = False) -> list[Measured]:
    """Idle and with three CPU hogs (the worse counts); and two homes that share a Redis, where one is installed.

    `brief` leaves the easier one of the first two out.
    """
    seconds = 60.0 if long else 4.0 if brief else 10.0
    found = []
    runs = [("pacing-hogs", HOGS, 1)] if brief else [("pacing-idle", 0, 1), ("pacing-hogs", HOGS, 1)]
    if shutil.which("redis-server"):
        runs.append(("pacing-machines", 0, 2))
    for name, hogs, machines in runs:
        told = await _run(seconds, hogs, machines)
        held = told["loop_held_wall_ms"] if not hogs else told["loop_held_cpu_ms"]
        found.append(
            Measured(
                name=name,
                figure=round(told["share"] * LIMIT, 2),
                unit="calls/s",
                floor=float(LIMIT),
                ratio=round(told["share"], 4),
                limit=AT_LEAST,
                rising=True,
                within=told["share"] >= AT_LEAST and not told["refused"] and held <= STALL_MILLISECONDS,
                more=dict(MappingProxyType(told))
                | {"seconds": seconds, "processes": PROCESSES, "hogs": hogs, "machines": machines},
            )
        )
    return found
