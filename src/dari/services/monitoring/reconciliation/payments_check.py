"""Each payment against its entries, history, events, requests and kept answer (I3–I5, I7–I9, I11, I13–I15)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from dari.services.monitoring.ports import Row
from dari.services.monitoring.reconciliation.books import Books, Finding
from dari.services.monitoring.reconciliation.chain import whole
from dari.services.monitoring.reconciliation.entries_check import (
    CONSUMER,
    EVENT_OF,
    EntriesCheck,
    json_of,
    payload_of,
    stands_alone,
)

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
        entries = EntriesCheck(books, self._now, flowing=self._flowing)
        for number, row in books.payments.items():
            yield from self._amounts(number, row)
            yield from entries.of(number, row)
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
            payload = payload_of(event)
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

    # -- status, history, events -------------------------------------------------------------------------------------

    def _moves(self, number: int, row: Row) -> Iterator[Finding]:
        history = sorted(self._books.history.get(number, []), key=lambda one: int(one["history_id"]))
        if not history:
            if self._books.has_history:
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
        body = json_of(kept["response_body"])
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
        elif not stands_alone(self._books, number, row):
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
