"""How authorizations lie in the database: found by key and written in groups."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dari.services.payments.adapters.bulk import insert
from dari.services.payments.adapters.sql import Database
from dari.services.payments.ledger import instant
from dari.services.payments.moves import Move, record, spelled
from dari.services.payments.names import Status
from dari.services.payments.ports import GatewayReply, StoreConflict
from dari.services.payments.replies import AuthorizeRequest, payment_body
from dari.services.payments.tables import idem_response_cache, idempotency_conflict, payment


def request_hash(merchant_id: str, amount: int, currency: str) -> str:
    """What makes two authorize bodies the same payment (SHA-256, hex)."""
    return hashlib.sha256(f"{merchant_id}|{amount}|{currency}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Attempt:
    """An approved request on its way into the database."""

    request: AuthorizeRequest
    said: GatewayReply
    at: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """A kept answer."""

    payment_id: int
    body: str
    request_hash: str

    @classmethod
    def from_body(cls, merchant_id: str, body: str) -> Stored:
        """From the PaymentResponse text alone, as Redis keeps it."""
        said = json.loads(body)
        return cls(said["paymentId"], body, request_hash(merchant_id, said["amount"], said["currency"]))


class Authorizations:
    """Two group operations (`find`, `write`) and the note of a mis-used key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, names: Sequence[tuple[str, str]]) -> list[Stored | Exception | None]:
        """The kept answer of each (merchant, key)."""
        table = idem_response_cache
        query = sa.select(table).where(sa.tuple_(table.c.merchant_id, table.c.idempotency_key).in_(names))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(query))
        held = {(row.merchant_id, row.idempotency_key): row for row in rows}
        found: list[Stored | Exception | None] = []
        for name in names:
            row = held.get(name)
            if row is None:
                found.append(None)
            else:
                number = json.loads(row.response_body)["paymentId"]
                found.append(Stored(number, row.response_body, row.request_hash))
        return found

    async def write(self, attempts: Sequence[Attempt], tries: int = 3) -> list[Stored | Exception]:
        """Write all in one transaction. Whose key was taken meanwhile gets StoreConflict, the others go on."""
        try:
            async with self._database.transaction() as connection:
                return list(await self._write(connection, attempts))
        except StoreConflict as clash:
            if len(attempts) == 1 or tries == 0:
                return [clash] * len(attempts)
            lost = clash
        taken = await self.find([(one.request.merchantId, one.request.idempotencyKey) for one in attempts])
        rest = [attempt for attempt, known in zip(attempts, taken, strict=True) if known is None]
        written = iter(await self.write(rest, tries - 1) if rest else [])
        return [next(written) if known is None else lost for known in taken]

    async def _write(self, connection: AsyncConnection, attempts: Sequence[Attempt]) -> list[Stored]:
        rows = [
            {
                "merchant_id": attempt.request.merchantId,
                "amount": attempt.request.amount,
                "currency": attempt.request.currency,
                "status": Status.CAPTURE_REQUESTED.value,
                "idempotency_key": attempt.request.idempotencyKey,
                "requested_at": attempt.at,
                "updated_at": attempt.at,
            }
            for attempt in attempts
        ]
        made = await insert(connection, payment, rows, ("merchant_id", "idempotency_key", "payment_id"))
        ids = {(merchant, key): number for merchant, key, number in made}
        names = [(attempt.request.merchantId, attempt.request.idempotencyKey) for attempt in attempts]
        moves: list[Move] = []
        kept: list[Stored] = []
        for name, attempt in zip(names, attempts, strict=True):
            request, number, said = attempt.request, ids[name], attempt.said
            approval = f"APP{said.transaction_id[-8:]}"
            facts = {"currency": request.currency, "approvalNumber": approval, "transactionId": said.transaction_id}
            moves.append(Move(number, Status.READY, Status.AUTHORIZED, request.amount, attempt.at, facts))
            facts = {"merchantId": request.merchantId, **facts}
            target = Status.CAPTURE_REQUESTED
            moves.append(Move(number, Status.AUTHORIZED, target, request.amount, attempt.at, facts))
            text = f"Payment authorized and capture requested - Approval: {approval}"
            at = instant(attempt.at)
            body = spelled(
                payment_body(
                    number,
                    status=target.value,
                    amount=request.amount,
                    currency=request.currency,
                    created_at=at,
                    message=text,
                ),
            )
            kept.append(Stored(number, body, request_hash(request.merchantId, request.amount, request.currency)))
        await record(connection, moves)
        answers = [
            {
                "merchant_id": name[0],
                "idempotency_key": name[1],
                "http_status": 200,
                "response_body": stored.body,
                "request_hash": stored.request_hash,
                "created_at": attempt.at,
            }
            for name, stored, attempt in zip(names, kept, attempts, strict=True)
        ]
        await insert(connection, idem_response_cache, answers)
        return kept

    async def conflict(self, request: AuthorizeRequest, digest: str, at: datetime) -> None:
        """Note that a key came again with another body."""
        row = {
            "merchant_id": request.merchantId,
            "idempotency_key": request.idempotencyKey,
            "request_hash": digest,
            "kind": "body_mismatch",
            "seen_at": at,
        }
        async with self._database.transaction() as connection:
            await connection.execute(idempotency_conflict.insert(), row)
