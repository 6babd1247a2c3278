"""Settlement and refund figures, and the original's test-runner paths, which run nothing here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from dari.services.monitoring.api.shared import Service, app_now
from dari.services.monitoring.probes.snapshot import column

_KINDS = {
    "settlement": ("settlement_request", "request_amount", 3600, "delayedSettlements"),
    "refund": ("refund_request", "refund_amount", 1800, "delayedRefunds"),
}


async def figures(service: Service, kind: str) -> dict[str, Any]:
    """One kind's counts; rates are null while nothing is finished. Raises ProbeFailed."""
    table, amount, late, delayed_name = _KINDS[kind]
    limit = service.monitor.probing.retry_limit
    now = await app_now(service)
    found = await service.monitor.ports.database.select(
        f"SELECT status, COUNT(*) AS n, SUM({amount}) AS total,"  # noqa: S608 — names and integers of ours; every value is bound
        " SUM(CASE WHEN retry_count >= :limit THEN 1 ELSE 0 END) AS dead,"
        f" SUM(CASE WHEN requested_at < :late THEN 1 ELSE 0 END) AS late FROM {table} GROUP BY status",
        {"limit": limit, "late": column(now - timedelta(seconds=late))},
    )
    by = {str(row["status"]): row for row in found}
    count = {status: int(by[status]["n"]) if status in by else 0 for status in ("SUCCESS", "FAILED", "PENDING")}
    finished = count["SUCCESS"] + count["FAILED"]
    reasons = await service.monitor.ports.database.select(
        f"SELECT pg_response_code, COUNT(*) AS n FROM {table} WHERE status = 'FAILED'"  # noqa: S608 — names and integers of ours; every value is bound
        " GROUP BY pg_response_code ORDER BY n DESC LIMIT 10"
    )
    dead = int(by["FAILED"]["dead"] or 0) if "FAILED" in by else 0
    delayed = int(by["PENDING"]["late"] or 0) if "PENDING" in by else 0
    failure = round(100 * count["FAILED"] / finished, 2) if finished else None
    return {
        "totalCount": sum(int(row["n"]) for row in found),
        "successCount": count["SUCCESS"],
        "failedCount": count["FAILED"],
        "pendingCount": count["PENDING"],
        "totalAmount": sum(int(row["total"] or 0) for row in found),
        "deadLetterCount": dead,
        delayed_name: delayed,
        "failureDetails": {str(row["pg_response_code"]): int(row["n"]) for row in reasons},
        "successRate": round(100 - failure, 2) if failure is not None else None,
        "failureRate": failure,
        "healthStatus": "UNHEALTHY" if dead else "DEGRADED" if delayed or (failure or 0) > 20 else "HEALTHY",
    }


def pages(service: Service) -> APIRouter:
    """The routers of /stats and /api/admin."""
    router = APIRouter()

    @router.get("/stats/settlement")
    async def _settlement() -> dict[str, Any]:
        return await figures(service, "settlement")

    @router.get("/stats/refund")
    async def _refund() -> dict[str, Any]:
        return await figures(service, "refund")

    @router.get("/stats/overview")
    async def _overview() -> dict[str, Any]:
        return {"settlement": await figures(service, "settlement"), "refund": await figures(service, "refund")}

    def refused() -> JSONResponse:
        text = "이 서비스는 읽기 전용입니다. dari 부하 테스트를 쓰세요 this service only reads; use the load-test tools"
        return JSONResponse({"error": True, "code": "not_allowed", "message": text}, 403)

    @router.post("/api/admin/tests/{name:path}")
    async def _run(name: str) -> JSONResponse:
        del name
        return refused()

    @router.get("/api/admin/tests/status/{number}")
    async def _status(number: str) -> JSONResponse:
        return JSONResponse({"error": True, "message": f"테스트 없음 no such test: {number[:64]}"}, 404)

    @router.get("/api/admin/reports/{name:path}")
    async def _report(name: str) -> JSONResponse:
        return JSONResponse({"error": True, "message": f"보고서 없음 no such report: {name[:64]}"}, 404)

    return router
