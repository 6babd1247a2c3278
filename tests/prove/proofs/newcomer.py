"""What somebody sees who has just cloned Dari into an empty home: how soon an answer, how soon the whole tour."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.prove.proof import Figure, Outcome, Proof
from tests.prove.record import ROOT

FIRST_ANSWER, TOUR = 60.0, 120.0
ANSWER: Final = "volume-ranking ·"
"""The title of the tour's first panel, which is printed when the answer is there."""
MINE: Final = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
"""What leads back to the environment of the run that asks."""


@asynccontextmanager
async def clone() -> AsyncIterator[tuple[Path, dict[str, str]]]:
    """A fresh clone with an empty home beside it, and its environment: no cache of ours, no variable of ours."""
    with tempfile.TemporaryDirectory(prefix="dari-new-") as made:
        place, home = Path(made) / "dari", Path(made) / "home"
        home.mkdir()
        if (ROOT / ".git").exists():
            cloning = await asyncio.create_subprocess_exec("git", "clone", "-q", str(ROOT), str(place))
            assert await cloning.wait() == 0, "git could not clone"
        else:
            shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(".venv", ".cache", "__pycache__", ".*_cache"))
        if (ROOT.parent / "shared").exists():
            (Path(made) / "shared").symlink_to(ROOT.parent / "shared")
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in MINE and not name.startswith(("DARI_", "PYTEST_"))
        }
        yield place, {**kept, "HOME": str(home)}


async def lines(place: Path, env: dict[str, str], *goal: str, until: str = "") -> tuple[list[tuple[float, str]], bool]:
    """What `make GOAL` prints, each line with the seconds since its start, and whether it ended well.

    It is stopped with Ctrl-C after the line that contains `until`, where one is given.
    """
    loop = asyncio.get_running_loop()
    start, found = loop.time(), list[tuple[float, str]]()
    process = await asyncio.create_subprocess_exec(
        "make", *goal, cwd=place, env=env, stdout=PIPE, stderr=STDOUT, start_new_session=True
    )
    assert process.stdout is not None
    async for line in process.stdout:
        found.append((loop.time() - start, line.decode(errors="replace").rstrip()))
        if until and until in found[-1][1]:
            os.killpg(process.pid, signal.SIGINT)
            await process.stdout.read()
            await process.wait()
            return found, True
    return found, await process.wait() == 0


def first(printed: list[tuple[float, str]]) -> float:
    return next((at for at, line in printed if ANSWER in line), float("inf"))


async def prove(*, long: bool) -> Outcome:
    async with clone() as (place, env):
        printed, good = await lines(place, env, "demo", "ARGS=--once", until="" if long else ANSWER)
    answered, toured = first(printed), printed[-1][0]
    figures: dict[str, Figure] = {"first_answer_seconds": round(answered, 1)}
    if long:
        figures["tour_seconds"] = round(toured, 1)
    holds = good and answered <= FIRST_ANSWER and toured <= TOUR
    return Outcome(
        holds=holds,
        figures=figures,
        load="a fresh clone, an empty home and an empty cache of packages",
        why="" if holds else " | ".join(line for _, line in printed[-12:])[:800],
    )


PROOF = Proof(
    name="newcomer",
    title="In a fresh clone with an empty home the demo answers within 60 s of its install, and ends in 2 minutes.",
    rooms=(
        "Makefile",
        "requirements/run.txt",
        "scripts/bootstrap.sh",
        "src/dari/app/demonstration.py",
        "src/dari/cli/touring.py",
    ),
    short=lambda: prove(long=False),
    long=lambda: prove(long=True),
)
