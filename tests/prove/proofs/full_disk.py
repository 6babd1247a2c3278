"""What happens while nothing more can be written, and what is left of it afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.prove.proof import Figure, Outcome, Proof

ROOT = Path(__file__).parents[3]
SECONDS = 120.0


def prove(rooms: tuple[int, ...]) -> Outcome:
    wrong: list[str] = []
    figures: dict[str, Figure] = {"rooms": len(rooms), "named_no_space": 0, "answered_all_the_same": 0, "rows": 0}
    for room in rooms:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "tests.prove.filling", folder, str(room)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True)
        told: dict[str, Any] = json.loads(done.stdout)
        ends = [*told["reads"], *told["writes"]]
        figures["named_no_space"] += ends.count("no_space")  # type: ignore[operator]  # a number, as made above
        figures["answered_all_the_same"] += ends.count("ok")  # type: ignore[operator]  # as above
        figures["rows"] += told["crawl"][2]
        checks = {
            "an end that is neither an answer nor no_space": set(ends) <= {"ok", "no_space"},
            "trouble that outlived its cause": set(told["before"] + told["after"]) == {"ok"},
            "a crawl with a hole": told["crawl"] == ["done", True, told["expected_rows"]],
            "lines lost from the audit": (told["audited"], told["commits_audited"]) == (5, 1),
            "half a file left behind": not told["halves"],
        }
        wrong += [f"{room} bytes: {what}: {told}" for what, right in checks.items() if not right]
    return Outcome(
        holds=not wrong and bool(figures["named_no_space"]),
        figures=figures,
        load=f"rankings, a crawl and the audit while no file may grow beyond {', '.join(map(str, rooms))} bytes",
        why="; ".join(wrong)[:600],
    )


PROOF = Proof(
    name="full-disk",
    title="With a full disk a call answers or names no_space; afterwards no row, audit line or call is missing.",
    rooms=(
        "src/dari/core/shared_state",
        "src/dari/upstream/pacing.py",
        "src/dari/upstream/cache.py",
        "src/dari/serving/audit.py",
        "src/dari/serving/dispatch.py",
        "src/dari/providers/naramarket/crawler/book.py",
    ),
    short=lambda: prove((0, 20_000)),
    long=lambda: prove((0, 160, 400, 4_096, 20_000, 32_768, 65_536, 131_072, 400_000)),
)
