"""A payment's ledger entries: one capture, one reversal, the right accounts and amount, or why not yet (I3, I4, I5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final

from dari.services.monitoring.ports import Row
from dari.services.monitoring.probes.snapshot import moment
from dari.services.monitoring.reconciliation.books import CAPTURED, SIDES, Books, Finding
from dari.services.monitoring.reconciliation.chain import whole

CONSUMER: Final = "payment-consumer"
GRACE: Final = 60.0
"""Seconds an event may be on its way without being missed."""
EVENT_OF: Final = {
    "AUTHORIZED": "PAYMENT_AUTHORIZED",
    "CAPTURE_REQUESTED": "PAYMENT_CAPTURE_REQUESTED",
    "CAPTURED": "PAYMENT_CAPTURED",
    "CAPTURE_FAILED": "PAYMENT_CAPTURE_FAILED",
    "REFUND_REQUESTED": "PAYMENT_REFUND_REQUESTED",
    "REFUNDED": "PAYMENT_REFUNDED",
    "REFUND_FAILED": "PAYMENT_REFUND_FAILED",
}


class EntriesCheck:
    """Judges the entries of one payment after the other; arguments as of PaymentsCheck."""

    def __init__(self, books: Books, now: datetime, *, flowing: bool) -> None:
        self._books = books
        self._now = now
        self._flowing = flowing
        self._entries = books.entries_of()

    def _is_movement_of(self, number: int, event_id: str) -> bool:
        event = self._books.events.get(event_id)
        return event is not None and event["event_type"] in SIDES and int(event["aggregate_id"]) == number

    def _kind(self, entry: Row) -> str | None:
        """What made the entry: by its event where there is one, else by its sides."""
        event_id = str(entry.get("event_id", ""))
        if self._is_movement_of(int(entry["payment_id"]), event_id):
            return str(self._books.events[event_id]["event_type"])
        sides = (entry["debit_account"], entry["credit_account"])
        return next((kind for kind, known in SIDES.items() if known == sides), None)

    def of(self, number: int, row: Row) -> Iterator[Finding]:
        entries = self._entries.get(number, [])
        made: dict[str, list[Row]] = {"PAYMENT_CAPTURED": [], "PAYMENT_REFUNDED": []}
        for entry in entries:
            kind = self._kind(entry)
            name, entry_id = f"ledger_entry:{entry['entry_id']}", int(entry["entry_id"])
            event = str(entry.get("event_id", ""))
            no_event = partial(
                Finding,
                invariant="I5",
                kind="entry_of_no_event",
                area="ledger",
                payment_id=number,
                entry_ids=(entry_id,),
                rows=(name,),
            )
            if kind is None:
                yield no_event(actual=[entry["debit_account"], entry["credit_account"]])
                continue
            made[kind].append(entry)
            if event and not self._is_movement_of(number, event):
                yield no_event(expected="an event of this payment's movement", actual=event)
            invariant = "I3" if kind == "PAYMENT_CAPTURED" else "I4"
            if (entry["debit_account"], entry["credit_account"]) != SIDES[kind]:
                yield Finding(
                    invariant=invariant,
                    kind="accounts_differ",
                    area="ledger",
                    payment_id=number,
                    entry_ids=(entry_id,),
                    rows=(name,),
                    expected=list(SIDES[kind]),
                    actual=[entry["debit_account"], entry["credit_account"]],
                )
            if whole(entry["amount"]) != whole(row["amount"]) and not stands_alone(self._books, number, row):
                yield Finding(
                    invariant=invariant,
                    kind="entry_amount_differs",
                    area="ledger",
                    payment_id=number,
                    entry_ids=(entry_id,),
                    rows=(name, f"payment:{number}"),
                    expected=whole(row["amount"]),
                    actual=str(entry["amount"]),
                )
        yield from self._count(
            number, "PAYMENT_CAPTURED", made["PAYMENT_CAPTURED"], "I3", str(row["status"]) in CAPTURED
        )
        yield from self._count(number, "PAYMENT_REFUNDED", made["PAYMENT_REFUNDED"], "I4", row["status"] == "REFUNDED")

    def _count(self, number: int, kind: str, entries: list[Row], invariant: str, due: bool) -> Iterator[Finding]:  # noqa: FBT001 — one private call
        ids = tuple(int(entry["entry_id"]) for entry in entries)
        if len(entries) > 1:
            yield Finding(
                invariant=invariant,
                kind="posted_twice",
                area="ledger",
                payment_id=number,
                entry_ids=ids,
                rows=tuple(f"ledger_entry:{one}" for one in ids),
                expected=1,
                actual=len(entries),
            )
        elif entries and not due and not self._happened(number, kind):
            yield Finding(
                invariant=invariant,
                kind="entry_too_many",
                area="ledger",
                payment_id=number,
                entry_ids=ids,
                rows=(*(f"ledger_entry:{one}" for one in ids), f"payment:{number}"),
                expected=0,
                actual=1,
            )
        elif not entries and due:
            yield self._missing(number, kind, invariant)

    def _happened(self, number: int, kind: str) -> bool:
        return any(EVENT_OF.get(str(move["to_status"])) == kind for move in self._books.history.get(number, []))

    def _missing(self, number: int, kind: str, invariant: str) -> Finding:
        """No entry: still on its way, dead-lettered, lost between topic and consumer, or taken out of the ledger."""
        events = [event for event in self._books.outbox.get(number, []) if event["event_type"] == kind]
        rows = tuple(f"outbox_event:{event['event_id']}" for event in events) or (f"payment:{number}",)
        base: dict[str, Any] = {"payment_id": number, "rows": (*rows, f"payment:{number}"), "expected": 1, "actual": 0}
        if not events:
            return Finding(invariant="I11", kind="status_without_event", area="payment", **base)
        seen = [self._books.inbox.get((CONSUMER, str(event["event_id"]))) for event in events]
        outcomes = {str(row["outcome"]) for row in seen if row is not None}
        if "PROCESSED" in outcomes:
            return Finding(invariant=invariant, kind="entry_missing", area="ledger", **base)
        if "DEAD_LETTER" in outcomes:
            return Finding(invariant=invariant, kind="dead_lettered", area="pending", **base)
        waiting = any(not event["published"] for event in events)
        ages = [(self._now - at).total_seconds() for event in events if (at := moment(event.get("published_at")))]
        if waiting or self._flowing or (ages and min(ages) < GRACE):
            return Finding(invariant=invariant, kind="on_its_way", area="pending", **base)
        return Finding(invariant="I12", kind="published_not_processed", area="event", **base)


def stands_alone(books: Books, number: int, row: Row) -> bool:
    """The payment row itself was changed: its events all say another amount."""
    payloads = [payload_of(event) or {} for event in books.outbox.get(number, [])]
    said = [payload["amount"] for payload in payloads if payload.get("amount") is not None]
    return bool(said) and whole(row["amount"]) not in said


def payload_of(event: Row) -> dict[str, Any] | None:
    """The body of an outbox event; None when it is not an object."""
    said = json_of(event["payload"])
    return said or None


def json_of(text: Any) -> dict[str, Any]:
    """A JSON column as an object; empty when it is none."""
    if isinstance(text, dict):
        return text
    try:
        said = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
