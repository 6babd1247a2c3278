"""Every requirement has a licence that may be here, and the bill of materials names them all."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from scripts import advisories, supply

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 20)


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


def audit(*rows: dict[str, object]) -> advisories.Found:
    return advisories.read({"dependencies": list(rows), "fixes": []})


def clean(name: str) -> dict[str, object]:
    return {"name": name, "version": "1", "vulns": []}


BAD: dict[str, object] = {
    "name": "httpx2", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"], "aliases": []}],
}  # fmt: skip


def test_an_advisory_fails_and_says_what_mends_it() -> None:
    code, lines = advisories.judged([audit(clean("rich"), BAD), audit(BAD)], TODAY)
    assert (code, lines) == (1, ["httpx2 1.0: PYSEC-2026-1, mended in 1.1"])


def test_what_could_not_be_looked_up_is_not_clean() -> None:
    away: dict[str, object] = {"name": "rich", "skip_reason": "not found on PyPI"}
    assert advisories.judged([audit(clean("httpx2"), away)], TODAY) == (
        2, ["1 requirements could not be looked up: rich"],
    )  # fmt: skip
    assert advisories.judged([audit(BAD, away)], TODAY)[0] == 1
    assert advisories.judged([audit(clean("httpx2"))], TODAY) == (0, ["1 requirements looked up, no advisory"])


def test_an_advisory_is_lived_with_until_a_day_and_no_longer_than_it_is_there() -> None:
    lived = {"PYSEC-2026-1": advisories.Accepted("no proxy of ours is reached by it", TODAY)}
    assert advisories.judged([audit(BAD)], TODAY, lived)[0] == 0
    code, (line,) = advisories.judged([audit(BAD)], TODAY + timedelta(days=1), lived)
    assert (code, "accepted until 2026-11-20: no proxy" in line) == (1, True)
    assert advisories.judged([audit(clean("httpx2"))], TODAY, lived) == (
        1, ["PYSEC-2026-1 is accepted, but nothing has it any more"],
    )  # fmt: skip


def test_an_auditor_that_says_nothing_is_no_clean_bill(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(advisories, "LOCKS", ("absent",))
    assert advisories.main() == 2
    assert "pip-audit failed" in capsys.readouterr().out


def test_the_audit_runs_on_a_schedule_by_the_same_command() -> None:
    flow = ROOT / ".github" / "workflows" / "audit.yml"
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(flow)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    text = flow.read_text("utf-8")
    assert re.search(r'schedule:\n +- cron: "\d+ \d+ \* \* \d"', text)
    assert "- run: make audit\n" in text
    assert "scripts.advisories" in (ROOT / "Makefile").read_text("utf-8")
