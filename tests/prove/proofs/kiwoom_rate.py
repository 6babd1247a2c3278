"""How much of what Kiwoom permits is used, from a guess that is too high to what its refusal tells (유량=5)."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dari.app.runtime import Runtime
from dari.core.clock import RunningClock, SystemClock
from dari.core.errors import RateLimited
from dari.providers.kiwoom.dialect import QuotasInFiles
from dari.providers.kiwoom.simulator import create_app
from dari.providers.kiwoom.simulator.limiter import Quota
from dari.settings import resolve
from dari.worlds.market import Market
from tests.prove.proof import Outcome, Proof
from tests.support import MORNING, settings

TOLD = 5
TASKS = 8
QUOTE = "ka10095"
AT_LEAST = 0.95
FLYING = 0.1
"""Seconds after the lesson within which what was sent before it may still be refused."""


async def rate(seconds: float, share: float) -> Outcome:
    """Ask as fast as it goes; count what the simulator passed and refused, by its own stamps."""
    lessons: list[float] = []
    learn = QuotasInFiles.learn

    def learned(self: QuotasInFiles, name: str, per_second: int) -> None:
        lessons.append(time.monotonic())
        learn(self, name, per_second)

    app = create_app(Market(1), clock=SystemClock(), world=RunningClock(MORNING, speed=0))
    app.service.limiter.quotas["real"] = Quota(per_second=1, burst=2, told=True, lifts_to=TOLD)
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("dari.app.simulators.kiwoom_simulator", lambda **_: app),
        patch.object(QuotasInFiles, "learn", learned),
    ):
        found = resolve(environment=settings(Path(folder), KIWOOM_MODE="real"), home=Path(folder))
        async with Runtime(found, simulated=True) as runtime:
            client = runtime.client_of("kiwoom")
            ends = time.monotonic() + seconds
            await asyncio.gather(*(_asking(client, number, ends) for number in range(TASKS)))
    stamps = [one for one in app.service.stamps if one[1] == QUOTE and one[0] <= ends]
    first = next((at for at, _, outcome in stamps if outcome != "passed"), None)
    if first is None or not lessons:
        return Outcome(holds=False, figures={"passed": len(stamps)}, why="nothing was refused, nothing was learned")
    passed = sum(at > first and outcome == "passed" for at, _, outcome in stamps)
    refused = sum(outcome != "passed" for _, _, outcome in stamps)
    late = sum(at > lessons[0] + FLYING and outcome != "passed" for at, _, outcome in stamps)
    permitted = TOLD * (ends - first)
    used = passed / permitted
    return Outcome(
        holds=used >= share and late == 0,
        figures={
            "calls_per_second": round(passed / (ends - first), 3),
            "share_of_what_is_permitted": round(used, 4),
            "refused_before_it_was_learned": refused - late,
            "refused_after": late,
            "seconds_until_learned": round(lessons[0] - first, 4),
        },
        load=f"{TASKS} tasks of one process, {seconds:g} s, 1 a second with burst 2, then {TOLD} a second",
        why="" if used >= share and not late else f"{used:.1%} of what is permitted, {late} refused after the lesson",
    )


async def _asking(client: Any, number: int, ends: float) -> None:
    """Quotes that no cache can tell again, until the time is over."""
    count = 0
    while time.monotonic() < ends:
        count += 1
        code = f"{(number * 1_000 + count) % 990_000:06d}"
        with suppress(RateLimited, TimeoutError):
            async with asyncio.timeout(max(ends - time.monotonic(), 0.01)):
                await client.asking().ask(QUOTE, {"stk_cd": code}, fresh=True)


PROOF = Proof(
    name="kiwoom-rate",
    title="Of what Kiwoom permits at least 95 % is used once a refusal has told it, and nothing is refused after that.",
    rooms=("src/dari/upstream/pacing.py", "src/dari/upstream/retry.py", "src/dari/providers/kiwoom/dialect"),
    short=lambda: rate(5, 0.7),
    long=lambda: rate(60, AT_LEAST),
    serial=True,
)
