"""A process that is killed while it applies a plan leaves one order or none, and the next process says which."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sys
import tempfile
import urllib.request
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dari.app.runtime import Runtime
from dari.core.clock import RunningClock
from dari.providers.kis.simulator.keys import REAL
from dari.serving.plans import planning
from dari.settings import resolve
from tests.prove.proof import Outcome, Proof
from tests.support import MORNING, settings
from tests.unit.kis_trade.trading import FREE

ROOT = Path(__file__).parents[3]
LONGEST = 3.0
"""Seconds after the word to apply within which the kill comes: recheck, claim, send and reply all lie before it."""
ORDERS_A_LEDGER = 80
PATIENCE = 3


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def accepted(origin: str) -> int:
    """Orders the ledger took."""
    with urllib.request.urlopen(f"{origin}/__truth__/ledger", timeout=10) as reply:
        return int(json.loads(reply.read())["orders_accepted"])


async def settled(origin: str) -> None:
    """Wait until the ledger takes nothing more: what a dead process had sent may still be on its way."""
    last = -1
    while (now := await asyncio.to_thread(accepted, origin)) != last:
        last = now
        await asyncio.sleep(0.3)


async def simulator(port: int) -> asyncio.subprocess.Process:
    """A simulator of its own, when it answers."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dari", "simulate", "kis", "--port", str(port), "--now", MORNING.isoformat(),
        "--speed", "0", cwd=ROOT, env={**os.environ, "PYTHONPATH": "src"},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(200):
        await asyncio.sleep(0.1)
        try:
            await asyncio.to_thread(accepted, f"http://127.0.0.1:{port}")
        except OSError:
            continue
        return started
    raise TimeoutError("the simulator did not start")


async def child(environment: dict[str, str]) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    """A process with a plan in its hand; one that could not plan (a slow machine) is replaced."""
    plan: dict[str, Any] = {}
    for _ in range(PATIENCE):
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.prove.applying", cwd=ROOT,
            env={**os.environ, "PYTHONPATH": "src", **environment},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert started.stdout is not None
        plan = json.loads(await started.stdout.readline() or b"{}")
        if "plan_id" in plan:
            return started, plan
        started.kill()
        await started.wait()
    raise RuntimeError(f"no plan could be made: {plan.get('code')}: {plan.get('message')}")


async def killed(kills: int, seed: int) -> Outcome:
    """Kill, look, count."""
    chance, counts, wrong, made = random.Random(seed), Counter[str](), "", 0
    orders = 0
    while made < kills and not wrong:
        port = free_port()
        origin = f"http://127.0.0.1:{port}"
        with tempfile.TemporaryDirectory() as folder, patch.object(planning, "SETTLED", timedelta(0)):
            environment = settings(
                Path(folder), **FREE, KIS_MODE="real", DARI_ORDER_ACCOUNT="50001234-01", DARI_KIS_URL=origin,
                KOREA_INVESTMENT_APP_KEY=REAL.appkey, KOREA_INVESTMENT_APP_SECRET=REAL.appsecret,
                KOREA_INVESTMENT_ACCOUNT="50001234-01",
            )  # fmt: skip
            upstream = await simulator(port)
            found = resolve(environment=environment, home=Path(folder))
            async with AsyncExitStack() as ending:
                ending.push_async_callback(upstream.wait)
                ending.callback(upstream.kill)
                runtime = await ending.enter_async_context(Runtime(found, clock=RunningClock(MORNING, 0.0)))
                _, dispatch = runtime.server("kis-trade")
                for _ in range(min(ORDERS_A_LEDGER, kills - made)):
                    made += 1
                    process, plan = await child(environment)
                    before = await asyncio.to_thread(accepted, origin)
                    assert process.stdin is not None
                    process.stdin.write(b"now\n")
                    await process.stdin.drain()
                    await asyncio.sleep(chance.uniform(0.0, LONGEST))
                    if process.returncode is None:
                        process.kill()
                    await process.wait()
                    await settled(origin)
                    told = await dispatch.call("order_status", {"plan_id": plan["plan_id"]}, runtime.caller())
                    outcome = str(told.structured.get("outcome"))
                    took = await asyncio.to_thread(accepted, origin) - before
                    counts[outcome] += 1
                    if outcome not in {"planned", "done", "not_done"} or took != (outcome == "done"):
                        wrong = f"kill {made}: the ledger took {took}, order_status says {told.text[:200]}"
                        break
                orders += await asyncio.to_thread(accepted, origin)
    return Outcome(
        holds=not wrong and orders == counts["done"],
        figures={"kills": made, "orders_in_the_ledgers": orders, **{f"end_{name}": n for name, n in counts.items()}},
        seed=str(seed),
        load=f"{kills} processes killed within {LONGEST:g} s of being told to apply, over loopback",
        why=wrong,
    )


PROOF = Proof(
    name="order-kills",
    title="A process killed while it applies a plan leaves one order or none, and the next process says which.",
    rooms=(
        "src/dari/core/acts.py",
        "src/dari/core/shared_state",
        "src/dari/serving/plans",
        "src/dari/providers/kis/tools/trade/hand.py",
    ),
    short=lambda: killed(2, 1),
    long=lambda: killed(300, 2),
)
