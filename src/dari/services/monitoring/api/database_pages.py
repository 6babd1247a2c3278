"""The database's pages: payments by filter, statistics, outbox, ledger, reconciliation, re-used keys, a timeline."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query

from dari.core.clock import KST
from dari.services.monitoring.api.shared import Service, app_now, at, clean, need, rows
from dari.services.monitoring.filters import Asked, Understood, understand
from dari.services.monitoring.probes.snapshot import column, moment

ORDERS: Final[Mapping[str, tuple[str, str]]] = {
    "newest": ("requested_at", "DESC"),
    "oldest": ("requested_at", "ASC"),
    "largest": ("amount", "DESC"),
    "smallest": ("amount", "ASC"),
}
MOST_ROWS: Final = 200
RANGES: Final = ("today", "last_hour", "last_24h", "all")


def where(told: Understood) -> tuple[list[str], dict[str, Any]]:
    """The constraints as SQL with bound parameters; nothing of a filter's text reaches it."""
    parts: list[str] = []
    bound: dict[str, Any] = {}

    def add(part: str, **values: Any) -> None:
        parts.append(part)
        bound.update(values)

    if told.statuses:
        names = [f"s{index}" for index in range(len(told.statuses))]
        add(f"status IN ({', '.join(':' + name for name in names)})", **dict(zip(names, told.statuses, strict=True)))
    for field in ("merchant_id", "payment_id", "idempotency_key"):
        if getattr(told, field) is not None:
            add(f"{field} = :{field}", **{field: getattr(told, field)})
    if told.min_amount is not None:
        add("amount >= :low", low=told.min_amount)
    if told.max_amount is not None:
        add("amount <= :high", high=told.max_amount)
    if told.since is not None:
        add("requested_at >= :since", since=column(told.since))
    if told.until is not None:
        add("requested_at < :until", until=column(told.until))
    return parts, bound


def _cursor(text: str | None) -> tuple[str, int] | None:
    if not text:
        return None
    try:
        value, number = base64.urlsafe_b64decode(text.encode()).decode().rsplit("|", 1)
        return value, int(number)
    except (ValueError, binascii.Error) as error:
        raise HTTPException(422, "cursor: 이어 보기 값이 아닙니다 not a cursor") from error


def pages(service: Service) -> APIRouter:
    """The router of /monitoring/database."""
    router = APIRouter(prefix="/monitoring/database")
    database = service.monitor.ports.database

    @router.get("/payments")
    async def _payments(  # noqa: PLR0917 — one private call
        filter: Annotated[str | None, Query(max_length=2000)] = None,  # noqa: A002 — the original's name
        limit: int | None = None,
        status: Annotated[list[str], Query()] = [],  # noqa: B006 — FastAPI copies it
        merchant_id: Annotated[str | None, Query(max_length=32)] = None,
        payment_id: int | None = None,
        idempotency_key: Annotated[str | None, Query(max_length=64)] = None,
        min_amount: int | None = None,
        max_amount: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order: str | None = None,
        cursor: str | None = None,
        now: datetime | None = None,
    ) -> dict[str, Any]:
        moment_now = (now if now is None or now.tzinfo else now.replace(tzinfo=KST)) or await app_now(service)
        asked = Asked(
            filter=filter,
            statuses=tuple(status),
            merchant_id=merchant_id,
            payment_id=payment_id,
            idempotency_key=idempotency_key,
            min_amount=min_amount,
            max_amount=max_amount,
            since=since,
            until=until,
            order=order,
        )
        outcome = understand(asked, moment_now)
        said = {**outcome.as_dict(), "filter": clean(filter) if filter else None}
        if outcome.status != "ok":
            return {
                **said,
                "count": None,
                "payments": [],
                "message": "무엇을 찾는지 확인이 필요합니다 needs clarification: nothing was run",
            }
        told = outcome.understood
        count = min(told.limit or limit or 10, limit or told.limit or 10, MOST_ROWS)
        if count < 1:
            raise HTTPException(422, "limit: 1 이상 at least 1")
        said["understood"]["limit"] = told.limit or limit
        name, way = ORDERS[told.order or "newest"]
        parts, bound = where(told)
        after = _cursor(cursor)
        if after:
            sign = "<" if way == "DESC" else ">"
            parts.append(f"({name} {sign} :cv OR ({name} = :cv AND payment_id {sign} :ci))")
            bound |= {"cv": int(after[0]) if name == "amount" else after[0], "ci": after[1]}
        found = await database.select(
            f"SELECT * FROM payment {'WHERE ' + ' AND '.join(parts) if parts else ''}"  # noqa: S608 — names and integers of ours; every value is bound
            f" ORDER BY {name} {way}, payment_id {way} LIMIT {count + 1}",
            bound,
        )
        shown = found[:count]
        more = len(found) > count
        last = shown[-1] if more else None
        value = (
            None
            if last is None
            else (str(last["amount"]) if name == "amount" else column(moment(last[name]) or moment_now))
        )
        return {
            **said,
            "count": len(shown),
            "payments": rows(shown, "requested_at", "updated_at"),
            "truncated": more,
            "nextCursor": base64.urlsafe_b64encode(f"{value}|{last['payment_id']}".encode()).decode() if last else None,
        }

    @router.get("/statistics")
    async def _statistics(timeRange: str = "today") -> dict[str, Any]:
        if timeRange not in RANGES:
            raise HTTPException(422, f"timeRange: {', '.join(RANGES)}")
        now = await app_now(service)
        start = {
            "today": now.replace(hour=0, minute=0, second=0, microsecond=0),
            "last_hour": now - timedelta(hours=1),
            "last_24h": now - timedelta(days=1),
            "all": datetime(1970, 1, 2, tzinfo=KST),
        }[timeRange]
        bound = {"since": column(start)}
        overall = await database.select(
            "SELECT COUNT(*) AS total_count, COALESCE(SUM(amount), 0) AS total_amount, AVG(amount) AS avg_amount,"
            " MIN(amount) AS min_amount, MAX(amount) AS max_amount FROM payment WHERE requested_at >= :since",
            bound,
        )
        by = await database.select(
            "SELECT status, COUNT(*) AS count, SUM(amount) AS total_amount FROM payment WHERE requested_at >= :since"
            " GROUP BY status ORDER BY count DESC",
            bound,
        )
        top = await database.select(
            "SELECT merchant_id, COUNT(*) AS transaction_count, SUM(amount) AS total_amount FROM payment"
            " WHERE requested_at >= :since GROUP BY merchant_id ORDER BY total_amount DESC, merchant_id LIMIT 5",
            bound,
        )
        total = dict(overall[0])
        total["avg_amount"] = None if total["avg_amount"] is None else round(float(total["avg_amount"]))
        return {
            "timeRange": timeRange,
            "since": None if timeRange == "all" else start.isoformat(),
            "until": now.isoformat(),
            "overall": rows([total])[0],
            "byStatus": rows(by),
            "topMerchants": rows(top),
        }

    @router.get("/outbox")
    async def _outbox(
        maxAgeMinutes: Annotated[float, Query(ge=0, le=100_000)] = 5, limit: Annotated[int, Query(ge=1, le=500)] = 50
    ) -> dict[str, Any]:
        now = await app_now(service)
        bound = {"before": column(now - timedelta(minutes=maxAgeMinutes))}
        counted = await database.select(
            "SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM outbox_event"
            " WHERE published = 0 AND created_at < :before",
            bound,
        )
        found = await database.select(
            "SELECT event_id, aggregate_type, aggregate_id, event_type, published, retry_count, created_at"  # noqa: S608 — names and integers of ours; every value is bound
            " FROM outbox_event"
            f" WHERE published = 0 AND created_at < :before ORDER BY event_id LIMIT {int(limit)}",
            bound,
        )
        count = int(counted[0]["n"])
        events = [
            {**row, "age_minutes": round((now - (moment(row["created_at"]) or now)).total_seconds() / 60, 2)}
            for row in found
        ]
        facts = await service.monitor.facts() if count else None
        return {
            "healthy": count == 0,
            "count": count,
            "message": f"{maxAgeMinutes:g}분 이상 미발행 {count}건 unpublished"
            if count
            else "미발행 이벤트 없음 no unpublished events",
            "events": rows(events, "created_at"),
            "truncated": count > len(found),
            "oldest": at(counted[0]["oldest"]),
            "pollerHeartbeatAgeSeconds": facts.get("poller.age") if facts else None,
            "lockHolder": facts.get("outbox.lock_holder") if facts else None,
        }

    @router.get("/stats")
    async def _stats() -> dict[str, Any]:
        async def counts(table: str) -> dict[str, int]:
            found = await database.select(f"SELECT status, COUNT(*) AS n FROM {table} GROUP BY status")  # noqa: S608 — names and integers of ours; every value is bound
            return {str(row["status"]): int(row["n"]) for row in found}

        outbox = await database.select("SELECT published, COUNT(*) AS n FROM outbox_event GROUP BY published")
        published = {int(row["published"]): int(row["n"]) for row in outbox}
        entries = await database.select("SELECT COUNT(*) AS n FROM ledger_entry")
        statuses = await counts("payment")
        return {
            "paymentsByStatus": statuses,
            "totalPayments": sum(statuses.values()),
            "ledgerEntryCount": int(entries[0]["n"]),
            "outboxEvents": {
                "total": sum(published.values()),
                "published": published.get(1, 0),
                "unpublished": published.get(0, 0),
            },
            "settlementsByStatus": await counts("settlement_request"),
            "refundsByStatus": await counts("refund_request"),
            "databaseSharding": {"shards": 1},
        }

    @router.get("/reconciliation")
    async def _reconciliation(limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> dict[str, Any]:
        report = await service.monitor.reconcile(limit)
        report.pop("all", None)
        return report

    @router.get("/ledger")
    async def _ledger(
        paymentId: int | None = None,
        merchantId: Annotated[str | None, Query(max_length=32)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 20,
    ) -> dict[str, Any]:
        if (paymentId is None) == (merchantId is None):
            raise HTTPException(400, "paymentId 또는 merchantId 하나가 필요합니다 one of paymentId, merchantId")
        condition = "e.payment_id = :id" if paymentId is not None else "p.merchant_id = :id"
        bound: dict[str, Any] = {"id": merchantId if paymentId is None else paymentId}
        join = "FROM ledger_entry e JOIN payment p ON p.payment_id = e.payment_id WHERE " + condition
        found = await database.select(f"SELECT e.* {join} ORDER BY e.entry_id DESC LIMIT {int(limit)}", bound)
        sums = await database.select(
            f"SELECT e.debit_account, e.credit_account, COUNT(*) AS entry_count, SUM(e.amount) AS total_amount {join}"
            " GROUP BY e.debit_account, e.credit_account",
            bound,
        )
        total = sum(int(row["entry_count"]) for row in sums)
        refunds = [row for row in sums if row["debit_account"] == "cash"]
        return {
            "count": total,
            "entries": rows(found, "occurred_at"),
            "truncated": total > len(found),
            "totals": rows(sums),
            "refundTotal": sum(int(row["total_amount"]) for row in refunds),
            "refundCount": sum(int(row["entry_count"]) for row in refunds),
        }

    @router.get("/duplicates")
    async def _duplicates(
        merchantId: Annotated[str | None, Query(max_length=32)] = None,
        hours: Annotated[float, Query(gt=0, le=24 * 365)] = 24,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 20,
    ) -> dict[str, Any]:
        now = await app_now(service)
        bound: dict[str, Any] = {"since": column(now - timedelta(hours=hours))}
        condition = ""
        if merchantId is not None:
            condition, bound["merchant"] = " AND merchant_id = :merchant", merchantId
        found = await database.select(
            "SELECT merchant_id, idempotency_key, kind, COUNT(*) AS refused,"  # noqa: S608 — names and integers of ours; every value is bound
            " COUNT(DISTINCT request_hash) AS distinct_bodies,"
            " MIN(seen_at) AS first_at, MAX(seen_at) AS last_at FROM idempotency_conflict"
            f" WHERE seen_at >= :since{condition}"
            f" GROUP BY merchant_id, idempotency_key, kind ORDER BY refused DESC LIMIT {int(limit) + 1}",
            bound,
        )
        charged = await database.select(
            "SELECT merchant_id, idempotency_key, COUNT(*) AS payments FROM payment"
            " GROUP BY merchant_id, idempotency_key HAVING COUNT(*) > 1"
        )
        return {
            "count": len(found[:limit]),
            "keys": [
                {**row, "idempotency_key": clean(row["idempotency_key"], 64)}
                for row in rows(found[:limit], "first_at", "last_at")
            ],
            "truncated": len(found) > limit,
            "doubleCharges": rows(charged),
            "since": (now - timedelta(hours=hours)).isoformat(),
        }

    @router.get("/timeline")
    async def _timeline(paymentId: int) -> dict[str, Any]:
        from dari.services.monitoring.api.timeline import timeline  # noqa: PLC0415 — loaded only when it is needed

        return await timeline(service, paymentId)

    @router.get("/health")
    async def _health() -> dict[str, Any]:
        snapshot = await service.monitor.looker.look()
        need(snapshot, "database")
        assert snapshot.database is not None
        took = snapshot.database.milliseconds
        return {
            "healthy": True,
            "milliseconds": None if took is None else round(took, 1),
            "statuses": dict(snapshot.database.statuses),
        }

    return router
