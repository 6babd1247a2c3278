"""The mutation run: what it changes, that its page is what was found, and that no survivor stands there unjudged."""

from __future__ import annotations

import ast
from pathlib import Path

from scripts.mutants import ROOMS, ROOT, drawn, mutants
from scripts.mutants_page import RoomRun, found_rooms, mutants_page, name_of, reasons, without_reason, without_survivor

RUN: RoomRun = {
    "mutants": 10, "of": 40, "seed": 1, "cpu": 0.3, "date": "2026-11-20", "commit": "abc",
    "survivors": [{"file": "src/dari/a.py", "line": 3, "name": "1 → (2) in: x = 1"}],
}  # fmt: skip


def test_every_survivor_has_its_reason_and_every_reason_its_survivor() -> None:
    assert without_reason(found_rooms(), reasons()) == []
    assert without_survivor(found_rooms(), reasons()) == []


def test_of_what_was_run_at_most_one_in_twenty_survives() -> None:
    """Of 300 a room, or of all there are, drawn by seed."""
    rooms = found_rooms()
    assert set(rooms) == set(ROOMS)
    assert all(one["mutants"] >= min(300, one["of"]) for one in rooms.values())
    assert sum(len(one["survivors"]) for one in rooms.values()) <= 0.05 * sum(one["mutants"] for one in rooms.values())


def test_the_page_is_what_was_found() -> None:
    assert (ROOT / "docs" / "reference" / "mutants.md").read_text("utf-8") == mutants_page()


def test_what_is_not_judged_and_what_is_judged_in_vain_are_named() -> None:
    told = {"src/dari/a.py": {"1 → (2) in: x = 1": "the same"}}
    assert without_reason({"a": RUN}, {}) == ["src/dari/a.py: 1 → (2) in: x = 1"]
    assert without_reason({"a": RUN}, {"src/dari/a.py": {"1 → (2) in: x = 1": ""}}) == without_reason({"a": RUN}, {})
    assert without_reason({"a": RUN}, told) == []
    assert without_survivor({"a": RUN}, told) == []
    assert without_survivor({}, told) == ["src/dari/a.py: 1 → (2) in: x = 1"]


def test_a_mutants_name_holds_when_its_line_moves() -> None:
    assert name_of("1", "(2)", "x = 1") == "1 → (2) in: x = 1"
    assert name_of("return x", "return None", "return x") == "return x → return None"


def test_a_file_is_changed_one_thing_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text(
        "def f(x: int = 3) -> bool:\n    '글 text'\n    if not x and x < 2 + 1:\n        return False\n"
        "    return x in (True,)\n",
        "utf-8",
    )
    found = list(mutants(file, tmp_path))
    assert {(one.line, one.was, one.now) for one in found} == {
        (1, "3", "(4)"),
        (3, "not x and x < 2 + 1", "(not x or x < 2 + 1)"),
        (3, "not x", "(x)"),
        (3, "x < 2 + 1", "(x <= 2 + 1)"),
        (3, "2 + 1", "(2 - 1)"),
        (3, "2", "(3)"),
        (3, "1", "(2)"),
        (4, "False", "(True)"),
        (5, "return x in (True,)", "return None"),
        (5, "x in (True,)", "(x not in (True,))"),
        (5, "True", "(False)"),
    }
    before = file.read_text("utf-8").splitlines()
    for one in found:
        ast.parse(one.source)
        changed = [new for old, new in zip(before, one.source.splitlines(), strict=True) if old != new]
        assert len(changed) == 1
        assert one.within == before[one.line - 1].strip()


def test_a_draw_can_be_repeated_and_every_room_has_its_tests() -> None:
    assert [str(one) for one in drawn("retry", 5, 7)] == [str(one) for one in drawn("retry", 5, 7)]
    assert drawn("retry", 5, 7) != drawn("retry", 5, 8)
    for places, tests in ROOMS.values():
        assert all((ROOT / place).exists() for place in (*places, *tests))
