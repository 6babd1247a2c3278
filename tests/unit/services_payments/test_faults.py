from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dari.services.payments.faults.catalogue import CONTROLS, SCENARIOS
from dari.services.payments.faults.theatre import Case, case_name, order_of_play, play
from dari.services.payments.invariants import check_state
from dari.services.payments.sandbox import Sandbox

LOSSY = {"F09", "F15"}
"""Falsified books stay falsified, and what lay in a deleted topic is gone."""


async def healed(case: Case) -> bool:
    await case.heal()
    for name in ("traffic", "hot", "surge", "careless"):
        case.sandbox.schedule.cancel(name)
    return await case.sandbox.settle()


def positive(report: dict[str, Any], *names: str) -> bool:
    return all(report[name] > 0 for name in names)


EXPECT: dict[str, Callable[[dict[str, Any]], object]] = {
    "F01": lambda r: r["brokers_reachable"] == 0 and positive(r, "outbox_unpublished", "outbox_oldest_age_seconds"),
    "F02": lambda r: r["slow_call_rate"] >= 50 and r["failure_rate"] == 0,
    "F03": lambda r: r["members"] == 0 and r["captured_without_entry"] > 0 and r["total_lag"] > 0,
    "F04": lambda r: r["dlq_new"] == sum(r["by_error_type"].values()) == r["dlq_total"] > 4,
    "F05": lambda r: r["keys_after"] < r["keys_before"] and r["idempotency_keys"] < r["idempotency_rows"],
    "F06": lambda r: positive(r, "limiter_fail_open", "idempotency_from_database"),
    "F07": lambda r: r["count"] > r["capacity"] == 600 and positive(r, "refused") and r["refused_others"] == 0,
    "F08": lambda r: r["authorize_5xx_percent"] > 95 and r["dlq_new"] == 0,
    "F09": lambda r: r["rows"] and r["payments"],
    "F10": lambda r: positive(r, "outbox_unpublished") and r["heartbeat_age_seconds"] > 55,
    "F11": lambda r: r["refused"] == r["keys"] * (r["bodies_per_key"] - 1),
    "F12": lambda r: r["offset_seconds"] == 600 and positive(r, "rows_in_the_future"),
    "F13": lambda r: r["transitions"] >= 6 and r["partitions"],
    "F14": lambda r: positive(r, "members", "lag"),
    "F15": lambda r: r["errors_on_topic"] and positive(r, "published_on_other_topics"),
    "F16": lambda r: r["in_sync"] < r["min_insync"] and r["partitions_under_min_isr"] and positive(r, "errors"),
}


@pytest.mark.parametrize("key", sorted(SCENARIOS))
async def test_a_fault_is_really_there_and_the_platform_heals_after_it(key: str) -> None:
    async with play([key], seed=2) as case:
        truth = case.truths[0]
        assert case.root_causes == {SCENARIOS[key].root_cause}
        assert EXPECT[key](dict(truth.must_report)), truth.must_report
        assert truth.root_cause not in truth.spares
        assert await healed(case)
        if key not in LOSSY:
            assert await check_state(case.sandbox) == []


@pytest.mark.parametrize("key", sorted(CONTROLS))
async def test_a_control_is_healthy(key: str) -> None:
    async with play([key], seed=2) as case:
        assert case.root_causes == frozenset()
        assert await check_state(case.sandbox) == []
        assert case.sandbox.platform.breakers["kafka-publisher"].state == "CLOSED"
        unpublished = await case.sandbox.database.rows(
            "SELECT COUNT(*) AS n FROM outbox_event WHERE published = 0 AND retry_count > 0"
        )
        assert unpublished == [{"n": 0}]


async def test_two_faults_at_once_are_two_truths() -> None:
    async with play(["F04", "F06"], seed=3) as case:
        assert case.root_causes == {"POISON_MESSAGE", "REDIS_UNREACHABLE"}
        assert await healed(case)
        assert await check_state(case.sandbox) == []


async def test_the_same_case_twice_is_the_same_case_and_its_name_tells_nothing() -> None:
    seen = []
    for _ in range(2):
        async with play(["F05"], seed=9) as case:
            seen.append((case.name, dict(case.truths[0].must_report)))
    assert seen[0] == seen[1]
    names = {case_name([key], 9) for key in SCENARIOS}
    assert len(names) == 16
    assert not any("F0" in name or "F1" in name for name in names)


async def test_an_observer_looks_every_five_seconds_and_sees_the_platform() -> None:
    looks: list[float] = []

    async def observe(_: Sandbox) -> Any:
        async def look(seen: Sandbox) -> None:
            looks.append(seen.world_clock.monotonic())

        return look

    async with play(["C1"], seed=1, observe=observe):
        pass
    assert looks[:4] == [0.0, 5.0, 10.0, 15.0]
    # One more before the fault: what it did is counted from there.
    assert len(looks) == 26


def test_the_order_of_play_is_the_seeds_own() -> None:
    assert order_of_play(1) == order_of_play(1) != order_of_play(2)
    assert set(order_of_play(1)) == {*SCENARIOS, *CONTROLS}
    assert set(order_of_play(1, controls=False)) == set(SCENARIOS)
