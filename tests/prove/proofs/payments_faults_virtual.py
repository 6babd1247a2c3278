"""The diagnosis in virtual time: single faults and controls by several seeds, pairs of faults, healthy days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dari.app.payment_services import trial
from dari.settings import resolve
from tests.prove.proof import Outcome, Proof


async def prove(names: Sequence[str], seeds: Sequence[int], pairs: int, healthy: int) -> Outcome:
    found = resolve(environment={})
    singles = [await trial(names, found, seed=seed) for seed in seeds]
    double = await trial(("C1",), found, seed=seeds[0], pairs=pairs, healthy=healthy)
    alone = [case for said in singles for case in said["scenarios"]]
    twos = [case for case in double["scenarios"] if "+" in case["scenario"]]
    calm = [case for case in double["scenarios"] if case["scenario"] == "healthy"]
    came = Counter(case["outcome"] for case in twos)
    wrong = [case for case in [*alone, *twos, *calm] if case["wrong"]]
    missed = [case for case in alone if not case["passed"]] + [case for case in twos if case["outcome"] == "missed"]
    return Outcome(
        holds=not wrong and not missed,
        figures={
            "faults": sum(said["total"] for said in singles),
            "named_strictly": sum(said["passed"] for said in singles),
            "controls": sum(said["controls"] for said in singles),
            "healthy_runs": len(calm),
            "false_alarms": sum(said["false_alarms"] for said in (*singles, double)),
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


def _said(case: dict[str, Any]) -> str:
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
