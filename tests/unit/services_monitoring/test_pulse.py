"""A monitor that is kept waiting itself says `unknown` of what it measured meanwhile, never `slow` or `away`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from dari.core.clock import KST, ManualClock, SystemClock
from dari.services.monitoring.diagnosis.derive import derive
from dari.services.monitoring.diagnosis.engine import diagnose
from dari.services.monitoring.history import History
from dari.services.monitoring.ports import Page, ProbeFailed
from dari.services.monitoring.probes.look import Looker, Probing
from dari.services.monitoring.probes.pulse import Pulse

AT = datetime(2026, 11, 20, 15, tzinfo=KST)


async def block(seconds: float) -> None:
    """The loop stands still, as where the machine is starved."""
    time.sleep(seconds)  # noqa: ASYNC251 — blocking the loop is what is tested


async def measured(work: Any) -> float | None:
    clock = SystemClock()
    async with Pulse(clock) as pulse:
        await asyncio.sleep(0.03)
        began, late = clock.monotonic(), pulse.late
        await work
        return pulse.since(began, late)


async def test_a_slow_part_is_slow_and_a_starved_monitor_knows_nothing() -> None:
    slow = await measured(asyncio.sleep(0.3))
    assert slow is not None
    assert slow >= 300
    assert await measured(block(0.3)) is None


async def test_a_quick_answer_is_quick_whoever_was_late() -> None:
    async def quick() -> None:
        await block(0.03)

    assert await measured(quick()) is not None


async def test_in_virtual_time_nobody_is_late() -> None:
    clock = ManualClock(AT)
    async with Pulse(clock) as pulse:
        clock.advance(3.0)
        assert pulse.late == 0.0
        assert pulse.since(0.0, pulse.late) == 3000.0


class Away:
    """Every part of a system that cannot be reached, but for Redis, whose INFO does what is given."""

    patience = 1.0
    instances: dict[str, Any] = {}  # noqa: RUF012 — never written

    def __init__(self, info: Any) -> None:
        self.platform = self.kafka = self.database = self
        self.redis = self
        self.info = info

    async def get(self, path: str) -> Page:
        raise ProbeFailed("app", "ConnectError", path)

    async def refused(self, *_: object) -> Any:
        raise ProbeFailed("part", "ConnectError", "refused")

    cluster = topics = groups = select = refused

    async def now(self) -> datetime:
        return AT

    async def keys(self, *_: object) -> tuple[list[str], bool]:
        return [], True

    async def values(self, *_: object) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(("hold", "error"), [(asyncio.sleep, "Timeout"), (None, "ProbeLate")])
async def test_a_deadline_that_was_missed_by_us_is_unknown(hold: Any, error: str) -> None:
    async def info() -> dict[str, Any]:
        if hold is None:
            await block(0.4)
        await asyncio.sleep(5)
        return {}

    ports: Any = Away(info)
    snapshot = await Looker(ports, SystemClock(), Probing(deadline=0.3)).look()
    assert snapshot.failures["redis"][0] == error
    facts = derive(snapshot, History(), window=60.0)
    assert ("redis.reachable" in facts) is (error == "Timeout")
    verdict = diagnose(facts, AT)
    open_probes = {one["probe"]: one["accountedFor"] for one in verdict["unknown"]}
    if error == "ProbeLate":
        assert "REDIS_UNREACHABLE" not in {cause["id"] for cause in verdict["causes"]}
        assert open_probes["redis"] == []


async def test_a_figure_that_may_be_ours_leaves_its_rule_undecided() -> None:
    async def info() -> dict[str, Any]:
        return {"uptime_in_seconds": 100}

    ports: Any = Away(info)
    snapshot = await Looker(ports, SystemClock(), Probing()).look()
    starved = derive(replace(snapshot, redis_ms=None), History(), window=60.0)
    slow = derive(replace(snapshot, redis_ms=900.0), History(), window=60.0)
    assert "REDIS_SLOW" in {one["rule"] for one in diagnose(starved, AT)["undecided"]}
    assert "REDIS_SLOW" in {one["id"] for one in diagnose(slow, AT)["causes"]}
