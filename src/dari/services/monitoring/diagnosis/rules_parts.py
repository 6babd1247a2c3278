"""Causes that are a part's own: the application, the database, Redis (rules_redis), the brokers, the clocks."""

from __future__ import annotations

from typing import Any, Final

from dari.services.monitoring.diagnosis.common import (
    PUBLISHER,
    REFUSED_WRITES,
    all_brokers,
    app_up,
    authorize,
    breaker,
    database_down,
    difference,
    gateway_failing,
    isr_full,
    kafka_down,
    kafka_up,
    known,
    outbox,
    slow_publishing,
)
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.diagnosis.rule import Rule, so
from dari.services.monitoring.diagnosis.rules_redis import REDIS

FAILED_WRITES: Final = 2
NEEDS_WRITES: Final = frozenset(
    {"OUTBOX_STUCK", "OUTBOX_SLOW", "CONSUMER_SLOW", "CONSUMER_STUCK", "SETTLEMENT_WORKER_STUCK", "REFUND_WORKER_STUCK"}
)
"""What stands still where the application cannot write to its database."""


def _platform_feels_kafka(f: Facts) -> bool:
    """The platform fails to publish too, or has not tried: our own probe is not alone with its failure."""
    trouble = known(f, "publish.errors", 0) > 0 or known(f, PUBLISHER, {"state": "CLOSED"})["state"] != "CLOSED"
    return bool(trouble or known(f, "publish.ok_lately", 0) == 0)


def _platform_feels_database(f: Facts) -> bool:
    """It says so, or fails more than one request in a hundred, or has no success lately."""
    if known(f, "app.health", "UNKNOWN") == "DOWN" or known(f, "http.authorize_ok_lately", 0) == 0:
        return True
    return bool(known(f, "http.errors", 0) > 0.01 * known(f, "http.authorize_total", 0))


def _nothing_written(f: Facts) -> bool:
    """Two or more failed and none was written, in the last twenty seconds or, where little comes, in the minute."""
    said = [one for one in f["http.writes"] if one is not None]
    return any(one["failed"] >= FAILED_WRITES and one["written"] == 0 for one in said)


def _dead_brokers(f: Facts) -> dict[str, Any]:
    expected = f.get("kafka.brokers_expected", [])
    return {
        "brokersReachable": f"0/{len(expected)}" if expected else "0/unknown",
        "errorClass": f.get("kafka.error"),
        "breaker": breaker(f),
        "outbox": outbox(f),
        **authorize(f, "kafka"),
    }


def _slow(f: Facts) -> dict[str, Any]:
    said = f.get(PUBLISHER) or {}
    expected = f.get("kafka.brokers_expected", [])
    return {
        "brokersReachable": f"{len(f.get('kafka.brokers', []))}/{len(expected)}",
        "isrFull": not f.get("partitions.under_replicated"),
        "produceP95Ms": f.get("publish.p95_ms"),
        "slowCallRate": said.get("known_slow_rate", said.get("slow_rate")),
        "failureRate": said.get("known_failure_rate", said.get("failure_rate")),
        "duplicatesSent": f.get("consume.duplicates"),
        "publishErrors": f.get("publish.errors"),
    }


PARTS: Final[tuple[Rule, ...]] = (
    Rule(
        id="APP_UNREACHABLE",
        component="ingest",
        ko="결제 애플리케이션이 응답하지 않습니다.",
        en="The payment application does not answer.",
        requires=(so("the platform does not answer", lambda f: not f["app.reachable"]),),
        report=lambda f: {"errorClass": f.get("app.error")},
        disproof="/actuator/info answers from the same network.",
        next_step="check_all_services",
        explains=frozenset({"OUTBOX_STUCK", "CONSUMER_STOPPED", "SETTLEMENT_WORKER_STOPPED", "REFUND_WORKER_STOPPED"}),
    ),
    Rule(
        id="DB_UNREACHABLE",
        component="database",
        ko="데이터베이스에 연결할 수 없습니다.",
        en="The database cannot be reached.",
        requires=(database_down, so("the platform feels it too", _platform_feels_database)),
        report=lambda f: {
            "errorClass": f.get("database.error"),
            "authorize5xxPercent": _server_errors(f),
            **authorize(f, "database"),
            "consumerErrors": {k: n for k, n in (f.get("consume.outcomes") or {}).items() if k.endswith(":error")},
            "newDeadLetters": (f.get("since.database") or {}).get("dead_lettered", len(f.get("letters.new", []))),
            "ledgerCheck": "unknown",
        },
        disproof="SELECT 1 answers within its deadline, and authorize returns 200.",
        next_step="check_all_services",
        explains=frozenset(
            {
                "OUTBOX_STUCK",
                "OUTBOX_SLOW",
                "CONSUMER_STUCK",
                "CONSUMER_SLOW",
                "POISON_INFRASTRUCTURE",
                "DB_WRITES_FAILING",
                "SETTLEMENT_STUCK",
                "REFUND_STUCK",
                "LATENCY",
                "TRAFFIC_SURGE",
            }
        ),
    ),
    Rule(
        id="DB_SLOW",
        component="database",
        severity="warning",
        ko="데이터베이스 응답이 느립니다.",
        en="The database answers slowly.",
        requires=(so("SELECT 1 takes half a second or more", lambda f: f["database.ms"] >= 500),),
        report=lambda f: {
            "selectMs": f.get("database.ms"),
            "pool": f.get("pool.usage"),
            "authorizeP95Ms": f.get("http.p95_ms"),
        },
        disproof="SELECT 1 answers in milliseconds while authorize stays slow.",
        next_step="payment_statistics",
        explains=frozenset({"DB_POOL_EXHAUSTED", "CONSUMER_SLOW", "OUTBOX_SLOW", "LATENCY"}),
    ),
    Rule(
        id="DB_WRITES_FAILING",
        component="database",
        ko="데이터베이스를 읽을 수는 있으나 쓰기가 실패합니다.",
        en="The database can be read, but writes fail.",
        requires=(
            so("database answers", lambda f: f["database.reachable"]),
            so("authorize fails with 5xx, and no payment is written meanwhile", _nothing_written),
        ),
        forbids=(so("the payment gateway fails", lambda f: gateway_failing(f, "authorize")),),
        report=lambda f: {**authorize(f), "writes": f.get("http.writes"), "health": f.get("app.health")},
        disproof="A payment row newer than the first 5xx exists.",
        next_step="check_outbox_status",
        explains=NEEDS_WRITES,
    ),
    Rule(
        id="DB_POOL_EXHAUSTED",
        component="ingest",
        severity="warning",
        ko="DB 커넥션 풀이 가득 찼습니다.",
        en="The application's connection pool is exhausted.",
        requires=(
            so(
                "every connection is in use and calls wait",
                lambda f: f["pool.usage"]["pending"] > 0 and f["pool.usage"]["active"] >= f["pool.usage"]["max"] > 0,
            ),
        ),
        report=lambda f: {
            "pool": f.get("pool.usage"),
            "databaseMs": f.get("database.ms"),
            "authorizeP95Ms": f.get("http.p95_ms"),
        },
        disproof="hikaricp_connections_pending is 0.",
        next_step="get_system_overview",
        explains=NEEDS_WRITES | {"DB_WRITES_FAILING", "LATENCY"},
    ),
    *REDIS,
    Rule(
        id="KAFKA_UNREACHABLE",
        component="kafka",
        ko="Kafka 브로커에 연결할 수 없습니다.",
        en="No Kafka broker can be reached.",
        requires=(kafka_down, so("the platform feels it too", _platform_feels_kafka)),
        report=_dead_brokers,
        disproof="A metadata request answers, or the platform publishes successfully.",
        next_step="check_kafka_health",
        explains=frozenset({"BREAKER_FLAPPING", "BREAKER_STUCK_HALF_OPEN", "PUBLISH_REFUSED", "KAFKA_SLOW", "LATENCY"}),
    ),
    Rule(
        id="KAFKA_SLOW",
        component="kafka",
        ko="Kafka가 살아 있으나 응답이 느립니다.",
        en="Kafka is up but slow.",
        requires=(kafka_up, app_up, slow_publishing, all_brokers),
        report=_slow,
        disproof="outbox_publish_seconds p95 is below 2 s, or a broker is missing.",
        next_step="diagnose_circuit_breaker",
        explains=frozenset(
            {"BREAKER_FLAPPING", "BREAKER_STUCK_HALF_OPEN", "OUTBOX_STUCK", "OUTBOX_SLOW", "CONSUMER_SLOW"}
        ),
    ),
    Rule(
        id="KAFKA_BROKER_DOWN",
        component="kafka",
        severity="warning",
        ko="일부 브로커가 없습니다.",
        en="Some brokers are missing; the cluster still works.",
        requires=(kafka_up, so("a broker that holds replicas is absent", lambda f: bool(f["kafka.absent"]))),
        report=lambda f: {
            "absent": f["kafka.absent"],
            "brokersReachable": f"{len(f['kafka.brokers'])}/{len(f['kafka.brokers_expected'])}",
            "underReplicated": len(f["partitions.under_replicated"]),
        },
        disproof="Every broker id of the replica lists answers.",
        next_step="check_kafka_health",
    ),
    Rule(
        id="PARTITION_OFFLINE",
        component="kafka",
        ko="리더가 없는 파티션이 있습니다.",
        en="Partitions have no leader.",
        requires=(kafka_up, so("a partition has no leader", lambda f: bool(f["partitions.offline"]))),
        report=lambda f: {
            "partitions": _places(f["partitions.offline"]),
            "count": len(f["partitions.offline"]),
            "absentBrokers": f.get("kafka.absent"),
            "publishErrors": f.get("publish.errors_by"),
        },
        disproof="Every partition names a leader.",
        next_step="get_topic_details",
        explains=frozenset(
            {
                "KAFKA_BROKER_DOWN",
                "PUBLISH_REFUSED",
                "BREAKER_FLAPPING",
                "CONSUMER_STUCK",
                "UNDER_MIN_ISR",
                "BREAKER_STUCK_HALF_OPEN",
            }
        ),
    ),
    Rule(
        id="UNDER_MIN_ISR",
        component="kafka",
        ko="동기화된 복제본이 min.insync.replicas보다 적어 쓰기가 거절됩니다.",
        en="Fewer replicas are in sync than min.insync.replicas: writes are refused, reads work.",
        requires=(kafka_up, so("ISR below the minimum somewhere", lambda f: bool(f["partitions.under_min"]))),
        report=lambda f: {
            "partitions": _places(f["partitions.under_min"]),
            "count": len(f["partitions.under_min"]),
            "replicas": max(len(row["replicas"]) for row in f["partitions.under_min"]),
            "inSync": min(len(row["isr"]) for row in f["partitions.under_min"]),
            "minInsync": max(row["min"] for row in f["partitions.under_min"]),
            "errorClass": "NOT_ENOUGH_REPLICAS",
            "notEnoughReplicas": sum(
                row["count"]
                for row in (f.get("since.replicas") or {}).get("refused", f.get("publish.errors_by_window", []))
                if "NOT_ENOUGH_REPLICAS" in row["error"]
            ),
            "absentBrokers": f.get("kafka.absent"),
            "brokersReachable": f"{len(f['kafka.brokers'])}/{len(f['kafka.brokers_expected'])}",
            "readsOk": True,
        },
        disproof="ISR size is at least min.insync.replicas for every partition.",
        next_step="get_topic_details",
        # A group's offsets are a topic too: while that one takes no writes, members commit nothing.
        explains=REFUSED_WRITES,
    ),
    Rule(
        id="CLOCK_SKEW",
        component="clock",
        ko="시계가 서로 다릅니다.",
        en="A clock is wrong.",
        requires=(so("a clock differs from the others by more than 5 s", lambda f: bool(f["clock.outliers"])),),
        report=lambda f: {
            "wrongClocks": f["clock.outliers"],
            "offsetSeconds": f["clock.offsets"],
            "appMinusDatabaseSeconds": difference(f, "app", "database"),
            "futureRows": f.get("clock.future_rows"),
            "futureOutboxEvents": (f.get("clock.future_rows") or {}).get("outbox_event"),
            "agesCorrected": True,
        },
        disproof="All clocks agree within 5 s.",
        next_step="get_system_overview",
        explains=frozenset({"OUTBOX_AGE"}),
    ),
)


def _places(rows: list[dict[str, Any]]) -> list[str]:
    """topic-partition of each, at most a hundred."""
    return sorted(f"{row['topic']}-{row['partition']}" for row in rows)[:100]


def _server_errors(f: Facts) -> float | None:
    since = f.get("since.database")
    if since is not None:
        share: float | None = since["error_percent"]
        return share
    total = f.get("http.authorize_total")
    if not total:
        return None
    bad = sum(int(n) for status, n in f["http.authorize"].items() if status.startswith("5"))
    return round(100 * bad / int(total), 2)


__all__ = ["PARTS", "isr_full"]
