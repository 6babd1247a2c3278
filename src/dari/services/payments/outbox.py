"""The outbox poller: what was committed is sent, in order per payment, until it is acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dari.core.clock import Clock
from dari.services.payments.adapters.sql import Database
from dari.services.payments.breaker import Breaker
from dari.services.payments.metrics import Metrics
from dari.services.payments.names import POLLER_LOCK, topic_of
from dari.services.payments.ports import Delivery, Message, MessageLog, StoreError
from dari.services.payments.settings import PlatformSettings
from dari.services.payments.tables import outbox_event, shedlock

MOST_DOUBLINGS: Final = 5


def _sent(ids: Sequence[int], at: datetime) -> sa.Update:
    return outbox_event.update().where(outbox_event.c.event_id.in_(ids)).values(published=1, published_at=at)


def _failed(ids: Sequence[int], at: datetime, error: str) -> sa.Update:
    again = outbox_event.c.retry_count + 1
    told = {"retry_count": again, "last_retry_at": at, "last_error": error}
    return outbox_event.update().where(outbox_event.c.event_id.in_(ids)).values(**told)


class OutboxPoller:
    """One poller; several may run, the lease in `shedlock` lets one work."""

    def __init__(
        self,
        *,
        database: Database,
        log: MessageLog,
        breaker: Breaker,
        clock: Clock,
        metrics: Metrics,
        settings: PlatformSettings,
    ) -> None:
        self._database = database
        self._log = log
        self._breaker = breaker
        self._clock = clock
        self._metrics = metrics
        self._settings = settings

    async def step(self) -> int:
        """One poll: how many events were acknowledged."""
        try:
            async with self._database.transaction() as connection:
                if not await self._lease(connection):
                    return 0
                waiting = await self._waiting(connection)
            self._metrics.poller_run.set(self._clock.now().timestamp())
            taken = self._permitted(self._in_order(waiting))
            if not taken:
                return 0
            return await self._send(taken)
        except StoreError:
            return 0  # the events are still there

    async def _lease(self, connection: AsyncConnection) -> bool:
        """Take or renew the lease; locked_at is the heartbeat."""
        now, name = self._clock.now(), self._settings.instance
        until = now + timedelta(seconds=self._settings.poll_lease)
        free = sa.or_(shedlock.c.locked_by == name, shedlock.c.lock_at < now)
        taken = await connection.execute(
            shedlock.update()
            .where(shedlock.c.name == POLLER_LOCK, free)
            .values(lock_at=until, locked_at=now, locked_by=name),
        )
        if taken.rowcount:
            return True
        query = sa.select(shedlock.c.name).where(shedlock.c.name == POLLER_LOCK)
        if (await connection.execute(query)).first() is not None:
            return False
        row = {
            "name": POLLER_LOCK,
            "lock_at": until,
            "locked_at": now,
            "locked_by": name,
            "description": "outbox poller",
        }
        await connection.execute(shedlock.insert(), row)
        return True

    async def _waiting(self, connection: AsyncConnection) -> Sequence[Any]:
        table = outbox_event.c
        query = (
            sa.select(
                table.event_id,
                table.aggregate_id,
                table.event_type,
                table.payload,
                table.retry_count,
                table.last_retry_at,
            )
            .where(outbox_event.c.published == 0)
            .order_by(outbox_event.c.event_id)
            .limit(self._settings.poll_batch)
        )
        # Left alone, MariaDB reads the table in the order of its numbers, past everything that was ever published.
        for dialect in ("mysql", "mariadb"):
            query = query.with_hint(outbox_event, "FORCE INDEX (ix_outbox_published)", dialect)
        return (await connection.execute(query)).all()

    def _in_order(self, waiting: Sequence[Any]) -> list[Any]:
        """The events whose time has come; one that must wait holds back its payment's later ones."""
        now, held, ready = self._clock.now(), set(), []
        for event in waiting:
            doublings = min(event.retry_count - 1, MOST_DOUBLINGS)
            pause = min(self._settings.publish_backoff * 2.0**doublings, self._settings.publish_backoff_most)
            # A try in the future was written by a clock that has been set back since.
            tried = event.last_retry_at
            resting = tried is not None and tried <= now < tried + timedelta(seconds=pause)
            if resting or event.aggregate_id in held:
                held.add(event.aggregate_id)
            else:
                ready.append(event)
        return ready

    def _permitted(self, events: Sequence[Any]) -> list[Any]:
        """The events the breaker lets go; it is asked no further after its first no."""
        taken: list[Any] = []
        for event in events:
            if not self._breaker.permit():
                self._metrics.published.labels(topic_of(event.event_type), "skipped", "CIRCUIT_OPEN").inc()
                break
            taken.append(event)
        return taken

    async def _send(self, events: Sequence[Any]) -> int:
        """Send in rounds: one event of a payment goes only when the one before it was acknowledged."""
        sent = 0
        pending, blocked = list(events), set[int]()
        while pending:
            round_of, later, seen = [], [], set[int]()
            for event in pending:
                if event.aggregate_id in blocked:
                    self._breaker.give_back()
                elif event.aggregate_id in seen:
                    later.append(event)
                else:
                    seen.add(event.aggregate_id)
                    round_of.append(event)
            sent += await self._send_round(round_of, blocked)
            pending = later
        return sent

    async def _send_round(self, events: Sequence[Any], blocked: set[int]) -> int:
        messages = [
            Message(
                topic_of(event.event_type), event.payload, str(event.aggregate_id), {"eventId": str(event.event_id)}
            )
            for event in events
        ]
        deliveries = await self._log.publish(messages) if messages else []
        now = self._clock.now()
        good: list[int] = []
        bad: dict[str, list[int]] = {}
        for event, message, delivery in zip(events, messages, deliveries, strict=True):
            self._judge(message.topic, delivery)
            if delivery.error is None:
                good.append(event.event_id)
            else:
                blocked.add(event.aggregate_id)
                bad.setdefault(delivery.error[:64], []).append(event.event_id)
        async with self._database.transaction() as connection:
            if good:
                await connection.execute(_sent(good, now))
            for error, ids in bad.items():
                await connection.execute(_failed(ids, now, error))
        return len(good)

    def _judge(self, topic: str, delivery: Delivery) -> None:
        error = delivery.error
        if error is None:
            self._breaker.succeeded(delivery.seconds)
            self._metrics.published.labels(topic, "ok", "").inc()
        else:
            place = topic if delivery.partition < 0 else f"{topic}-{delivery.partition}"
            self._breaker.failed(delivery.seconds, error, place)
            self._metrics.published.labels(topic, "error", error).inc()
        self._metrics.publish_seconds.labels(topic).observe(delivery.seconds)
