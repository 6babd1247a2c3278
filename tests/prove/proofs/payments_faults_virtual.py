"""The diagnosis in virtual time: single faults and controls by several seeds, pairs of faults, healthy days."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

from dari.app.payment_services import trial
from dari.services.payments.faults import theatre
from dari.settings import resolve
from tests.prove.proof import Outcome, Proof

TOGETHER: Final = 5
"""So many pairs or days are played by one process before it takes more."""
Played = Mapping[str, Any]


def play(part: tuple[tuple[str, ...], int, int]) -> dict[str, Any]:
    """Some cases by one seed, and so many healthy days: in a process of its own."""
    names, seed, healthy = part
    return asyncio.run(trial(names, resolve(environment={}), seed=seed, healthy=healthy))


def prove(names: tuple[str, ...], seeds: Sequence[int], pairs: int, healthy: int) -> Outcome:
    singles = [(names, seed, 0) for seed in seeds]
    chosen = theatre.pairs(seeds[0], pairs)
    twos_of = [(tuple(chosen[at : at + TOGETHER]), seeds[0], 0) for at in range(0, pairs, TOGETHER)]
    days_of = [(("C1",), seed, TOGETHER) for seed in range(healthy // TOGETHER)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as processes:
        said = list(processes.map(play, [*singles, *twos_of, *days_of]))
    return _judged(said[: len(singles)], said[len(singles) :], seeds)


def _judged(singles: Sequence[Played], others: Sequence[Played], seeds: Sequence[int]) -> Outcome:
    alone = [case for said in singles for case in said["scenarios"]]
    rest = [case for said in others for case in said["scenarios"]]
    twos = [case for case in rest if "+" in case["scenario"]]
    calm = [case for case in rest if case["scenario"] == "healthy"]
    ordinary = [case for case in rest if case["scenario"] == "C1"]
    came = Counter(case["outcome"] for case in twos)
    wrong = [case for case in [*alone, *rest] if case["wrong"]]
    missed = [case for case in alone if not case["passed"]] + [case for case in twos if case["outcome"] == "missed"]
    return Outcome(
        holds=not wrong and not missed,
        figures={
            "faults": sum(said["total"] for said in singles),
            "named_strictly": sum(said["passed"] for said in singles),
            "controls": sum(said["controls"] for said in singles) + len(ordinary),
            "healthy_runs": len(calm),
            "false_alarms": sum(said["false_alarms"] for said in (*singles, *others)),
            "pairs": len(twos),
            "pairs_strict": came["strict"],
            "pairs_masked": came["masked"],
            "pairs_missed": came["missed"],
            "pairs_with_a_wrong_cause": sum(bool(case["wrong"]) for case in twos),
        },
        seed=", ".join(map(str, seeds)),
        load="virtual time, in process",
        why="; ".join(_said(case) for case in [*wrong, *missed])[:1500],
    )


def _said(case: Mapping[str, Any]) -> str:
    return f"{case['case']} {case['scenario']}: found {case['found']}, missing {case['missing']}"


PROOF = Proof(
    name="payments-faults",
    title=(
        "In virtual time sixteen faults are named with every figure, healthy runs and controls have no finding, and of "
        "pairs of faults none is blamed wrongly: each is named, or said to be masked by the other."
    ),
    rooms=("src/dari/services/monitoring", "src/dari/services/payments"),
    short=lambda: prove(("F05",), (1,), 1, 5),
    long=lambda: prove((), (0, 1, 2), 50, 50),
)
