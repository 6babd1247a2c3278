"""Outbox against topics: what was published is there, unchanged and in order; the conservation of events (I12, I13)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from dari.services.monitoring.ports import Broker, Message, Topic
from dari.services.monitoring.probes.snapshot import moment
from dari.services.monitoring.reconciliation.books import Books, Finding

READ_MOST: Final = 200_000
"""Records of all topics together that are read one by one; beyond it only counts are compared."""
CONSUMED: Final = frozenset(
    {"payment.captured", "payment.refunded", "payment.capture-requested", "payment.refund-requested"}
)
"""Topics with a consumer, before whom such a record lies."""
TOPIC_OF: Final = {
    "PAYMENT_AUTHORIZED": "payment.authorized",
    "PAYMENT_CAPTURE_REQUESTED": "payment.capture-requested",
    "PAYMENT_CAPTURED": "payment.captured",
    "PAYMENT_CAPTURE_FAILED": "payment.capture-failed",
    "PAYMENT_REFUND_REQUESTED": "payment.refund-requested",
    "PAYMENT_REFUNDED": "payment.refunded",
    "PAYMENT_REFUND_FAILED": "payment.refund-failed",
    "SETTLEMENT_DEAD_LETTER": "settlement.dlq",
    "REFUND_DEAD_LETTER": "refund.dlq",
}


async def read_topics(kafka: Broker, topics: Mapping[str, Topic], wanted: set[str]) -> dict[str, list[Message]] | None:
    """Every record of the wanted topics, or None when there are too many. Raises ProbeFailed."""
    parts = [(name, part) for name in sorted(wanted) if name in topics for part in topics[name].partitions]
    total = sum((part.end or 0) - (part.begin or 0) for _, part in parts)
    if total > READ_MOST:
        return None
    found: dict[str, list[Message]] = defaultdict(list)
    for name, part in parts:
        offset, end = part.begin or 0, part.end or 0
        while offset < end:
            chunk = await kafka.messages(name, part.partition, offset, min(5_000, end - offset))
            if not chunk:
                break
            found[name].extend(chunk)
            offset = chunk[-1].offset + 1
    return dict(found)


def published(
    books: Books, topics: Mapping[str, Topic], records: Mapping[str, list[Message]] | None, now: datetime
) -> tuple[list[Finding], list[dict[str, Any]]]:
    """Findings, and per topic the counts: published in the outbox, records there, repeats, strangers."""
    findings: list[Finding] = []
    table: list[dict[str, Any]] = []
    sent: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, event in books.events.items():
        if event["published"]:
            sent[TOPIC_OF.get(str(event["event_type"]), "payment.unknown")][key] = event
    for name in sorted({*sent, *(records or {}), *(set(TOPIC_OF.values()) & set(topics))}):
        topic = topics.get(name)
        mine = sent.get(name, {})
        row: dict[str, Any] = {
            "topic": name,
            "outboxPublished": len(mine),
            "records": None,
            "repeats": None,
            "withoutOutboxRow": None,
        }
        table.append(row)
        if topic is None:
            findings.extend(_absent(mine, name))
            continue
        kept_from = any((part.begin or 0) > 0 for part in topic.partitions)
        if records is None:
            row["records"] = sum((part.end or 0) - (part.begin or 0) for part in topic.partitions)
            if row["records"] < len(mine) and not kept_from:
                findings.append(
                    Finding(
                        invariant="I12",
                        kind="fewer_records_than_published",
                        area="event",
                        rows=(f"topic:{name}",),
                        expected=len(mine),
                        actual=row["records"],
                    )
                )
            continue
        places: dict[str, list[Message]] = defaultdict(list)
        for message in records.get(name, []):
            places[message.headers.get("eventId") or f"{name}-{message.partition}-{message.offset}"].append(message)
        strays = [key for key in places if key not in books.events]
        row.update(
            records=len(records.get(name, [])),
            repeats=sum(len(one) - 1 for key, one in places.items() if key in books.events),
            withoutOutboxRow=len(strays),
        )
        findings.extend(_strays(name, strays, places, books))
        findings.extend(_changed(name, places, mine))
        for key, event in mine.items():
            if key in places or (kept_from and _old(event, now)):
                continue
            findings.append(
                Finding(
                    invariant="I12",
                    kind="published_not_in_topic",
                    area="event",
                    payment_id=int(event["aggregate_id"]),
                    rows=(f"outbox_event:{key}", f"topic:{name}"),
                    expected=name,
                )
            )
        findings.extend(_order(places, books))
    return findings, table


def hidden(finding: Finding, topics: Mapping[str, Topic]) -> bool:
    """A record that cannot be seen now is not lost.

    A partition with fewer replicas in sync than its minimum (or without a leader) shows nothing beyond the last
    record that enough replicas are known to hold: its high watermark stands still.
    """
    if finding.kind not in {"published_not_in_topic", "fewer_records_than_published"}:
        return False
    topic = topics.get(next(row for row in finding.rows if row.startswith("topic:")).removeprefix("topic:"))
    least = int(topic.configs.get("min.insync.replicas", "1")) if topic else 1
    return topic is not None and any(part.leader is None or len(part.isr) < least for part in topic.partitions)


def _strays(name: str, strays: list[str], places: Mapping[str, list[Message]], books: Books) -> Iterator[Finding]:
    """I12: a record no outbox row wrote; one that a consumer has put into the dead letters is dealt with."""
    dead = {key for (_, key), row in books.inbox.items() if row["outcome"] == "DEAD_LETTER"}
    taken = {key for _, key in books.inbox}
    for key in strays:
        if key in dead:
            continue
        message = places[key][0]
        said = plain_json(message.value)
        number = said.get("paymentId") if isinstance(said, dict) else None
        yield Finding(
            invariant="I12",
            kind="record_without_outbox_row",
            area="poison" if name in CONSUMED and key not in taken else "event",
            payment_id=number if isinstance(number, int) else None,
            rows=(f"{name}:{key}",),
            expected="an outbox row",
            actual=f"{name}-{message.partition}@{message.offset}",
        )


def _changed(name: str, places: Mapping[str, list[Message]], mine: Mapping[str, Any]) -> Iterator[Finding]:
    """I12: a record says what its outbox row says."""
    for key, event in mine.items():
        for message in places.get(key, ()):
            if message.value != event["payload"] and plain_json(message.value) != plain_json(event["payload"]):
                yield Finding(
                    invariant="I12",
                    kind="record_differs",
                    area="event",
                    payment_id=int(event["aggregate_id"]),
                    rows=(f"{name}:{key}", f"outbox_event:{key}"),
                    actual=f"{name}-{message.partition}@{message.offset}",
                )


def plain_json(text: Any) -> Any:
    """Parsed JSON, or the text itself."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _absent(mine: Mapping[str, Any], name: str) -> Iterator[Finding]:
    for key, event in mine.items():
        yield Finding(
            invariant="I12",
            kind="topic_gone",
            area="event",
            payment_id=int(event["aggregate_id"]),
            rows=(f"outbox_event:{key}", f"topic:{name}"),
        )


def _old(event: Any, now: datetime) -> bool:
    """Retention may have taken it: older than a day."""
    at = moment(event["created_at"])
    return at is not None and now - at > timedelta(days=1)


def _order(places: Mapping[str, list[Message]], books: Books) -> Iterator[Finding]:
    """I13: within a partition a payment's events lie in the order they were written."""
    first: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for key, messages in places.items():
        event = books.events.get(key)
        if event is not None:
            lowest = min(messages, key=lambda message: message.offset)
            first[int(event["aggregate_id"]), lowest.partition].append((lowest.offset, int(key)))
    for (number, _), seen in first.items():
        ids = [key for _, key in sorted(seen)]
        if ids != sorted(ids):
            yield Finding(
                invariant="I13",
                kind="records_out_of_order",
                area="event",
                payment_id=number,
                rows=tuple(f"outbox_event:{key}" for key in ids),
                expected=sorted(ids),
                actual=ids,
            )
