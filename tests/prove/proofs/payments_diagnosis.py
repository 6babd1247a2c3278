"""How long a diagnosis takes on the real parts: with all of them well, and with each of them hanging."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx2

from tests.prove.payment_parts import Running, running
from tests.prove.proof import Outcome, Proof
from tests.prove.proofs.payments_load import Sender, send

WELL_MS = 500.0
HUNG_MS = 3000.0
PARTS = ("mariadb", "redis", "kafka")


async def _asked(client: httpx2.AsyncClient) -> tuple[float, dict[str, Any]]:
    began = time.monotonic()
    reply = await client.get("/monitoring/system/diagnose")
    said: dict[str, Any] = reply.json()
    return 1000 * (time.monotonic() - began), said


async def _times(here: Running, client: httpx2.AsyncClient, times: int, rest: float) -> dict[str, Any]:
    """Milliseconds of each answer, by what hangs ("" for nothing), and what was said wrongly."""
    found: dict[str, list[float]] = {"": []}
    wrong: list[Any] = []
    for _ in range(times):
        took, said = await _asked(client)
        found[""].append(took)
        if said["causes"]:
            wrong.append({"well": [one["id"] for one in said["causes"]]})
        await asyncio.sleep(0.2)
    for part in PARTS:
        await asyncio.to_thread(here.stack.pause, [part])
        found[part] = []
        for _ in range(max(1, times // 10)):
            took, said = await _asked(client)
            found[part].append(took)
            if said["status"] == "healthy":
                wrong.append({part: "healthy"})
        await asyncio.to_thread(here.stack.resume, [part])
        await asyncio.sleep(rest)
    return {"times": found, "wrong": wrong}


async def prove(payments: int, times: int, rest: float, *, strict: bool) -> Outcome:
    async with running() as here:
        sender = Sender(here.port)
        await send(sender, 100, max(1, payments // 100), flow=False, name="d")
        await sender.close()
        await here.drained()
        async with here.monitoring() as address, httpx2.AsyncClient(base_url=address, timeout=60) as client:
            await asyncio.sleep(rest)  # a look of its own, to know what is usual
            said = await _times(here, client, times, rest)
    figures = {part: sorted(took) for part, took in said["times"].items()}
    p95 = figures[""][max(0, int(0.95 * len(figures[""])) - 1)]
    hung = {part: figures[part][-1] for part in PARTS}
    quick = p95 <= WELL_MS and max(hung.values()) <= HUNG_MS
    return Outcome(
        holds=not said["wrong"] and (quick or not strict),
        figures={
            "payments": payments,
            "diagnoses": len(figures[""]),
            "p95_ms": round(p95, 1),
            "longest_ms": round(figures[""][-1], 1),
            **{f"{part}_hung_longest_ms": round(took, 1) for part, took in hung.items()},
        },
        load=f"{payments} payments in the books, no traffic meanwhile, each part paused in turn",
        why=str(said["wrong"])[:800] if said["wrong"] else "" if quick or not strict else "too slow",
    )


PROOF = Proof(
    name="payments-diagnosis",
    title="A diagnosis on the real parts takes at most 500 ms (p95), and 3 s while any one part hangs.",
    rooms=("src/dari/services/monitoring",),
    short=lambda: prove(100, 4, 0.5, strict=False),
    long=lambda: prove(5_000, 100, 6.0, strict=True),
)
