"""Edges of single tools: arguments that do not go together, an application that is away, books that were falsified."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from unittest import mock

import pytest

from dari.services.monitoring.adapters.in_process import ProbePages
from dari.services.monitoring.ports import Page, ProbeFailed
from dari.services.payments.faults.tampering import tamper
from dari.services.payments.ports import Message
from tests.unit.payments.living import System, system


@pytest.fixture
async def living(tmp_path: Path) -> AsyncIterator[System]:
    async with system(tmp_path, DARI_PAYMENTS_OPERATOR_TOKEN="t") as one:
        await one.begun()
        yield one


async def test_arguments_that_do_not_go_together(living: System) -> None:
    for server, tool, arguments in (
        ("payment-database", "query_ledgers", {}),
        ("payment-database", "query_ledgers", {"query_type": "by_payment"}),
        ("payment-database", "query_payments", {"cursor": "not-one", "status": ["CAPTURED"]}),
        ("payment-circuit-breaker", "analyze_failure_pattern", {"time_range": "9d"}),
        ("payment-circuit-breaker", "analyze_failure_pattern", {"time_range": "an hour"}),
        ("payment-loadtest", "run_load_test", {"enable_refund": True}),
        ("payment-redis", "check_rate_limit", {"merchant_id": "M", "action": "void"}),
    ):
        outcome = await living.ask(server, tool, **arguments)
        assert outcome.error == "invalid_input", (tool, arguments, outcome.text)


async def test_an_application_that_is_away(living: System) -> None:
    async def silent(_: ProbePages, path: str) -> Page:
        raise ProbeFailed("app", "ConnectError", path)

    with mock.patch.object(ProbePages, "get", silent):
        told = await living.ask("payment-circuit-breaker", "get_circuit_breaker_status")
        assert (told.structured["state"], told.structured["status"]) == (None, "unknown")
        assert {gap["field"] for gap in told.structured["gaps"]} == {"state", "health"}
        kafka = await living.told("payment-kafka", "check_kafka_health")
        assert kafka["healthy"] is None
        assert kafka["breaker_state"] is None
        limit = await living.told("payment-redis", "check_rate_limit", merchant_id="MERCHANT-1")
        assert (limit["limit"], limit["status"]) == (None, "unknown")
        near = await living.told("payment-redis", "find_merchants_hitting_limits")
        assert (near["count"], near["status"]) == (None, "unknown")
        assert near["gaps"]
        listed = await living.told("payment-redis", "list_rate_limit_keys")
        assert {row["status"] for row in listed["rate_limits"]} == {"unknown"}
        diagnosis = await living.ask("payment-circuit-breaker", "diagnose_circuit_breaker")
        assert diagnosis.error == "unreachable"


async def test_events_on_their_way_are_counted(living: System) -> None:
    living.kafka_away()
    await living.living.sandbox.authorize("MERCHANT-1", 1_000)
    await living.pass_time(5)
    outcome = await living.ask("payment-database", "check_outbox_status", max_age_minutes=0)
    assert outcome.structured["healthy"] is False
    assert outcome.structured["status"] == "unhealthy"
    assert outcome.structured["count"] == len(outcome.structured["events"]) > 0
    assert "미발행" in outcome.text


async def test_a_falsified_entry_is_named(living: System) -> None:
    living.living.sandbox.schedule.cancel("traffic")
    assert await living.living.sandbox.settle()
    falsified = await tamper(living.living.sandbox, "ledger amount_changed")
    outcome = await living.ask("payment-database", "reconciliation_check")
    assert outcome.structured["balanced"] is False
    rows = {row for finding in outcome.structured["findings"] for row in finding["rows"]}
    assert rows & set(falsified.rows)
    assert outcome.structured["first_broken_link"]
    assert "INCONSISTENT" in outcome.text
    services = await living.told("payment-system-health", "check_all_services")
    assert services["services"]["ledger"]["status"] == "degraded"
    verdict = await living.ask("payment-system-health", "diagnose_issues")
    assert verdict.structured["root_cause"] == "LEDGER_TAMPERED"
    assert "disproof" in verdict.text


async def test_reused_keys_and_the_key_store(living: System) -> None:
    sandbox = living.living.sandbox
    first = await sandbox.authorize("MERCHANT-1", 1_000, key="same")
    await sandbox.authorize("MERCHANT-1", 2_000, key="same")
    told = await living.ask("payment-database", "find_duplicate_idempotency", merchant_id="MERCHANT-1")
    assert told.structured["keys"][0]["idempotency_key"] == "same"
    assert told.structured["double_charges"] == []
    assert "거절 1회" in told.text
    found = await living.ask("payment-redis", "idempotency_lookup", merchant_id="MERCHANT-1", idempotency_key="same")
    assert found.structured["exists"] is True
    assert found.structured["payment_id"] == json.loads(first.body)["paymentId"]
    assert "TTL" in found.text
    sandbox.keys._held["rate:authorize:STUCK"] = ("24000", float("inf"))
    near = await living.ask("payment-redis", "find_merchants_hitting_limits", threshold_percentage=80)
    assert near.structured["merchants"][0]["merchant_id"] == "STUCK"
    assert "⚠️" in near.text


async def test_a_stranger_among_the_letters_is_not_replayed(living: System) -> None:
    refused = await living.ask("payment-kafka", "plan_dlq_replay", error_type="NoSuchError")
    assert refused.error == "not_found"
    await living.living.sandbox.log.publish([Message("payment.dlq", "{not json", None, {})])
    told = await living.told("payment-kafka", "get_dlq_messages", limit=5)
    assert told["messages"][0]["untrusted_text"] == "{not json"


async def test_results_of_load_tests(living: System) -> None:
    folder = living.living.results
    assert folder is not None
    nested = {"http_req_duration": {"values": {"p(95)": 250.0}}, "http_req_failed": {"values": {"rate": 0.0}}}
    flat = {
        "http_req_duration": {"p(95)": 90.0},
        "http_req_failed": {"value": 0.05},
        "dropped_iterations": {"count": 7},
    }
    (folder / "summary-1.json").write_text(json.dumps({"metrics": nested}))
    assert (await living.told("payment-loadtest", "get_latest_result"))["analysis"]["performance_grade"] == "FAIR"
    (folder / "summary-2.json").write_text(json.dumps({"metrics": flat}))
    (folder / "summary-3.json").write_text("not a result")
    outcome = await living.ask("payment-loadtest", "get_test_history", limit=5)
    assert outcome.structured["count"] == 2
    assert outcome.structured["change"]["throughput"] is None
    assert "p95" in outcome.text
    analysed = await living.ask("payment-loadtest", "analyze_performance")
    assert analysed.structured["analysis"]["performance_grade"] in {"POOR", "FAIR"}
    missing = await living.ask("payment-loadtest", "compare_load_tests", before="summary-9.json")
    assert missing.error == "not_found"
    both = await living.told("payment-loadtest", "compare_load_tests")
    assert {gap["field"] for gap in both["gaps"]} >= {"change.throughput"}
