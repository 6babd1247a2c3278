"""`make test`: install what tests need, run every gate and every test, and say in the end what ran and what could not.

`python -m scripts.check` runs all; `--static` only what runs no test; `--coverage` also holds every room to its floor,
as CI does: counting branches costs about as much again as a test does. Exit code 0 if everything that could run passed
and every skipped test names a component that is absent on this machine.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts import provision

ROOT: Final = Path(__file__).parents[1]
CACHE: Final = ROOT / ".cache"
SKIPS: Final = CACHE / "skips.jsonl"
REPORT: Final = CACHE / "coverage.json"
BUDGET: Final = 600.0
PROOFS: Final = "tests/prove/test_proofs.py"
EXCUSED: Final = re.compile(r"^platform: |\bfacts\b", re.IGNORECASE)
"""Skips that no provisioning can cure: another kind of machine, and facts files that are not ours to publish."""

PYTHON: Final = (sys.executable,)
BIN: Final = Path(sys.executable).parent

STATIC: Final[dict[str, tuple[str, ...]]] = {
    "types": (*PYTHON, "-m", "mypy", "--no-incremental"),  # its cache has missed a new module
    "collection": (*PYTHON, "-m", "pytest", "--collect-only", "-q"),  # and the workers find the tests compiled
    "lint": (str(BIN / "ruff"), "check"),
    "format": (str(BIN / "ruff"), "format", "--check"),
    "contracts": (str(BIN / "lint-imports"), "--no-logo", "--no-cache"),  # its cache has missed a new import
    "house": (*PYTHON, "-m", "scripts.house_laws"),
    "lock": (*PYTHON, "-m", "scripts.lock", "--check"),
    "reference": (*PYTHON, "-m", "scripts.reference", "--check"),
    "acceptance": (*PYTHON, "-m", "tests.prove", "--check"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One gate that ran: `passed`, its seconds, and what it said."""

    name: str
    passed: bool
    seconds: float
    said: str = ""


def run(name: str, command: tuple[str, ...], *, shown: bool = False) -> Step:
    """Run one command in the project; its words are shown as they come, or kept for the case that it fails."""
    start = time.monotonic()
    places = os.environ | {"DARI_TELL_SKIPS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=places, capture_output=not shown, text=True, check=False)
    said = "" if shown else (done.stdout + done.stderr).strip()
    return Step(name, done.returncode == 0, time.monotonic() - start, said)


def static() -> list[Step]:
    """The gates that run no test, two at a time."""
    with ThreadPoolExecutor(2) as lanes:
        return [tell(step) for step in lanes.map(lambda one: run(*one), STATIC.items())]


def tests(*, covered: bool) -> list[Step]:
    """All tests, the short forms of proofs among them; what measures time runs alone after the others.

    With `covered` the proofs run by themselves and count for nothing: a floor is held by tests; and the payment suite
    runs on real parts too (`--whole`), for which whoever works here has no time.
    """
    SKIPS.unlink(missing_ok=True)
    REPORT.unlink(missing_ok=True)
    # More workers than processors: tests wait more than they compute, but less so where every line is counted.
    workers = str(min(6, (1 if covered else 2) + (os.cpu_count() or 1)))
    together, alone = ("-n", workers, "--dist", "worksteal", "-m", "not serial"), ("-m", "serial")
    files = sorted(str(file) for file in (ROOT / "tests").rglob("test_*.py") if _measures_time(file))
    pytest = (*PYTHON, "-m", "pytest", "--durations=10", *(("--whole",) if covered else ()))
    if not covered:
        rounds = {"tests": (*pytest, *together), "tests alone": (*pytest, *alone, *files, PROOFS)}
    else:
        counted = (*pytest, f"--ignore={PROOFS}", "--cov", f"--cov-report=json:{REPORT}")
        rounds = {
            "tests": (*counted, *together),
            "tests alone": (*counted, "--cov-append", *alone, *files),
            "proofs": (*pytest, PROOFS, *together),
            "proofs alone": (*pytest, PROOFS, *alone),
        }
    steps = [tell(again(run(name, command, shown=True), pytest)) for name, command in rounds.items()]
    if covered:
        steps.append(tell(run("coverage", (*PYTHON, "-m", "scripts.coverage_gate", str(REPORT)))))
    return [*steps, tell(skipped())]


def again(step: Step, pytest: tuple[str, ...]) -> Step:
    """A step that failed, after its failed tests ran once more, one at a time: a busy machine is told from a fault.

    What fails twice fails; what passes the second time is named, so that nobody takes it for steady.
    """
    if step.passed:
        return step
    print(f"--- {step.name}: once more, what failed", flush=True)
    second = run(step.name, (*pytest, "--last-failed", "--last-failed-no-failures", "none"), shown=True)
    words = "passed only the second time, alone: see above" if second.passed else step.said
    return Step(step.name, second.passed, step.seconds + second.seconds, words)


def _measures_time(file: Path) -> bool:
    return file != ROOT / PROOFS and "mark.serial" in file.read_text("utf-8")


def skipped() -> Step:
    """No test is skipped but for a component that provisioning could not give."""
    lines = [json.loads(line) for line in SKIPS.read_text("utf-8").splitlines()] if SKIPS.exists() else []
    excused = json.loads(provision.ABSENT.read_text("utf-8")) if provision.ABSENT.exists() else {}
    silent = [one for one in lines if not _excused(one["reason"], set(excused))]
    for reason, count in Counter(one["reason"] for one in lines).items():
        print(f"skipped {count}: {reason}")
    said = "\n".join(f"skipped without a reason that provisioning knows: {one['test']}" for one in silent)
    return Step("skips", not silent, 0.0, said)


def _excused(reason: str, absent: set[str]) -> bool:
    parts = reason.split(": ")
    return bool(EXCUSED.search(reason)) or (parts[0] == "absent" and len(parts) > 2 and parts[2] in absent)  # noqa: PLR2004  # absent: tier: component


def tell(step: Step) -> Step:
    """Say how a step ended, and all its words if badly or if they are worth reading however it ended."""
    if step.said and (not step.passed or step.name not in STATIC or step.name == "acceptance"):
        print(step.said)
    print(f"{'ok  ' if step.passed else 'FAIL'} {step.name:<11} {step.seconds:6.1f} s", flush=True)
    return step


def tiers() -> str:
    """Which tiers of tests ran whole, and what is absent in the others."""
    absent = json.loads(provision.ABSENT.read_text("utf-8"))
    told = {facts["tier"]: "ran" for facts in provision.components().values()} | {0: "ran"}
    for name, reason in absent.items():
        tier = provision.components()[name]["tier"]
        told[tier] = f"{told[tier] if told[tier] != 'ran' else 'without'} {name} ({reason})"
    return "; ".join(f"tier {tier} {how}" for tier, how in sorted(told.items()))


def main(arguments: list[str]) -> int:
    """Run, and end with one plain line."""
    start = time.monotonic()
    if "--static" in arguments:
        steps = static()
        return 0 if all(step.passed for step in steps) else 1
    CACHE.mkdir(exist_ok=True)
    installing = threading.Thread(target=provision.provide)  # waits for the network while the static gates compute
    installing.start()
    steps = static()
    installing.join()
    covered = "--coverage" in arguments
    steps += tests(covered=covered)
    seconds = time.monotonic() - start
    failed = [step.name for step in steps if not step.passed]
    print(f"tiers: {tiers()}")
    if seconds > BUDGET and not covered:
        print(f"slow: {seconds:.0f} s, the budget is {BUDGET:.0f} s")
    print(f"make test: {'FAILED: ' + ', '.join(failed) if failed else 'passed'} in {seconds:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
