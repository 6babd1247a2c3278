"""The words on the wire: statuses, events, topics, groups, keys, accounts (names of Payment_SWElite, 2025-12-08)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """The status of a payment. READY is where every history begins; a row is first stored as CAPTURE_REQUESTED."""

    READY = "READY"
    AUTHORIZED = "AUTHORIZED"
    CAPTURE_REQUESTED = "CAPTURE_REQUESTED"
    CAPTURED = "CAPTURED"
    CAPTURE_FAILED = "CAPTURE_FAILED"
    REFUND_REQUESTED = "REFUND_REQUESTED"
    REFUNDED = "REFUNDED"
    REFUND_FAILED = "REFUND_FAILED"


class EventType(StrEnum):
    """What the outbox says happened."""

    AUTHORIZED = "PAYMENT_AUTHORIZED"
    CAPTURE_REQUESTED = "PAYMENT_CAPTURE_REQUESTED"
    CAPTURED = "PAYMENT_CAPTURED"
    CAPTURE_FAILED = "PAYMENT_CAPTURE_FAILED"
    REFUND_REQUESTED = "PAYMENT_REFUND_REQUESTED"
    REFUNDED = "PAYMENT_REFUNDED"
    REFUND_FAILED = "PAYMENT_REFUND_FAILED"
    SETTLEMENT_DEAD = "SETTLEMENT_DEAD_LETTER"
    REFUND_DEAD = "REFUND_DEAD_LETTER"


LEGAL_MOVES: Final[frozenset[tuple[Status, Status]]] = frozenset(
    {
        (Status.READY, Status.AUTHORIZED),
        (Status.AUTHORIZED, Status.CAPTURE_REQUESTED),
        (Status.CAPTURE_REQUESTED, Status.CAPTURED),
        (Status.CAPTURE_REQUESTED, Status.CAPTURE_FAILED),
        (Status.CAPTURE_FAILED, Status.CAPTURED),
        (Status.CAPTURED, Status.REFUND_REQUESTED),
        (Status.REFUND_REQUESTED, Status.REFUNDED),
        (Status.REFUND_REQUESTED, Status.REFUND_FAILED),
        (Status.REFUND_FAILED, Status.REFUNDED),
    }
)

EVENT_OF: Final[dict[Status, EventType]] = {
    Status.AUTHORIZED: EventType.AUTHORIZED,
    Status.CAPTURE_REQUESTED: EventType.CAPTURE_REQUESTED,
    Status.CAPTURED: EventType.CAPTURED,
    Status.CAPTURE_FAILED: EventType.CAPTURE_FAILED,
    Status.REFUND_REQUESTED: EventType.REFUND_REQUESTED,
    Status.REFUNDED: EventType.REFUNDED,
    Status.REFUND_FAILED: EventType.REFUND_FAILED,
}
"""The one event that announces that a payment reached a status."""

CAPTURED_STATUSES: Final = frozenset(
    {Status.CAPTURED, Status.REFUND_REQUESTED, Status.REFUNDED, Status.REFUND_FAILED},
)
"""Statuses of a payment whose money was taken, whatever happened to it later."""

TOPIC_OF: Final[dict[EventType, str]] = {
    EventType.AUTHORIZED: "payment.authorized",
    EventType.CAPTURE_REQUESTED: "payment.capture-requested",
    EventType.CAPTURED: "payment.captured",
    EventType.CAPTURE_FAILED: "payment.capture-failed",
    EventType.REFUND_REQUESTED: "payment.refund-requested",
    EventType.REFUNDED: "payment.refunded",
    EventType.REFUND_FAILED: "payment.refund-failed",
    EventType.SETTLEMENT_DEAD: "settlement.dlq",
    EventType.REFUND_DEAD: "refund.dlq",
}
UNKNOWN_TOPIC: Final = "payment.unknown"
CAPTURED_TOPIC: Final = TOPIC_OF[EventType.CAPTURED]
REFUNDED_TOPIC: Final = TOPIC_OF[EventType.REFUNDED]
PAYMENT_DLQ: Final = "payment.dlq"

PARTITIONS: Final[dict[str, int]] = {
    "payment.authorized": 6,
    "payment.capture-requested": 6,
    "payment.captured": 6,
    "payment.refund-requested": 6,
    "payment.refunded": 6,
    "payment.dlq": 3,
    "settlement.dlq": 1,
    "refund.dlq": 1,
    "payment.capture-failed": 1,
    "payment.refund-failed": 1,
}
"""Topics and their partitions; the last two are ours, so that every status change has an event."""

CONSUMER_GROUP: Final = "payment-consumer"
SETTLEMENT_GROUP: Final = "settlement-worker-group"
REFUND_GROUP: Final = "refund-worker-group"
GROUP_TOPICS: Final[dict[str, tuple[str, ...]]] = {
    CONSUMER_GROUP: (CAPTURED_TOPIC, REFUNDED_TOPIC),
    SETTLEMENT_GROUP: ("payment.capture-requested",),
    REFUND_GROUP: ("payment.refund-requested",),
}

POLLER_LOCK: Final = "pollAndPublishOutboxEvents"
RECEIVABLE: Final = "merchant_receivable"
CASH: Final = "cash"
ACCOUNTS: Final = frozenset({RECEIVABLE, CASH})


def topic_of(event_type: str) -> str:
    """The topic of an outbox event; what is not known goes to `payment.unknown`."""
    try:
        return TOPIC_OF[EventType(event_type)]
    except ValueError:
        return UNKNOWN_TOPIC


def rate_key(action: str, merchant_id: str) -> str:
    """The Redis key of a merchant's counter for one action."""
    return f"rate:{action}:{merchant_id}"


def idem_key(merchant_id: str, idempotency_key: str) -> str:
    """The Redis key of a kept authorize answer."""
    return f"idem:authorize:{merchant_id}:{idempotency_key}"
