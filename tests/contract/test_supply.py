"""Every requirement has a licence that may be here, and the bill of materials names them all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts import supply


def test_every_locked_requirement_has_its_licence() -> None:
    assert supply.faults() == []


@pytest.mark.parametrize(
    ("told", "bad"), [("GPL-3.0-only", True), ("AGPL-3.0", True), ("LGPL-3.0", False), ("MIT", False)]
)
def test_a_licence_that_binds_the_whole_is_found(
    told: str,
    bad: bool,  # noqa: FBT001 -- a column of the table
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = tmp_path / "licences.md"
    page.write_text(f"| httpx2 | {told} |\n")
    monkeypatch.setattr(supply, "PAGE", page)
    monkeypatch.setattr(supply, "locked", lambda: [("httpx2", "1")])
    assert bool(supply.faults()) is bad
    monkeypatch.setattr(supply, "locked", lambda: [("other", "1")])
    assert any("other" in one for one in supply.faults())


def test_the_bill_of_materials_names_every_requirement(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    assert supply.main(["--sbom", str(file)]) == 0
    told = json.loads(file.read_text())
    assert told["bomFormat"] == "CycloneDX"
    assert {name for name, _ in supply.locked()} <= {one["name"] for one in told["components"]}
