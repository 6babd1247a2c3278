"""The frame of the proofs, with planted cases: a proof that fails, one that lags behind, one that was never run."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.prove import __main__ as command
from tests.prove import record
from tests.prove.proof import Outcome, Proof, outcome_of, registry


def plain() -> Outcome:
    return Outcome(holds=True, figures={"equal_answers": 90}, seed="1..30", load="30 seeds")


async def awaited() -> Outcome:
    return plain()


def failed() -> Outcome:
    return Outcome(holds=False, figures={"equal_answers": 89}, why="seed 7 differs | a cell")


PROOF = Proof(name="ranking", title="A ranking is exact", rooms=("src/room", "src/door.py"), short=plain, long=awaited)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src/room/inner").mkdir(parents=True)
    (tmp_path / "src/room/inner/a.py").write_text("# why\nx = 1\n\ny = 2\n")
    (tmp_path / "src/room/rows.jsonl").write_text("{}\n")
    (tmp_path / "src/door.py").write_text("z = 3\n")
    (tmp_path / "src/other.py").write_text("")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    return tmp_path


def records(project: Path, outcome: Outcome | None = None) -> dict[str, record.Record]:
    page = project / "acceptance.md"
    record.write([record.recorded(PROOF, outcome or plain(), project)], page)
    return record.read(page)


def test_both_kinds_of_form_run() -> None:
    assert outcome_of(plain) == outcome_of(awaited) == plain()


def test_the_page_gives_back_what_was_written(project: Path) -> None:
    told = records(project)["ranking"]
    assert (told.figures, told.seed, told.load, told.holds) == ({"equal_answers": 90}, "1..30", "30 seeds", True)
    assert len(told.commit) == 12
    assert set(told.rooms) == set(PROOF.rooms)
    page = (project / "acceptance.md").read_text()
    assert "| equal_answers | 90 |" in page
    assert "cores" in page


def test_an_honest_record_has_no_fault(project: Path) -> None:
    assert record.due({"ranking": PROOF}, records(project), project) == []
    assert record.wrong({"ranking": PROOF}, records(project), project) == []


@pytest.mark.parametrize("file", ["src/room/inner/a.py", "src/room/rows.jsonl", "src/door.py"])
def test_a_changed_room_is_stale(project: Path, file: str) -> None:
    told = records(project)
    (project / file).write_text("w = 5\n")
    (fault,) = record.due({"ranking": PROOF}, told, project)
    assert "stale" in fault
    assert ("src/door.py" if "door" in file else "src/room") in fault


def test_a_new_or_a_lost_file_is_stale(project: Path) -> None:
    told = records(project)
    (project / "src/room/new.py").write_text("")
    assert "stale" in record.due({"ranking": PROOF}, told, project)[0]
    (project / "src/room/new.py").unlink()
    (project / "src/room/rows.jsonl").unlink()
    assert "stale" in record.due({"ranking": PROOF}, told, project)[0]


def test_another_room_a_comment_and_a_cache_are_not(project: Path) -> None:
    told = records(project)
    (project / "src/other.py").write_text("changed = True\n")
    (project / "src/room/inner/a.py").write_text("x = 1\n# another why\n\n\ny = 2\n")
    (project / "src/room/__pycache__").mkdir()
    (project / "src/room/__pycache__/a.pyc").write_text("")
    assert record.due({"ranking": PROOF}, told, project) == []


def test_a_room_added_to_the_proof_is_stale(project: Path) -> None:
    wider = replace(PROOF, rooms=(*PROOF.rooms, "src/other.py"))
    assert "src/other.py" in record.due({"ranking": wider}, records(project), project)[0]


def test_a_failed_long_run_is_a_fault(project: Path) -> None:
    told = records(project, failed())
    assert record.due({"ranking": PROOF}, told, project) == ["ranking: does not hold: seed 7 differs | a cell"]
    assert "**no**: seed 7 differs / a cell" in (project / "acceptance.md").read_text()


def test_a_proof_never_run_and_a_record_without_proof_are_faults(project: Path) -> None:
    assert "never run" in record.due({"ranking": PROOF}, {}, project)[0]
    assert "no such proof" in record.wrong({}, records(project), project)[0]


def test_a_room_that_does_not_exist_is_refused(project: Path) -> None:
    with pytest.raises(FileNotFoundError, match="src/nowhere"):
        record.recorded(replace(PROOF, rooms=("src/nowhere",)), plain(), project)


def test_a_room_that_moved_away_is_a_fault(project: Path) -> None:
    told = records(project)
    moved = replace(PROOF, rooms=("src/moved.py",))
    assert record.wrong({"ranking": moved}, told, project) == ["ranking: its rooms src/moved.py are not there"]


def test_work_that_is_not_committed_is_told(project: Path) -> None:
    (project / "src/door.py").write_text("z = 4\n")
    assert records(project)["ranking"].commit.endswith("+changes")


def test_the_command_runs_writes_and_refuses(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = project / "acceptance.md"
    broken = replace(PROOF, name="broken", short=failed, long=failed)
    monkeypatch.setattr(command, "registry", lambda: {"ranking": PROOF, "broken": broken})
    monkeypatch.setattr(record, "read", lambda _page=page, _read=record.read: _read(_page))
    monkeypatch.setattr(record, "write", lambda told, _write=record.write: _write(told, page))
    monkeypatch.setattr(record, "recorded", lambda p, o, _recorded=record.recorded: _recorded(p, o, project))
    assert command.main(["ranking"]) == 0
    assert "equal_answers" in capsys.readouterr().out
    assert not page.exists()
    assert command.main(["ranking", "broken", "--long"]) == 1
    assert set(record.read()) == {"ranking", "broken"}
    assert command.main(["nothing"]) == 2
    assert command.main(["--list"]) == 0
    assert "A ranking is exact" in capsys.readouterr().out


def test_a_short_form_that_takes_too_long_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter((0.0, 46.0))
    monkeypatch.setattr("tests.prove.__main__.time.monotonic", lambda: next(ticks))
    assert command.prove(PROOF, long=False) is False


def test_two_proofs_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "from tests.prove.proof import Proof\n"
        "PROOF = Proof(name='same', title='', rooms=(), short=lambda: 1, long=lambda: 1)\n"
    )
    (tmp_path / "planted").mkdir()
    for name in ("__init__", "one"):
        (tmp_path / "planted" / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    import planted  # type: ignore[import-not-found]  # written a moment ago  # noqa: PLC0415  # it exists only now

    assert set(registry(planted)) == {"same"}
    (tmp_path / "planted" / "two.py").write_text(source)
    with pytest.raises(ValueError, match="same"):
        registry(planted)


def test_a_run_that_is_due_is_named_and_fails_only_strictly(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: dict[str, record.Record] = {}
    honest = records(project)["ranking"]
    monkeypatch.setattr(command, "registry", lambda: {"ranking": PROOF})
    monkeypatch.setattr(record, "read", lambda *_: told)
    monkeypatch.setattr(record.due, "__defaults__", (project,))
    monkeypatch.setattr(record.wrong, "__defaults__", (project,))
    assert command.main(["--check"]) == 0
    assert "ranking: its long form was never run" in capsys.readouterr().out
    assert command.main(["--check", "--strict"]) == 1
    told["ranking"] = honest
    assert command.main(["--check", "--strict"]) == 0
    told["gone"] = told["ranking"]
    assert command.main(["--check"]) == 1
