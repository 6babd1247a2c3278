"""One fault beside another: what is still seen is named, what cannot be seen is said to be masked, and by what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dari.services.monitoring.diagnosis import masking
from dari.services.monitoring.diagnosis.derive_kafka import letter_row
from dari.services.monitoring.diagnosis.engine import RULES, diagnose
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.diagnosis.masking import HIDDEN, masked
from dari.services.monitoring.ports import Message
from dari.services.monitoring.probes.snapshot import Letter
from tests.unit.services_monitoring.test_rules import AT, HEALTHY, STATES, breaker


def both(one: str, other: str, **more: Any) -> dict[str, Any]:
    return diagnose(Facts({**HEALTHY, **STATES[one], **STATES[other], **more}), AT)


def named(verdict: dict[str, Any]) -> set[str]:
    return {cause["id"] for cause in verdict["causes"]}


def test_every_name_is_a_rule_and_none_hides_itself() -> None:
    rules = {rule.id for rule in RULES}
    assert set(HIDDEN) <= rules
    for by, hidden in HIDDEN.items():
        assert hidden <= rules - {by}


def test_a_healthy_platform_hides_nothing() -> None:
    assert diagnose(Facts(HEALTHY), AT)["masked"] == []


@pytest.mark.parametrize("by", HIDDEN)
def test_a_cause_says_what_it_hides_and_when_to_look_again(by: str) -> None:
    row = next(one for one in diagnose(Facts({**HEALTHY, **STATES[by]}), AT)["masked"] if one["by"] == by)
    assert set(row["causes"]) == HIDDEN[by]
    assert by in row["ko"]
    assert "look again" in row["en"]


def lines() -> Iterator[tuple[str, str]]:
    for by, hidden in HIDDEN.items():
        for one in sorted(hidden):
            yield by, one


@pytest.mark.parametrize(("by", "hidden"), list(lines()))
def test_each_line_has_a_mutant_only_it_catches(by: str, hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the line exactly this cause is no longer said to be masked."""
    before = masked([by], {by})[0]["causes"]
    monkeypatch.setattr(masking, "HIDDEN", {**HIDDEN, by: HIDDEN[by] - {hidden}})
    after = [one for row in masked([by], {by}) for one in row["causes"]]
    assert set(before) - set(after) == {hidden}


def test_what_is_seen_all_the_same_is_named_and_not_called_masked() -> None:
    verdict = both("DB_UNREACHABLE", "CONSUMER_STOPPED")
    assert named(verdict) == {"DB_UNREACHABLE", "CONSUMER_STOPPED"}
    verdict = both("REDIS_UNREACHABLE", "RATE_LIMITED_MERCHANT")
    assert named(verdict) == {"REDIS_UNREACHABLE", "RATE_LIMITED_MERCHANT"}
    assert "RATE_LIMITED_MERCHANT" not in verdict["masked"][0]["causes"]


def since(seconds: float, tried: int) -> dict[str, Any]:
    return {"seconds": seconds, "tried": tried, "ok_percent": 100.0, "authorize": {}}


AWAY = {"since.kafka": since(60.0, 0), "breaker.kafka-publisher": breaker()}


def test_a_poller_that_tried_nothing_since_kafka_went_is_stopped_itself() -> None:
    assert named(both("KAFKA_UNREACHABLE", "OUTBOX_STUCK", **AWAY)) == {"KAFKA_UNREACHABLE", "OUTBOX_STUCK"}


@pytest.mark.parametrize(
    "change",
    [
        {"since.kafka": since(60.0, 4)},
        {"since.kafka": since(10.0, 0)},
        {"since.kafka": None},
        {"breaker.kafka-publisher": breaker(state="OPEN", opened=1)},
        {"poller.age": 3.0, "outbox.lock_age": 3.0},
    ],
)
def test_a_poller_that_met_the_outage_is_not_blamed(change: dict[str, Any]) -> None:
    state = {**AWAY, **change}
    values = {name: value for name, value in state.items() if value is not None}
    fixed = {**HEALTHY, **STATES["OUTBOX_STUCK"], **STATES["KAFKA_UNREACHABLE"], "publish.skipped": 9, **values}
    assert named(diagnose(Facts(fixed), AT)) == {"KAFKA_UNREACHABLE"}


FLAKY = breaker(
    state="OPEN",
    opened=3,
    reopened=2,
    errors=[{"error": "REQUEST_TIMED_OUT", "partition": "payment.captured-1", "count": 9}],
)


@pytest.mark.parametrize("above", ["KAFKA_SLOW", "TOPIC_MISSING", "UNDER_MIN_ISR"])
def test_a_breaker_that_flaps_over_its_own_errors_is_a_cause_of_its_own(above: str) -> None:
    seen = {"breaker.kafka-publisher": FLAKY, "publish.errors_lately": 4}
    assert named(both(above, "BREAKER_FLAPPING", **seen)) == {above, "BREAKER_FLAPPING"}


@pytest.mark.parametrize(
    ("above", "error"),
    [
        ("KAFKA_SLOW", "_MSG_TIMED_OUT"),
        ("TOPIC_MISSING", "UNKNOWN_TOPIC_OR_PART"),
        ("UNDER_MIN_ISR", "NOT_ENOUGH_REPLICAS_AFTER_APPEND"),
    ],
)
def test_a_breaker_that_flaps_over_another_causes_errors_is_explained(above: str, error: str) -> None:
    errors = [
        {"error": error, "partition": None, "count": 9},
        {"error": "REQUEST_TIMED_OUT", "partition": None, "count": 2},
    ]
    seen = {"breaker.kafka-publisher": {**FLAKY, "errors": errors}, "publish.errors_lately": 4}
    assert named(both(above, "BREAKER_FLAPPING", **seen)) == {above}


@pytest.mark.parametrize(("errors", "causes"), [(9, {"BREAKER_FLAPPING"}), (0, {"BREAKER_FLAPPING", "CONSUMER_STUCK"})])
def test_a_consumer_that_cannot_bury_at_a_failing_broker_is_not_blamed(errors: int, causes: set[str]) -> None:
    seen = {"breaker.kafka-publisher": FLAKY, "publish.errors_lately": 4}
    told = {"consume.outcomes": {"payment-consumer:error": errors}}
    assert named(both("BREAKER_FLAPPING", "CONSUMER_STUCK", **seen, **told)) == causes


@pytest.mark.parametrize(
    ("kind", "payment", "causes"),
    [
        ("CaptureNotPosted", 7, {"LEDGER_TAMPERED"}),
        ("CaptureNotPosted", 8, {"LEDGER_TAMPERED", "POISON_MESSAGE"}),
        ("AmountMismatch", 7, {"LEDGER_TAMPERED", "POISON_MESSAGE"}),
    ],
)
def test_a_reversal_whose_entry_was_taken_out_is_no_poison(kind: str, payment: int, causes: set[str]) -> None:
    gone = {**STATES["LEDGER_TAMPERED"]["ledger.findings"][0], "kind": "entry_missing", "payment_id": 7}
    letter = {**STATES["POISON_MESSAGE"]["letters.new"][0], "errorType": kind, "paymentId": payment}
    assert named(diagnose(Facts({**HEALTHY, "ledger.findings": [gone], "letters.new": [letter]}), AT)) == causes


def test_a_record_that_was_buried_again_is_counted_once() -> None:
    letter = {**STATES["POISON_MESSAGE"]["letters.new"][0], "origin": ["payment.captured", 1, 5]}
    rows = [{**letter, "offset": at} for at in range(4)] + [
        {**letter, "origin": ["payment.captured", 1, 6], "offset": 9}
    ]
    evidence = diagnose(Facts({**HEALTHY, "letters.new": rows}), AT)["causes"][0]["evidence"]
    assert (evidence["new"], evidence["letters"]) == (2, 5)
    bare = [{**letter, "origin": [None, None, None], "offset": at} for at in range(3)]
    assert diagnose(Facts({**HEALTHY, "letters.new": bare}), AT)["causes"][0]["evidence"]["new"] == 3


@pytest.mark.parametrize(
    ("payload", "number"),
    [('{"paymentId": 7}', 7), ('{"paymentId": "7"}', None), ("{", None), (None, None), ("[]", None), ("{}", None)],
)
def test_a_letter_says_whose_payment_it_is_about_where_it_can(payload: str | None, number: int | None) -> None:
    value = json.dumps({"errorType": "X", "payload": payload})
    letter = Letter("payment.dlq", Message(0, 1, None, None, value, {}))
    assert letter_row(letter)["paymentId"] == number


def test_a_surge_is_felt_in_the_outbox_where_kafka_does_not_tell_its_backlog() -> None:
    away = {
        name: value for name, value in HEALTHY.items() if not name.startswith(("traffic.backlog", "traffic.usual_b"))
    }
    state = {**away, **STATES["KAFKA_UNREACHABLE"], "traffic.ratio": 10.0, "traffic.rps": 100.0}
    assert named(diagnose(Facts({**state, "outbox.slope": 200.0}), AT)) == {"KAFKA_UNREACHABLE", "TRAFFIC_SURGE"}
    assert named(diagnose(Facts({**state, "outbox.slope": 20.0}), AT)) == {"KAFKA_UNREACHABLE"}
