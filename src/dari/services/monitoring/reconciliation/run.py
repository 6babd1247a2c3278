"""One reconciliation: read, judge, look again at what was being written, report row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from dari.core.clock import Clock
from dari.services.monitoring.ports import Ports, ProbeFailed, Topic
from dari.services.monitoring.probes import kafka_probe
from dari.services.monitoring.probes.look import GROUPS
from dari.services.monitoring.probes.snapshot import moment
from dari.services.monitoring.reconciliation.books import CAPTURED, CASH, RECEIVABLE, Books, Finding, Reader
from dari.services.monitoring.reconciliation.chain import balances, first_broken_link, lines, links, whole
from dari.services.monitoring.reconciliation.payments_check import PaymentsCheck, processed_without_entry
from dari.services.monitoring.reconciliation.topics_check import TOPIC_OF, hidden, published, read_topics

LOOKED_AGAIN: Final = 500
"""So many payments or records are read again at once."""
MOST_AGAIN: Final = 10_000
"""More than these cannot have been moving while they were read."""
LOOKS: Final = 3
"""A payment may move on while it is read again."""
OVERDUE: Final = 60.0
STRANGER: Final = "record_without_outbox_row"
CHECKED: Final = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I11", "I12", "I13", "I14", "I15")
ELSEWHERE: Final = {
    "I10": "the API's answers",
    "I16": "unpublished, lag and pending below, 0 after quiescence",
    "I17": "checksums around every read",
    "I18": "RATE_LIMITED_MERCHANT and fail-open",
    "I19": "the breaker's conformance table",
    "I20": "replay of a seed",
}
"""Invariants that rows alone cannot show, and what does."""


class Reconciler:
    """Reconciles one platform."""

    def __init__(self, ports: Ports, clock: Clock) -> None:
        self._ports = ports
        self._clock = clock

    async def run(
        self,
        *,
        app_now: datetime | None = None,
        limit: int = 100,
        away: Mapping[str, tuple[str, str]] | None = None,
    ) -> dict[str, Any]:
        """The report: `balanced` is True, False or null (unknown); `limit` findings are listed, all are counted.

        `away` are probes that failed just now, with error class and message: a cluster among them is not asked again.
        Never raises for a part that is away: what could not be compared is in `unknown`.
        """
        now = app_now or self._clock.now()
        unknown: list[dict[str, str]] = []
        try:
            books = await Reader(self._ports.database).all()
        except ProbeFailed as failed:
            return _unknown(failed, now)
        topics, waiting = await self._cluster(unknown, (away or {}).get("kafka"))
        flowing = waiting is None or waiting > 0
        findings = [*links(books), *lines(books), *balances(books), *processed_without_entry(books)]
        seen = list(PaymentsCheck(books, now, flowing=flowing).findings())
        findings += await self._again(seen, now, flowing=flowing)
        conservation: list[dict[str, Any]] = []
        if topics is not None:
            try:
                records = await read_topics(self._ports.kafka, topics, set(TOPIC_OF.values()))
                more, conservation = published(books, topics, records, now)
                findings += await self._written_meanwhile([one for one in more if not hidden(one, topics)])
            except ProbeFailed as failed:
                unknown.append({"probe": "kafka", "reason": failed.error_class})
        return _report(books, findings, conservation, unknown, waiting, now, limit)

    async def _cluster(
        self, unknown: list[dict[str, str]], failed_with: tuple[str, str] | None
    ) -> tuple[dict[str, Topic] | None, int | None]:
        if failed_with is not None:
            unknown.append({"probe": "kafka", "reason": failed_with[0]})
            return None, None
        kafka = self._ports.kafka
        try:
            topics = {topic.name: topic for topic in await kafka.topics()}
            committed = await kafka_probe.offsets(kafka, GROUPS)
        except ProbeFailed as failed:
            unknown.append({"probe": "kafka", "reason": failed.error_class})
            return None, None
        return topics, sum(kafka_probe.waiting(group, wanted, topics, committed) for group, wanted in GROUPS.items())

    async def _written_meanwhile(self, findings: Sequence[Finding]) -> list[Finding]:
        """The tables were read before the topics: a record whose outbox row is there by now is no stranger."""
        strangers = [one for one in findings if one.kind == STRANGER]
        ids = [int(key) for one in strangers if (key := _key(one)).isdigit()][:MOST_AGAIN]
        there: set[str] = set()
        for some in _parts(ids):
            listed = ", ".join(map(str, some))
            rows = await self._ports.database.select(
                f"SELECT event_id FROM outbox_event WHERE event_id IN ({listed})"  # noqa: S608 — integers of ours
            )
            there |= {str(row["event_id"]) for row in rows}
        return [one for one in findings if one.kind != STRANGER or _key(one) not in there]

    async def _again(self, findings: Sequence[Finding], now: datetime, *, flowing: bool) -> list[Finding]:
        """Rows are read one table after the other: what seems wrong is read once more, and only what stays is said."""
        said = list(findings)
        for _ in range(LOOKS):
            moving = [one for one in said if _may_move(one)]
            ids = sorted({one.payment_id for one in moving if one.payment_id is not None})
            if not ids or len(ids) > MOST_AGAIN:
                break
            stays: set[tuple[str, str, int | None]] = set()
            try:
                for some in _parts(ids):
                    books = await Reader(self._ports.database).some(some)
                    again = PaymentsCheck(books, now, flowing=flowing).findings()
                    stays |= {(one.invariant, one.kind, one.payment_id) for one in again}
            except ProbeFailed:
                break
            before = len(said)
            said = [one for one in said if not _may_move(one) or (one.invariant, one.kind, one.payment_id) in stays]
            if len(said) == before:
                break
        return said


def _may_move(finding: Finding) -> bool:
    """Whether it is told of a payment's rows, which others may have been writing."""
    return (
        finding.area != "pending"
        and finding.payment_id is not None
        and finding.kind not in {"orphan_entry", "event_without_payment"}
    )


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[at : at + LOOKED_AGAIN] for at in range(0, len(ids), LOOKED_AGAIN))


def _key(stranger: Finding) -> str:
    """The event a record names that no outbox row wrote."""
    return stranger.rows[0].rpartition(":")[2]


def _unknown(failed: ProbeFailed, now: datetime) -> dict[str, Any]:
    return {
        "balanced": None,
        "status": "unknown",
        "checkedAt": now.isoformat(),
        "findings": [],
        "findingCount": 0,
        "byInvariant": {},
        "unknown": [{"probe": failed.component, "reason": failed.error_class}],
        "pending": {},
        "capturesPending": None,
        "message": f"원장을 확인할 수 없습니다 unknown: {failed.component} {failed.error_class}",
    }


def _report(  # noqa: PLR0917 — one private call
    books: Books,
    findings: Sequence[Finding],
    conservation: list[dict[str, Any]],
    unknown: list[dict[str, str]],
    waiting: int | None,
    now: datetime,
    limit: int,
) -> dict[str, Any]:
    wrong = [one for one in findings if one.area != "pending"]
    pending = Counter(one.kind for one in findings if one.area == "pending")
    debits, credited = Counter[str](), Counter[str]()
    for row in books.entries:
        debits[str(row["debit_account"])] += whole(row["amount"]) or 0
        credited[str(row["credit_account"])] += whole(row["amount"]) or 0
    status = "inconsistent" if wrong else "unknown" if unknown else "consistent"
    overdue = [one for one in findings if one.area == "pending" and _overdue(one, books, now)]
    return {
        "balanced": False if wrong else None if unknown else True,
        "status": status,
        "checkedAt": now.isoformat(),
        "checked": {"payments": len(books.payments), "entries": len(books.entries), "events": len(books.events)},
        "invariants": list(CHECKED),
        "judgedElsewhere": ELSEWHERE,
        "totalDebits": sum(debits.values()),
        "totalCredits": sum(credited.values()),
        "debitAccounts": [{"debit_account": name, "total": total} for name, total in debits.most_common()],
        "creditAccounts": [{"credit_account": name, "total": total} for name, total in credited.most_common()],
        "findingCount": len(wrong),
        "byInvariant": dict(sorted(Counter(one.invariant for one in wrong).items())),
        "findings": [one.as_dict() for one in wrong[:limit]],
        "truncated": len(wrong) > limit,
        "firstBrokenLink": first_broken_link(books),
        "deltaPerAccount": _deltas(books),
        "pending": dict(pending),
        "capturesPending": sum(one.area == "pending" and one.invariant == "I3" for one in findings),
        "overdue": len(overdue),
        "conservation": conservation,
        "waitingInConsumers": waiting,
        "unpublished": sum(not event["published"] for event in books.events.values()),
        "unknown": unknown,
        "message": _message(status, len(wrong), len(books.payments)),
        "all": [one.as_dict() for one in wrong],
    }


def _overdue(finding: Finding, books: Books, now: datetime) -> bool:
    """On its way for more than a minute, counted from when its event was written."""
    for name in finding.rows:
        if name.startswith("outbox_event:"):
            event = books.events.get(name.split(":", 1)[1])
            at = moment(event["created_at"]) if event else None
            if at is not None and (now - at).total_seconds() > OVERDUE:
                return True
    return False


def _deltas(books: Books) -> dict[str, int]:
    """What the ledger says of each account minus what the payments say."""
    ledger: Counter[str] = Counter()
    for row in books.entries:
        amount = whole(row["amount"]) or 0
        ledger[str(row["debit_account"])] += amount
        ledger[str(row["credit_account"])] -= amount
    truth: Counter[str] = Counter()
    posted = Counter(int(row["payment_id"]) for row in books.entries)
    for number, row in books.payments.items():
        amount = whole(row["amount"]) or 0
        moved = {str(move["to_status"]) for move in books.history.get(number, [])}
        if not moved:  # where no moves are written down, the status tells how far it has come
            moved = {*(("CAPTURED",) if row["status"] in CAPTURED else ()), str(row["status"])}
        done = {
            str(e["event_type"])
            for e in books.outbox.get(number, [])
            if ("payment-consumer", str(e["event_id"])) in books.inbox
        }
        if "CAPTURED" in moved and ("PAYMENT_CAPTURED" in done or posted[number]):
            truth[RECEIVABLE] += amount
            truth[CASH] -= amount
        if "REFUNDED" in moved and ("PAYMENT_REFUNDED" in done or posted[number] > 1):
            truth[RECEIVABLE] -= amount
            truth[CASH] += amount
    return {name: ledger[name] - truth[name] for name in sorted({*ledger, *truth}) if ledger[name] != truth[name]}


def _message(status: str, wrong: int, payments: int) -> str:
    if status == "inconsistent":
        return f"불일치 {wrong}건 {wrong} contradictions in {payments} payments"
    if status == "unknown":
        return "일부를 확인하지 못했습니다 some parts could not be compared"
    return f"결제 {payments}건이 원장·이벤트와 일치합니다 {payments} payments agree with ledger and events"
