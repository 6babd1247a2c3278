"""The ledger: every entry takes from one account what it gives to another, is numbered without gaps, and is chained."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dari.services.payments.adapters.bulk import insert
from dari.services.payments.names import CASH, RECEIVABLE
from dari.services.payments.tables import ledger_account, ledger_entry, ledger_head, ledger_line

GENESIS: Final = "0" * 64
"""What the first entry names as its predecessor."""


@dataclass(frozen=True, slots=True)
class Posting:
    """`amount` won from the credited to the debited account, because of one event of one payment."""

    payment_id: int
    event_id: str
    debit: str
    credit: str
    amount: int
    currency: str
    occurred_at: datetime


def capture_posting(payment_id: int, event_id: str, amount: int, currency: str, at: datetime) -> Posting:
    """A capture: debit merchant_receivable, credit cash."""
    return Posting(payment_id, event_id, RECEIVABLE, CASH, amount, currency, at)


def refund_posting(payment_id: int, event_id: str, amount: int, currency: str, at: datetime) -> Posting:
    """A refund: the capture's mirror."""
    return Posting(payment_id, event_id, CASH, RECEIVABLE, amount, currency, at)


def instant(moment: datetime) -> str:
    """A moment as the wire and the hash spell it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def entry_hash(prev_hash: str, entry_id: int, posting: Posting) -> str:
    """SHA-256 (hex) over the previous link and every field of the entry, joined by `|`."""
    fields = (
        prev_hash,
        entry_id,
        posting.payment_id,
        posting.event_id,
        posting.debit,
        posting.credit,
        posting.amount,
        posting.currency,
        instant(posting.occurred_at),
    )
    return hashlib.sha256("|".join(map(str, fields)).encode()).hexdigest()


async def post(connection: AsyncConnection, postings: Sequence[Posting]) -> None:
    """Append the postings, their lines and their effect on the balances, in the caller's transaction."""
    if not postings:
        return
    head = (await connection.execute(sa.select(ledger_head).with_for_update())).first()
    if head is None:
        await connection.execute(ledger_head.insert(), {"id": 1, "entry_id": 0, "entry_hash": GENESIS})
    number, link = (0, GENESIS) if head is None else (int(head.entry_id), str(head.entry_hash))
    entries, lines = [], []
    deltas: dict[tuple[str, str], int] = defaultdict(int)
    for posting in postings:
        number += 1
        previous, link = link, entry_hash(link, number, posting)
        entries.append(
            {
                "entry_id": number,
                "payment_id": posting.payment_id,
                "debit_account": posting.debit,
                "credit_account": posting.credit,
                "amount": posting.amount,
                "occurred_at": posting.occurred_at,
                "event_id": posting.event_id,
                "currency": posting.currency,
                "prev_hash": previous,
                "entry_hash": link,
            },
        )
        for account, amount in ((posting.debit, posting.amount), (posting.credit, -posting.amount)):
            lines.append({"entry_id": number, "account": account, "currency": posting.currency, "amount": amount})
            deltas[account, posting.currency] += amount
    await insert(connection, ledger_entry, entries)
    await insert(connection, ledger_line, lines)
    for (account, currency), delta in sorted(deltas.items()):
        changed = await connection.execute(
            ledger_account.update()
            .where(ledger_account.c.account == account, ledger_account.c.currency == currency)
            .values(balance=ledger_account.c.balance + delta),
        )
        if changed.rowcount == 0:
            row = {"account": account, "currency": currency, "balance": delta}
            await connection.execute(ledger_account.insert(), row)
    await connection.execute(ledger_head.update().values(entry_id=number, entry_hash=link))
