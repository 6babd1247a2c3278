"""Requests the gateway refused for the last time, and their letters for settlement.dlq and refund.dlq."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dari.core.clock import Clock
from dari.services.payments.adapters.sql import Database
from dari.services.payments.ledger import instant
from dari.services.payments.moves import event_row
from dari.services.payments.settings import PlatformSettings
from dari.services.payments.tables import outbox_event
from dari.services.payments.workers import FAILED, Kind, dead_letter


async def migrate(database: Database, clock: Clock, settings: PlatformSettings, kind: Kind) -> dict[str, Any]:
    """Write the missing letters of dead requests to the outbox: `{migrated, message}`. Doing it twice adds nothing."""
    table, now = kind.table, clock.now()
    async with database.transaction() as connection:
        dead = sa.and_(table.c.status == FAILED, table.c.retry_count >= settings.retry_limit)
        rows = (await connection.execute(sa.select(table).where(dead).order_by(table.c.id))).all()
        query = sa.select(outbox_event.c.aggregate_id).where(outbox_event.c.event_type == kind.dead.value)
        told = set(await connection.scalars(query))
        letters = [_letter(kind, row, now) for row in rows if row.payment_id not in told]
        if letters:
            await connection.execute(outbox_event.insert(), letters)
    return {"migrated": len(letters), "message": f"{len(letters)} dead letters handed to the outbox"}


def _letter(kind: Kind, row: Any, now: datetime) -> Mapping[str, Any]:
    payload = dead_letter(
        kind, row, now, retries=row.retry_count, code=row.pg_response_code, message=row.pg_response_message
    )
    return event_row(row.payment_id, kind.dead, payload | {"lastRetryAt": instant(row.last_retry_at or now)}, now)
