from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import coverage_gate
from scripts.coverage_gate import room_of, rooms, unmeasured


def file(lines: int, covered: int, branches: int = 0, taken: int = 0) -> dict[str, Any]:
    return {
        "summary": {
            "num_statements": lines,
            "covered_lines": covered,
            "num_branches": branches,
            "covered_branches": taken,
        },
        "missing_lines": list(range(1, lines - covered + 1)),
        "missing_branches": [[500, 501]] * (branches - taken),
    }


def report(files: dict[str, Any], *, branches: bool = True) -> dict[str, Any]:
    return {"meta": {"branch_coverage": branches}, "files": files}


@pytest.mark.parametrize(
    ("path", "room", "floor"),
    [
        ("src/dari/core/errors.py", "core", 100),
        ("src/dari/core/krx/days.py", "core", 100),
        ("src/dari/upstream/wire.py", "upstream", 100),
        ("src/dari/serving/oauth/keys.py", "serving", 95),
        ("src/dari/providers/kis/dialect.py", "providers/kis", 95),
        ("src/dari/providers/kis/tools/ranking.py", "providers/kis", 95),
        ("src/dari/providers/kis/simulator/quotes.py", "providers/kis/simulator", 90),
        ("src/dari/providers/kis/simulator.py", "providers/kis/simulator", 90),
        ("src/dari/worlds/market/prices.py", "worlds/market", 90),
        ("src/dari/worlds/market.py", "worlds", 90),
        ("src/dari/services/payments/ledger.py", "services/payments", 90),
        ("src/dari/app.py", "doors", 90),
        ("src/dari/__init__.py", "doors", 90),
    ],
)
def test_a_file_is_asked_of_its_room(path: str, room: str, floor: float) -> None:
    assert room_of(path) == (room, floor)


def test_one_missed_branch_in_ten_thousand_breaks_a_floor_of_100() -> None:
    told = rooms(report({"src/dari/core/a.py": file(5000, 5000, 5000, 4999)}))
    assert [room.holds for room in told] == [False]
    assert told[0].missing == ("src/dari/core/a.py 500->501",)


def test_missing_lines_are_told_as_spans() -> None:
    assert coverage_gate.spans([1, 2, 3, 7, 9, 10]) == ["1-3", "7", "9-10"]


def test_rooms_are_weighed_apart() -> None:
    told = rooms(
        report({"src/dari/providers/kis/a.py": file(100, 94), "src/dari/providers/kiwoom/a.py": file(900, 900)})
    )
    assert {room.name: room.holds for room in told} == {"providers/kis": False, "providers/kiwoom": True}


def test_files_of_a_room_are_added_up() -> None:
    files = {"src/dari/serving/a.py": file(50, 45), "src/dari/serving/b.py": file(50, 50)}
    (told,) = rooms(report(files))
    assert (told.percent, told.holds) == (95.0, True)


def test_a_report_without_branches_is_no_report() -> None:
    with pytest.raises(ValueError, match="branch"):
        rooms(report({}, branches=False))


def test_an_empty_room_holds() -> None:
    (told,) = rooms(report({"src/dari/upstream/__init__.py": file(0, 0)}))
    assert told.holds


def test_a_file_nobody_measured_is_told(tmp_path: Path) -> None:
    (tmp_path / "src/dari/core").mkdir(parents=True)
    (tmp_path / "src/dari/core/new.py").touch()
    assert unmeasured(report({}), tmp_path) == ["src/dari/core/new.py"]


@pytest.mark.parametrize(("covered", "code"), [(90, 0), (89, 1)])
def test_the_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    covered: int,
    code: int,
) -> None:
    monkeypatch.setattr(coverage_gate, "unmeasured", lambda _: [])
    (tmp_path / "c.json").write_text(json.dumps(report({"src/dari/app.py": file(100, covered)})))
    assert coverage_gate.main([str(tmp_path / "c.json")]) == code
    assert f"{covered:.2f} %" in capsys.readouterr().out
