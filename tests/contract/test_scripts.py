"""The scripts behind the two commands notice what they are there to notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dari.serving.console.looks import MENU
from scripts import check, lock, provision, reference, screenshots

ROOT = Path(__file__).parents[2]


def test_the_reference_is_what_the_code_says() -> None:
    assert reference.stale(reference.PAGES, reference.FOLDER) == []


def test_a_page_that_lags_behind_is_seen(tmp_path: Path) -> None:
    reference.write(reference.PAGES, tmp_path)
    assert reference.stale(reference.PAGES, tmp_path) == []
    (tmp_path / "errors.md").write_text("something else")
    assert reference.stale(reference.PAGES, tmp_path) == ["errors.md is not what the code says: make docs"]


def test_every_error_stands_on_its_page() -> None:
    page = reference.errors_page()
    assert "| `outcome_unknown` | &emsp;&emsp;OutcomeUnknown | no |" in page
    assert "| `rate_limited` | &emsp;&emsp;RateLimited | yes" in page


def test_every_tool_and_setting_stands_on_its_page() -> None:
    assert "### get_volume_ranking" in reference.tools_page()
    assert "| `KOREA_INVESTMENT_APP_SECRET` |" in reference.settings_page()


def planted_lock(root: Path) -> Path:
    (root / "requirements").mkdir()
    (root / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for name in lock.LOCKS:
        text = f"# inputs: {lock.inputs(ROOT)}\nmcp==2.3.0 \\\n    --hash=sha256:00\nx==1 ; sys_platform == 'a' \\\n"
        (root / "requirements" / f"{name}.txt").write_text(text + "    --hash=sha256:11\n")
    return root / "requirements" / "run.txt"


def test_the_lock_is_current() -> None:
    assert lock.faults(ROOT) == []


def test_a_good_lock_has_no_fault(tmp_path: Path) -> None:
    planted_lock(tmp_path)
    assert lock.faults(tmp_path) == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("# inputs: ", "# inputs: 0", "other requirements"),
        ("    --hash=sha256:00\n", "", "mcp==2.3.0 is not pinned by hash"),
        ("mcp==2.3.0", "mcp>=2.3.0", "mcp>=2.3.0 is not pinned by hash"),
        ("mcp==2.3.0", "mcp @ https:" + "//example.org/mcp.whl", "names a host"),
        ("# inputs", "--index" + "-url x\n# inputs", "names a host"),
    ],
)
def test_a_bad_lock_is_seen(tmp_path: Path, before: str, after: str, fault: str) -> None:
    file = planted_lock(tmp_path)
    file.write_text(file.read_text().replace(before, after))
    assert any(fault in one for one in lock.faults(tmp_path))


def test_a_new_requirement_makes_the_lock_old(tmp_path: Path) -> None:
    planted_lock(tmp_path)
    project = tmp_path / "pyproject.toml"
    project.write_text(project.read_text().replace('"rich>=14",', '"rich>=14",\n    "tabulate>=1",'))
    assert len(lock.faults(tmp_path)) == 2


def test_a_missing_lock_is_seen(tmp_path: Path) -> None:
    planted_lock(tmp_path).unlink()
    assert lock.faults(tmp_path) == ["run.txt is missing: make lock"]


@pytest.mark.parametrize(
    ("reason", "passes"),
    [
        ("absent: tier 1: redis: no redis-server on PATH (not Debian)", True),
        ("absent: tier 1: kafka: nobody said so", False),
        ("platform: Windows has no file modes", True),
        ("flaky", False),
        ("got empty parameter set", False),
    ],
)
def test_only_an_explained_skip_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, *, passes: bool
) -> None:
    monkeypatch.setattr(check, "SKIPS", tmp_path / "skips.jsonl")
    monkeypatch.setattr(provision, "ABSENT", tmp_path / "absent.json")
    provision.ABSENT.write_text(json.dumps({"redis": "not Debian"}))
    check.SKIPS.write_text(json.dumps({"test": "t", "reason": reason}) + "\n")
    assert check.skipped().passed is passes


def test_every_component_is_asked_for_and_every_question_is_known() -> None:
    asked = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for line in file.read_text("utf-8").splitlines()
        if "mark.needs(" in line
        for name in line.split("mark.needs(")[1].split(")")[0].replace('"', "").replace(" ", "").split(",")
        if file != Path(__file__)
    }
    assert asked == set(provision.components())


def test_a_missing_program_is_named() -> None:
    assert provision.missing_programs({"programs": ["sh", "no-such-program"]}) == ["no-such-program"]


def test_a_failing_step_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    step = check.tell(check.run("planted", ("sh", "-c", "echo broken; exit 3")))
    assert not step.passed
    assert "broken\nFAIL planted" in capfd.readouterr().out


@pytest.mark.parametrize("covered", [True, False])
def test_every_test_runs_and_ci_holds_the_floors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, covered: bool
) -> None:
    asked: dict[str, tuple[str, ...]] = {}

    def run(name: str, command: tuple[str, ...], **_: object) -> check.Step:
        asked[name] = command
        return check.Step(name, passed=True, seconds=0.0)

    for name in ("SKIPS", "REPORT"):
        monkeypatch.setattr(check, name, tmp_path / name)
    monkeypatch.setattr(check, "run", run)
    check.tests(covered=covered)
    assert ("coverage" in asked) is covered
    assert ("--cov" in asked["tests"]) is covered
    assert (f"--ignore={check.PROOFS}" in asked["tests"]) is ("proofs" in asked) is covered
    alone = asked["proofs alone" if covered else "tests alone"]
    assert check.PROOFS in alone
    assert "not serial" in asked["tests"]
    assert "serial" in alone
    assert "ARGS=--coverage" in (ROOT / ".ci" / "run").read_text()


def test_every_page_of_the_console_has_small_pictures_in_every_look() -> None:
    assert {name for name, _ in MENU} <= set(screenshots.PAGES)
    kept = {one.stem: one.stat().st_size for one in screenshots.KEPT.glob("*.webp")}
    asked = {f"{name}-{lang}-{theme}" for name in screenshots.PAGES for lang, theme in screenshots.LOOKS}
    assert asked <= set(kept)
    assert {name for name in set(kept) - asked if not name.endswith("-phone")} == set()
    assert max(kept.values()) <= screenshots.MOST
