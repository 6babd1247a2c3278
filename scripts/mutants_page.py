"""What `scripts.mutants` has found, with the reason of every survivor, as docs/reference/mutants.md tells it.

Findings: `mutants_found.json`, written by the command. Reasons: `mutants_reasons.toml`, written by hand, by file and by
the mutant's name (`was` → `now` in its line's text), so that they hold when lines move.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypedDict

FOUND: Final = Path(__file__).with_name("mutants_found.json")
REASONS: Final = Path(__file__).with_name("mutants_reasons.toml")

HEAD: Final = """\
<!-- Written by scripts/mutants.py: `python -m scripts.mutants --write`. -->
# Mutants

`python -m scripts.mutants ROOM --count 300 --seed 1` changes one thing at a time in a room (a comparison, an operator,
a number, a truth value, what is returned) and runs the room's own tests. What they do not notice survives. A room with
fewer than 300 mutants is run whole. Every survivor stands below with the reason why it may.

Date and commit are those of the last run, which may have been of the survivors alone (`--survivors`): what tests have
noticed once is not run again until the room is. A run that is cut off, because it does not end, has been noticed.
"""


class RoomRun(TypedDict):
    """One room: how many of how many were run, when, and who survived (`file`, `line`, `name`)."""

    mutants: int
    of: int
    seed: int
    cpu: float
    date: str
    commit: str
    survivors: list[dict[str, Any]]


def name_of(was: str, now: str, within: str) -> str:
    """A mutant's name; the line's text only where it says more."""
    return f"{was} → {now}" if " ".join(within.split())[:80] == was else f"{was} → {now} in: {within}"


def found_rooms() -> dict[str, RoomRun]:
    """What is on record, by room."""
    said: dict[str, RoomRun] = json.loads(FOUND.read_text("utf-8")) if FOUND.exists() else {}
    return said


def reasons() -> dict[str, dict[str, str]]:
    """By file and name."""
    return tomllib.loads(REASONS.read_text("utf-8")) if REASONS.exists() else {}


def without_reason(rooms: Mapping[str, RoomRun], told: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Survivors nobody has judged."""
    return [f"{one['file']}: {one['name']}" for room in rooms.values() for one in room["survivors"]
            if not told.get(one["file"], {}).get(one["name"])]  # fmt: skip


def without_survivor(rooms: Mapping[str, RoomRun], told: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Reasons for what does not survive any more."""
    alive = {(one["file"], one["name"]) for room in rooms.values() for one in room["survivors"]}
    return [f"{file}: {name}" for file, names in told.items() for name in names if (file, name) not in alive]


def mutants_page() -> str:
    """The page."""
    return "\n".join(_lines(found_rooms(), reasons())) + "\n"


def _lines(rooms: Mapping[str, RoomRun], told: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield HEAD
    yield "| room | mutants | of | noticed | survive | share | seed | CPU s each | date | commit |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|---|---|"
    for name, room in rooms.items():
        ran, alive = room["mutants"], len(room["survivors"])
        yield (f"| {name} | {ran} | {room['of']} | {ran - alive} | {alive} | {alive / ran:.1%} | {room['seed']} "
               f"| {room['cpu']} | {room['date']} | {room['commit']} |")  # fmt: skip
    ran, alive = sum(room["mutants"] for room in rooms.values()), sum(len(room["survivors"]) for room in rooms.values())
    if ran:
        yield f"| **all** | {ran} | | {ran - alive} | {alive} | {alive / ran:.1%} | | | | |"
    for name, room in rooms.items():
        if not room["survivors"]:
            continue
        yield f"\n## {name}\n"
        for one in room["survivors"]:
            place = f"`{one['file'].removeprefix('src/dari/')}:{one['line']}`"
            yield f"- {place} `` {one['name']} ``  "
            yield f"  {told.get(one['file'], {}).get(one['name'], 'not judged yet')}"
