"""How soon a process on stdio gives its first answer."""

from __future__ import annotations

from dari.cli.bench.cold_start import measure
from dari.cli.bench.shared import Measured
from tests.prove.measured import form, within
from tests.prove.proof import Proof

SLACK = 1.5
LOAD = "from spawn to the first ranking over stdio, beside the bare SDK's low-level server, {} rounds in turns"


def nearly(one: Measured) -> bool:
    return one.ratio <= one.limit * SLACK


PROOF = Proof(
    name="cold-start",
    title="From spawn to the first result over stdio takes at most 1.5 of what the bare SDK server takes.",
    rooms=("src/dari/app", "src/dari/cli", "src/dari/serving/mcp_door", "src/dari/settings.py"),
    short=lambda: form(measure(long=False, brief=True), nearly, LOAD.format(3)),
    long=lambda: form(measure(long=True), within, LOAD.format(15)),
    serial=True,
)
