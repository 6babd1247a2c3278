"""The MCP conformance suite finds our door as it should be, in both revisions; and we read its findings right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import suite

other_hands = pytest.mark.xdist_group("other hands")


@other_hands
@pytest.mark.needs("node")
@pytest.mark.parametrize(("revision", "least"), [("2026-07-28", 37), ("2025-11-25", 28)])
def test_our_door(address: str, tmp_path: Path, revision: str, least: int) -> None:
    found = suite.run(address, revision, tmp_path)
    assert suite.faults(revision, found) == []
    assert sum(found[name] for name in suite.REQUIRED[revision]["required"]) >= least


def test_what_is_required() -> None:
    counts = {revision: (len(one["required"]), len(one["missed"])) for revision, one in suite.REQUIRED.items()}
    assert counts == {"2026-07-28": (37, 0), "2025-11-25": (30, 2)}


def planted(folder: Path, **scenarios: list[str]) -> Path:
    for name, states in scenarios.items():
        place = folder / f"server-{name}-2026-11-20T10-15-56-552Z"
        place.mkdir()
        (place / "checks.json").write_text(json.dumps([{"id": "x", "status": state} for state in states]))
    return folder


def test_a_scenario_holds_if_something_was_checked_and_nothing_failed(tmp_path: Path) -> None:
    folder = planted(
        tmp_path, good=["SUCCESS", "INFO"], bad=["SUCCESS", "FAILURE"], empty=[], idle=["SKIPPED"], only=["FAILURE"]
    )
    assert suite.read(folder) == {"good": True, "bad": False, "empty": False, "idle": False, "only": False}


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        ({"ping": True, "watch": False}, []),
        ({"ping": False, "watch": False}, ["ping: failed"]),
        ({"watch": False}, ["ping: not run"]),
        ({"ping": True}, ["watch: not run"]),
        ({"ping": True, "watch": True}, ["watch: holds now, strike it from the misses"]),
        ({"ping": True, "watch": False, "other": False}, []),
    ],
)
def test_faults(found: dict[str, bool], fault: list[str]) -> None:
    required: dict[str, Any] = {"r": {"required": ["ping", "watch"], "missed": {"watch": "known"}}}
    assert suite.faults("r", found, required) == fault
