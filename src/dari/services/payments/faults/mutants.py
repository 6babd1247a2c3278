"""One broken platform for each invariant: what the check of that invariant, and no other, must notice."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from dari.services.payments.breaker import Breaker
from dari.services.payments.faults.scene import Scene, choose
from dari.services.payments.faults.surgery import cut_record, operation
from dari.services.payments.faults.ways_book import (
    account_redirected_throughout,
    amounts_traded,
    backdated,
    balance_changed,
)
from dari.services.payments.faults.ways_rest import history_rewritten, settlement_amount, topic_record_lost
from dari.services.payments.ingest import Ingest
from dari.services.payments.intake import Bad, Incoming, Intake
from dari.services.payments.memory_keys import MemoryKeys
from dari.services.payments.names import rate_key
from dari.services.payments.outbox import OutboxPoller
from dari.services.payments.replies import AuthorizeRequest, Reply, refusal
from dari.services.payments.sandbox import Sandbox

DataMutant = Callable[[Scene], Awaitable[object]]


async def _unbalanced(scene: Scene) -> None:
    """I1: two entries with one wrong line each; every sum over them is right."""
    for victim, delta in ((scene.captured, 1), (scene.other, -1)):
        await scene.hands.do(
            "UPDATE ledger_line SET amount = amount + :delta WHERE entry_id = :id AND amount > 0",
            delta=delta,
            id=victim.capture["entry_id"],
        )


async def _reversals_traded(scene: Scene) -> None:
    """I4: two refunds of another size each, together right."""
    refunded = await scene.hands.rows("SELECT payment_id FROM payment WHERE status = 'REFUNDED' ORDER BY payment_id")
    pair = [row["payment_id"] for row in refunded[:2]]
    for number, delta in zip(pair, (500, -500), strict=True):
        await scene.hands.do(
            "UPDATE ledger_entry SET amount = amount + :delta WHERE payment_id = :n AND debit_account = 'cash'",
            delta=delta,
            n=number,
        )
    await scene.hands.recompute()


async def _unannounced(scene: Scene) -> None:
    """I11: a status change without its event, anywhere."""
    event = scene.captured.events["PAYMENT_AUTHORIZED"]["event_id"]
    await scene.hands.do("DELETE FROM outbox_event WHERE event_id = :id", id=event)
    cut_record(scene.sandbox.log, "payment.authorized", str(event))


async def _half_won(scene: Scene) -> None:
    """I14: half a won here, half a won less there."""
    for victim, delta in ((scene.captured, 0.5), (scene.other, -0.5)):
        await scene.hands.do(
            "UPDATE settlement_request SET request_amount = request_amount + :delta WHERE id = :id",
            delta=delta,
            id=victim.settlement["id"],
        )


async def _disordered(scene: Scene) -> None:
    """I13: a payment's first event is said to have arrived after its last."""
    event = str(scene.captured.events["PAYMENT_AUTHORIZED"]["event_id"])
    for partition in scene.sandbox.log.topics["payment.authorized"].partitions:
        for at, record in enumerate(partition.records):
            if record.headers.get("eventId") == event:
                partition.records[at] = replace(record, timestamp=record.timestamp + 3_600_000)


DATA: Final[dict[str, DataMutant]] = {
    "I1": _unbalanced,
    "I2": balance_changed,
    "I3": amounts_traded,
    "I4": _reversals_traded,
    "I5": account_redirected_throughout,
    "I6": backdated,
    "I8": history_rewritten,
    "I11": _unannounced,
    "I12": topic_record_lost,
    "I13": _disordered,
    "I14": _half_won,
    "I15": settlement_amount,
}
"""Mutants that are one change of the stores."""

Patch = tuple[type[Any], str, Any]


def _restless_inbox() -> Patch:
    """I7: a redelivered event refreshes its inbox row."""
    usual = Intake._fresh  # noqa: SLF001 — a mutant is made inside

    async def fresh(self: Intake, connection: Any, read_in: Sequence[Incoming | Bad]) -> list[Incoming | Bad]:
        for event in read_in:
            await connection.exec_driver_sql(
                "UPDATE consumer_inbox SET offset_no = offset_no + 1000000 WHERE event_key = ? AND consumer_group = ?",
                (event.event_key, self.group),
            )
        return await usual(self, connection, read_in)

    return Intake, "_fresh", fresh


def _careless_keys() -> Patch:
    """I9: a known key is replayed whatever the body."""

    async def again(_: Ingest, stored: Any, __: AuthorizeRequest) -> Reply:
        return Reply(200, stored.body)

    return Ingest, "_again", again


def _burned_keys() -> Patch:
    """I10: a declined key is declined for ever, and nobody says so."""
    usual = Ingest._authorize_alone  # noqa: SLF001 — a mutant is made inside
    burned: set[tuple[str, str]] = set()

    async def alone(self: Ingest, request: AuthorizeRequest) -> Reply:
        name = (request.merchantId, request.idempotencyKey)
        if name in burned:
            return refusal(402, "PAYMENT_DECLINED", "Payment declined")
        reply = await usual(self, request)
        if reply.status == 402:  # noqa: PLR2004 — HTTP
            burned.add(name)
        return reply

    return Ingest, "_authorize_alone", alone


def _gives_up() -> Patch:
    """I16: what failed twice is never sent again."""
    usual = OutboxPoller._in_order  # noqa: SLF001 — a mutant is made inside

    def in_order(self: OutboxPoller, waiting: Sequence[Any]) -> list[Any]:
        return [event for event in usual(self, waiting) if event.retry_count < 2]  # noqa: PLR2004 — twice

    return OutboxPoller, "_in_order", in_order


def _touching_probe() -> Patch:
    """I17: who looks at a key keeps it alive."""
    usual = MemoryKeys.peek

    def peek(self: MemoryKeys, key: str) -> tuple[str | None, int]:
        value, left = usual(self, key)
        if value is not None and left > 0:
            self._held[key] = (value, self._clock.monotonic() + 3600)
        return value, left

    return MemoryKeys, "peek", peek


def _generous_limiter() -> Patch:
    """I18: one more than the capacity gets in."""
    usual = MemoryKeys.count

    async def count(self: MemoryKeys, key: str, window: int) -> tuple[int, int]:
        number, left = await usual(self, key, window)
        return (number - 1 if key.startswith(rate_key("authorize", "")) else number), left

    return MemoryKeys, "count", count


def _lenient_breaker() -> Patch:
    """I19: a rate at its threshold does not open yet."""
    usual = Breaker._record  # noqa: SLF001 — a mutant is made inside

    def record(self: Breaker, *, failed: bool, seconds: float) -> None:
        config = self.config
        self.config = replace(config, failure_rate_threshold=config.failure_rate_threshold + 1e-9)
        usual(self, failed=failed, seconds=seconds)
        self.config = config

    return Breaker, "_record", record


def _unseeded() -> Patch:
    """I20: something that no seed governs."""
    turns = itertools.count()

    def merchant(_: Sandbox, merchants: int = 20) -> str:
        return f"MERCHANT-{next(turns) + merchants}"

    return Sandbox, "merchant", merchant


CODE: Final[dict[str, Callable[[], Patch]]] = {
    "I7": _restless_inbox,
    "I9": _careless_keys,
    "I10": _burned_keys,
    "I16": _gives_up,
    "I17": _touching_probe,
    "I18": _generous_limiter,
    "I19": _lenient_breaker,
    "I20": _unseeded,
}
"""Mutants that are one changed method."""


@asynccontextmanager
async def mutant(invariant: str, seed: int = 3) -> AsyncIterator[Sandbox]:
    """A quiet sandbox with a few dozen payments, broken in the one way that this invariant forbids."""
    async with AsyncExitStack() as stack:
        if invariant in CODE:
            kind, name, changed = CODE[invariant]()
            stack.callback(setattr, kind, name, getattr(kind, name))
            setattr(kind, name, changed)
        sandbox = await stack.enter_async_context(Sandbox(seed))
        sandbox.traffic(2, refunds=0.4)
        await sandbox.run(20)
        sandbox.schedule.cancel("traffic")
        await sandbox.settle()
        if invariant in DATA:
            async with operation(sandbox.database) as hands:
                await DATA[invariant](await choose(hands, sandbox, sandbox.random))
        yield sandbox
