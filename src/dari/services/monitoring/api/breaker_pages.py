"""Circuit breaker: status, health, diagnosis, and the history that tells why it opened at two."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from dari.services.monitoring.api.shared import Service, need, seoul
from dari.services.monitoring.diagnosis.derive import percent
from dari.services.monitoring.probes.snapshot import Snapshot, moment

_SAID = {
    "CLOSED": ("정상", "calls pass"),
    "OPEN": ("차단", "calls are refused"),
    "HALF_OPEN": ("복구 확인 중", "a few calls are tried"),
    "FORCED_OPEN": ("강제 차단", "an operator refuses calls"),
    "DISABLED": ("비활성", "calls pass uncounted"),
    "METRICS_ONLY": ("계측만", "calls pass, counted"),
}


def _health(state: str, rate: float) -> str:
    if state in {"OPEN", "FORCED_OPEN"}:
        return "UNHEALTHY"
    if state == "HALF_OPEN":
        return "RECOVERING"
    return "DEGRADED" if rate > 20 else "HEALTHY"


async def _breaker(service: Service, name: str) -> tuple[Snapshot, dict[str, Any]]:
    snapshot = await service.monitor.looker.look()
    need(snapshot, "app.breakers")
    known = snapshot.breakers or {}
    if name not in known:
        raise HTTPException(404, f"그런 서킷 브레이커가 없습니다 there is no such breaker, only {', '.join(known)}")
    return snapshot, dict(known[name])


def transitions(service: Service, snapshot: Snapshot, name: str | None = None) -> list[dict[str, Any]]:
    """State changes with their times, oldest first: the platform's own log, joined with what our samples saw."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in [*service.monitor.history, snapshot]:
        for event in one.events or ():
            if event.get("type") != "STATE_TRANSITION":
                continue
            moved = moment(event["creationTime"])
            key = (str(event["circuitBreakerName"]), str(event["creationTime"]), str(event["stateTransition"]))
            if moved and name in (None, key[0]):
                found[key] = {
                    "circuitBreakerName": key[0],
                    "at": moved.isoformat(timespec="milliseconds"),
                    "transition": key[2],
                }
    return sorted(found.values(), key=lambda row: str(row["at"]))


def pages(service: Service) -> APIRouter:
    """The router of /monitoring/circuit-breaker."""
    router = APIRouter(prefix="/monitoring/circuit-breaker")

    @router.get("/status")
    async def _status(name: str = "kafka-publisher") -> dict[str, Any]:
        snapshot, said = await _breaker(service, name)
        state = str(said["state"])
        ko, en = _SAID.get(state, ("알 수 없음", "unknown"))
        rate = percent(said["failureRate"])
        return {
            **said,
            "name": name,
            "failureRatePercent": rate,
            "slowCallRatePercent": percent(said["slowCallRate"]),
            "analysis": {"status": state, "description": f"{state}: {ko} {en}"},
            "healthStatus": _health(state, rate),
            "since": next((row["at"] for row in reversed(transitions(service, snapshot, name))), None),
            "breakers": {one: known["state"] for one, known in (snapshot.breakers or {}).items()},
        }

    @router.get("/health")
    async def _healthy() -> dict[str, Any]:
        _, said = await _breaker(service, "kafka-publisher")
        rate = percent(said["failureRate"])
        healthy = said["state"] == "CLOSED" and rate < 10
        return {
            "healthy": healthy,
            "state": said["state"],
            "failureRate": said["failureRate"],
            "message": f"{said['state']}, 실패율 failure rate {said['failureRate']}",
        }

    @router.get("/diagnose")
    async def _diagnose() -> dict[str, Any]:
        snapshot, said = await _breaker(service, "kafka-publisher")
        verdict = await service.monitor.diagnose()
        about = [
            one
            for one in verdict["causes"]
            if "BREAKER_OPEN" in one["explains"]
            or "breaker" in one["component"]
            or one["component"].startswith("kafka")
        ]
        return {
            "state": said["state"],
            "failureRate": said["failureRate"],
            "slowCallRate": said["slowCallRate"],
            "issues": [f"{one['id']}: {one['ko']} {one['en']}" for one in about],
            "recommendations": [f"{one['next_step']}: {one['disproof']}" for one in about],
            "metrics": {key: value for key, value in said.items() if key.startswith("numberOf")},
            "causes": about,
            "status": verdict["status"],
            "unknown": verdict["unknown"],
            "transitions": transitions(service, snapshot, "kafka-publisher")[-30:],
        }

    @router.get("/history")
    async def _history(
        since: datetime | None = None,
        until: datetime | None = None,
        name: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        snapshot = await service.monitor.looker.look()
        need(snapshot, "app.breakers")
        since, until = seoul(since), seoul(until)
        rows = [
            row
            for row in transitions(service, snapshot, name)
            if (since is None or datetime.fromisoformat(row["at"]) >= since)
            and (until is None or datetime.fromisoformat(row["at"]) < until)
        ]
        return {
            "count": len(rows),
            "transitions": rows[-limit:],
            "truncated": len(rows) > limit,
            "samples": _samples(service, snapshot),
        }

    @router.get("/failure-pattern")
    async def _pattern(minutes: Annotated[int, Query(ge=1, le=1440)] = 60) -> dict[str, Any]:
        """Publish errors by class and topic, and the breaker's moves, out of our own history."""
        snapshot = await service.monitor.looker.look()
        need(snapshot, "app.metrics")
        seconds = minutes * 60.0
        grown = service.monitor.history.growth(snapshot, "outbox_publish_total", seconds)
        span = service.monitor.history.span(snapshot, seconds)
        errors: dict[tuple[str, str], float] = {}
        totals: dict[str, float] = {}
        for labels, value in (grown or {}).items():
            known = dict(labels)
            totals[known.get("outcome", "")] = totals.get(known.get("outcome", ""), 0) + value
            if known.get("outcome") == "error" and value:
                key = (known.get("error", ""), known.get("topic", ""))
                errors[key] = errors.get(key, 0) + value
        sent = totals.get("ok", 0) + totals.get("error", 0)
        start = snapshot.at - timedelta(seconds=seconds)
        return {
            "windowSeconds": span,
            "asked": minutes * 60,
            "sent": round(sent) if grown is not None else None,
            "failed": round(totals.get("error", 0)) if grown is not None else None,
            "failureRatePercent": round(100 * totals.get("error", 0) / sent, 2) if sent else None,
            "skippedWhileOpen": round(totals.get("skipped", 0)) if grown is not None else None,
            "errors": [
                {"error": e, "topic": t, "count": round(n)}
                for (e, t), n in sorted(errors.items(), key=lambda one: -one[1])
            ],
            "transitions": [
                row for row in transitions(service, snapshot) if datetime.fromisoformat(str(row["at"])) >= start
            ],
            "message": "기록이 아직 없습니다 no history yet"
            if grown is None
            else f"{round(sent)}건 중 {round(totals.get('error', 0))}건 실패 failed",
        }

    return router


def _samples(service: Service, snapshot: Snapshot) -> dict[str, Any]:
    """How far back our own samples reach."""
    first = next(iter(service.monitor.history), None)
    return {"count": len(service.monitor.history), "since": (first or snapshot).at.isoformat()}
