"""Every block of README and docs does what the page says; every link of the site leads somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import SkipTest

import pytest

from dari.cli.main import app
from dari.core.errors import DariError
from scripts import reference
from tests.docs.blocks import LANGUAGES, ROOT, Differs, Reader, evaluate, fits, parsed, reading, steps

PAGES = sorted(
    file for pattern in ("README.md", "docs/*.md", "docs/start/*.md", "docs/guides/*.md") for file in ROOT.glob(pattern)
)
ENGLISH = [page for page in PAGES if not page.name.endswith(".ko.md")]
SKIPPED_SHARE = 0.05
WITHOUT_A_TWIN = {"realtime.md", "sign-in.md"}
"""They speak both languages on one page."""
RUN_ELSEWHERE = {"sign-in.md": "tests/unit/oauth/test_document_example.py"}
"""Python blocks that another test runs, beside a server that listens where they say."""
REASON = 20
"""Characters of a reason, at least."""


@pytest.fixture(scope="module")
def upstreams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with reading(tmp_path_factory.mktemp("독자 reader")) as reader:
        yield reader


def blocks(page: Path) -> list[tuple[str, str]]:
    return re.findall(r"^```([^\n]+)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_does_what_its_page_says(page: Path, upstreams: Reader, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "DARI_HOME": str(tmp_path / "dari"), "DARI_DOTENV": str(tmp_path / ".env")}
    for simulator in upstreams.simulators:
        simulator.expire_tokens()
    document = parsed(page)
    document.namespace["reader"] = Reader(tmp_path, {**upstreams.environment, **home})
    for example in document.examples():
        if (example.region.lexemes or {}).get("arguments") == "python" and page.name in RUN_ELSEWHERE:
            assert (ROOT / RUN_ELSEWHERE[page.name]).exists()
            continue
        try:
            example.evaluate()
        except SkipTest as skipped:
            if len(str(skipped)) < REASON:
                raise Differs(f"a block that is not run says why: {skipped}") from None


def test_few_blocks_are_not_run() -> None:
    pages = [*PAGES, ROOT / "README.ko.md"]
    every = sum(len(blocks(page)) for page in pages)
    skipped = sum(page.read_text("utf-8").count("<!-- skip: next") for page in pages)
    assert every > 60
    assert skipped <= every * SKIPPED_SHARE, (skipped, every)
    assert {words.split()[0] for page in pages for words, _ in blocks(page)} <= set(LANGUAGES)
    for page in pages:
        opening = re.findall(r"^```(.*)$", page.read_text("utf-8"), re.MULTILINE)[::2]
        assert all(opening), f"{page.name}: a block without a language is not run"


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_korean_page_has_the_same_blocks(page: Path) -> None:
    korean = page.with_name(page.name.replace(".md", ".ko.md"))
    if page.name in WITHOUT_A_TWIN:
        assert not korean.exists(), "take it off the list"
        return
    assert korean.exists()
    if page.parent != ROOT:  # the two READMEs differ in the comments beside their commands
        assert blocks(korean) == blocks(page)


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "ko" / "start" / "clients" / "index.html").exists()


def test_no_command_tool_setting_or_error_is_missing_from_the_reference() -> None:
    assert reference.stale(reference.PAGES, reference.FOLDER) == []
    commands = (reference.FOLDER / "commands.md").read_text("utf-8")
    assert all(f"## dari {name}" in commands for name in app if not name.startswith("-"))
    errors = (reference.FOLDER / "errors.md").read_text("utf-8")
    assert all(f"`{one.code}`" in errors for one in DariError.__subclasses__())


def test_a_page_that_shows_something_else_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ dari --version\n9.9.9\n```\n\n```cobol\nx\n```\n\n```json\n{\n```\n", "utf-8")
    document = parsed(page)
    document.namespace["reader"] = Reader(tmp_path, {})
    for example in document.examples():
        with pytest.raises((Differs, ValueError)):
            evaluate(example)
    with pytest.raises(Differs):
        document.namespace["reader"].run("rm -rf /")
    with pytest.raises(Differs):
        steps("no command")


def test_an_ellipsis_stands_for_anything() -> None:
    assert fits("a … z", "a b\nc z")
    assert fits("a\n…", "a \nb")
    assert not fits("a … z", "a b")
