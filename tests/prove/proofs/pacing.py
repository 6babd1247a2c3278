"""How much of a key's permitted rate several processes use, and how often they are refused."""

from __future__ import annotations

from dari.cli.bench.pacing import measure
from dari.cli.bench.shared import Measured
from tests.prove.measured import form, within
from tests.prove.proof import Proof

SHARE = 0.9
REFUSED_SHARE = 0.05
LOAD = "4 processes of 8 tasks, one key, a strict 1-second window stamped at arrival, {:g} s {}beside 3 CPU hogs"


def nearly(one: Measured) -> bool:
    calls = one.figure * one.more["seconds"]
    return one.ratio >= SHARE and one.more["refused"] <= REFUSED_SHARE * calls


PROOF = Proof(
    name="pacing",
    title="Four processes with one key use at least 97 % of 18 calls a second with no refusal, also beside 3 CPU hogs.",
    rooms=("src/dari/upstream/pacing.py", "src/dari/core/locks.py", "src/dari/cli/bench/pacing.py"),
    short=lambda: form(measure(long=False, brief=True), nearly, LOAD.format(4, "")),
    long=lambda: form(measure(long=True), within, LOAD.format(60, "idle and ")),
    serial=True,
)
