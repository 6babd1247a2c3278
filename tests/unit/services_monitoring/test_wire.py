"""The service over a living platform in virtual time: the original's paths and fields, and what changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dari.services.monitoring.adapters.in_process import ports_of
from dari.services.monitoring.api.shared import Service
from dari.services.monitoring.app import create_app
from dari.services.monitoring.monitor import Monitor
from dari.services.payments.ports import KeyValueError, StoreError
from dari.services.payments.sandbox import Sandbox

M = "/monitoring"
PATHS: dict[str, set[str]] = {
    f"{M}/circuit-breaker/status": {"state", "numberOfFailedCalls", "failureRate", "analysis", "healthStatus"},
    f"{M}/circuit-breaker/health": {"healthy", "state", "failureRate", "message"},
    f"{M}/circuit-breaker/diagnose": {"state", "failureRate", "slowCallRate", "issues", "recommendations", "metrics"},
    f"{M}/circuit-breaker/history": {"count", "transitions"},
    f"{M}/circuit-breaker/failure-pattern": {"sent", "failed", "errors"},
    f"{M}/database/payments?filter=failed payments last hour": {"count", "filter", "payments", "understood", "ignored"},
    f"{M}/database/statistics?timeRange=last_hour": {"timeRange", "overall", "byStatus", "topMerchants"},
    f"{M}/database/outbox?maxAgeMinutes=5": {"healthy", "message", "events"},
    f"{M}/database/stats": {"ledgerEntryCount", "outboxEvents", "settlementsByStatus", "refundsByStatus"},
    f"{M}/database/reconciliation": {"balanced", "totalDebits", "totalCredits", "debitAccounts", "creditAccounts"},
    f"{M}/database/ledger?paymentId=1": {"count", "entries"},
    f"{M}/database/ledger?merchantId=MERCHANT-1": {"count", "entries"},
    f"{M}/database/duplicates": {"count", "keys", "doubleCharges"},
    f"{M}/database/timeline?paymentId=1": {"steps", "status", "waitingFor"},
    f"{M}/redis/rate-limit?merchantId=MERCHANT-1": {"merchantId", "currentCount", "limit", "remaining", "ttlSeconds"},
    f"{M}/redis/rate-limit/all": {"count", "rateLimits"},
    f"{M}/redis/rate-limit/blocked": {"count", "blockedMerchants", "message"},
    f"{M}/redis/rate-limit/near?thresholdPercentage=80": {"count", "merchants"},
    f"{M}/redis/idempotency?key=nope": {"exists", "idempotencyKey", "paymentId", "ttlSeconds", "message"},
    f"{M}/redis/stats": {"rateLimitKeys", "idempotencyKeys", "cacheKeys", "totalKeys", "blockedMerchants"},
    f"{M}/redis/cache-stats": {"rateLimitKeys", "hitRatePercent", "usedMemoryBytes"},
    f"{M}/redis/ttl-analysis": {"totalKeys", "analysis", "message"},
    f"{M}/kafka/topics": {"count", "topics", "message"},
    f"{M}/kafka/topic-stats": {"count", "topics", "message"},
    f"{M}/kafka/consumer-groups": {"count", "groups", "message"},
    f"{M}/kafka/consumer-lag?groupId=payment-consumer": {"groupId", "totalLag", "status", "partitions", "message"},
    f"{M}/kafka/dlq-messages?limit=5": {"topic", "count", "messages", "message"},
    f"{M}/kafka/dlq-triage": {"count", "groups"},
    f"{M}/kafka/settlement-dlq-count": {"count"},
    f"{M}/kafka/refund-dlq-count": {"count"},
    f"{M}/kafka/stats": {"totalTopics", "totalMessages"},
    f"{M}/kafka/health": {"healthy", "clusterId", "brokerCount", "message"},
    f"{M}/kafka/topic-details?topic=payment.captured": {"topic", "partitionCount", "partitions", "message"},
    f"{M}/kafka/conservation": {"topics", "status"},
    f"{M}/loadtest/latest-result": {"found", "summary", "filePath", "message"},
    f"{M}/loadtest/analyze": {"found", "analysis", "message"},
    f"{M}/loadtest/history?limit=5": {"count", "history"},
    f"{M}/loadtest/scenarios": {"scenarios"},
    "/stats/settlement": {"totalCount", "successCount", "failedCount", "pendingCount", "totalAmount", "healthStatus"},
    "/stats/refund": {"totalCount", "successCount", "deadLetterCount", "delayedRefunds"},
    "/stats/overview": {"settlement", "refund"},
    f"{M}/system/services": {"overall", "services"},
    f"{M}/system/overview": {"today", "outbox", "lag"},
    f"{M}/system/diagnose": {"status", "root_cause", "causes", "summary"},
    f"{M}/system/incident": {"verdict", "samples", "transitions"},
}


@dataclass
class Scene:
    sandbox: Sandbox
    monitor: Monitor
    client: httpx2.AsyncClient

    async def get(self, path: str, status: int = 200) -> dict[str, Any]:
        reply = await self.client.get(path)
        assert reply.status_code == status, (path, reply.status_code, reply.text[:300])
        said: dict[str, Any] = reply.json()
        return said

    async def checksum(self) -> str:
        """Every row of every table, every key with its expiry, every record and every committed offset."""
        tables = await self.sandbox.database.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        told: list[Any] = [
            [dict(row) for row in await self.sandbox.database.rows(f"SELECT * FROM {table['name']}")]
            for table in tables
        ]
        keys, _ = self.sandbox.keys.keys("*", 10**6)
        told.append([(key, *self.sandbox.keys.peek(key)) for key in keys])
        log = self.sandbox.log
        told.append([(t, len(part.records)) for t, topic in log.topics.items() for part in topic.partitions])
        told.append([(g, sorted(group.committed.items()), sorted(group.members)) for g, group in log.groups.items()])
        return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with Sandbox(5) as sandbox:
        monitor = Monitor(ports_of(sandbox.app()), sandbox.world_clock)
        sandbox.schedule.every(5, monitor.sample, "observer")
        sandbox.traffic(4, refunds=0.3)
        await sandbox.run(40)
        app = create_app(Service(monitor=monitor, results=tmp_path), beat=False)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://monitor", timeout=120) as client:
            yield Scene(sandbox, monitor, client)


async def test_every_path_answers_with_its_fields_and_changes_nothing(scene: Scene) -> None:
    before = await scene.checksum()
    for path, fields in PATHS.items():
        said = await scene.get(path)
        assert fields <= set(said), (path, fields - set(said))
    assert await scene.checksum() == before


async def test_what_is_not_allowed_or_unknown_is_said_with_a_status(scene: Scene) -> None:
    before = await scene.checksum()
    reply = await scene.client.delete(f"{M}/redis/rate-limit?merchantId=MERCHANT-1")
    assert reply.status_code == 403
    assert (await scene.client.post(f"{M}/loadtest/run", json={"enableCapture": True})).status_code == 403
    assert (await scene.client.post("/api/admin/tests/k6/full-flow", json={})).status_code == 403
    lag = await scene.get(f"{M}/kafka/consumer-lag?groupId=payment-consumer-group", 404)
    assert "payment-consumer" in lag["detail"]  # a group that does not exist is named, never lag 0
    await scene.get(f"{M}/kafka/topic-details?topic=nope", 404)
    await scene.get(f"{M}/kafka/dlq-messages?topic=payment.captured", 404)
    await scene.get(f"{M}/database/timeline?paymentId=99999999", 404)
    await scene.get(f"{M}/database/ledger", 400)
    await scene.get(f"{M}/database/statistics?timeRange=forever", 422)
    assert await scene.checksum() == before


async def test_a_part_that_is_away_is_unknown_and_never_healthy(scene: Scene) -> None:
    scene.sandbox.keys.outage = KeyValueError("ConnectionError", "refused")
    for path in ("redis/stats", "redis/rate-limit?merchantId=M", "redis/ttl-analysis"):
        said = await scene.get(f"{M}/{path}", 503)
        assert (said["error"], said["status"], said["component"]) == (True, "unknown", "redis")
    scene.sandbox.log.down = set(scene.sandbox.log.brokers)
    for path in ("kafka/topics", "kafka/health", "kafka/consumer-lag?groupId=payment-consumer", "kafka/dlq-messages"):
        assert (await scene.get(f"{M}/{path}", 503))["errorClass"] == "_TRANSPORT"
    scene.sandbox.database.outage = StoreError("OperationalError", "gone")
    for path in ("database/statistics", "database/outbox", "database/stats"):
        assert (await scene.get(f"{M}/{path}", 503))["component"] == "database"
    report = await scene.get(f"{M}/database/reconciliation")
    assert (report["balanced"], report["status"]) == (None, "unknown")
    services = (await scene.get(f"{M}/system/services"))["services"]
    assert {services[name]["status"] for name in ("kafka", "redis", "database", "outbox", "consumers", "ledger")} == {
        "unknown"
    }
    overview = await scene.get(f"{M}/system/overview")
    assert overview["today"] == {"count": None, "amount": None}


async def test_a_filter_is_run_as_understood_and_pages_meet_without_gap(scene: Scene) -> None:
    said = await scene.get(f"{M}/database/payments?filter=2만원 이상 금액 큰 순&limit=7")
    assert said["understood"]["min_amount"] == 20_000
    assert said["understood"]["order"] == "largest"
    seen = [row["payment_id"] for row in said["payments"]]
    amounts = [row["amount"] for row in said["payments"]]
    while said["nextCursor"]:
        said = await scene.get(
            f"{M}/database/payments?filter=2만원 이상 금액 큰 순&limit=7&cursor={said['nextCursor']}"
        )
        seen += [row["payment_id"] for row in said["payments"]]
        amounts += [row["amount"] for row in said["payments"]]
    rows = await scene.sandbox.database.rows("SELECT COUNT(*) AS n FROM payment WHERE amount >= 20000")
    assert len(seen) == len(set(seen)) == rows[0]["n"]
    assert amounts == sorted(amounts, reverse=True)
    refused = await scene.get(f"{M}/database/payments?filter=취소 아닌 결제")
    assert (refused["status"], refused["count"], refused["payments"]) == ("needs_clarification", None, [])


async def test_structured_parameters_reach_the_same_rows(scene: Scene) -> None:
    by_text = await scene.get(f"{M}/database/payments?filter=captured payments at least 30000 won&limit=200")
    by_field = await scene.get(f"{M}/database/payments?status=CAPTURED&min_amount=30000&limit=200")
    assert by_text["payments"] == by_field["payments"] != []
    assert {row["status"] for row in by_field["payments"]} == {"CAPTURED"}


@pytest.mark.parametrize("nested", [False, True])
async def test_both_shapes_of_k6_summaries_are_read(scene: Scene, tmp_path: Path, nested: bool) -> None:  # noqa: FBT001 — a parameter
    figures = {
        "http_req_duration": {"avg": 40.0, "p(95)": 85.0, "max": 300.0},
        "http_req_failed": {"rate" if nested else "value": 0.002},
        "http_reqs": {"count": 96_000.0, "rate": 200.0},
    }
    metrics = {name: {"values": value} if nested else value for name, value in figures.items()}
    (tmp_path / "summary-1.json").write_text(json.dumps({"metrics": metrics}))
    said = (await scene.get(f"{M}/loadtest/analyze"))["analysis"]
    assert (said["performanceGrade"], said["failureRate"], said["throughput"]) == ("EXCELLENT", 0.2, 200.0)
    assert said["responseTime"]["p95"] == "85.00 ms"
    assert (await scene.get(f"{M}/loadtest/history"))["count"] == 1
