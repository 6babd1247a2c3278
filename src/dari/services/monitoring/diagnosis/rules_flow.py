"""Causes on an event's way: poller, breaker, topics, consumers, dead letters."""

from __future__ import annotations

from typing import Any, Final

from dari.services.monitoring.diagnosis.common import (
    PUBLISHER,
    app_up,
    breaker,
    brokers_fail,
    kafka_up,
    known,
    outbox,
    slow_publishing,
    usual_known,
)
from dari.services.monitoring.diagnosis.derive_kafka import grouped
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.diagnosis.rule import Rule, so
from dari.services.monitoring.diagnosis.rules_groups import GROUPS, STUCK

STALE: Final = 20.0
"""Seconds without a poll, a publish or a commit that are no pause any more."""
PAUSE: Final = 15.0
"""Seconds without a commit, three looks, that a slow consumer may take."""
HALF_OPEN_LONG: Final = 60.0

REFUSALS_ELSEWHERE: Final = frozenset({"_MSG_TIMED_OUT", "_TRANSPORT", "_TIMED_OUT", "_ALL_BROKERS_DOWN"})
"""Errors that say the cluster is away, not that it refuses."""


def _poller_silent(f: Facts) -> bool:
    """Its heartbeat is old (the metric, else the lease), or it beats and sends nothing although it may."""
    ages = [age for age in (known(f, "poller.age", None), known(f, "outbox.lock_age", None)) if age is not None]
    if ages and min(ages) > STALE:
        return True
    tried = f["publish.ok_lately"] + f["publish.errors_lately"]
    return bool(tried == 0 and f["publish.skipped"] == 0 and f["outbox.oldest_age"] > STUCK)


def _outbox_grows(f: Facts) -> bool:
    """By one event a second or more over the last minute, and it does not shrink again."""
    slopes = f["outbox.slope"], f["outbox.slope_lately"]
    return all(slope is not None and slope >= least for slope, least in zip(slopes, (1.0, 0.0), strict=True))


def _untried(f: Facts) -> bool:
    """Kafka is away for a while, and not one publish failed or was held back since: a poller that runs meets it."""
    since = known(f, "since.kafka", None)
    return bool(since is not None and since["seconds"] > STUCK and since["tried"] == 0)


def _flapping(f: Facts) -> bool:
    """Opened twice or more in the window, and not quietly closed again since."""
    said = f[PUBLISHER]
    settled = said["state"] == "CLOSED" and known(f, "publish.errors_lately", 0) == 0
    return bool(said["opened"] >= 2 and not settled)


def _after_outage(f: Facts) -> bool:
    """The cluster had a fault of its own in the window and has it no more; no broker fails sends beside that."""
    return known(f, "kafka.right_seconds", None) is not None and not brokers_fail(f)


def _half_open_stuck(f: Facts) -> bool:
    said = f[PUBLISHER]
    return said["state"] == "HALF_OPEN" and (said["seconds_in_state"] or 0.0) > HALF_OPEN_LONG


def _refused(f: Facts) -> list[dict[str, Any]]:
    """Publish errors of the last minute that the cluster itself gave, other than for missing topics."""
    missing = set(known(f, "topics.missing", []))
    return [
        row for row in f["publish.errors_by"] if row["error"] not in REFUSALS_ELSEWHERE and row["topic"] not in missing
    ]


def _publishes_again(f: Facts) -> bool:
    """No error lately, and each topic that had one takes records."""
    taken = known(f, "publish.ok_lately_by_topic", {})
    return known(f, "publish.errors_lately", 1) == 0 and all(row["topic"] in taken for row in _refused(f))


def _flap_report(f: Facts) -> dict[str, Any]:
    said = f[PUBLISHER]
    return {
        "state": said["state"],
        "transitions": len(said["transitions"]),
        "windowSeconds": f.get("window.seconds"),
        "times": said["transitions"][-30:],
        "opened": said["opened"],
        "halfOpenResults": {"successful": said["successful"], "failed": said["failed"], "of": said["buffered"]},
        "reopenedFromHalfOpen": said["reopened"],
        "underlyingErrors": f.get("publish.errors_by_window"),
        "errorsByPartition": said["errors"],
        "secondsInState": said["seconds_in_state"],
    }


FLOW: Final[tuple[Rule, ...]] = (
    *GROUPS,
    Rule(
        id="CONSUMER_SLOW",
        component="payment-consumer",
        severity="warning",
        ko="소비자가 들어오는 속도를 따라가지 못합니다.",
        en="A consumer works, but slower than events arrive.",
        requires=(
            kafka_up,
            so("a group's backlog grows while it commits", lambda f: bool(_behind(f))),
            # Else it may be the traffic that surged.
            usual_known,
        ),
        report=lambda f: {"groups": _behind(f), "rps": f.get("traffic.rps"), "usualRps": f.get("traffic.usual_rps")},
        disproof="The backlog's trend is level.",
        next_step="check_consumer_lag",
    ),
    Rule(
        id="TOPIC_MISSING",
        component="kafka-topics",
        ko="필요한 토픽이 없습니다.",
        en="A topic that is needed does not exist.",
        requires=(kafka_up, so("an expected topic is not listed", lambda f: bool(f["topics.missing"]))),
        report=lambda f: {
            "missing": f["topics.missing"],
            "expected": len(f["topics.expected"]),
            "publishErrors": [
                row
                for row in (f.get("since.topics") or {}).get("refused", f.get("publish.errors_by_window", []))
                if row["topic"] in f["topics.missing"]
            ],
            "otherTopicsPublishedOk": sum(
                n
                for topic, n in (
                    (f.get("since.topics") or {}).get("published") or f.get("publish.ok_by_topic") or {}
                ).items()
                if topic not in f["topics.missing"]
            ),
            "outboxWaiting": f.get("outbox.by_type"),
            "brokersReachable": f"{len(f.get('kafka.brokers', []))}/{len(f.get('kafka.brokers_expected', []))}",
        },
        disproof="list_topics names it.",
        next_step="list_topics",
        explains=frozenset({"BREAKER_FLAPPING", "CONSUMER_STUCK", "EVENT_LOST"}),
    ),
    Rule(
        id="OUTBOX_STUCK",
        component="outbox-poller",
        ko="아웃박스 발행기가 멈췄습니다. Kafka 때문이 아닙니다.",
        en="The outbox poller does not publish, and Kafka is not the reason.",
        requires=(
            so("kafka answers, or nothing was tried since it does not", lambda f: f["kafka.reachable"] or _untried(f)),
            so("events wait unpublished", lambda f: f["outbox.unpublished"] > 0),
            so("the poller is silent", _poller_silent),
            so("the breaker lets calls through", lambda f: f[PUBLISHER]["state"] == "CLOSED"),
        ),
        forbids=(slow_publishing,),
        report=lambda f: {
            **outbox(f),
            "lastPublishSecondsAgo": f.get("outbox.last_published_age"),
            "heartbeatAgeSeconds": f.get("poller.age"),
            "lockHolder": f.get("outbox.lock_holder"),
            "lockHeartbeatAgeSeconds": f.get("outbox.lock_age"),
            "lockEndedSecondsAgo": f.get("outbox.lock_until_age"),
            "kafkaProbe": "OK" if f.get("kafka.reachable") else f.get("kafka.error"),
            "breaker": breaker(f),
        },
        disproof="outbox_publish_total{outcome=ok} grows, or the lease's locked_at is fresh.",
        next_step="check_outbox_status",
        explains=frozenset({"LEDGER_GAP"}),
    ),
    Rule(
        id="OUTBOX_SLOW",
        component="outbox-poller",
        severity="warning",
        ko="아웃박스 발행기가 들어오는 이벤트를 따라가지 못합니다.",
        en="The outbox poller publishes, but slower than events arrive.",
        requires=(
            so("it publishes", lambda f: f["publish.ok_lately"] > 0),
            so("events wait for long", lambda f: f["outbox.oldest_age"] > STALE),
            so("the outbox grows, also lately", _outbox_grows),
            usual_known,
            so("the breaker lets calls through", lambda f: f[PUBLISHER]["state"] == "CLOSED"),
        ),
        forbids=(
            slow_publishing,
            so("publishes failed or were held back", lambda f: f["publish.errors"] + f["publish.skipped"] > 0),
        ),
        report=lambda f: {
            **outbox(f),
            "publishedInTheLastMinute": f.get("publish.ok"),
            "rps": f.get("traffic.rps"),
            "usualRps": f.get("traffic.usual_rps"),
            "heartbeatAgeSeconds": f.get("poller.age"),
            "lockHolder": f.get("outbox.lock_holder"),
        },
        disproof="The outbox's slope is level or falls.",
        next_step="check_outbox_status",
        explains=frozenset({"LEDGER_GAP"}),
    ),
    Rule(
        id="BREAKER_FLAPPING",
        component="kafka-publisher-breaker",
        ko="서킷 브레이커가 OPEN과 HALF_OPEN을 오갑니다.",
        en="The publisher's circuit breaker flaps between OPEN and HALF_OPEN.",
        requires=(app_up, kafka_up, so("it opened again and again in the window", _flapping)),
        forbids=(so("it opened over a fault of the cluster that is over", _after_outage),),
        report=_flap_report,
        disproof="Fewer than two openings in the window, or CLOSED without errors since.",
        next_step="diagnose_circuit_breaker",
        own=so("brokers fail sends, and not for want of a topic or of replicas", brokers_fail),
        explains=frozenset({"PUBLISH_REFUSED"}),
    ),
    Rule(
        id="BREAKER_STUCK_HALF_OPEN",
        component="kafka-publisher-breaker",
        severity="warning",
        ko="서킷 브레이커가 HALF_OPEN에 머물러 있습니다.",
        en="The publisher's circuit breaker has been HALF_OPEN for more than a minute.",
        requires=(app_up, so("HALF_OPEN for over 60 s", _half_open_stuck)),
        forbids=(so("it flaps", _flapping),),
        report=_flap_report,
        disproof="The state changes.",
        next_step="diagnose_circuit_breaker",
    ),
    Rule(
        id="BREAKER_FORCED",
        component="kafka-publisher-breaker",
        severity="warning",
        ko="서킷 브레이커가 운영자에 의해 강제 상태입니다.",
        en="An operator has forced the circuit breaker's state.",
        requires=(so("FORCED_OPEN or DISABLED", lambda f: f[PUBLISHER]["state"] in {"FORCED_OPEN", "DISABLED"}),),
        report=lambda f: {"breaker": breaker(f), **outbox(f)},
        disproof="The state is CLOSED, OPEN or HALF_OPEN.",
        next_step="get_circuit_breaker_status",
    ),
    Rule(
        id="PUBLISH_REFUSED",
        component="kafka-topics",
        ko="Kafka가 일부 발행을 거절합니다.",
        en="The brokers refuse some publishes.",
        requires=(kafka_up, so("the cluster itself answers publishes with an error", lambda f: bool(_refused(f)))),
        forbids=(so("publishes succeed again", _publishes_again),),
        report=lambda f: {
            "errors": _refused(f),
            "publishedOk": f.get("publish.ok_by_topic"),
            "waiting": f.get("outbox.last_errors"),
        },
        disproof="outbox_publish_total{outcome=error} does not grow.",
        next_step="get_topic_details",
    ),
    Rule(
        id="POISON_MESSAGE",
        component="dead-letters",
        ko="처리할 수 없는 메시지가 DLQ에 들어왔습니다.",
        en="Records that cannot be processed went to the dead letter queue.",
        requires=(
            so(
                "new dead letters about the records themselves, or such records before a consumer",
                lambda f: bool(_poison(f) or _before_consumers(f)),
            ),
        ),
        report=lambda f: {
            "new": len(_poison(f)),
            "letters": sum(one["topic"] == "payment.dlq" and not one["infrastructure"] for one in f["letters.new"]),
            "stillBeforeConsumers": [one["actual"] for one in _before_consumers(f)][:50],
            "total": f.get("letters.total"),
            "windowSeconds": f.get("window.seconds"),
            "groups": [
                {**row, "replayable": replayable(row["errorType"])[0], "why": replayable(row["errorType"])[1]}
                for row in grouped(_poison(f))
            ],
            "first": min((one["at"] for one in _poison(f) if one["at"]), default=None),
            "last": max((one["at"] for one in _poison(f) if one["at"]), default=None),
        },
        disproof="The newest record of payment.dlq is older than the window.",
        next_step="get_dlq_messages",
        explains=frozenset({"LEDGER_GAP"}),
    ),
    Rule(
        id="POISON_INFRASTRUCTURE",
        component="dead-letters",
        severity="warning",
        ko="인프라 오류로 메시지가 DLQ로 갔습니다.",
        en="Records went to the dead letter queue because a part was away.",
        requires=(so("new dead letters with an infrastructure error", lambda f: bool(_infrastructure(f))),),
        report=lambda f: {"new": len(_infrastructure(f)), "groups": grouped(_infrastructure(f))},
        disproof="The letters' errorType speaks of the record, not of a part.",
        next_step="get_dlq_messages",
    ),
    Rule(
        id="DEAD_REQUESTS",
        component="payment-gateway",
        severity="warning",
        ko="정산·환불이 마지막 시도까지 실패했습니다.",
        en="Settlements or refunds failed for the last time.",
        requires=(so("new letters in settlement.dlq or refund.dlq", lambda f: bool(_requests(f))),),
        report=lambda f: {
            "new": len(_requests(f)),
            "groups": grouped(_requests(f)),
            "settlement": f.get("requests.settlement"),
            "refund": f.get("requests.refund"),
        },
        disproof="settlement.dlq and refund.dlq have no record in the window.",
        next_step="get_dlq_messages",
    ),
)


def _behind(f: Facts) -> list[dict[str, Any]]:
    """Groups that commit, but whose waiting grew by ≥ 1/s over the last minute to more than ten seconds of traffic.

    Who has committed nothing for three looks is not slow: it may have stopped.
    """
    rows = []
    for name in ("payment-consumer", "settlement-worker-group", "refund-worker-group"):
        said = f[f"groups.{name}"]
        enough = max(50.0, 10 * known(f, "traffic.rps", 0.0))
        working = said["members"] != 0 and said["unchanged_seconds"] < PAUSE
        if working and said["growth"] is not None and said["growth"] >= 1 and said["waiting"] > enough:
            rows.append(
                {
                    "group": name,
                    "waiting": said["waiting"],
                    "growthPerSecond": said["growth"],
                    "members": said["members"],
                }
            )
    return rows


def _before_consumers(f: Facts) -> list[dict[str, Any]]:
    """Records nobody wrote that lie before a consumer, which may not even be able to put them away."""
    return [one for one in known(f, "ledger.findings", []) if one["area"] == "poison"]


def _poison(f: Facts) -> list[dict[str, Any]]:
    """Letters about records, but for reversals whose capture's entry is gone from the books: those are the books'."""
    rows = [one for one in f["letters.new"] if one["topic"] == "payment.dlq" and not one["infrastructure"]]
    gone = {one["payment_id"] for one in known(f, "ledger.findings", []) if one["kind"] == "entry_missing"}
    mine = [one for one in rows if not (one.get("paymentId") in gone and "notposted" in one["errorType"].lower())]
    # A consumer that could not bury everything at once buries again: a record is counted once, however many letters.
    places = {_origin(one): one for one in reversed(mine)}
    return [one for one in mine if places[_origin(one)] is one]


def _origin(letter: dict[str, Any]) -> tuple[Any, ...]:
    said = letter.get("origin") or (None,)
    return (letter["topic"], letter["partition"], letter["offset"]) if None in said else tuple(said)


def _infrastructure(f: Facts) -> list[dict[str, Any]]:
    return [one for one in f["letters.new"] if one["topic"] == "payment.dlq" and one["infrastructure"]]


def _requests(f: Facts) -> list[dict[str, Any]]:
    return [one for one in f["letters.new"] if one["topic"] in {"settlement.dlq", "refund.dlq"}]


def replayable(kind: str) -> tuple[bool, str]:
    """Whether sending the record again could work, and why."""
    lower = kind.lower()
    if any(word in lower for word in ("json", "parse", "missing", "unreadable", "deserializ", "mismatch")):
        return False, "the record itself is wrong: it would fail again"
    if "already" in lower or "duplicate" in lower:
        return False, "the movement is already posted"
    if "notposted" in lower:
        return True, "after the capture's entry is posted"
    if "notfound" in lower or "integrity" in lower or "constraint" in lower:
        return False, "no such payment: replay only after the row exists"
    return True, "the record is well formed; fix the cause first"
