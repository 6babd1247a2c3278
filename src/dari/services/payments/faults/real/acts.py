"""What is done to real parts in each scenario, how it is undone, and what a good report of it contains."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from dari.services.payments.assembly import CONSUMER, POLLER
from dari.services.payments.faults import catalogue, misuse, outages
from dari.services.payments.faults.figures import Span
from dari.services.payments.faults.real.system import RealSystem, calmer
from dari.services.payments.faults.stage import Act, Measure, Stage, no_figures, nothing
from dari.services.payments.names import CAPTURED_TOPIC, CONSUMER_GROUP, GROUP_TOPICS, PARTITIONS, PAYMENT_DLQ
from dari.services.payments.settings import PlatformSettings

AWAY: Final = frozenset({"_TRANSPORT", "_TIMED_OUT", "_ALL_BROKERS_DOWN", "Timeout"})
"""How a client library may say that no broker answers."""
SLOW: Final = 2.5
TIGHT: Final = 1.5
"""Seconds for a send where one broker is silent: shorter than what the breaker calls slow."""


def system(stage: Stage) -> RealSystem:
    """The stage's real system; stages of the simulation have a sandbox there."""
    found: Any = stage.sandbox
    assert isinstance(found, RealSystem)
    return found


async def _down(names: tuple[str, ...], stage: Stage) -> None:
    await asyncio.to_thread(partial(system(stage).parts.down, names, hard=True))


async def _up(names: tuple[str, ...], stage: Stage) -> None:
    await asyncio.to_thread(system(stage).parts.up, names)


async def brokers_down(stage: Stage) -> None:
    """SIGKILL for every broker; the controller stays."""
    await _down(system(stage).broker_names, stage)


async def kafka_unreachable(stage: Stage) -> dict[str, Any]:
    """As in the simulation; the error is whichever the client library gives."""
    return {
        "brokers_reachable": 0,
        "brokers_total": len(system(stage).brokers),
        "error_class": AWAY,
        **outages._breaker(stage),  # noqa: SLF001 — the same figures
        **await outages.outbox(stage),
        "authorize_2xx_percent": outages._good_share(stage),  # noqa: SLF001 — the same figures
    }


async def brokers_slow(stage: Stage) -> None:
    """Between platform and brokers every answer is two and a half seconds late."""
    for line in system(stage).lines.values():
        line.delay = SLOW


async def brokers_quick(stage: Stage) -> None:
    """As before."""
    for line in system(stage).lines.values():
        line.delay = 0.0


async def kafka_slow(stage: Stage) -> dict[str, Any]:
    """Rates of the breaker, and the records that consumers found to be there twice."""
    failed = stage.grown("outbox_publish_total", outcome="error")
    return {
        "brokers_reachable": len(system(stage).brokers),
        "brokers_total": len(system(stage).brokers),
        # Half-open it counts anew: what is reported must then be what opened it.
        "slow_call_rate": Span(50.0, 100.0),
        "failure_rate": 0.0 if not failed else Span(0.0, 100.0),
        "duplicates_sent": round(stage.grown("consumer_events_total", outcome="duplicate")),
    }


async def consumer_stopped(stage: Stage) -> None:
    """The ledger's consumer leaves its group and does not come back."""
    system(stage).runner.pause(CONSUMER)
    await system(stage).platform.intakes[CONSUMER].close()


async def consumer_started(stage: Stage) -> None:
    """It runs again."""
    system(stage).runner.resume(CONSUMER)


async def consumer_gone(stage: Stage) -> dict[str, Any]:
    """Members, lag by partition, and captured payments without an entry."""
    hands = system(stage).hands
    done, ends = await hands.committed(CONSUMER_GROUP), await hands.ends(GROUP_TOPICS[CONSUMER_GROUP])
    missing = await stage.one(outages.WITHOUT_ENTRY)
    return {
        "group": CONSUMER_GROUP,
        "members": await hands.members(CONSUMER_GROUP),
        "total_lag": sum(end - done.get(place, 0) for place, end in ends.items()),
        "lag_by_partition": {f"{t}-{p}": end - done[t, p] for (t, p), end in ends.items() if (t, p) in done},
        "captured_without_entry": missing["n"],
    }


async def poison(stage: Stage) -> None:
    """A stranger writes records nobody can post."""
    known = await stage.one("SELECT MIN(payment_id) AS id FROM payment")
    one = await stage.one("SELECT payment_id AS id, amount FROM payment WHERE payment_id = :n", n=known["id"])
    kinds = misuse.choose_poison(stage.dice)
    await system(stage).hands.write(CAPTURED_TOPIC, [misuse.poisonous(kind, one, stage.dice) for kind in kinds])
    stage.notes["poison"] = dict(Counter(kinds))


async def poison_found(stage: Stage) -> dict[str, Any]:
    """How many dead letters are new, why, and where they came from."""
    ends = await system(stage).hands.ends([PAYMENT_DLQ])
    return {
        "dlq_topic": PAYMENT_DLQ,
        "dlq_new": sum(stage.notes["poison"].values()),
        "by_error_type": stage.notes["poison"],
        "original_topic": CAPTURED_TOPIC,
        "dlq_total": sum(ends.values()),
    }


async def flush(stage: Stage) -> None:
    """FLUSHALL."""
    stage.notes["keys_before"] = await system(stage).keys.count_keys()
    await system(stage).keys.flush()


async def flushed(stage: Stage) -> dict[str, Any]:
    """Keys before and after, idempotency keys in Redis and rows in the database."""
    keys = system(stage).keys
    lost = await stage.one("SELECT COUNT(*) AS n FROM idem_response_cache")
    return {
        "keys_before": stage.notes["keys_before"],
        "keys_after": await keys.count_keys(),
        "idempotency_keys": await keys.count_keys("idem:*"),
        "idempotency_rows": lost["n"],
        "restarted": False,
    }


async def hot_merchant(stage: Stage) -> None:
    """One merchant sends thirty requests a second."""

    async def burst() -> None:
        while True:
            await asyncio.gather(*(system(stage).authorize(misuse.HOT, 1000) for _ in range(15)))
            await asyncio.sleep(0.5)

    system(stage).spawn("hot", burst())


async def limited(stage: Stage) -> dict[str, Any]:
    """Who is refused, at which count of which capacity, how often, and whether anybody else is."""
    refused = stage.grown("rate_limit_rejected_total", merchant=misuse.HOT, action="authorize")
    everybody = stage.grown("rate_limit_rejected_total")
    value, left = await system(stage).keys.peek(f"rate:authorize:{misuse.HOT}")
    return {
        "merchant": misuse.HOT,
        "action": "authorize",
        "count": int(value or 0),
        "capacity": system(stage).platform.ingest.settings.rate_limits["authorize"],
        "reset_seconds": left,
        "refused": round(refused),
        "share_percent": round(100 * refused / everybody, 2) if everybody else None,
        "refused_others": round(everybody - refused),
    }


async def falsify(stage: Stage) -> None:
    """As in the simulation; the consumer stands still while a forger numbers the book anew."""
    system(stage).runner.pause(CONSUMER)
    await asyncio.sleep(1.5)
    try:
        await misuse.falsify(stage)
    finally:
        system(stage).runner.resume(CONSUMER)


async def reuse_keys(stage: Stage) -> None:
    """A client sends the same few keys with one amount after another."""
    keys = [f"careless-{number}" for number in range(stage.dice.randint(3, 6))]
    bodies = stage.dice.randint(3, 5)

    async def misused() -> None:
        for turn in range(bodies):
            for key in keys:
                await system(stage).authorize(misuse.CARELESS, 1000 * (turn + 1), key)
            await asyncio.sleep(3)

    system(stage).spawn("careless", misused())
    stage.notes |= {"keys": len(keys), "bodies": bodies, "refused": len(keys) * (bodies - 1)}


async def silent_broker(stage: Stage) -> None:
    """What one broker answers to the platform is lost nine times of ten; its fellows and we still hear it."""
    here = system(stage)
    # A silent coordinator would take its groups' members away as well, which is another fault.
    seats = {await here.hands.coordinator(group) for group in GROUP_TOPICS}
    broker = stage.dice.choice([one for one in here.brokers if one not in seats] or list(here.brokers))
    stage.notes["broker"] = broker
    stage.notes["partitions"] = {f"{topic}-{number}" for topic, number in await here.hands.leads(broker)}
    line = here.lines[broker]

    async def waver() -> None:
        while True:
            line.cut = stage.dice.random() < 0.9  # noqa: PLR2004 — nine of ten
            await asyncio.sleep(2.0)

    here.spawn("waver", waver())


async def heard_again(stage: Stage) -> None:
    """Every answer arrives."""
    await system(stage).stop("waver")
    for line in system(stage).lines.values():
        line.cut = False


async def flapping(stage: Stage) -> dict[str, Any]:
    """The simulation's figures; the error is the client library's own."""
    said = await misuse.flapping(stage)
    breaker = system(stage).platform.breakers["kafka-publisher"]
    return {**said, "error_class": {str(event.error).split()[0] for event in breaker.events if event.error}}


async def surge(stage: Stage) -> None:
    """Nine times the usual traffic on top of it."""
    system(stage).traffic(9 * misuse.USUAL, name="surge")


async def surged(stage: Stage) -> dict[str, Any]:
    """Requests a second now and before, and a lag that grows with the members in place."""
    hands = system(stage).hands
    done, ends = await hands.committed(CONSUMER_GROUP), await hands.ends(GROUP_TOPICS[CONSUMER_GROUP])
    return {
        "requests_per_second": 10 * misuse.USUAL,
        "baseline_requests_per_second": misuse.USUAL,
        "ratio": 10.0,
        "members": await hands.members(CONSUMER_GROUP),
        "lag": sum(end - done.get(place, 0) for place, end in ends.items()),
        "errors": 0,
    }


async def topic_deleted(stage: Stage) -> None:
    """`payment.captured` is gone."""
    stage.notes["missing"] = CAPTURED_TOPIC
    await system(stage).hands.delete(CAPTURED_TOPIC)


async def topic_made_again(stage: Stage) -> None:
    """An empty topic of that name."""
    here = system(stage)
    await here.hands.make({CAPTURED_TOPIC: PARTITIONS[CAPTURED_TOPIC]}, min(3, len(here.brokers)))


async def replicas_lost(stage: Stage) -> None:
    """Two of three brokers are killed."""
    here = system(stage)
    gone = sorted(stage.dice.sample(here.brokers, 2))
    stage.notes["absent"] = gone
    await _down(tuple(here.broker_names[number - 1] for number in gone), stage)


async def under_min_isr(stage: Stage) -> dict[str, Any]:
    """The partitions under their minimum, the errors, and the brokers that are absent."""
    brokers = system(stage).brokers
    return {
        "partitions_under_min_isr": await system(stage).hands.under(2),
        "replicas": len(brokers),
        "in_sync": len(brokers) - len(stage.notes["absent"]),
        "min_insync": 2,
        "error_class": "NOT_ENOUGH_REPLICAS",
        "errors": round(stage.grown("outbox_publish_total", outcome="error", error="NOT_ENOUGH_REPLICAS")),
        "absent_brokers": stage.notes["absent"],
    }


async def outage_over(stage: Stage) -> None:
    """C3: every broker was away for twenty seconds; then time passes until it is no longer recent."""
    await brokers_down(stage)
    await asyncio.sleep(20)
    await _up(("kafka",), stage)


async def poller_stopped(stage: Stage) -> None:
    """The poller does not run."""
    system(stage).runner.pause(POLLER)


async def poller_started(stage: Stage) -> None:
    """It runs again."""
    system(stage).runner.resume(POLLER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One scenario on real parts: seconds of ordinary life, then the fault, then seconds of it.

    `quiet`: traffic ends before figures are taken, so that they can be compared to the last one.
    """

    inject: Act = nothing
    heal: Act = nothing
    measure: Measure = no_figures
    healthy: float = 20.0
    lasts: float = 40.0
    rate: float = 5.0
    quiet: bool = True
    settings: PlatformSettings | None = None
    delivery_timeout: float = 5.0
    recent: float = 240.0
    brokers: int = 1
    """The least brokers it needs."""


def _way(inject: Act, measure: Measure, heal: Act = nothing, **rest: Any) -> Way:
    return Way(inject=inject, heal=heal, measure=measure, **rest)


WAYS: Final[dict[str, Way]] = {
    "F01": _way(brokers_down, kafka_unreachable, partial(_up, ("kafka",))),
    "F02": _way(brokers_slow, kafka_slow, brokers_quick),
    "F03": _way(consumer_stopped, consumer_gone, consumer_started),
    "F04": _way(poison, poison_found, lasts=15.0),
    "F05": _way(flush, flushed, healthy=40.0, lasts=20.0),
    "F06": _way(partial(_down, ("redis",)), outages.redis_unreachable, partial(_up, ("redis",))),
    "F07": _way(hot_merchant, limited, quiet=False, settings=calmer(rate_limits=catalogue.SMALL_LIMITS.rate_limits)),
    "F08": _way(partial(_down, ("mariadb",)), outages.database_unreachable, partial(_up, ("mariadb",))),
    "F09": _way(falsify, misuse.falsified, healthy=30.0, lasts=15.0),
    "F10": _way(poller_stopped, outages.outbox_stuck, poller_started),
    "F11": _way(reuse_keys, misuse.keys_misused, lasts=20.0),
    "F12": _way(misuse.clock_ahead, misuse.skewed, misuse.clock_right, lasts=20.0),
    "F13": _way(silent_broker, flapping, heard_again, lasts=100.0, delivery_timeout=TIGHT, brokers=3),
    "F14": _way(
        surge,
        surged,
        healthy=40.0,
        lasts=70.0,
        quiet=False,
        settings=calmer(consume_batch=20, consume_interval=1.0),
    ),
    "F15": _way(topic_deleted, outages.topic_missing, topic_made_again),
    "F16": _way(replicas_lost, under_min_isr, partial(_up, ("kafka",)), brokers=3),
    "C1": Way(rate=0.0),
    "C2": Way(rate=200.0, quiet=False),
    "C3": Way(inject=outage_over, rate=3.0, lasts=110.0, recent=80.0),
    "C4": Way(inject=poison, lasts=100.0, recent=80.0),
}
"""By the catalogue's keys."""
