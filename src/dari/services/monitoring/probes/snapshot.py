"""One look at everything: what each part said, or why it did not, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dari.core.clock import KST
from dari.services.monitoring.exposition import Exposition
from dari.services.monitoring.ports import Cluster, Committed, Group, Message, Topic

PROBE_LATE = "ProbeLate"
"""The error class of a probe that got no answer in time while this process itself was kept waiting."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter: where it lies and the record (a stranger's text)."""

    topic: str
    message: Message


@dataclass(frozen=True, slots=True)
class Counter:
    """One rate-limit counter of Redis; `ttl` -1 means it never ends."""

    action: str
    merchant: str
    count: int
    ttl: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What the payment database says of itself; ages are reckoned later, with the clock's offset."""

    milliseconds: float | None
    """None where the figure may be our own lateness."""
    unpublished: int
    oldest_unpublished: datetime | None
    unpublished_by_type: Mapping[str, int]
    last_published: datetime | None
    last_errors: Mapping[str, int]
    lock: Mapping[str, Any] | None
    statuses: Mapping[str, int]
    future_rows: Mapping[str, int]
    recent_payments: int
    recent_by_merchant: Mapping[str, int]
    idem_rows: int
    conflicts: tuple[Mapping[str, Any], ...]
    requests: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything one look gave. None: that part is unknown, and `failures` says why (probe → (class, message))."""

    at: datetime
    failures: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    took: float = 0.0
    """Seconds from the first answer to the last: so far apart may two clocks be read."""
    info: Mapping[str, Any] | None = None
    app_time: datetime | None = None
    database_time: datetime | None = None
    redis_time: datetime | None = None
    health: Mapping[str, Any] | None = None
    metrics: Exposition | None = None
    breakers: Mapping[str, Mapping[str, Any]] | None = None
    events: tuple[Mapping[str, Any], ...] | None = None
    cluster: Cluster | None = None
    topics: tuple[Topic, ...] | None = None
    groups: tuple[Group, ...] | None = None
    committed: Mapping[str, tuple[Committed, ...]] | None = None
    letters: tuple[Letter, ...] | None = None
    database: DatabaseFacts | None = None
    redis: Mapping[str, Any] | None = None
    redis_ms: float | None = None
    counters: tuple[Counter, ...] | None = None
    idem_keys: int | None = None


def moment(value: Any) -> datetime | None:
    """A column's time (naive UTC, text or datetime) as an aware one."""
    if value in (None, ""):
        return None
    read = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(KST)


def column(at: datetime) -> str:
    """A moment as the database keeps it: naive UTC text, comparable in MariaDB and SQLite alike."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
