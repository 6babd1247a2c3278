"""Play scenarios on real parts, one after the other, before a monitor that is handed in, and count as the others do."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from dari.services.payments.faults.catalogue import CONTROLS, EVERYTHING, SCENARIOS
from dari.services.payments.faults.real.acts import WAYS, Way
from dari.services.payments.faults.real.system import Parts, RealSystem
from dari.services.payments.faults.run import Watcher
from dari.services.payments.faults.score import Score, judge, outcome, spanned
from dari.services.payments.faults.stage import Stage, samples
from dari.services.payments.faults.theatre import Truth, case_name, order_of_play

LOOK: Final = 2.5
"""Seconds between two looks of the monitor."""
SETTLED: Final = 4.0
"""Seconds after the last payment until nothing of it is under way at the gateway."""
Watch = Callable[[RealSystem, float], Awaitable[Watcher]]
"""A monitor of a system, and how many seconds count as recent for it."""


def together(keys: Sequence[str]) -> Way:
    """One way for several scenarios at once: the longest times, the settings of the one that has some."""
    ways = [WAYS[key] for key in keys]
    chosen = next((way for way in ways if way.settings is not None), ways[0])
    return replace(
        chosen,
        healthy=max(way.healthy for way in ways),
        lasts=max(way.lasts for way in ways),
        rate=max(way.rate for way in ways),
        quiet=all(way.quiet for way in ways),
        delivery_timeout=min(way.delivery_timeout for way in ways),
        recent=min(way.recent for way in ways),
        brokers=max(way.brokers for way in ways),
    )


async def run_one(parts: Parts, keys: Sequence[str], seed: int, watch: Watch, *, pace: float = 1.0) -> dict[str, Any]:
    """Play one case, its times multiplied by `pace`: its name, what was found, what was missing, seconds it took."""
    began = time.perf_counter()
    dice = random.Random(f"{seed}|{'+'.join(keys)}")  # noqa: S311 — a replayable run, not a secret
    way = together(keys)
    async with RealSystem(parts, dice.randint(0, 2**31), way.settings, delivery_timeout=way.delivery_timeout) as here:
        watcher = await watch(here, way.recent)
        looking = asyncio.create_task(_look(watcher))
        try:
            if way.rate:
                here.traffic(way.rate, refunds=0.1)
            await asyncio.sleep(way.healthy * pace)
            # The last look at what is right: what is counted from it on is what the fault did.
            await watcher.look()
            stage_sandbox: Any = here
            stage = Stage(stage_sandbox, dice, here.world_clock.now(), samples(stage_sandbox))
            for key in keys:
                await WAYS[key].inject(stage)
            await asyncio.sleep(way.lasts * pace)
            if way.quiet:
                await here.stop("traffic")
                await asyncio.sleep(SETTLED)
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
        await watcher.look()
        before = [await WAYS[key].measure(stage) for key in keys]
        report = await watcher.diagnose()
        after = [await WAYS[key].measure(stage) for key in keys]
        for key in keys:
            await WAYS[key].heal(stage)
    scores = _best(keys, before, after, report)
    return {
        "case": case_name(keys, seed),
        "scenario": "+".join(keys),
        "expected": sorted(cause for key in keys if (cause := EVERYTHING[key].root_cause) is not None),
        "found": list(scores[0].found),
        "missing": {score.key: list(score.missing) for score in scores if score.missing},
        "wrong": list(scores[0].wrong),
        "masked": {score.key: list(score.masked) for score in scores if score.masked},
        "outcome": outcome(scores),
        "passed": all(score.passed for score in scores),
        "seconds": round(time.perf_counter() - began, 2),
    }


async def _look(watcher: Watcher) -> None:
    while True:
        begun = time.monotonic()
        await watcher.look()
        await asyncio.sleep(max(0.2, LOOK - (time.monotonic() - begun)))


def _best(
    keys: Sequence[str],
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    report: Mapping[str, Any],
) -> list[Score]:
    """Real figures move while they are told: each must be that of just before, of just after, or between the two."""
    tellings = (before, after, [spanned(one, two) for one, two in zip(before, after, strict=True)])
    judged = [
        judge([Truth(key, EVERYTHING[key].root_cause, said, ()) for key, said in zip(keys, told, strict=True)], report)
        for told in tellings
    ]
    best = []
    for at, score in enumerate(judged[0]):
        absent = set.intersection(*(set(scores[at].missing) for scores in judged))
        best.append(replace(score, missing=tuple(name for name in score.missing if name in absent)))
    return best


async def run(
    parts: Parts,
    watch: Watch,
    *,
    names: Sequence[str] = (),
    seed: int = 0,
    profile: str = "real",
    pace: float = 1.0,
    told: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """As `faults.run.run`: `{profile, seed, passed, total, false_alarms, controls, scenarios}`."""
    chosen = [name.split("+") for name in names] or [[key] for key in order_of_play(seed)]
    said = []
    for keys in chosen:
        case = await run_one(parts, keys, seed, watch, pace=pace)
        said.append(case)
        if told is not None:
            told(case)
    faults = [case for case in said if any(key in SCENARIOS for key in case["scenario"].split("+"))]
    controls = [case for case in said if all(key in CONTROLS for key in case["scenario"].split("+"))]
    return {
        "profile": profile,
        "seed": seed,
        "passed": sum(case["passed"] for case in faults),
        "masked": sum(case["outcome"] == "masked" for case in faults),
        "total": len(faults),
        "false_alarms": sum(len(case["found"]) for case in controls),
        "controls": len(controls),
        "scenarios": said,
    }
