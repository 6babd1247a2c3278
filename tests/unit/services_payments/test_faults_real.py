"""Faults injected into real parts: MariaDB and Redis as programs, Kafka by its protocol, and what each one does."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dari.services.payments.faults import misuse
from dari.services.payments.faults.catalogue import CONTROLS, SCENARIOS
from dari.services.payments.faults.real import acts, play
from dari.services.payments.faults.real.system import RealSystem, calmer
from dari.services.payments.faults.stage import Stage, samples
from dari.services.payments.names import CAPTURED_TOPIC, CONSUMER_GROUP, PARTITIONS
from dari.services.stack.adapters.doors import free_ports
from dari.services.stack.adapters.kafka_doors import KafkaDoors
from tests.unit.services_payments.private_parts import mariadb_server, redis_server

BROKERS = 3
NAMES = tuple(f"kafka-{number}" for number in range(1, BROKERS + 1))


class Parts:
    """Three brokers in this process beside a database and a Redis that stay; what was asked of programs is noted."""

    brokers = BROKERS

    def __init__(self, database: str, redis: str) -> None:
        names = [f"{name}{door}" for name in NAMES for door in ("", "-client", "-line")]
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        own, clients, lines = (
            {number: self.ports[f"{name}{door}"] for number, name in enumerate(NAMES, 1)}
            for door in ("", "-client", "-line")
        )
        self._addresses = {
            "DARI_PAYMENTS_DB_URL": database,
            "DARI_PAYMENTS_REDIS_URL": redis,
            "DARI_PAYMENTS_KAFKA_BOOTSTRAP": ",".join(f"127.0.0.1:{port}" for port in own.values()),
        }
        self.doors = KafkaDoors(BROKERS, [(own, own), (clients, lines)])
        self.doors.start()
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def addresses(self) -> dict[str, str]:
        return self._addresses

    def _brokers(self, names: Sequence[str]) -> list[int]:
        return [number for number, name in enumerate(NAMES, 1) if name in names or "kafka" in names]

    def up(self, names: Sequence[str] = ()) -> None:
        self.asked.append(("up", tuple(names)))
        self.doors.up(self._brokers(names))

    def down(self, names: Sequence[str] = (), *, hard: bool = False) -> None:
        assert hard, "a fault is a kill, not a farewell"
        self.asked.append(("down", tuple(names)))
        self.doors.down(self._brokers(names))

    def pause(self, names: Sequence[str]) -> None:
        raise AssertionError(names)

    def resume(self, names: Sequence[str]) -> None:
        raise AssertionError(names)


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    # Not under pytest's own folder: MariaDB gives up root's rights and cannot look into it.
    with tempfile.TemporaryDirectory(prefix="faults-") as made:
        places = Path(made, "mariadb"), Path(made, "redis")
        for place in places:
            place.mkdir()
        with mariadb_server(places[0]) as (database, _), redis_server(places[1]) as (redis, _):
            there = Parts(database, redis)
            yield there
            there.doors.close()


@pytest.fixture
async def stage(parts: Parts) -> AsyncIterator[Stage]:
    """A platform that runs, before anything is wrong."""
    async with RealSystem(parts, 7, calmer(), delivery_timeout=2.0) as system:
        sandbox: Any = system
        yield Stage(sandbox, random.Random(7), system.world_clock.now(), samples(sandbox))


async def until(done: Callable[[], Awaitable[bool]], seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while not await done():
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.1)


async def paid(stage: Stage, count: int) -> None:
    """So many payments, each by a merchant of its own, captured and posted."""
    system = acts.system(stage)
    replies = await asyncio.gather(*(system.authorize(f"M{number}", 1000 + number) for number in range(count)))
    assert {reply.status for reply in replies} <= {200, 402}

    async def posted() -> bool:
        rows = await system.database.rows(
            "SELECT (SELECT COUNT(*) FROM ledger_entry) AS made,"
            " (SELECT COUNT(*) FROM payment WHERE status = 'CAPTURED') AS captured,"
            " (SELECT COUNT(*) FROM payment WHERE status IN ('CAPTURED', 'CAPTURE_FAILED', 'AUTH_FAILED')) AS ended"
        )
        return bool(rows[0]["ended"] >= count and rows[0]["made"] == rows[0]["captured"] > 0)

    await until(posted)


@pytest.mark.needs("mariadb", "redis")
async def test_consumers_keys_and_records_are_broken_as_told(stage: Stage) -> None:
    """One platform, one fault after the other: each does what its figures say, and is undone."""
    system = acts.system(stage)
    await paid(stage, 4)

    await acts.brokers_slow(stage)
    assert {line.delay for line in system.lines.values()} == {acts.SLOW}
    await acts.brokers_quick(stage)
    assert {line.delay for line in system.lines.values()} == {0.0}
    assert (await acts.kafka_slow(stage))["brokers_reachable"] == BROKERS

    await acts.consumer_stopped(stage)

    async def nobody() -> bool:
        return bool((await acts.consumer_gone(stage))["members"] == 0)

    await until(nobody)
    told = await acts.consumer_gone(stage)
    assert (told["group"], told["total_lag"], told["captured_without_entry"]) == (CONSUMER_GROUP, 0, 0)
    for number in range(6):
        await system.authorize(f"N{number}", 1)

    async def behind() -> bool:
        told = await acts.consumer_gone(stage)
        return bool(told["captured_without_entry"] > 0 and told["total_lag"] > 0)

    await until(behind)
    await acts.consumer_started(stage)

    async def caught_up() -> bool:
        told = await acts.consumer_gone(stage)
        return told["members"] > 0 and (told["captured_without_entry"], told["total_lag"]) == (0, 0)

    await until(caught_up)

    before = (await acts.flushed(_noted(stage, keys_before=0)))["keys_after"]
    await acts.flush(stage)
    told = await acts.flushed(stage)
    assert (told["keys_before"], told["keys_after"]) == (before, 0)
    assert before > 0 == told["idempotency_keys"]
    assert told["idempotency_rows"] >= 4, "the database remembers what Redis forgot"

    await acts.poison(stage)
    wanted = sum(stage.notes["poison"].values())

    async def set_aside() -> bool:
        return bool((await acts.poison_found(stage))["dlq_total"] == wanted)

    await until(set_aside)
    assert (await acts.poison_found(stage))["dlq_new"] == wanted > 0


@pytest.mark.needs("mariadb", "redis")
async def test_topics_and_brokers_are_taken_away_as_told(stage: Stage, parts: Parts) -> None:
    system = acts.system(stage)
    await acts.poller_stopped(stage)
    replies = [await system.authorize("LATE", 1) for _ in range(3)]
    stuck = await stage.one("SELECT COUNT(*) AS n FROM outbox_event WHERE published = 0")
    assert stuck["n"] >= len(replies) - 1
    await acts.poller_started(stage)

    await acts.topic_deleted(stage)
    assert stage.notes["missing"] == CAPTURED_TOPIC
    assert await system.hands.ends([CAPTURED_TOPIC]) == {}
    await acts.topic_made_again(stage)
    assert await system.hands.ends([CAPTURED_TOPIC]) == {
        (CAPTURED_TOPIC, n): 0 for n in range(PARTITIONS[CAPTURED_TOPIC])
    }

    parts.asked.clear()
    await acts.replicas_lost(stage)
    gone = stage.notes["absent"]
    assert parts.asked == [("down", tuple(NAMES[number - 1] for number in gone))]
    told = await acts.under_min_isr(stage)
    assert (told["replicas"], told["in_sync"], told["absent_brokers"]) == (3, 1, gone)
    assert told["partitions_under_min_isr"]
    await acts.brokers_down(stage)
    assert parts.asked[-1] == ("down", NAMES)
    told = await acts.kafka_unreachable(stage)
    assert (told["brokers_reachable"], told["brokers_total"]) == (0, 3)
    await acts._up(("kafka",), stage)
    await until(system.hands.all_in_sync)


def _noted(stage: Stage, **notes: Any) -> Stage:
    stage.notes |= notes
    return stage


@pytest.mark.needs("mariadb", "redis")
async def test_what_misuses_it_goes_on_beside_until_it_is_stopped(stage: Stage) -> None:
    system = acts.system(stage)
    await acts.hot_merchant(stage)

    async def counted() -> bool:
        return bool((await acts.limited(stage))["count"] >= 15)

    await until(counted)
    await system.stop("hot")
    told = await acts.limited(stage)
    assert (told["merchant"], told["action"], told["refused_others"]) == (misuse.HOT, "authorize", 0)
    assert told["capacity"] == system.platform.ingest.settings.rate_limits["authorize"]
    assert 0 < told["reset_seconds"] <= 60

    await acts.reuse_keys(stage)
    keys = stage.notes["keys"]

    async def first_turn() -> bool:
        rows = await system.database.rows("SELECT COUNT(*) AS n FROM payment WHERE idempotency_key LIKE 'careless-%'")
        return bool(rows[0]["n"] == keys)

    await until(first_turn)
    assert stage.notes["refused"] == keys * (stage.notes["bodies"] - 1)
    await system.stop("careless")

    await acts.silent_broker(stage)
    broker = stage.notes["broker"]
    assert stage.notes["partitions"], "it leads something"

    async def silent() -> bool:
        return system.lines[broker].cut

    await until(silent)
    assert [number for number, line in system.lines.items() if line.cut] == [broker]
    await acts.heard_again(stage)
    assert not any(line.cut for line in system.lines.values())

    await acts.surge(stage)
    told = await acts.surged(stage)
    assert (told["ratio"], told["requests_per_second"]) == (10.0, 10 * misuse.USUAL)

    async def flowing() -> bool:
        rows = await system.database.rows("SELECT COUNT(*) AS n FROM payment WHERE merchant_id LIKE 'MERCHANT-%'")
        return bool(rows[0]["n"] >= 3)

    await until(flowing)
    await system.stop("surge")

    async def broken() -> None:
        raise RuntimeError("ours")

    system.spawn("broken", broken())
    await asyncio.sleep(0)
    await system.stop("broken")
    await system.stop("nobody")


class Blind:
    """A monitor that sees nothing; how often it looked."""

    def __init__(self) -> None:
        self.looks = 0

    async def look(self) -> None:
        self.looks += 1

    async def diagnose(self) -> dict[str, Any]:
        return {"issues": [], "causes": []}


@pytest.mark.needs("mariadb", "redis")
async def test_a_monitor_that_sees_nothing_misses_faults_and_blames_nobody(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "SETTLED", 0.1)
    blind, heard, recent = Blind(), list[Any](), list[float]()

    async def watch(_: RealSystem, seconds: float) -> Any:
        recent.append(seconds)
        return blind

    told = await play.run(parts, watch, names=["F05", "C1"], seed=3, profile="local", pace=0.02, told=heard.append)
    assert (told["profile"], told["seed"], told["total"], told["controls"]) == ("local", 3, 1, 1)
    assert (told["passed"], told["masked"], told["false_alarms"]) == (0, 0, 0)
    fault, control = told["scenarios"]
    assert heard == [fault, control]
    assert (fault["scenario"], fault["found"], fault["outcome"]) == ("F05", [], "missed")
    assert fault["expected"] == [SCENARIOS["F05"].root_cause]
    assert (control["scenario"], control["passed"], control["expected"]) == ("C1", True, [])
    assert "C1" in CONTROLS
    assert recent == [240.0, 240.0]
    assert blind.looks >= 4, "before the fault and before it is asked, of each"


def test_faults_together_take_the_longest_times_and_the_shortest_patience() -> None:
    both = play.together(["F13", "F14"])
    one, other = acts.WAYS["F13"], acts.WAYS["F14"]
    assert (both.lasts, both.healthy, both.brokers) == (max(one.lasts, other.lasts), 40.0, 3)
    assert (both.delivery_timeout, both.quiet) == (acts.TIGHT, False)
    assert both.settings is other.settings is not None
    assert play.together(["F01"]) == acts.WAYS["F01"]
