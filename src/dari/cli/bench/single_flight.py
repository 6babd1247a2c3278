"""A hundred equal questions at once: how many calls reach the upstream."""

from __future__ import annotations

import asyncio
import tempfile

from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.cli.bench.shared import Measured

QUESTIONS = 100


async def measure(*, long: bool) -> list[Measured]:
    """Ask the ranking without details, `QUESTIONS` times at once, of a server that has nothing kept."""
    rounds = 10 if long else 2
    worst = 0
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            async with Runtime(settings_of({"DARI_HOME": folder}), simulated=True, seed=number) as runtime:
                _, dispatch = runtime.server("volume-ranking")
                asked = {"market": "KOSPI", "count": 10, "include_details": False}
                outcomes = await asyncio.gather(
                    *(dispatch.call("get_volume_ranking", asked, runtime.caller()) for _ in range(QUESTIONS))
                )
                assert not any(outcome.error for outcome in outcomes)
                endpoints = len(outcomes[0].structured["provenance"]) + 1  # the index is asked for two markets
                worst = max(worst, runtime.metrics.events["cache.miss"] - endpoints + 1)
    return [
        Measured(
            name="single-flight",
            figure=float(worst),
            unit="upstream calls a question",
            floor=1.0,
            ratio=float(worst),
            limit=1.0,
            within=worst == 1,
            more={"questions": QUESTIONS, "rounds": rounds},
        )
    ]
