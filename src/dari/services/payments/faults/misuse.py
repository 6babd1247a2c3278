"""Faults that come with the traffic or from inside: poison, flushes, hot merchants, misused keys, clocks, flapping."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from functools import partial
from typing import Any, Final

from dari.services.payments.faults.figures import Span
from dari.services.payments.faults.stage import Stage
from dari.services.payments.faults.tampering import tamper
from dari.services.payments.names import CAPTURED_TOPIC, PAYMENT_DLQ
from dari.services.payments.ports import KeyValueError, Message

SKEW: Final = 600.0
USUAL: Final = 5.0
"""Payments a second, unless a scenario says otherwise."""
FLAKY: Final = "REQUEST_TIMED_OUT"
HOT: Final = "MERCHANT-HOT"
CARELESS: Final = "MERCHANT-CARELESS"
ORIGINAL_EIGHT: Final = (
    "ledger amount_changed",
    "ledger row_deleted",
    "ledger posted_twice",
    "ledger sides_swapped",
    "ledger reversal_missing",
    "ledger account_redirected",
    "ledger self_entry",
    "ledger ledger_deleted",
)
"""The tamperings that the original's reconciliation was measured with."""


# -- F04 poison ------------------------------------------------------------------------------------------------------


POISONS: Final = ("JsonParseError", "PaymentNotFound", "MissingPaymentId", "AmountMismatch")


def choose_poison(dice: random.Random) -> list[str]:
    """Five to twelve kinds, by the dice."""
    count = dice.randint(5, 12)
    return [dice.choice(POISONS) for _ in range(count)]


def poisonous(kind: str, known: Mapping[str, Any], dice: random.Random) -> str:
    """A record of that kind; `known` is the `id` and `amount` of a payment there is."""
    if kind == "JsonParseError":
        return '{"paymentId": 12, "amount":'
    said: dict[str, dict[str, Any]] = {
        "PaymentNotFound": {"paymentId": 900_000_000 + dice.randint(1, 99_999), "amount": 1000},
        "MissingPaymentId": {"status": "CAPTURED", "amount": 1000},
        "AmountMismatch": {"paymentId": known["id"], "amount": known["amount"] * 1000 + 1},
    }
    return json.dumps(said[kind])


async def poison(stage: Stage) -> None:
    """A stranger writes records nobody can post: no JSON, no such payment, another amount."""
    log = stage.sandbox.log
    known = await stage.one("SELECT MIN(payment_id) AS id, MIN(amount) AS amount FROM payment")
    kinds = choose_poison(stage.dice)
    for at, kind in enumerate(kinds):
        number = at % len(log.topics[CAPTURED_TOPIC].partitions)
        log.append(Message(CAPTURED_TOPIC, poisonous(kind, known, stage.dice), str(at)), number)
    stage.notes["poison"] = dict(Counter(kinds))


async def poison_found(stage: Stage) -> dict[str, Any]:
    """How many dead letters are new, why, and where they came from: beside another fault not all need have arrived."""
    letters = [
        json.loads(record.value)
        for record in stage.sandbox.log.records(PAYMENT_DLQ)
        if record.timestamp >= stage.since.timestamp() * 1000
    ]
    # A record may be buried more than once; it is one record.
    kinds = {(one["originalTopic"], one["partition"], one["offset"]): one["errorType"] for one in letters}
    arrived = Counter(kind for kind in kinds.values() if kind in stage.notes["poison"])
    return {
        "dlq_topic": PAYMENT_DLQ,
        "dlq_new": arrived.total(),
        "by_error_type": dict(arrived),
        "original_topic": CAPTURED_TOPIC,
        "dlq_total": len(stage.sandbox.log.records(PAYMENT_DLQ)),
    }


# -- F05 FLUSHALL ----------------------------------------------------------------------------------------------------


async def flush(stage: Stage) -> None:
    """FLUSHALL."""
    stage.notes["keys_before"] = len(stage.sandbox.keys.dump())
    stage.sandbox.keys.flush_all()


async def flushed(stage: Stage) -> dict[str, Any]:
    """Keys before and after, idempotency keys in Redis and rows in the database."""
    keys = stage.sandbox.keys
    lost = await stage.one("SELECT COUNT(*) AS n FROM idem_response_cache")
    held = sum(key.startswith("idem:") for key in keys.dump())
    return {
        "keys_before": stage.notes["keys_before"],
        "keys_after": len(keys.dump()),
        "idempotency_keys": held,
        "idempotency_rows": lost["n"],
        "restarted": False,
    }


# -- F07 a hot merchant ----------------------------------------------------------------------------------------------


async def hot_merchant(stage: Stage) -> None:
    """One merchant sends thirty requests a second."""

    async def burst() -> None:
        await asyncio.gather(*(stage.sandbox.authorize(HOT, 1000) for _ in range(15)))

    stage.sandbox.schedule.every(0.5, burst, "hot")


async def cool_down(stage: Stage) -> None:
    """It stops."""
    stage.sandbox.schedule.cancel("hot")


async def limited(stage: Stage) -> dict[str, Any]:
    """Who is refused, at which count of which capacity, how often, and whether anybody else is."""
    refused = stage.grown("rate_limit_rejected_total", merchant=HOT, action="authorize")
    everybody = stage.grown("rate_limit_rejected_total")
    value, left = None, None
    with suppress(KeyValueError):
        value, left = stage.sandbox.keys.peek(f"rate:authorize:{HOT}")
    return {
        "merchant": HOT,
        "action": "authorize",
        "count": int(value or 0),
        "capacity": stage.sandbox.platform.ingest.settings.rate_limits["authorize"],
        "reset_seconds": left,
        "refused": round(refused),
        "share_percent": round(100 * refused / everybody, 2) if everybody else None,
        "refused_others": round(everybody - refused),
    }


# -- F09 the ledger is tampered with ---------------------------------------------------------------------------------


async def falsify(stage: Stage) -> None:
    """One of the eight tamperings of the original measurement, on a running platform."""
    name = stage.dice.choice(ORIGINAL_EIGHT)
    done = await tamper(stage.sandbox, name, stage.dice.randint(0, 999))
    stage.notes |= {"way": name, "rows": done.rows, "payments": done.payments}


async def falsified(stage: Stage) -> dict[str, Any]:
    """Rows and payments of which a finding must name one."""
    return {"rows": list(stage.notes["rows"]), "payments": list(stage.notes["payments"])}


# -- F11 keys used twice ---------------------------------------------------------------------------------------------


async def reuse_keys(stage: Stage) -> None:
    """A client sends the same few keys with one amount after another."""
    keys = [f"careless-{number}" for number in range(stage.dice.randint(3, 6))]
    bodies = stage.dice.randint(3, 5)

    async def misuse(amount: int) -> None:
        for key in keys:
            await stage.sandbox.authorize(CARELESS, amount, key)

    for turn in range(bodies):
        stage.sandbox.schedule.once(1.0 + 5 * turn, partial(misuse, 1000 * (turn + 1)), "careless")
    stage.notes |= {"keys": len(keys), "bodies": bodies, "refused": len(keys) * (bodies - 1)}


async def keys_misused(stage: Stage) -> dict[str, Any]:
    """Whose keys, how many, with how many bodies each, and how many requests were refused for it."""
    return {
        "merchant": CARELESS,
        "keys": stage.notes["keys"],
        "bodies_per_key": stage.notes["bodies"],
        "refused": stage.notes["refused"],
        "double_charges": 0,
    }


# -- F12 the application's clock is ahead ----------------------------------------------------------------------------


async def clock_ahead(stage: Stage) -> None:
    """Ten minutes ahead."""
    stage.sandbox.app_clock.offset = SKEW


async def clock_right(stage: Stage) -> None:
    """Right again."""
    stage.sandbox.app_clock.offset = 0.0


async def skewed(stage: Stage) -> dict[str, Any]:
    """The offset in seconds, and outbox rows written in the future."""
    now = stage.sandbox.world_clock.now().astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    future = await stage.one("SELECT COUNT(*) AS n FROM outbox_event WHERE created_at > :now", now=now)
    return {"offset_seconds": SKEW, "rows_in_the_future": future["n"]}


# -- F13 the breaker flaps -------------------------------------------------------------------------------------------


async def flaky_partitions(stage: Stage) -> None:
    """One broker times out on nine sends of ten to the partitions it leads."""
    log, dice = stage.sandbox.log, stage.dice
    broker = dice.choice(log.brokers)

    def refuse(topic: str, number: int) -> str | None:
        led = log.leader(log.topics[topic].partitions[number]) == broker
        return FLAKY if led and dice.random() < 0.9 else None  # noqa: PLR2004 — nine of ten

    stage.notes["broker"] = broker
    log.refuse = refuse


async def steady_partitions(stage: Stage) -> None:
    """Every send is acknowledged again."""
    stage.sandbox.log.refuse = None


async def flapping(stage: Stage) -> dict[str, Any]:
    """How often the breaker changed its state since the fault began, when, and over which error and partitions."""
    breaker = stage.sandbox.platform.breakers["kafka-publisher"]
    moves = [event for event in breaker.transitions if event.at >= stage.since]
    return {
        "transitions": len(moves),
        "times": [event.at.isoformat(timespec="milliseconds") for event in moves],
        # Beside another fault the breaker counts errors of both.
        "error_class": {FLAKY} | {event.error.split()[0] for event in breaker.events if event.error},
        "partitions": sorted(
            {event.error.split()[1] for event in breaker.events if event.error and " " in event.error}
        ),
    }


# -- F14 traffic times ten -------------------------------------------------------------------------------------------


async def surge(stage: Stage) -> None:
    """Nine times the usual traffic on top of it."""
    stage.sandbox.traffic(9 * USUAL, name="surge")


async def surge_over(stage: Stage) -> None:
    """The usual again."""
    stage.sandbox.schedule.cancel("surge")


async def surged(stage: Stage) -> dict[str, Any]:
    """Requests a second now and before, and a lag that grows with the members in place."""
    log = stage.sandbox.log
    passed = (stage.sandbox.world_clock.now() - stage.since).total_seconds()
    counted = stage.grown("http_server_requests_seconds_count", uri="/payments/authorize") / max(1.0, passed)
    return {
        "requests_per_second": counted,
        "baseline_requests_per_second": USUAL,
        "ratio": counted / USUAL,
        "members": len(log.groups["payment-consumer"].members),
        "lag": log.lag("payment-consumer"),
        "errors": failed_answers(stage),
    }


def failed_answers(stage: Stage) -> int | Span:
    """None; beside another fault as many as may have fallen into the last minute."""
    bad = round(sum(stage.grown("http_server_requests_seconds_count", status=code) for code in ("500", "503", "504")))
    return Span(0, bad) if bad else 0
