"""Faults that take a part away or slow it down: brokers, replicas, topics, Redis, database, programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from dari.services.payments.assembly import CONSUMER, POLLER
from dari.services.payments.faults.figures import Span
from dari.services.payments.faults.stage import Stage
from dari.services.payments.memory_log import TRANSPORT
from dari.services.payments.names import CAPTURED_STATUSES, CAPTURED_TOPIC, CONSUMER_GROUP, PARTITIONS
from dari.services.payments.ports import KeyValueError, StoreError
from dari.services.payments.rows import moment

SLOW_RTT: Final = 2.5
USUAL_RTT: Final = 0.004
UNKNOWN_TOPICS: Final = ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION")
"""The brokers' word for a topic that is not there, and the client library's two."""


async def outbox(stage: Stage) -> dict[str, Any]:
    """Unpublished events and the age of the oldest, in seconds by the platform's own clock."""
    row = await stage.one(
        "SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM outbox_event WHERE published = 0",
    )
    age = None
    if row["oldest"] is not None:
        age = _age(stage, row["oldest"])
    return {"outbox_unpublished": row["n"], "outbox_oldest_age_seconds": age}


def _age(stage: Stage, at: Any) -> float:
    return round((stage.sandbox.app_clock.now() - moment(at)) / timedelta(seconds=1), 3)


def _breaker(stage: Stage) -> dict[str, Any]:
    said = stage.sandbox.platform.breakers["kafka-publisher"].snapshot()
    return {
        "breaker_state": said["state"],
        "breaker_failed": said["numberOfFailedCalls"],
        "breaker_buffered": said["numberOfBufferedCalls"],
    }


def _good_share(stage: Stage) -> float | None:
    uri = "/payments/authorize"
    total = stage.grown("http_server_requests_seconds_count", uri=uri)
    good = stage.grown("http_server_requests_seconds_count", uri=uri, status="200")
    return round(100 * good / total, 2) if total else None


# -- F01 all brokers down --------------------------------------------------------------------------------------------


async def brokers_down(stage: Stage) -> None:
    """Every broker."""
    stage.sandbox.log.down = set(stage.sandbox.log.brokers)


async def brokers_up(stage: Stage) -> None:
    """Every broker is back."""
    stage.sandbox.log.down = set()


async def kafka_unreachable(stage: Stage) -> dict[str, Any]:
    """Brokers that answer, the client's error class, the breaker, the outbox, and how authorize fares."""
    log = stage.sandbox.log
    return {
        "brokers_reachable": 0,
        "brokers_total": len(log.brokers),
        "error_class": TRANSPORT,
        **_breaker(stage),
        **await outbox(stage),
        "authorize_2xx_percent": _good_share(stage),
    }


# -- F02 slow brokers ------------------------------------------------------------------------------------------------


async def brokers_slow(stage: Stage) -> None:
    """Each acknowledgement takes 2.5 seconds."""
    stage.sandbox.log.rtt = SLOW_RTT


async def brokers_quick(stage: Stage) -> None:
    """As before."""
    stage.sandbox.log.rtt = USUAL_RTT


def _doubled(stage: Stage) -> int:
    log, seen, twice = stage.sandbox.log, set[tuple[str, str]](), 0
    for topic in log.topics:
        for record in log.records(topic):
            name = (topic, record.headers.get("eventId", ""))
            twice += bool(name[1]) and name in seen
            seen.add(name)
    return twice


async def kafka_slow(stage: Stage) -> dict[str, Any]:
    """Brokers that answer, seconds to an acknowledgement, slow and failure rates, events sent twice."""
    log = stage.sandbox.log
    breaker = stage.sandbox.platform.breakers["kafka-publisher"]
    return {
        "brokers_reachable": len(log.brokers),
        "brokers_total": len(log.brokers),
        "produce_seconds": SLOW_RTT,
        # Half-open it counts anew: what is reported must then be what opened it.
        "slow_call_rate": breaker.slow_call_rate if breaker.slow_call_rate >= 0 else Span(0.0, 100.0),
        "failure_rate": max(0.0, breaker.failure_rate),
        "duplicates_sent": _doubled(stage),
    }


# -- F03 the consumer is stopped -------------------------------------------------------------------------------------


_TAKEN = ", ".join(f"'{status}'" for status in sorted(CAPTURED_STATUSES))
WITHOUT_ENTRY: Final = (
    f"SELECT COUNT(*) AS n FROM payment p WHERE p.status IN ({_TAKEN}) AND NOT EXISTS"  # noqa: S608 — own names
    " (SELECT 1 FROM ledger_entry l WHERE l.payment_id = p.payment_id AND l.debit_account = 'merchant_receivable')"
)


async def consumer_stopped(stage: Stage) -> None:
    """The ledger's consumer leaves its group and does not come back."""
    stage.sandbox.schedule.pause(CONSUMER)
    await stage.sandbox.platform.intakes[CONSUMER].close()


async def consumer_started(stage: Stage) -> None:
    """It runs again."""
    stage.sandbox.schedule.resume(CONSUMER)


async def consumer_gone(stage: Stage) -> dict[str, Any]:
    """Members, lag by partition, and captured payments without an entry."""
    log = stage.sandbox.log
    group = log.groups[CONSUMER_GROUP]
    lags, waiting = {}, 0
    for topic in ("payment.captured", "payment.refunded"):
        if topic not in log.topics:
            continue
        for number, partition in enumerate(log.topics[topic].partitions):
            behind = len(partition.records) - group.committed.get((topic, number), 0)
            waiting += behind
            # Where the group never committed there is no lag to tell (null, which is not zero).
            if (topic, number) in group.committed:
                lags[f"{topic}-{number}"] = behind
    missing, gone = await stage.one(WITHOUT_ENTRY), len(stage.notes.get("payments", ()))
    return {
        "group": CONSUMER_GROUP,
        "members": len(group.members),
        "total_lag": waiting,
        "lag_by_partition": lags,
        # Entries that a forger took out are missing too, but nobody waits for them.
        "captured_without_entry": Span(max(0, missing["n"] - gone), missing["n"]) if gone else missing["n"],
    }


# -- F06, F08 Redis and database down --------------------------------------------------------------------------------


async def redis_down(stage: Stage) -> None:
    """Connections are refused."""
    stage.sandbox.keys.outage = KeyValueError(
        "ConnectionError", "Error 111 connecting to redis:6379. Connection refused."
    )


async def redis_up(stage: Stage) -> None:
    """A new, empty Redis."""
    stage.sandbox.keys.outage = None
    stage.sandbox.keys.restart()


async def redis_unreachable(stage: Stage) -> dict[str, Any]:
    """The client's error class, requests let through uncounted, keys found in the database."""
    return {
        "error_class": "ConnectionError",
        "limiter_fail_open": round(stage.grown("rate_limit_fail_open_total")),
        "idempotency_from_database": round(stage.grown("idempotency_lookup_total", source="db")),
    }


async def database_down(stage: Stage) -> None:
    """Connections are refused."""
    stage.sandbox.database.outage = StoreError("OperationalError", '(2003, "Can\'t connect to MySQL server")')


async def database_up(stage: Stage) -> None:
    """Back, with everything that was committed."""
    stage.sandbox.database.outage = None


async def database_unreachable(stage: Stage) -> dict[str, Any]:
    """The driver's error class, authorize's 5xx share, new dead letters; the ledger is unknown."""
    uri = "/payments/authorize"
    total = stage.grown("http_server_requests_seconds_count", uri=uri)
    bad = stage.grown("http_server_requests_seconds_count", uri=uri, status="503")
    return {
        "error_class": "OperationalError",
        "authorize_5xx_percent": round(100 * bad / total, 2) if total else None,
        "dlq_new": round(stage.grown("consumer_events_total", outcome="dead_lettered")),
        "ledger_check": "unknown",
    }


# -- F10 the poller is stopped ---------------------------------------------------------------------------------------


async def poller_stopped(stage: Stage) -> None:
    """The poller does not run."""
    stage.sandbox.schedule.pause(POLLER)


async def poller_started(stage: Stage) -> None:
    """It runs again."""
    stage.sandbox.schedule.resume(POLLER)


async def outbox_stuck(stage: Stage) -> dict[str, Any]:
    """Unpublished events, their age, and the ages of the last publish and of the poller's heartbeat."""
    lock = await stage.one("SELECT locked_at, locked_by FROM shedlock")
    last = await stage.one("SELECT MAX(published_at) AS at FROM outbox_event")
    return {
        **await outbox(stage),
        "last_publish_age_seconds": _age(stage, last["at"]),
        "heartbeat_age_seconds": _age(stage, lock["locked_at"]),
        "lock_holder": lock["locked_by"],
        "breaker_state": "CLOSED",
    }


# -- F15 a topic is missing, F16 too few replicas --------------------------------------------------------------------


async def topic_deleted(stage: Stage) -> None:
    """`payment.captured` is gone."""
    stage.notes["missing"] = CAPTURED_TOPIC
    del stage.sandbox.log.topics[CAPTURED_TOPIC]
    for group in stage.sandbox.log.groups.values():
        group.committed = {place: at for place, at in group.committed.items() if place[0] != CAPTURED_TOPIC}
        group.generation += 1


async def topic_made_again(stage: Stage) -> None:
    """An empty topic of that name."""
    stage.sandbox.log.create_topic(CAPTURED_TOPIC, PARTITIONS[CAPTURED_TOPIC])


async def topic_missing(stage: Stage) -> dict[str, Any]:
    """Which topics are missing, errors there by their class, and successes elsewhere."""
    topic = stage.notes["missing"]
    errors = {
        error: round(count)
        for error in UNKNOWN_TOPICS
        if (count := stage.grown("outbox_publish_total", outcome="error", topic=topic, error=error))
    }
    return {
        "missing_topics": [topic],
        "errors_on_topic": errors,
        "published_on_other_topics": round(stage.grown("outbox_publish_total", outcome="ok")),
    }


async def replicas_lost(stage: Stage) -> None:
    """Two of three brokers are gone."""
    brokers = list(stage.sandbox.log.brokers)
    gone = set(stage.dice.sample(brokers, 2))
    stage.notes["absent"] = sorted(gone)
    stage.sandbox.log.down = stage.sandbox.log.down | gone


async def under_min_isr(stage: Stage) -> dict[str, Any]:
    """The partitions under their minimum, the errors, and the brokers that are absent."""
    log = stage.sandbox.log
    places = [
        f"{topic.name}-{number}"
        for topic in log.topics.values()
        for number, partition in enumerate(topic.partitions)
        if len(log.in_sync(partition)) < int(topic.configs["min.insync.replicas"])
    ]
    return {
        "partitions_under_min_isr": sorted(places),
        "replicas": len(log.brokers),
        "in_sync": len(log.brokers) - len(log.down),
        "min_insync": log.min_insync,
        "error_class": "NOT_ENOUGH_REPLICAS",
        "errors": round(stage.grown("outbox_publish_total", outcome="error", error="NOT_ENOUGH_REPLICAS")),
        "absent_brokers": stage.notes["absent"],
    }
