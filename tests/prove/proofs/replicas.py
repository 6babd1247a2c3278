"""Three replicas behind nginx with one Redis, killed and started again one by one under load."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from dari.cli.bench.shared import Connection, child, tool_call
from dari.providers.kis.simulator.keys import REAL
from tests.prove.proof import Outcome, Proof
from tests.prove.proofs.order_kills import free_port

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "deployments" / "nginx" / "dari.conf.template"
CONNECTIONS = 48
START_SECONDS = 90.0
TOOL = "get_volume_ranking"
EQUAL = 100
RANKING = "FHPST01710000"
"""The tr_id of the ranking the equal questions are about."""


class Replica:
    """`dari serve` on a port of its own, killed and started again."""

    def __init__(self, folder: Path, port: int, environment: dict[str, str]) -> None:
        self.port, self._folder = port, folder
        self._environment = {**os.environ, **environment, "DARI_HOME": str(folder / f"home{port}")}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "dari", "serve", "volume-ranking", "--http", "--port", str(self.port)]
        self._process = await asyncio.create_subprocess_exec(
            *command, env=self._environment, stderr=(self._folder / f"{self.port}.log").open("ab")
        )
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends:
            with suppress(OSError):
                connection = await Connection.to(f"http://127.0.0.1:{self.port}")
                status, _ = await connection.request("GET", "/readyz", {})
                connection.close()
                if status == 200:
                    return
            await asyncio.sleep(0.05)
        raise TimeoutError(f"no replica on {self.port}")

    async def stop(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()


@asynccontextmanager
async def redis(folder: Path) -> AsyncIterator[str]:
    """A Redis of its own."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder),
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await reached(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def nginx(folder: Path, replicas: list[int], per_second: int, *, fails: int = 1) -> AsyncIterator[str]:
    """nginx with the configuration that is shipped; after so many `fails` it leaves a replica alone for a second."""
    port = free_port()
    told = TEMPLATE.read_text()
    servers = "\n    ".join(f"server 127.0.0.1:{one} max_fails={fails} fail_timeout=1s;" for one in replicas)
    for name, value in (("REPLICAS", servers), ("LISTEN", f"127.0.0.1:{port}"), ("CALLS_PER_SECOND", str(per_second))):
        told = told.replace(f"${{DARI_{name}}}", value)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log warn; worker_processes 1;"
        f"events {{ worker_connections 1024; }} http {{ access_log off; {temporary} {told} }}"
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = await asyncio.create_subprocess_exec(
        program, "-p", str(folder), "-c", str(folder / "nginx.conf"), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await reached(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def reached(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(400):
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(str(port))


async def stats(simulator: str) -> dict[str, Any]:
    """What the simulated upstream counted."""
    connection = await Connection.to(simulator)
    _, body = await connection.request("GET", "/__sim__/stats", {})
    connection.close()
    return dict(json.loads(body))


class Load:
    """Calls at their due times, whatever the answers do, over so many connections."""

    def __init__(self, address: str, rate: int) -> None:
        self._address, self._rate = address, rate
        self._due: asyncio.Queue[float | None] = asyncio.Queue()
        self.ends: Counter[str] = Counter()
        self.late: list[float] = []

    async def run(self, seconds: float) -> None:
        workers = [asyncio.ensure_future(self._work()) for _ in range(CONNECTIONS)]
        start = time.monotonic()
        for number in range(int(self._rate * seconds)):
            due = start + number / self._rate
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            self._due.put_nowait(due)
        for _ in workers:
            self._due.put_nowait(None)
        await asyncio.gather(*workers)

    async def _work(self) -> None:
        headers, body = tool_call(TOOL, {"market": "KOSPI", "count": 5})
        connection: Connection | None = None
        while (due := await self._due.get()) is not None:
            try:
                connection = connection or await Connection.to(self._address)
                status, told = await asyncio.wait_for(connection.request("POST", "/mcp", headers, body), 30)
                self.ends["right" if status == 200 and b'"ranking"' in told else f"{status} {told[:200]!r}"] += 1
            except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError, StopIteration) as error:
                self.ends[type(error).__name__] += 1
                if connection is not None:
                    connection.close()
                connection = None
            self.late.append(time.monotonic() - due)
        if connection is not None:
            connection.close()


async def equal(address: str) -> int:
    """So many equal questions at once, of something nobody asked before; how many were answered."""

    async def one() -> bool:
        connection = await Connection.to(address)
        headers, body = tool_call(TOOL, {"market": "KOSDAQ", "count": 7, "include_details": False})
        status, told = await connection.request("POST", "/mcp", headers, body)
        connection.close()
        return status == 200 and b'"ranking"' in told

    return sum(await asyncio.gather(*(one() for _ in range(EQUAL))))


async def rolling(replicas: list[Replica], seconds: float, pause: float) -> int:
    """Kill one after the other, without a word or with one, and start each again; how many were."""
    ends, turn = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        await asyncio.sleep(pause)
        replica = replicas[turn % len(replicas)]
        await replica.stop(signal.SIGKILL if turn % 2 == 0 else signal.SIGTERM)
        await replica.start()
        turn += 1
    return turn


async def prove(count: int, rate: int, seconds: float, pause: float) -> Outcome:
    """The whole of it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shared = await stack.enter_async_context(redis(folder))
        simulator = await stack.enter_async_context(
            child("dari", "simulate", "kis", "--now", "2026-11-20T10:30:00+09:00", DARI_HOME=str(folder / "sim"))
        )
        environment = {
            "DARI_REDIS_URL": shared, "DARI_KIS_URL": simulator, "DARI_DOTENV": str(folder / "no.env"),
            "KOREA_INVESTMENT_APP_KEY": REAL.appkey, "KOREA_INVESTMENT_APP_SECRET": REAL.appsecret,
        }  # fmt: skip
        replicas = [Replica(folder, free_port(), environment) for _ in range(count)]
        for one in replicas:
            stack.push_async_callback(one.stop, signal.SIGTERM)
        await asyncio.gather(*(one.start() for one in replicas))
        address = await stack.enter_async_context(nginx(folder, [one.port for one in replicas], 10 * rate))
        load = Load(address, rate)
        await Load(address, 1).run(2)  # the first answer is kept before the load begins
        before = await stats(simulator)
        answered = await equal(address)
        asked = await stats(simulator)
        killing = asyncio.ensure_future(rolling(replicas, seconds - pause, pause))
        await load.run(seconds)
        killed = await killing
        after = await stats(simulator)
    late = sorted(load.late)
    wrong = {end: number for end, number in load.ends.items() if end != "right"}
    refused = int(after["refusals"].get("EGW00201", 0))
    equal_calls = asked["calls"].get(RANKING, 0) - before["calls"].get(RANKING, 0)
    return Outcome(
        holds=not wrong and answered == EQUAL and killed > 0 and not refused and equal_calls <= 1,
        figures={
            "calls": sum(load.ends.values()),
            "failed_calls": sum(wrong.values()),
            "kills": killed,
            "refused_by_upstream": refused,
            "equal_questions_answered": answered,
            "upstream_calls_for_them": equal_calls,
            "median_ms": round(1000 * late[len(late) // 2], 1),
            "p99_ms": round(1000 * late[int(len(late) * 0.99)], 1),
        },
        load=f"{count} replicas, nginx and Redis, {rate} calls a second for {seconds:g} s, a kill every {pause:g} s",
        why=", ".join(f"{number} x {end}" for end, number in wrong.items()),
    )


PROOF = Proof(
    name="replicas",
    title="Replicas behind nginx are killed and restarted one by one: no READ call fails, equal questions are one.",
    rooms=("src/dari/serving", "src/dari/core/shared_state", "src/dari/upstream", "deployments/nginx"),
    short=lambda: prove(count=2, rate=15, seconds=5.0, pause=1.5),
    long=lambda: prove(count=3, rate=300, seconds=60.0, pause=3.0),
)
