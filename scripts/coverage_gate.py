"""Fail where a room's lines and branches are covered less than its floor, from one `coverage json` report.

`python -m scripts.coverage_gate coverage.json` prints a line per room and exits 1 if one is below its floor.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]

STRICT, CAREFUL, ELSEWHERE = 100.0, 95.0, 90.0
FLOORS: Final = {"core": STRICT, "upstream": STRICT, "serving": CAREFUL}


@dataclass(frozen=True, slots=True)
class Room:
    """One room's coverage: lines and branches together, in percent."""

    name: str
    floor: float
    covered: int
    asked: int
    missing: tuple[str, ...] = ()

    @property
    def percent(self) -> float:
        """100 for a room in which there is nothing to run."""
        return 100.0 * self.covered / self.asked if self.asked else 100.0

    @property
    def holds(self) -> bool:
        """Compared by counts where the floor is 100, so that no rounding hides a line."""
        return self.covered == self.asked if self.floor == STRICT else self.percent >= self.floor


def room_of(path: str) -> tuple[str, float]:
    """The room a source file belongs to, and the floor of that room."""
    inside = [part.removesuffix(".py") for part in Path(path).parts[2:]]
    if len(inside) == 1:
        return "doors", ELSEWHERE  # cli, app, settings: the files beside the rooms
    if inside[0] in FLOORS:
        return inside[0], FLOORS[inside[0]]
    if len(inside) == 2:  # noqa: PLR2004  # a file beside the providers or services, not in one
        return inside[0], ELSEWHERE
    if inside[0] == "providers" and inside[2] != "simulator":
        return "/".join(inside[:2]), CAREFUL
    return "/".join(inside[: 3 if inside[0] == "providers" else 2]), ELSEWHERE


def rooms(report: Mapping[str, Any]) -> list[Room]:
    """The rooms of a report made by `coverage json` with branches measured."""
    if not report["meta"]["branch_coverage"]:
        raise ValueError("the report has no branch coverage")
    found: dict[str, Room] = {}
    for path, file in sorted(report["files"].items()):
        name, floor = room_of(path)
        before = found.get(name, Room(name, floor, 0, 0))
        told = file["summary"]
        covered = told["covered_lines"] + told["covered_branches"]
        asked = told["num_statements"] + told["num_branches"]
        missing = () if covered == asked else (f"{path} {_where(file)}",)
        found[name] = Room(name, floor, before.covered + covered, before.asked + asked, before.missing + missing)
    return list(found.values())


def _where(file: Mapping[str, Any]) -> str:
    lines = spans(file["missing_lines"])
    branches = [f"{start}->{end}" for start, end in file["missing_branches"] if start not in file["missing_lines"]]
    return " ".join(lines + branches)


def spans(lines: Iterable[int]) -> list[str]:
    """Lines told shortly: 1, 2, 3, 7 are `1-3` and `7`."""
    told: list[list[int]] = []
    for line in lines:
        if told and line == told[-1][-1] + 1:
            told[-1] = [told[-1][0], line]
        else:
            told.append([line])
    return ["-".join(map(str, one)) for one in told]


def unmeasured(report: Mapping[str, Any], root: Path = ROOT) -> list[str]:
    """Source files the report does not know: a room nobody measured is no covered room."""
    known = set(report["files"])
    files = (file.relative_to(root).as_posix() for file in (root / "src/dari").rglob("*.py"))
    return sorted(name for name in files if name not in known)


def main(arguments: list[str]) -> int:
    """Print the rooms, and what is missing in those below their floor."""
    report = json.loads(Path(arguments[0]).read_text())
    strangers = unmeasured(report)
    broken = bool(strangers)
    for name in strangers:
        print(f"not measured: {name}")
    for room in rooms(report):
        found = "ok  " if room.holds else "LOW "
        print(f"{found} {room.name:<32} {room.percent:6.2f} %  (floor {room.floor:g} %)")
        if not room.holds:
            broken = True
            print("".join(f"       {line}\n" for line in room.missing), end="")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
