"""Capture and refund as the API asks for them: locked payments, one transaction for who comes together."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dari.core.clock import Clock
from dari.services.payments.adapters.bulk import insert, update_alike
from dari.services.payments.adapters.sql import Database
from dari.services.payments.batching import Batch
from dari.services.payments.ledger import instant
from dari.services.payments.moves import Move, apply, locked, spelled
from dari.services.payments.names import Status
from dari.services.payments.ports import GatewayReply
from dari.services.payments.replies import Reply, payment_body, refusal
from dari.services.payments.settings import PlatformSettings
from dari.services.payments.tables import settlement_request

CAPTURABLE: Final = frozenset({Status.AUTHORIZED, Status.CAPTURE_REQUESTED})
SLOWER: Final = 2
"""So much longer than an authorization a call may wait for others: nobody stands at a till for it."""
MISSING: Final = "Payment not found for merchant"


@dataclass(frozen=True, slots=True)
class Ready:
    """A payment that may be captured, and which attempt at the gateway this would be."""

    amount: int
    attempt: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """One call: whose payment, and what the gateway said or why it is given back."""

    payment_id: int
    merchant_id: str
    said: GatewayReply | None = None
    reason: str = ""


class Captures:
    """The two calls on an existing payment; those that come together share a transaction."""

    def __init__(self, database: Database, settings: PlatformSettings, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        gather = SLOWER * settings.gather
        self._looks: Batch[_Asked, Ready | Reply] = Batch(self._look, gather=gather)
        self._captures: Batch[_Asked, Reply] = Batch(self._capture, gather=gather)
        self._refunds: Batch[_Asked, Reply] = Batch(self._refund, gather=gather)

    async def ready(self, payment_id: int, merchant_id: str) -> Ready | Reply:
        """Whether a capture may be asked of the gateway; else the reply that says why not."""
        return await self._looks.submit(_Asked(payment_id, merchant_id))

    async def write(self, payment_id: int, merchant_id: str, said: GatewayReply) -> Reply:
        """Store a capture the gateway approved, unless a worker was faster."""
        return await self._captures.submit(_Asked(payment_id, merchant_id, said))

    async def refund(self, payment_id: int, merchant_id: str, reason: str) -> Reply:
        """Store a refund request for the refund worker."""
        return await self._refunds.submit(_Asked(payment_id, merchant_id, reason=reason))

    async def _look(self, asked: Sequence[_Asked]) -> list[Ready | Reply | Exception]:
        ids = [one.payment_id for one in asked]
        async with self._database.transaction() as connection:
            rows = await locked(connection, ids, update=False)
            table = settlement_request.c
            query = sa.select(table.payment_id, table.retry_count).where(table.payment_id.in_(ids))
            attempts = {row.payment_id: row.retry_count for row in await connection.execute(query)}
        answers: list[Ready | Reply | Exception] = []
        for one in asked:
            row = rows.get(one.payment_id)
            refused = _refused(one, row, CAPTURABLE, "CAPTURE_CONFLICT", "captured")
            answers.append(refused or Ready(row.amount, attempts.get(one.payment_id, 0)))  # type: ignore[union-attr]  # who has no row is refused
        return answers

    async def _capture(self, asked: Sequence[_Asked]) -> list[Reply | Exception]:
        now = self._clock.now()

        def move(row: Any) -> Move:
            return Move(row.payment_id, Status(row.status), Status.CAPTURED, row.amount, now, {})

        async with self._database.transaction() as connection:
            rows = await locked(connection, [one.payment_id for one in asked])
            taken, answers = _sorted_out(asked, rows, CAPTURABLE, "CAPTURE_CONFLICT", "captured")
            await self._settle(connection, taken, rows, now)
            await apply(connection, [move(rows[one.payment_id]) for one in taken])
        text = "Payment captured successfully"
        return [answer or self._said(rows[one.payment_id], Status.CAPTURED, text) for one, answer in answers]

    @staticmethod
    async def _settle(
        connection: AsyncConnection, taken: Sequence[_Asked], rows: Mapping[int, Any], now: datetime
    ) -> None:
        """What the gateway said, into the requests there are, and into new ones where the worker made none yet."""
        table = settlement_request
        query = sa.select(table.c.id, table.c.payment_id).where(
            table.c.payment_id.in_([one.payment_id for one in taken])
        )
        ids = {row.payment_id: row.id for row in await connection.execute(query)} if taken else {}
        changed, new = list[dict[str, Any]](), list[dict[str, Any]]()
        for one in taken:
            said = one.said
            assert said is not None
            told = {
                "status": "SUCCESS",
                "pg_transaction_id": said.transaction_id,
                "pg_response_code": said.code,
                "pg_response_message": said.message,
                "completed_at": now,
            }
            if one.payment_id in ids:
                changed.append({"id": ids[one.payment_id], **told})
            else:
                amount = rows[one.payment_id].amount
                new.append({"payment_id": one.payment_id, "request_amount": amount, "requested_at": now, **told})
        await update_alike(connection, table, changed, own="pg_transaction_id")
        await insert(connection, table, new)

    async def _refund(self, asked: Sequence[_Asked]) -> list[Reply | Exception]:
        now = self._clock.now()

        def move(one: _Asked, row: Any) -> Move:
            facts = {"currency": row.currency, "merchantId": one.merchant_id, "reason": one.reason}
            return Move(row.payment_id, Status.CAPTURED, Status.REFUND_REQUESTED, row.amount, now, facts)

        async with self._database.transaction() as connection:
            rows = await locked(connection, [one.payment_id for one in asked])
            taken, answers = _sorted_out(asked, rows, {Status.CAPTURED}, "REFUND_CONFLICT", "refunded")
            await apply(connection, [move(one, rows[one.payment_id]) for one in taken])
        text = "Refund requested successfully"
        return [answer or self._said(rows[one.payment_id], Status.REFUND_REQUESTED, text) for one, answer in answers]

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


def _refused(one: _Asked, row: Any | None, allowed: Container[Status], code: str, word: str) -> Reply | None:
    if row is None or row.merchant_id != one.merchant_id:
        return refusal(404, "NOT_FOUND", MISSING, payment_id=one.payment_id)
    if Status(row.status) not in allowed:
        return _conflict(code, word, one.payment_id, row.status)
    return None


def _conflict(code: str, word: str, payment_id: int, status: str) -> Reply:
    return refusal(409, code, f"Payment cannot be {word} in status {status}", payment_id=payment_id)


def _sorted_out(
    asked: Sequence[_Asked], rows: Mapping[int, Any], allowed: Container[Status], code: str, word: str
) -> tuple[list[_Asked], list[tuple[_Asked, Reply | None]]]:
    """Who may go on, and each with its refusal; of two who ask the same at once the second is too late."""
    taken: dict[int, _Asked] = {}
    answers: list[tuple[_Asked, Reply | None]] = []
    late = Status.CAPTURED if word == "captured" else Status.REFUND_REQUESTED
    for one in asked:
        refused = _refused(one, rows.get(one.payment_id), allowed, code, word)
        if refused is None and one.payment_id in taken:
            refused = _conflict(code, word, one.payment_id, late)
        elif refused is None:
            taken[one.payment_id] = one
        answers.append((one, refused))
    return list(taken.values()), answers
