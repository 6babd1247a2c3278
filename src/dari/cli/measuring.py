"""`dari bench NAME`: run a measurement and tell its figures; exit code 1 when one is outside its limit."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dari.cli.bench import report
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
        "ranking-cost": "dari.cli.bench.ranking_cost",
        "call-endpoint": "dari.cli.bench.endpoint_call",
        "code-search": "dari.cli.bench.code_search",
        "crawl": "dari.cli.bench.crawl",
        "parquet": "dari.cli.bench.parquet",
        "diagnosis": "dari.cli.bench.diagnosis",
        "memory": "dari.cli.bench.memory",
    }
)


async def bench(
    name: str, *, as_json: bool, long: bool, questions: Path | None = None, write: bool = False, compare: bool = False
) -> int:
    """Measure `name` (or `all`) and print it. `questions` is another question set for code-search.

    `write` puts what `all` found into docs/reference/performance.md; `compare` measures again what is worse than the
    figures there, and fails only for what stays worse.
    """
    if questions is not None and name != "code-search":
        raise InvalidInput("--questions is for the bench code-search")
    if write and (name != "all" or compare):
        raise InvalidInput("--write is for `dari bench all`, without --compare: a page has every figure of one run")
    if name != "all" and name not in BENCHES:
        names = ", ".join(BENCHES)
        raise NotFound(f"there is no bench {name[:40]!r}", hint=Hint(f"목록: {names}", f"There are: {names}, all"))
    than = report.committed() if compare else {}
    more = {"questions": questions} if questions is not None else {}
    found: list[Measured] = []
    lost: list[report.Regression] = []
    for one in BENCHES if name == "all" else (name,):
        told = await _measured(one, long=long, **more)
        lost += await _steadily_worse(one, told, than, long=long, **more)
        found += told
    if as_json:
        document({"figures": [one.as_dict() for one in found], "worse": [str(one) for one in lost]})
    else:
        Console().print(_table(found))
        for regression in lost:
            sys.stdout.write(f"worse than committed, {report.TIMES} times: {regression}\n")
    if write:
        (report.ROOT / report.PAGE).write_text(report.written(found), encoding="utf-8")
    if compare:
        return FAULT if lost else OK  # limits are for `make bench`: here only what became worse counts
    return OK if all(one.within for one in found) else FAULT


async def _steadily_worse(
    name: str, told: list[Measured], than: Mapping[str, Mapping[str, Any]], *, long: bool, **more: Any
) -> list[report.Regression]:
    """What is worse than committed in this measurement and in every further one."""
    steady = {one.name: one for one in report.worse(told, than)}
    for _ in range(report.TIMES - 1):
        if not steady:
            break
        again = {one.name: one for one in report.worse(await _measured(name, long=long, **more), than)}
        steady = {one: again[one] for one in steady if one in again}
    return list(steady.values())


async def _measured(name: str, *, long: bool, **more: Any) -> list[Measured]:
    measure: Measure = import_module(BENCHES[name]).measure
    return await measure(long=long, **more)


def _table(found: list[Measured]) -> Table:
    table = Table("figure", "ours", "floor", "ratio", "limit", "")
    for one in found:
        mark = "✓" if one.within else "✗"
        ours, floor = f"{one.figure:g} {one.unit}", f"{one.floor:g}"
        table.add_row(one.name, ours, floor, f"{one.ratio:g}", f"{one.limit:g}", mark)
    return table
