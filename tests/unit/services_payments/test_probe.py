from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from dari.services.payments.asgi import Page, ask
from dari.services.payments.ports import KeyValueError, StoreError
from dari.services.payments.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(5) as made:
        for number in range(8):
            await made.authorize(f"M-{number % 2}", 1000 + number, f"k-{number}")
        await made.settle()
        yield made


@pytest.fixture
def app(sandbox: Sandbox) -> FastAPI:
    return sandbox.app()


async def get(app: FastAPI, path: str) -> Page:
    return await ask(app, "GET", f"/__probe__{path}")


async def select(app: FastAPI, statement: str, **parameters: Any) -> Page:
    return await ask(app, "POST", "/__probe__/sql", {"statement": statement, "parameters": parameters})


async def test_sql_reads_with_named_parameters(app: FastAPI) -> None:
    page = await select(app, "SELECT COUNT(*) AS n FROM payment WHERE merchant_id = :m", m="M-0")
    assert page.json() == {"rows": [{"n": 4}]}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM payment",
        "SELECT 1; DELETE FROM payment",
        "WITH x AS (SELECT 1) DELETE FROM payment",
        "PRAGMA query_only=OFF",
        "",
    ],
)
async def test_sql_writes_nothing(sandbox: Sandbox, app: FastAPI, statement: str) -> None:
    page = await select(app, statement)
    assert page.status in {400, 503}
    assert len(await sandbox.database.rows("SELECT * FROM payment")) == 8
    # The connection is the platform's own: it can still write.
    assert (await sandbox.authorize("M", 1000)).status == 200


async def test_a_statement_nobody_understands_is_the_drivers_error(app: FastAPI) -> None:
    page = await select(app, "SELECT nothing FROM nowhere")
    assert (page.status, page.json()["error"]["class"]) == (503, "OperationalError")


async def test_redis_says_what_info_says(sandbox: Sandbox, app: FastAPI) -> None:
    before = (await get(app, "/redis/info")).json()
    sandbox.keys.flush_all()
    after = (await get(app, "/redis/info")).json()
    assert before["db0"]["keys"] > 0
    assert after["db0"]["keys"] == 0
    assert after["uptime_in_seconds"] == before["uptime_in_seconds"]
    assert after["cmdstat_flushall"] == {"calls": 1}
    sandbox.keys.restart()
    assert (await get(app, "/redis/info")).json()["uptime_in_seconds"] == 0


async def test_redis_keys_and_values_with_their_time_to_live(sandbox: Sandbox, app: FastAPI) -> None:
    await sandbox.authorize("HOT", 1000)
    page = await get(app, "/redis/keys?pattern=rate:*:HOT")
    assert page.json() == {"keys": ["rate:authorize:HOT"], "complete": True}
    assert (await get(app, "/redis/keys?pattern=idem:*&limit=2")).json()["complete"] is False
    values = await ask(app, "POST", "/__probe__/redis/values", {"keys": ["rate:authorize:HOT", "none"]})
    assert values.json() == {
        "values": {"rate:authorize:HOT": {"value": "1", "ttl": 60}, "none": {"value": None, "ttl": -2}},
    }
    sandbox.keys.never_expire("rate:authorize:HOT")
    values = await ask(app, "POST", "/__probe__/redis/values", {"keys": ["rate:authorize:HOT"]})
    assert values.json()["values"]["rate:authorize:HOT"]["ttl"] == -1
    assert (await get(app, "/redis/slowlog")).json() == {"entries": []}


@pytest.mark.parametrize(("kind", "status"), [("ConnectionError", 503), ("TimeoutError", 504)])
@pytest.mark.parametrize("path", ["/redis/info", "/redis/time", "/redis/keys", "/redis/slowlog"])
async def test_redis_away(sandbox: Sandbox, app: FastAPI, path: str, kind: str, status: int) -> None:
    sandbox.keys.outage = KeyValueError(kind, "away")
    page = await get(app, path)
    assert (page.status, page.json()["error"]["class"]) == (status, kind)
    values = await ask(app, "POST", "/__probe__/redis/values", {"keys": ["x"]})
    assert values.status == status


async def test_the_database_away(sandbox: Sandbox, app: FastAPI) -> None:
    sandbox.database.outage = StoreError("OperationalError", "2003")
    for page in (await select(app, "SELECT 1"), await get(app, "/sql/time")):
        assert (page.status, page.json()["error"]["class"]) == (503, "OperationalError")


async def test_kafka_as_an_admin_client_sees_it(sandbox: Sandbox, app: FastAPI) -> None:
    cluster = (await get(app, "/kafka/cluster")).json()
    assert [broker["id"] for broker in cluster["brokers"]] == [1, 2, 3]
    topics = {topic["name"]: topic for topic in (await get(app, "/kafka/topics")).json()["topics"]}
    assert len(topics) == 10
    captured = topics["payment.captured"]
    assert captured["configs"]["min.insync.replicas"] == "2"
    assert sum(partition["end"] for partition in captured["partitions"]) == 8
    groups = {group["group"]: group for group in (await get(app, "/kafka/groups")).json()["groups"]}
    assert groups["payment-consumer"]["state"] == "STABLE"
    assert len(groups["payment-consumer"]["members"][0]["partitions"]) == 12
    committed = (await get(app, "/kafka/committed?group=payment-consumer")).json()["offsets"]
    assert sum(place["offset"] or 0 for place in committed if place["topic"] == "payment.captured") == 8
    assert (await get(app, "/kafka/committed?group=none")).json() == {"offsets": []}
    await sandbox.platform.intakes["consumer-worker"].close()
    groups = {group["group"]: group for group in (await get(app, "/kafka/groups")).json()["groups"]}
    assert (groups["payment-consumer"]["state"], groups["payment-consumer"]["members"]) == ("EMPTY", [])


async def test_a_group_that_never_committed_has_no_offset_rather_than_zero(sandbox: Sandbox, app: FastAPI) -> None:
    await sandbox.log.subscribe("fresh", ["payment.captured"], "m")
    offsets = (await get(app, "/kafka/committed?group=fresh")).json()["offsets"]
    assert [place["offset"] for place in offsets] == [None] * 6


async def test_messages_from_an_offset(sandbox: Sandbox, app: FastAPI) -> None:
    partitions = sandbox.log.topics["payment.authorized"].partitions
    number = max(range(6), key=lambda at: len(partitions[at].records))
    records = partitions[number].records
    page = await get(app, f"/kafka/messages?topic=payment.authorized&partition={number}&offset=1&limit=1")
    message = page.json()["messages"][0]
    assert (message["offset"], message["value"]) == (1, records[1].value)
    assert message["headers"] == {"eventId": records[1].headers["eventId"]}
    assert message["timestamp"].endswith("+09:00")
    for query in ("topic=none&partition=0", "topic=payment.authorized&partition=6"):
        page = await get(app, f"/kafka/messages?{query}")
        assert (page.status, page.json()["error"]["class"]) == (503, "UNKNOWN_TOPIC_OR_PART")


async def test_brokers_away_and_hanging(sandbox: Sandbox, app: FastAPI) -> None:
    paths = ("cluster", "topics", "groups", "committed?group=x", "messages?topic=payment.dlq&partition=0")
    sandbox.log.down = {1, 2, 3}
    for path in paths:
        page = await get(app, f"/kafka/{path}")
        assert (page.status, page.json()["error"]["class"]) == (503, "_TRANSPORT")
    sandbox.log.down, sandbox.log.hang = set(), True
    assert (await get(app, "/kafka/cluster")).status == 504


async def test_the_clocks_of_the_parts_are_not_the_applications(sandbox: Sandbox, app: FastAPI) -> None:
    sandbox.app_clock.offset = 600
    right = sandbox.world_clock.now().isoformat(timespec="milliseconds")
    assert (await get(app, "/sql/time")).json() == (await get(app, "/redis/time")).json() == {"time": right}
    assert (await ask(app, "GET", "/actuator/info")).json()["time"] > right
