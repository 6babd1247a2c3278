"""The house keeps its laws, and each law would notice a breach: one is planted for every kind."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts import house_laws
from scripts.house_laws import LAWS, ROOT, Law, breaches, tracked

LINE = "x = 1\n"
LOCK = {"requirements/run.txt": "redis==8.1.0 \\\n    --hash=sha256:00\n"}


def found(law: Law, root: Path, files: Mapping[str, str]) -> list[str]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return list(law(root, [root / name for name in files]))


def test_the_house_stands() -> None:
    assert breaches() == []


def test_the_laws_read_the_whole_project() -> None:
    names = {file.relative_to(ROOT).as_posix() for file in tracked()}
    assert {"pyproject.toml", "src/dari/core/errors.py", "tests/contract/test_house.py"} <= names


PROVIDER = {f"src/dari/providers/kis/{room}.py": "" for room in ("spec", "dialect", "models", "simulator", "tools")}

BREACHES: list[tuple[Law, dict[str, str]]] = [
    (house_laws.too_long, {"src/dari/core/hall.py": LINE * 401}),
    (house_laws.too_long, {"scripts/hall.py": LINE * 401}),
    (house_laws.too_long, {"tests/unit/test_hall.py": LINE * 601}),
    (house_laws.borrowed_names, {"src/dari/core/queue.py": ""}),
    (house_laws.borrowed_names, {"src/dari/json/words.py": ""}),
    (house_laws.borrowed_names, {"src/dari/core/redis.py": "", **LOCK}),
    (house_laws.borrowed_names, {"scripts/secrets.py": ""}),
    (house_laws.borrowed_names, {"src/dari/core/utils.py": ""}),
    (house_laws.told_places, {"README.md": "look in /wor" + "k/tmp"}),
    (house_laws.told_places, {"README.md": "look in /ho" + "me/somebody"}),
    (house_laws.told_places, {"requirements/run.txt": "--index" + "-url https://example.org/simple"}),
    (house_laws.told_places, {"tests/conformance/package-lock.json": '"resol' + 'ved": "https://example.org/a.tgz"'}),
    (house_laws.told_places, {"Dockerfile": "curl https://registry.npm" + "js.org/x"}),
    (house_laws.forbidden_words, {"src/dari/core/a.py": "# a suba" + "gent"}),
    (house_laws.forbidden_words, {"docs/a.md": "as is" + "sue 12 asks"}),
    (house_laws.forbidden_words, {"docs/a.md": "the Age" + "nt did it"}),
    (house_laws.uneven_rooms, {**PROVIDER, **{f"src/dari/providers/kis/{room}.py": "" for room in "abcde"}}),
    (house_laws.uneven_rooms, {name: "" for name in PROVIDER if "dialect" not in name}),
    (house_laws.uneven_rooms, {name.replace("kis", "payments"): "" for name in PROVIDER}),
    (house_laws.hidden_network, {"src/dari/serving/a.py": "import http.client"}),
    (house_laws.hidden_network, {"src/dari/serving/a.py": "from urllib import request"}),
    (house_laws.hidden_network, {"src/dari/serving/a.py": "from urllib.request import urlopen"}),
    (house_laws.hidden_network, {"src/dari/core/a.py": "import asyncio\nasyncio.open_connection('h', 1)"}),
    (house_laws.hidden_network, {"src/dari/core/a.py": "from asyncio import start_server"}),
    (house_laws.bare_silencers, {"src/dari/core/a.py": "x = 1  # no" + "qa: S101"}),
    (house_laws.bare_silencers, {"src/dari/core/a.py": "x = 1  # ty" + "pe: ignore[misc]"}),
    (house_laws.bare_silencers, {"tests/unit/test_a.py": "x = 1  # pragma: no" + " cover"}),
    (house_laws.bare_silencers, {"src/dari/core/a.py": "# no" + "qa: S101  # the reason\n# no" + "qa: S102"}),
]

CASES = "import pytest\n@pytest.mark.parametrize('x', %s)\ndef test_x(x): ...\n"
BREACHES += [
    (house_laws.unordered_cases, {"tests/unit/test_a.py": CASES % "{1, 2}"}),
    (house_laws.unordered_cases, {"tests/unit/test_a.py": CASES % "{one for one in (1, 2)}"}),
    (house_laws.unordered_cases, {"tests/unit/test_a.py": CASES % "[*{1, 2}, 3]"}),
]

HARMLESS: list[tuple[Law, dict[str, str]]] = [
    (house_laws.too_long, {"src/dari/core/hall.py": LINE * 400, "tests/unit/test_hall.py": LINE * 600}),
    (house_laws.borrowed_names, {"src/dari/core/locks.py": "", "src/dari/serving/limits.py": ""}),
    (house_laws.told_places, {"README.md": "https://example.org/work/places and `~/KIS/config`"}),
    (house_laws.forbidden_words, {"src/dari/core/a.py": "User-Agent, user agent, issue 005930"}),
    (house_laws.uneven_rooms, {**PROVIDER, "src/dari/providers/kis/live.py": "", "src/dari/providers/__init__.py": ""}),
    (house_laws.uneven_rooms, {"src/dari/providers/kis/spec/rows.py": "", "src/dari/providers/kis/simulator.py": ""}),
    (house_laws.uneven_rooms, {name.replace("kis", "payments"): "" for name in PROVIDER if "simulator" not in name}),
    (
        house_laws.hidden_network,
        {"src/dari/serving/a.py": "from urllib.parse import quote\nfrom http import HTTPStatus"},
    ),
    (house_laws.hidden_network, {"src/dari/upstream/wire.py": "import urllib.request"}),
    (house_laws.hidden_network, {"src/dari/services/payments/adapters/sql.py": "import http.client"}),
    (house_laws.bare_silencers, {"src/dari/core/a.py": "x = 1  # no" + "qa: S101  # the upstream promises it"}),
    (house_laws.bare_silencers, {"src/dari/core/a.py": "# no" + "qa: S101 -- the reason\n# no" + "qa: S101"}),
    (house_laws.unordered_cases, {"tests/unit/test_a.py": CASES % "[{1, 2}, {3}]"}),
    (house_laws.unordered_cases, {"tests/unit/test_a.py": CASES % "sorted({1, 2})"}),
    (house_laws.bare_silencers, {"src/dari/core/a.py": "x = 1  # ty" + "pe: ignore[misc]  # the stubs are wrong"}),
]


@pytest.mark.parametrize(("law", "files"), BREACHES)
def test_a_planted_breach_is_seen(tmp_path: Path, law: Law, files: dict[str, str]) -> None:
    assert found(law, tmp_path, files)


@pytest.mark.parametrize(("law", "files"), HARMLESS)
def test_what_is_allowed_is_left_alone(tmp_path: Path, law: Law, files: dict[str, str]) -> None:
    assert found(law, tmp_path, files) == []


def test_every_law_has_a_breach() -> None:
    assert {law for law, _ in BREACHES} == set(LAWS)


def test_breaches_are_found_through_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    for name in ("taken.py", "ignored.py"):
        (tmp_path / name).write_text(LINE * 401)
    assert breaches(tmp_path) == ["too_long: taken.py: 401 lines, at most 400"]
