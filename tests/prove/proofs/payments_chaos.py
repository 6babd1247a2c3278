"""Parts and programs killed, paused and restarted at random while payments are sent: nothing is lost, nothing twice."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any

from dari.services.payments.adapters.sql import Database
from tests.prove.payment_parts import Running, running
from tests.prove.proof import Outcome, Proof
from tests.prove.proofs.payments_load import Sender

PARTS = ("mariadb", "redis", "kafka")
PROGRAMS = ("api", "workers")
RETRIED = 60.0
"""Seconds a customer tries again with the same key."""
HEALED = 120.0
ANSWERED = frozenset({200, 402})


class Customers:
    """Payments with keys of their own; each is asked again until it is answered."""

    def __init__(self, port: int, name: str) -> None:
        self._port, self._name = port, name
        self.answers: dict[str, tuple[int, Any]] = {}
        self.given_up = 0
        self._flying: set[asyncio.Task[None]] = set()

    async def send(self, rate: int, seconds: float, dice: random.Random) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(int(rate * seconds)):
            if (wait := begun + number / rate - loop.time()) > 0:
                await asyncio.sleep(wait)
            order = {"merchantId": f"M{dice.randint(1, 50)}", "amount": 1000 * dice.randint(1, 50), "currency": "KRW"}
            task = asyncio.create_task(self._one({**order, "idempotencyKey": f"{self._name}-{number}"}))
            self._flying.add(task)
            task.add_done_callback(self._flying.discard)
        await asyncio.gather(*self._flying)

    async def _one(self, order: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + RETRIED
        while loop.time() < until:
            sender = Sender(self._port)
            try:
                status, said = await asyncio.wait_for(sender.post("/payments/authorize", order), 10)
            except (OSError, TimeoutError, asyncio.IncompleteReadError, json.JSONDecodeError):
                status, said = 0, None
            finally:
                await sender.close()
            if status in ANSWERED:
                self.answers[order["idempotencyKey"]] = (status, said)
                return
            await asyncio.sleep(0.5)
        self.given_up += 1


async def strike(here: Running, dice: random.Random, told: Counter[str]) -> None:
    """One thing goes wrong for some seconds, and is over."""
    target = dice.choice((*PARTS, *PROGRAMS))
    how = dice.choice(("kill", "pause", "restart") if target in PARTS else ("kill", "restart"))
    lasting = dice.uniform(0.5, 4.0)
    told[f"{how} {target}"] += 1
    if target in PROGRAMS:
        await here.end(target, hard=how == "kill")
        await asyncio.sleep(lasting)
        await here.start(target)
    elif how == "pause":
        await asyncio.to_thread(here.stack.pause, [target])
        await asyncio.sleep(lasting)
        await asyncio.to_thread(here.stack.resume, [target])
    else:
        await asyncio.to_thread(here.stack.down, [target], hard=how == "kill")
        await asyncio.sleep(lasting)
        await asyncio.to_thread(here.stack.up, [target])


async def schedule(here: Running, seed: int, *, rate: int, strikes: int, every: float) -> dict[str, Any]:
    """One schedule during load, and what is true after it healed."""
    dice, told = random.Random(f"chaos-{seed}"), Counter[str]()
    customers = Customers(here.port, f"c{seed}")

    async def trouble() -> None:
        for _ in range(strikes):
            await asyncio.sleep(dice.uniform(0.5, every))
            await strike(here, dice, told)

    load = customers.send(rate, strikes * every, random.Random(f"customers-{seed}"))
    await asyncio.gather(load, trouble())
    quiet = await here.drained(HEALED)
    monitor, close = here.monitor()
    books = await monitor.reconciler.run()
    await close()
    return {"told": dict(told), "quiet": quiet, "books": books, **await _kept(here, customers, f"c{seed}")}


async def _kept(here: Running, customers: Customers, name: str) -> dict[str, Any]:
    """Answers that the database does not have, and keys that it has twice."""
    database = Database(here.stack.addresses()["DARI_PAYMENTS_DB_URL"], timeout=30)
    try:
        rows = await database.rows(
            "SELECT payment_id, idempotency_key FROM payment WHERE idempotency_key LIKE :name", {"name": f"{name}-%"}
        )
    finally:
        await database.close()
    kept: dict[str, set[int]] = {}
    for row in rows:
        kept.setdefault(row["idempotency_key"], set()).add(int(row["payment_id"]))
    paid = {key: int(said["paymentId"]) for key, (status, said) in customers.answers.items() if status == 200}
    return {
        "answered": len(customers.answers),
        "given_up": customers.given_up,
        "lost": [key for key, number in paid.items() if number not in kept.get(key, set())],
        "doubled": [key for key, numbers in kept.items() if len(numbers) > 1],
    }


async def prove(seeds: range, *, rate: int, strikes: int, every: float) -> Outcome:
    async with running() as here:
        found = [await schedule(here, seed, rate=rate, strikes=strikes, every=every) for seed in seeds]
    wrong = [
        {"seed": seed, **one, "books": one["books"]["message"], "byInvariant": one["books"]["byInvariant"]}
        for seed, one in zip(seeds, found, strict=True)
        if one["lost"]
        or one["doubled"]
        or one["given_up"]
        or one["quiet"] > HEALED
        or one["books"]["balanced"] is not True
    ]
    strikes_done = sum((Counter(one["told"]) for one in found), Counter[str]())
    return Outcome(
        holds=not wrong,
        figures={
            "schedules": len(found),
            "schedules_wrong": len(wrong),
            "strikes": strikes_done.total(),
            "payments_answered": sum(one["answered"] for one in found),
            "lost": sum(len(one["lost"]) for one in found),
            "doubled": sum(len(one["doubled"]) for one in found),
            "never_answered": sum(one["given_up"] for one in found),
            "contradictions_in_the_books": max(one["books"]["findingCount"] for one in found),
            "longest_healing_seconds": round(max(one["quiet"] for one in found), 1),
        },
        seed=f"{seeds.start}…{seeds.stop - 1}",
        load=f"{strikes} strikes a schedule on MariaDB, Redis, Kafka, API and workers during {rate} payments a second",
        why=str(wrong)[:1500] if wrong else "",
    )


PROOF = Proof(
    name="payments-chaos",
    title="Kills, pauses and restarts during load lose nothing, double nothing and heal by themselves.",
    rooms=("src/dari/services/payments", "src/dari/services/stack"),
    short=lambda: prove(range(1), rate=5, strikes=2, every=3.0),
    long=lambda: prove(range(20), rate=30, strikes=6, every=6.0),
)
