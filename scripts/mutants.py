"""`python -m scripts.mutants ROOM --count 60 --seed 1`: change one thing, and see whether the room's tests notice.

Drawn by seed from what `ast` finds in the room: comparisons, arithmetic, and/or, not, numbers, True/False, a `return`
that returns nothing. Each mutant runs in a copy of the project, one process, with the room's own tests only; nothing of
the working tree is touched. Prints a line a survivor and, last, the share; exit code 1 above `--most` (5 %).
A driver of our own: mutmut and cosmic-ray select by file and not by seed, and neither runs one room's tests a mutant.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SECONDS: Final = 120.0
ROOMS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "pacing": (("src/dari/upstream/pacing.py",), ("tests/unit/upstream/test_pacing.py",)),
    "cache": (("src/dari/upstream/cache.py",), ("tests/unit/upstream/test_cache.py",)),
    "retry": (("src/dari/upstream/retry.py",), ("tests/unit/upstream/test_retry.py",)),
    "breaker": (("src/dari/upstream/breaker.py",), ("tests/unit/upstream/test_breaker.py",)),
    "plans": (("src/dari/serving/plans",), ("tests/unit/serving/test_plans.py",)),
    "dispatch": (("src/dari/serving/dispatch.py",), ("tests/unit/serving/test_dispatch.py",)),
    "receipts": (
        ("src/dari/providers/naramarket/crawler/book.py",),
        ("tests/unit/naramarket/test_book.py", "tests/unit/naramarket/test_crawl_completeness.py"),
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
    source: str

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
        yield Mutant(file.relative_to(root).as_posix(), node.lineno, was[:80], now[:80], source)


def drawn(room: str, count: int, seed: int) -> list[Mutant]:
    """`count` mutants of a room, or all there are."""
    files = [found for place in ROOMS[room][0] for found in _files(ROOT / place)]
    every = sorted((one for file in files for one in mutants(file)), key=lambda one: (one.file, one.line, one.was))
    return random.Random(seed).sample(every, min(count, len(every)))  # noqa: S311 -- a draw that can be repeated


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def survives(mutant: Mutant, copy: Path, tests: tuple[str, ...]) -> bool:
    """Whether the tests pass with it. A run that takes too long has noticed."""
    place = copy / mutant.file
    before = place.read_text("utf-8")
    place.write_text(mutant.source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *tests]
    places = {**os.environ, "PYTHONPATH": f"{copy / 'src'}{os.pathsep}{copy}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=places, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    finally:
        place.write_text(before, encoding="utf-8")
    return done.returncode == 0


def main(words: list[str]) -> int:
    """Draw, run, tell."""
    parser = argparse.ArgumentParser(prog="scripts.mutants")
    parser.add_argument("room", choices=sorted(ROOMS))
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=float, default=0.05)
    asked = parser.parse_args(words)
    chosen = drawn(asked.room, asked.count, asked.seed)
    alive = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        left = shutil.ignore_patterns(".git", ".cache", ".venv", "__pycache__", "node_modules")
        for name in ("src", "tests", "scripts"):
            shutil.copytree(ROOT / name, copy / name, ignore=left)
        shutil.copy(ROOT / "pyproject.toml", copy)
        for number, mutant in enumerate(chosen, start=1):
            if survives(mutant, copy, ROOMS[asked.room][1]):
                alive.append(mutant)
                print(f"survives {number}/{len(chosen)}: {mutant}", flush=True)
    share = len(alive) / len(chosen) if chosen else 0.0
    print(f"{asked.room}: {len(chosen)} mutants of seed {asked.seed}, {len(alive)} survive ({share:.1%})")
    return 0 if share <= asked.most else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
