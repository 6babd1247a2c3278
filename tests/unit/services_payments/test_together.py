"""What is done together for speed: rows in a statement, calls in a transaction; and the usual call's short way."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from dari.services.payments.adapters import bulk
from dari.services.payments.adapters.bulk import insert, update_alike
from dari.services.payments.adapters.sql import Database
from dari.services.payments.asgi import ask
from dari.services.payments.assembly import POLLER, Runner
from dari.services.payments.batching import Batch
from dari.services.payments.deployment import deploy
from dari.services.payments.invariants import check_state
from dari.services.payments.replies import CaptureRequest, RefundRequest
from dari.services.payments.sandbox import Sandbox
from dari.services.payments.settings import for_load
from dari.services.payments.tables import payment, settlement_request

NOW = datetime(2026, 11, 20, 9, 0, 0, 123_000, tzinfo=UTC)
BODY = {"merchantId": "M", "amount": 1000, "currency": "KRW", "idempotencyKey": "k"}

KEYS = {"payment_id", "idempotency_key"}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(8) as made:
        made.gateway.config = replace(made.gateway.config, auth_failures=0, work_failures=0)
        yield made


def rows_of(count: int) -> list[dict[str, Any]]:
    common = {"merchant_id": "M", "amount": 1000, "status": "AUTHORIZED", "requested_at": NOW, "updated_at": NOW}
    return [{**common, "idempotency_key": f"100 % {number}"} for number in range(count)]


async def test_rows_in_one_statement_are_what_each_alone_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database()
    await database.create()
    monkeypatch.setattr(bulk, "PARAMETERS", 30)  # five rows of six columns
    async with database.transaction() as connection:
        assert await insert(connection, payment, []) == []
        made = await insert(connection, payment, rows_of(12), ("idempotency_key", "payment_id"))
        await connection.execute(payment.insert(), {**rows_of(1)[0], "idempotency_key": "alone"})
        stored = (await connection.execute(sa.select(payment).order_by(payment.c.payment_id))).all()
    assert {(key, number) for key, number in made} == {(f"100 % {at}", at + 1) for at in range(12)}
    assert len({tuple(value for name, value in row._mapping.items() if name not in KEYS) for row in stored}) == 1
    assert stored[0].requested_at == NOW
    assert stored[0].currency == "KRW"
    await database.close()


async def test_rows_that_end_alike_are_one_statement() -> None:
    database = Database()
    await database.create()
    asked = {"request_amount": 1, "status": "PENDING", "requested_at": NOW}
    statements: list[str] = []
    async with database.transaction() as connection:
        await insert(connection, payment, rows_of(4))
        await insert(connection, settlement_request, [{"payment_id": at, **asked} for at in range(1, 5)])
        sa.event.listen(connection.sync_connection, "before_cursor_execute", lambda *said: statements.append(said[2]))
        told = [
            {"id": 1, "status": "SUCCESS", "pg_transaction_id": "A"},
            {"id": 2, "status": "FAILED", "pg_transaction_id": None},
            {"id": 3, "status": "SUCCESS", "pg_transaction_id": "C"},
        ]
        await update_alike(connection, settlement_request, told, own="pg_transaction_id")
    assert len(statements) == 2
    rows = await database.rows("SELECT status, pg_transaction_id FROM settlement_request ORDER BY id")
    said = [(row["status"], row["pg_transaction_id"]) for row in rows]
    assert said == [("SUCCESS", "A"), ("FAILED", None), ("SUCCESS", "C"), ("PENDING", None)]
    await database.close()


async def test_who_comes_alone_does_not_wait_and_who_comes_in_a_crowd_shares() -> None:
    sizes: list[int] = []

    async def run(items: Any) -> list[int]:
        sizes.append(len(items))
        return [0] * len(items)

    batch: Batch[int, int] = Batch(run, gather=0.2)
    begun = time.monotonic()
    await batch.submit(1)
    assert time.monotonic() - begun < 0.15
    first = asyncio.create_task(batch.submit(2))
    await asyncio.sleep(0.05)
    await asyncio.gather(first, batch.submit(3), batch.submit(4))
    assert time.monotonic() - begun >= 0.19
    assert sizes == [1, 3]


async def test_captures_and_refunds_that_come_together_are_each_answered_for_themselves(sandbox: Sandbox) -> None:
    for _ in range(3):
        await sandbox.authorize("M", 1000)
    ingest = sandbox.platform.ingest
    mine, other = CaptureRequest(merchantId="M"), CaptureRequest(merchantId="N")
    replies = await asyncio.gather(*(ingest.capture(number, mine) for number in (1, 2, 2, 9)), ingest.capture(3, other))
    assert sorted(reply.status for reply in replies[1:3]) == [200, 409]
    assert [replies[at].status for at in (0, 3, 4)] == [200, 404, 404]
    back = RefundRequest(merchantId="M", reason="r")
    replies = await asyncio.gather(*(ingest.refund(number, back) for number in (1, 1, 2, 3)))
    assert sorted(reply.status for reply in replies[:2]) == [200, 409]
    assert (replies[2].status, json.loads(replies[3].body)["code"]) == (200, "REFUND_CONFLICT")
    assert await sandbox.settle()
    assert await check_state(sandbox) == []
    rows = await sandbox.database.rows("SELECT COUNT(*) AS n FROM settlement_request WHERE status = 'SUCCESS'")
    assert rows == [{"n": 3}]


async def test_a_request_written_late_under_a_low_number_is_found(sandbox: Sandbox) -> None:
    """A transaction may take a number and end after one that took a higher one."""
    await sandbox.authorize("M", 1000)
    await sandbox.authorize("M", 1000)
    worker = sandbox.platform.settlement
    asked = {"request_amount": 1000, "status": "PENDING", "requested_at": NOW + timedelta(days=365)}
    async with sandbox.database.transaction() as connection:
        await insert(connection, settlement_request, [{"id": 7, "payment_id": 2, **asked}])
    await worker.step()
    async with sandbox.database.transaction() as connection:
        await insert(connection, settlement_request, [{"id": 3, "payment_id": 1, **asked}])
    assert await sandbox.settle()
    rows = await sandbox.database.rows("SELECT status FROM settlement_request")
    assert [row["status"] for row in rows] == ["SUCCESS", "SUCCESS"]


async def test_a_program_with_more_to_do_does_not_rest() -> None:
    async with deploy(settings=replace(for_load("workers"), poll_interval=30.0, poll_batch=5)) as made:
        await made.runner.close()
        left = [5, 5, 5, 4, 9]

        async def step() -> int:
            return left.pop(0)

        made.platform.poller.step = step  # type: ignore[method-assign]  # work, planted
        runner = Runner(made.platform, frozenset({POLLER}))
        runner.start()
        await asyncio.sleep(0.1)
        await runner.close()
    assert left == [9]


def test_a_process_for_load_gathers_where_somebody_waits_and_rests_where_nobody_does() -> None:
    api, workers = for_load("api"), for_load("workers")
    assert (api.gather > 0, workers.gather) == (True, 0.0)
    assert workers.poll_interval > 0.05


# -- the short way


@pytest.fixture
def app(sandbox: Sandbox) -> FastAPI:
    return sandbox.app()


async def raw(
    app: FastAPI, pieces: list[bytes], content: bytes = b"application/json", path: str = "/payments/authorize"
) -> tuple[int, dict[str, Any]]:
    """A POST whose body comes in pieces."""
    waiting = [
        {"type": "http.request", "body": piece, "more_body": at < len(pieces) - 1} for at, piece in enumerate(pieces)
    ]
    told: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        told.append(message)

    headers = [(b"host", b"p"), (b"content-type", content)]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
    }
    scope |= {"headers": headers, "root_path": "", "scheme": "http", "http_version": "1.1", "asgi": {"version": "3.0"}}
    await app({**scope, "client": ("127.0.0.1", 1), "server": ("p", 80)}, receive, send)
    return told[0]["status"], json.loads(b"".join(message.get("body", b"") for message in told[1:]))


Asking = Callable[[FastAPI], Any]


@pytest.mark.parametrize(
    ("asking", "status"),
    [
        (lambda app: raw(app, [json.dumps(BODY).encode()]), 200),
        (lambda app: raw(app, [json.dumps(BODY).encode()[:9], json.dumps(BODY).encode()[9:]]), 200),
        (lambda app: raw(app, [json.dumps(BODY).encode()], b"application/json; charset=utf-8"), 200),
        (lambda app: raw(app, [json.dumps({**BODY, "amount": "1000"}).encode()]), 400),
        (lambda app: raw(app, [json.dumps({**BODY, "amount": 0}).encode()]), 400),
        (lambda app: raw(app, [b"{"]), 400),
        (lambda app: raw(app, [json.dumps(BODY).encode()], b"text/plain"), 400),
        (lambda app: raw(app, [b'{"merchantId": "M"}'], path="/payments/capture/one"), 400),
        (lambda app: raw(app, [b'{"merchantId": "M"}'], path="/payments/capture/9"), 404),
        (lambda app: raw(app, [b"{}"], path="/payments/9"), 404),
    ],
)
async def test_the_short_way_ends_where_the_framework_would(app: FastAPI, asking: Asking, status: int) -> None:
    found, said = await asking(app)
    assert found == status, said


async def test_a_get_is_not_a_payment_and_the_document_knows_the_calls(app: FastAPI) -> None:
    assert (await ask(app, "GET", "/payments/authorize")).status == 405
    paths = (await ask(app, "GET", "/openapi.json")).json()["paths"]
    assert {"/payments/authorize", "/payments/capture/{payment_id}", "/payments/refund/{payment_id}"} <= set(paths)
