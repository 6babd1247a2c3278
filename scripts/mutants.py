"""`python -m scripts.mutants [ROOM …] --count 300 --seed 1`: change one thing, and see whether the room's tests notice.

Drawn by seed from what `ast` finds in the room: comparisons, arithmetic, and/or, not, numbers, True/False, a `return`
that returns nothing. Each mutant runs in a copy of the project, in a fork of one process that has imported everything
but Dari (`scripts.mutants_fork`), with the room's own tests only; nothing of the working tree is touched. Prints a line
a survivor and, last, the share; exit code 1 above `--most` (5 %). `--write` records it for docs/reference/mutants.md,
`--survivors` runs only what is recorded as having survived.
A driver of our own: mutmut and cosmic-ray select by file and not by seed, and neither runs one room's tests a mutant.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from scripts.mutants_fork import DRIVER_FAILED
from scripts.mutants_page import FOUND, RoomRun, found_rooms, mutants_page, name_of

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "reference" / "mutants.md"
ROOMS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "pacing": (
        ("src/dari/upstream/pacing.py",),
        ("tests/unit/upstream/test_pacing.py", "tests/unit/upstream/test_shared_ring.py"),
    ),
    "cache": (("src/dari/upstream/cache.py",), ("tests/unit/upstream/test_cache.py",)),
    "retry": (("src/dari/upstream/retry.py",), ("tests/unit/upstream/test_retry.py",)),
    "breaker": (("src/dari/upstream/breaker.py",), ("tests/unit/upstream/test_breaker.py",)),
    "plans": (
        ("src/dari/serving/plans",),
        ("tests/unit/serving/test_plans.py", "tests/unit/serving/test_plans_kept.py"),
    ),
    "dispatch": (("src/dari/serving/dispatch.py",), ("tests/unit/serving/test_dispatch.py",)),
    "receipts": (
        ("src/dari/providers/naramarket/crawler/book.py",),
        ("tests/unit/naramarket/test_book_account.py", "tests/unit/naramarket/test_book.py"),
    ),
    "ledger": (
        ("src/dari/services/payments/ledger.py", "src/dari/services/payments/bookkeeper.py"),
        ("tests/unit/services_payments/test_ledger.py", "tests/unit/services_payments/test_pipeline.py"),
    ),
    "reconciliation": (
        ("src/dari/services/monitoring/reconciliation",),
        (
            "tests/unit/services_monitoring/test_reconciliation_rows.py",
            "tests/unit/services_monitoring/test_reconciliation_topics.py",
        ),
    ),
}
"""What is mutated, and the tests that must notice."""

COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COUNTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: in which file, at which line, what was there and what stands there now."""

    file: str
    line: int
    was: str
    now: str
    within: str
    source: str

    @property
    def name(self) -> str:
        """What it is called wherever its line has moved."""
        return name_of(self.was, self.now, self.within)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: `{self.was}` → `{self.now}`"


def changed(node: ast.AST) -> ast.AST | None:  # noqa: PLR0911 -- a table of kinds, one line each
    """The node with one thing changed, or None where there is nothing to change."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        return ast.Compare(node.left, [COMPARED[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    if isinstance(node, ast.BinOp) and type(node.op) in COUNTED:
        return ast.BinOp(node.left, COUNTED[type(node.op)](), node.right)
    if isinstance(node, ast.BoolOp):
        return ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return ast.Constant(not node.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return ast.Constant(node.value + 1)
    if isinstance(node, ast.Return) and node.value is not None and not _is_nothing(node.value):
        return ast.Return(ast.Constant(None))
    return None


def _is_nothing(node: ast.expr) -> bool:
    """None, or False, which is told from it nowhere."""
    return isinstance(node, ast.Constant) and (node.value is None or node.value is False)


def _unseen(node: ast.AST) -> list[ast.AST]:
    """What no test can see: annotations, and how a class is made (frozen, slots)."""
    told = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    told += node.decorator_list if isinstance(node, ast.ClassDef) else []
    return [one for one in told if isinstance(one, ast.AST)]


def mutants(file: Path, root: Path = ROOT) -> Iterator[Mutant]:
    """Every mutant of a file, by line. What no test can see is left alone."""
    text = file.read_text("utf-8")
    tree, lines = ast.parse(text), text.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    quiet = {id(one) for node in ast.walk(tree) for told in _unseen(node) for one in ast.walk(told)}
    for node in ast.walk(tree):
        if id(node) in quiet or not (other := changed(node)):
            continue
        assert isinstance(node, ast.expr | ast.stmt)
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        was, raw = text.encode()[begin:end].decode(), text.encode()
        now = ast.unparse(ast.fix_missing_locations(other))
        now = now if isinstance(node, ast.stmt) else f"({now})"
        source = (raw[:begin] + now.encode() + raw[end:]).decode()
        try:
            ast.parse(source)
        except SyntaxError:  # a part of an f-string
            continue
        within = lines[node.lineno - 1].decode().strip()
        yield Mutant(file.relative_to(root).as_posix(), node.lineno, _short(was), _short(now), within, source)


def _short(text: str) -> str:
    return " ".join(text.split())[:80]


def every(room: str) -> list[Mutant]:
    """All mutants of a room, in the order they are drawn from."""
    files = [found for place in ROOMS[room][0] for found in _files(ROOT / place)]
    return sorted((one for file in files for one in mutants(file)), key=lambda one: (one.file, one.line, one.was))


def drawn(room: str, count: int, seed: int) -> list[Mutant]:
    """`count` mutants of a room, or all there are."""
    there = every(room)
    return random.Random(seed).sample(there, min(count, len(there)))  # noqa: S311 -- a draw that can be repeated


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


class Server:
    """The process that forks: one answer a question, each a JSON line."""

    def __init__(self, copy: Path) -> None:
        places = {**os.environ, "PYTHONPATH": f"{copy / 'src'}{os.pathsep}{copy}"}
        command = [sys.executable, "-m", "scripts.mutants_fork"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=copy, env=places, stdin=pipe, stdout=pipe, text=True)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """How the run ended: `code` (null: cut off), `seconds`, `cpu`. Raises RuntimeError when the driver broke."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline() or "{}")
        if told.get("code", DRIVER_FAILED) == DRIVER_FAILED:
            raise RuntimeError(f"no verdict: {told}")
        return told

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)


@contextmanager
def serving(room: str) -> Iterator[Server]:
    """A server in a copy of the project, whose unchanged room has passed its tests."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        left = shutil.ignore_patterns(".git", ".cache", ".venv", "__pycache__", "node_modules")
        for name in ("src", "tests", "scripts"):
            shutil.copytree(ROOT / name, copy / name, ignore=left)
        shutil.copy(ROOT / "pyproject.toml", copy)
        server = Server(copy)
        try:
            places = [file.relative_to(ROOT).as_posix() for place in ROOMS[room][0] for file in _files(ROOT / place)]
            unchanged = server.ask({"files": places, "tests": ROOMS[room][1]})
            if unchanged["code"] != 0:
                raise RuntimeError(f"the tests of {room} do not pass with nothing changed")
            print(f"{room}: unchanged, the tests take {unchanged['seconds']:.1f} s", flush=True)
            yield server
        finally:
            server.close()


def run(room: str, chosen: list[Mutant]) -> tuple[list[Mutant], float]:
    """Who survives, and the CPU seconds of all together."""
    alive, cpu = [], 0.0
    with serving(room) as server:
        for number, mutant in enumerate(chosen, start=1):
            end = server.ask({"file": mutant.file, "source": mutant.source})
            cpu += end["cpu"]
            if end["code"] == 0:
                alive.append(mutant)
            if end["code"] in (0, None):
                word = "survives" if end["code"] == 0 else "cut off, so noticed"
                print(f"{word} {number}/{len(chosen)}: {mutant} in `{mutant.within}`", flush=True)
    return alive, cpu


def told(room: str, asked: argparse.Namespace) -> RoomRun:
    """Draw, run, and what the page says of it."""
    before = found_rooms().get(room)
    chosen = drawn(room, asked.count, asked.seed)
    if asked.survivors:
        if before is None or not before["survivors"]:
            raise SystemExit(f"{room}: none on record")
        left = {(one["file"], one["name"]) for one in before["survivors"]}
        chosen = [one for one in every(room) if (one.file, one.name) in left]
    alive, cpu = run(room, chosen)
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    fresh: dict[str, Any] = {"mutants": len(chosen), "of": len(every(room)), "seed": asked.seed}
    fresh["cpu"] = round(cpu / len(chosen), 2)
    drew = before if asked.survivors and before else fresh
    return {
        "mutants": drew["mutants"],
        "of": drew["of"],
        "seed": drew["seed"],
        "cpu": drew["cpu"],
        "date": datetime.now(UTC).date().isoformat(),
        "commit": subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip(),
        "survivors": [
            {"file": one.file, "line": one.line, "name": one.name}
            for one in sorted(alive, key=lambda one: (one.file, one.line))
        ],
    }


def main(words: list[str]) -> int:
    """Draw, run, tell."""
    parser = argparse.ArgumentParser(prog="scripts.mutants")
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"{', '.join(ROOMS)}; all when none is named")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=float, default=0.05)
    parser.add_argument("--survivors", action="store_true", help="only those recorded as having survived")
    parser.add_argument("--write", action="store_true", help="record it, and write docs/reference/mutants.md")
    asked = parser.parse_args(words)
    if strange := set(asked.rooms) - set(ROOMS):
        parser.error(f"no such room: {', '.join(sorted(strange))}")
    ran, alive = 0, 0
    if asked.survivors and not asked.rooms:
        asked.rooms = [room for room, one in found_rooms().items() if one["survivors"]]
    for room in asked.rooms or ROOMS:
        one = told(room, asked)
        ran, alive = ran + one["mutants"], alive + len(one["survivors"])
        print(f"{room}: {one['mutants']} of {one['of']} mutants, seed {one['seed']}: {len(one['survivors'])} survive;"
              f" {one['cpu']} s CPU each", flush=True)  # fmt: skip
        if asked.write:
            FOUND.write_text(json.dumps({**found_rooms(), room: one}, ensure_ascii=False, indent=1) + "\n", "utf-8")
            PAGE.write_text(mutants_page(), "utf-8")
    share = alive / ran if ran else 0.0
    print(f"{ran} mutants, {alive} survive ({share:.1%})")
    return 0 if share <= asked.most else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
