"""The victims of a falsification: finished payments with all their rows."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dari.services.payments.faults.surgery import Surgeon
from dari.services.payments.names import RECEIVABLE
from dari.services.payments.sandbox import Sandbox

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Victim:
    """A finished payment and its rows."""

    payment: Row
    capture: Row
    reversal: Row
    settlement: Row
    refund: Row
    events: Mapping[str, Row]

    @property
    def number(self) -> int:
        """The payment's id."""
        return int(self.payment["payment_id"])

    @property
    def amount(self) -> int:
        """Its amount in won."""
        return int(self.payment["amount"])


@dataclass(frozen=True, slots=True)
class Scene:
    """What a falsifier works with: a captured victim, another one, and a refunded one."""

    hands: Surgeon
    sandbox: Sandbox
    captured: Victim
    other: Victim
    refunded: Victim


async def _victim(hands: Surgeon, number: int) -> Victim:
    async def one(table: str, extra: str = "") -> Row:
        found = await hands.rows(f"SELECT * FROM {table} WHERE payment_id = :n {extra}", n=number)  # noqa: S608 — own names
        return found[0] if found else {}

    events = await hands.rows("SELECT * FROM outbox_event WHERE aggregate_id = :n", n=number)
    return Victim(
        payment=await one("payment"),
        capture=await one("ledger_entry", f"AND debit_account = '{RECEIVABLE}'"),
        reversal=await one("ledger_entry", f"AND credit_account = '{RECEIVABLE}'"),
        settlement=await one("settlement_request"),
        refund=await one("refund_request"),
        events={event["event_type"]: event for event in events},
    )


async def choose(hands: Surgeon, sandbox: Sandbox, dice: random.Random) -> Scene:
    """Two captured payments and a refunded one, by the dice. Raises ValueError where the book is too thin."""
    numbers: list[int] = []
    for status, count in (("CAPTURED", 2), ("REFUNDED", 1)):
        query = "SELECT payment_id FROM payment WHERE status = :status ORDER BY payment_id"
        numbers += dice.sample([row["payment_id"] for row in await hands.rows(query, status=status)], count)
    captured, other, refunded = [await _victim(hands, number) for number in numbers]
    return Scene(hands, sandbox, captured, other, refunded)
