"""One order at a time through faults, by two processes on one folder over one simulated broker: for order proofs."""

from __future__ import annotations

import asyncio
import random
import tempfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from dari.app.runtime import Runtime
from dari.serving.dispatch import Outcome
from dari.serving.plans import planning
from dari.settings import resolve
from dari.upstream.client import Client
from dari.worlds.market import Market
from tests.prove.proof import Outcome as Found
from tests.support import MORNING, Asker, StillClock, settings

RUNS_A_LEDGER = 40
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


class Lie(AssertionError):
    """Something that was said was not so."""


class Desk(ABC):
    """Two processes on one folder over one simulator."""

    SERVER: ClassVar[str]
    PROVIDER: ClassVar[str]
    NUMBER: ClassVar[str]
    """What the broker calls an order's number."""
    SETTINGS: ClassVar[Mapping[str, str]]

    def __init__(self, market: Market, folder: Path) -> None:
        self.clock = StillClock(MORNING)
        self.clock.at = MORNING
        self.clock.advance(1.0)
        self.market = market
        self.app: Any = self.made()
        self.folder = folder
        self.stack = AsyncExitStack()
        self.servers: list[Asker] = []
        self.crash = ""

    @abstractmethod
    def made(self) -> Any:
        """The simulator."""

    @abstractmethod
    def numbers(self) -> list[str]:
        """Every order the ledger took."""

    @abstractmethod
    def arm(self, fault: str) -> None:
        """Make one fault wait for the order."""

    @abstractmethod
    def calm(self) -> None:
        """No fault waits any more."""

    @abstractmethod
    async def plan(self, server: Asker, *, at_market: bool) -> Mapping[str, Any]:
        """Plan to buy one share, at a price that rests or at the market."""

    async def open(self) -> None:
        """Start both processes."""
        self.servers = [await self.born(), await self.born()]

    async def born(self) -> Asker:
        """A process that remembers what is on disk."""
        found = resolve(environment=settings(self.folder, **self.SETTINGS), home=self.folder)
        with patch(f"dari.app.simulators.{self.PROVIDER}_simulator", lambda **_: self.app):
            runtime = await self.stack.enter_async_context(Runtime(found, simulated=True, clock=self.clock))
            _, dispatch = runtime.server(self.SERVER)
        client = runtime.client_of(self.PROVIDER)
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

    async def close(self) -> None:
        """End everything."""
        await self.stack.aclose()


async def run(desk: Desk, chance: random.Random, counts: Counter[str]) -> None:
    """One order through one fault in one way. Raises Lie."""
    fault, way = chance.choice(FAULTS), chance.choice(WAYS)
    counts[fault] += 1
    counts[way] += 1
    plan = await desk.plan(desk.servers[0], at_market=chance.random() < 0.5)
    before = set(desk.numbers())
    said: list[str] = []
    if way == "restart_between":
        desk.servers[0] = await desk.born()
    if way == "expired":
        assert desk.clock.at is not None
        desk.clock.at += timedelta(minutes=5)
    if way == "altered":
        plan = {**plan, "fingerprint": plan["fingerprint"][::-1]}
    if fault.startswith("crash"):
        desk.crash = fault
    elif fault != "none":
        desk.arm(fault)
    if way == "two_processes":
        await asyncio.gather(*(apply(desk, place, plan, said) for place in (0, 1)))
    else:
        await apply(desk, chance.randrange(2), plan, said)
        if way == "twice":
            await apply(desk, chance.randrange(2), plan, said)
    desk.crash = ""
    desk.calm()
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
    if outcome == "done" and status["found"][desk.NUMBER] not in set(desk.numbers()) - before:
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


def _true(said: list[str], took: int, where: str) -> None:
    if took > 1:
        raise Lie(f"{where}: executed {took} times")
    if "done" in said and took != 1:
        raise Lie(f"{where}: said done, the ledger took {took}")
    if "not_done" in said and took:
        raise Lie(f"{where}: said not done, the ledger took {took}")


async def safety(make: Callable[[Market, Path], Desk], runs: int, seed: int) -> Found:
    """Random runs, several to a ledger."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    market, wrong = Market(1), ""
    made = orders = 0
    while made < runs and not wrong:
        with tempfile.TemporaryDirectory() as folder, patch.object(planning, "EXECUTE_SECONDS", 0.1):
            desk = make(market, Path(folder))
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
