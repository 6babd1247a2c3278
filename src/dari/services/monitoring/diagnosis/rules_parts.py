"""Causes that are a part's own: the application, the database, Redis, the brokers, the clocks."""

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
    over_limit,
    redis_down,
    slow_publishing,
)
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.diagnosis.rule import Rule, so


def _platform_feels_kafka(f: Facts) -> bool:
    """The platform fails to publish too, or has not tried: our own probe is not alone with its failure."""
    trouble = known(f, "publish.errors", 0) > 0 or known(f, PUBLISHER, {"state": "CLOSED"})["state"] != "CLOSED"
    return bool(trouble or known(f, "publish.ok_lately", 0) == 0)


def _platform_feels_database(f: Facts) -> bool:
    """It says so, or fails more than one request in a hundred, or has no success lately."""
    if known(f, "app.health", "UNKNOWN") == "DOWN" or known(f, "http.authorize_ok_lately", 0) == 0:
        return True
    return bool(known(f, "http.errors", 0) > 0.01 * known(f, "http.authorize_total", 0))


def _platform_feels_redis(f: Facts) -> bool:
    return bool(known(f, "limit.fail_open", 0) > 0 or known(f, "http.authorize_ok_lately", 0) == 0)


def _dead_brokers(f: Facts) -> dict[str, Any]:
    expected = f.get("kafka.brokers_expected", [])
    return {
        "brokersReachable": f"0/{len(expected)}" if expected else "0/unknown",
        "errorClass": f.get("kafka.error"),
        "breaker": breaker(f),
        "outbox": outbox(f),
        **authorize(f, "kafka"),
    }


def _lookups(f: Facts) -> dict[str, int]:
    since = f.get("since.redis") or {"lookups": f.get("idempotency.lookups") or {}}
    return dict(since["lookups"])


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
        explains=frozenset({"DB_POOL_EXHAUSTED", "CONSUMER_SLOW", "LATENCY"}),
    ),
    Rule(
        id="DB_WRITES_FAILING",
        component="database",
        ko="데이터베이스를 읽을 수는 있으나 쓰기가 실패합니다.",
        en="The database can be read, but writes fail.",
        requires=(
            so("database answers", lambda f: f["database.reachable"]),
            so(
                "authorize fails with 5xx",
                lambda f: sum(n for s, n in f["http.authorize"].items() if s in {"500", "503"}) > 0,
            ),
            so("no authorize succeeds lately", lambda f: f["http.authorize_ok_lately"] == 0),
        ),
        forbids=(so("the payment gateway fails", lambda f: gateway_failing(f, "authorize")),),
        report=lambda f: {**authorize(f), "health": f.get("app.health")},
        disproof="A payment row newer than the first 5xx exists.",
        next_step="check_outbox_status",
        explains=frozenset({"CONSUMER_STUCK", "OUTBOX_STUCK"}),
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
        explains=frozenset({"LATENCY"}),
    ),
    Rule(
        id="REDIS_UNREACHABLE",
        component="redis",
        ko="Redis에 연결할 수 없습니다. 요청 제한이 열린 채로 통과합니다.",
        en="Redis cannot be reached; the rate limiter lets everything through.",
        requires=(redis_down, so("the platform feels it too", _platform_feels_redis)),
        report=lambda f: {
            "pingError": f.get("redis.error"),
            "limiterFailOpen": (f.get("since.redis") or {}).get("fail_open", f.get("limit.fail_open")),
            "sinceSeconds": (f.get("since.redis") or {}).get("seconds"),
            "merchantsAboveLimit": over_limit(f),
            "authorizeP95Ms": f.get("http.p95_ms"),
            "authorizeP95UsualMs": f.get("http.usual_p95_ms"),
            "idempotencyServedByDatabase": _lookups(f).get("db", 0),
            "idempotencyLookedUpInDatabase": sum(_lookups(f).get(where, 0) for where in ("db", "none")),
        },
        disproof="PING answers, or rate_limit_fail_open_total does not grow while payments arrive.",
        next_step="cache_stats",
        explains=frozenset({"REDIS_FLUSHED", "REDIS_RESTARTED", "REDIS_SLOW", "LATENCY"}),
    ),
    Rule(
        id="REDIS_FLUSHED",
        component="redis",
        ko="Redis의 키가 지워졌습니다(서버는 재시작되지 않음).",
        en="Redis' keys were deleted; the server itself was not restarted.",
        requires=(
            so("keys vanished between two samples that expiry does not explain", lambda f: bool(f["redis.vanished"])),
        ),
        forbids=(so("the server restarted", lambda f: bool(f["redis.restarted"])),),
        report=lambda f: {
            "keysBefore": f["redis.vanished"]["keys_before"],
            "keysAfter": f["redis.vanished"]["keys_after"],
            "keysNow": f.get("redis.keys"),
            "flushCommands": f["redis.vanished"]["flush_commands"],
            "at": f["redis.vanished"]["at"].isoformat(),
            "idempotencyKeysAfter": f["redis.vanished"]["idem_keys_after"],
            "idempotencyKeysNow": f.get("redis.idem_keys"),
            "idempotencyRowsInDatabaseWithinTtl": f.get("idempotency.rows_within_ttl"),
            "uptimeSeconds": f.get("redis.uptime"),
            "restarted": False,
            "rateCountersRestarted": True,
            "idempotencyHeldBy": "database",
        },
        disproof="uptime_in_seconds fell (a restart), or evicted_keys/expired_keys account for the loss.",
        next_step="ttl_analysis",
    ),
    Rule(
        id="REDIS_RESTARTED",
        component="redis",
        severity="warning",
        ko="Redis가 재시작되었습니다.",
        en="Redis was restarted.",
        requires=(so("uptime fell between two samples", lambda f: bool(f["redis.restarted"])),),
        report=lambda f: {
            **f["redis.restarted"],
            "at": f["redis.restarted"]["at"].isoformat(),
            "keysNow": f.get("redis.keys"),
        },
        disproof="uptime_in_seconds grew without a break.",
        next_step="cache_stats",
    ),
    Rule(
        id="REDIS_EVICTING",
        component="redis",
        severity="warning",
        ko="Redis 메모리가 가득 차 키를 내보내고 있습니다.",
        en="Redis is full and evicts keys.",
        requires=(so("keys are evicted", lambda f: f["redis.evicted"] > 0),),
        report=lambda f: {"evicted": f["redis.evicted"], **(f.get("redis.memory") or {})},
        disproof="evicted_keys stands still.",
        next_step="cache_stats",
    ),
    Rule(
        id="REDIS_SLOW",
        component="redis",
        severity="warning",
        ko="Redis 응답이 느립니다.",
        en="Redis answers slowly.",
        requires=(so("INFO takes 200 ms or more", lambda f: f["redis.ms"] >= 200),),
        report=lambda f: {"infoMs": f.get("redis.ms"), "authorizeP95Ms": f.get("http.p95_ms")},
        disproof="INFO answers in milliseconds.",
        next_step="cache_stats",
        explains=frozenset({"LATENCY"}),
    ),
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
        explains=frozenset({"BREAKER_FLAPPING", "BREAKER_STUCK_HALF_OPEN", "OUTBOX_STUCK", "CONSUMER_SLOW"}),
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
