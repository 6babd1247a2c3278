"""The laws of docs/design/house.md that an import contract cannot say; each gives the breaches it finds as lines.

`python -m scripts.house_laws` prints them all and exits 1 if there is one.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

SOURCE_LINES: Final = 400
TEST_LINES: Final = 600

ROOMS: Final = frozenset({"spec", "dialect", "models", "tools", "simulator"})
MOST_EXTRA_ROOMS: Final = 4
WITHOUT_SIMULATOR: Final = frozenset({"payments"})  # its upstream is our own service

NETWORK_ROOMS: Final = re.compile(
    r"src/dari/(upstream/wire|serving/(mcp|rest)_door|core/shared_state|services/[^/]+/adapters|cli/bench|testing)(/|\.py$)"
)
"""Those of the plan; the bench, for what measures the wire cannot be the wire; the test kit, a client of simulators."""
NETWORK_MODULES: Final = frozenset(
    {"http.client", "http.server", "urllib.request"}
)  # http and urllib hold pure parts too
NETWORK_CALLS: Final = frozenset(
    {
        "connect_tcp",
        "create_connection",
        "create_datagram_endpoint",
        "create_server",
        "create_tcp_listener",
        "create_unix_server",
        "open_connection",
        "open_unix_connection",
        "start_server",
        "start_unix_server",
    }
)

STRAY_MODULES: Final = frozenset({"benchmarks", "docs", "examples", "scripts", "test", "tests"})
"""What some distributions install beside themselves by mistake: nobody imports it."""

VAGUE_NAMES: Final = frozenset({"helper", "helpers", "misc", "stuff", "util", "utils"})

PLACES: Final = re.compile(
    r"(?<![\w.])/(?:work|root|Users)/|/home/\w|[A-Z]:\\Users\\"
    r"|files[.]pythonhosted|pypi[.]org/simple|registry[.](?:npmjs|yarnpkg)|repo[.]maven|deb[.]debian[.]org"
    r"|--(?:extra-)?index-url|--find-links|\"resolved\":"
)
WORDS: Final = re.compile(
    r"(?<!user[ -])\bagents?\b|\bsub-?agents?\b|\bissues? #?\d{1,3}\b|[.]library\b"
    r"|\b(?:ai|llm)[- ](?:written|generated|assisted)\b|\bco-authored-by\b|\bas an ai\b|\bprompt engineering\b",
    re.IGNORECASE,
)
LEAST_REASON: Final = 4  # characters: "HTTP" is the shortest one that says something

FOREIGN_TEXT: Final = frozenset({"LICENSE"})
"""Files whose words are not ours to choose; data is neither: an upstream may well speak of its agents."""


def tracked(root: Path = ROOT) -> list[Path]:
    """Every file git knows or would take, as absolute paths."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    return sorted(root / name for name in names if name and (root / name).is_file())


def too_long(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """No .py above 400 lines, no test above 600."""
    for file in files:
        if file.suffix == ".py":
            lines = file.read_bytes().count(b"\n")
            name = file.relative_to(root).as_posix()
            most = TEST_LINES if name.startswith("tests/") else SOURCE_LINES
            if lines > most:
                yield f"{name}: {lines} lines, at most {most}"


def borrowed_names(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """No module bears the name of a stdlib or third-party module, or a name that says nothing."""
    taken = sys.stdlib_module_names | locked_modules(root)
    for file in files:
        name = file.relative_to(root).as_posix()
        if file.suffix != ".py" or not name.startswith(("src/", "scripts/")):
            continue
        for part in (p.removesuffix(".py") for p in Path(name).parts[1:]):
            if part in {"__init__", "__main__", "dari"}:
                continue
            if part in taken:
                yield f"{name}: {part} is another module's name"
            if part in VAGUE_NAMES:
                yield f"{name}: {part} says nothing about its duty"


def locked_modules(root: Path) -> frozenset[str]:
    """The module names of everything the lock may install: by what is installed, else by the distribution's name."""
    locked = {
        line.split("==")[0].split("[")[0].lower().replace("_", "-")
        for lock in sorted((root / "requirements").glob("*.txt"))
        for line in lock.read_text().splitlines()
        if re.match(r"[A-Za-z0-9]", line)
    }
    installed = {
        module
        for module, owners in packages_distributions().items()
        if any(owner.lower().replace("_", "-") in locked for owner in owners)
    }
    return frozenset(installed | {name.replace("-", "_") for name in locked}) - STRAY_MODULES


def told_places(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """No file names a machine's folder or a package registry, the lock files included."""
    yield from _matches(root, files, PLACES)


def forbidden_words(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """The project speaks of itself alone."""
    yield from _matches(root, (file for file in files if not _foreign(file)), WORDS)


def _foreign(file: Path) -> bool:
    return file.name in FOREIGN_TEXT or file.suffix in {".json", ".jsonl", ".tsv"}


def _matches(root: Path, files: Iterable[Path], pattern: re.Pattern[str]) -> Iterator[str]:
    this_law = Path(__file__).relative_to(ROOT).as_posix()
    for file in files:
        name = file.relative_to(root).as_posix()
        if name == this_law or file.suffix in {".png", ".zip"}:
            continue
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a recorded cp949 file is data, not our words
        for number, line in enumerate(text.splitlines(), 1):
            if found := pattern.search(line):
                yield f"{name}:{number}: {found.group()!r}"


def uneven_rooms(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """Every provider has the same rooms and at most four more; all of them once it offers tools."""
    providers: dict[str, set[str]] = {}
    for file in files:
        parts = file.relative_to(root).parts
        if parts[:3] == ("src", "dari", "providers") and len(parts) > 4:  # noqa: PLR2004  # a file inside a provider
            providers.setdefault(parts[3], set()).add(parts[4].removesuffix(".py"))
    for name, found in sorted(providers.items()):
        extra = found - ROOMS - {"__init__", "__pycache__"}
        if len(extra) > MOST_EXTRA_ROOMS:
            told = ", ".join(sorted(extra))
            yield f"providers/{name}: {len(extra)} rooms of its own ({told}), at most {MOST_EXTRA_ROOMS}"
        wanted = ROOMS - ({"simulator"} if name in WITHOUT_SIMULATOR else set())
        if "tools" in found and (missing := wanted - found):
            yield f"providers/{name}: no {', '.join(sorted(missing))}"
        if name in WITHOUT_SIMULATOR and "simulator" in found:
            yield f"providers/{name}: its upstream is a service of ours, not a simulator"


def hidden_network(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """No connection is opened outside the network rooms through a module that also has pure parts."""
    for name, tree in _sources(root, files):
        if NETWORK_ROOMS.search(name):
            continue
        for node in ast.walk(tree):
            for asked in _network_of(node):
                yield f"{name}:{getattr(node, 'lineno', 0)}: {asked}"


def _network_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in NETWORK_MODULES)
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        yield from sorted(names & NETWORK_MODULES)
        yield from (alias.name for alias in node.names if alias.name in NETWORK_CALLS)
    elif isinstance(node, ast.Attribute) and node.attr in NETWORK_CALLS:
        yield node.attr


def bare_silencers(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """A silenced check names its rule and has its reason beside it, once in a file for each rule."""
    silencer = re.compile(
        r"#\s*(?P<rule>(?:noqa|type:\s*ignore|pragma:\s*no cover|fmt:\s*off)"
        r"(?::\s*[A-Z]+\d+(?:, *[A-Z]+\d+)*|\[[\w, -]+\])?)(?P<why>.*)"
    )
    for file in files:
        name = file.relative_to(root).as_posix()
        if file.suffix != ".py" or name == Path(__file__).relative_to(ROOT).as_posix():
            continue
        told: set[str] = set()
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            for found in silencer.finditer(line):
                if len(found["why"].strip(" -—–#:·")) >= LEAST_REASON:
                    told.add(found["rule"])
                elif found["rule"] not in told:
                    yield f"{name}:{number}: {found['rule']} without its reason"


def unordered_cases(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """No test takes its cases from a set: two processes would collect them in two orders."""
    for name, tree in _sources(root, files, "tests/"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "parametrize":
                cases = [*node.args[1:2], *(one.value for one in node.keywords if one.arg == "argvalues")]
                listed = [one.value if isinstance(one, ast.Starred) else one for case in cases for one in _items(case)]
                if any(isinstance(one, (ast.Set, ast.SetComp)) for one in listed):
                    yield f"{name}:{node.lineno}: cases from a set"


def _items(case: ast.expr) -> list[ast.expr]:
    """A list's starred parts, or the expression itself: a set inside one case is a value, not an order."""
    if isinstance(case, (ast.List, ast.Tuple)):
        return [one for one in case.elts if isinstance(one, ast.Starred)]
    return [case]


def _sources(root: Path, files: Iterable[Path], under: str = "src/") -> Iterator[tuple[str, ast.Module]]:
    for file in files:
        name = file.relative_to(root).as_posix()
        if file.suffix == ".py" and name.startswith(under):
            yield name, ast.parse(file.read_text("utf-8"), name)


Law = Callable[[Path, Iterable[Path]], Iterator[str]]
LAWS: Final[tuple[Law, ...]] = (
    too_long,
    borrowed_names,
    told_places,
    forbidden_words,
    uneven_rooms,
    hidden_network,
    bare_silencers,
    unordered_cases,
)


def breaches(root: Path = ROOT) -> list[str]:
    """Every breach of every law in the project at `root`."""
    files = tracked(root)
    return [f"{law.__name__}: {line}" for law in LAWS for line in law(root, files)]


def main() -> int:
    """Print what is broken."""
    found = breaches()
    print("\n".join(found) or "the house stands")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
