"""The payment platform under load on the real parts: rate, latency, what is left behind, and the books afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from dari.core.clock import SystemClock
from dari.services.monitoring.adapters.connect import Addresses, connect
from dari.services.monitoring.monitor import Monitor
from dari.services.payments.adapters.sql import Database
from dari.services.stack.stack import Stack
from scripts.provision import JARS
from tests.prove.proof import Outcome, Proof

P95_MS = 85.0
GOOD = 0.999
STEP = 0.1
ANSWERS = frozenset({200, 402, 409})


class Sender:
    """HTTP/1.1 over kept connections, as lean as a generator must be that shares two cores with what it measures."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        line = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
        sent = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: p\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
        )
        line[1].write(head.encode() + sent)
        top = (await line[0].readuntil(b"\r\n\r\n")).decode()
        size = next(int(row[15:]) for row in top.split("\r\n") if row.lower().startswith("content-length:"))
        said = await line[0].readexactly(size)
        self._idle.append(line)
        return int(top[9:12]), json.loads(said)

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        for _, writer in idle:
            writer.close()


async def send(sender: Sender, rate: int, seconds: int, *, flow: bool, name: str) -> tuple[list[float], Counter[int]]:
    """Payments at their due times, whatever the answers do; latency from the due time, in ms."""
    dice, late, ends, flying = random.Random(name), list[float](), Counter[int](), set[asyncio.Task[None]]()

    async def one(number: int, due: float) -> None:
        merchant = f"M{dice.randint(1, 1000)}"
        order = {"merchantId": merchant, "amount": 1000 * dice.randint(1, 50), "currency": "KRW"}
        status, said = await sender.post("/payments/authorize", {**order, "idempotencyKey": f"{name}-{number}"})
        late.append(1000 * (time.monotonic() - due))
        ends[status] += 1
        if not flow or status != 200:
            return
        mine = {"merchantId": merchant}
        for path, body in (("capture", mine), ("refund", {**mine, "reason": "load"})):
            await asyncio.sleep(STEP)
            status, _ = await sender.post(f"/payments/{path}/{said['paymentId']}", body)
            # A worker may be quicker (409), and of twenty gateway calls one is declined (402): answers.
            ends[200 if status in ANSWERS else status] += 1

    start = time.monotonic()
    for number in range(rate * seconds):
        due = start + number / rate
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(number, due))
        flying.add(task)
        task.add_done_callback(flying.discard)
    await asyncio.gather(*flying)
    return sorted(late), ends


async def prove(authorize: int, flow: int, seconds: int, *, strict: bool) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="dari-prove-") as home:
        stack = Stack(Path(home) / "stack", JARS)
        await asyncio.to_thread(stack.up, ["mariadb", "redis", "kafka"])
        places = {**os.environ, **stack.addresses(), "DARI_HOME": home, "PYTHONPATH": os.pathsep.join(sys.path)}
        port, spare = stack.ports["platform"], stack.ports["monitoring"]
        programs = []
        try:
            for role, where in (("api", port), ("workers", spare)):
                command = ["-m", "dari", "service", "payments", "--role", role, "--port", str(where)]
                told = asyncio.subprocess.PIPE
                made = await asyncio.create_subprocess_exec(sys.executable, *command, env=places, stdout=told)
                assert made.stdout is not None
                assert await made.stdout.readline(), f"{role} did not start"
                programs.append(made)
            return await _measured(stack, port, authorize, flow, seconds, strict=strict)
        finally:
            for made in programs:
                made.terminate()
                await made.wait()
            await asyncio.to_thread(stack.down)


async def _drained(database: Database) -> float:
    """Seconds until nothing waits any more: events unpublished, captures and refunds on their way."""
    start = time.monotonic()
    while time.monotonic() - start < 600:
        rows = await database.rows(
            "SELECT (SELECT COUNT(*) FROM outbox_event WHERE published = 0) AS a,"
            " (SELECT COUNT(*) FROM payment WHERE status IN ('CAPTURE_REQUESTED', 'REFUND_REQUESTED')) AS b,"
            " (SELECT COUNT(*) FROM outbox_event WHERE event_type IN ('PAYMENT_CAPTURED', 'PAYMENT_REFUNDED'))"
            " - (SELECT COUNT(*) FROM ledger_entry) AS c",
        )
        if not any(rows[0].values()):
            return time.monotonic() - start
        await asyncio.sleep(0.5)
    return float("inf")


async def _measured(stack: Stack, port: int, authorize: int, flow: int, seconds: int, *, strict: bool) -> Outcome:
    sender, database = Sender(port), Database(stack.addresses()["DARI_PAYMENTS_DB_URL"], timeout=30)
    late, ends = await send(sender, authorize, seconds, flow=False, name="a")
    backlog = (await database.rows("SELECT COUNT(*) AS n FROM payment WHERE status = 'CAPTURE_REQUESTED'"))[0]["n"]
    drained = await _drained(database)
    await sender.close()  # the server has let go of what was idle meanwhile
    flows, flow_ends = await send(sender, flow, seconds, flow=True, name="f")
    quiet = await _drained(database)
    await sender.close()
    await database.close()
    where = stack.addresses()
    parts = Addresses(
        platform=where["DARI_PAYMENTS_URL"],
        database=stack.reading_url,
        redis=where["DARI_PAYMENTS_REDIS_URL"],
        kafka=where["DARI_PAYMENTS_KAFKA_BOOTSTRAP"],
        deadline=30,
    )
    ports, close = connect(parts, SystemClock())
    books = await Monitor(ports, SystemClock()).reconciler.run()
    await close()
    p95 = late[int(0.95 * len(late)) - 1]
    share = min(one[200] / sum(one.values()) for one in (ends, flow_ends))
    speed = backlog / drained if drained else float("inf")
    right = books["findingCount"] == 0 and share >= GOOD
    quick = p95 <= P95_MS and (backlog < 1000 or speed >= 200) and quiet <= 10
    return Outcome(
        holds=right and (quick or not strict),
        figures={
            "authorize_per_second": authorize,
            "p95_ms": round(p95, 1),
            "p99_ms": round(late[int(0.99 * len(late)) - 1], 1),
            "right_percent": round(100 * share, 3),
            "backlog_payments": int(backlog),
            "backlog_seconds": round(drained, 1),
            "flows_per_second": flow,
            "flow_p95_ms": round(flows[int(0.95 * len(flows)) - 1], 1),
            "flow_quiet_after_seconds": round(quiet, 1),
            "contradictions_in_the_books": books["findingCount"],
        },
        load=f"{authorize} authorizations, then {flow} whole payments a second, {seconds} s each, all parts beside it",
        why=""
        if right and quick
        else str({"answers": dict(ends), "flows": dict(flow_ends), "books": books["message"]}),
    )


PROOF = Proof(
    name="payments-load",
    title="600 authorizations a second at p95 85 ms on MariaDB, Redis and Kafka; 200 whole payments; every book right.",
    rooms=("src/dari/services/payments", "src/dari/services/stack"),
    short=lambda: prove(20, 5, 2, strict=False),
    long=lambda: prove(600, 200, 60, strict=True),
    serial=True,
)
