"""Judge a diagnosis against the truth: right causes, no other ones, and every required figure, each where it is said.

A report is what the monitoring service answers: `{root_cause, causes: [{id, evidence: {…}}], …}`. Nothing of that
service is imported; the table below knows only its wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dari.services.payments.faults.figures import Span
from dari.services.payments.faults.theatre import Truth

Evidence = Mapping[str, Any]
Check = Callable[[Evidence, Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Score:
    """`missing` names required figures that are absent or wrong; `wrong` causes that were not there.

    `masked` are those of `missing` that another fault hides: the report says that this cause cannot be judged while
    that one lasts, or says null for the figure. They are not passed, and they are not missed by mistake.
    """

    key: str
    expected: str | None
    found: tuple[str, ...]
    missing: tuple[str, ...]
    wrong: tuple[str, ...]
    masked: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Strictly: the cause, its figures, and nobody else."""
        return not self.missing and not self.wrong and (self.expected is None or self.expected in self.found)

    @property
    def excused(self) -> bool:
        """Nothing is wrong, and whatever is missing could not be seen."""
        return not self.wrong and set(self.missing) <= set(self.masked)


def outcome(scores: Sequence[Score]) -> str:
    """What a case came to: strict, masked (nothing wrong, but one fault hides something of another) or missed."""
    if all(score.passed for score in scores):
        return "strict"
    return "masked" if all(score.excused for score in scores) else "missed"


def _at(evidence: Any, path: str) -> Any:
    for step in path.split("."):
        evidence = evidence.get(step) if isinstance(evidence, Mapping) else None
    return evidence


def within(said: float, due: float | Span, share: float = 0.0) -> bool:
    """Whether a figure is the due one, or lies in its span, give or take a share of it."""
    low, high = (due.low, due.high) if isinstance(due, Span) else (due, due)
    room = share * max(abs(low), abs(high)) + 1e-9
    return low - room <= said <= high + room


def spanned(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The truth before and after a report as one: figures that moved become spans."""

    def plain(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)

    def joined(value: Any, later: Any) -> Any:
        if plain(value) and plain(later) and value != later:
            return Span(min(value, later), max(value, later))
        if isinstance(value, Mapping) and isinstance(later, Mapping) and value.keys() == later.keys():
            return {name: joined(one, later[name]) for name, one in value.items()}
        return value

    return {name: joined(value, after.get(name)) for name, value in before.items()}


@dataclass(frozen=True, slots=True)
class Same:
    """The figure at `path` is the truth's `name`, within a share of it (0.05 = 5 %) for what two clocks sample."""

    path: str
    name: str
    share: float = 0.0

    def __call__(self, evidence: Evidence, truth: Mapping[str, Any]) -> bool:
        """Whether it is said so."""
        said, due = _at(evidence, self.path), truth[self.name]
        if isinstance(due, Span):
            return isinstance(said, int | float) and within(said, due, self.share)
        if isinstance(due, frozenset):
            return said in due
        if isinstance(due, bool) or not isinstance(due, int | float) or not isinstance(said, int | float):
            return bool(said == due)
        return within(said, due, self.share)


same: Final = Same


def _brokers(evidence: Evidence, truth: Mapping[str, Any]) -> bool:
    return bool(evidence.get("brokersReachable") == f"{truth['brokers_reachable']}/{truth['brokers_total']}")


def _lags(evidence: Evidence, truth: Mapping[str, Any]) -> bool:
    said = {f"{row['topic']}-{row['partition']}": row["lag"] for row in evidence.get("lagByPartition", [])}
    due = {place: lag for place, lag in truth["lag_by_partition"].items() if lag}
    return {place: lag for place, lag in said.items() if lag} == due


def _letters(evidence: Evidence, truth: Mapping[str, Any]) -> bool:
    groups = evidence.get("groups", [])
    topics = {group["originalTopic"] for group in groups}
    due = {truth["original_topic"]} if truth["by_error_type"] else set()
    return {g["errorType"]: g["count"] for g in groups} == truth["by_error_type"] and topics == due


def _replayable(evidence: Evidence, _: Mapping[str, Any]) -> bool:
    return all(isinstance(group.get("replayable"), bool) and group.get("why") for group in evidence.get("groups", []))


def _rows(evidence: Evidence, truth: Mapping[str, Any]) -> bool:
    findings = evidence.get("findings", [])
    rows = {row for finding in findings for row in finding["rows"]}
    payments = {finding["payment_id"] for finding in findings}
    return bool(rows & set(truth["rows"]) or payments & set(truth["payments"]))


def _times(evidence: Evidence, truth: Mapping[str, Any]) -> bool:
    said = [str(row["at"])[:23] for row in evidence.get("times", [])]
    return said == [time[:23] for time in truth["times"]]


def _flaky_errors(evidence: Evidence, truth: Mapping[str, Any]) -> bool:
    due = truth["error_class"]
    said = {row["error"] for row in evidence.get("underlyingErrors", [])}
    return bool(said and said <= due) if isinstance(due, set) else said == {due}


def _flaky_places(evidence: Evidence, truth: Mapping[str, Any]) -> bool:
    return bool(truth["partitions"]) and all(place in str(evidence) for place in truth["partitions"])


def _topic_errors(evidence: Evidence, truth: Mapping[str, Any]) -> bool:
    said = {(row["topic"], row["error"]): row["count"] for row in evidence.get("publishErrors", [])}
    due = {(truth["missing_topics"][0], error): n for error, n in truth["errors_on_topic"].items()}
    return said.keys() == due.keys() and all(within(said[place], n) for place, n in due.items())


def _places(evidence: Evidence, truth: Mapping[str, Any]) -> bool:
    return bool(sorted(evidence.get("partitions", [])) == truth["partitions_under_min_isr"])


def _slow(evidence: Evidence, _: Mapping[str, Any]) -> bool:
    return bool((evidence.get("produceP95Ms") or 0) > 2000)  # noqa: PLR2004 — the breaker's own threshold


REQUIRED: Final[dict[str, dict[str, Check]]] = {
    "F01": {
        "brokers reachable": _brokers,
        "error class": same("errorClass", "error_class"),
        "breaker state": same("breaker.state", "breaker_state"),
        "failed calls": same("breaker.failed", "breaker_failed"),
        "buffered calls": same("breaker.buffered", "breaker_buffered"),
        "unpublished": same("outbox.unpublished", "outbox_unpublished"),
        "oldest age": same("outbox.oldestAgeSeconds", "outbox_oldest_age_seconds"),
        "authorize 2xx %": same("authorizeOkPercent", "authorize_2xx_percent", 0.03),
    },
    "F02": {
        "brokers reachable": _brokers,
        "produce p95": _slow,
        "slow call rate": same("slowCallRate", "slow_call_rate"),
        "failure rate": same("failureRate", "failure_rate"),
        "duplicates": same("duplicatesSent", "duplicates_sent"),
    },
    "F03": {
        "group": same("group", "group"),
        "members": same("members", "members"),
        "lag": same("lag", "total_lag"),
        "lag by partition": _lags,
        "captured without entry": same("capturedWithoutEntry", "captured_without_entry"),
    },
    "F04": {
        "new letters": same("new", "dlq_new"),
        "by error and topic": _letters,
        "replayable with reason": _replayable,
    },
    "F05": {
        "keys before": same("keysBefore", "keys_before", 0.1),
        "idempotency keys": same("idempotencyKeysNow", "idempotency_keys"),
        "rows within ttl": same("idempotencyRowsInDatabaseWithinTtl", "idempotency_rows"),
        "not restarted": same("restarted", "restarted"),
    },
    "F06": {
        "error class": same("pingError", "error_class"),
        "fail-open": same("limiterFailOpen", "limiter_fail_open", 0.03),
        "served by the database": same("idempotencyServedByDatabase", "idempotency_from_database"),
    },
    "F07": {
        "merchant": same("merchant", "merchant"),
        "action": same("action", "action"),
        "count": same("count", "count"),
        "capacity": same("capacity", "capacity"),
        "reset": same("reset_seconds", "reset_seconds"),
        "refused": same("refused", "refused"),
        "share": same("share429Percent", "share_percent"),
        "others": same("others429", "refused_others"),
    },
    "F08": {
        "error class": same("errorClass", "error_class"),
        "authorize 5xx %": same("authorize5xxPercent", "authorize_5xx_percent", 0.1),
        "new letters": same("newDeadLetters", "dlq_new"),
        "ledger unknown": same("ledgerCheck", "ledger_check"),
    },
    "F09": {"rows or payments": _rows},
    "F10": {
        "unpublished": same("unpublished", "outbox_unpublished"),
        "oldest age": same("oldestAgeSeconds", "outbox_oldest_age_seconds"),
        "last publish": same("lastPublishSecondsAgo", "last_publish_age_seconds"),
        "heartbeat": same("heartbeatAgeSeconds", "heartbeat_age_seconds", 0.05),
        "lock holder": same("lockHolder", "lock_holder"),
        "breaker": same("breaker.state", "breaker_state"),
    },
    "F11": {
        "merchant": same("merchant", "merchant"),
        "keys": same("keys", "keys"),
        "bodies per key": same("distinctBodiesPerKey", "bodies_per_key"),
        "refused": same("refused", "refused"),
        "double charges": same("doubleCharges", "double_charges"),
    },
    "F12": {
        "offset": same("appMinusDatabaseSeconds", "offset_seconds", 0.01),
        "rows in the future": same("futureOutboxEvents", "rows_in_the_future"),
    },
    "F13": {
        "transitions": same("transitions", "transitions"),
        "times": _times,
        "error class": _flaky_errors,
        "partitions": _flaky_places,
    },
    "F14": {
        "requests a second": same("rps", "requests_per_second", 0.15),
        "baseline": same("usualRps", "baseline_requests_per_second", 0.15),
        "ratio": same("ratio", "ratio", 0.15),
        "members": same("members.payment-consumer", "members"),
        "lag": same("lag.payment-consumer", "lag"),
        "errors": same("errors", "errors"),
    },
    "F15": {
        "missing": same("missing", "missing_topics"),
        "errors there": _topic_errors,
        "successes elsewhere": same("otherTopicsPublishedOk", "published_on_other_topics", 0.05),
    },
    "F16": {
        "partitions": _places,
        "replicas": same("replicas", "replicas"),
        "in sync": same("inSync", "in_sync"),
        "minimum": same("minInsync", "min_insync"),
        "errors": same("notEnoughReplicas", "errors"),
        "absent brokers": same("absentBrokers", "absent_brokers"),
    },
}


def judge(truths: Sequence[Truth], report: Mapping[str, Any]) -> list[Score]:
    """One score for each truth; a cause that no truth names is counted against every one of them."""
    causes = {cause["id"]: cause.get("evidence", {}) for cause in report.get("causes", [])}
    expected = {truth.root_cause for truth in truths}
    wrong = tuple(sorted(causes.keys() - expected))
    top = report.get("root_cause")
    hidden = {name for row in report.get("masked", []) if row["by"] in expected for name in row["causes"]}
    scores = []
    for truth in truths:
        evidence = causes.get(str(truth.root_cause))
        missing = []
        if truth.root_cause is not None:
            required = REQUIRED[truth.key]
            missing = [name for name, check in required.items() if not _holds(check, evidence, truth.must_report)]
            if len(truths) == 1 and top != truth.root_cause:
                missing.append("top-1")
        masked = []
        if evidence is None and truth.root_cause in hidden:
            masked = missing
        elif evidence is not None and len(truths) > 1:
            checks = REQUIRED[truth.key]
            masked = [name for name in missing if _unsaid(checks.get(name), evidence)]
        scores.append(Score(truth.key, truth.root_cause, tuple(causes), tuple(missing), wrong, tuple(masked)))
    return scores


def _unsaid(check: Check | None, evidence: Evidence) -> bool:
    """A figure that the report has a place for, and says null: another part has to answer first."""
    return isinstance(check, Same) and _at(evidence, check.path) is None


def _holds(check: Check, evidence: Evidence | None, truth: Mapping[str, Any]) -> bool:
    """A report that says a figure in another shape has not said it."""
    try:
        return evidence is not None and check(evidence, truth)
    except (KeyError, TypeError, AttributeError):
        return False
