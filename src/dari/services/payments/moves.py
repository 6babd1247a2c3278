"""A payment's status change, its history row and its outbox event: written together or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dari.services.payments.adapters.bulk import insert
from dari.services.payments.ledger import instant
from dari.services.payments.names import EVENT_OF, LEGAL_MOVES, EventType, Status
from dari.services.payments.tables import outbox_event, payment, payment_history


class IllegalMove(Exception):
    """The status machine does not know this move: a bug of ours, never written."""


@dataclass(frozen=True, slots=True)
class Move:
    """One payment goes from one status to another at a moment; `facts` are the event's own fields."""

    payment_id: int
    source: Status
    target: Status
    amount: int
    at: datetime
    facts: Mapping[str, Any]


def spelled(body: Mapping[str, Any]) -> str:
    """JSON in one spelling: compact, keys in the given order, Korean as it is."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def event_row(payment_id: int, event_type: EventType, payload: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """An outbox row of one payment."""
    return {
        "aggregate_type": "payment",
        "aggregate_id": payment_id,
        "event_type": event_type.value,
        "payload": spelled(payload),
        "created_at": at,
    }


def _payload(move: Move) -> dict[str, Any]:
    common = {"paymentId": move.payment_id, "status": move.target.value, "amount": move.amount}
    return {**common, **move.facts, "occurredAt": instant(move.at)}


async def record(connection: AsyncConnection, moves: Sequence[Move]) -> None:
    """Write history and outbox of the moves, in order, without touching the payment rows (they are new)."""
    for move in moves:
        if (move.source, move.target) not in LEGAL_MOVES:
            raise IllegalMove(f"{move.source} → {move.target} of payment {move.payment_id}")
    history = [
        {
            "payment_id": move.payment_id,
            "from_status": move.source.value,
            "to_status": move.target.value,
            "event_type": EVENT_OF[move.target].value,
            "occurred_at": move.at,
        }
        for move in moves
    ]
    events = [event_row(move.payment_id, EVENT_OF[move.target], _payload(move), move.at) for move in moves]
    await insert(connection, payment_history, history)
    await insert(connection, outbox_event, events)


async def apply(connection: AsyncConnection, moves: Sequence[Move]) -> None:
    """Write the moves: status, history and outbox. The caller holds the rows (`locked`)."""
    if moves:
        await record(connection, moves)
        # Later moves of a payment win; those that end alike are one statement.
        last = {move.payment_id: move for move in moves}
        alike: dict[tuple[str, datetime], list[int]] = {}
        for number, move in last.items():
            alike.setdefault((move.target.value, move.at), []).append(number)
        for (status, at), ids in alike.items():
            changed = {"status": status, "updated_at": at}
            await connection.execute(payment.update().where(payment.c.payment_id.in_(ids)).values(**changed))


async def locked(connection: AsyncConnection, ids: Iterable[int], *, update: bool = True) -> dict[int, Any]:
    """The payment rows by id, held until the transaction ends (in order of id, so that nobody waits in a circle)."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    query = sa.select(payment).where(payment.c.payment_id.in_(wanted)).order_by(payment.c.payment_id)
    rows = await connection.execute(query.with_for_update() if update else query)
    return {row.payment_id: row for row in rows}
