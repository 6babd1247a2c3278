"""One payment across five stores: database, outbox, topics, consumer's inbox and ledger, and the key store."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException

from dari.services.monitoring.api.shared import Service, app_now, at, clean
from dari.services.monitoring.ports import ProbeFailed
from dari.services.monitoring.reconciliation.books import Reader
from dari.services.monitoring.reconciliation.entries_check import CONSUMER
from dari.services.monitoring.reconciliation.payments_check import PaymentsCheck
from dari.services.monitoring.reconciliation.topics_check import TOPIC_OF

TAIL = 2_000


async def timeline(service: Service, number: int) -> dict[str, Any]:
    """Every step in order with its store; `missing` names the step that should be there and is not. 404 if unknown."""
    ports = service.monitor.ports
    books = await Reader(ports.database).some([number])
    payment = books.payments.get(number)
    if payment is None:
        raise HTTPException(404, f"결제 {number} 없음 no such payment")
    steps: list[dict[str, Any]] = []

    def step(store: str, what: str, when: Any, **more: Any) -> None:
        steps.append({"store": store, "what": what, "at": at(when), **more})

    for move in books.history.get(number, []):
        step("database", f"{move['from_status']} → {move['to_status']}", move["occurred_at"])
    for event in books.outbox.get(number, []):
        step("outbox", f"{event['event_type']} written", event["created_at"], eventId=event["event_id"])
        if event["published"]:
            step("outbox", f"{event['event_type']} published", event["published_at"], eventId=event["event_id"])
    for name, table in (("settlement", books.settlements), ("refund", books.refunds)):
        for request in table.get(number, []):
            step(
                "database",
                f"{name} {request['status']}",
                request["completed_at"] or request["last_retry_at"] or request["requested_at"],
                retryCount=request["retry_count"],
                pgResponseCode=request["pg_response_code"],
            )
    for (group, key), row in books.inbox.items():
        step(
            "inbox",
            f"{group} {row['outcome']}",
            row["processed_at"],
            eventId=key,
            place=f"{row['topic']}-{row['partition_no']}@{row['offset_no']}",
        )
    for entry in books.entries:
        step(
            "ledger",
            f"{entry['debit_account']} ← {entry['credit_account']} {int(entry['amount'])}",
            entry["occurred_at"],
            entryId=entry["entry_id"],
        )
    unknown = await _records(service, books.outbox.get(number, []), step)
    key = f"idem:authorize:{payment['merchant_id']}:{payment['idempotency_key']}"
    try:
        held = (await ports.redis.values([key]))[key]
        kept: Any = {"key": clean(key), "held": held.value is not None, "ttlSeconds": held.ttl}
    except ProbeFailed as failed:
        kept = None
        unknown.append({"probe": "redis", "reason": failed.error_class})
    now = await app_now(service)
    findings = list(PaymentsCheck(books, now, flowing=True).findings())
    return {
        "paymentId": number,
        "merchantId": payment["merchant_id"],
        "status": payment["status"],
        "amount": int(payment["amount"]),
        "steps": sorted(steps, key=lambda one: (one["at"] or "9", one["store"])),
        "idempotency": kept,
        "waitingFor": _waiting(books, number),
        "findings": [one.as_dict() for one in findings],
        "unknown": unknown,
    }


async def _records(service: Service, events: list[Any], step: Any) -> list[dict[str, str]]:
    """Where the payment's events lie in their topics, looked for in the newest records of each partition."""
    ports = service.monitor.ports
    wanted = {TOPIC_OF.get(str(event["event_type"]), "payment.unknown") for event in events if event["published"]}
    ids = {str(event["event_id"]) for event in events}
    try:
        topics = {topic.name: topic for topic in await ports.kafka.topics()}
        for name in sorted(wanted & set(topics)):
            for part in topics[name].partitions:
                if part.end is None or part.begin is None or part.end == part.begin:
                    continue
                start = max(part.begin, part.end - TAIL)
                for message in await ports.kafka.messages(name, part.partition, start, TAIL):
                    if message.headers.get("eventId") in ids:
                        step(
                            "topic",
                            f"{name}-{part.partition}@{message.offset}",
                            message.timestamp,
                            eventId=message.headers["eventId"],
                        )
    except ProbeFailed as failed:
        return [{"probe": "kafka", "reason": failed.error_class}]
    return []


def _waiting(books: Any, number: int) -> str | None:
    """The first step that has not been taken."""
    for event in books.outbox.get(number, []):
        if not event["published"]:
            why = clean(event.get("last_error") or "", 64)
            return f"{event['event_type']} (event {event['event_id']}) 미발행 not published: {why}"
    for event in books.outbox.get(number, []):
        if (
            event["event_type"] in {"PAYMENT_CAPTURED", "PAYMENT_REFUNDED"}
            and (CONSUMER, str(event["event_id"])) not in books.inbox
        ):
            return f"{event['event_type']} (event {event['event_id']}) 원장 소비자 대기 waits for the ledger consumer"
    status = str(books.payments[number]["status"])
    if status in {"CAPTURE_REQUESTED", "CAPTURE_FAILED"}:
        return "정산 워커 the settlement worker"
    if status in {"REFUND_REQUESTED", "REFUND_FAILED"}:
        return "환불 워커 the refund worker"
    return None
