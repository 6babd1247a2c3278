"""The payment platform under load on the real parts: rate, latency, what is left behind, and the books afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dari.services.monitoring.adapters.operator_hands import runners_of
from dari.services.monitoring.api.loadtest_pages import values
from dari.services.monitoring.operating import Going, Load
from dari.services.payments.adapters.sql import Database
from scripts.provision import BUILT
from tests.prove.payment_parts import Running, running
from tests.prove.proof import Figure, Outcome, Proof

P95_MS = 85.0
GOOD = 0.999
WANTED = 600
DRAINED_PER_SECOND = 200
QUIET_SECONDS = 10.0
LATE_SECONDS = 2.0
"""How long after the last payment began the last of its calls may be answered."""
APART = 0.10
"""How far the figures of two generators may lie apart."""
STEP = 0.1
ANSWERS = frozenset({200, 402, 409})
AUTHORIZED = "authorized"
RIGHT = frozenset({200, AUTHORIZED})


class Sender:
    """HTTP/1.1 over kept connections, as lean as a generator must be that shares two cores with what it measures."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        sent = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: p\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
        )
        if self._idle:
            try:
                return await self._once(self._idle.pop(), head.encode() + sent)
            except (OSError, asyncio.IncompleteReadError):
                pass  # the server let go of what was idle; the key makes one payment of both tries
        return await self._once(await asyncio.open_connection("127.0.0.1", self._port), head.encode() + sent)

    async def _once(self, line: tuple[asyncio.StreamReader, asyncio.StreamWriter], sent: bytes) -> tuple[int, Any]:
        line[1].write(sent)
        top = (await line[0].readuntil(b"\r\n\r\n")).decode()
        size = next(int(row[15:]) for row in top.split("\r\n") if row.lower().startswith("content-length:"))
        said = await line[0].readexactly(size)
        self._idle.append(line)
        return int(top[9:12]), json.loads(said)

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        for _, writer in idle:
            writer.close()


async def send(
    sender: Sender, rate: int, seconds: int, *, flow: bool, name: str
) -> tuple[list[float], Counter[int | str]]:
    """Payments at their due times, whatever the answers do; latency from the due time, in ms. No answer is a 0.

    `AUTHORIZED` counts the payments that were told to be authorized: every one of these must be stored.
    """
    dice, late, ends, flying = random.Random(name), list[float](), Counter[int | str](), set[asyncio.Task[None]]()

    async def ask(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        try:
            return await sender.post(path, body)
        except (OSError, asyncio.IncompleteReadError):
            return 0, None

    async def one(number: int, due: float) -> None:
        merchant = f"M{dice.randint(1, 1000)}"
        order = {"merchantId": merchant, "amount": 1000 * dice.randint(1, 50), "currency": "KRW"}
        status, said = await ask("/payments/authorize", {**order, "idempotencyKey": f"{name}-{number}"})
        late.append(1000 * (time.monotonic() - due))
        ends[status] += 1
        ends[AUTHORIZED] += status == 200
        if not flow or status != 200:
            return
        mine = {"merchantId": merchant}
        for path, body in (("capture", mine), ("refund", {**mine, "reason": "load"})):
            await asyncio.sleep(STEP)
            status, _ = await ask(f"/payments/{path}/{said['paymentId']}", body)
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


def at(share: float, late: Sequence[float]) -> float:
    """A percentile of sorted times, to a tenth."""
    return round(late[max(0, int(share * len(late)) - 1)], 1)


def right(ends: Counter[int | str]) -> float:
    """The share of requests that were answered as they should be."""
    return ends[200] / (ends.total() - ends[AUTHORIZED])


def holds(late: Sequence[float], ends: Counter[int | str]) -> bool:
    return at(0.95, late) <= P95_MS and right(ends) >= GOOD


async def climb(steps: Sequence[int], seconds: int) -> tuple[list[int], dict[str, Figure]]:
    """Rates held for `seconds` each, up to the first that is not held even at a second try; each step's p95."""
    held, figures = list[int](), dict[str, Figure]()
    async with running() as here:
        sender = Sender(here.port)
        await send(sender, min(steps), 3, flow=False, name="warm")
        for rate in steps:
            for again in range(2):
                late, ends = await send(sender, rate, seconds, flow=False, name=f"s{rate}-{again}")
                figures[f"p95_ms_at_{rate}"] = at(0.95, late)
                await here.drained(60)
                if holds(late, ends):
                    held.append(rate)
                    break
            else:
                break
        await sender.close()
    return held, figures


async def measured(here: Running, rate: int, flow: int, seconds: int, *, strict: bool) -> dict[str, Any]:
    """The rate for `seconds`, its backlog drained, whole payments for as long, and how long until nothing waits."""
    sender, database = Sender(here.port), Database(here.stack.addresses()["DARI_PAYMENTS_DB_URL"], timeout=30)
    if strict:
        await send(sender, min(rate, 100), 3, flow=False, name="w")
        await here.drained()
    late, ends = await send(sender, rate, seconds, flow=False, name="a")
    asked = "SELECT COUNT(*) AS n FROM payment WHERE status = 'CAPTURE_REQUESTED'"
    backlog = int((await database.rows(asked))[0]["n"])
    drained = await here.drained()
    begun = time.monotonic()
    flows, flow_ends = await send(sender, flow, seconds, flow=True, name="f")
    took = time.monotonic() - begun
    quiet = await here.drained()
    stored = "SELECT COUNT(*) AS n FROM payment WHERE idempotency_key LIKE 'a-%' OR idempotency_key LIKE 'f-%'"
    kept = int((await database.rows(stored))[0]["n"])
    await sender.close()
    await database.close()
    speed = backlog / drained if drained else float("inf")
    why = {
        "not held": at(0.95, late) > P95_MS or right(ends) < GOOD,
        # The gateway alone takes three seconds for what came last.
        "drains slowly": drained > QUIET_SECONDS and speed < DRAINED_PER_SECOND,
        "not quiet": quiet > QUIET_SECONDS,
        "flows fail": right(flow_ends) < GOOD,
        "flows are late": took > seconds + LATE_SECONDS,
    }
    figures: dict[str, Figure] = {
        "authorize_per_second": rate,
        "p50_ms": at(0.5, late),
        "p95_ms": at(0.95, late),
        "p99_ms": at(0.99, late),
        "success_percent": round(100 * right(ends), 3),
        "backlog_payments": backlog,
        "backlog_seconds": round(drained, 1),
        "backlog_drained_per_second": round(speed) if drained else None,
        "flows_per_second": flow,
        "flow_seconds": round(took, 1),
        "flow_p95_ms": at(0.95, flows),
        "flow_success_percent": round(100 * right(flow_ends), 3),
        "flow_quiet_after_seconds": round(quiet, 1),
        "not_answered_right": json.dumps({str(one): n for one, n in (ends + flow_ends).items() if one not in RIGHT}),
        "answered_and_not_stored": max(0, ends[AUTHORIZED] + flow_ends[AUTHORIZED] - kept),
    }
    return {"figures": figures, "slow": [name for name, wrong in why.items() if wrong], "held": not why["not held"]}


async def compared(here: Running, k6: str, rate: int, seconds: int, rounds: int) -> tuple[dict[str, Figure], float]:
    """The same shape and rate by k6 and by the built-in runner in turns: their figures, and how far they lie apart."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="dari-load-") as folder:
        for turn in range(rounds):
            for name, run in runners_of(k6).items():
                file = Path(folder) / f"{name}-{turn}.json"
                await run(Load(target=f"http://127.0.0.1:{here.port}", rate=rate, seconds=seconds), file, Going(0))
                said = json.loads(await asyncio.to_thread(file.read_text))
                times, requests = values(said, "http_req_duration"), values(said, "http_reqs")
                found.setdefault(name, []).append((requests["rate"], times["med"], times["p(95)"]))
                await here.drained()
    figures: dict[str, Figure] = {"compared_at_per_second": rate}
    apart, means = 0.0, {}
    for name, rows in found.items():
        means[name] = [sum(column) / len(column) for column in zip(*rows, strict=True)]
    for what, ours, theirs in zip(("per_second", "p50_ms", "p95_ms"), means["builtin"], means["k6"], strict=True):
        figures |= {f"builtin_{what}": round(ours, 1), f"k6_{what}": round(theirs, 1)}
        apart = max(apart, abs(ours / theirs - 1))
    return figures | {"k6_and_builtin_apart_percent": round(100 * apart, 1)}, apart


async def prove(steps: Sequence[int], step: int, flow: int, seconds: int, *, strict: bool) -> Outcome:
    """Find the highest rate held (`strict`), hold it for `seconds` beside everything else, and read the books."""
    held, figures = await climb(steps, step) if strict else ([], {})
    tries, broken, said = sorted({*held, min(steps)}, reverse=True)[:2], list[str](), dict[str, Any]()
    for rate in tries:
        async with running() as here:
            said = await measured(here, rate, flow, seconds, strict=strict)
            if not said["held"] and rate != tries[-1]:
                continue
            k6 = shutil.which("k6", path=f"{os.environ.get('PATH', '')}{os.pathsep}{BUILT}")
            if strict and k6 is not None:
                more, apart = await compared(here, k6, min(rate, flow), 15, 2)
                said["figures"] |= more
                broken += ["k6 and the built-in runner disagree"] if apart > APART else []
            monitor, close = here.monitor()
            books = await monitor.reconciler.run()
            await close()
            break
    highest = int(said["figures"]["authorize_per_second"]) if said["held"] else 0
    figures |= {"highest_rate_held": highest, **said["figures"]}
    figures |= {
        "payments_in_the_books": books.get("checked", {}).get("payments"),
        "contradictions_in_the_books": books["findingCount"],
        "by_invariant": json.dumps(books["byInvariant"]),
    }
    lost = bool(figures["answered_and_not_stored"]) or books["balanced"] is not True
    if strict:
        broken += said["slow"]
        broken += [] if highest >= WANTED else [f"{WANTED} a second are not held"]
    return Outcome(
        holds=not lost and not broken,
        figures=figures,
        load=f"steps of {step} s, then {seconds} s of authorizations and of whole payments, all parts on this machine",
        why=f"{', '.join(broken)} {books['message']}" if lost or broken else "",
    )


PROOF = Proof(
    name="payments-load",
    title="600 authorizations a second at p95 85 ms on MariaDB, Redis and Kafka; 200 whole payments; every book right.",
    rooms=("src/dari/services/payments", "src/dari/services/stack"),
    short=lambda: prove((20,), 2, 5, 2, strict=False),
    long=lambda: prove((200, 300, 400, 500, 600, 700), 12, 200, 60, strict=True),
)
