"""Causes that are a consumer group's: nobody in it, or members who commit nothing."""

from __future__ import annotations

from typing import Any, Final

from dari.services.monitoring.diagnosis.common import brokers_fail, database_down, kafka_up, known
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.diagnosis.rule import Rule, so

STUCK: Final = 30.0
"""Seconds in which somebody who works has done something."""


def _group_rules() -> tuple[Rule, ...]:
    made: list[Rule] = []
    for name, group, ko, en in (
        ("CONSUMER", "payment-consumer", "원장 소비자", "the ledger consumer"),
        ("SETTLEMENT_WORKER", "settlement-worker-group", "정산 워커", "the settlement worker"),
        ("REFUND_WORKER", "refund-worker-group", "환불 워커", "the refund worker"),
    ):
        fact = f"groups.{group}"
        made.append(_stopped(name, group, fact, ko, en))
        made.append(_stuck(name, group, fact, ko, en))
    return tuple(made)


def _group_report(group: str) -> Any:
    def report(f: Facts) -> dict[str, Any]:
        said = f[f"groups.{group}"]
        return {
            "group": group,
            "members": said["members"],
            "state": said["state"],
            "lag": said["lag"] if said["lag"] is not None else said["waiting"],
            "waiting": said["waiting"],
            "lagByPartition": said["partitions"],
            "committedUnchangedSeconds": said["unchanged_seconds"],
            "capturedWithoutEntry": f.get("ledger.captured_without_entry") if group == "payment-consumer" else None,
            "trend": said["trend"],
        }

    return report


def _stopped(name: str, group: str, fact: str, ko: str, en: str) -> Rule:
    return Rule(
        id=f"{name}_STOPPED",
        component=group,
        ko=f"{ko}({group})에 실행 중인 멤버가 없습니다.",
        en=f"No member of {en} ({group}) is running.",
        requires=(
            kafka_up,
            so("the group has no member", lambda f: _deserted(f, group)),
            so("records wait, or it left its work", lambda f: f[fact]["waiting"] > 0 or _left(f, fact)),
        ),
        report=_group_report(group),
        disproof="describe-group lists a member, or the committed offsets move.",
        next_step="check_consumer_lag",
        explains=frozenset({"CONSUMER_SLOW", "LEDGER_GAP"}),
    )


def _stuck(name: str, group: str, fact: str, ko: str, en: str) -> Rule:
    return Rule(
        id=f"{name}_STUCK",
        component=group,
        ko=f"{ko}({group})에 멤버는 있으나 커밋이 멈췄습니다.",
        en=f"{en.capitalize()} ({group}) has members, but commits nothing.",
        requires=(
            kafka_up,
            so("the group has members", lambda f: not _deserted(f, group)),
            so("records wait for it", lambda f: f[fact]["waiting"] > 0),
            so("nothing was committed for 30 s", lambda f: f[fact]["unchanged_seconds"] >= STUCK),
        ),
        forbids=(
            database_down,
            so("it fails because the dead letter queue takes no writes", lambda f: _no_burial(f, group)),
            so("reversals wait for a capture's entry that was taken out", lambda f: _waits_for_entry(f, fact)),
        ),
        report=lambda f: {**_group_report(group)(f), "outcomes": f.get("consume.outcomes")},
        disproof="The committed offsets move.",
        next_step="check_consumer_lag",
        explains=frozenset({"CONSUMER_SLOW", "LEDGER_GAP"}),
    )


def _deserted(f: Facts, group: str) -> bool:
    """No member; where the cluster does not tell members, nothing committed and not one event of its own counted."""
    said = f[f"groups.{group}"]
    if said["members"] is not None:
        return bool(said["members"] == 0)
    counted = sum(n for name, n in f["consume.outcomes"].items() if name.startswith(f"{group}:"))
    return bool(said["unchanged_seconds"] >= STUCK and counted == 0)


def _left(f: Facts, fact: str) -> bool:
    """It has committed, and no member is left: nothing waits only because nothing comes (a poller that stands too)."""
    said = f[fact]
    return bool(said["members"] == 0 and said["lag"] is not None)


def _no_burial(f: Facts, group: str) -> bool:
    """Its records end in errors while payment.dlq is under its minimum, offline or missing, or a broker fails sends."""
    if not known(f, "consume.outcomes", {}).get(f"{group}:error"):
        return False
    if brokers_fail(f):
        return True
    closed = [*known(f, "partitions.under_min", []), *known(f, "partitions.offline", [])]
    return any(row["topic"] == "payment.dlq" for row in closed) or "payment.dlq" in known(f, "topics.missing", [])


def _waits_for_entry(f: Facts, fact: str) -> bool:
    """Only refunds wait, and entries of captures are gone from the ledger: the books are the cause."""
    gone = any(one["kind"] == "entry_missing" and one["area"] == "ledger" for one in known(f, "ledger.findings", []))
    return gone and all(row["topic"] == "payment.refunded" for row in f[fact]["partitions"])


GROUPS: Final = _group_rules()
