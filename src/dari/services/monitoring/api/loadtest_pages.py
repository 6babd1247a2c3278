"""Load-test summaries of k6 in both shapes (flat of --summary-export, nested of handleSummary), graded."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from dari.core.clock import KST
from dari.services.monitoring.api.shared import Service
from dari.services.monitoring.load_shapes import SHAPES

SCENARIOS: Final = tuple({"name": shape.name, "description": shape.description} for shape in SHAPES.values())
POOR_FAILURES, FAIR_MS, GOOD_MS = 1.0, 200.0, 100.0
PERCENTILES: Final = {"median": "med", "p90": "p(90)", "p95": "p(95)", "p99": "p(99)"}
BIGGEST: Final = 5_000_000


def values(summary: dict[str, Any], metric: str) -> dict[str, float]:
    """One metric's figures, whichever shape the file has; empty when it is not there."""
    found = summary.get("metrics", {}).get(metric, {})
    inner = found.get("values", found)
    return {
        name: float(value)
        for name, value in inner.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def analysed(summary: dict[str, Any]) -> dict[str, Any]:
    """Grade and figures: failures above 1 % are POOR, p95 above 200 ms FAIR, above 100 ms GOOD, else EXCELLENT."""
    times = values(summary, "http_req_duration")
    failed = values(summary, "http_req_failed")
    share = failed.get("rate", failed.get("value"))
    failure = None if share is None else round(share * 100, 3)
    p95 = times.get("p(95)")
    if failure is None or p95 is None:
        grade = "unknown"
    elif failure > POOR_FAILURES:
        grade = "POOR"
    else:
        grade = "FAIR" if p95 > FAIR_MS else "GOOD" if p95 > GOOD_MS else "EXCELLENT"
    advice = {
        "POOR": ["실패 원인을 먼저 확인하세요 find why requests fail: diagnose_issues"],
        "FAIR": ["p95가 200ms를 넘습니다 p95 above 200 ms: check pool and cache"],
        "GOOD": ["p95가 100ms를 넘습니다 p95 above 100 ms"],
        "EXCELLENT": [],
        "unknown": ["요약에 http_req_duration 또는 http_req_failed가 없습니다 figures are missing"],
    }[grade]
    dropped = values(summary, "dropped_iterations").get("count")
    if dropped:
        advice.append(f"보내지 못한 요청 {dropped:.0f}건 iterations were dropped: the target was not reached")
    requests = values(summary, "http_reqs")

    def ms(name: str) -> str | None:
        return f"{times[name]:.2f} ms" if name in times else None

    return {
        "responseTime": {"avg": ms("avg"), "p95": ms("p(95)"), "p99": ms("p(99)"), "max": ms("max")},
        "successRate": None if failure is None else round(100 - failure, 3),
        "failureRate": failure,
        "throughput": requests.get("rate"),
        "requests": requests.get("count"),
        "droppedIterations": dropped,
        "conflicts409": values(summary, "conflicts_409").get("count"),
        "limited429": values(summary, "rate_limited_429").get("count"),
        "percentiles": {name: times[theirs] for name, theirs in PERCENTILES.items() if theirs in times},
        "run": ran(summary),
        "performanceGrade": grade,
        "gradeLimits": {"poorAboveFailurePercent": POOR_FAILURES, "fairAboveP95Ms": FAIR_MS, "goodAboveP95Ms": GOOD_MS},
        "recommendations": advice,
    }


def ran(summary: dict[str, Any]) -> dict[str, Any] | None:
    """What was run and what the books said after it, where Dari started it; a file of k6's own does not say."""
    noted = summary.get("dari")
    return dict(noted) if isinstance(noted, dict) else None


def summaries(folder: Path | None) -> list[tuple[Path, datetime]]:
    """Summary files, newest first."""
    if folder is None or not folder.is_dir():
        return []
    found = [
        (path, datetime.fromtimestamp(path.stat().st_mtime, UTC).astimezone(KST))
        for path in folder.glob("summary*.json")
    ]
    return sorted(found, key=lambda one: one[1], reverse=True)


def read(path: Path) -> dict[str, Any]:
    """A summary file, or empty when it is not one."""
    try:
        if path.stat().st_size > BIGGEST:
            return {}
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) and isinstance(said.get("metrics"), dict) else {}


def pages(service: Service) -> APIRouter:
    """The router of /monitoring/loadtest."""
    router = APIRouter(prefix="/monitoring/loadtest")

    def readable() -> list[tuple[Path, datetime, dict[str, Any]]]:
        return [(path, when, said) for path, when in summaries(service.results) if (said := read(path))]

    @router.get("/latest-result")
    async def _latest() -> dict[str, Any]:
        found = readable()
        if not found:
            return {"found": False, "summary": None, "filePath": None, "message": "결과가 없습니다 no result yet"}
        path, when, said = found[0]
        return {
            "found": True,
            "summary": {"metrics": said["metrics"]},
            "filePath": path.name,
            "at": when.isoformat(),
            "analysis": analysed(said),
            "message": f"최근 결과 latest: {path.name}",
        }

    @router.get("/analyze")
    async def _analyze() -> dict[str, Any]:
        found = readable()
        if not found:
            return {"found": False, "analysis": None, "message": "결과가 없습니다 no result yet"}
        said = analysed(found[0][2])
        return {"found": True, "analysis": said, "filePath": found[0][0].name, "message": f"{said['performanceGrade']}"}

    @router.get("/history")
    async def _history(limit: Annotated[int, Query(ge=1, le=100)] = 5) -> dict[str, Any]:
        found = readable()
        rows = [{"file": path.name, "at": when.isoformat(), **analysed(said)} for path, when, said in found[:limit]]
        return {"count": len(rows), "total": len(found), "history": rows, "message": f"{len(rows)}건 results"}

    @router.get("/scenarios")
    async def _scenarios() -> dict[str, Any]:
        return {"count": len(SCENARIOS), "scenarios": list(SCENARIOS), "message": f"{len(SCENARIOS)}개 scenarios"}

    @router.post("/run")
    async def _run() -> JSONResponse:
        text = "부하 테스트는 승인된 계획으로만 실행됩니다 a load test runs only through an applied plan"
        return JSONResponse({"error": True, "code": "not_allowed", "message": text}, 403)

    return router
