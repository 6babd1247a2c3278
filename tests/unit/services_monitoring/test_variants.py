"""Faults of other kinds and strengths than the scored ones, some of them just over: the right cause, or none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dari.services.monitoring.adapters.in_process import ports_of
from dari.services.monitoring.diagnosis.derive import derive
from dari.services.monitoring.diagnosis.derive_rates import kafka_wrong
from dari.services.monitoring.exposition import parse
from dari.services.monitoring.history import History
from dari.services.monitoring.monitor import Monitor
from dari.services.monitoring.probes.snapshot import Snapshot
from dari.services.payments.breaker import State
from dari.services.payments.faults.theatre import play
from dari.services.payments.ports import KeyValueError
from dari.services.payments.sandbox import Sandbox
from tests.unit.services_monitoring.test_living import Act, verdict
from tests.unit.services_monitoring.test_rules import AT


def planted(part: Any, **instead: Any) -> None:
    """What a part does from now on instead of its own."""
    for name, act in instead.items():
        setattr(part, name, act)


async def redis_full(s: Sandbox) -> None:
    async def refused(*_: Any) -> Any:
        raise KeyValueError("OutOfMemoryError", "OOM command not allowed when used memory > 'maxmemory'.")

    said = s.keys.info
    bounded = {"maxmemory": 900_000, "maxmemory_policy": "noeviction"}
    planted(s.keys, put=refused, count=refused, info=lambda: {**said(), **bounded})


async def database_read_only(s: Sandbox) -> None:
    whole, probed = s.database.transaction, s.database.read_only

    @asynccontextmanager
    async def locked() -> AsyncIterator[Any]:
        async with whole() as connection:
            await connection.exec_driver_sql("PRAGMA query_only=ON")
            try:
                yield connection
            finally:
                await connection.exec_driver_sql("PRAGMA query_only=OFF")

    async def read_only(*asked: Any) -> Any:
        planted(s.database, transaction=whole)  # the monitor reads past the application
        try:
            return await probed(*asked)
        finally:
            planted(s.database, transaction=locked)

    planted(s.database, transaction=locked, read_only=read_only)


async def poller_cannot_follow(s: Sandbox) -> None:
    s.platform.poller._settings = replace(s.platform.settings, poll_batch=3)


async def nobody_leads_two_partitions(s: Sandbox) -> None:
    topic = s.log.topics["payment.authorized"]
    topic.configs["min.insync.replicas"] = "1"
    for part in topic.partitions[:2]:
        part.replicas = (2,)
    s.log.down = {2}


async def gateway_slow(s: Sandbox) -> None:
    s.gateway.slow = 3.0


async def gateway_was_slow(s: Sandbox) -> None:
    await gateway_slow(s)
    await s.run(60)
    s.gateway.slow = 0.0


async def gateway_shut_off(s: Sandbox) -> None:
    s.platform.breakers["pg-auth-api"].force(State.FORCED_OPEN)


async def kafka_was_away(s: Sandbox) -> None:
    s.log.down = set(s.log.brokers)
    await s.run(60)
    s.log.down = set()


async def replicas_were_away(s: Sandbox) -> None:
    s.log.down = {1, 3}
    await s.run(60)
    s.log.down = set()


async def consumer_hangs(s: Sandbox) -> None:
    s.schedule.pause("consumer-worker")


@pytest.mark.parametrize(
    ("act", "after", "causes"),
    [
        (redis_full, 40, {"REDIS_WRITES_FAILING"}),
        (database_read_only, 40, {"DB_WRITES_FAILING"}),
        (poller_cannot_follow, 60, {"OUTBOX_SLOW"}),
        (nobody_leads_two_partitions, 60, {"PARTITION_OFFLINE"}),
        (gateway_slow, 60, {"PG_SLOW"}),
        (gateway_was_slow, 20, {"PG_SLOW"}),
        (gateway_shut_off, 30, {"PG_BREAKER_FORCED"}),
        (kafka_was_away, 6, set()),
        (kafka_was_away, 20, set()),
        (replicas_were_away, 6, set()),
        (replicas_were_away, 20, set()),
        (consumer_hangs, 25, set()),
    ],
)
async def test_the_right_cause_or_none(act: Act, after: float, causes: set[str]) -> None:
    said = await verdict(act, before=40, after=after, rate=3)
    assert {cause["id"] for cause in said["causes"]} == causes, said["causes"]
    if act is redis_full:
        evidence = said["causes"][0]["evidence"]
        assert evidence["full"] is True
        assert evidence["maxmemory_policy"] == "noeviction"
        assert evidence["passedUncounted"] >= 90


async def test_a_monitor_without_history_takes_slow_brokers_for_no_other_cause() -> None:
    async with play(["F02"], 77) as case:
        said = await Monitor(ports_of(case.sandbox.app()), case.sandbox.world_clock).diagnose()
    assert [cause["id"] for cause in said["causes"]] == ["KAFKA_SLOW"]


def test_a_page_that_fails_alone_is_no_application_that_is_away() -> None:
    away = {"app.info": ("HTTP 404", "/actuator/info")}
    silent = Snapshot(at=AT, failures=away)
    answers = Snapshot(at=AT, failures=away, health={"status": "UP"})
    assert derive(silent, History(), window=240)["app.reachable"] is False
    assert derive(answers, History(), window=240)["app.reachable"] is True


def looked(at: float, *, away: bool | None, passed: int = 0, asked: int = 0) -> Snapshot:
    """A look after so many seconds; whether Kafka and Redis were away; what the limiter's counters said."""
    text = (
        f'rate_limit_fail_open_total{{action="authorize"}} {passed}\n'
        f'http_server_requests_seconds_count{{uri="/payments/authorize",status="200"}} {asked}\n'
    )
    return Snapshot(
        at=AT + timedelta(seconds=at),
        failures={"kafka": ("_TRANSPORT", ""), "redis": ("ConnectionError", "")} if away else {},
        topics=() if away is False else None,
        redis={} if away is False else None,
        metrics=parse(text),
    )


@pytest.mark.parametrize(
    ("aways", "first"),
    [
        ((False, False, False), None),
        ((True, True, True), None),
        ((True, False, False), 5.0),
        ((False, True, False), 10.0),
        ((True, None, False), 10.0),
        ((True, False, None), None),
    ],
)
def test_since_when_a_part_is_right_again(aways: tuple[bool | None, ...], first: float | None) -> None:
    looks = [looked(5.0 * number, away=away) for number, away in enumerate(aways)]
    history = History()
    for one in looks[:-1]:
        history.add(one)
    found = history.recovery(looks[-1], 60, kafka_wrong)
    assert (found and (found.at - AT).total_seconds()) == first


def test_only_what_passed_uncounted_since_redis_answers_again_is_held_against_it() -> None:
    history = History()
    for one in (looked(0, away=True), looked(5, away=False, passed=90, asked=90)):
        history.add(one)
    now = looked(10, away=False, passed=90, asked=120)
    assert "limit.uncounted" not in derive(now, history, window=240)
    history.add(now)
    told = derive(looked(15, away=False, passed=95, asked=150), history, window=240)["limit.uncounted"]
    assert told == {"passed": 5, "requests": 60, "seconds": 10.0}
