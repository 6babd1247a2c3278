"""The newcomer's exercise of CONTRIBUTING.md, done in a copy: its gates hold, and what came of it answers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## The newcomer's exercise")[1]
STEP = re.compile(
    r"^`(?P<path>[\w/.]+)`, (?:(?P<new>new)|(?P<end>at the end)|(?P<where>after|before) `(?P<line>[^`]+)`):\n\n"
    r"```\w+\n(?P<block>.*?)```$"
    r"|^`(?P<file>[\w/.]+)`, for `(?P<old>[^`]+)` write `(?P<write>[^`]+)`\.$",
    re.MULTILINE | re.DOTALL,
)
COMMANDS = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PLACES = ("src", "scripts", "docs/design", "docs/reference", "pyproject.toml", "CONTRIBUTING.md",
          "tests/__init__.py", "tests/contract/test_every_tool.py", "tests/contract/test_plan.py")  # fmt: skip


def follow(copy: Path) -> list[str]:
    """Do every step; the files that changed."""
    changed = []
    for step in STEP.finditer(PAGE):
        path = step["path"] or step["file"]
        file = copy / path
        changed.append(path)
        if step["new"]:
            assert not file.exists(), path
            file.parent.mkdir(exist_ok=True)
            file.write_text(step["block"], "utf-8")
            continue
        text = file.read_text("utf-8")
        if step["end"]:
            text += step["block"]
        elif step["old"]:
            assert text.count(step["old"]) == 1, step["old"]
            text = text.replace(step["old"], step["write"])
        else:
            line = f"{step['line']}\n"
            assert text.count(line) == 1, step["line"]
            told = step["block"]  # a block before a function stands apart from it, which a page cannot show
            text = text.replace(line, line + told if step["where"] == "after" else f"{told}\n\n{line}")
        file.write_text(text, "utf-8")
    return changed


def run(copy: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program of this interpreter in the copy, which finds the copy's package first."""
    places = os.environ | {"PYTHONPATH": f"{copy / 'src'}{os.pathsep}{copy}", "DARI_HOME": str(copy / "home")}
    return subprocess.run(
        [sys.executable, *words], cwd=copy, env=places | environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    copy = tmp_path_factory.mktemp("exercise")
    for place in PLACES:
        (copy / place).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / place).is_dir():
            shutil.copytree(ROOT / place, copy / place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / place, copy / place)
    changed = follow(copy)
    subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
    return copy, changed


def test_every_block_is_a_step(done: tuple[Path, list[str]]) -> None:
    _, changed = done
    blocks = len(re.findall(r"^```\w+$", PAGE, re.MULTILINE))
    assert COMMANDS
    assert len(changed) == blocks - 1 + 2  # but for the commands; two steps have no block
    assert {"dialect.py", "models.py", "tools.py", "simulator.py", "spec.py"} <= {Path(one).name for one in changed}


@pytest.mark.parametrize(
    "gate",
    [
        ("ruff", "check"),
        ("ruff", "format", "--check"),
        ("scripts.house_laws",),
        ("importlinter.cli",),
        ("pytest", "-q", "-p", "no:cacheprovider", "tests/contract/test_plan.py", "tests/contract/test_every_tool.py",
         "-k", "plan and (providers or imports) or krx. or exim."),
    ],
    ids=lambda gate: gate[0],
)  # fmt: skip
def test_the_gates_hold(done: tuple[Path, list[str]], gate: tuple[str, ...]) -> None:
    copy, changed = done
    files = [one for one in changed if one.endswith(".py")] if gate[0] == "ruff" else []
    if gate[0] == "importlinter.cli":
        code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(cache_dir=None))"
        told = run(copy, "-c", code)
    else:
        told = run(copy, "-m", *gate, *files)
    assert told.returncode == 0, (told.stdout + told.stderr)[-2000:]


def test_what_came_of_it_answers(done: tuple[Path, list[str]]) -> None:
    copy, _ = done
    assert COMMANDS
    answers = []
    for line in COMMANDS[1].splitlines():
        told = run(copy, "-m", *line.split(), "--json")
        assert told.returncode == 0, told.stdout + told.stderr
        answers.append(json.loads(told.stdout))
    notes, rates = answers
    (note,) = notes["notes"]
    assert note["close"] > 0
    assert note["value"] == note["close"] * note["volume"]
    assert notes["simulated"] is True
    assert [one["endpoint"] for one in notes["provenance"]] == ["etn_bydd_trd"]
    assert {one["currency"]: float(one["won"]) for one in rates["rates"]}.keys() == {"USD", "JPY"}
    assert all(float(one["won"]) > 0 for one in rates["rates"])
    rest = run(copy, "-m", *COMMANDS[1].splitlines()[1].replace("-19", "-21").split(), "--json")  # a Saturday
    assert [gap["field"] for gap in json.loads(rest.stdout)["gaps"]] == ["rates"]
