"""Faults of our own in a living platform, in no catalogue: the cause is named, alone, with its figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dari.services.monitoring.adapters.in_process import ports_of
from dari.services.monitoring.monitor import Monitor
from dari.services.payments.sandbox import Sandbox

Act = Callable[[Sandbox], Awaitable[None]]


async def verdict(act: Act, *, seed: int = 3, before: float = 60, after: float = 60, rate: float = 2) -> dict[str, Any]:
    async with Sandbox(seed) as sandbox:
        monitor = Monitor(ports_of(sandbox.app()), sandbox.world_clock)
        sandbox.schedule.every(5, monitor.sample, "observer")
        sandbox.traffic(rate, refunds=0.2)
        await sandbox.run(before)
        await act(sandbox)
        await sandbox.run(after)
        return await monitor.diagnose()


async def nothing(_: Sandbox) -> None:
    pass


async def settlement_gone(s: Sandbox) -> None:
    s.schedule.pause("settlement-worker")
    await s.platform.intakes["settlement-worker"].close()


async def consumer_hangs(s: Sandbox) -> None:
    s.schedule.pause("consumer-worker")


async def redis_restarts(s: Sandbox) -> None:
    s.keys.restart()


async def counter_without_end(s: Sandbox) -> None:
    keys, _ = s.keys.keys("rate:authorize:*", 1)
    s.keys.never_expire(keys[0])


async def one_broker_gone(s: Sandbox) -> None:
    s.log.down = {2}


async def gateway_silent(s: Sandbox) -> None:
    s.gateway.down = True


async def topic_refused(s: Sandbox) -> None:
    s.log.refuse = lambda topic, _: "TOPIC_AUTHORIZATION_FAILED" if topic == "payment.refunded" else None


async def lease_of_the_dead(s: Sandbox) -> None:
    s.schedule.pause("outbox-poller")
    async with s.database.transaction() as connection:
        await connection.exec_driver_sql(
            "UPDATE shedlock SET locked_by = 'dead-instance', lock_at = '2027-01-01 00:00:00.000000'"
        )
    s.schedule.resume("outbox-poller")


async def dlq_gone(s: Sandbox) -> None:
    del s.log.topics["refund.dlq"]


async def clock_behind(s: Sandbox) -> None:
    s.app_clock.offset = -300.0


@pytest.mark.parametrize(
    ("act", "causes"),
    [
        (nothing, []),
        (settlement_gone, ["SETTLEMENT_WORKER_STOPPED"]),
        (consumer_hangs, ["CONSUMER_STUCK"]),
        (redis_restarts, ["REDIS_RESTARTED"]),
        (counter_without_end, ["RATE_KEY_NEVER_EXPIRES"]),
        (one_broker_gone, ["KAFKA_BROKER_DOWN"]),
        (gateway_silent, ["PG_UNREACHABLE"]),
        (topic_refused, ["PUBLISH_REFUSED"]),
        (lease_of_the_dead, ["OUTBOX_STUCK"]),
        (dlq_gone, ["TOPIC_MISSING"]),
        (clock_behind, ["CLOCK_SKEW"]),
    ],
)
async def test_the_cause_is_named_alone(act: Act, causes: list[str]) -> None:
    said = await verdict(act)
    assert [cause["id"] for cause in said["causes"]] == causes, said["causes"]
    assert said["unexplained_symptoms"] == []
    assert said["status"] == ("cause_found" if causes else "healthy")


async def test_two_of_them_at_once_are_both_named() -> None:
    async def both(s: Sandbox) -> None:
        await settlement_gone(s)
        await redis_restarts(s)
        await clock_behind(s)

    said = await verdict(both)
    assert {cause["id"] for cause in said["causes"]} == {"SETTLEMENT_WORKER_STOPPED", "REDIS_RESTARTED", "CLOCK_SKEW"}


async def test_a_recovered_platform_is_quiet_after_five_minutes() -> None:
    async def down_and_up(s: Sandbox) -> None:
        s.log.down = set(s.log.brokers)
        await s.run(40)
        s.log.down = set()

    said = await verdict(down_and_up, after=300)
    assert said["status"] == "healthy", said["causes"]


async def test_the_figures_are_those_of_the_platform() -> None:
    async with Sandbox(9) as sandbox:
        monitor = Monitor(ports_of(sandbox.app()), sandbox.world_clock)
        sandbox.schedule.every(5, monitor.sample, "observer")
        sandbox.traffic(5)
        await sandbox.run(60)
        sandbox.schedule.pause("consumer-worker")
        await sandbox.platform.intakes["consumer-worker"].close()
        await sandbox.run(60)
        said = await monitor.diagnose()
        cause = said["causes"][0]
        assert cause["id"] == "CONSUMER_STOPPED"
        assert cause["evidence"]["lag"] == sandbox.log.lag("payment-consumer") > 0
        assert cause["evidence"]["members"] == 0
        assert sum(row["lag"] for row in cause["evidence"]["lagByPartition"]) == cause["evidence"]["lag"]
        assert cause["evidence"]["committedUnchangedSeconds"] >= 55
