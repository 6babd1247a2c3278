"""Play every scenario before a monitor that is handed in, and count: `{passed, total, false_alarms, scenarios}`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from dari.services.payments.faults.catalogue import CONTROLS, SCENARIOS
from dari.services.payments.faults.score import Score, judge, outcome
from dari.services.payments.faults.theatre import Observer, order_of_play, play
from dari.services.payments.sandbox import Sandbox


class Watcher(Protocol):
    """A monitor of one sandbox, which it knows only by its ASGI app and a clock."""

    async def look(self) -> None:
        """Take a sample."""
        ...

    async def diagnose(self) -> Mapping[str, Any]:
        """Say what is wrong: `{root_cause, causes: [{id, evidence}]}`."""
        ...


Watch = Callable[[Sandbox], Awaitable[Watcher]]


async def run_one(keys: Sequence[str], seed: int, watch: Watch) -> dict[str, Any]:
    """Play one case (several keys: at once): its name, what was found, what was missing, seconds it took."""
    start = time.perf_counter()
    watchers: list[Watcher] = []

    async def observe(sandbox: Sandbox) -> Observer:
        watcher = await watch(sandbox)
        watchers.append(watcher)

        async def look(_: Sandbox) -> None:
            await watcher.look()

        return look

    async with play(keys, seed, observe) as case:
        await watchers[0].look()
        report = await watchers[0].diagnose()
        scores: list[Score] = judge(case.truths, report)
    return {
        "case": case.name,
        "scenario": "+".join(keys),
        "expected": sorted(case.root_causes),
        "found": list(scores[0].found),
        "missing": {score.key: list(score.missing) for score in scores if score.missing},
        "wrong": list(scores[0].wrong),
        "masked": {score.key: list(score.masked) for score in scores if score.masked},
        "outcome": outcome(scores),
        "passed": all(score.passed for score in scores),
        "seconds": round(time.perf_counter() - start, 2),
    }


async def run(
    watch: Watch,
    *,
    names: Sequence[str] = (),
    seed: int = 0,
    told: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Play the named scenarios ("F04", "F04+F06"), or all sixteen and the controls in the seed's own order.

    `passed`/`total` count faults; `false_alarms` causes named on controls. KeyError for an unknown name.
    `told` hears each case as it ends.
    """
    chosen = [name.split("+") for name in names] or [[key] for key in order_of_play(seed)]
    said = []
    for keys in chosen:
        case = await run_one(keys, seed, watch)
        said.append(case)
        if told is not None:
            told(case)
    faults = [case for case in said if any(key in SCENARIOS for key in case["scenario"].split("+"))]
    controls = [case for case in said if all(key in CONTROLS for key in case["scenario"].split("+"))]
    return {
        "profile": "sim",
        "seed": seed,
        "passed": sum(case["passed"] for case in faults),
        "masked": sum(case["outcome"] == "masked" for case in faults),
        "total": len(faults),
        "false_alarms": sum(len(case["found"]) for case in controls),
        "controls": len(controls),
        "scenarios": said,
    }
