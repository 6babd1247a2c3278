"""What the platform needs of the outside: a message log, a key-value store, a payment gateway, a metrics sink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class LogError(Exception):
    """The message log refused or did not answer. `code` is librdkafka's or Kafka's own word for it."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code


class StoreError(Exception):
    """The database did not answer. `kind` is the driver's error class."""

    def __init__(self, kind: str, message: str = "") -> None:
        super().__init__(f"{kind}: {message}" if message else kind)
        self.kind = kind


class StoreConflict(StoreError):
    """Another transaction was faster: the row is there already, or the locks formed a circle. Trying again is right."""


class KeyValueError(Exception):
    """The key-value store did not answer. `kind` is the client's error class."""

    def __init__(self, kind: str, message: str = "") -> None:
        super().__init__(f"{kind}: {message}" if message else kind)
        self.kind = kind


class GatewayError(Exception):
    """The payment gateway did not answer: whether it acted is unknown, asking again with the same key is safe."""


@dataclass(frozen=True, slots=True)
class Message:
    """A record on its way out."""

    topic: str
    value: str
    key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message: where it lies, or why it does not; `seconds` from send to acknowledgement."""

    seconds: float
    partition: int = -1
    offset: int = -1
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a consumer reads it; `timestamp` in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    value: str
    key: str | None = None
    timestamp: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


class Subscription(Protocol):
    """One member of a consumer group."""

    async def fetch(self, limit: int) -> list[Record]:
        """Up to `limit` records after the last fetched ones, by partition in order. Raises LogError."""
        ...

    async def commit(self, records: Sequence[Record]) -> None:
        """Say that these, and everything before them in their partitions, are done. Raises LogError."""
        ...

    async def rewind(self) -> None:
        """Forget what was fetched and not committed: the next fetch begins at the committed offsets."""
        ...

    async def close(self) -> None:
        """Leave the group."""
        ...


class MessageLog(Protocol):
    """Kafka, or what stands in for it."""

    async def publish(self, messages: Sequence[Message]) -> list[Delivery]:
        """Send all (in order per key) and wait for each acknowledgement; failures are in the deliveries."""
        ...

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> Subscription:
        """Join a group."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class KeyValue(Protocol):
    """Redis, or what stands in for it."""

    async def get(self, key: str) -> str | None:
        """The text under `key`. Raises KeyValueError."""
        ...

    async def put(self, key: str, value: str, seconds: int) -> None:
        """Keep `value` for `seconds`. Raises KeyValueError."""
        ...

    async def count(self, key: str, window: int) -> tuple[int, int]:
        """Add one, atomically starting the window's expiry at one: (count, seconds left). Raises KeyValueError."""
        ...

    async def delete(self, key: str) -> None:
        """Drop `key`. Raises KeyValueError."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class GatewayReply:
    """What the payment gateway says. `seconds` is how long it takes: the caller waits, or comes back later."""

    approved: bool
    code: str
    message: str
    transaction_id: str
    seconds: float


class Gateway(Protocol):
    """The payment gateway (PG). Every request is idempotent by its key."""

    def authorize(self, key: str, amount: int) -> GatewayReply:
        """Reserve money. Raises GatewayError."""
        ...

    def settle(self, payment_id: int, amount: int, attempt: int) -> GatewayReply:
        """Take the money. Raises GatewayError."""
        ...

    def refund(self, payment_id: int, amount: int, attempt: int) -> GatewayReply:
        """Give it back. Raises GatewayError."""
        ...
