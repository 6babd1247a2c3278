"""What our whole path costs over the bare SDK."""

from __future__ import annotations

from dari.cli.bench.overhead import measure
from dari.cli.bench.shared import Measured
from tests.prove.measured import form, within
from tests.prove.proof import Proof

SLACK = 1.5
LOAD = "a kept 20-row answer, MCP 2026-07-28 over HTTP in JSON, CPU of the server a request, {} rounds in turns"


def nearly(one: Measured) -> bool:
    return one.ratio <= one.limit * SLACK


PROOF = Proof(
    name="overhead",
    title="A kept answer among 100 tools costs at most 1.3 of a bare SDK server's CPU; among 200, 1.05 of among 1.",
    rooms=(
        "src/dari/serving/dispatch.py",
        "src/dari/serving/mcp_door",
        "src/dari/serving/audit.py",
        "src/dari/cli/bench",
    ),
    short=lambda: form(measure(long=False, brief=True), nearly, LOAD.format(4)),
    long=lambda: form(measure(long=True), within, LOAD.format(24)),
    serial=True,
)
