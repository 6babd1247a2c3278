"""How many branches of some modules a run takes by itself: counted in a child process, beside any outer count."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import coverage

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Taken:
    """Branches taken of all there are, in all modules; `missed` names the lines a branch was not taken from."""

    taken: int
    all: int
    missed: dict[str, list[int]]

    @property
    def percent(self) -> float:
        """0 to 100, one decimal."""
        return round(100 * self.taken / self.all, 1)

    def __str__(self) -> str:
        return f"{self.taken} of {self.all} branches ({self.percent} %)"


def branches(run: str, *modules: str, seconds: float = 120) -> Taken:
    """Run `module:function` (no arguments) in a child and count what it takes of `modules` after their import."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.branches", run, *modules],
        cwd=ROOT, env=told, capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2_000:]
    return Taken(**json.loads(done.stdout.splitlines()[-1]))


def counted(run: str, modules: list[str]) -> Taken:
    """The same in this process, which must be nobody else's. What an import takes is not counted."""
    where, name = run.split(":")
    called = getattr(importlib.import_module(where), name)
    files = [str(importlib.import_module(module).__file__) for module in modules]
    counting = coverage.Coverage(branch=True, data_file=None, include=files, config_file=False)
    counting.start()
    try:
        called()
    finally:
        counting.stop()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        counting.json_report(outfile=str(report))
        found = json.loads(report.read_text("utf-8"))["files"]
    summaries = [one["summary"] for one in found.values()]
    return Taken(
        taken=sum(one["covered_branches"] for one in summaries),
        all=sum(one["num_branches"] for one in summaries),
        missed={name: sorted({line for line, _ in one["missing_branches"]}) for name, one in found.items()},
    )


if __name__ == "__main__":
    result = counted(sys.argv[1], sys.argv[2:])
    sys.stdout.write(json.dumps(asdict(result)))
