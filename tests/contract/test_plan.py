"""The plan that docs/design/house.md draws is the house that stands: its rooms, and who asks whom."""

from __future__ import annotations

import re
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
HOUSE = (ROOT / "docs" / "design" / "house.md").read_text("utf-8")
PLAN = HOUSE.split("## The plan")[1].split("```")[1]
SOURCE = ROOT / "src" / "dari"
DRAWN_ONE_BY_ONE = ("core", "serving", "upstream", "stores", "services", "providers", "worlds")
"""Rooms whose parts the plan names."""


def drawn_levels(page: str) -> list[set[str]]:
    """The direction line as levels: who stands left of an arrow may ask who stands right of it."""
    line = re.search(r"^Direction: `([^`]+)`", page, re.MULTILINE)
    assert line
    levels = []
    for level in line[1].split("→"):
        names = re.sub(r"\(simulators only\)|: all strangers|[()]", " ", level)
        levels.append({name.strip() for name in names.split("|") if name.strip()})
    return levels


def asked() -> set[tuple[str, str]]:
    """Which top-level room imports which."""
    graph = grimp.build_graph("dari", cache_dir=None)
    pairs = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            one, other = module.split("."), imported.split(".")
            if len(one) > 1 and len(other) > 1 and one[1] != other[1]:
                pairs.add((one[1], other[1]))
    return pairs


def breaches(levels: list[set[str]], pairs: set[tuple[str, str]]) -> list[str]:
    """Imports that do not go from left to right."""
    place = {name: number for number, names in enumerate(levels) for name in names}
    place["__main__"] = -1
    return sorted(f"{one} → {other}" for one, other in pairs if place[one] >= place[other])


def parts_of(room: str) -> set[str]:
    return {
        path.stem
        for path in (SOURCE / room).iterdir()
        if not path.name.startswith(("_", ".")) and (path.is_dir() or path.suffix == ".py")
    }


def drawn(room: str) -> str:
    """What the plan says of a room."""
    return next(line for line in PLAN.splitlines() if re.match(rf"[├└]── {room}/", line))


@pytest.mark.parametrize("room", DRAWN_ONE_BY_ONE)
def test_every_part_of_a_room_is_drawn(room: str) -> None:
    words = set(re.findall(r"\w+", drawn(room)))
    assert parts_of(room) - words == set()


def test_every_room_is_drawn_and_every_drawn_room_stands() -> None:
    names = {
        name for line in re.findall(r"^[├└]── (\S.*?)(?: {3,}|$)", PLAN, re.MULTILINE) for name in line.split("  ")
    }
    named = {re.sub(r"(\.py|/.*)$", "", name.strip()) for name in names if name.strip()}
    standing = {path.stem for path in SOURCE.iterdir() if not path.name.startswith(("_", ".")) and path.stem != "py"}
    assert named == standing


def test_imports_go_as_the_plan_says() -> None:
    assert breaches(drawn_levels(HOUSE), asked()) == []


def test_an_import_the_other_way_would_be_seen() -> None:
    levels = drawn_levels(HOUSE)
    assert breaches(levels, {("core", "app")}) == ["core → app"]
    assert breaches(levels, {("providers", "serving")}) == ["providers → serving"]
    assert breaches(levels, {("app", "core")}) == []
