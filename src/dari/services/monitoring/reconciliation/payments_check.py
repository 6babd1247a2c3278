"""Each payment against its entries, history, events, requests and kept answer (I3–I5, I7–I9, I11, I13–I15)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from dari.services.monitoring.ports import Row
from dari.services.monitoring.probes.snapshot import moment
from dari.services.monitoring.reconciliation.books import CAPTURED, SIDES, Books, Finding
from dari.services.monitoring.reconciliation.chain import whole

CONSUMER: Final = "payment-consumer"
GRACE: Final = 60.0
"""Seconds an event may be on its way without being missed."""
LEGAL: Final = frozenset(
    {
        ("READY", "AUTHORIZED"),
        ("AUTHORIZED", "CAPTURE_REQUESTED"),
        ("CAPTURE_REQUESTED", "CAPTURED"),
        ("CAPTURE_REQUESTED", "CAPTURE_FAILED"),
        ("CAPTURE_FAILED", "CAPTURED"),
        ("CAPTURED", "REFUND_REQUESTED"),
        ("REFUND_REQUESTED", "REFUNDED"),
        ("REFUND_REQUESTED", "REFUND_FAILED"),
        ("REFUND_FAILED", "REFUNDED"),
        ("AUTHORIZED", "CAPTURED"),
        ("AUTHORIZED", "AUTH_FAILED"),
        ("READY", "AUTH_FAILED"),
        ("REFUND_REQUESTED", "PARTIAL_REFUNDED"),
        ("PARTIAL_REFUNDED", "REFUNDED"),
    }
)
EVENT_OF: Final = {
    "AUTHORIZED": "PAYMENT_AUTHORIZED",
    "CAPTURE_REQUESTED": "PAYMENT_CAPTURE_REQUESTED",
    "CAPTURED": "PAYMENT_CAPTURED",
    "CAPTURE_FAILED": "PAYMENT_CAPTURE_FAILED",
    "REFUND_REQUESTED": "PAYMENT_REFUND_REQUESTED",
    "REFUNDED": "PAYMENT_REFUNDED",
    "REFUND_FAILED": "PAYMENT_REFUND_FAILED",
}


class PaymentsCheck:
    """Judges every payment of the books. `now`: the application's time; `flowing`: a consumer still has work."""

    def __init__(self, books: Books, now: datetime, *, flowing: bool) -> None:
        self._books = books
        self._now = now
        self._flowing = flowing
        self._entries = books.entries_of()

    def findings(self) -> Iterator[Finding]:
        """All contradictions, payment by payment."""
        books = self._books
        for number, row in books.payments.items():
            yield from self._amounts(number, row)
            yield from self._entries_of(number, row)
            yield from self._moves(number, row)
            yield from self._answer(number, row)
        known = set(books.payments)
        if not books.partial:
            for number, rows in self._entries.items():
                if number not in known:
                    yield Finding(
                        invariant="I5",
                        kind="orphan_entry",
                        area="ledger",
                        payment_id=number,
                        entry_ids=tuple(int(one["entry_id"]) for one in rows),
                        rows=tuple(f"ledger_entry:{one['entry_id']}" for one in rows),
                    )
            for number in sorted(set(books.outbox) - known):
                yield Finding(
                    invariant="I11",
                    kind="event_without_payment",
                    area="payment",
                    payment_id=number,
                    rows=tuple(f"outbox_event:{one['event_id']}" for one in books.outbox[number]),
                )

    # -- what the money was ------------------------------------------------------------------------------------------

    def _amounts(self, number: int, row: Row) -> Iterator[Finding]:
        """The payment's amount against its events and requests; whoever stands alone is the one that was changed."""
        amount = whole(row["amount"])
        if amount is None:
            yield Finding(
                invariant="I14",
                kind="fraction",
                area="payment",
                payment_id=number,
                rows=(f"payment:{number}",),
                actual=str(row["amount"]),
            )
            return
        said: list[tuple[str, Any, str]] = []
        for event in self._books.outbox.get(number, []):
            payload = _payload(event)
            if payload is None or "amount" in payload:
                said.append(
                    (f"outbox_event:{event['event_id']}", None if payload is None else payload["amount"], "I11")
                )
        for name, table, column in (
            ("settlement_request", self._books.settlements, "request_amount"),
            ("refund_request", self._books.refunds, "refund_amount"),
        ):
            for request in table.get(number, []):
                value = whole(request[column])
                if value is None:
                    yield Finding(
                        invariant="I14",
                        kind="fraction",
                        area="payment",
                        payment_id=number,
                        rows=(f"{name}:{request['id']}",),
                        actual=str(request[column]),
                    )
                else:
                    said.append((f"{name}:{request['id']}", value, "I15"))
        wrong = [one for one in said if one[1] != amount or isinstance(one[1], bool)]
        if not wrong:
            return
        others = Counter(value for _, value, _ in said if value is not None and not isinstance(value, (dict, list)))
        common, times = others.most_common(1)[0] if others else (None, 0)
        if common != amount and times == len(said) and len(said) > 1:
            yield Finding(
                invariant="I11",
                kind="payment_amount_changed",
                area="payment",
                payment_id=number,
                rows=(f"payment:{number}",),
                expected=common,
                actual=amount,
            )
            return
        for name, value, invariant in wrong:
            yield Finding(
                invariant=invariant,
                kind="amount_differs",
                area="payment",
                payment_id=number,
                rows=(name, f"payment:{number}"),
                expected=amount,
                actual=value,
            )

    # -- the ledger --------------------------------------------------------------------------------------------------

    def _kind(self, entry: Row) -> str | None:
        """What made the entry: by its event where there is one, else by its sides."""
        event = self._books.events.get(str(entry.get("event_id", "")))
        if (
            event is not None
            and event["event_type"] in SIDES
            and int(event["aggregate_id"]) == int(entry["payment_id"])
        ):
            return str(event["event_type"])
        sides = (entry["debit_account"], entry["credit_account"])
        return next((kind for kind, known in SIDES.items() if known == sides), None)

    def _entries_of(self, number: int, row: Row) -> Iterator[Finding]:
        entries = self._entries.get(number, [])
        made: dict[str, list[Row]] = {"PAYMENT_CAPTURED": [], "PAYMENT_REFUNDED": []}
        for entry in entries:
            kind = self._kind(entry)
            name, entry_id = f"ledger_entry:{entry['entry_id']}", int(entry["entry_id"])
            event = str(entry.get("event_id", ""))
            if kind is None:
                yield Finding(
                    invariant="I5",
                    kind="entry_of_no_event",
                    area="ledger",
                    payment_id=number,
                    entry_ids=(entry_id,),
                    rows=(name,),
                    actual=[entry["debit_account"], entry["credit_account"]],
                )
                continue
            made[kind].append(entry)
            if event and event not in self._books.events:
                yield Finding(
                    invariant="I5",
                    kind="entry_of_no_event",
                    area="ledger",
                    payment_id=number,
                    entry_ids=(entry_id,),
                    rows=(name,),
                    expected="an outbox event",
                    actual=event,
                )
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
            if whole(entry["amount"]) != whole(row["amount"]) and not self._payment_stands_alone(number, row):
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
            number, row, "PAYMENT_CAPTURED", made["PAYMENT_CAPTURED"], "I3", str(row["status"]) in CAPTURED
        )
        yield from self._count(
            number, row, "PAYMENT_REFUNDED", made["PAYMENT_REFUNDED"], "I4", row["status"] == "REFUNDED"
        )

    def _payment_stands_alone(self, number: int, row: Row) -> bool:
        """The payment row itself was changed: its events all say another amount."""
        said = {payload.get("amount") for event in self._books.outbox.get(number, []) if (payload := _payload(event))}
        said.discard(None)
        return bool(said) and whole(row["amount"]) not in said

    def _count(
        self, number: int, row: Row, kind: str, entries: list[Row], invariant: str, due: bool
    ) -> Iterator[Finding]:
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
        base = {"payment_id": number, "rows": (*rows, f"payment:{number}"), "expected": 1, "actual": 0}
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

    # -- status, history, events -------------------------------------------------------------------------------------

    def _moves(self, number: int, row: Row) -> Iterator[Finding]:
        history = sorted(self._books.history.get(number, []), key=lambda one: int(one["history_id"]))
        if not history:
            if self._books.history and not self._books.partial:
                yield Finding(
                    invariant="I8", kind="no_history", area="payment", payment_id=number, rows=(f"payment:{number}",)
                )
            return
        status = "READY"
        for move in history:
            pair = (str(move["from_status"]), str(move["to_status"]))
            if pair not in LEGAL or pair[0] != status:
                yield Finding(
                    invariant="I8",
                    kind="illegal_move",
                    area="payment",
                    payment_id=number,
                    rows=(f"payment_history:{move['history_id']}",),
                    expected=f"from {status}",
                    actual=" → ".join(pair),
                )
            status = pair[1]
        if status != row["status"]:
            yield Finding(
                invariant="I8",
                kind="status_differs",
                area="payment",
                payment_id=number,
                rows=(f"payment:{number}",),
                expected=status,
                actual=row["status"],
            )
        yield from self._events(number, history)

    def _events(self, number: int, history: list[Row]) -> Iterator[Finding]:
        """I11: one outbox row for each move; I13: in the order of the moves."""
        moved = [EVENT_OF.get(str(move["to_status"]), str(move.get("event_type"))) for move in history]
        rows = sorted(self._books.outbox.get(number, []), key=lambda one: int(one["event_id"]))
        told = [str(event["event_type"]) for event in rows if str(event["event_type"]).startswith("PAYMENT_")]
        if Counter(moved) != Counter(told):
            missing, extra = Counter(moved) - Counter(told), Counter(told) - Counter(moved)
            wrong = tuple(f"outbox_event:{event['event_id']}" for event in rows if str(event["event_type"]) in extra)
            yield Finding(
                invariant="I11",
                kind="event_missing" if missing else "event_too_many",
                area="payment",
                payment_id=number,
                rows=wrong or (f"payment:{number}",),
                expected=moved,
                actual=told,
            )
        elif moved != told:
            yield Finding(
                invariant="I13",
                kind="events_out_of_order",
                area="event",
                payment_id=number,
                rows=tuple(f"outbox_event:{event['event_id']}" for event in rows),
                expected=moved,
                actual=told,
            )
        for name, table, wanted in (
            ("settlement_request", self._books.settlements, "CAPTURED"),
            ("refund_request", self._books.refunds, "REFUNDED"),
        ):
            done = [one for one in table.get(number, []) if one["status"] == "SUCCESS"]
            reached = any(move["to_status"] == wanted for move in history)
            if len(done) != (1 if reached else 0):
                yield Finding(
                    invariant="I15",
                    kind="request_and_status_differ",
                    area="payment",
                    payment_id=number,
                    rows=tuple(f"{name}:{one['id']}" for one in table.get(number, [])) or (f"payment:{number}",),
                    expected=1 if reached else 0,
                    actual=len(done),
                )

    def _answer(self, number: int, row: Row) -> Iterator[Finding]:
        """I9: the kept answer of the key names this payment, its amount, and the body it was asked with."""
        kept = self._books.idem.get((str(row["merchant_id"]), str(row["idempotency_key"])))
        if kept is None:
            return  # the original's load-test mode keeps none
        name = (f"idem_response_cache:{row['merchant_id']}/{row['idempotency_key']}", f"payment:{number}")
        body = _json(kept["response_body"])
        if body.get("paymentId") != number:
            yield Finding(
                invariant="I9",
                kind="answer_of_another_payment",
                area="payment",
                payment_id=number,
                rows=name,
                expected=number,
                actual=body.get("paymentId"),
            )
        elif not self._payment_stands_alone(number, row):
            digest = hashlib.sha256(
                f"{row['merchant_id']}|{whole(row['amount'])}|{row['currency']}".encode()
            ).hexdigest()
            if kept.get("request_hash") not in (None, digest) or body.get("amount") != whole(row["amount"]):
                yield Finding(
                    invariant="I9",
                    kind="answer_differs",
                    area="payment",
                    payment_id=number,
                    rows=name,
                    expected=whole(row["amount"]),
                    actual=body.get("amount"),
                )


def processed_without_entry(books: Books) -> Iterator[Finding]:
    """I7: an event the consumer noted as processed is the event of the payment's entry; an entry's event was noted."""
    if not books.inbox or books.partial:
        return
    made = {(int(entry["payment_id"]), str(entry.get("event_id"))) for entry in books.entries}
    for number, event in sorted(made):
        if (CONSUMER, event) not in books.inbox and event in books.events:
            yield Finding(
                invariant="I7",
                kind="entry_not_in_inbox",
                area="event",
                payment_id=number,
                rows=(f"consumer_inbox:{event}", f"outbox_event:{event}"),
            )


def _payload(event: Row) -> dict[str, Any] | None:
    said = _json(event["payload"])
    return said or None


def _json(text: Any) -> dict[str, Any]:
    if isinstance(text, dict):
        return text
    try:
        said = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def older_than(at: datetime | None, now: datetime, seconds: float) -> bool:
    """Whether a moment lies further back."""
    return at is not None and now - at > timedelta(seconds=seconds)
