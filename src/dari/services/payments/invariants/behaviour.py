"""The invariants that must be tried: I7, I9, I10, I16–I20. Each experiment leaves the sandbox healed and quiet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from dari.services.payments.asgi import ask
from dari.services.payments.breaker import Breaker
from dari.services.payments.invariants.breaker_table import disagreements
from dari.services.payments.invariants.facts import Violation, checksum
from dari.services.payments.names import RECEIVABLE
from dari.services.payments.ports import KeyValueError
from dari.services.payments.sandbox import Sandbox

OK, DECLINED, MISUSED, LIMITED = 200, 402, 422, 429
READ_PATHS: Final = (
    "/circuit-breaker/status",
    "/circuit-breaker/kafka-publisher",
    "/circuit-breaker/pg-auth-api",
    "/actuator/health",
    "/actuator/info",
    "/actuator/prometheus",
    "/actuator/circuitbreakerevents",
    "/__probe__/sql/time",
    "/__probe__/redis/info",
    "/__probe__/redis/time",
    "/__probe__/redis/keys?pattern=*",
    "/__probe__/redis/slowlog",
    "/__probe__/kafka/cluster",
    "/__probe__/kafka/topics",
    "/__probe__/kafka/groups",
    "/__probe__/kafka/committed?group=payment-consumer",
    "/__probe__/kafka/messages?topic=payment.captured&partition=0",
)


async def redelivery_changes_nothing(sandbox: Sandbox) -> list[Violation]:
    """I7: every record of every group again, and no store differs."""
    await sandbox.settle()
    before = await checksum(sandbox, keys=False)
    for group in sandbox.log.groups.values():
        group.committed = dict.fromkeys(group.committed, 0)
        group.generation += 1
    await sandbox.settle()
    same = before == await checksum(sandbox, keys=False)
    return [] if same else [Violation("I7", "a redelivered event left a trace")]


async def keys_are_idempotent(sandbox: Sandbox) -> list[Violation]:
    """I9: the same body again is the same reply, another body is 422, twenty at once are one payment."""
    found: list[Violation] = []
    first = await sandbox.authorize("IDEM", 5000, "i9-a")
    again = await sandbox.authorize("IDEM", 5000, "i9-a")
    if (again.status, again.body) != (first.status, first.body):
        found.append(Violation("I9", f"the second reply differs: {again.status}"))
    other = await sandbox.authorize("IDEM", 5001, "i9-a")
    if other.status != MISUSED:
        found.append(Violation("I9", f"another body was answered {other.status}"))
    crowd = await asyncio.gather(*(sandbox.authorize("IDEM", 7000, "i9-b") for _ in range(20)))
    bodies = {reply.body for reply in crowd}
    rows = await sandbox.database.rows("SELECT payment_id FROM payment WHERE idempotency_key = 'i9-b'")
    if len(bodies) != 1 or len(rows) != 1:
        found.append(Violation("I9", f"{len(rows)} payments, {len(bodies)} replies for one key"))
    await sandbox.settle()
    return found


async def refusal_leaves_a_way(sandbox: Sandbox) -> list[Violation]:
    """I10: after a decline the same request can be paid, or the reply says that a new key is needed."""
    config = sandbox.gateway.config
    sandbox.gateway.config = replace(config, auth_failures=1.0)
    refused = await sandbox.authorize("DECLINED", 9000, "i10")
    sandbox.gateway.config = replace(config, auth_failures=0.0)
    again = await sandbox.authorize("DECLINED", 9000, "i10")
    sandbox.gateway.config = config
    await sandbox.settle()
    plainly = "new key" in json.loads(again.body)["message"]
    if refused.status == DECLINED and (again.status == OK or plainly):
        return []
    return [Violation("I10", f"declined with {refused.status}, then {again.status}")]


async def heals(sandbox: Sandbox) -> list[Violation]:
    """I16: after an outage of the brokers, with payments meanwhile, all becomes quiet and the ledger is complete."""
    sandbox.log.down = set(sandbox.log.brokers)
    sandbox.traffic(2, name="i16")
    await sandbox.run(45)
    sandbox.schedule.cancel("i16")
    sandbox.log.down = set()
    quiet = await sandbox.settle(900)
    rows = await sandbox.database.rows(
        "SELECT (SELECT SUM(CASE WHEN status = 'REFUNDED' THEN 0 WHEN status IN ('CAPTURED', 'REFUND_REQUESTED',"
        " 'REFUND_FAILED') THEN amount ELSE 0 END) FROM payment) AS due,"
        " (SELECT balance FROM ledger_account WHERE account = :account) AS held",
        {"account": RECEIVABLE},
    )
    found = [] if quiet else [Violation("I16", "still not quiet 900 s after the brokers came back")]
    if quiet and rows[0]["due"] != rows[0]["held"]:
        found.append(Violation("I16", f"payments say {rows[0]['due']}, the ledger {rows[0]['held']}"))
    return found


async def reading_changes_nothing(sandbox: Sandbox) -> list[Violation]:
    """I17: every page and every probe, and no store differs."""
    before = await checksum(sandbox)
    found: list[Violation] = []
    app = sandbox.app()
    replies = [await ask(app, "GET", path) for path in READ_PATHS]
    keys = sandbox.keys.keys("*", 1000)[0]
    replies.append(await ask(app, "POST", "/__probe__/redis/values", {"keys": keys}))
    replies.append(await ask(app, "POST", "/__probe__/sql", {"statement": "SELECT * FROM payment"}))
    if any(reply.status != OK for reply in replies):
        found.append(Violation("I17", f"a page failed: {[reply.status for reply in replies]}"))
    if before != await checksum(sandbox):
        found.append(Violation("I17", "reading left a trace"))
    return found


async def limits_hold(sandbox: Sandbox) -> list[Violation]:
    """I18: a window admits its capacity exactly, and what passes uncounted is told by a metric."""
    capacity = 7
    found: list[Violation] = []
    settings = sandbox.platform.ingest.settings
    sandbox.platform.ingest.settings = replace(settings, rate_limits={**settings.rate_limits, "authorize": capacity})
    replies = await asyncio.gather(*(sandbox.authorize("LIMITED", 1000) for _ in range(3 * capacity)))
    admitted = sum(reply.status != LIMITED for reply in replies)
    if admitted != capacity:
        found.append(Violation("I18", f"{admitted} of {capacity} admitted"))
    if any(reply.status == LIMITED and "Retry-After" not in reply.headers for reply in replies):
        found.append(Violation("I18", "a 429 without Retry-After"))
    count = sandbox.platform.metrics.value
    before = count("rate_limit_fail_open_total", action="authorize")
    sandbox.keys.outage = KeyValueError("ConnectionError", "refused")
    reply = await sandbox.authorize("LIMITED", 1000)
    sandbox.keys.outage = None
    sandbox.platform.ingest.settings = settings
    if reply.status == LIMITED or count("rate_limit_fail_open_total", action="authorize") != before + 1:
        found.append(Violation("I18", "the limiter's fail-open is not visible"))
    await sandbox.settle()
    return found


async def breaker_follows_the_table(sandbox: Sandbox) -> list[Violation]:
    """I19: the publisher's breaker does what Resilience4j's does."""
    kind: type[Breaker] = type(sandbox.platform.breakers["kafka-publisher"])
    return [Violation("I19", text) for text in disagreements(kind)]


async def same_seed_same_run(sandbox: Sandbox) -> list[Violation]:
    """I20: two runs of one seed end in the same bytes."""
    sums = set()
    for _ in range(2):
        async with type(sandbox)(sandbox.seed) as twin:
            twin.traffic(4, refunds=0.3)
            await twin.run(20)
            sums.add(await checksum(twin))
    return [] if len(sums) == 1 else [Violation("I20", "the same seed gave another run")]


EXPERIMENTS: Final[tuple[Callable[[Sandbox], Awaitable[list[Violation]]], ...]] = (
    redelivery_changes_nothing,
    keys_are_idempotent,
    refusal_leaves_a_way,
    limits_hold,
    heals,
    reading_changes_nothing,
    breaker_follows_the_table,
    same_seed_same_run,
)
