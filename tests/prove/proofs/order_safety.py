"""Whatever goes wrong, an order is executed once or not at all, and what is said of it is true."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dari.app.runtime import Runtime
from dari.providers.kis.simulator import create_app
from dari.providers.kis.simulator.app import Simulator
from dari.serving.dispatch import Outcome
from dari.serving.plans import planning
from dari.settings import resolve
from dari.upstream.client import Client
from dari.worlds.market import Market
from tests.prove.proof import Outcome as Found
from tests.prove.proof import Proof
from tests.support import MORNING, Asker, StillClock, settings
from tests.unit.kis_trade.trading import FREE

RUNS_A_LEDGER = 40
ACCOUNT = {"KIS_MODE": "real", "DARI_ORDER_ACCOUNT": "50001234-01"}
FAULTS = (
    "none",
    "order_drop_after",
    "order_error_after",
    "order_error_before",
    "order_delay_after",
    "token_expired",
    "ledger_rate",
    "crash_before_send",
    "crash_after_send",
)
WAYS = ("once", "twice", "two_processes", "restart_between", "expired", "altered")


class Crash(BaseException):
    """The process is gone; only its disk is left."""


class Desk:
    """Two processes on one folder over one simulator."""

    def __init__(self, market: Market, folder: Path) -> None:
        self.clock = StillClock(MORNING)
        self.clock.at = MORNING
        self.clock.advance(1.0)
        self.app: Simulator = create_app(market, clock=self.clock, world=self.clock)
        self.folder = folder
        self.stack = AsyncExitStack()
        self.servers: list[Asker] = []
        self.crash = ""

    async def open(self) -> None:
        """Start both processes."""
        self.servers = [await self.born(), await self.born()]

    async def born(self) -> Asker:
        """A process that remembers what is on disk."""
        found = resolve(environment=settings(self.folder, **FREE, **ACCOUNT), home=self.folder)
        with patch("dari.app.simulators.kis_simulator", lambda **_: self.app):
            runtime = await self.stack.enter_async_context(Runtime(found, simulated=True, clock=self.clock))
            _, dispatch = runtime.server("kis-trade")
        client = runtime.client_of("kis")
        sending = client.send

        async def send(call: Any) -> Any:
            if call.endpoint.effect and self.crash == "crash_before_send":
                self.crash = ""
                raise Crash
            reply = await sending(call)
            if call.endpoint.effect and self.crash == "crash_after_send":
                self.crash = ""
                raise Crash
            return reply

        patched: Client = client
        patched.send = send  # type: ignore[method-assign]  # where a process dies is the point of this proof
        return Asker(runtime, dispatch, self.clock)

    def numbers(self) -> list[str]:
        """Every order the ledger took."""
        return [one.number for account in self.app.ledger.accounts.values() for one in account.orders.values()]

    async def close(self) -> None:
        """End everything."""
        await self.stack.aclose()


class Lie(AssertionError):
    """Something that was said was not so."""


async def run(desk: Desk, chance: random.Random, counts: Counter[str]) -> None:
    """One order through one fault in one way. Raises Lie."""
    fault, way = chance.choice(FAULTS), chance.choice(WAYS)
    counts[fault] += 1
    counts[way] += 1
    price = {"price": 60_000} if chance.random() < 0.5 else {}
    plan = await desk.servers[0].answer("plan_order", side="buy", symbol="005930", quantity=1, **price)
    before = set(desk.numbers())
    said: list[str] = []
    if way == "restart_between":
        desk.servers[0] = await desk.born()
    if way == "expired":
        assert desk.clock.at is not None
        desk.clock.at += timedelta(minutes=5)
    if way == "altered":
        plan = {**plan, "fingerprint": plan["fingerprint"][::-1]}
    _arm(desk, fault)
    if way == "two_processes":
        await asyncio.gather(*(apply(desk, place, plan, said) for place in (0, 1)))
    else:
        await apply(desk, chance.randrange(2), plan, said)
        if way == "twice":
            await apply(desk, chance.randrange(2), plan, said)
    _disarm(desk)
    took = len(set(desk.numbers()) - before)
    _true(said, took, f"{fault} {way}")
    assert desk.clock.at is not None
    desk.clock.at += timedelta(seconds=61)
    status = await desk.servers[chance.randrange(2)].answer("order_status", plan_id=plan["plan_id"])
    outcome = str(status["outcome"])
    counts[f"end {outcome}"] += 1
    took = len(set(desk.numbers()) - before)
    if outcome not in {"done", "not_done", "planned"} or took != (outcome == "done"):
        raise Lie(f"{fault} {way}: the ledger took {took}, order_status says {outcome}")
    if outcome == "done" and status["found"]["order_number"] not in set(desk.numbers()) - before:
        raise Lie(f"{fault} {way}: another order was told")


async def apply(desk: Desk, place: int, plan: Mapping[str, Any], said: list[str]) -> None:
    """Apply through one process and take down what was told."""
    server = desk.servers[place]
    try:
        outcome: Outcome = await server.outcome("apply_plan", plan_id=plan["plan_id"], fingerprint=plan["fingerprint"])
    except Crash:
        desk.servers[place] = await desk.born()
        return
    told: Mapping[str, Any] = outcome.structured if outcome.error is None else outcome.structured.get("details", {})
    if "outcome" in told:
        said.append(str(told["outcome"]))


def _arm(desk: Desk, fault: str) -> None:
    if fault == "token_expired":
        desk.app.keyring.spoil_all()
    elif fault.startswith("crash"):
        desk.crash = fault
    elif fault == "ledger_rate":
        desk.app.faults.set({"ledger_rate": 1, "only": "order-cash"})
    elif fault == "order_delay_after":
        desk.app.faults.set({"order_delay_after": 1, "hang_seconds": 0.3})
    elif fault != "none":
        desk.app.faults.set({fault: 1})


def _disarm(desk: Desk) -> None:
    desk.crash = ""
    desk.app.faults.clear()


def _true(said: list[str], took: int, where: str) -> None:
    if took > 1:
        raise Lie(f"{where}: executed {took} times")
    if "done" in said and took != 1:
        raise Lie(f"{where}: said done, the ledger took {took}")
    if "not_done" in said and took:
        raise Lie(f"{where}: said not done, the ledger took {took}")


async def safety(runs: int, seed: int) -> Found:
    """Random runs, several to a ledger."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    market, wrong = Market(1), ""
    made = orders = 0
    while made < runs and not wrong:
        with tempfile.TemporaryDirectory() as folder, patch.object(planning, "EXECUTE_SECONDS", 0.1):
            desk = Desk(market, Path(folder))
            await desk.open()
            try:
                for _ in range(min(RUNS_A_LEDGER, runs - made)):
                    made += 1
                    await run(desk, chance, counts)
            except Lie as lie:
                wrong = f"run {made}: {lie}"
            orders += len(desk.numbers())
            await desk.close()
    done = counts["end done"]
    wrong = wrong or ("" if orders == done else f"{orders} orders in the ledgers, {done} plans done")
    kinds = {f"with_{name}": counts[name] for name in (*FAULTS, *WAYS)}
    return Found(
        holds=not wrong,
        figures={"runs": made, "orders_in_the_ledgers": orders, "plans_done": done, "lies": int(bool(wrong)), **kinds},
        seed=str(seed),
        load=f"{runs} orders, each with one of {len(FAULTS)} faults in one of {len(WAYS)} ways, two processes",
        why=wrong,
    )


PROOF = Proof(
    name="order-safety",
    title="Every planned order is executed once or not at all, every reply is true, and what is unknown is resolved.",
    rooms=(
        "src/dari/core/acts.py",
        "src/dari/serving/plans",
        "src/dari/providers/kis/dialect",
        "src/dari/providers/kis/tools/trade/hand.py",
        "src/dari/providers/kis/tools/trade/ledger.py",
        "src/dari/providers/kis/models/orders.py",
    ),
    short=lambda: safety(60, 1),
    long=lambda: safety(2_000, 2),
)
