"""The settlement and the refund worker: a request becomes a gateway call, and its answer a status, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dari.core.clock import Clock
from dari.services.payments.adapters.bulk import insert, update_alike
from dari.services.payments.adapters.sql import Database
from dari.services.payments.intake import Bad, Handled, Incoming
from dari.services.payments.ledger import instant
from dari.services.payments.metrics import Metrics
from dari.services.payments.moves import Move, apply, event_row, locked
from dari.services.payments.names import REFUND_GROUP, SETTLEMENT_GROUP, EventType, Status
from dari.services.payments.ports import Gateway, GatewayError, GatewayReply, StoreError
from dari.services.payments.settings import PlatformSettings
from dari.services.payments.tables import outbox_event, refund_request, settlement_request

PENDING, SUCCESS, FAILED = "PENDING", "SUCCESS", "FAILED"
UNREACHABLE: Final = "PG_UNREACHABLE"
LOOK_BACK: Final = 1.0
"""Seconds between two looks at everything that is open; between them only what is new is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What differs between settling and refunding."""

    operation: str
    group: str
    table: sa.Table
    amount: str
    transaction: str
    asked: Status
    done: Status
    failed: Status
    dead: EventType
    id_field: str
    amount_field: str
    call: Callable[[Gateway], Callable[[int, int, int], GatewayReply]]


SETTLEMENT: Final = Kind(
    operation="settle",
    group=SETTLEMENT_GROUP,
    table=settlement_request,
    amount="request_amount",
    transaction="pg_transaction_id",
    asked=Status.CAPTURE_REQUESTED,
    done=Status.CAPTURED,
    failed=Status.CAPTURE_FAILED,
    dead=EventType.SETTLEMENT_DEAD,
    id_field="settlementRequestId",
    amount_field="requestAmount",
    call=lambda gateway: gateway.settle,
)
REFUND: Final = Kind(
    operation="refund",
    group=REFUND_GROUP,
    table=refund_request,
    amount="refund_amount",
    transaction="pg_cancel_transaction_id",
    asked=Status.REFUND_REQUESTED,
    done=Status.REFUNDED,
    failed=Status.REFUND_FAILED,
    dead=EventType.REFUND_DEAD,
    id_field="refundRequestId",
    amount_field="refundAmount",
    call=lambda gateway: gateway.refund,
)


@dataclass(frozen=True, slots=True)
class _Flight:
    """A gateway call on its way: its answer is known to us when `due` (monotonic seconds) has come."""

    row: Any
    due: float
    said: GatewayReply


class GatewayWorker:
    """`handle` turns events into requests (the intake's handler); `step` sees requests through the gateway."""

    def __init__(
        self,
        kind: Kind,
        *,
        database: Database,
        gateway: Gateway,
        clock: Clock,
        metrics: Metrics,
        settings: PlatformSettings,
    ) -> None:
        self.kind = kind
        self._database = database
        self._gateway = gateway
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        self._flying: dict[int, _Flight] = {}
        self._newest = 0
        self._looked = float("-inf")

    async def handle(self, connection: AsyncConnection, events: Sequence[Incoming]) -> Handled:
        """Write a PENDING request for each event whose payment asks for it."""
        payments = await locked(connection, (event.payment_id for event in events), update=False)
        table, now = self.kind.table, self._clock.now()
        ids = {event.payment_id for event in events}
        query = sa.select(table.c.payment_id).where(table.c.payment_id.in_(ids))
        known = set(await connection.scalars(query))
        bad: list[Bad] = []
        rows: list[dict[str, Any]] = []
        for event in events:
            found = payments.get(event.payment_id)
            if found is None:
                text = f"payment {event.payment_id} does not exist"
                bad.append(Bad(event.record, event.event_key, "PaymentNotFound", text))
            elif event.payment_id not in known and found.status == self.kind.asked:
                known.add(event.payment_id)
                row = {"payment_id": event.payment_id, self.kind.amount: found.amount}
                row |= {"status": PENDING, "retry_count": 0, "requested_at": now}
                if self.kind is REFUND:
                    row["refund_reason"] = str(event.payload.get("reason", ""))[:500]
                rows.append(row)
        await insert(connection, table, rows)
        return Handled(bad)

    async def step(self) -> int:
        """Finish the calls whose answers are due and start those that are ready: how many were finished."""
        try:
            finished = await self._finish()
            await self._start()
        except StoreError:
            return 0  # what flies is asked again, with the same key
        return finished

    def forget(self) -> None:
        """What a crash does: the calls under way are no longer known here."""
        self._flying.clear()
        self._looked = float("-inf")

    async def _start(self) -> None:
        room = self._settings.work_inflight - len(self._flying)
        if room <= 0:
            return
        table, started = self.kind.table, self._clock.monotonic()
        everything = started >= self._looked + LOOK_BACK
        ready = self._ready() if everything else sa.and_(table.c.status == PENDING, table.c.id > self._newest)
        # What flies is among everything that is open.
        most = self._settings.work_inflight if everything else room
        query = sa.select(table).where(ready).order_by(table.c.id).limit(most)
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).all()
        for row in [row for row in rows if row.id not in self._flying][:room]:
            said = self._ask(row)
            self._flying[row.id] = _Flight(row, started + said.seconds, said)
            self._newest = max(self._newest, row.id)
        if everything:
            self._looked = started

    def _ready(self) -> sa.ColumnElement[bool]:
        """Everything that is open: also what failed and has rested, and what was written late under a low number."""
        table, now = self.kind.table, self._clock.now()
        rested = now - timedelta(seconds=self._settings.retry_after)
        again = sa.and_(
            table.c.status == FAILED,
            table.c.retry_count < self._settings.retry_limit,
            # A try in the future was written by a clock that has been set back since.
            sa.or_(table.c.last_retry_at.is_(None), table.c.last_retry_at <= rested, table.c.last_retry_at > now),
        )
        return sa.and_(table.c.status.in_((PENDING, FAILED)), sa.or_(table.c.status == PENDING, again))

    def _ask(self, row: Any) -> GatewayReply:
        call = self.kind.call(self._gateway)
        try:
            said = call(row.payment_id, int(getattr(row, self.kind.amount)), row.retry_count)
        except GatewayError as error:
            self._metrics.pg_calls.labels(self.kind.operation, "error").inc()
            return GatewayReply(False, UNREACHABLE, str(error)[:200], "", 0.0)  # noqa: FBT003 — the field's name is in the type
        outcome = "ok" if said.approved else "declined"
        self._metrics.pg_calls.labels(self.kind.operation, outcome).inc()
        self._metrics.pg_seconds.labels(self.kind.operation).observe(said.seconds)
        return said

    async def _finish(self) -> int:
        now, reached = self._clock.now(), self._clock.monotonic()
        due = [flight for flight in self._flying.values() if flight.due <= reached]
        if not due:
            return 0
        async with self._database.transaction() as connection:
            await self._write(connection, due, now)
        for flight in due:
            del self._flying[flight.row.id]
        return len(due)

    async def _write(self, connection: AsyncConnection, due: Sequence[_Flight], now: datetime) -> None:
        kind, table = self.kind, self.kind.table
        payments = await locked(connection, (flight.row.payment_id for flight in due))
        query = sa.select(table.c.id).where(
            table.c.id.in_([flight.row.id for flight in due]), table.c.status != SUCCESS
        )
        still_open = set(await connection.scalars(query.with_for_update()))
        moves: list[Move] = []
        rows: list[dict[str, Any]] = []
        dead: list[dict[str, Any]] = []
        for flight in due:
            if flight.row.id not in still_open:
                continue  # the API captured it meanwhile
            found = payments[flight.row.payment_id]
            row = self._outcome(flight, now)
            rows.append(row)
            target = kind.done if flight.said.approved else kind.failed
            if found.status != target:
                moves.append(Move(found.payment_id, Status(found.status), target, found.amount, now, {}))
            if not flight.said.approved and row["retry_count"] >= self._settings.retry_limit:
                retries, said = row["retry_count"], flight.said
                payload = dead_letter(kind, flight.row, now, retries=retries, code=said.code, message=said.message)
                dead.append(event_row(found.payment_id, kind.dead, payload, now))
        await apply(connection, moves)
        await update_alike(connection, table, rows, own=kind.transaction)
        await insert(connection, outbox_event, dead)

    def _outcome(self, flight: _Flight, now: datetime) -> dict[str, Any]:
        said, row = flight.said, flight.row
        failures = 0 if said.approved else 1
        return {
            "id": row.id,
            "status": SUCCESS if said.approved else FAILED,
            self.kind.transaction: said.transaction_id or None,
            "pg_response_code": said.code,
            "pg_response_message": said.message,
            "retry_count": row.retry_count + failures,
            # Also at the first failure: a request that never tried again must not look as if it had none to come.
            "last_retry_at": row.last_retry_at if said.approved else now,
            "completed_at": now if said.approved else None,
        }


def dead_letter(kind: Kind, row: Any, now: datetime, *, retries: int, code: str, message: str) -> dict[str, Any]:
    """The body of a letter about a request that failed for the last time."""
    letter = {kind.id_field: row.id, "paymentId": row.payment_id, kind.amount_field: int(getattr(row, kind.amount))}
    if kind is REFUND:
        letter["refundReason"] = row.refund_reason
    return letter | {
        "retryCount": retries,
        "status": FAILED,
        "pgResponseCode": code,
        "pgResponseMessage": message,
        "errorMessage": message,
        "requestedAt": instant(row.requested_at),
        "lastRetryAt": instant(now),
        "timestamp": instant(now),
    }
