"""What the monitoring service may look at: four ports, each answered with facts or with ProbeFailed, nothing else.

A port is implemented by `adapters/` for real parts (MariaDB, Redis, Kafka, HTTP) and, for a platform that lives in
this process, by `adapters/in_process.py`, which asks the platform's own ASGI app under `/__probe__`:

| request | reply (JSON) |
|---|---|
| POST /__probe__/sql `{statement, parameters}` | `{rows: [{column: value}]}`; one SELECT, `:name` parameters |
| GET /__probe__/redis/info | INFO's own field names: `{uptime_in_seconds, used_memory, maxmemory, evicted_keys, …}` |
| GET /__probe__/redis/time | `{time: ISO 8601}` |
| GET /__probe__/redis/keys?pattern=&limit= | `{keys: [name], complete: bool}` |
| POST /__probe__/redis/values `{keys: []}` | `{values: {key: {value: str or null, ttl}}}` (-1 no expiry, -2 gone) |
| GET /__probe__/redis/slowlog?limit= | `{entries: [{id, at, microseconds, command}]}` |
| GET /__probe__/kafka/cluster | `{cluster_id, controller, brokers: [{id, address}]}` (those that answer) |
| GET /__probe__/kafka/topics | `{topics: [{name, configs, partitions: [{partition, leader, replicas, isr,
  begin, end}]}]}` |
| GET /__probe__/kafka/groups | `{groups: [{group, state, simple, members: [{id, client, host, partitions}]}]}` |
| GET /__probe__/kafka/committed?group= | `{offsets: [{topic, partition, offset: int or null}]}` |
| GET /__probe__/kafka/messages?topic=&partition=&offset=&limit= | `{messages: [{partition, offset, timestamp,
  key, value, headers: {name: text}}]}` from `offset` upward |

Whatever fails answers 503 `{error: {class, message}}` (504 for a part that hangs). `class` is the client library's own
word: `ConnectionRefusedError`, `Timeout`, `_TRANSPORT`, `UNKNOWN_TOPIC_OR_PART`, `NOT_ENOUGH_REPLICAS`,
`OperationalError`.
Every other path goes to the platform as an operator would ask it:

| path | what |
|---|---|
| /actuator/prometheus | text exposition; names below |
| /actuator/info | `{service, instance, time, started_at, rate_limits: {action: {capacity, window_seconds}},
  idempotency_ttl_seconds,
  topics: [name], groups: {group: [topic]}, outbox: {poll_interval_ms}, compat: bool, min_insync_replicas}` |
| /actuator/circuitbreakerevents | `{circuitBreakerEvents: [{circuitBreakerName, type, creationTime, errorMessage,
  durationInMs, stateTransition}]}` |
| /circuit-breaker/kafka-publisher, /circuit-breaker/pg-auth-api | the ten fields of the original |

Metric names (Micrometer's and Resilience4j's own where they exist):
`http_server_requests_seconds_{count,sum,bucket}{method,uri,status}` · `resilience4j_circuitbreaker_{state,failure_rate,
slow_call_rate,buffered_calls,not_permitted_calls_total}` ·
`outbox_publish_total{topic,outcome=ok|error|skipped,error}` ·
`outbox_publish_seconds_bucket{topic,le}` · `outbox_poller_last_run_timestamp_seconds` ·
`rate_limit_rejected_total{merchant,action}` · `rate_limit_fail_open_total{action}` ·
`idempotency_lookup_total{source=redis|db|none}` ·
`idempotency_conflict_total{merchant,kind=body_mismatch|in_progress}` ·
`consumer_events_total{group,topic,outcome=processed|duplicate|dead_lettered|error}` ·
`pg_calls_total{operation=authorize|settle|refund,outcome=ok|declined|error}` · `pg_call_seconds_bucket{operation,le}` ·
`hikaricp_connections_{active,pending,max}` · `process_start_time_seconds`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

Row = Mapping[str, Any]


class ProbeFailed(Exception):
    """A part did not answer: `component` (database, redis, kafka, app, prometheus), the client's own error class."""

    def __init__(self, component: str, error_class: str, message: str = "") -> None:
        super().__init__(f"{component}: {error_class}: {message}")
        self.component = component
        self.error_class = error_class
        self.message = message[:300]


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition as the cluster describes it; `leader` is None when there is none, offsets None when unread."""

    partition: int
    leader: int | None
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    begin: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic with its partitions and the configuration entries that were read."""

    name: str
    partitions: tuple[Partition, ...]
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The brokers that answer now."""

    cluster_id: str | None
    controller: int | None
    brokers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a consumer group."""

    member: str
    client: str
    host: str
    partitions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One consumer group; `state` is the broker's word (STABLE, EMPTY, DEAD, PREPARING_REBALANCING, …)."""

    group: str
    state: str
    simple: bool = False
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """A group's committed offset; None: it never committed there, which is not zero."""

    topic: str
    partition: int
    offset: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """One record. `value` and `key` are a stranger's text."""

    partition: int
    offset: int
    timestamp: datetime | None
    key: str | None
    value: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """One Redis key: its value as text (None: gone or not a string), seconds to live (-1 no expiry, -2 gone)."""

    value: str | None
    ttl: int


@dataclass(frozen=True, slots=True)
class Page:
    """One HTTP reply of the platform, read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str


class Database(Protocol):
    """The payment database, read-only."""

    async def select(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of one SELECT in SQL that both MariaDB and SQLite speak. Raises ProbeFailed."""
        ...

    async def now(self) -> datetime:
        """The database's own clock. Raises ProbeFailed."""
        ...


class KeyStore(Protocol):
    """Redis, read-only except `delete`, which only an applied plan reaches."""

    async def info(self) -> Mapping[str, Any]:
        """INFO, field by field. Raises ProbeFailed."""
        ...

    async def now(self) -> datetime:
        """Redis' TIME. Raises ProbeFailed."""
        ...

    async def keys(self, pattern: str, limit: int) -> tuple[list[str], bool]:
        """Up to `limit` names by SCAN (never KEYS), and whether that was all. Raises ProbeFailed."""
        ...

    async def values(self, keys: Sequence[str]) -> Mapping[str, Held]:
        """Value and TTL of each key. Raises ProbeFailed."""
        ...

    async def slowlog(self, limit: int) -> list[Row]:
        """`{id, at, microseconds, command}`, newest first. Raises ProbeFailed."""
        ...


class Broker(Protocol):
    """Kafka, read-only."""

    async def cluster(self) -> Cluster:
        """Which brokers answer. Raises ProbeFailed."""
        ...

    async def topics(self) -> list[Topic]:
        """Every topic that is not internal, with watermarks. Raises ProbeFailed."""
        ...

    async def groups(self) -> list[Group]:
        """Every consumer group with its members. Raises ProbeFailed."""
        ...

    async def committed(self, group: str) -> list[Committed]:
        """The group's committed offsets; empty when it never committed or does not exist. Raises ProbeFailed."""
        ...

    async def messages(self, topic: str, partition: int, offset: int, limit: int) -> list[Message]:
        """Records of one partition from `offset` upward, without joining a group. Raises ProbeFailed."""
        ...


class Platform(Protocol):
    """The platform's own HTTP face, GET only."""

    async def get(self, path: str) -> Page:
        """One reply, whatever its status. Raises ProbeFailed when there is none."""
        ...


class MetricStore(Protocol):
    """Prometheus."""

    async def query_range(self, promql: str, since: datetime, until: datetime, step: float) -> list[Row]:
        """`{labels, points: [[unix seconds, value]]}` per series. Raises ProbeFailed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything the service looks at; `metrics` is optional, without it rates come from our own history."""

    database: Database
    redis: KeyStore
    kafka: Broker
    platform: Platform
    metrics: MetricStore | None = None
    patience: float = 1.0
    """Deadlines are multiplied by it: a part that lives in this process may be slow, but is never away in silence."""
    instances: Mapping[str, Platform] = field(default_factory=dict)
    """Further programs of the platform by name (workers), each with its own /actuator pages."""
