"""Mixed traffic over all servers while their upstreams misbehave: what the process holds before and after."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

from tests.prove.proof import Outcome, Proof

ROOT = Path(__file__).parents[3]
GROWTH = 1.05
POOLED = 16
"""Files and sockets that may be open at one look and not at another: kept-alive connections of a pool."""
SLACK = 1.15
"""What a short form may grow by: its caches have not filled when it begins to count."""


async def prove(seconds: float, most: float) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.prove.enduring", folder, str(seconds)]
        made = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": f"src{os.pathsep}."}
        )
        out, _ = await made.communicate()
    told = json.loads(out.splitlines()[-1]) if made.returncode == 0 and out else {}
    wrong = [] if told else [f"the process ended with {made.returncode}"]
    if told:
        ratio = told["after_bytes"] / told["warm_bytes"] if told["warm_bytes"] else 1.0
        told["resident_growth_percent"] = round(100 * (ratio - 1), 2)
        if ratio > most:
            wrong.append(f"memory grew {ratio:.3f} times")
        wrong += [f"{told[name]} {name}" for name in ("leaked_tasks", "internal_errors") if told[name]]
        if told["files_more"] > POOLED:
            wrong.append(f"{told['files_more']} files or sockets more")
        if not told["errors_by_faults"]:
            wrong.append("the faults were never felt")
    return Outcome(
        holds=not wrong, figures=told, seed="1", why="; ".join(wrong),
        load=f"{seconds:.0f} s of calls over HTTP to eight servers, a third of the time with a fault of KIS on",
    )  # fmt: skip


PROOF = Proof(
    name="endurance",
    title="Mixed traffic with faults leaves no task, file or socket behind, and 5 % more memory at most.",
    rooms=("src/dari/upstream", "src/dari/serving", "src/dari/app/runtime.py"),
    short=lambda: prove(8.0, SLACK),
    long=lambda: prove(3600.0, GROWTH),
)
