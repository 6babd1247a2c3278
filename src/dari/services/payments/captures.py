"""Capture and refund as the API asks for them: one locked payment, one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dari.core.clock import Clock
from dari.services.payments.adapters.sql import Database
from dari.services.payments.ledger import instant
from dari.services.payments.moves import Move, apply, locked, spelled
from dari.services.payments.names import Status
from dari.services.payments.ports import GatewayReply
from dari.services.payments.replies import Reply, payment_body, refusal
from dari.services.payments.settings import PlatformSettings
from dari.services.payments.tables import settlement_request

CAPTURABLE: Final = frozenset({Status.AUTHORIZED, Status.CAPTURE_REQUESTED})
MISSING: Final = "Payment not found for merchant"


@dataclass(frozen=True, slots=True)
class Ready:
    """A payment that may be captured, and which attempt at the gateway this would be."""

    amount: int
    attempt: int


class Captures:
    """The two calls on an existing payment."""

    def __init__(self, database: Database, settings: PlatformSettings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    @staticmethod
    async def _held(
        connection: AsyncConnection, payment_id: int, merchant_id: str, *, update: bool = True
    ) -> Any | None:
        row = (await locked(connection, [payment_id], update=update)).get(payment_id)
        return row if row is not None and row.merchant_id == merchant_id else None

    @staticmethod
    def _conflict(code: str, word: str, row: Any) -> Reply:
        return refusal(409, code, f"Payment cannot be {word} in status {row.status}", payment_id=row.payment_id)

    async def ready(self, payment_id: int, merchant_id: str) -> Ready | Reply:
        """Whether a capture may be asked of the gateway; else the reply that says why not."""
        async with self._database.transaction() as connection:
            row = await self._held(connection, payment_id, merchant_id, update=False)
            query = sa.select(settlement_request).where(settlement_request.c.payment_id == payment_id)
            request = (await connection.execute(query)).first()
        if row is None:
            return refusal(404, "NOT_FOUND", MISSING, payment_id=payment_id)
        if Status(row.status) not in CAPTURABLE:
            return self._conflict("CAPTURE_CONFLICT", "captured", row)
        return Ready(row.amount, request.retry_count if request is not None else 0)

    async def write(self, payment_id: int, merchant_id: str, said: GatewayReply) -> Reply:
        """Store a capture the gateway approved, unless a worker was faster."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            row = await self._held(connection, payment_id, merchant_id)
            if row is None:
                return refusal(404, "NOT_FOUND", MISSING, payment_id=payment_id)
            if Status(row.status) not in CAPTURABLE:
                return self._conflict("CAPTURE_CONFLICT", "captured", row)
            done = {
                "status": "SUCCESS",
                "pg_transaction_id": said.transaction_id,
                "pg_response_code": said.code,
                "pg_response_message": said.message,
                "completed_at": now,
            }
            table = settlement_request
            changed = await connection.execute(table.update().where(table.c.payment_id == payment_id).values(**done))
            if changed.rowcount == 0:
                asked = {"payment_id": payment_id, "request_amount": row.amount, "requested_at": now}
                await connection.execute(table.insert(), {**asked, **done})
            await apply(connection, [Move(payment_id, Status(row.status), Status.CAPTURED, row.amount, now, {})])
        return self._said(row, Status.CAPTURED, "Payment captured successfully")

    async def refund(self, payment_id: int, merchant_id: str, reason: str) -> Reply:
        """Store a refund request for the refund worker."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            row = await self._held(connection, payment_id, merchant_id)
            if row is None:
                return refusal(404, "NOT_FOUND", MISSING, payment_id=payment_id)
            if Status(row.status) is not Status.CAPTURED:
                return self._conflict("REFUND_CONFLICT", "refunded", row)
            facts = {"currency": row.currency, "merchantId": merchant_id, "reason": reason}
            move = Move(payment_id, Status.CAPTURED, Status.REFUND_REQUESTED, row.amount, now, facts)
            await apply(connection, [move])
        return self._said(row, Status.REFUND_REQUESTED, "Refund requested successfully")

    @staticmethod
    def _said(row: Any, status: Status, text: str) -> Reply:
        at = instant(row.requested_at)
        body = payment_body(
            row.payment_id,
            status=status.value,
            amount=row.amount,
            currency=row.currency,
            created_at=at,
            message=text,
        )
        return Reply(200, spelled(body))
