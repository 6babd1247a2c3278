from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from dari.core.clock import KST
from dari.services.monitoring.diagnosis.engine import RULES, diagnose, judge
from dari.services.monitoring.diagnosis.facts import Facts, Unknown
from dari.services.monitoring.diagnosis.rule import Rule

AT = datetime(2026, 11, 20, 15, 30, tzinfo=KST)
BREAKER: dict[str, Any] = {
    "state": "CLOSED", "since": None, "seconds_in_state": None, "failed": 0, "slow": 0, "buffered": 100,
    "successful": 100,
    "failure_rate": 0.0, "slow_rate": 0.0, "known_failure_rate": 0.0, "known_slow_rate": 0.0,
    "transitions": [], "opened": 0, "reopened": 0, "errors": [],
}  # fmt: skip
GROUP: dict[str, Any] = {
    "members": 1, "state": "STABLE", "lag": 0, "waiting": 0, "partitions": [], "unchanged_seconds": 0.0, "trend": [],
    "growth": 0.0,
}  # fmt: skip
PLACE = {"topic": "payment.captured", "partition": 0, "replicas": [1, 2, 3], "isr": [1], "min": 2}
HEALTHY: dict[str, Any] = {
    "window.seconds": 240.0, "history.samples": 60,
    "app.reachable": True, "app.health": "UP", "app.limits": {"authorize": {"capacity": 1000, "window_seconds": 60}},
    "kafka.reachable": True, "kafka.brokers": [1, 2, 3], "kafka.brokers_expected": [1, 2, 3], "kafka.absent": [],
    "topics.expected": ["payment.captured"], "topics.missing": [],
    "partitions.offline": [], "partitions.under_min": [], "partitions.under_replicated": [],
    "partitions.leaderless": [],
    "groups.payment-consumer": GROUP, "groups.settlement-worker-group": GROUP, "groups.refund-worker-group": GROUP,
    "letters.new": [], "letters.total": 0,
    "database.reachable": True, "database.ms": 2.0, "database.statuses": {"CAPTURED": 10},
    "outbox.unpublished": 3, "outbox.oldest_age": 0.4, "outbox.by_type": {}, "outbox.last_errors": {},
    "outbox.last_published_age": 0.5, "outbox.lock_age": 0.3, "outbox.lock_until_age": -29.0,
         "outbox.lock_holder": "i-1",
    "outbox.slope": 0.0, "outbox.slope_lately": 0.0, "clock.future_rows": {"payment": 0, "outbox_event": 0},
    "clock.offsets": {"app": 0.0, "database": 0.0, "redis": 0.0, "monitor": 0.0}, "clock.outliers": [],
    "redis.reachable": True, "redis.ms": 1.0, "redis.keys": 100, "redis.uptime": 9999, "redis.memory": {},
    "redis.vanished": {}, "redis.restarted": {}, "redis.evicted": 0, "redis.idem_keys": 50,
    "limit.counters": (), "limit.never_ending": [], "limit.refused": [], "limit.refused_total": 0,
    "limit.refused_merchants": 0, "limit.fail_open": 0,
    "limit.uncounted": {"passed": 0, "requests": 600, "seconds": 60.0},
    "idempotency.conflicts": [], "idempotency.rows_within_ttl": 50, "idempotency.lookups": {"none": 10},
    "breaker.kafka-publisher": BREAKER, "breaker.pg-auth-api": BREAKER,
    "http.authorize": {"200": 600}, "http.authorize_total": 600, "http.authorize_ok_share": 1.0,
    "http.writes": [{"failed": 0, "written": 200}, {"failed": 0, "written": 600}],
    "http.authorize_ok_lately": 200, "http.errors": 0, "http.too_many": 0, "http.p95_ms": 20.0,
         "http.usual_p95_ms": 20.0,
    "publish.ok": 1000, "publish.errors": 0, "publish.skipped": 0, "publish.ok_lately": 300, "publish.errors_lately": 0,
    "publish.errors_by": [], "publish.errors_by_window": [], "publish.ok_window": 4000,
    "publish.ok_by_topic": {"payment.captured": 300}, "publish.p95_ms": 5.0, "publish.lately_p95_ms": 5.0,
    "consume.outcomes": {}, "consume.duplicates": 0, "poller.age": 0.5,
    "pg.operations": {"authorize": {"calls": 600, "error": 0, "declined": 1, "ok": 599, "p95_ms": 20.0}},
    "pool.usage": {"active": 2.0, "pending": 0.0, "max": 20.0},
    "traffic.rps": 10.0, "traffic.usual_rps": 10.0, "traffic.ratio": 1.0, "traffic.backlog": 10.0,
    "traffic.usual_backlog": 10.0, "traffic.by_merchant": {"M-1": 30},
    "requests.settlement": {}, "requests.refund": {},
    "ledger.findings": [], "ledger.first_broken_link": None, "ledger.delta_per_account": {},
    "ledger.captured_without_entry": 0, "ledger.overdue": 0, "ledger.double_charges": 0,
}  # fmt: skip
LETTER = {
    "topic": "payment.dlq",
    "partition": 0,
    "offset": 3,
    "at": AT.isoformat(),
    "originalTopic": "payment.captured",
}
CONFLICT = {"merchant_id": "M-9", "idempotency_key": "key-1", "kind": "body_mismatch", "n": 4, "bodies": 2}
REFUSED = {"merchant": "HOT", "action": "authorize", "refused": 50, "share": 1.0, "count": 1050, "capacity": 1000,
           "window_seconds": 60, "reset_seconds": 12}  # fmt: skip
FINDING = {"invariant": "I6", "kind": "entry_changed", "area": "ledger", "payment_id": 7, "entry_ids": [3],
           "rows": ["ledger_entry:3"], "expected": "a", "actual": "b"}  # fmt: skip
GONE = {"at": AT, "keys_before": 900, "keys_after": 2, "flush_commands": 1, "uptime": 99, "idem_keys_after": 0,
        "between_seconds": 5.0}  # fmt: skip
LOST = {"http.authorize_ok_lately": 0}


def group(**changes: Any) -> dict[str, Any]:
    return {**GROUP, **changes}


def breaker(**changes: Any) -> dict[str, Any]:
    return {**BREAKER, **changes}


def slow(facts: dict[str, Any]) -> dict[str, Any]:
    return {"publish.p95_ms": 2600.0, "publish.lately_p95_ms": 2600.0, **facts}


STATES: dict[str, dict[str, Any]] = {
    "APP_UNREACHABLE": {"app.reachable": False, "app.error": "ConnectError"},
    "DB_UNREACHABLE": {"database.reachable": False, "database.error": "OperationalError", "app.health": "DOWN", **LOST},
    "DB_SLOW": {"database.ms": 900.0},
    "DB_WRITES_FAILING": {"http.authorize": {"500": 60}, "http.errors": 60, "http.authorize_total": 60,
         "http.writes": [{"failed": 20, "written": 0}, {"failed": 60, "written": 0}]},
    "DB_POOL_EXHAUSTED": {"pool.usage": {"active": 20.0, "pending": 9.0, "max": 20.0}},
    "REDIS_UNREACHABLE": {"redis.reachable": False, "redis.error": "ConnectionError", "limit.fail_open": 40},
    "REDIS_WRITES_FAILING": {"limit.fail_open": 600, "limit.uncounted": {"passed": 600, "requests": 600,
         "seconds": 60.0}},
    "REDIS_FLUSHED": {"redis.vanished": GONE},
    "REDIS_RESTARTED": {"redis.restarted": {"at": AT, "uptime": 20, "keys_before": 900}},
    "REDIS_EVICTING": {"redis.evicted": 400},
    "REDIS_SLOW": {"redis.ms": 700.0},
    "KAFKA_UNREACHABLE": {
        "kafka.reachable": False, "kafka.error": "_TRANSPORT", "publish.errors": 30, "publish.ok_lately": 0,
        "breaker.kafka-publisher": breaker(state="OPEN", opened=1),
    },
    "KAFKA_SLOW": slow({"breaker.kafka-publisher": breaker(state="OPEN", slow_rate=100.0, opened=1)}),
    "KAFKA_BROKER_DOWN": {"kafka.absent": [3], "kafka.brokers": [1, 2]},
    "PARTITION_OFFLINE": {"partitions.offline": [{**PLACE, "isr": []}]},
    "UNDER_MIN_ISR": {"partitions.under_min": [PLACE], "partitions.under_replicated": [PLACE]},
    "CLOCK_SKEW": {"clock.offsets": {"app": 600.0, "database": 0.0, "redis": 0.0}, "clock.outliers": ["app"]},
    "CONSUMER_STOPPED": {"groups.payment-consumer": group(members=0, waiting=90, lag=90)},
    "CONSUMER_STUCK": {"groups.payment-consumer": group(waiting=90, lag=90, unchanged_seconds=60.0)},
    "SETTLEMENT_WORKER_STOPPED": {"groups.settlement-worker-group": group(members=0, waiting=9)},
    "SETTLEMENT_WORKER_STUCK": {"groups.settlement-worker-group": group(waiting=9, unchanged_seconds=60.0)},
    "REFUND_WORKER_STOPPED": {"groups.refund-worker-group": group(members=0, waiting=9)},
    "REFUND_WORKER_STUCK": {"groups.refund-worker-group": group(waiting=9, unchanged_seconds=60.0)},
    "CONSUMER_SLOW": {"groups.payment-consumer": group(waiting=900, lag=900, growth=9.0)},
    "TOPIC_MISSING": {"topics.missing": ["payment.captured"]},
    "OUTBOX_STUCK": {"outbox.unpublished": 90, "outbox.oldest_age": 60.0, "poller.age": 61.0, "outbox.lock_age": 61.0,
                     "publish.ok_lately": 0},
    "OUTBOX_SLOW": {"outbox.unpublished": 900, "outbox.oldest_age": 60.0, "outbox.slope": 9.0,
         "outbox.slope_lately": 9.0},
    "BREAKER_FLAPPING": {"breaker.kafka-publisher": breaker(state="OPEN", opened=3, reopened=2),
         "publish.errors_lately": 4},
    "BREAKER_STUCK_HALF_OPEN": {"breaker.kafka-publisher": breaker(state="HALF_OPEN", opened=1,
         seconds_in_state=200.0)},
    "BREAKER_FORCED": {"breaker.kafka-publisher": breaker(state="FORCED_OPEN")},
    "PUBLISH_REFUSED": {"publish.errors_by": [{"topic": "payment.captured", "error": "MSG_SIZE_TOO_LARGE",
         "count": 4}], "publish.errors_lately": 2},
    "POISON_MESSAGE": {"letters.new": [{**LETTER, "errorType": "JsonParseError", "infrastructure": False}]},
    "POISON_INFRASTRUCTURE": {"letters.new": [{**LETTER, "errorType": "OperationalError", "infrastructure": True}]},
    "DEAD_REQUESTS": {"letters.new": [{**LETTER, "topic": "refund.dlq", "errorType": "DECLINED",
         "infrastructure": False}]},
    "RATE_LIMITED_MERCHANT": {"limit.refused": [REFUSED], "limit.refused_total": 50, "limit.refused_merchants": 1,
                              "http.too_many": 50},
    "RATE_LIMIT_TOO_LOW": {"limit.refused": [REFUSED], "limit.refused_total": 500, "limit.refused_merchants": 12},
    "RATE_KEY_NEVER_EXPIRES": {"limit.never_ending": [{"action": "authorize", "merchant": "M-1", "count": 1001}]},
    "IDEMPOTENCY_MISUSE": {"idempotency.conflicts": [CONFLICT]},
    "TRAFFIC_SURGE": {"traffic.ratio": 10.0, "traffic.rps": 100.0, "traffic.backlog": 400.0},
    "PG_UNREACHABLE": {"pg.operations": {"authorize": {"calls": 40, "error": 30, "declined": 0, "ok": 10,
         "p95_ms": 20.0}}, "breaker.pg-auth-api": breaker(failed=30)},
    "PG_DECLINING": {"pg.operations": {"settle": {"calls": 40, "error": 0, "declined": 30, "ok": 10,
         "p95_ms": 2000.0}}},
    "PG_SLOW": {"pg.operations": {"authorize": {"calls": 40, "error": 0, "declined": 0, "ok": 40, "p95_ms": 4000.0}}},
    "PG_BREAKER_FORCED": {"breaker.pg-auth-api": breaker(state="FORCED_OPEN")},
    "LEDGER_TAMPERED": {"ledger.findings": [FINDING]},
    "PAYMENT_TAMPERED": {"ledger.findings": [{**FINDING, "area": "payment", "invariant": "I8"}]},
    "EVENT_LOST": {"ledger.findings": [{**FINDING, "area": "event", "invariant": "I12"}]},
}  # fmt: skip


def facts(name: str = "") -> Facts:
    return Facts({**HEALTHY, **STATES.get(name, {})})


def test_a_healthy_platform_has_no_cause_no_symptom_and_nothing_unknown() -> None:
    verdict = diagnose(facts(), AT)
    assert verdict["status"] == "healthy"
    assert verdict["causes"] == verdict["explained"] == verdict["unexplained_symptoms"] == verdict["undecided"] == []


def test_every_rule_has_its_state() -> None:
    assert {rule.id for rule in RULES} == set(STATES)
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("name", STATES)
def test_each_state_has_one_cause_with_evidence_disproof_and_a_next_step(name: str) -> None:
    verdict = diagnose(facts(name), AT)
    assert verdict["root_cause"] == name
    assert [cause["id"] for cause in verdict["causes"]] == [name]
    cause = verdict["causes"][0]
    assert cause["evidence"]
    assert cause["disproof"]
    assert cause["next_step"]
    assert cause["ko"] != cause["en"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_has_a_mutant_only_it_catches(rule: Rule) -> None:
    """Without the rule its own state loses its cause; every other state keeps its own."""
    without = [other for other in RULES if other is not rule]
    wrong = {name for name in STATES if diagnose(facts(name), AT, rules=without)["root_cause"] != name}
    assert wrong == {rule.id}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_whose_facts_are_missing_is_undecided_never_true_nor_false(rule: Rule) -> None:
    empty = Facts({}, {"app.info": ("Timeout", ""), "kafka": ("Timeout", ""), "database": ("Timeout", "")})
    judged = judge(rule, empty)
    assert judged.holds is None
    assert judged.probe


@pytest.mark.parametrize(
    ("probe", "gone"),
    [("redis", ("redis.", "limit.never")), ("kafka", ("kafka.brokers", "topics.", "partitions.", "groups.",
    "letters.")),
     ("database", ("database.", "outbox.", "ledger.", "idempotency.conflicts")), ("app.metrics", ("http.",
          "publish.", "pg."))],
)  # fmt: skip
def test_a_failed_probe_alone_is_unknown_never_healthy(probe: str, gone: tuple[str, ...]) -> None:
    """The platform itself works: it is our own look that failed, so no part is blamed and none is called well."""
    values = {name: value for name, value in HEALTHY.items() if not name.startswith(gone)}
    part = probe.split(".", maxsplit=1)[0]
    if probe != "app.metrics":
        values[f"{part}.reachable"] = False
    verdict = diagnose(Facts(values, {probe: ("Timeout", "no answer")}), AT)
    assert verdict["status"] == "unknown"
    assert verdict["root_cause"] is None
    assert [one["probe"] for one in verdict["unknown"]] == [probe]
    assert verdict["undecided"]


def test_a_symptom_without_a_known_cause_is_said_and_not_called_healthy() -> None:
    verdict = diagnose(facts().plus({"http.errors": 50}), AT)
    assert verdict["status"] == "symptoms_only"
    assert [one["id"] for one in verdict["unexplained_symptoms"]] == ["SERVER_ERRORS"]


def test_downstream_findings_are_explained_not_called_causes() -> None:
    state = {**STATES["KAFKA_UNREACHABLE"], "outbox.oldest_age": 90.0, "publish.errors_lately": 9,
             "breaker.kafka-publisher": breaker(state="OPEN", opened=3, reopened=2)}  # fmt: skip
    verdict = diagnose(Facts({**HEALTHY, **state}), AT)
    assert [cause["id"] for cause in verdict["causes"]] == ["KAFKA_UNREACHABLE"]
    assert {one["id"] for one in verdict["explained"]} == {"BREAKER_OPEN", "OUTBOX_AGE", "PUBLISH_ERRORS"}


PAIRS = [
    ("KAFKA_UNREACHABLE", "REDIS_UNREACHABLE"), ("CONSUMER_STOPPED", "REDIS_FLUSHED"), ("OUTBOX_STUCK",
         "LEDGER_TAMPERED"),
    ("CLOCK_SKEW", "CONSUMER_STOPPED"), ("UNDER_MIN_ISR", "POISON_MESSAGE"), ("KAFKA_SLOW", "IDEMPOTENCY_MISUSE"),
    ("TOPIC_MISSING", "REDIS_UNREACHABLE"), ("PG_UNREACHABLE", "CONSUMER_STUCK"), ("RATE_LIMITED_MERCHANT", "DB_SLOW"),
    ("BREAKER_FLAPPING", "REDIS_RESTARTED"), ("TRAFFIC_SURGE", "REDIS_UNREACHABLE"), ("CLOCK_SKEW", "OUTBOX_STUCK"),
    ("CONSUMER_STOPPED", "TRAFFIC_SURGE"), ("KAFKA_SLOW", "TRAFFIC_SURGE"),
    ("SETTLEMENT_WORKER_STUCK", "TRAFFIC_SURGE"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_faults_at_once_are_both_named_and_nothing_else(one: str, other: str) -> None:
    verdict = diagnose(Facts({**HEALTHY, **STATES[one], **STATES[other]}), AT)
    assert {cause["id"] for cause in verdict["causes"]} == {one, other}


def test_an_unknown_fact_names_the_probe_that_hides_it() -> None:
    with pytest.raises(Unknown) as caught:
        Facts({}, {"kafka": ("_TRANSPORT", "all brokers down")})["topics.missing"]
    assert caught.value.probe == "kafka"
    assert "_TRANSPORT" in caught.value.reason
    with pytest.raises(Unknown, match="not enough history"):
        Facts({})["traffic.ratio"]


def test_a_surge_that_is_not_felt_is_no_finding() -> None:
    assert diagnose(facts().plus({"traffic.ratio": 10.0, "traffic.rps": 100.0}), AT)["status"] == "healthy"


def test_poison_that_cannot_be_put_away_is_named_and_the_stuck_consumer_explained() -> None:
    state = {
        "partitions.under_min": [{**PLACE, "topic": "payment.dlq"}],
        "groups.payment-consumer": group(waiting=90, unchanged_seconds=60.0),
        "consume.outcomes": {"payment-consumer:error": 30},
        "ledger.findings": [{**FINDING, "area": "poison", "invariant": "I12", "actual": "payment.captured-0@7"}],
    }
    verdict = diagnose(facts().plus(state), AT)
    assert {cause["id"] for cause in verdict["causes"]} == {"UNDER_MIN_ISR", "POISON_MESSAGE"}


@pytest.mark.parametrize(
    ("counted", "cause"), [({}, "CONSUMER_STOPPED"), ({"payment-consumer:error": 9}, "CONSUMER_STUCK")]
)
def test_members_the_cluster_does_not_tell_are_not_counted_as_none(counted: dict[str, int], cause: str) -> None:
    """A busy group of unknown members is no finding; one that stands still is stopped or stuck by its own counters."""
    busy = facts().plus({"groups.payment-consumer": group(members=None, waiting=9)})
    assert diagnose(busy, AT)["status"] == "healthy"
    idle = {
        "groups.payment-consumer": group(members=None, waiting=9, unchanged_seconds=60.0),
        "consume.outcomes": counted,
    }
    assert diagnose(facts().plus(idle), AT)["root_cause"] == cause


def test_critical_causes_come_first() -> None:
    verdict = diagnose(Facts({**HEALTHY, **STATES["REDIS_RESTARTED"], **STATES["TOPIC_MISSING"]}), AT + timedelta(0))
    assert [cause["severity"] for cause in verdict["causes"]] == ["critical", "warning"]
    assert verdict["root_cause"] == "TOPIC_MISSING"
