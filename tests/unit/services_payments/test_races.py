from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from dari.core.clock import SystemClock
from dari.services.payments.assembly import PaymentPlatform, Runner
from dari.services.payments.batching import Batch
from dari.services.payments.deployment import deploy
from dari.services.payments.invariants import check_state
from dari.services.payments.ports import GatewayReply, KeyValueError, StoreConflict, StoreError
from dari.services.payments.replies import AuthorizeRequest, CaptureRequest, Reply
from dari.services.payments.sandbox import SIM, Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(8) as made:
        made.gateway.config = replace(made.gateway.config, auth_failures=0, work_failures=0)
        yield made


def twin(sandbox: Sandbox) -> PaymentPlatform:
    """A second program of the same platform."""
    return PaymentPlatform(
        settings=replace(SIM, instance="ingest-2"),
        clock=sandbox.app_clock,
        database=sandbox.database,
        keys=sandbox.keys,
        log=sandbox.log,
        gateway=sandbox.gateway,
    )


def request(key: str, amount: int = 1000) -> AuthorizeRequest:
    return AuthorizeRequest(merchantId="M", amount=amount, currency="KRW", idempotencyKey=key)


async def test_two_programs_that_get_one_key_at_once_make_one_payment(sandbox: Sandbox) -> None:
    sandbox.keys.outage = KeyValueError("ConnectionError", "so that only the database decides")
    other = twin(sandbox)
    replies: list[Reply] = await asyncio.gather(
        *(platform.ingest.authorize(request(f"k-{at}")) for at in range(12) for platform in (sandbox.platform, other))
    )
    assert {reply.status for reply in replies} == {200}
    assert all(first.body == second.body for first, second in zip(replies[::2], replies[1::2], strict=True))
    rows = await sandbox.database.rows("SELECT COUNT(*) AS n FROM payment")
    assert rows == [{"n": 12}]
    assert await sandbox.settle()
    assert await check_state(sandbox) == []


async def test_two_programs_that_get_one_key_with_two_bodies_charge_once(sandbox: Sandbox) -> None:
    sandbox.keys.outage = KeyValueError("ConnectionError", "so that only the database decides")
    other = twin(sandbox)
    replies = await asyncio.gather(
        sandbox.platform.ingest.authorize(request("k", 1000)), other.ingest.authorize(request("k", 2000))
    )
    assert sorted(reply.status for reply in replies) == [200, 422]
    rows = await sandbox.database.rows("SELECT amount FROM payment")
    charged = next(reply for reply in replies if reply.status == 200)
    assert rows == [{"amount": json.loads(charged.body)["amount"]}]


async def test_two_pollers_and_two_settlers_do_everything_once(sandbox: Sandbox) -> None:
    other = twin(sandbox)
    for program in other.programs():
        sandbox.schedule.every(program.interval, program.step, f"{program.name}-2")
    sandbox.traffic(4, refunds=0.5)
    await sandbox.run(30)
    sandbox.schedule.cancel("traffic")
    assert await sandbox.settle()
    assert await check_state(sandbox) == []
    for topic in ("payment.captured", "payment.refunded"):
        records = sandbox.log.records(topic)
        assert len({record.headers["eventId"] for record in records}) == len(records)


async def test_a_capture_that_loses_to_a_worker_is_told_so(sandbox: Sandbox) -> None:
    await sandbox.authorize("M", 1000)
    captures = sandbox.platform.ingest._captures
    said = sandbox.gateway.settle(1, 1000, 0)
    assert await sandbox.settle()
    late = await captures.write(1, "M", said)
    assert (late.status, json.loads(late.body)["code"]) == (409, "CAPTURE_CONFLICT")
    assert (await captures.write(99, "M", said)).status == 404
    assert await check_state(sandbox) == []


async def test_a_capture_before_the_worker_heard_of_it_is_settled_all_the_same(sandbox: Sandbox) -> None:
    await sandbox.authorize("M", 1000)
    reply = await sandbox.platform.ingest.capture(1, CaptureRequest(merchantId="M"))
    assert reply.status == 200
    assert await sandbox.settle()
    rows = await sandbox.database.rows("SELECT status, request_amount FROM settlement_request")
    assert rows == [{"status": "SUCCESS", "request_amount": 1000}]
    assert await check_state(sandbox) == []


async def test_a_row_that_is_there_already_is_a_conflict_not_an_outage(sandbox: Sandbox) -> None:
    statement = "INSERT INTO ledger_head (id, entry_id, entry_hash) VALUES (1, 0, 'x')"
    await sandbox.database.do(statement)
    with pytest.raises(StoreConflict):
        await sandbox.database.do(statement)


async def test_a_batch_tells_each_its_own_and_survives_who_went_away() -> None:
    seen: list[list[int]] = []

    async def double(items: list[int]) -> list[int | Exception]:
        seen.append(items)
        await asyncio.sleep(0.01)
        if 99 in items:
            raise RuntimeError("the whole batch")
        return [ValueError("three") if item == 3 else item * 2 for item in items]

    batch: Batch[int, int] = Batch(lambda items: double(list(items)), limit=4)
    gone = asyncio.create_task(batch.submit(1))
    tasks = [asyncio.create_task(batch.submit(item)) for item in (2, 3, 4, 5)]
    await asyncio.sleep(0)
    gone.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answers[0], answers[2], answers[3]] == [4, 8, 10]
    assert isinstance(answers[1], ValueError)
    assert [len(items) for items in seen] == [4, 1]
    with pytest.raises(RuntimeError):
        await batch.submit(99)
    assert await batch.submit(7) == 14


async def test_a_program_goes_on_after_a_bug_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async with deploy(clock=SystemClock()) as made:
        await made.runner.close()
        steps = 0

        async def buggy() -> int:
            nonlocal steps
            steps += 1
            if steps == 1:
                raise ZeroDivisionError
            return 0

        made.platform.poller.step = buggy  # type: ignore[method-assign]  # a bug, planted
        runner = Runner(made.platform, frozenset({"outbox-poller"}))
        with caplog.at_level(logging.ERROR):
            runner.start()
            await asyncio.sleep(0.3)
            runner.pause("outbox-poller")
            await asyncio.sleep(0.1)
            before = steps
            await asyncio.sleep(0.2)
            assert steps == before > 1
            runner.resume("outbox-poller")
            await asyncio.sleep(0.2)
            assert steps > before
        await runner.close()
    assert "a step of outbox-poller failed" in caplog.text


async def test_a_capture_that_collides_is_tried_again_and_gives_up_at_last(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sandbox.authorize("M", 1000)
    captures = sandbox.platform.ingest._captures
    usual, collisions = captures.write, [2]

    async def collide(payment_id: int, merchant_id: str, said: GatewayReply) -> Reply:
        if collisions[0]:
            collisions[0] -= 1
            raise StoreConflict("OperationalError", "deadlock")
        return await usual(payment_id, merchant_id, said)

    monkeypatch.setattr(captures, "write", collide)
    assert (await sandbox.platform.ingest.capture(1, CaptureRequest(merchantId="M"))).status == 200
    await sandbox.authorize("M", 1000)
    collisions[0] = 9
    assert (await sandbox.platform.ingest.capture(2, CaptureRequest(merchantId="M"))).status == 503
    assert collisions[0] == 6


async def test_what_the_driver_wraps_otherwise_is_an_outage_too(sandbox: Sandbox) -> None:
    with pytest.raises(StoreError) as caught:
        async with sandbox.database.transaction():
            raise sa.exc.TimeoutError("QueuePool limit of size 20 overflow 0 reached")
    assert caught.value.kind == "TimeoutError"
