from __future__ import annotations

import time
from datetime import timedelta

import pytest

from dari.services.monitoring.adapters.in_process import ports_of
from dari.services.monitoring.monitor import Monitor
from dari.services.payments.gateway import LOADTEST
from dari.services.payments.invariants import check_state
from dari.services.payments.invariants.facts import checksum
from dari.services.payments.sandbox import START, Sandbox
from dari.services.payments.virtual import Schedule, SkewedClock, VirtualClock


async def test_ten_thousand_clean_payments_in_twenty_seconds_of_the_processor_and_every_book_right() -> None:
    start = time.process_time()
    async with Sandbox(1, gateway=LOADTEST) as sandbox:
        sandbox.traffic(1000, merchants=1000)
        await sandbox.run(10.5)
        sandbox.schedule.cancel("traffic")
        assert await sandbox.settle()
        took = time.process_time() - start
        rows = await sandbox.database.rows("SELECT COUNT(*) AS n FROM ledger_entry")
        assert rows[0]["n"] >= 10_000
        assert await check_state(sandbox) == []
        report = await Monitor(ports_of(sandbox.app()), sandbox.world_clock).reconcile()
        assert (report["status"], report["findings"], report["pending"]) == ("consistent", [], {})
        assert report["checked"]["payments"] >= 10_000
        assert all(topic["records"] == topic["outboxPublished"] for topic in report["conservation"])
    assert took <= 20


async def test_the_same_seed_is_the_same_run_and_another_is_not() -> None:
    sums = []
    for seed in (4, 4, 5):
        async with Sandbox(seed) as sandbox:
            sandbox.traffic(5, refunds=0.5)
            await sandbox.run(25)
            sums.append(await checksum(sandbox))
    assert sums[0] == sums[1] != sums[2]


async def test_time_passes_only_when_told() -> None:
    async with Sandbox(1) as sandbox:
        assert sandbox.world_clock.now() == START
        await sandbox.run(12.5)
        assert sandbox.world_clock.now() == START + timedelta(seconds=12.5)
        assert sandbox.world_clock.monotonic() == 12.5


async def test_a_sleeper_goes_ahead_alone_and_the_next_step_starts_at_its_own_time() -> None:
    clock = VirtualClock(START)
    schedule, seen = Schedule(clock), []

    async def long() -> None:
        await clock.sleep(5)
        seen.append(("long", clock.monotonic()))

    async def short() -> None:
        seen.append(("short", clock.monotonic()))

    schedule.every(1.0, long, "long")
    schedule.once(2.0, short)
    await schedule.run(7)
    assert seen == [("long", 5.0), ("short", 2.0), ("long", 11.0)]


async def test_paused_steps_are_skipped_cancelled_ones_forgotten_and_skipped_time_moves_all() -> None:
    clock = VirtualClock(START)
    schedule, seen = Schedule(clock), []

    async def step() -> None:
        seen.append(clock.monotonic())

    schedule.every(1.0, step, "step")
    await schedule.run(1.5)
    schedule.pause("step")
    await schedule.run(2)
    schedule.resume("step")
    await schedule.run(1)
    schedule.skip(100)
    await schedule.run(1)
    schedule.cancel("step")
    await schedule.run(5)
    assert seen == [0.0, 1.0, 4.0, 105.0]


async def test_a_skewed_clock_is_wrong_about_the_hour_but_not_about_durations() -> None:
    clock = VirtualClock(START)
    skewed = SkewedClock(clock, 600)
    await skewed.sleep(3)
    assert skewed.now() - clock.now() == timedelta(seconds=600)
    assert skewed.monotonic() == clock.monotonic() == 3.0


@pytest.mark.parametrize("seed", range(6))
async def test_random_healthy_runs_break_nothing(seed: int) -> None:
    async with Sandbox(1000 + seed) as sandbox:
        sandbox.traffic(sandbox.random.choice([0.3, 2, 15]), refunds=sandbox.random.random())
        await sandbox.run(sandbox.random.randint(10, 40))
        assert await check_state(sandbox) == []
        sandbox.schedule.cancel("traffic")
        assert await sandbox.settle()
        assert await check_state(sandbox) == []
