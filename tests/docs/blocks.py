"""Run the blocks of a page as its reader would, at a fixed noon, over simulators; renew what they print.

`python -m tests.docs.blocks PAGE…` writes into the pages what their commands print now.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest import SkipTest

import time_machine
import yaml
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import SkipParser
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

from dari.__main__ import main
from dari.testing import NOON, Simulated, running

ROOT: Final = Path(__file__).parents[2]
COMMANDS: Final = ("console", "sh")
DATA: Final[Mapping[str, Any]] = {"json": json.loads, "yaml": yaml.safe_load, "toml": tomllib.loads}
LANGUAGES: Final = (*COMMANDS, "python", *DATA, "ini", "text")
ANY: Final = "…"
"""In what a page shows: anything, also nothing, also several lines."""
PASSWORD: Final = "correct horse battery staple\n"
LONGEST: Final = 14
"""Lines of an answer that a page shows; more are cut in the middle."""
VARYING: Final = re.compile(
    r"(?<=127\.0\.0\.1:)\d{4,5}|[+-]\d+ s\b|(?<=T12:0)\d:\d\d|\b(?=\d*[a-f])[0-9a-f]{8,}\b"
    r"|in \d+\.\d+s|/[^ ]*/bin/[a-z]+"
)
"""What a page cannot know: ports, seconds, digests, places."""


class Differs(AssertionError):
    """A block does not do what its page says."""


@dataclass
class Reader:
    """Somebody who follows the pages: a folder of their own, an environment, what is known from block to block."""

    folder: Path
    environment: dict[str, str]
    simulators: tuple[Simulated, ...] = ()
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})

    def run(self, line: str) -> tuple[str, int]:  # noqa: PLR0911, C901 -- one return a command
        """What a command prints (both streams as one), and its exit code."""
        words = shlex.split(line, comments=True)
        more = {}
        while words and re.fullmatch(r"[A-Z][A-Z0-9_]*=.*", words[0]):
            name, _, value = words.pop(0).partition("=")
            more[name] = value
        environment = {**self.environment, **more}
        match words:
            case []:
                self.environment |= more
                return "", 0
            case ["export", *assigned]:
                self.environment |= dict(one.partition("=")[::2] for one in assigned)
                return "", 0
            case ["cat", name]:
                return (self.folder / name).read_text("utf-8"), 0
            case ["mkdir", "-p", name]:
                self.path(name).mkdir(parents=True, exist_ok=True)
                return "", 0
            case ["cp", example, name] if example.startswith("examples/"):
                (self.folder / name).write_bytes((ROOT / example).read_bytes())
                return "", 0
            case ["dari", "simulate" | "service", *_]:
                return self._started(words, environment)
            case ["dari", "serve", *rest] if "--http" in rest:
                return self._started(words, environment)
            case ["dari", "serve", *rest]:
                return self._ran([sys.executable, "-m", "dari", "serve", *rest], environment)  # its client says nothing
            case ["dari", *rest]:
                return self._dari(rest, environment)
            case ["python" | "pytest", *rest]:
                program = [
                    sys.executable,
                    *(["-m", "pytest", "-p", "no:cacheprovider"] if words[0] == "pytest" else []),
                ]
                return self._ran([*program, *rest], environment)
        raise Differs(f"a page may not ask for {line!r}")

    def path(self, name: str) -> Path:
        """A path that a reader writes with ~ for the home folder."""
        return self.folder / name.removeprefix("~/")

    def _dari(self, words: list[str], environment: Mapping[str, str]) -> tuple[str, int]:
        """In this process, which saves a start; at noon, so that a page can say what was answered."""
        said = io.StringIO()
        before, arguments, here = dict(os.environ), sys.argv, Path.cwd()
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(self.folder)
        sys.argv = ["dari", *words]
        code: object = 0
        try:
            with (
                contextlib.redirect_stdout(said), contextlib.redirect_stderr(said),
                self._noon(words), typing(PASSWORD if words[:1] == ["auth"] else ""),
            ):  # fmt: skip
                main()
        except SystemExit as left:
            code = left.code
        finally:
            sys.argv = arguments
            os.chdir(here)
            os.environ.clear()
            os.environ.update(before)
        return said.getvalue(), int(code) if isinstance(code, int) else 0

    @staticmethod
    def _noon(words: list[str]) -> contextlib.AbstractContextManager[Any]:
        """Noon, but for who compares clocks with servers that know nothing of it."""
        if words != ["doctor"]:
            return time_machine.travel(NOON, tick=True)
        time.sleep(1.5)  # a server renews the Date of its replies once a second
        return contextlib.nullcontext()

    def _ran(self, words: list[str], environment: Mapping[str, str]) -> tuple[str, int]:
        told = {**environment, "PYTHONPATH": f"{ROOT / 'src'}"}
        quietly: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 60}
        done = subprocess.run(words, env=told, cwd=self.folder, check=False, **quietly)
        return done.stdout + done.stderr, done.returncode

    def _started(self, words: list[str], environment: Mapping[str, str]) -> tuple[str, int]:
        """A server: started, heard until it tells its first line, stopped."""
        told = {**environment, "PYTHONPATH": f"{ROOT / 'src'}", "PYTHONUNBUFFERED": "1"}
        free = ["--port", "0"] if words[1] == "serve" and "--port" not in words else []
        program = [sys.executable, "-m", "dari", *words[1:], *free]
        with subprocess.Popen(
            program, env=told, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as server:
            assert server.stdout is not None
            line = server.stdout.readline()
            if "http://" in line:
                server.terminate()
                return line, 0
            return line + server.stdout.read(), server.wait()


@contextlib.contextmanager
def typing(text: str) -> Iterator[None]:
    """What somebody types."""
    before = sys.stdin
    sys.stdin = io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = before


def steps(source: str) -> list[tuple[str, str]]:
    """A console block as (command, what is shown after it); a line that ends in a backslash goes on."""
    found: list[tuple[str, list[str]]] = []
    for line in source.splitlines():
        if found and found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0][:-1] + line.removeprefix("> "), [])
        elif line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line)
        else:
            raise Differs(f"a console block begins with a command, not {line!r}")
    return [(command, "\n".join(shown)) for command, shown in found]


def fits(shown: str, said: str) -> bool:
    """Whether what a page shows is what was said, `…` standing for anything; spaces at line ends do not count."""
    plain = "\n".join(line.rstrip() for line in said.strip().splitlines())
    wanted = "\n".join(line.rstrip() for line in shown.strip().splitlines())
    pattern = ".*".join(re.escape(part) for part in wanted.split(ANY))
    return re.fullmatch(pattern, plain, re.DOTALL) is not None


def evaluate(example: Example) -> None:  # noqa: C901 -- one branch a language
    """Do what a block says. Raises Differs."""
    language = example.region.lexemes["arguments"].split()[0]
    title = re.search(r'title="([^"]+)"', example.region.lexemes["arguments"])
    reader: Reader = example.namespace["reader"]
    source = str(example.parsed)
    if title:
        file = reader.path(title[1])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, "utf-8")
        file.chmod(0o600)
    elif language == "sh":
        for line in filter(None, map(str.strip, source.splitlines())):
            said, code = reader.run(line)
            if code:
                raise Differs(f"{line}: exit code {code}\n{said}")
    elif language == "console":
        for command, shown in steps(source):
            said, code = reader.run(command)
            if code and not shown:
                raise Differs(f"{command}: exit code {code}\n{said}")
            if shown and not fits(shown, said):
                raise Differs(f"$ {command}\n--- the page shows\n{shown}\n--- it says\n{said}")
    elif language == "python":
        with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(reader.folder):
            exec(compile(source, example.path, "exec"), reader.names)
    elif language in DATA:
        DATA[language](source)
    elif language not in LANGUAGES:
        raise Differs(f"nobody knows how to run {language}")


def fenced(document: Document) -> Iterator[Region]:
    """Every block between fences, with what stands beside its opening fence."""
    for region in FencedCodeBlockLexer(r".+", mapping={"language": "arguments", "source": "source"})(document):
        region.parsed, region.evaluator = region.lexemes["source"], evaluate
        yield region


def parsed(page: Path) -> Document:
    """A page with its blocks; `<!-- skip: next "reason" -->` before a block keeps it from being run."""
    return Sybil(parsers=[fenced, SkipParser()], path=str(ROOT)).parse(page)


def renewed(source: str, reader: Reader) -> str:
    """A console block with what its commands print now."""
    lines = []
    for command, _ in steps(source):
        said, _code = reader.run(command)
        shown = [line.rstrip() for line in said.strip().splitlines()]
        half = LONGEST // 2
        cut = [*shown[:half], ANY, *shown[-half:]] if len(shown) > LONGEST else shown
        cut = [VARYING.sub(ANY, line.replace(str(reader.folder), ANY)) for line in cut]
        lines += [f"$ {command}", *(line if len(line) <= 118 else line[:100] + ANY for line in cut)]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    """A reader with keys of all providers, whose upstreams are simulators."""
    with running("kis") as kis, running("kiwoom") as kiwoom, running("naramarket") as naramarket:
        settings = {name: value for one in (kis, kiwoom, naramarket) for name, value in one.settings.items()}
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = {"HOME": str(folder), "DARI_HOME": str(folder / "dari"), "COLUMNS": "110", "NO_COLOR": "1"}
        yield Reader(
            folder, {**kept, **home, **settings, "DARI_DOTENV": str(folder / ".env")}, (kis, kiwoom, naramarket)
        )


def renew(page: Path) -> None:
    """Write into a page what its commands print."""
    with tempfile.TemporaryDirectory() as folder, reading(Path(folder)) as reader:
        document = parsed(page)
        text = document.text
        document.namespace["reader"] = reader
        edits = []
        for example in document.examples():
            if (example.region.lexemes or {}).get("arguments") == "console":
                edits.append((example.start, example.end, renewed(str(example.parsed), reader)))
                continue
            with contextlib.suppress(SkipTest):
                example.evaluate()
        for start, end, new in reversed(edits):
            text = f"{text[:start]}```console\n{new}```{text[end:]}"
        page.write_text(text, "utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        renew(Path(name).resolve())
