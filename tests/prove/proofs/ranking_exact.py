"""The ranking by traded value equals the truth of the world it was asked of, row by row and number by number."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dari.providers.kis.simulator.truth.volume import volume_ranking
from dari.worlds.market import Market
from tests.prove.proof import Outcome, Proof
from tests.support import MORNING, simulated
from tests.unit.kis.test_volume_ranking import differences

MARKETS = ("ALL", "KOSPI", "KOSDAQ")
COUNTS = (10, 30, 50)


async def compared(seeds: Iterable[int]) -> Outcome:
    """Ask each market for each count in the world of each seed, its clock frozen, and compare with the truth."""
    seeds = list(seeds)
    rows = numbers = 0
    wrong: list[str] = []
    for seed in seeds:
        world = Market(seed)
        with tempfile.TemporaryDirectory() as folder:
            async with simulated("volume-ranking", Path(folder), seed=seed) as asker:
                for market in MARKETS:
                    for count in COUNTS:
                        told = await asker.answer("get_volume_ranking", market=market, count=count)
                        asked = {"market": market, "count": str(count)}
                        true: Any = volume_ranking(world, MORNING, asked)
                        wrong += [f"seed {seed} {market} {count}: {one}" for one in differences(told, true)]
                        rows += len(told["ranking"])
                        numbers += sum(len(row) for row in told["ranking"]) + len(told["summary"])
    expected = len(seeds) * len(MARKETS) * sum(COUNTS)
    return Outcome(
        holds=not wrong and rows == expected,
        figures={"answers": len(seeds) * 9, "rows": rows, "values_compared": numbers, "differences": len(wrong)},
        seed=f"{seeds[0]}..{seeds[-1]}",
        load=f"{len(seeds)} worlds x {len(MARKETS)} markets x {len(COUNTS)} counts, world clock frozen at {MORNING}",
        why="; ".join(wrong[:3]) or ("" if rows == expected else f"{rows} rows, not {expected}"),
    )


PROOF = Proof(
    name="ranking-exact",
    title="get_volume_ranking equals the truth in order (ties by code) and in every number, for 10, 30 and 50 rows.",
    rooms=(
        "src/dari/providers/kis/tools/volume_ranking.py",
        "src/dari/providers/kis/tools/slices.py",
        "src/dari/providers/kis/models",
        "src/dari/providers/kis/dialect",
        "src/dari/providers/kis/simulator",
        "src/dari/worlds/market",
    ),
    short=lambda: compared(range(1, 6)),
    long=lambda: compared(range(1, 31)),
)
