"""What the payment database shows: outbox, lease, statuses, requests, key re-use. A handful of bounded SELECTs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from dari.core.clock import Clock
from dari.services.monitoring.ports import Database, Row
from dari.services.monitoring.probes.pulse import Pulse
from dari.services.monitoring.probes.snapshot import DatabaseFacts, column, moment

LOCK: Final = "pollAndPublishOutboxEvents"
_OUTBOX: Final = (
    "SELECT event_type, COUNT(*) AS n, MIN(created_at) AS oldest FROM outbox_event"
    " WHERE published = 0 GROUP BY event_type"
)
_ERRORS: Final = (
    "SELECT last_error, COUNT(*) AS n FROM outbox_event"
    " WHERE published = 0 AND last_error IS NOT NULL GROUP BY last_error"
)
_CONFLICTS: Final = (
    "SELECT merchant_id, idempotency_key, kind, COUNT(*) AS n, COUNT(DISTINCT request_hash) AS bodies,"
    " MIN(seen_at) AS first_at, MAX(seen_at) AS last_at FROM idempotency_conflict WHERE seen_at >= :since"
    " GROUP BY merchant_id, idempotency_key, kind ORDER BY n DESC LIMIT 1000"
)


async def look(
    database: Database, clock: Clock, pulse: Pulse, *, app_now: datetime | None, window: float, ttl: int, limit: int
) -> DatabaseFacts:
    """Read the tables. `app_now`: the application's own time, which its columns are in. Raises ProbeFailed."""
    began, late = clock.monotonic(), pulse.late
    await database.select("SELECT 1 AS one")
    milliseconds = pulse.since(began, late)
    now = app_now or clock.now()
    since = {"since": column(now - timedelta(seconds=window))}
    outbox = await database.select(_OUTBOX)
    last = await database.select("SELECT MAX(published_at) AS at FROM outbox_event WHERE published = 1")
    lock = await database.select("SELECT * FROM shedlock WHERE name = :name", {"name": LOCK})
    statuses = await database.select("SELECT status, COUNT(*) AS n FROM payment GROUP BY status")
    # The database's own clock is not the application's: rows written by a clock that runs ahead lie in its future.
    base_now = await database.now()
    ahead = {"now": column(base_now + timedelta(seconds=5))}
    future = {
        "payment": await database.select("SELECT COUNT(*) AS n FROM payment WHERE requested_at > :now", ahead),
        "outbox_event": await database.select("SELECT COUNT(*) AS n FROM outbox_event WHERE created_at > :now", ahead),
    }
    merchants = await database.select(
        "SELECT merchant_id, COUNT(*) AS n FROM payment WHERE requested_at >= :since GROUP BY merchant_id"
        " ORDER BY n DESC LIMIT 1000",
        {"since": column(now - timedelta(seconds=60))},
    )
    idem = await database.select(
        "SELECT COUNT(*) AS n FROM idem_response_cache WHERE created_at >= :since",
        # Rows from before a clock went ahead are no older for it.
        {"since": column(min(now, base_now) - timedelta(seconds=ttl - 10))},
    )
    return DatabaseFacts(
        milliseconds=milliseconds,
        unpublished=sum(int(row["n"]) for row in outbox),
        oldest_unpublished=min((at for row in outbox if (at := moment(row["oldest"]))), default=None),
        unpublished_by_type={str(row["event_type"]): int(row["n"]) for row in outbox},
        last_published=moment(last[0]["at"]) if last else None,
        last_errors=_counts(await database.select(_ERRORS), "last_error"),
        lock=dict(lock[0]) if lock else None,
        statuses=_counts(statuses, "status"),
        future_rows={table: int(found[0]["n"]) for table, found in future.items()},
        recent_payments=sum(int(row["n"]) for row in merchants),
        recent_by_merchant=_counts(merchants, "merchant_id"),
        idem_rows=int(idem[0]["n"]),
        conflicts=tuple(dict(row) for row in await database.select(_CONFLICTS, since)),
        requests={
            "settlement": await _requests(database, "settlement_request", now, limit, delayed=3600),
            "refund": await _requests(database, "refund_request", now, limit, delayed=1800),
        },
    )


async def _requests(database: Database, table: str, now: datetime, limit: int, *, delayed: float) -> dict[str, Any]:
    """Counts of one request table; `dead` failed for the last time, `delayed` waits too long."""
    rows = await database.select(
        "SELECT status, COUNT(*) AS n, MIN(requested_at) AS oldest,"  # noqa: S608 — names and integers of ours; every value is bound
        " SUM(CASE WHEN retry_count >= :limit THEN 1 ELSE 0 END) AS spent,"
        " SUM(CASE WHEN requested_at < :late THEN 1 ELSE 0 END) AS late,"
        " SUM(CASE WHEN last_retry_at IS NULL THEN 1 ELSE 0 END) AS untried"
        f" FROM {table} GROUP BY status",
        {"limit": limit, "late": column(now - timedelta(seconds=delayed))},
    )
    by = {str(row["status"]): row for row in rows}
    failed, pending = by.get("FAILED"), by.get("PENDING")
    return {
        "counts": {status: int(row["n"]) for status, row in by.items()},
        "dead": int(failed["spent"] or 0) if failed else 0,
        "failed_never_retried": int(failed["untried"] or 0) if failed else 0,
        "delayed": int(pending["late"] or 0) if pending else 0,
        "oldest_pending": moment(pending["oldest"]) if pending else None,
    }


def _counts(rows: list[Row], name: str) -> dict[str, int]:
    return {str(row[name]): int(row["n"]) for row in rows}
