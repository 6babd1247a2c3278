from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dari.services.payments.faults.run import run, run_one
from dari.services.payments.faults.score import REQUIRED, judge, outcome
from dari.services.payments.faults.theatre import Truth, pairs
from dari.services.payments.sandbox import Sandbox

LIMITED = Truth(
    "F07",
    "RATE_LIMITED_MERCHANT",
    {
        "merchant": "M",
        "action": "authorize",
        "count": 700,
        "capacity": 600,
        "reset_seconds": 9,
        "refused": 100,
        "share_percent": 100.0,
        "refused_others": 0,
    },
    (),
)
EVIDENCE = {
    "merchant": "M",
    "action": "authorize",
    "count": 700,
    "capacity": 600,
    "reset_seconds": 9,
    "refused": 100,
    "share429Percent": 100.0,
    "others429": 0,
}


def report(*causes: tuple[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "root_cause": causes[0][0] if causes else None,
        "causes": [{"id": name, "evidence": evidence} for name, evidence in causes],
    }


def test_every_scenario_has_required_figures() -> None:
    assert set(REQUIRED) == {f"F{number:02d}" for number in range(1, 17)}


def test_a_complete_report_passes() -> None:
    score = judge([LIMITED], report(("RATE_LIMITED_MERCHANT", EVIDENCE)))[0]
    assert score.passed
    assert score.missing == score.wrong == ()


@pytest.mark.parametrize("name", sorted(EVIDENCE))
@pytest.mark.parametrize("change", ["absent", "wrong"])
def test_a_figure_that_is_absent_or_wrong_fails(name: str, change: str) -> None:
    evidence = {key: value for key, value in EVIDENCE.items() if key != name}
    if change == "wrong":
        evidence[name] = "other" if isinstance(EVIDENCE[name], str) else -1
    score = judge([LIMITED], report(("RATE_LIMITED_MERCHANT", evidence)))[0]
    assert not score.passed
    assert len(score.missing) == 1


def test_another_cause_beside_the_right_one_fails_and_so_does_none() -> None:
    both = judge([LIMITED], report(("RATE_LIMITED_MERCHANT", EVIDENCE), ("DB_UNREACHABLE", {})))[0]
    assert (both.passed, both.wrong) == (False, ("DB_UNREACHABLE",))
    assert not judge([LIMITED], report())[0].passed
    assert not judge([LIMITED], {"causes": [{"id": "RATE_LIMITED_MERCHANT", "evidence": None}]})[0].passed


def test_the_right_cause_must_come_first() -> None:
    said = report(("RATE_LIMITED_MERCHANT", EVIDENCE)) | {"root_cause": "TRAFFIC_SURGE"}
    assert judge([LIMITED], said)[0].missing == ("top-1",)


def test_a_control_passes_only_in_silence() -> None:
    quiet = Truth("C1", None, {}, ())
    assert judge([quiet], report())[0].passed
    assert not judge([quiet], report(("TRAFFIC_SURGE", {})))[0].passed


class _Oracle:
    """A watcher that was told the answer."""

    looks = 0

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    async def look(self) -> None:
        _Oracle.looks += 1

    async def diagnose(self) -> dict[str, Any]:
        return self._answer


async def test_a_run_counts_what_was_found_and_what_was_alarmed() -> None:
    async def alarmist(_: Sandbox) -> _Oracle:
        return _Oracle(report(("REDIS_FLUSHED", {"restarted": False})))

    said = await run(alarmist, names=["F05", "C1"], seed=4)
    assert (said["passed"], said["total"], said["false_alarms"], said["controls"]) == (0, 1, 1, 1)
    assert said["scenarios"][0]["missing"] == {"F05": ["keys before", "idempotency keys", "rows within ttl"]}
    assert _Oracle.looks > 20
    with pytest.raises(KeyError):
        await run_one(["F99"], 0, alarmist)


SAID: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "F01": (
        {
            "brokers_reachable": 0,
            "brokers_total": 3,
            "error_class": "_TRANSPORT",
            "breaker_state": "OPEN",
            "breaker_failed": 3,
            "breaker_buffered": 3,
            "outbox_unpublished": 9,
            "outbox_oldest_age_seconds": 60.0,
            "authorize_2xx_percent": 99.0,
        },
        {
            "brokersReachable": "0/3",
            "errorClass": "_TRANSPORT",
            "breaker": {"state": "OPEN", "failed": 3, "buffered": 3},
            "outbox": {"unpublished": 9, "oldestAgeSeconds": 60.0},
            "authorizeOkPercent": 100.0,
        },
    ),
    "F02": (
        {
            "brokers_reachable": 3,
            "brokers_total": 3,
            "slow_call_rate": 100.0,
            "failure_rate": 0.0,
            "duplicates_sent": 0,
        },
        {
            "brokersReachable": "3/3",
            "produceP95Ms": 2950.0,
            "slowCallRate": 100.0,
            "failureRate": 0.0,
            "duplicatesSent": 0,
        },
    ),
    "F03": (
        {
            "group": "g",
            "members": 0,
            "total_lag": 5,
            "lag_by_partition": {"t-0": 5, "t-1": 0},
            "captured_without_entry": 4,
        },
        {
            "group": "g",
            "members": 0,
            "lag": 5,
            "lagByPartition": [{"topic": "t", "partition": 0, "lag": 5}],
            "capturedWithoutEntry": 4,
        },
    ),
    "F04": (
        {"dlq_new": 2, "by_error_type": {"JsonParseError": 2}, "original_topic": "t"},
        {
            "new": 2,
            "groups": [
                {"errorType": "JsonParseError", "originalTopic": "t", "count": 2, "replayable": False, "why": "bad"}
            ],
        },
    ),
    "F09": (
        {"rows": ["ledger_entry:5"], "payments": [1]},
        {"findings": [{"rows": ["ledger_entry:5"], "payment_id": 1}]},
    ),
    "F13": (
        {"transitions": 1, "times": ["2026-03-02T10:00:00.123+09:00"], "error_class": "E", "partitions": ["t-1"]},
        {
            "transitions": 1,
            "times": [{"at": "2026-03-02T10:00:00.123000+09:00"}],
            "underlyingErrors": [{"error": "E"}],
            "errorsByPartition": [{"partition": "t-1"}],
        },
    ),
    "F15": (
        {"missing_topics": ["t"], "error_class": "E", "errors_on_topic": {"E": 7}, "published_on_other_topics": 100},
        {
            "missing": ["t"],
            "publishErrors": [{"topic": "t", "error": "E", "count": 7}],
            "otherTopicsPublishedOk": 101,
        },
    ),
    "F16": (
        {
            "partitions_under_min_isr": ["t-0"],
            "replicas": 3,
            "in_sync": 1,
            "min_insync": 2,
            "errors": 4,
            "absent_brokers": [1, 3],
        },
        {
            "partitions": ["t-0"],
            "replicas": 3,
            "inSync": 1,
            "minInsync": 2,
            "notEnoughReplicas": 4,
            "absentBrokers": [1, 3],
        },
    ),
}


@pytest.mark.parametrize("key", sorted(SAID))
def test_each_scenario_is_judged_by_each_of_its_figures(key: str) -> None:
    due, said = SAID[key]
    truth = Truth(key, "CAUSE", due, ())
    assert judge([truth], report(("CAUSE", said)))[0].passed
    for name in said:
        less = {other: value for other, value in said.items() if other != name}
        assert judge([truth], report(("CAUSE", less)))[0].missing, name
    assert judge([truth], report(("CAUSE", dict.fromkeys(said, "x"))))[0].missing


GONE = Truth(
    "F08",
    "DB_UNREACHABLE",
    {"error_class": "X", "authorize_5xx_percent": 100.0, "dlq_new": 0, "ledger_check": "unknown"},
    (),
)
AWAY = {"errorClass": "X", "authorize5xxPercent": 100.0, "newDeadLetters": 0, "ledgerCheck": "unknown"}


def hidden(*causes: str, by: str = "DB_UNREACHABLE") -> dict[str, Any]:
    return {**report(("DB_UNREACHABLE", AWAY)), "masked": [{"by": by, "causes": list(causes)}]}


@pytest.mark.parametrize(
    ("said", "came_to"),
    [
        (report(("DB_UNREACHABLE", AWAY), ("RATE_LIMITED_MERCHANT", EVIDENCE)), "strict"),
        (hidden("RATE_LIMITED_MERCHANT"), "masked"),
        (hidden("RATE_LIMITED_MERCHANT", by="KAFKA_UNREACHABLE"), "missed"),
        (hidden("POISON_MESSAGE"), "missed"),
        (report(("DB_UNREACHABLE", AWAY)), "missed"),
        (report(("DB_UNREACHABLE", AWAY), ("RATE_LIMITED_MERCHANT", {**EVIDENCE, "count": None})), "masked"),
        (report(("DB_UNREACHABLE", AWAY), ("RATE_LIMITED_MERCHANT", {**EVIDENCE, "count": 3})), "missed"),
        (
            hidden("RATE_LIMITED_MERCHANT")
            | {"causes": [{"id": "DB_UNREACHABLE", "evidence": AWAY}, {"id": "DB_SLOW"}]},
            "missed",
        ),
    ],
)
def test_what_another_fault_hides_is_masked_only_where_the_report_says_so(said: dict[str, Any], came_to: str) -> None:
    assert outcome(judge([GONE, LIMITED], said)) == came_to


def test_a_single_fault_is_never_masked() -> None:
    null = report(("RATE_LIMITED_MERCHANT", {**EVIDENCE, "count": None}))
    assert outcome(judge([LIMITED], null)) == "missed"


def test_pairs_are_different_faults_chosen_by_the_seed() -> None:
    assert pairs(3, 9) == pairs(3, 9) != pairs(4, 9)
    every = {frozenset(pair.split("+")) for pair in pairs(0, 999)}
    assert len(every) == 120
    assert all(len(pair) == 2 and pair <= set(REQUIRED) for pair in every)
