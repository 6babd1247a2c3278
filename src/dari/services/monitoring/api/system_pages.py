"""The whole system: every part's health, an overview in figures, the diagnosis, a snapshot of an incident."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query

from dari.services.monitoring.api.breaker_pages import transitions
from dari.services.monitoring.api.shared import Service, app_now
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.probes.snapshot import Snapshot, column


def services(snapshot: Snapshot, facts: Facts) -> dict[str, Any]:
    """Each part: healthy | degraded | down | unknown, with the figure it rests on; a failed probe is never healthy."""

    def part(name: str, good: bool | None, text: str, **more: Any) -> dict[str, Any]:  # noqa: FBT001 — one private call
        failed = snapshot.failures.get(name)
        if failed:
            return {"status": "unknown", "errorClass": failed[0], "message": f"확인 불가 unknown: {failed[0]}", **more}
        return {"status": "unknown" if good is None else "healthy" if good else "degraded", "message": text, **more}

    breaker = facts.get("breaker.kafka-publisher")
    kafka_ok = "kafka.absent" in facts and not (
        facts.get("kafka.absent")
        or facts.get("partitions.offline")
        or facts.get("partitions.under_min")
        or facts.get("topics.missing")
    )
    lags = {
        name: facts.get(f"groups.{name}")
        for name in ("payment-consumer", "settlement-worker-group", "refund-worker-group")
    }
    groups_ok = (
        None
        if any(one is None for one in lags.values())
        else all(one and (one["members"] != 0 or one["waiting"] == 0) for one in lags.values())
    )
    return {
        "application": part(
            "app.info",
            snapshot.info is not None,
            str((snapshot.info or {}).get("instance", "")),
            health=facts.get("app.health"),
        ),
        "circuitBreaker": part(
            "app.breakers",
            breaker["state"] == "CLOSED" if breaker else None,
            breaker["state"] if breaker else "unknown",
        ),
        "kafka": part(
            "kafka",
            kafka_ok,
            f"브로커 {len(facts.get('kafka.brokers', []))}개 brokers",
            missingTopics=facts.get("topics.missing"),
        ),
        "consumers": part(
            "kafka",
            groups_ok,
            "컨슈머 그룹 consumer groups",
            groups={
                name: {"members": one["members"], "lag": one["lag"], "waiting": one["waiting"]} if one else None
                for name, one in lags.items()
            },
        ),
        "redis": part(
            "redis",
            snapshot.redis is not None,
            f"키 {facts.get('redis.keys')}개 keys",
            milliseconds=facts.get("redis.ms"),
        ),
        "database": part(
            "database",
            snapshot.database is not None,
            f"결제 {sum((facts.get('database.statuses') or {}).values())}건 payments",
            milliseconds=facts.get("database.ms"),
        ),
        "outbox": part(
            "database",
            (facts.get("outbox.oldest_age") or 0) < 60,
            f"미발행 {facts.get('outbox.unpublished')}건 unpublished",
        ),
    }


def summary(verdict: dict[str, Any]) -> dict[str, str]:
    """The verdict in a sentence, in both languages."""
    causes: Sequence[dict[str, Any]] = verdict["causes"]
    if causes:
        return {"ko": " · ".join(one["ko"] for one in causes), "en": " · ".join(one["en"] for one in causes)}
    if verdict["status"] == "unknown":
        names = ", ".join(one["probe"] for one in verdict["unknown"] if not one["accountedFor"])
        return {"ko": f"판단 보류: {names} 확인 불가", "en": f"No verdict: {names} could not be read"}
    if verdict["status"] == "symptoms_only":
        names = ", ".join(one["id"] for one in verdict["unexplained_symptoms"])
        return {
            "ko": f"증상은 있으나 원인을 찾지 못했습니다: {names}",
            "en": f"Symptoms without a known cause: {names}",
        }
    return {"ko": "문제가 없습니다.", "en": "No problems found."}


def pages(service: Service) -> APIRouter:
    """The router of /monitoring/system."""
    router = APIRouter(prefix="/monitoring/system")
    monitor = service.monitor

    @router.get("/services")
    async def _services() -> dict[str, Any]:
        snapshot = await monitor.looker.look()
        facts = await monitor.facts(snapshot)
        found = services(snapshot, facts)
        findings = facts.get("ledger.findings")
        found["ledger"] = {
            "status": "unknown" if findings is None else "degraded" if findings else "healthy",
            "message": "확인 불가 unknown" if findings is None else f"불일치 {len(findings)}건 contradictions",
        }
        worst = {one["status"] for one in found.values()}
        overall = "unknown" if "unknown" in worst else "degraded" if "degraded" in worst else "healthy"
        return {"overall": overall, "services": found, "checkedAt": snapshot.at.isoformat()}

    @router.get("/overview")
    async def _overview() -> dict[str, Any]:
        snapshot = await monitor.looker.look()
        facts = await monitor.facts(snapshot)
        now = await app_now(service)
        today: dict[str, Any] = {"count": None, "amount": None}
        if snapshot.database is not None:
            rows = await monitor.ports.database.select(
                "SELECT COUNT(*) AS n, COALESCE(SUM(amount), 0) AS total FROM payment WHERE requested_at >= :since",
                {"since": column(now.replace(hour=0, minute=0, second=0, microsecond=0))},
            )
            today = {"count": int(rows[0]["n"]), "amount": int(rows[0]["total"])}
        return {
            "today": today,
            "requestsPerSecond": facts.get("traffic.rps"),
            "usualRequestsPerSecond": facts.get("traffic.usual_rps"),
            "authorizeOkShare": facts.get("http.authorize_ok_share"),
            "authorizeP95Ms": facts.get("http.p95_ms"),
            "outbox": {
                "unpublished": facts.get("outbox.unpublished"),
                "oldestAgeSeconds": facts.get("outbox.oldest_age"),
                "slopePerSecond": facts.get("outbox.slope"),
            },
            "lag": {
                name.removeprefix("groups."): (facts.get(name) or {}).get("waiting")
                for name in ("groups.payment-consumer", "groups.settlement-worker-group", "groups.refund-worker-group")
            },
            "newDeadLetters": len(facts["letters.new"]) if "letters.new" in facts else None,
            "redisKeys": facts.get("redis.keys"),
            "breakers": {
                name.removeprefix("breaker."): (facts.get(name) or {}).get("state")
                for name in ("breaker.kafka-publisher", "breaker.pg-auth-api")
            },
            "clockOffsets": facts.get("clock.offsets"),
            "unknown": sorted(snapshot.failures),
            "checkedAt": snapshot.at.isoformat(),
        }

    @router.get("/diagnose")
    async def _diagnose() -> dict[str, Any]:
        verdict = await monitor.diagnose()
        return {**verdict, "summary": summary(verdict)}

    @router.get("/incident")
    async def _incident(minutes: Annotated[int, Query(ge=1, le=60)] = 30) -> dict[str, Any]:
        """Diagnosis, the breaker's moves and a line of samples: what one would paste into an incident's page."""
        verdict = await monitor.diagnose()
        snapshot = await monitor.looker.look()
        line = monitor.history.since(snapshot, minutes * 60.0)
        step = max(1, len(line) // 30)
        samples = [
            {
                "at": one.at.isoformat(timespec="seconds"),
                "unpublished": one.database.unpublished if one.database else None,
                "brokers": len(one.cluster.brokers) if one.cluster else None,
                "redisKeys": None if one.redis is None else sum(1 for _ in one.counters or ()),
                "breaker": (one.breakers or {}).get("kafka-publisher", {}).get("state"),
                "failures": sorted(one.failures),
            }
            for one in line[::step]
        ]
        return {
            "verdict": verdict,
            "summary": summary(verdict),
            "transitions": transitions(service, snapshot)[-50:],
            "samples": samples,
        }

    return router
