"""What an operator may have done: planned by a read, applied once where armed, refused where facts have changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dari.core.progress import heard_by
from dari.services.payments.ports import Message
from tests.unit.payments.living import ARMED, TOKEN, System, system


@pytest.fixture
async def armed(tmp_path: Path) -> AsyncIterator[System]:
    async with system(tmp_path, **ARMED) as one:
        await one.begun()
        yield one


async def applied(living: System, server: str, plan: Mapping[str, Any]) -> Any:
    return await living.ask(server, "apply_plan", plan_id=plan["plan_id"], fingerprint=plan["fingerprint"])


async def test_a_counter_is_cleared_only_by_applying_the_plan(armed: System) -> None:
    merchant = await _busiest(armed)
    before = await armed.checksum()
    plan = await armed.told("payment-redis", "clear_rate_limit", merchant_id=merchant)
    assert plan["armed"] is True
    assert plan["account"] == "localhost:8082"
    assert merchant in plan["effect"]
    assert await armed.checksum() == before
    outcome = await applied(armed, "payment-redis", plan)
    assert outcome.error is None, outcome.text
    assert outcome.structured["outcome"] == "done"
    assert outcome.structured["found"]["cleared"] > 0
    told = await armed.told("payment-redis", "check_rate_limit", merchant_id=merchant)
    assert told["current_count"] == 0
    again = await applied(armed, "payment-redis", plan)
    assert again.error == "plan_refused"
    assert again.structured["details"]["reason"] == "used"
    status = await armed.told("payment-redis", "plan_status", plan_id=plan["plan_id"])
    assert status["outcome"] == "done"


async def _busiest(living: System) -> str:
    told = await living.told("payment-redis", "list_rate_limit_keys", limit=1)
    return str(told["rate_limits"][0]["merchant_id"])


async def test_a_window_that_has_restarted_is_another_window(armed: System) -> None:
    merchant = await _busiest(armed)
    plan = await armed.told("payment-redis", "clear_rate_limit", merchant_id=merchant)
    armed.living.sandbox.keys.flush_all()
    outcome = await applied(armed, "payment-redis", plan)
    assert outcome.error == "plan_refused"
    assert outcome.structured["details"]["reason"] == "changed"


async def test_another_fingerprint_is_refused(armed: System) -> None:
    plan = await armed.told("payment-redis", "clear_rate_limit", merchant_id=await _busiest(armed))
    outcome = await applied(armed, "payment-redis", {**plan, "fingerprint": "0" * 32})
    assert outcome.error == "plan_refused"
    assert outcome.structured["details"]["reason"] == "altered"


@pytest.mark.parametrize(
    ("without", "error"),
    [("DARI_REACH", "not_allowed"), ("DARI_PAYMENTS_OPERATE", "not_allowed"), ("DARI_PAYMENTS_OPERATOR_TOKEN", "")],
)
async def test_each_of_three_keys_is_needed(without: str, error: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in ARMED.items() if name != without}
    async with system(tmp_path, **environment) as living:
        await living.begun()
        plan = await living.told("payment-redis", "clear_rate_limit", merchant_id=await _busiest(living))
        before = await living.checksum()
        outcome = await applied(living, "payment-redis", plan)
        assert outcome.error == (error or "not_allowed")
        assert await living.checksum() == before
        policy = await living.told("payment-system-health", "show_policy")
        assert policy["server"]["reach"] == environment.get("DARI_REACH", "read")
        assert policy["server"]["armed"] is ("DARI_PAYMENTS_OPERATE" in environment)
        assert policy["operator"] is ("DARI_PAYMENTS_OPERATOR_TOKEN" in environment)
        assert TOKEN not in json.dumps(policy)


async def test_letters_that_can_succeed_are_replayed(armed: System) -> None:
    sandbox = armed.living.sandbox
    await sandbox.log.publish([Message("payment.captured", "no JSON at all", "1", {"eventId": "bad"})])
    reply = await sandbox.authorize("MERCHANT-7", 12_000)
    sandbox.gateway.down = True  # it is never captured, so the ledger waits for its capture and gives up
    event = {"paymentId": json.loads(reply.body)["paymentId"], "status": "REFUNDED", "amount": 12_000}
    early = Message("payment.refunded", json.dumps(event), str(event["paymentId"]), {"eventId": "early"})
    await sandbox.log.publish([early])
    await armed.pass_time(90)
    sandbox.gateway.down = False
    triage = await armed.told("payment-kafka", "dlq_triage", minutes=60)
    ways = {one["error_type"]: one["replayable"] for one in triage["groups"]}
    assert ways.pop("CaptureNotPosted") is True
    assert set(ways.values()) == {False}
    plan = await armed.told("payment-kafka", "plan_dlq_replay", minutes=60)
    outcome = await applied(armed, "payment-kafka", plan)
    assert outcome.error is None, outcome.text
    assert (outcome.structured["found"]["replayed"], outcome.structured["found"]["skipped"]) == (1, 0)
    assert "payment.dlq" in plan["effect"]


async def test_events_are_published_again_and_change_no_entry(armed: System) -> None:
    ledger = await armed.told("payment-database", "query_ledgers", payment_id=1)
    plan = await armed.told("payment-system-health", "plan_outbox_republish", payment_id=1)
    outcome = await applied(armed, "payment-system-health", plan)
    assert outcome.error is None, outcome.text
    assert outcome.structured["found"]["republished"] == 3
    await armed.pass_time(10)
    assert (await armed.told("payment-database", "query_ledgers", payment_id=1))["entries"] == ledger["entries"]
    told = await armed.told("payment-database", "reconciliation_check")
    assert told["balanced"] is True


async def test_a_breaker_is_reset_only_from_the_state_it_was_seen_in(armed: System) -> None:
    armed.kafka_away()
    await armed.pass_time(60)
    state = (await armed.told("payment-circuit-breaker", "get_circuit_breaker_status"))["state"]
    assert state in {"OPEN", "HALF_OPEN"}
    late = await armed.told("payment-system-health", "plan_breaker_reset")
    armed.kafka_away(away=False)
    await armed.pass_time(90)
    assert (await armed.told("payment-circuit-breaker", "get_circuit_breaker_status"))["state"] == "CLOSED"
    refused = await applied(armed, "payment-system-health", late)
    assert refused.error == "plan_refused"
    armed.kafka_away()
    await armed.pass_time(60)
    plan = await armed.told("payment-system-health", "plan_breaker_reset")
    outcome = await applied(armed, "payment-system-health", plan)
    assert outcome.error is None, outcome.text
    assert outcome.structured["found"]["state"] == "CLOSED"


async def test_a_load_test_within_limits_is_run_graded_and_compared(armed: System) -> None:
    for arguments in ({"rate": 999}, {"runner": "k6"}, {"target": "http://example.com"}):
        refused = await armed.ask("payment-loadtest", "run_load_test", **arguments)
        assert refused.error == "not_allowed", arguments
    before = len((await armed.told("payment-loadtest", "get_test_history"))["history"])
    assert before == 0
    plan = await armed.told("payment-loadtest", "run_load_test", rate=5, duration_seconds=1)
    outcome = await applied(armed, "payment-loadtest", plan)
    assert outcome.error is None, outcome.text
    assert outcome.structured["found"]["status"] == "running"
    steps: list[Mapping[str, Any]] = []
    with heard_by(steps.append):
        asked = {"test_id": outcome.structured["found"]["test_id"], "follow": True}
        ended = await armed.told("payment-loadtest", "load_test_progress", **asked)
    assert (ended["status"], ended["planned"], ended["answered"]) == ("ended", 5, 5)
    assert [one["status"] for one in (steps[0], steps[-1])] == ["running", "ended"]
    assert (ended["runner"], ended["ledger"]["status"], ended["ledger"]["findings"]) == ("builtin", "consistent", 0)
    nobody = await armed.ask("payment-loadtest", "load_test_progress", test_id="nobody")
    assert nobody.error == "not_found"
    for _ in range(100):
        told = await armed.told("payment-loadtest", "get_latest_result")
        if told["found"]:
            break
        await asyncio.sleep(0.1)
    assert told["summary"]["metrics"]["http_reqs"]["count"] == 5
    assert told["analysis"]["failure_rate"] == 0
    assert told["analysis"]["performance_grade"] in {"EXCELLENT", "GOOD", "FAIR"}


async def test_a_load_test_is_ended_early_only_by_a_plan(armed: System) -> None:
    plan = await armed.told("payment-loadtest", "run_load_test", rate=5, duration_seconds=60, scenario="soak")
    outcome = await applied(armed, "payment-loadtest", plan)
    started = outcome.structured["found"]["test_id"]
    stopping = await armed.told("payment-loadtest", "stop_load_test", test_id=started)
    assert (await armed.told("payment-loadtest", "load_test_progress", test_id=started))["status"] == "running"
    assert (await applied(armed, "payment-loadtest", stopping)).error is None
    ended = await armed.told("payment-loadtest", "load_test_progress", test_id=started, follow=True)
    assert ended["status"] == "stopped"
    assert ended["begun"] < ended["planned"] == 300
    again = await armed.told("payment-loadtest", "stop_load_test", test_id=started)
    assert again["status"] == "planned"


async def test_two_results_are_compared(armed: System) -> None:
    folder = _results(armed)
    for name, p95 in (("summary-1.json", 120.0), ("summary-2.json", 85.0)):
        duration = {"avg": 50.0, "p(95)": p95, "p(99)": p95 * 2, "max": p95 * 3}
        metrics = {
            "http_req_duration": duration,
            "http_req_failed": {"value": 0.002},
            "http_reqs": {"count": 9, "rate": 3},
        }
        (folder / name).write_text(json.dumps({"metrics": metrics}))
    outcome = await armed.ask("payment-loadtest", "compare_load_tests", before="summary-1.json", after="summary-2.json")
    assert outcome.structured["change"]["p95_ms"] == {"before": 120.0, "after": 85.0, "percent": -29.2}
    assert "개선" in outcome.text


def _results(living: System) -> Path:
    folder = living.living.results
    assert folder is not None
    return folder
