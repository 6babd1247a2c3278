"""What an operator may have done: send outbox events again, replay dead letters, reset a breaker. Safe to repeat."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from dari.services.payments.assembly import PaymentPlatform
from dari.services.payments.intake import DEAD
from dari.services.payments.names import PAYMENT_DLQ
from dari.services.payments.ports import Message
from dari.services.payments.tables import consumer_inbox, outbox_event


async def republish(platform: PaymentPlatform, event_ids: Sequence[int]) -> dict[str, Any]:
    """Put events back into the outbox's queue: `{republished}`. Consumers know events they have processed."""
    async with platform.database.transaction() as connection:
        changed = await connection.execute(
            outbox_event.update()
            .where(outbox_event.c.event_id.in_(event_ids))
            .values(published=0, published_at=None, last_retry_at=None),
        )
    return {"republished": changed.rowcount}


async def replay(platform: PaymentPlatform, letters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Send payment.dlq letters (their bodies) to their topics again: `{replayed, skipped}`.

    Only a letter whose record the consumer still holds for dead is sent; a record that is still bad is buried again.
    """
    table, sent, skipped = consumer_inbox, 0, 0
    for letter in letters:
        topic, partition, offset = letter["originalTopic"], letter["partition"], letter["offset"]
        place = sa.and_(table.c.topic == topic, table.c.partition_no == partition, table.c.offset_no == offset)
        dead = sa.and_(place, table.c.outcome == DEAD)
        async with platform.database.transaction() as connection:
            row = (await connection.execute(sa.select(table).where(dead))).first()
            if row is None:
                skipped += 1
                continue
            await connection.execute(table.delete().where(dead))
        message = Message(topic, letter["payload"], _key(letter["payload"]), {"eventId": row.event_key})
        delivery = (await platform.log.publish([message]))[0]
        if delivery.error is not None:
            async with platform.database.transaction() as connection:
                await connection.execute(table.insert(), dict(row._mapping))  # noqa: SLF001 — SQLAlchemy's public name
            skipped += 1
        else:
            sent += 1
    return {"topic": PAYMENT_DLQ, "replayed": sent, "skipped": skipped}


def _key(payload: str) -> str | None:
    try:
        body = json.loads(payload)
    except ValueError:
        return None
    number = body.get("paymentId") if isinstance(body, dict) else None
    return None if number is None else str(number)
