from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from dari.services.payments.adapters.kafka_log import KafkaLog
from dari.services.payments.adapters.redis_keys import RedisKeys
from dari.services.payments.adapters.sql import Database
from dari.services.payments.asgi import ask
from dari.services.payments.deployment import Addresses, Deployment, deploy
from dari.services.payments.gateway import GatewayConfig
from dari.services.payments.ports import KeyValueError, LogError, Message, StoreError
from dari.services.payments.replies import AuthorizeRequest, RefundRequest
from dari.services.stack import processes
from dari.services.stack.processes import Started
from tests.unit.services_payments.private_parts import free_port, mariadb_server, redis_server

QUICK = GatewayConfig(auth_failures=0, work_failures=0, work_seconds=(0.01, 0.05))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not under pytest's own folder: MariaDB gives up root's rights and cannot look into it.
    with tempfile.TemporaryDirectory(prefix="parts-") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def redis(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    place = folder / "redis"
    place.mkdir()
    with redis_server(place) as started:
        yield started


@pytest.fixture(scope="module")
def mariadb(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    place = folder / "mariadb"
    place.mkdir()
    with mariadb_server(place) as started:
        yield started


@pytest.fixture
def brokers() -> Iterator[str]:
    """Three brokers of librdkafka's mock cluster: the Kafka protocol over loopback."""
    cluster = Producer({"test.mock.num.brokers": 3, "bootstrap.servers": "ignored:1", "log_level": 0})
    known = cluster.list_topics(timeout=5).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in known)
    del cluster


async def until(done: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not await done():
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.1)


async def pay_and_refund(made: Deployment, count: int) -> None:
    """Payments all the way through, one of them refunded; every entry balanced."""
    requests = [
        AuthorizeRequest(merchantId=f"M{number % 3}", amount=1000 + number, currency="KRW", idempotencyKey=f"r{number}")
        for number in range(count)
    ]
    replies = await asyncio.gather(*(made.platform.ingest.authorize(request) for request in requests))
    assert {reply.status for reply in replies} == {200}
    again = await made.platform.ingest.authorize(requests[0])
    assert (again.body, again.headers) == (replies[0].body, {"Idempotent-Replayed": "true"})

    async def entries(wanted: int) -> bool:
        rows = await made.database.rows("SELECT COUNT(*) AS n FROM ledger_entry")
        return bool(rows[0]["n"] >= wanted)

    await until(lambda: entries(count))
    number = json.loads(replies[0].body)["paymentId"]
    refund = await made.platform.ingest.refund(number, RefundRequest(merchantId="M0", reason="마음이 바뀜"))
    assert refund.status == 200
    await until(lambda: entries(count + 1))
    rows = await made.database.rows("SELECT SUM(balance) AS total, COUNT(*) AS n FROM ledger_account")
    assert (int(rows[0]["total"]), rows[0]["n"]) == (0, 2)
    rows = await made.database.rows("SELECT refund_reason FROM refund_request")
    assert rows == [{"refund_reason": "마음이 바뀜"}]


async def test_everything_in_one_process_as_a_program() -> None:
    async with deploy(gateway=QUICK, switches=True) as made:
        await pay_and_refund(made, 30)
        assert (await ask(made.app, "GET", "/__probe__/kafka/cluster")).status == 200
        assert (await ask(made.app, "POST", "/__faults__/kafka/down")).status == 200
        assert (await ask(made.app, "GET", "/__probe__/kafka/cluster")).status == 503
        assert (await ask(made.app, "POST", "/__faults__/consumer/stop")).status == 200
        groups = (await ask(made.app, "POST", "/__faults__/kafka/up")).status
        assert groups == 200
        assert (await ask(made.app, "POST", "/__faults__/moon/full")).status == 404


async def test_without_switches_nobody_can_break_it() -> None:
    async with deploy(gateway=QUICK) as made:
        assert (await ask(made.app, "POST", "/__faults__/kafka/down")).status == 404


@pytest.mark.needs("mariadb", "redis")
async def test_the_same_on_mariadb_redis_and_the_kafka_protocol(
    mariadb: tuple[str, object], redis: tuple[str, object], brokers: str
) -> None:
    addresses = Addresses(database=mariadb[0], redis=redis[0], kafka=brokers)
    async with deploy(addresses, gateway=QUICK) as made:
        await pay_and_refund(made, 60)
        assert (await ask(made.app, "GET", "/__probe__/kafka/cluster")).status == 404
        with pytest.raises(StoreError, match="append-only"):
            await made.database.do("UPDATE ledger_entry SET amount = 1")
        with pytest.raises(StoreError, match="append-only"):
            await made.database.do("DELETE FROM payment_history")


# aiomysql leaves the socket of a handshake that is cancelled to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")
@pytest.mark.needs("mariadb")
async def test_a_paused_mariadb_is_known_in_time_and_a_resumed_one_goes_on(
    mariadb: tuple[str, subprocess.Popen[bytes]],
) -> None:
    database = Database(mariadb[0], timeout=1.0)
    await database.create()
    try:
        assert processes.hold(Started(mariadb[1].pid, processes.birth(mariadb[1].pid) or ""))
        start = time.monotonic()
        with pytest.raises(StoreError):
            await database.rows("SELECT 1")
        assert time.monotonic() - start < 3
    finally:
        mariadb[1].send_signal(signal.SIGCONT)
    await until(lambda: _answers(database), 20)
    await database.close()
    await asyncio.sleep(0)
    gc.collect()


async def _answers(database: Database) -> bool:
    try:
        return await database.rows("SELECT 1 AS one") == [{"one": 1}]
    except StoreError:
        return False


@pytest.mark.needs("redis")
async def test_redis_counts_in_one_step_and_mends_a_counter_without_an_end(redis: tuple[str, object]) -> None:
    keys = RedisKeys(redis[0])
    assert await keys.get("none") is None
    await keys.put("kept", "값", 60)
    assert await keys.get("kept") == "값"
    await keys.delete("kept")
    assert await keys.get("kept") is None
    counts = await asyncio.gather(*(keys.count("rate:authorize:M", 60) for _ in range(50)))
    assert sorted(number for number, _ in counts) == list(range(1, 51))
    assert {left for _, left in counts} <= {59, 60}
    # What the original leaves behind when it dies between INCR and EXPIRE.
    await keys.put("rate:authorize:N", "7", 60)
    await keys._redis.persist("rate:authorize:N")
    assert await keys.count("rate:authorize:N", 60) == (8, 60)
    # What is asked together is answered each for itself.
    await keys.put("rate:authorize:X", "word", 60)
    asked = (keys.count("rate:authorize:X", 60), keys.count("rate:authorize:N", 60), keys.get("rate:authorize:X"))
    wrong, number, word = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(wrong, KeyValueError)
    assert wrong.kind == "ResponseError"
    assert (number, word) == ((9, 60), "word")
    await keys.close()


@pytest.mark.needs("redis")
async def test_what_is_asked_within_a_moment_goes_in_one_round_trip(redis: tuple[str, object]) -> None:
    keys = RedisKeys(redis[0], gather=0.05)
    await keys.put("g", "1", 60)
    await keys.get("g")
    before = int((await keys._redis.info("commandstats"))["cmdstat_mget"]["calls"])
    asked = [asyncio.create_task(keys.get("g"))]
    await asyncio.sleep(0.02)
    asked += [asyncio.create_task(keys.get(name)) for name in ("g", "none")]
    assert await asyncio.gather(*asked) == ["1", "1", None]
    assert int((await keys._redis.info("commandstats"))["cmdstat_mget"]["calls"]) == before + 1
    await keys.close()


@pytest.mark.needs("redis")
async def test_a_paused_redis_is_known_within_its_timeout(redis: tuple[str, subprocess.Popen[bytes]]) -> None:
    keys = RedisKeys(redis[0], timeout=0.3)
    await keys.put("kept", "1", 60)
    redis[1].send_signal(signal.SIGSTOP)
    try:
        start = time.monotonic()
        with pytest.raises(KeyValueError) as caught:
            await keys.get("kept")
        assert time.monotonic() - start < 2
        assert caught.value.kind == "TimeoutError"
    finally:
        redis[1].send_signal(signal.SIGCONT)
    await until(lambda: _kept(keys), 5)
    await keys.close()


async def _kept(keys: RedisKeys) -> bool:
    try:
        return await keys.get("kept") == "1"
    except KeyValueError:
        return False


async def test_a_refused_redis_is_a_connection_error_at_once() -> None:
    keys = RedisKeys(f"redis://127.0.0.1:{free_port()}")
    start = time.monotonic()
    with pytest.raises(KeyValueError) as caught:
        await keys.count("x", 60)
    assert caught.value.kind == "ConnectionError"
    assert time.monotonic() - start < 1
    await keys.close()


async def test_kafka_keeps_order_by_key_and_reads_again_what_was_not_committed(brokers: str) -> None:
    log = KafkaLog(brokers)
    await log.create_topics()
    sent = await log.publish([Message("payment.captured", str(at), "one-key", {"eventId": str(at)}) for at in range(9)])
    assert {delivery.error for delivery in sent} == {None}
    assert len({delivery.partition for delivery in sent}) == 1
    assert [delivery.offset for delivery in sent] == list(range(9))
    reader = await log.subscribe("payment-consumer", ["payment.captured"], "m-1")
    seen: list[str] = []

    async def nine() -> bool:
        seen.extend(record.value for record in await reader.fetch(100))
        return len(seen) >= 9

    await until(nine)
    assert seen == [str(at) for at in range(9)]
    await reader.rewind()
    seen.clear()
    records = []

    async def again() -> bool:
        records.extend(await reader.fetch(100))
        return len(records) >= 9

    await until(again)
    assert [record.headers["eventId"] for record in records] == [str(at) for at in range(9)]
    await reader.commit(records[:5])
    await reader.rewind()
    records.clear()

    async def four() -> bool:
        records.extend(await reader.fetch(100))
        return len(records) >= 4

    await until(four)
    assert [record.value for record in records] == ["5", "6", "7", "8"]
    reading = asyncio.create_task(reader.fetch(100))
    await asyncio.sleep(0.01)
    await asyncio.gather(reader.close(), log.publish([Message("payment.captured", "10", "one-key")]), log.close())
    assert await reading == []
    # Who was not told in time finds a closed door, not the client's remains.
    await reader.rewind()
    for late in (reader.fetch(1), reader.commit(records), log.publish([Message("payment.captured", "11", "k")])):
        with pytest.raises(LogError, match="closed"):
            await late
    await reader.close()
    await log.close()


async def test_brokers_that_are_not_there_are_a_time_out_not_a_hang() -> None:
    log = KafkaLog(f"127.0.0.1:{free_port()}", delivery_timeout=1.0)
    start = time.monotonic()
    sent = await log.publish([Message("payment.captured", "{}", "1")])
    assert sent[0].error == "_MSG_TIMED_OUT"
    assert time.monotonic() - start < 4
    with pytest.raises(LogError):
        await log.create_topics()
    await log.close()


async def test_it_listens_on_a_port_and_leaves_when_told() -> None:
    port = free_port()
    program = f"import asyncio; from dari.services.payments.deployment import serve; asyncio.run(serve(port={port}))"
    places = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, env=places)

    async def healthy() -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.write(b"GET /actuator/health HTTP/1.0\r\n\r\n")
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
        return said.endswith(b'{"status":"UP"}')

    try:
        await until(healthy)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) in {0, -signal.SIGTERM}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
