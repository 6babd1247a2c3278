"""Two hundred items, two thousand events a second: none lost or out of order, no memory eaten; one session a key."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from dari.app.simulators import market_of
from dari.providers.kiwoom.simulator import MOCK_KEY
from tests.prove.proof import Outcome, Proof
from tests.support import MORNING, settings

ROOT = Path(__file__).parents[3]
ITEMS = 200
GROWTH = 1.05
FROM_SECOND = 10.0
QUIET = 3600.0
"""Seconds between the simulator's own pushes: only the numbered stream is counted."""


class Child:
    """One process that is spoken to line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def heard(self, seconds: float = 30.0) -> dict[str, Any]:
        """Its next line."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), seconds)
        told: dict[str, Any] = json.loads(line or b"{}")
        return told

    async def asked(self, word: str) -> dict[str, Any]:
        """Its answer to a word."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        await self.process.stdin.drain()
        return await self.heard()


@asynccontextmanager
async def child(*words: str, **environment: str) -> AsyncIterator[Child]:
    """A process of ours that ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, cwd=ROOT, env={**os.environ, "PYTHONPATH": "src", **environment},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        limit=2**22,
    )  # fmt: skip
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def upstream() -> AsyncIterator[tuple[str, httpx2.AsyncClient]]:
    """A simulator of its own, quiet but for what it is told to stream."""
    words = ("dari", "simulate", "kiwoom", "--now", MORNING.isoformat(), "--speed", "0")
    async with child(*words) as simulator:
        assert simulator.process.stdout is not None
        told = await asyncio.wait_for(simulator.process.stdout.readline(), 60)
        origin = told.decode().strip()
        async with httpx2.AsyncClient(base_url=origin, timeout=30) as http:
            await http.post("/__sim__/realtime", json={"tick_seconds": QUIET})
            yield origin, http


async def counted(subscriber: Child, http: httpx2.AsyncClient, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was sent and what was heard, once everything sent has been (or nothing more comes)."""
    patience = time.monotonic() + seconds
    while True:
        sent = (await http.get("/__truth__/stream")).json()
        heard = await subscriber.asked("count")
        if time.monotonic() > patience or sent == {}:
            return sent, heard
        if all(heard["last"].get(item) == row["last"] for item, row in sent.items()):
            return sent, heard
        await asyncio.sleep(0.2)


async def realtime(seconds: float, rate: int) -> Outcome:
    """Stream, count, cut, look for the mark, stream again; and a second process that must stay out."""
    market = market_of(1)
    items = ",".join(one.code for one in market.issues[:: len(market.issues) // ITEMS][:ITEMS])
    async with upstream() as (origin, http):
        with tempfile.TemporaryDirectory() as folder:
            place = settings(
                Path(folder), KIWOOM_MODE="mock", DARI_KIWOOM_URL=origin, KIWOOM_APP_KEY=MOCK_KEY.app_key,
                KIWOOM_SECRET_KEY=MOCK_KEY.secret_key,
            )  # fmt: skip
            async with child("tests.prove.subscribing", items, **place) as subscriber:
                ready = await subscriber.heard(60)
                if "ready" not in ready:
                    return Outcome(holds=False, figures={"events": 0}, why=str(ready))
                stream = {"app_key": MOCK_KEY.app_key, "rate": rate, "seconds": seconds}
                await http.post("/__sim__/stream", json=stream)
                async with child("tests.prove.subscribing", items.split(",")[0], **place) as second:
                    refused = await second.heard(60)
                await asyncio.sleep(seconds)
                sent, heard = await counted(subscriber, http, 20.0)
                memory = (await subscriber.asked("weigh"))["memory"]
                await http.post("/__sim__/realtime", json={"cut": True})
                again = await _mark(subscriber, http, stream | {"seconds": 1.0, "rate": 200})
    total = sum(row["sent"] for row in sent.values())
    lost = sum(row["last"] - heard["last"].get(item, row["first"] - 1) for item, row in sent.items())
    lost += sum(max(0, heard["first"].get(item, row["first"]) - row["first"]) for item, row in sent.items())
    weights = [size for at, size in memory if at >= min(FROM_SECOND, seconds / 2)]
    growth = max(weights) / weights[0] if weights and weights[0] else 1.0
    wrong = []
    if total < rate * seconds * 0.98 or len(sent) != ITEMS:
        wrong.append(f"only {total} events of {len(sent)} items were sent")
    if lost or heard["skipped"] or heard["disordered"] or heard["misnumbered"] or heard["overrun"]:
        wrong.append(f"{lost} lost, {heard['skipped']} skipped, {heard['disordered']} out of order")
    if not again["cuts"]:
        wrong.append("the cut left no mark")
    if growth > GROWTH:
        wrong.append(f"memory grew to {growth:.3f} ×")
    if refused.get("code") != "not_allowed" or "process" not in str(refused.get("details")):
        wrong.append(f"the second process was told {refused}")
    return Outcome(
        holds=not wrong,
        figures={
            "items": len(sent),
            "events_sent": total,
            "events_lost": lost,
            "out_of_order": heard["disordered"] + heard["skipped"],
            "marks_of_one_cut": again["cuts"],
            "events_after_the_cut": again["after"],
            "memory_growth": round(growth, 4),
            "memory_mb": round(max((size for _, size in memory), default=0) / 2**20, 1),
            "holder_named": "process" in str(refused.get("details")),
        },
        load=f"{ITEMS} items, {rate} events a second, {seconds:g} s, three processes over loopback",
        why="; ".join(wrong),
    )


async def _mark(subscriber: Child, http: httpx2.AsyncClient, stream: dict[str, Any]) -> dict[str, Any]:
    """After a cut: the mark, and events that come again."""
    before = await subscriber.asked("count")
    told = before
    for _ in range(50):
        await asyncio.sleep(0.2)
        told = await subscriber.asked("count")
        if told["cuts"] > before["cuts"]:
            break
    await http.post("/__sim__/stream", json=stream)
    await asyncio.sleep(stream["seconds"] + 0.5)
    after = await subscriber.asked("count")
    return {"cuts": told["cuts"] - before["cuts"], "after": after["events"] - told["events"]}


PROOF = Proof(
    name="kiwoom-realtime",
    title="200 items at 2,000 events a second: none lost or out of order, a cut leaves its mark, one process a key.",
    rooms=(
        "src/dari/upstream/live.py",
        "src/dari/upstream/feed.py",
        "src/dari/upstream/lease.py",
        "src/dari/upstream/wire/sockets.py",
        "src/dari/providers/kiwoom/live.py",
    ),
    short=lambda: realtime(3, 400),
    long=lambda: realtime(60, 2_000),
    serial=True,
)
