"""What the pages for people say can be done can be done."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from dari.app.servers import SERVERS
from dari.settings import SETTINGS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    file
    for pattern in ("*.md", "docs/**/*.md")
    for file in ROOT.glob(pattern)
    if "design" not in file.parts  # the design says what is meant, also before it is there
)
READMES = [ROOT / "README.md", ROOT / "README.ko.md"]
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]


def commands(page: Path) -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith(("dari ", "make "))]


def test_there_is_something_to_check() -> None:
    assert len(PAGES) > 8
    assert all(len(commands(page)) >= 6 for page in READMES)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)[^)]*\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_make_goal_exists(page: Path) -> None:
    goals = set(re.findall(r"`make ([a-z-]+)", page.read_text("utf-8")))
    goals |= {words[1] for words in commands(page) if words[0] == "make"}
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert goals <= known


@pytest.mark.parametrize("page", READMES, ids=lambda page: str(page.name))
def test_commands_name_servers_and_tools_that_exist(page: Path) -> None:
    tools = {name: {tool.name for _, tool in server.tools()} for name, server in SERVERS.items()}
    for words in commands(page):
        if words[:2] == ["dari", "call"]:
            assert words[3] in tools[words[2]], words
        if words[:2] == ["dari", "serve"]:
            assert words[2] in {*tools, "all"}, words


@pytest.mark.parametrize("page", READMES, ids=lambda page: str(page.name))
def test_settings_in_a_readme_exist(page: Path) -> None:
    named = set(re.findall(r"^([A-Z][A-Z0-9_]+)=", page.read_text("utf-8"), re.MULTILINE))
    assert named
    assert named <= {setting.name for setting in SETTINGS}


def test_the_two_readmes_show_the_same_commands() -> None:
    assert commands(READMES[0]) == commands(READMES[1])


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page() -> None:
    site = (ROOT / "mkdocs.yml").read_text("utf-8")
    entries = re.findall(r"^ +- (?:[^:\n]+: )?([\w/-]+\.md)$", site[site.index("\nnav:") :], re.MULTILINE)
    beside = ("reference/servers/", "reference/upstreams/", "decisions/")  # reached by links, as mkdocs.yml says
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").glob("**/*.md")}
    named = {page for page in pages if not page.endswith(".ko.md") and not page.startswith(beside)}
    assert len(entries) == len(set(entries))
    assert set(entries) == named


@pytest.mark.parametrize(
    ("goal", "runs"),
    [
        ("prove ranking", "tests.prove ranking"),
        ("prove ranking LONG=1", "tests.prove ranking --long"),
        ("prove NAME=test", "tests.prove test"),
        ("bench overhead", "dari bench overhead"),
        ("demo ARGS=--once", "dari demo --once"),
    ],
)
def test_a_goal_takes_its_name(goal: str, runs: str) -> None:
    done = subprocess.run(["make", "-n", *goal.split()], cwd=ROOT, capture_output=True, text=True, check=True)
    assert any(runs in " ".join(line.split()) for line in done.stdout.splitlines()), done.stdout
