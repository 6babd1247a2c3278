"""From a topic into the database once: inbox and effect in one transaction, bad records to the DLQ, then commit.

Who raises what: a handler answers `Bad` for a record that can never be processed; StoreError and LogError mean "not
now": everything not committed is read again.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dari.core.clock import Clock
from dari.services.payments.adapters.bulk import insert
from dari.services.payments.adapters.sql import Database
from dari.services.payments.ledger import instant
from dari.services.payments.metrics import Metrics
from dari.services.payments.moves import spelled
from dari.services.payments.names import GROUP_TOPICS, PAYMENT_DLQ
from dari.services.payments.ports import LogError, Message, MessageLog, Record, StoreError, Subscription
from dari.services.payments.tables import consumer_inbox

PROCESSED: Final = "PROCESSED"
DEAD: Final = "DEAD_LETTER"
_LONGEST_ID: Final = 2**63


@dataclass(frozen=True, slots=True)
class Incoming:
    """A record that could be read: whose payment it is, and what makes the event one."""

    record: Record
    event_key: str
    payment_id: int
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a record can never be processed."""

    record: Record
    event_key: str
    error_type: str
    message: str


@dataclass(frozen=True, slots=True)
class Handled:
    """What a handler made of a batch: those that are bad, and those whose time has not come."""

    bad: Sequence[Bad] = ()
    later: Sequence[Incoming] = ()


Handler = Callable[[AsyncConnection, Sequence[Incoming]], Awaitable[Handled]]


def read(record: Record) -> Incoming | Bad:
    """A record as an event; the key is the header `eventId`, or the place where a stranger's record lies."""
    key = record.headers.get("eventId") or f"{record.topic}-{record.partition}-{record.offset}"
    key = key[:128]
    try:
        payload = json.loads(record.value)
    except ValueError as error:
        return Bad(record, key, "JsonParseError", str(error)[:200])
    if not isinstance(payload, dict):
        return Bad(record, key, "JsonParseError", f"an object was expected, not {type(payload).__name__}")
    number = payload.get("paymentId")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < _LONGEST_ID:
        return Bad(record, key, "MissingPaymentId", "paymentId is missing or not a positive integer")
    return Incoming(record, key, number, payload)


class Intake:
    """One member of one group."""

    def __init__(
        self,
        *,
        group: str,
        member: str,
        log: MessageLog,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        handler: Handler,
    ) -> None:
        self.group = group
        self._member = member
        self._log = log
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._handler = handler
        self._subscription: Subscription | None = None

    async def close(self) -> None:
        """Leave the group."""
        if self._subscription is not None:
            await self._subscription.close()
            self._subscription = None

    async def step(self, limit: int) -> int:
        """Read up to `limit` records and see them through: how many are done for good."""
        records: list[Record] = []
        subscription = self._subscription
        try:
            if subscription is None:
                topics = GROUP_TOPICS[self.group]
                subscription = self._subscription = await self._log.subscribe(self.group, topics, self._member)
            records = await subscription.fetch(limit)
            if not records:
                return 0
            later = await self._see_through(records)
            done = self._before(records, later)
            await subscription.commit(done)
            if later:
                await subscription.rewind()
            return len(done)
        except (LogError, StoreError):
            for record in records:
                self._count(record, "error")
            if subscription is not None:
                await subscription.rewind()
            return 0

    @staticmethod
    def _before(records: Sequence[Record], later: Sequence[Incoming]) -> list[Record]:
        """The records that lie before the first waiting one of their partition."""
        first: dict[tuple[str, int], int] = {}
        for waiting in later:
            place = (waiting.record.topic, waiting.record.partition)
            first[place] = min(first.get(place, waiting.record.offset), waiting.record.offset)
        return [r for r in records if r.offset < first.get((r.topic, r.partition), _LONGEST_ID)]

    async def _see_through(self, records: Sequence[Record]) -> Sequence[Incoming]:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            fresh = await self._fresh(connection, [read(record) for record in records])
            good = [event for event in fresh if isinstance(event, Incoming)]
            handled = await self._handler(connection, good)
            bad = [event for event in fresh if isinstance(event, Bad)] + list(handled.bad)
            not_done = {event.event_key for event in bad} | {event.event_key for event in handled.later}
            done = [event for event in good if event.event_key not in not_done]
            rows = [self._row(event, event.payment_id, PROCESSED, now) for event in done]
            await insert(connection, consumer_inbox, rows)
        for event in done:
            self._count(event.record, "processed")
        if bad:
            await self._bury(bad, now)
        return handled.later

    async def _fresh(self, connection: AsyncConnection, read_in: Sequence[Incoming | Bad]) -> list[Incoming | Bad]:
        """Those not in the inbox yet, each once."""
        table = consumer_inbox
        keys = {event.event_key for event in read_in}
        query = sa.select(table.c.event_key).where(table.c.consumer_group == self.group, table.c.event_key.in_(keys))
        seen = set(await connection.scalars(query))
        fresh: list[Incoming | Bad] = []
        for event in read_in:
            if event.event_key in seen:
                self._count(event.record, "duplicate")
            else:
                seen.add(event.event_key)
                fresh.append(event)
        return fresh

    async def _bury(self, bad: Sequence[Bad], now: datetime) -> None:
        """Bad records to the DLQ first, then to the inbox: a crash between them repeats, never loses."""
        deliveries = await self._log.publish([self._letter(event, now) for event in bad])
        for delivery in deliveries:
            if delivery.error is not None:
                raise LogError(delivery.error, "the dead letter queue did not take a record")
        async with self._database.transaction() as connection:
            rows = [self._row(event, None, DEAD, now) for event in bad]
            await insert(connection, consumer_inbox, rows)
        for event in bad:
            self._count(event.record, "dead_lettered")

    @staticmethod
    def _letter(event: Bad, now: datetime) -> Message:
        record = event.record
        body = {
            "originalTopic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "payload": record.value,
            "errorType": event.error_type,
            "errorMessage": event.message,
            "timestamp": instant(now),
        }
        return Message(PAYMENT_DLQ, spelled(body), headers=dict(record.headers))

    def _row(self, event: Incoming | Bad, payment_id: int | None, outcome: str, now: datetime) -> dict[str, Any]:
        return {
            "consumer_group": self.group,
            "event_key": event.event_key,
            "topic": event.record.topic,
            "partition_no": event.record.partition,
            "offset_no": event.record.offset,
            "outcome": outcome,
            "payment_id": payment_id,
            "processed_at": now,
        }

    def _count(self, record: Record, outcome: str) -> None:
        self._metrics.consumed.labels(self.group, record.topic, outcome).inc()
