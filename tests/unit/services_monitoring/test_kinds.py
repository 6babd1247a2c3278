"""Faults of the same kind that must not be taken for one another: each line is one figure apart from the next."""

from __future__ import annotations

from typing import Any

import pytest

from dari.services.monitoring.diagnosis.engine import diagnose
from dari.services.monitoring.diagnosis.facts import Facts
from tests.unit.services_monitoring.test_rules import AT, HEALTHY, STATES, breaker, group


def named(*names: str, **more: Any) -> list[str]:
    state: dict[str, Any] = dict(HEALTHY)
    for name in names:
        state |= STATES[name]
    facts = {**state, **{key.replace("__", "."): value for key, value in more.items()}}
    return [cause["id"] for cause in diagnose(Facts(facts), AT)["causes"]]


@pytest.mark.parametrize(
    ("passed", "requests", "causes"),
    [
        (600, 600, ["REDIS_WRITES_FAILING"]),
        (300, 600, ["REDIS_WRITES_FAILING"]),
        (299, 600, []),
        (3, 3, ["REDIS_WRITES_FAILING"]),
        (2, 2, []),
    ],
)
def test_requests_that_pass_uncounted_while_redis_answers(passed: int, requests: int, causes: list[str]) -> None:
    told = {"passed": passed, "requests": requests, "seconds": 60.0}
    assert named(limit__fail_open=passed, limit__uncounted=told) == causes


@pytest.mark.parametrize(
    ("memory", "full"),
    [
        ({"used_memory": 900, "maxmemory": 900, "maxmemory_policy": "noeviction"}, True),
        ({"used_memory": 100, "maxmemory": 900}, False),
        ({"used_memory": 100, "maxmemory": 0}, None),
        ({}, None),
    ],
)
def test_whether_redis_is_full_is_said_where_it_has_a_bound(memory: dict[str, Any], full: Any) -> None:
    state = {**HEALTHY, **STATES["REDIS_WRITES_FAILING"], "redis.memory": memory}
    assert diagnose(Facts(state), AT)["causes"][0]["evidence"]["full"] is full


SLOW = group(waiting=900, lag=900, growth=9.0)


@pytest.mark.parametrize(("pause", "causes"), [(0.0, ["CONSUMER_SLOW"]), (10.0, ["CONSUMER_SLOW"]), (15.0, [])])
def test_who_has_committed_nothing_for_three_looks_is_not_called_slow(pause: float, causes: list[str]) -> None:
    assert named(**{"groups.payment-consumer": {**SLOW, "unchanged_seconds": pause}}) == causes


OFFLINE = {"topic": "payment.captured", "partition": 1, "replicas": [2], "isr": [], "min": 1}


@pytest.mark.parametrize(
    ("place", "causes"),
    [
        ("payment.captured-1", ["PARTITION_OFFLINE"]),
        ("payment.captured", ["PARTITION_OFFLINE"]),
        ("payment.captured-2", ["PARTITION_OFFLINE", "BREAKER_FLAPPING"]),
        ("payment.authorized-1", ["PARTITION_OFFLINE", "BREAKER_FLAPPING"]),
        (None, ["PARTITION_OFFLINE", "BREAKER_FLAPPING"]),
    ],
)
def test_sends_that_fail_where_nobody_leads_are_the_offline_partitions(place: str | None, causes: list[str]) -> None:
    errors = [{"error": "LEADER_NOT_AVAILABLE", "partition": place, "count": 9}]
    flapping = breaker(state="OPEN", opened=3, reopened=2, errors=errors)
    more = {"breaker.kafka-publisher": flapping, "partitions.offline": [OFFLINE], "publish.errors_lately": 4}
    assert named(**more, **{"partitions.leaderless": ["payment.captured", "payment.captured-1"]}) == causes


@pytest.mark.parametrize(
    ("change", "causes"),
    [
        ({}, ["OUTBOX_SLOW"]),
        ({"outbox.slope": 0.9}, []),
        ({"outbox.slope": None}, []),
        ({"outbox.slope_lately": -3.0}, []),
        ({"outbox.oldest_age": 9.0}, []),
        ({"publish.errors": 1}, []),
        ({"publish.skipped": 1}, []),
        ({"breaker.kafka-publisher": breaker(state="OPEN")}, []),
        ({"publish.p95_ms": 2600.0, "publish.lately_p95_ms": 2600.0}, ["KAFKA_SLOW"]),
        ({"database.ms": 900.0}, ["DB_SLOW"]),
    ],
)
def test_an_outbox_that_grows_while_it_is_published(change: dict[str, Any], causes: list[str]) -> None:
    assert named("OUTBOX_SLOW", **change) == causes


def test_a_surge_explains_an_outbox_that_cannot_follow() -> None:
    assert named("OUTBOX_SLOW", "TRAFFIC_SURGE") == ["TRAFFIC_SURGE"]


@pytest.mark.parametrize(("ratio", "causes"), [(10.0, ["DB_UNREACHABLE", "TRAFFIC_SURGE"]), (6.0, ["DB_UNREACHABLE"])])
def test_beside_a_lost_database_only_more_than_retries_bring_is_a_surge(ratio: float, causes: list[str]) -> None:
    assert named("DB_UNREACHABLE", "TRAFFIC_SURGE", **{"traffic.ratio": ratio, "traffic.backlog": 10.0}) == causes


@pytest.mark.parametrize(
    ("writes", "causes"),
    [
        ([(20, 0), (20, 90)], ["DB_WRITES_FAILING"]),
        ([(0, 0), (2, 0)], ["DB_WRITES_FAILING"]),
        ([(1, 0), (1, 0)], []),
        ([(20, 1), (20, 90)], []),
        ([None, None], []),
    ],
)
def test_writes_fail_where_nothing_is_written_whatever_is_answered(
    writes: list[tuple[int, int] | None], causes: list[str]
) -> None:
    """Repeated requests are answered 200 from Redis all the same."""
    said = [one and {"failed": one[0], "written": one[1]} for one in writes]
    assert named(**{"http.writes": said, "http.authorize": {"200": 4, "503": 20}}) == causes


@pytest.mark.parametrize("above", ["DB_WRITES_FAILING", "DB_POOL_EXHAUSTED"])
def test_what_needs_writes_is_no_cause_beside_a_database_that_takes_none(above: str) -> None:
    assert named(above, "OUTBOX_STUCK", "CONSUMER_STUCK", "SETTLEMENT_WORKER_STUCK") == [above]


def test_a_pool_that_is_exhausted_is_why_nothing_is_written() -> None:
    assert named("DB_POOL_EXHAUSTED", "DB_WRITES_FAILING") == ["DB_POOL_EXHAUSTED"]


def test_a_breaker_that_opened_over_an_outage_that_is_over_does_not_flap() -> None:
    assert named("BREAKER_FLAPPING", **{"kafka.right_seconds": 20.0}) == []
    own = breaker(
        state="OPEN", opened=3, errors=[{"error": "REQUEST_TIMED_OUT", "partition": "payment.captured-1", "count": 9}]
    )
    more = {"kafka.right_seconds": 20.0, "breaker.kafka-publisher": own}
    assert named("BREAKER_FLAPPING", **more) == ["BREAKER_FLAPPING"]


@pytest.mark.parametrize(
    ("errors", "good", "causes"),
    [
        (2, "payment.captured", ["PUBLISH_REFUSED"]),
        (0, "payment.refunded", ["PUBLISH_REFUSED"]),
        (0, "payment.captured", []),
    ],
)
def test_a_topic_that_takes_records_again_is_not_refused(errors: int, good: str, causes: list[str]) -> None:
    more = {"publish.errors_lately": errors, "publish.ok_lately_by_topic": {good: 9}}
    assert named("PUBLISH_REFUSED", **more) == causes


REFUSED_CALLS = {"authorize": {"calls": 300, "error": 280, "declined": 0, "ok": 20, "p95_ms": None}}


@pytest.mark.parametrize(
    ("state", "causes"),
    [
        (breaker(state="OPEN", slow_rate=60.0, known_slow_rate=60.0), ["PG_SLOW"]),
        (breaker(state="HALF_OPEN", slow_rate=-1.0, known_slow_rate=60.0), ["PG_SLOW"]),
        (breaker(state="OPEN", known_failure_rate=60.0, failed=6), ["PG_UNREACHABLE"]),
        (
            breaker(state="CLOSED", errors=[{"error": "GatewayError", "partition": None, "count": 3}]),
            ["PG_UNREACHABLE"],
        ),
        (breaker(state="CLOSED"), []),
        (breaker(state="FORCED_OPEN"), ["PG_BREAKER_FORCED"]),
    ],
)
def test_calls_that_only_the_breaker_refused_are_no_answer_of_the_gateway(
    state: dict[str, Any], causes: list[str]
) -> None:
    assert named(**{"pg.operations": REFUSED_CALLS, "breaker.pg-auth-api": state}) == causes


@pytest.mark.parametrize(
    ("kind", "topic", "causes"),
    [
        ("record_without_outbox_row", "payment.captured", ["POISON_MESSAGE"]),
        ("record_without_outbox_row", "payment.refunded", ["EVENT_LOST", "POISON_MESSAGE"]),
        ("record_differs", "payment.captured", ["EVENT_LOST", "POISON_MESSAGE"]),
    ],
)
def test_a_strangers_record_that_was_taken_belongs_to_those_that_were_not(
    kind: str, topic: str, causes: list[str]
) -> None:
    stray = {**STATES["EVENT_LOST"]["ledger.findings"][0], "kind": kind, "rows": [f"{topic}:x-1"]}
    assert sorted(named("POISON_MESSAGE", **{"ledger.findings": [stray]})) == causes


@pytest.mark.parametrize(
    ("state", "lately", "causes"),
    [
        (breaker(state="OPEN", opened=2, known_slow_rate=60.0), None, ["KAFKA_SLOW"]),
        (breaker(state="HALF_OPEN", opened=2, known_slow_rate=60.0), None, ["KAFKA_SLOW"]),
        (breaker(state="HALF_OPEN", opened=2, known_slow_rate=60.0), 5.0, ["BREAKER_FLAPPING"]),
        (breaker(state="OPEN", opened=2, known_slow_rate=60.0, known_failure_rate=60.0), None, ["BREAKER_FLAPPING"]),
        (breaker(state="OPEN", opened=2, known_failure_rate=60.0), None, ["BREAKER_FLAPPING"]),
        (breaker(state="CLOSED", known_slow_rate=60.0), None, []),
    ],
)
def test_a_breaker_that_opened_over_slow_calls_tells_of_slow_brokers(
    state: dict[str, Any], lately: float | None, causes: list[str]
) -> None:
    """Also for a monitor that has no history yet, or while nothing is tried."""
    more = {"publish.p95_ms": None, "publish.lately_p95_ms": lately, "breaker.kafka-publisher": state}
    assert named(**more) == causes


@pytest.mark.parametrize("name", ["CONSUMER_SLOW", "OUTBOX_SLOW"])
def test_who_cannot_follow_is_not_blamed_before_it_is_known_what_is_usual(name: str) -> None:
    """It may be the traffic that surged: a monitor that has just begun abstains."""
    values = {key: value for key, value in {**HEALTHY, **STATES[name]}.items() if not key.startswith("traffic.usual_r")}
    verdict = diagnose(Facts(values), AT)
    assert verdict["causes"] == []
    assert name in {one["rule"] for one in verdict["undecided"]}
    assert verdict["status"] == "symptoms_only"
