from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from dari.services.payments.asgi import ask
from dari.services.payments.assembly import CONSUMER, POLLER, SETTLER
from dari.services.payments.gateway import GatewayConfig
from dari.services.payments.invariants import check_state
from dari.services.payments.memory_log import MemoryLog
from dari.services.payments.names import CAPTURED_TOPIC, CONSUMER_GROUP
from dari.services.payments.outbox import OutboxPoller
from dari.services.payments.ports import Delivery, Message, StoreError
from dari.services.payments.sandbox import SIM, Sandbox

ALWAYS = GatewayConfig(auth_failures=0.0, work_failures=0.0)
NEVER = GatewayConfig(auth_failures=0.0, work_failures=1.0)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(5, gateway=ALWAYS) as made:
        yield made


async def count(sandbox: Sandbox, table: str, where: str = "1=1") -> int:
    rows = await sandbox.database.rows(f"SELECT COUNT(*) AS n FROM {table} WHERE {where}")
    return int(rows[0]["n"])


async def statuses(sandbox: Sandbox) -> list[str]:
    return [row["status"] for row in await sandbox.database.rows("SELECT status FROM payment ORDER BY payment_id")]


# -- the way of one payment


async def test_one_payment_goes_all_the_way(sandbox: Sandbox) -> None:
    await sandbox.authorize("M", 7000)
    assert await sandbox.settle()
    assert await statuses(sandbox) == ["CAPTURED"]
    entry = (await sandbox.database.rows("SELECT * FROM ledger_entry"))[0]
    assert (entry["debit_account"], entry["credit_account"], entry["amount"]) == ("merchant_receivable", "cash", 7000)
    payload = json.loads(sandbox.log.records(CAPTURED_TOPIC)[0].value)
    assert list(payload) == ["paymentId", "status", "amount", "occurredAt"]
    payload = json.loads(sandbox.log.records("payment.authorized")[0].value)
    assert list(payload) == [
        "paymentId",
        "status",
        "amount",
        "currency",
        "approvalNumber",
        "transactionId",
        "occurredAt",
    ]
    record = sandbox.log.records("payment.capture-requested")[0]
    assert record.key == "1"
    assert record.headers == {"eventId": "2"}
    assert {"merchantId", "currency"} <= set(json.loads(record.value))


# -- outbox


async def test_a_crash_between_send_and_mark_sends_twice_and_posts_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sandbox.authorize("M", 7000)
    usual = OutboxPoller._judge
    died: list[str] = []

    def die_once(self: OutboxPoller, topic: str, delivery: Delivery) -> None:
        if topic == CAPTURED_TOPIC and not died:
            died.append(topic)
            raise StoreError("Killed", "between the send and its mark")
        usual(self, topic, delivery)

    monkeypatch.setattr(OutboxPoller, "_judge", die_once)
    assert await sandbox.settle()
    assert len(sandbox.log.records(CAPTURED_TOPIC)) == 2
    assert await count(sandbox, "ledger_entry") == 1
    name = "consumer_events_total"
    assert sandbox.platform.metrics.value(name, group=CONSUMER_GROUP, topic=CAPTURED_TOPIC, outcome="duplicate") == 1
    assert await check_state(sandbox) == []


async def test_a_payments_events_wait_for_the_one_before(sandbox: Sandbox) -> None:
    sandbox.log.refuse = lambda topic, _: "MSG_SIZE_TOO_LARGE" if topic == "payment.authorized" else None
    await sandbox.authorize("M", 7000)
    await sandbox.run(10)
    assert sandbox.log.records("payment.capture-requested") == []
    assert await count(sandbox, "outbox_event", "last_error = 'MSG_SIZE_TOO_LARGE'") == 1
    sandbox.log.refuse = None
    assert await sandbox.settle()
    assert await check_state(sandbox) == []


async def test_failed_sends_are_tried_again_ever_more_slowly(sandbox: Sandbox) -> None:
    del sandbox.log.topics["payment.authorized"]
    await sandbox.authorize("M", 7000)
    await sandbox.run(120)
    row = (await sandbox.database.rows("SELECT retry_count, last_error FROM outbox_event ORDER BY event_id"))[0]
    # 1 + 2 + 4 + 8 + 16 + 30 + 30 seconds, each up to a poll longer: seven or eight tries in two minutes.
    assert row["retry_count"] in {7, 8}
    # The broker's word, or the client's own once it has looked.
    assert row["last_error"] in {"UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC"}
    # A missing topic says nothing of the brokers.
    assert sandbox.platform.breakers["kafka-publisher"].state == "CLOSED"


async def test_one_poller_works_at_a_time_and_a_dead_ones_lease_runs_out(sandbox: Sandbox) -> None:
    other = OutboxPoller(
        database=sandbox.database,
        log=sandbox.log,
        breaker=sandbox.platform.breakers["kafka-publisher"],
        clock=sandbox.app_clock,
        metrics=sandbox.platform.metrics,
        settings=replace(SIM, instance="ingest-2"),
    )
    await sandbox.run(2)
    sandbox.schedule.pause(POLLER)
    await sandbox.authorize("M", 7000)
    assert await other.step() == 0
    await sandbox.run(31)
    assert await other.step() == 2
    assert (await sandbox.database.rows("SELECT locked_by FROM shedlock"))[0]["locked_by"] == "ingest-2"


async def test_while_the_circuit_is_open_nothing_is_sent_and_nothing_lost(sandbox: Sandbox) -> None:
    sandbox.log.down = {1, 2, 3}
    for _ in range(6):
        await sandbox.authorize("M", 1000)
    await sandbox.run(12)
    breaker = sandbox.platform.breakers["kafka-publisher"]
    assert breaker.state == "OPEN"
    assert await count(sandbox, "outbox_event", "published = 0") == 12
    skipped = sandbox.platform.metrics.value(
        "outbox_publish_total", topic="payment.authorized", outcome="skipped", error="CIRCUIT_OPEN"
    )
    assert skipped > 0
    sandbox.log.down = set()
    assert await sandbox.settle()
    assert breaker.state == "CLOSED"
    assert await count(sandbox, "ledger_entry") == 6


async def test_slow_acknowledgements_open_the_circuit_without_a_failure(sandbox: Sandbox) -> None:
    sandbox.log.rtt = 2.1
    for _ in range(6):
        await sandbox.authorize("M", 1000)
    await sandbox.run(20)
    moves = [event.transition for event in sandbox.platform.breakers["kafka-publisher"].transitions]
    assert moves[0] == "CLOSED_TO_OPEN"
    assert sandbox.platform.breakers["kafka-publisher"].snapshot()["numberOfFailedCalls"] == 0


# -- consumer


BAD = [
    ('{"paymentId": 1,', "JsonParseError"),
    ("[1]", "JsonParseError"),
    ('{"amount": 7000}', "MissingPaymentId"),
    ('{"paymentId": "1", "amount": 7000}', "MissingPaymentId"),
    ('{"paymentId": -4, "amount": 7000}', "MissingPaymentId"),
    ('{"paymentId": 99999999999999999999, "amount": 7000}', "MissingPaymentId"),
    ('{"paymentId": 77, "amount": 7000}', "PaymentNotFound"),
    ('{"paymentId": 1, "amount": 7001}', "AmountMismatch"),
    ('{"paymentId": 1, "amount": 7000}', "AlreadyPosted"),
]


@pytest.mark.parametrize(("value", "error"), BAD)
async def test_a_bad_record_is_buried_and_the_rest_goes_on(sandbox: Sandbox, value: str, error: str) -> None:
    await sandbox.authorize("M", 7000)
    assert await sandbox.settle()
    offset = sandbox.log.append(Message(CAPTURED_TOPIC, value, "1"), 3)
    await sandbox.authorize("M", 8000)
    assert await sandbox.settle()
    letters = [json.loads(record.value) for record in sandbox.log.records("payment.dlq")]
    assert len(letters) == 1
    assert list(letters[0]) == [
        "originalTopic",
        "partition",
        "offset",
        "payload",
        "errorType",
        "errorMessage",
        "timestamp",
    ]
    assert letters[0] | {"timestamp": "", "errorMessage": ""} == {
        "originalTopic": CAPTURED_TOPIC,
        "partition": 3,
        "offset": offset,
        "payload": value,
        "errorType": error,
        "errorMessage": "",
        "timestamp": "",
    }
    assert await count(sandbox, "ledger_entry") == 2
    assert await check_state(sandbox) == []


async def test_a_letter_the_dlq_does_not_take_is_not_lost(sandbox: Sandbox) -> None:
    sandbox.log.refuse = lambda topic, _: "MSG_SIZE_TOO_LARGE" if topic == "payment.dlq" else None
    sandbox.log.append(Message(CAPTURED_TOPIC, "{", None), 0)
    await sandbox.run(10)
    assert sandbox.log.lag(CONSUMER_GROUP) == 1
    sandbox.log.refuse = None
    assert await sandbox.settle()
    assert len(sandbox.log.records("payment.dlq")) == 1
    assert await count(sandbox, "consumer_inbox", "outcome = 'DEAD_LETTER'") == 1


async def test_while_the_database_is_away_consumers_wait_and_bury_nothing(sandbox: Sandbox) -> None:
    for _ in range(5):
        await sandbox.authorize("M", 1000)
    await sandbox.run(6)
    sandbox.database.outage = StoreError("OperationalError", "gone")
    await sandbox.run(30)
    sandbox.database.outage = None
    assert await sandbox.settle()
    assert sandbox.log.records("payment.dlq") == []
    assert await count(sandbox, "ledger_entry") == 5
    assert await check_state(sandbox) == []


async def test_a_refund_that_overtakes_its_capture_waits(sandbox: Sandbox) -> None:
    await sandbox.authorize("M", 7000)
    sandbox.schedule.pause(CONSUMER)
    await sandbox.run(20)
    await sandbox.refund(1, "M")
    await sandbox.run(20)
    topic = sandbox.log.topics[CAPTURED_TOPIC]
    held = [list(partition.records) for partition in topic.partitions]
    for partition in topic.partitions:
        partition.records.clear()
    sandbox.schedule.resume(CONSUMER)
    await sandbox.run(5)
    assert await count(sandbox, "ledger_entry") == 0
    assert sandbox.log.records("payment.dlq") == []
    for partition, records in zip(topic.partitions, held, strict=True):
        partition.records.extend(records)
    assert await sandbox.settle()
    assert await count(sandbox, "ledger_entry") == 2
    assert await check_state(sandbox) == []


async def test_a_refund_whose_capture_never_comes_is_buried_after_a_while(sandbox: Sandbox) -> None:
    await sandbox.authorize("M", 7000)
    sandbox.schedule.pause(CONSUMER)
    await sandbox.run(20)
    await sandbox.refund(1, "M")
    await sandbox.run(20)
    for partition in sandbox.log.topics[CAPTURED_TOPIC].partitions:
        partition.records.clear()
    sandbox.schedule.resume(CONSUMER)
    await sandbox.run(SIM.patience + 5)
    letters = [json.loads(record.value)["errorType"] for record in sandbox.log.records("payment.dlq")]
    assert letters == ["CaptureNotPosted"]


async def test_two_members_share_the_partitions_and_post_each_event_once(sandbox: Sandbox) -> None:
    second = sandbox.platform.intake(CONSUMER_GROUP, "consumer-worker-b", sandbox.platform.bookkeeper.handle)

    async def step() -> None:
        await second.step(100)

    sandbox.schedule.every(1.0, step, "second")
    for _ in range(30):
        await sandbox.authorize("M", 1000)
    assert await sandbox.settle()
    members = sandbox.log.groups[CONSUMER_GROUP].members
    dealt = [sandbox.log.assigned(CONSUMER_GROUP, member) for member in members]
    assert sorted(place for places in dealt for place in places) == sorted(
        (topic, number) for topic in (CAPTURED_TOPIC, "payment.refunded") for number in range(6)
    )
    assert all(len(places) == 6 for places in dealt)
    assert await count(sandbox, "ledger_entry") == 30
    await second.close()
    assert await check_state(sandbox) == []


# -- workers


async def test_a_declined_settlement_is_tried_again_and_told_as_it_goes() -> None:
    async with Sandbox(5, gateway=NEVER) as sandbox:
        await sandbox.authorize("M", 7000)
        await sandbox.run(20)
        assert await statuses(sandbox) == ["CAPTURE_FAILED"]
        row = (await sandbox.database.rows("SELECT * FROM settlement_request"))[0]
        assert (row["status"], row["retry_count"], row["pg_response_code"]) == ("FAILED", 1, "DECLINED")
        assert row["last_retry_at"] is not None
        sandbox.gateway.config = ALWAYS
        assert await sandbox.settle()
        assert await statuses(sandbox) == ["CAPTURED"]
        assert await count(sandbox, "ledger_entry") == 1
        moves = await sandbox.database.rows("SELECT to_status FROM payment_history ORDER BY history_id")
        assert [move["to_status"] for move in moves] == [
            "AUTHORIZED",
            "CAPTURE_REQUESTED",
            "CAPTURE_FAILED",
            "CAPTURED",
        ]
        assert await check_state(sandbox) == []


async def test_after_ten_tries_there_is_one_dead_letter_and_no_eleventh_try() -> None:
    async with Sandbox(5, gateway=NEVER) as sandbox:
        await sandbox.authorize("M", 7000)
        assert await sandbox.settle(900)
        await sandbox.run(120)
        row = (await sandbox.database.rows("SELECT * FROM settlement_request"))[0]
        assert (row["status"], row["retry_count"]) == ("FAILED", 10)
        assert sandbox.platform.metrics.value("pg_calls_total", operation="settle", outcome="declined") == 10
        letters = [json.loads(record.value) for record in sandbox.log.records("settlement.dlq")]
        assert len(letters) == 1
        assert list(letters[0]) == [
            "settlementRequestId",
            "paymentId",
            "requestAmount",
            "retryCount",
            "status",
            "pgResponseCode",
            "pgResponseMessage",
            "errorMessage",
            "requestedAt",
            "lastRetryAt",
            "timestamp",
        ]
        assert (letters[0]["retryCount"], letters[0]["requestAmount"]) == (10, 7000)
        # The letter is there: migrating finds nothing to do; without it, it writes one.
        app = sandbox.app()
        assert (await ask(app, "POST", "/admin/settlement/migrate-dlq")).json()["migrated"] == 0
        await sandbox.database.do("DELETE FROM outbox_event WHERE event_type = 'SETTLEMENT_DEAD_LETTER'")
        assert (await ask(app, "POST", "/admin/settlement/migrate-dlq")).json()["migrated"] == 1
        assert (await ask(app, "POST", "/admin/settlement/migrate-dlq")).json()["migrated"] == 0


async def test_a_refund_that_fails_ten_times_is_a_letter_with_its_reason(sandbox: Sandbox) -> None:
    await sandbox.authorize("M", 7000)
    assert await sandbox.settle()
    sandbox.gateway.config = NEVER
    await sandbox.refund(1, "M", "wrong colour")
    assert await sandbox.settle()
    assert await statuses(sandbox) == ["REFUND_FAILED"]
    letters = [json.loads(record.value) for record in sandbox.log.records("refund.dlq")]
    assert [(letter["refundReason"], letter["refundAmount"]) for letter in letters] == [("wrong colour", 7000)]
    assert await count(sandbox, "ledger_entry") == 1
    assert await check_state(sandbox) == []
    app = sandbox.app()
    assert (await ask(app, "POST", "/admin/refund/migrate-dlq")).json()["migrated"] == 0


async def test_a_worker_that_dies_with_calls_under_way_asks_again_and_charges_once(sandbox: Sandbox) -> None:
    await sandbox.authorize("M", 7000)
    await sandbox.run(2)
    for _ in range(3):
        sandbox.platform.settlement.forget()
        await sandbox.run(0.5)
    assert await sandbox.settle()
    assert await count(sandbox, "settlement_request", "status = 'SUCCESS'") == 1
    assert await count(sandbox, "ledger_entry") == 1


async def test_the_api_and_the_worker_capture_one_payment_once(sandbox: Sandbox) -> None:
    await sandbox.authorize("M", 7000)
    await sandbox.run(2)
    assert await count(sandbox, "settlement_request", "status = 'PENDING'") == 1
    page = await ask(sandbox.app(), "POST", "/payments/capture/1", {"merchantId": "M"})
    assert page.status == 200
    assert await sandbox.settle()
    assert len(sandbox.log.records(CAPTURED_TOPIC)) == 1
    assert await count(sandbox, "ledger_entry") == 1
    assert await check_state(sandbox) == []


async def test_a_silent_gateway_is_a_failure_that_is_tried_again(sandbox: Sandbox) -> None:
    await sandbox.authorize("M", 7000)
    sandbox.gateway.down = True
    await sandbox.run(10)
    row = (await sandbox.database.rows("SELECT * FROM settlement_request"))[0]
    assert (row["status"], row["pg_response_code"]) == ("FAILED", "PG_UNREACHABLE")
    sandbox.gateway.down = False
    assert await sandbox.settle()
    assert await statuses(sandbox) == ["CAPTURED"]


async def test_a_request_for_an_unknown_payment_is_buried(sandbox: Sandbox) -> None:
    sandbox.log.append(Message("payment.capture-requested", '{"paymentId": 4711}', "4711"), 0)
    await sandbox.run(5)
    letter: dict[str, Any] = json.loads(sandbox.log.records("payment.dlq")[0].value)
    assert (letter["originalTopic"], letter["errorType"]) == ("payment.capture-requested", "PaymentNotFound")
    assert SETTLER in sandbox.platform.intakes


async def test_no_more_calls_are_under_way_than_allowed() -> None:
    slow = replace(ALWAYS, work_seconds=(60.0, 60.0))
    async with Sandbox(5, gateway=slow, settings=replace(SIM, work_inflight=3)) as sandbox:
        for _ in range(10):
            await sandbox.authorize("M", 1000)
        await sandbox.run(50)
        assert sandbox.platform.metrics.value("pg_calls_total", operation="settle", outcome="ok") == 3
        assert await sandbox.settle()
        assert await count(sandbox, "ledger_entry") == 10


async def test_the_log_elects_another_leader_and_counts_its_replicas() -> None:
    async with Sandbox(1) as sandbox:
        log: MemoryLog = sandbox.log
        partition = log.topics[CAPTURED_TOPIC].partitions[0]
        first = log.leader(partition)
        assert first == partition.replicas[0]
        log.down = {partition.replicas[0]}
        assert log.leader(partition) == partition.replicas[1]
        assert (await log.publish([Message(CAPTURED_TOPIC, "{}", "1")]))[0].error is None
        log.down = set(partition.replicas[:2])
        assert (await log.publish([Message(CAPTURED_TOPIC, "{}", "1")]))[0].error == "NOT_ENOUGH_REPLICAS"
        log.hang = True
        assert (await log.publish([Message(CAPTURED_TOPIC, "{}", "1")]))[0].error == "_MSG_TIMED_OUT"
