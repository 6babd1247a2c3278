"""That the platform's suite is run on real parts: which tests, and that what they do is really there."""

from __future__ import annotations

import asyncio
import time
from importlib import import_module

import pytest
from redis import Redis

from dari.services.payments.adapters.kafka_log import KafkaLog
from dari.services.payments.names import CAPTURED_TOPIC, CONSUMER_GROUP, idem_key
from dari.services.payments.ports import Message
from dari.services.payments.sandbox import Sandbox
from tests.unit.services_payments.conftest import REAL, Parts
from tests.unit.services_payments.real_cluster import PATIENCE
from tests.unit.services_payments.real_log import QUICK
from tests.unit.services_payments.real_suite import ONLY_SIMULATED, STORED, stored

SHARE = 0.95
"""Of the tests of a whole platform, how many run on real parts at the least."""


def test_nearly_the_whole_suite_runs_on_real_parts_and_the_rest_is_named() -> None:
    modules = {name: import_module(f"tests.unit.services_payments.{name}") for name in STORED}
    asked = {
        f"{module}.{name}"
        for module, held in modules.items()
        for name, function in vars(held).items()
        if name.startswith("test_") and stored(function)
    }
    assert len(asked) > 50
    assert set(ONLY_SIMULATED) <= asked, "a name in the table is no test any more"
    assert all(len(reason) > 20 for reason in ONLY_SIMULATED.values())
    assert 1 - len(ONLY_SIMULATED) / len(asked) >= SHARE


@pytest.mark.parametrize("kept", [REAL], indirect=True)
async def test_what_a_sandbox_does_there_is_found_by_strangers(parts: Parts) -> None:
    async with Sandbox(5) as sandbox:
        assert (await sandbox.authorize("M", 7000, key="k")).status == 200
        assert await sandbox.settle()
        assert sandbox.database.dialect == "mysql"
        redis = Redis.from_url(parts.redis)
        assert 0 < int(redis.ttl(idem_key("M", "k"))) <= 600
        redis.close()
        record = sandbox.log.records(CAPTURED_TOPIC)[0]
        place = (record.topic, record.partition)
        assert parts.cluster.ends([place]) == {place: record.offset + 1}
        assert parts.cluster.committed(CONSUMER_GROUP)[place] == record.offset + 1
        assert list(parts.cluster.members(CONSUMER_GROUP)) == ["consumer-worker-1"]


@pytest.mark.needs("redis", "kafka")
async def test_what_was_fetched_before_the_broker_went_away_is_fetched_again(parts: Parts) -> None:
    """A member that cannot read how far it got must not go on from where it happens to be."""
    cluster = parts.cluster
    cluster.begin()
    log = KafkaLog(cluster.bootstrap, **QUICK)
    member = await log.subscribe(CONSUMER_GROUP, [CAPTURED_TOPIC], "member")
    try:
        for value in "012":
            cluster.append(Message(CAPTURED_TOPIC, value, "k"), 0)

        async def fetched(count: int) -> list[str]:
            values: list[str] = []
            end = time.monotonic() + PATIENCE
            while len(values) < count and time.monotonic() < end:
                values += [record.value for record in await member.fetch(100)]
                await asyncio.sleep(0)
            return values

        assert await fetched(3) == ["0", "1", "2"]
        cluster.pause()
        await member.rewind()
        cluster.resume()
        cluster.append(Message(CAPTURED_TOPIC, "3", "k"), 0)
        assert await fetched(4) == ["0", "1", "2", "3"]
    finally:
        await member.close()
        await log.close()
