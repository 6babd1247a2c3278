"""What cannot be judged while something else is wrong: a cause that holds takes the evidence of others with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

_GROUPS: Final = frozenset(
    f"{name}_{what}" for name in ("CONSUMER", "SETTLEMENT_WORKER", "REFUND_WORKER") for what in ("STOPPED", "STUCK")
)
_PUBLISHES: Final = frozenset({"KAFKA_SLOW", "BREAKER_FLAPPING", "PUBLISH_REFUSED"})
"""Seen only in publishes that are made."""
_BOOKS: Final = frozenset({"LEDGER_TAMPERED", "PAYMENT_TAMPERED", "EVENT_LOST"})
_LIMITS: Final = frozenset({"RATE_LIMITED_MERCHANT", "RATE_LIMIT_TOO_LOW", "RATE_KEY_NEVER_EXPIRES"})

HIDDEN: Final[Mapping[str, frozenset[str]]] = {
    "APP_UNREACHABLE": _PUBLISHES
    | _LIMITS
    | {"TRAFFIC_SURGE", "PG_UNREACHABLE", "PG_SLOW", "PG_DECLINING", "DB_WRITES_FAILING", "DB_POOL_EXHAUSTED"},
    # Nobody can read the books, the outbox or the refused keys; nothing new is published, and consumers post nothing.
    "DB_UNREACHABLE": _PUBLISHES
    | _BOOKS
    | _LIMITS
    | {"OUTBOX_STUCK", "IDEMPOTENCY_MISUSE", "POISON_MESSAGE", "TRAFFIC_SURGE", "BREAKER_STUCK_HALF_OPEN", "DB_SLOW"},
    # Topics, replicas and groups are known from the brokers alone, and no record can be sent or read.
    "KAFKA_UNREACHABLE": _PUBLISHES
    | _GROUPS
    | {
        "CONSUMER_SLOW",
        "TOPIC_MISSING",
        "UNDER_MIN_ISR",
        "PARTITION_OFFLINE",
        "KAFKA_BROKER_DOWN",
        "POISON_MESSAGE",
        "DEAD_REQUESTS",
        "EVENT_LOST",
        "OUTBOX_STUCK",
    },
    # Without its counters the limiter refuses nobody; what the keys were before is not asked of a server that is away.
    "REDIS_UNREACHABLE": _LIMITS | {"REDIS_FLUSHED", "REDIS_RESTARTED", "REDIS_EVICTING", "REDIS_SLOW"},
    "REDIS_WRITES_FAILING": _LIMITS,
    "OUTBOX_STUCK": _PUBLISHES,
    "BREAKER_FORCED": _PUBLISHES,
    "UNDER_MIN_ISR": _PUBLISHES,
    "PARTITION_OFFLINE": _PUBLISHES | {"UNDER_MIN_ISR"},
    "KAFKA_SLOW": frozenset({"OUTBOX_STUCK", "BREAKER_FLAPPING"}),
    # Records that lay in the topic went with it.
    "TOPIC_MISSING": frozenset({"POISON_MESSAGE", "BREAKER_FLAPPING"}),
}
"""By the cause that hides."""


def masked(roots: Sequence[str], named: Collection[str]) -> list[dict[str, Any]]:
    """For each cause that hides others: which of them nobody names now, and when to look again."""
    rows = []
    for by in roots:
        causes = sorted(HIDDEN.get(by, frozenset()) - set(named))
        if causes:
            rows.append(
                {
                    "by": by,
                    "causes": causes,
                    "ko": f"{by}에 가려 지금은 판단할 수 없습니다. 복구한 뒤 다시 진단하세요.",
                    "en": f"Masked by {by}: cannot be judged now; look again after it is mended.",
                }
            )
    return rows
