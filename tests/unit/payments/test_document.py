"""The source document's 32 tools and its literal example calls, over a living system that nothing may change."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import validate

from dari.app.servers import PAYMENT_SERVERS, server
from dari.core.endpoint import Effect
from dari.providers.payments.models import weight
from dari.serving.schemas import listed, output_schema
from tests.unit.payments.living import System, system

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOCUMENTED = {
    "payment-circuit-breaker": [
        *("get_circuit_breaker_status", "diagnose_circuit_breaker", "check_kafka_health", "analyze_failure_pattern"),
    ],
    "payment-database": [
        *("query_payments", "query_ledgers", "check_outbox_status", "find_duplicate_idempotency"),
        *("payment_statistics", "reconciliation_check"),
    ],
    "payment-redis": [
        *("check_rate_limit", "idempotency_lookup", "cache_stats", "clear_rate_limit", "list_rate_limit_keys"),
        *("find_merchants_hitting_limits", "ttl_analysis"),
    ],
    "payment-kafka": [
        *("list_topics", "get_topic_stats", "check_consumer_lag", "list_consumer_groups", "get_dlq_messages"),
        *("check_kafka_health", "get_topic_details"),
    ],
    "payment-loadtest": [
        *("run_load_test", "get_latest_result", "analyze_performance", "list_scenarios", "get_test_history"),
    ],
    "payment-system-health": ["check_all_services", "get_system_overview", "diagnose_issues"],
}
ADDED = {
    "payment-circuit-breaker": ["breaker_history"],
    "payment-database": ["payment_timeline", "event_conservation"],
    "payment-redis": ["apply_plan", "plan_status"],
    "payment-kafka": ["dlq_triage", "plan_dlq_replay", "apply_plan", "plan_status"],
    "payment-loadtest": ["compare_load_tests", "load_test_progress", "stop_load_test", "apply_plan", "plan_status"],
    "payment-system-health": [
        *(
            "incident_snapshot",
            "query_metrics",
            "show_policy",
            "plan_outbox_republish",
            "plan_breaker_reset",
            "apply_plan",
        ),
        "plan_status",
    ],
}
EXAMPLES: list[tuple[str, str, dict[str, Any]]] = [
    ("payment-circuit-breaker", "get_circuit_breaker_status", {}),
    ("payment-circuit-breaker", "check_kafka_health", {}),
    ("payment-circuit-breaker", "diagnose_circuit_breaker", {}),
    ("payment-database", "query_payments", {"filter": "failed payments last hour"}),
    ("payment-database", "query_ledgers", {"query_type": "by_merchant", "merchant_id": "TEST_123"}),
    ("payment-database", "reconciliation_check", {}),
    ("payment-database", "check_outbox_status", {"max_age_minutes": 5}),
    ("payment-redis", "check_rate_limit", {"merchant_id": "MERCHANT_X", "action": "authorize"}),
    ("payment-redis", "idempotency_lookup", {"merchant_id": "TEST", "idempotency_key": "ABC123"}),
    ("payment-redis", "cache_stats", {}),
    ("payment-redis", "find_merchants_hitting_limits", {"threshold_percentage": 80}),
    ("payment-kafka", "get_topic_stats", {"topic": "payment.captured"}),
    ("payment-kafka", "get_dlq_messages", {"limit": 10}),
    ("payment-loadtest", "run_load_test", {"enable_capture": True}),
    ("payment-loadtest", "analyze_performance", {}),
    ("payment-loadtest", "get_test_history", {"limit": 5}),
    ("payment-system-health", "check_all_services", {}),
    ("payment-system-health", "get_system_overview", {}),
    ("payment-system-health", "diagnose_issues", {}),
    ("payment-redis", "check_rate_limit", {"merchant_id": "MERCHANT_X"}),
    ("payment-database", "payment_statistics", {}),
]
NEEDED: dict[str, dict[str, Any]] = {
    "check_rate_limit": {"merchant_id": "MERCHANT-1"},
    "clear_rate_limit": {"merchant_id": "MERCHANT-1"},
    "idempotency_lookup": {"idempotency_key": "s1-1"},
    "query_ledgers": {"payment_id": 1},
    "payment_timeline": {"payment_id": 1},
    "check_consumer_lag": {"group_id": "payment-consumer"},
    "get_topic_details": {"topic": "payment.captured"},
    "plan_outbox_republish": {"payment_id": 1},
    "plan_status": {"plan_id": "none"},
}
NOTHING_TO_PLAN = {"load_test_progress", "stop_load_test", "plan_dlq_replay", "compare_load_tests", "plan_status"}
"""Without letters, results or a plan these have nothing to tell, and say so."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def living(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with system(tmp_path_factory.mktemp("system"), 60.0, DARI_PAYMENTS_OPERATOR_TOKEN="t") as one:
        yield one


async def test_every_tool_of_the_document_is_there_and_no_other() -> None:
    assert list(DOCUMENTED) == list(PAYMENT_SERVERS)
    assert sum(map(len, DOCUMENTED.values())) == 32
    for name, tools in DOCUMENTED.items():
        assert [tool.name for _, tool in server(name).tools()] == [
            tool.name for _, tool in server(name).tools() if tool.name in {*tools, *ADDED[name]}
        ]
        assert {tool.name for _, tool in server(name).tools()} == {*tools, *ADDED[name]}


@pytest.mark.parametrize("name", DOCUMENTED)
async def test_a_client_reads_little(name: str) -> None:
    told = [listed(tool) for _, tool in server(name).tools()]
    for one in told:
        one.pop("outputSchema")
    assert sum(map(weight, told)) <= 5_000


async def test_only_applying_reaches_beyond_reading() -> None:
    for name in DOCUMENTED:
        beyond = {tool.name for _, tool in server(name).tools() if tool.effect is not Effect.READ}
        assert beyond == ({"apply_plan"} if "apply_plan" in ADDED[name] else set())


@pytest.mark.parametrize(("name", "tool", "arguments"), EXAMPLES)
async def test_the_documents_calls(name: str, tool: str, arguments: dict[str, Any], living: System) -> None:
    outcome = await living.ask(name, tool, **arguments)
    assert outcome.error is None, outcome.text
    assert outcome.structured["simulated"] is True
    assert any("가" <= sign <= "힣" for sign in outcome.text.removeprefix("[모의 데이터"))


async def test_a_group_that_does_not_exist_is_named_and_never_has_lag_zero(living: System) -> None:
    outcome = await living.ask("payment-kafka", "check_consumer_lag", group_id="payment-consumer-group")
    assert outcome.error == "not_found"
    assert "payment-consumer, refund-worker-group" in outcome.text
    assert "lag" not in outcome.structured
    known = await living.told("payment-kafka", "check_consumer_lag", group_id="payment-consumer")
    assert known["total_lag"] == 0
    assert known["members"] == 1


async def test_a_topic_that_does_not_exist_is_named(living: System) -> None:
    outcome = await living.ask("payment-kafka", "get_topic_stats", topic="payment.nowhere")
    assert outcome.error == "not_found"
    assert "payment.nowhere" in outcome.text


async def test_a_filter_says_what_it_was_read_as(living: System) -> None:
    told = await living.told("payment-database", "query_payments", filter="지난 1시간 실패한 결제")
    assert told["understood"]["statuses"] == ["AUTH_FAILED", "CAPTURE_FAILED", "REFUND_FAILED"]
    assert told["understood"]["since"] == "2026-11-20T09:30:00+09:00"
    assert told["understood"]["until"] == "2026-11-20T10:30:00+09:00"
    assert told["ignored"] == ["결제"]
    assert {row["status"] for row in told["payments"]} <= set(told["understood"]["statuses"])


async def test_parameters_and_a_moment_of_their_own(living: System) -> None:
    ask = partial(
        living.told,
        "payment-database",
        "query_payments",
        status=["CAPTURED"],
        min_amount=20_000,
        max_amount=30_000,
        since="2026-11-20T00:00:00",
        order="largest",
        limit=4,
    )
    told = await ask()
    amounts = [row["amount"] for row in told["payments"]]
    assert amounts == sorted(amounts, reverse=True)
    assert all(20_000 <= amount <= 30_000 for amount in amounts)
    assert len(amounts) == 4
    assert told["understood"]["since"] == "2026-11-20T00:00:00+09:00"
    rest = await ask(cursor=told["next_cursor"])
    numbers = {row["payment_id"] for row in told["payments"]}
    assert numbers.isdisjoint({row["payment_id"] for row in rest["payments"]})
    later = await living.told("payment-database", "query_payments", filter="last hour", now="2026-12-01T00:00:00+09:00")
    assert later["count"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        {"filter": "환불 말고 결제"},
        {"filter": "failed payments in euros"},
        {"filter": "실패한 결제", "status": ["CAPTURED"]},
        {"status": ["LOST"]},
        {"min_amount": 5, "max_amount": 4},
    ],
)
async def test_what_is_not_understood_is_not_run(arguments: dict[str, Any], living: System) -> None:
    outcome = await living.ask("payment-database", "query_payments", **arguments)
    told = outcome.structured
    assert told["status"] == "needs_clarification"
    assert told["payments"] == []
    assert told["count"] is None
    assert told["needs_clarification"]
    assert "nothing was run" in outcome.text


async def test_reading_changes_nothing_and_answers_are_small(living: System) -> None:
    await living.begun()
    before = await living.checksum()
    for name in DOCUMENTED:
        for _, tool in server(name).tools():
            if tool.effect is not Effect.READ:
                continue
            outcome = await living.ask(name, tool.name, **NEEDED.get(tool.name, {}))
            assert (outcome.error is None) or tool.name in NOTHING_TO_PLAN, (tool.name, outcome.text)
            validate(json.loads(json.dumps(outcome.structured, default=str)), output_schema(tool.output))
            assert weight(outcome.structured) + weight(outcome.text) <= 12_000, tool.name
    assert await living.checksum() == before


async def test_the_checksum_sees_a_change(living: System) -> None:
    await living.begun()
    before = await living.checksum()
    living.living.sandbox.keys._held["rate:authorize:PLANTED"] = ("1", 9e9)
    assert await living.checksum() != before
    del living.living.sandbox.keys._held["rate:authorize:PLANTED"]
