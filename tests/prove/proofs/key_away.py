"""Each of the four keys taken away in turn: exactly what needs it becomes null or narrower, and a gap names the key."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.prove.keys_away import away
from tests.prove.proof import Outcome, Proof


async def exact(seeds: Sequence[int], *, days: int, count: int, whole: bool) -> Outcome:
    """Ask with every key, then without KRX, DART, Kiwoom and KIS."""
    wrong: list[str] = []
    answers = 0
    for seed in seeds:
        with tempfile.TemporaryDirectory() as name:
            found, looked = await away(seed, Path(name), days=days, count=count, whole=whole)
        wrong += [f"seed {seed}: {one}" for one in found]
        answers += looked
    return Outcome(
        holds=not wrong,
        figures={"worlds": len(seeds), "answers": answers, "differences": len(wrong)},
        seed=f"{seeds[0]}..{seeds[-1]}",
        load=f"answers of {count} rows over {days} kept days, in the session"
        + ("" if whole else "; of the tools that need the key, and two that do not"),
        why="; ".join(wrong[:4]),
    )


PROOF = Proof(
    name="key-away",
    title="Without KRX, DART, Kiwoom or KIS exactly the fields that need the key are null, and a gap names it.",
    rooms=(
        "src/dari/app/joining.py",
        "src/dari/app/kept_days.py",
        "src/dari/providers/dart/filings.py",
        "src/dari/providers/kiwoom/flows.py",
        "src/dari/providers/kis/tools/whole_market.py",
        "src/dari/providers/kis/tools/change_ranking.py",
        "src/dari/providers/kis/tools/unusual.py",
        "src/dari/providers/kis/tools/cap_ranking.py",
        "src/dari/providers/kis/tools/sector_ranking.py",
        "src/dari/providers/kis/tools/investor_ranking.py",
    ),
    short=lambda: exact((3,), days=22, count=10, whole=False),
    long=lambda: exact(range(1, 11), days=41, count=20, whole=True),
)
