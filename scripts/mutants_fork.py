"""One process that has imported what is not Dari, and forks for every mutant, in the copy of `scripts.mutants`.

Asked by a JSON line on stdin, answers by one on stdout: first the baseline (the room's tests with nothing changed),
then `{"file", "source"}` → `{"code", "seconds", "cpu"}`; `code` is pytest's own, or null when the run was cut off.
No module of Dari and no test is imported before the fork, so that every reference to the changed module is made anew.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import pytest

OURS: Final = ("dari", "tests", "scripts", "__main__", "__mp_main__")
OPTIONS: Final = (
    *("-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "--hypothesis-seed=1"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # plugins were imported before the fork
    "--basetemp=.temporary",
)
DRIVER_FAILED: Final = 70
"""What a child ends with when pytest itself was never reached."""
MEMORY: Final = 8 << 30
"""Bytes of address space a run may take: a mutant that gathers without end has been noticed."""


class Watch:
    """A plugin of pytest: notes what each test took, and lets the quick ones of a file go first."""

    def __init__(self, took: dict[str, float]) -> None:
        self.took = took

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        files = list(dict.fromkeys(item.path for item in items))
        items.sort(key=lambda item: (files.index(item.path), self.took.get(item.nodeid, 0.0)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.took[report.nodeid] = self.took.get(report.nodeid, 0.0) + report.duration


def forked(tests: list[str], took: dict[str, float], tell: IO[str] | None = None) -> int:
    """Run the tests in a child; its process id, which is also its group's."""
    child = os.fork()
    if child:
        return child
    code = DRIVER_FAILED
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        watch = Watch({} if tell else took)
        code = int(pytest.main([*OPTIONS, *tests], plugins=[watch]))
        if tell:
            names = [name for name in sys.modules if name.partition(".")[0] not in OURS]
            tell.write(json.dumps({"took": watch.took, "modules": names}))
            tell.flush()
    finally:
        os._exit(code)


def waited(child: int, seconds: float) -> dict[str, Any]:
    """How the child ended; cut off with all that it started when it takes longer."""
    began, code = time.monotonic(), None
    while True:
        ended, status, used = os.wait4(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            break
        if time.monotonic() - began > seconds:
            os.killpg(child, signal.SIGKILL)
            used = os.wait4(child, 0)[2]
            break
        time.sleep(0.01)
    with suppress(ProcessLookupError):  # what a test started and left behind
        os.killpg(child, signal.SIGKILL)
    return {"code": code, "seconds": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime}


def scouted(tests: list[str], places: list[str]) -> tuple[dict[str, Any], dict[str, float]]:
    """The baseline. What it imported that is not Dari's is imported here, once for all that follow."""
    notes = Path("notes.json").absolute()
    with notes.open("w", encoding="utf-8") as tell:
        end = waited(forked(tests, {}, tell), 3600.0)
    told = json.loads(notes.read_text("utf-8") or '{"took": {}, "modules": []}')
    for name in told["modules"]:
        with suppress(Exception):  # made by other means than an import
            importlib.import_module(name)
    for place in places:  # the source of a mutant is read, never what was compiled before
        for kept in (Path(place).parent / "__pycache__").glob(f"{Path(place).stem}.*.pyc"):
            kept.unlink()
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    return end, told["took"]


def main() -> None:
    """Serve until stdin ends."""
    asked = json.loads(sys.stdin.readline())
    end, took = scouted(asked["tests"], asked["files"])
    print(json.dumps(end), flush=True)
    limit = 10.0 + 5.0 * end["seconds"]
    for line in sys.stdin:
        mutant = json.loads(line)
        place = Path(mutant["file"])
        before = place.read_text("utf-8")
        place.write_text(mutant["source"], encoding="utf-8")
        try:
            end = waited(forked(asked["tests"], took), limit)
        finally:
            place.write_text(before, encoding="utf-8")
        print(json.dumps(end), flush=True)


if __name__ == "__main__":
    main()
