"""Statements that several rules share."""

from __future__ import annotations

from typing import Any, Final

from dari.services.monitoring.diagnosis.facts import Facts, Unknown
from dari.services.monitoring.diagnosis.rule import so

PUBLISHER: Final = "breaker.kafka-publisher"
SLOW_MS: Final = 2000.0
OPENS: Final = 50.0
"""Per cent of calls, failed or slow, at which the publisher's breaker opens."""
FAILED_SENDS: Final = 3
REFUSED_WRITES: Final = frozenset(
    {
        "KAFKA_BROKER_DOWN",
        "PUBLISH_REFUSED",
        "BREAKER_FLAPPING",
        "BREAKER_STUCK_HALF_OPEN",
        "CONSUMER_STUCK",
        "SETTLEMENT_WORKER_STUCK",
        "REFUND_WORKER_STUCK",
        "CONSUMER_SLOW",
        "KAFKA_SLOW",
    }
)
"""What follows where too few replicas are in sync."""

kafka_up = so("kafka answers", lambda f: f["kafka.reachable"])
kafka_down = so("kafka does not answer", lambda f: not f["kafka.reachable"])
database_down = so("database does not answer", lambda f: not f["database.reachable"])
redis_down = so("redis does not answer", lambda f: not f["redis.reachable"])
app_up = so("the platform answers", lambda f: f["app.reachable"])
all_brokers = so("every broker is there", lambda f: not f["kafka.absent"])
isr_full = so("every replica is in sync", lambda f: not f["partitions.under_replicated"])
breaker_open = so("the publisher's breaker is OPEN", lambda f: f[PUBLISHER]["state"] in {"OPEN", "FORCED_OPEN"})
clock_wrong = so("the application's clock is off", lambda f: "app" in f["clock.outliers"])
usual_known = so("what is usual is known", lambda f: f["traffic.usual_rps"] is not None)


def known(facts: Facts, name: str, default: Any) -> Any:
    """A fact that only supports: unknown counts as `default`."""
    try:
        return facts[name]
    except Unknown:
        return default


def breaker(facts: Facts, name: str = "kafka-publisher") -> dict[str, Any] | None:
    """The breaker as evidence: state, since, n of n."""
    said = facts.get(f"breaker.{name}")
    if said is None:
        return None
    return {
        "state": said["state"],
        "since": said["since"].isoformat() if said["since"] else None,
        "failed": said["failed"],
        "slow": said["slow"],
        "buffered": said["buffered"],
        "failureRate": said["failure_rate"],
        "slowCallRate": said["slow_rate"],
    }


def outbox(facts: Facts) -> dict[str, Any]:
    """The outbox as evidence."""
    return {
        "unpublished": facts.get("outbox.unpublished"),
        "oldestAgeSeconds": facts.get("outbox.oldest_age"),
        "slopePerSecond": facts.get("outbox.slope"),
    }


def authorize(facts: Facts, part: str = "") -> dict[str, Any]:
    """How authorizations fare: since `part` went wrong where that moment was seen, else in the last minute."""
    since = facts.get(f"since.{part}")
    if since is not None:
        return {
            "authorizeOkPercent": since["ok_percent"],
            "authorizeByStatus": since["authorize"],
            "sinceSeconds": since["seconds"],
        }
    share = facts.get("http.authorize_ok_share")
    return {
        "authorizeOkPercent": None if share is None else round(share * 100, 2),
        "authorizeByStatus": facts.get("http.authorize"),
    }


def difference(f: Facts, one: str, other: str) -> float | None:
    """Seconds between the clocks of two parts; None where one was not read."""
    offsets = f["clock.offsets"]
    return round(offsets[one] - offsets[other], 3) if one in offsets and other in offsets else None


def gateway_failing(f: Facts, operation: str) -> bool:
    """Whether the payment gateway fails at an operation, by what it said or by its breaker."""
    said = known(f, "pg.operations", {}).get(operation)
    opened = known(f, "breaker.pg-auth-api", {"state": "CLOSED"})["state"] != "CLOSED"
    return bool(opened or (said and said["error"] > 0))


def over_limit(f: Facts) -> dict[str, int]:
    """Merchants with more payments in the last minute than their limit allows: they are there when nothing counts."""
    told = known(f, "app.limits", {}).get("authorize", {})
    capacity, window = told.get("capacity"), told.get("window_seconds")
    if not capacity or not window:
        return {}
    return {name: n for name, n in known(f, "traffic.by_merchant", {}).items() if n > capacity * 60 / window}


def brokers_fail(f: Facts) -> bool:
    """Three or more sends ended in an error that a broker gave (no `_` before it) and that no other cause gives."""
    others = ("_", "NOT_ENOUGH_REPLICAS", "UNKNOWN_TOPIC")
    # Where nobody leads, what is sent must fail.
    leaderless = known(f, "partitions.leaderless", [])
    theirs = [
        row
        for row in known(f, PUBLISHER, {"errors": []})["errors"]
        if not row["error"].startswith(others) and row["partition"] not in leaderless
    ]
    return sum(int(row["count"]) for row in theirs) >= FAILED_SENDS


def _slow(f: Facts) -> bool:
    """By the last minute's p95, unless it is quick again lately; else by the breaker, which opened over slow calls."""
    lately = known(f, "publish.lately_p95_ms", None)
    if lately is not None and lately < SLOW_MS / 4:
        return False
    said = known(f, PUBLISHER, None)
    if (
        said
        and said["state"] in {"OPEN", "HALF_OPEN"}
        and said["known_slow_rate"] >= OPENS > said["known_failure_rate"]
    ):
        return True
    return max(f["publish.p95_ms"] or 0.0, f["publish.lately_p95_ms"] or 0.0) >= SLOW_MS


slow_publishing = so("publishes are slow", _slow)
