from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI

from dari.services.payments.asgi import Page, ask
from dari.services.payments.ports import KeyValueError, LogError, StoreError
from dari.services.payments.sandbox import SIM, Sandbox

BODY: dict[str, Any] = {"merchantId": "M-1", "amount": 12000, "currency": "KRW", "idempotencyKey": "k-1"}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(5) as made:
        yield made


@pytest.fixture
def app(sandbox: Sandbox) -> FastAPI:
    return sandbox.app()


async def pay(app: FastAPI, **changes: Any) -> Page:
    return await ask(app, "POST", "/payments/authorize", {**BODY, **changes})


async def test_authorize_answers_in_the_originals_shape(app: FastAPI) -> None:
    page = await pay(app)
    said = page.json()
    assert page.status == 200
    assert list(said) == ["paymentId", "status", "amount", "currency", "createdAt", "ledgerEntries", "message"]
    assert said | {"createdAt": "", "message": ""} == {
        "paymentId": 1,
        "status": "CAPTURE_REQUESTED",
        "amount": 12000,
        "currency": "KRW",
        "createdAt": "",
        "ledgerEntries": [],
        "message": "",
    }
    assert said["createdAt"].endswith("Z")
    assert said["message"].startswith("Payment authorized and capture requested - Approval: APP")
    assert len(said["message"].rsplit("APP", 1)[1]) == 8


async def test_a_repeated_request_gets_the_same_bytes_from_redis_and_from_the_database(
    sandbox: Sandbox, app: FastAPI
) -> None:
    first = await pay(app)
    second = await pay(app)
    assert (second.status, second.text) == (200, first.text)
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    sandbox.keys.flush_all()
    third = await pay(app)
    assert third.text == first.text
    assert sandbox.platform.metrics.value("idempotency_lookup_total", source="redis") == 1
    assert sandbox.platform.metrics.value("idempotency_lookup_total", source="db") == 1


@pytest.mark.parametrize("change", [{"amount": 12001}, {"currency": "USD"}])
async def test_another_body_under_the_same_key_is_422_and_noted(
    sandbox: Sandbox, app: FastAPI, change: dict[str, Any]
) -> None:
    await pay(app)
    page = await pay(app, **change)
    assert page.status == 422
    assert page.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert "new key" in page.json()["message"]
    rows = await sandbox.database.rows("SELECT merchant_id, kind FROM idempotency_conflict")
    assert rows == [{"merchant_id": "M-1", "kind": "body_mismatch"}]
    assert len(await sandbox.database.rows("SELECT * FROM payment")) == 1


async def test_the_same_key_of_two_merchants_is_two_payments(app: FastAPI) -> None:
    assert (await pay(app)).json()["paymentId"] != (await pay(app, merchantId="M-2")).json()["paymentId"]


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0},
        {"amount": 1.5},
        {"amount": "1000"},
        {"amount": True},
        {"merchantId": "x" * 33},
        {"merchantId": "  "},
        {"currency": "KRWX"},
        {"idempotencyKey": "k" * 65},
        {"idempotencyKey": None},
    ],
)
async def test_a_bad_body_is_springs_400(sandbox: Sandbox, app: FastAPI, change: dict[str, Any]) -> None:
    page = await pay(app, **change)
    assert page.status == 400
    assert {k: v for k, v in page.json().items() if k != "timestamp"} == {
        "status": 400,
        "error": "Bad Request",
        "path": "/payments/authorize",
    }
    assert await sandbox.database.rows("SELECT * FROM payment") == []


async def test_a_declined_payment_is_402_leaves_no_row_and_the_key_free(sandbox: Sandbox, app: FastAPI) -> None:
    config = sandbox.gateway.config
    sandbox.gateway.config = replace(config, auth_failures=1.0)
    page = await pay(app)
    assert (page.status, page.json()["code"], page.json()["paymentId"]) == (402, "PAYMENT_DECLINED", None)
    assert await sandbox.database.rows("SELECT * FROM payment") == []
    sandbox.gateway.config = config
    assert (await pay(app)).status == 200


async def test_a_silent_gateway_is_503_until_its_circuit_opens_and_closes_again(sandbox: Sandbox, app: FastAPI) -> None:
    sandbox.gateway.down = True
    pages = [await pay(app, idempotencyKey=f"k-{number}") for number in range(12)]
    assert {page.status for page in pages} == {503}
    assert all(page.headers["retry-after"] == "5" for page in pages)
    breaker = sandbox.platform.breakers["pg-auth-api"]
    assert breaker.state == "OPEN"
    assert "circuit is open" in pages[-1].json()["message"]
    sandbox.gateway.down = False
    await sandbox.run(61)
    assert [(await pay(app, idempotencyKey=f"n-{number}")).status for number in range(6)] == [200] * 6
    assert breaker.state == "CLOSED"


async def test_the_limit_refuses_with_retry_after_and_counts_on(app: FastAPI, sandbox: Sandbox) -> None:
    sandbox.platform.ingest.settings = replace(SIM, rate_limits={"authorize": 3, "capture": 3, "refund": 3})
    pages = [await pay(app, idempotencyKey=f"k-{number}") for number in range(5)]
    assert [page.status for page in pages] == [200, 200, 200, 429, 429]
    assert pages[-1].json()["code"] == "RATE_LIMIT_EXCEEDED"
    wait = pages[-1].headers["retry-after"]
    text = f"Rate limit exceeded for authorize requests. Try again in {wait} seconds."
    assert pages[-1].json()["message"] == text
    assert sandbox.keys.peek("rate:authorize:M-1")[0] == "5"
    # A replay is looked up before the limit is asked, as in the original.
    assert (await pay(app, idempotencyKey="k-0")).status == 200
    await sandbox.run(60)
    assert (await pay(app, idempotencyKey="k-9")).status == 200


async def test_without_redis_payments_go_on_and_the_open_limit_is_counted(sandbox: Sandbox, app: FastAPI) -> None:
    sandbox.keys.outage = KeyValueError("ConnectionError", "refused")
    first, second = await pay(app), await pay(app)
    assert first.text == second.text
    assert sandbox.platform.metrics.value("rate_limit_fail_open_total", action="authorize") == 1


async def test_without_a_database_nothing_is_promised(sandbox: Sandbox, app: FastAPI) -> None:
    sandbox.database.outage = StoreError("OperationalError", "gone")
    page = await pay(app)
    assert (page.status, page.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert (await ask(app, "GET", "/actuator/health")).status == 503
    sandbox.database.outage = None
    assert (await pay(app)).status == 200
    assert (await ask(app, "GET", "/actuator/health")).json() == {"status": "UP"}


async def test_twenty_at_once_under_one_key_ask_the_gateway_once(sandbox: Sandbox, app: FastAPI) -> None:
    pages = await asyncio.gather(*(pay(app) for _ in range(20)))
    assert {page.text for page in pages} == {pages[0].text}
    assert sandbox.platform.metrics.value("pg_calls_total", operation="authorize", outcome="ok") == 1


async def test_capture_and_refund_by_the_api(sandbox: Sandbox, app: FastAPI) -> None:
    await pay(app)
    owner, reason = {"merchantId": "M-1"}, {"merchantId": "M-1", "reason": "changed my mind"}
    early = await ask(app, "POST", "/payments/refund/1", reason)
    assert (early.status, early.json()["code"], early.json()["paymentId"]) == (409, "REFUND_CONFLICT", 1)
    done = await ask(app, "POST", "/payments/capture/1", owner)
    assert (done.status, done.json()["status"]) == (200, "CAPTURED")
    assert done.json()["message"] == "Payment captured successfully"
    again = await ask(app, "POST", "/payments/capture/1", owner)
    assert (again.status, again.json()["code"]) == (409, "CAPTURE_CONFLICT")
    back = await ask(app, "POST", "/payments/refund/1", reason)
    assert (back.status, back.json()["status"]) == (200, "REFUND_REQUESTED")
    assert back.json()["message"] == "Refund requested successfully"
    assert await sandbox.settle()
    rows = await sandbox.database.rows("SELECT status FROM payment")
    assert rows == [{"status": "REFUNDED"}]
    assert [r["refund_reason"] for r in await sandbox.database.rows("SELECT * FROM refund_request")] == [
        "changed my mind"
    ]


@pytest.mark.parametrize("path", ["/payments/capture/1", "/payments/refund/1", "/payments/capture/99"])
async def test_strangers_find_nothing(app: FastAPI, path: str) -> None:
    await pay(app)
    page = await ask(app, "POST", path, {"merchantId": "M-2", "reason": "x"})
    assert (page.status, page.json()["code"]) == (404, "NOT_FOUND")
    assert page.json()["message"] == "Payment not found for merchant"


@pytest.mark.parametrize("reason", ["", None, "r" * 129])
async def test_a_refund_needs_a_reason(app: FastAPI, reason: str | None) -> None:
    assert (await ask(app, "POST", "/payments/refund/1", {"merchantId": "M", "reason": reason})).status == 400


async def test_a_capture_the_gateway_declines_is_402_and_the_payment_waits(sandbox: Sandbox, app: FastAPI) -> None:
    await pay(app)
    sandbox.gateway.config = replace(sandbox.gateway.config, work_failures=1.0)
    page = await ask(app, "POST", "/payments/capture/1", {"merchantId": "M-1"})
    assert (page.status, page.json()["code"]) == (402, "PAYMENT_DECLINED")
    assert [row["status"] for row in await sandbox.database.rows("SELECT status FROM payment")] == ["CAPTURE_REQUESTED"]


async def test_compat_answers_as_the_original_did() -> None:
    settings = replace(SIM, compat=True, rate_limits={"authorize": 2, "capture": 2, "refund": 2})
    async with Sandbox(5, settings=settings) as sandbox:
        app = sandbox.app()
        number = (await pay(app)).json()["paymentId"]
        for change in ({}, {"amount": 999}):
            page = await pay(app, **change)
            assert page.status == 409
            assert page.json() == {
                "code": "DUPLICATE_REQUEST",
                "message": "Idempotency key already used",
                "paymentId": number,
            }
        usual = sandbox.gateway.config
        sandbox.gateway.config = replace(usual, auth_failures=1.0)
        declined = await pay(app, idempotencyKey="k-2")
        assert (declined.status, declined.json()["paymentId"]) == (409, None)
        limited = await pay(app, idempotencyKey="k-3")
        assert limited.status == 429
        assert "retry-after" not in limited.headers
        sandbox.gateway.down = True
        away = await ask(app, "POST", f"/payments/capture/{number}", {"merchantId": "M-1"})
        assert (away.status, away.json()["code"]) == (409, "DUPLICATE_REQUEST")


async def test_the_breaker_speaks_the_ten_fields(app: FastAPI) -> None:
    page = await ask(app, "GET", "/circuit-breaker/kafka-publisher")
    assert page.json() == {
        "state": "CLOSED",
        "numberOfSuccessfulCalls": 0,
        "numberOfFailedCalls": 0,
        "numberOfSlowCalls": 0,
        "numberOfSlowSuccessfulCalls": 0,
        "numberOfSlowFailedCalls": 0,
        "numberOfBufferedCalls": 0,
        "numberOfNotPermittedCalls": 0,
        "failureRate": "-1.00%",
        "slowCallRate": "-1.00%",
    }
    assert (await ask(app, "GET", "/circuit-breaker/status")).json() == page.json()
    assert (await ask(app, "GET", "/circuit-breaker/pg-auth-api")).status == 200
    assert (await ask(app, "GET", "/circuit-breaker/none")).status == 404


async def test_the_operators_pages(sandbox: Sandbox, app: FastAPI) -> None:
    await pay(app)
    sandbox.log.down = {1, 2, 3}
    await sandbox.run(4)
    info = (await ask(app, "GET", "/actuator/info")).json()
    assert info["rate_limits"]["authorize"] == {"capacity": 24000, "window_seconds": 60}
    assert info["groups"]["payment-consumer"] == ["payment.captured", "payment.refunded"]
    assert info["min_insync_replicas"] == sandbox.log.min_insync
    events = (await ask(app, "GET", "/actuator/circuitbreakerevents")).json()["circuitBreakerEvents"]
    assert {event["type"] for event in events} == {"ERROR"}
    assert events[0]["errorMessage"].startswith("_MSG_TIMED_OUT payment.")
    assert 0 <= events[0]["durationInMs"] - 1000 * sandbox.log.delivery_timeout < 4000
    text = (await ask(app, "GET", "/actuator/prometheus")).text
    assert 'resilience4j_circuitbreaker_state{name="kafka-publisher",state="closed"} 1.0' in text
    assert 'http_server_requests_seconds_count{method="POST",status="200",uri="/payments/authorize"} 1.0' in text
    assert "_created" not in text


async def test_an_operator_resets_republishes_and_replays(sandbox: Sandbox, app: FastAPI) -> None:
    await pay(app)
    assert await sandbox.settle()
    before = len(sandbox.log.records("payment.captured"))
    rows = await sandbox.database.rows("SELECT event_id FROM outbox_event WHERE event_type = 'PAYMENT_CAPTURED'")
    asked = {"eventIds": [row["event_id"] for row in rows]}
    assert (await ask(app, "POST", "/admin/outbox/republish", asked)).json() == {"republished": 1}
    assert await sandbox.settle()
    assert len(sandbox.log.records("payment.captured")) == before + 1
    assert len(await sandbox.database.rows("SELECT * FROM ledger_entry")) == 1

    breaker = sandbox.platform.breakers["kafka-publisher"]
    for _ in range(5):
        breaker.failed(0.1, "_TRANSPORT")
    assert breaker.state == "OPEN"
    page = await ask(app, "POST", "/admin/circuit-breaker/kafka-publisher/reset")
    assert page.json()["state"] == "CLOSED"
    assert (await ask(app, "POST", "/admin/circuit-breaker/none/reset")).status == 404


async def test_a_dead_letter_is_replayed_once_its_cause_is_gone(sandbox: Sandbox, app: FastAPI) -> None:
    await pay(app)
    sandbox.schedule.pause("consumer-worker")
    assert not await sandbox.settle(60)
    await sandbox.database.do("UPDATE payment SET amount = amount + 1")
    sandbox.schedule.resume("consumer-worker")
    await sandbox.run(5)
    letter = json.loads(sandbox.log.records("payment.dlq")[0].value)
    assert (letter["originalTopic"], letter["errorType"]) == ("payment.captured", "AmountMismatch")
    await sandbox.database.do("UPDATE payment SET amount = amount - 1")
    asked = {"letters": [letter]}
    assert (await ask(app, "POST", "/admin/dlq/replay", asked)).json()["replayed"] == 1
    await sandbox.run(5)
    assert len(await sandbox.database.rows("SELECT * FROM ledger_entry")) == 1
    # Twice is not once more.
    assert (await ask(app, "POST", "/admin/dlq/replay", asked)).json() == {
        "topic": "payment.dlq",
        "replayed": 0,
        "skipped": 1,
    }
    sandbox.log.down = {1, 2, 3}
    with pytest.raises(LogError):
        sandbox.log.alive()
