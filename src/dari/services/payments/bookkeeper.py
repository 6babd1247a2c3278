"""The ledger's consumer: `payment.captured` and `payment.refunded` become entries, once each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dari.core.clock import Clock
from dari.services.payments.intake import Bad, Handled, Incoming
from dari.services.payments.ledger import Posting, capture_posting, post, refund_posting
from dari.services.payments.moves import locked
from dari.services.payments.names import CAPTURED_TOPIC, RECEIVABLE
from dari.services.payments.settings import PlatformSettings
from dari.services.payments.tables import ledger_entry

MISSING: Final = ("PaymentNotFound", "the payment does not exist")


class Bookkeeper:
    """The handler of the group `payment-consumer`."""

    def __init__(self, clock: Clock, settings: PlatformSettings) -> None:
        self._clock = clock
        self._settings = settings

    async def handle(self, connection: AsyncConnection, events: Sequence[Incoming]) -> Handled:
        """Post what the payments confirm; a refund whose capture is not posted yet waits for a while."""
        payments = await locked(connection, (event.payment_id for event in events), update=False)
        posted = await self._posted(connection, events)
        bad: list[Bad] = []
        later: list[Incoming] = []
        postings: list[Posting] = []
        for event in sorted(events, key=lambda event: event.record.topic != CAPTURED_TOPIC):
            found = payments.get(event.payment_id)
            capture = event.record.topic == CAPTURED_TOPIC
            problem = MISSING if found is None else self._problem(event, found, posted, capture=capture)
            if found is None or problem is not None:
                bad.append(Bad(event.record, event.event_key, *(problem or MISSING)))
            elif not capture and (event.payment_id, True) not in posted:
                if self._waited_long(event):
                    text = "no entry of this payment's capture was posted"
                    bad.append(Bad(event.record, event.event_key, "CaptureNotPosted", text))
                else:
                    later.append(event)
            else:
                posted.add((event.payment_id, capture))
                make = capture_posting if capture else refund_posting
                at = self._clock.now()
                postings.append(make(event.payment_id, event.event_key, found.amount, found.currency, at))
        await post(connection, postings)
        return Handled(bad, later)

    @staticmethod
    async def _posted(connection: AsyncConnection, events: Sequence[Incoming]) -> set[tuple[int, bool]]:
        """(payment, is it the capture) of the entries there are."""
        ids = {event.payment_id for event in events}
        table = ledger_entry
        query = sa.select(table.c.payment_id, table.c.debit_account).where(table.c.payment_id.in_(ids))
        return {(number, debit == RECEIVABLE) for number, debit in await connection.execute(query)}

    @staticmethod
    def _problem(
        event: Incoming, found: Any, posted: set[tuple[int, bool]], *, capture: bool
    ) -> tuple[str, str] | None:
        amount, known = event.payload.get("amount"), found.amount
        if amount != known or isinstance(amount, bool):
            return "AmountMismatch", f"the event says {amount!r}, the payment {known}"
        if (event.payment_id, capture) in posted:
            return "AlreadyPosted", "another event has already posted this movement"
        return None

    def _waited_long(self, event: Incoming) -> bool:
        sent = event.record.timestamp / 1000
        return (
            sent > 0
            and self._clock.now().timestamp() - sent > timedelta(seconds=self._settings.patience).total_seconds()
        )
