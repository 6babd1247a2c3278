"""`dari bench NAME`: run a measurement and tell its figures; exit code 1 when one is outside its limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rich.console import Console
from rich.table import Table

from dari.cli.bench.shared import Measured
from dari.cli.printing import FAULT, OK, document
from dari.core.errors import Hint, InvalidInput, NotFound

Measure = Callable[..., Awaitable[list[Measured]]]

BENCHES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "overhead": "dari.cli.bench.overhead",
        "cold-start": "dari.cli.bench.cold_start",
        "pacing": "dari.cli.bench.pacing",
        "single-flight": "dari.cli.bench.single_flight",
        "code-search": "dari.cli.bench.code_search",
    }
)


async def bench(name: str, *, as_json: bool, long: bool, questions: Path | None = None) -> int:
    """Measure `name` (or `all`) and print it. `questions` is another question set for code-search."""
    if questions is not None and name != "code-search":
        raise InvalidInput("--questions is for the bench code-search")
    if name != "all" and name not in BENCHES:
        names = ", ".join(BENCHES)
        raise NotFound(f"there is no bench {name[:40]!r}", hint=Hint(f"목록: {names}", f"There are: {names}, all"))
    found: list[Measured] = []
    for one in BENCHES if name == "all" else (name,):
        measure: Measure = import_module(BENCHES[one]).measure
        found += await measure(long=long, **({"questions": questions} if questions is not None else {}))
    if as_json:
        document({"figures": [one.as_dict() for one in found]})
    else:
        Console().print(_table(found))
    return OK if all(one.within for one in found) else FAULT


def _table(found: list[Measured]) -> Table:
    table = Table("figure", "ours", "floor", "ratio", "limit", "")
    for one in found:
        mark = "✓" if one.within else "✗"
        ours, floor = f"{one.figure:g} {one.unit}", f"{one.floor:g}"
        table.add_row(one.name, ours, floor, f"{one.ratio:g}", f"{one.limit:g}", mark)
    return table
