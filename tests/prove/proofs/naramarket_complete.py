"""Whether a crawl ever says that it has everything when it has not."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from dari.providers.naramarket.simulator import SCRIPTS
from dari.worlds.procurement import World
from tests.prove.proof import Outcome, Proof
from tests.unit.naramarket.conftest import GOODS, Sim
from tests.unit.naramarket.crawling import crawl, truth

QUARTER = date(2026, 7, 1), date(2026, 9, 30)
FEW = date(2026, 9, 1), date(2026, 9, 4)


async def one(world: World, faults: Mapping[str, Any], days: tuple[date, date]) -> tuple[bool, bool]:
    """Whether a crawl under these faults says success, and whether it has every row."""
    sim = Sim(world)
    await sim.faults(**faults)
    try:
        with tempfile.TemporaryDirectory() as folder:
            told = await crawl(sim, Path(folder), GOODS, *days)
            there = await truth(sim, GOODS, *days)
            found = told.success, told.keys >= there
            told.book.close()
            return found
    finally:
        await sim.wire.close()
        await sim.http.aclose()


async def prove(mixtures: int, scripts: list[str]) -> Outcome:
    world = World(7, scale=0.1)
    told = [(name, *await one(world, {name: {}}, QUARTER)) for name in scripts]
    for lot in range(mixtures):
        dice = random.Random(lot)
        mixture = dice.sample(sorted(SCRIPTS), dice.randint(2, 5))
        told.append(("+".join(mixture), *await one(world, {name: {} for name in mixture}, FEW)))
    false = [name for name, success, whole in told if success and not whole]
    return Outcome(
        holds=not false,
        figures={
            "crawls": len(told),
            "false_successes": len(false),
            "whole": sum(whole for _, _, whole in told),
            "success_share_percent": round(100 * sum(success for _, success, _ in told) / len(told), 1),
        },
        seed="7; mixtures 0…",
        load=f"{len(scripts)} fault scripts over a quarter, {mixtures} random mixtures of 2 to 5 over four days",
        why="; ".join(false[:5]),
    )


PROOF = Proof(
    name="naramarket-complete",
    title="Under every fault script and random mixtures the store holds every row or the receipt names the gap.",
    rooms=("src/dari/providers/naramarket/crawler", "src/dari/providers/naramarket/dialect"),
    short=lambda: prove(25, ["total_low", "short", "vanish", "cap_silent"]),
    long=lambda: prove(200, sorted(SCRIPTS)),
)
