"""`dari bench NAME`: run a measurement and tell its figures; exit code 1 when one is outside its limit."""

from __future__ import annotations

import sys
import time
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
        "payment-load": "dari.cli.bench.payment_load",
        "console": "dari.cli.bench.console",
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
    run = _Run(than, long=long, more=more)
    if name == "all":
        await run.everything()
    else:
        await run.one(name)
    if as_json:
        worse = [str(one) for one in run.lost]
        document({"figures": [one.as_dict() for one in run.found], "worse": worse, "failed": run.failed})
    else:
        Console().print(_table(run.found))
        for regression in run.lost:
            sys.stdout.write(f"worse than committed, {report.TIMES} times: {regression}\n")
    if write:
        (report.ROOT / report.PAGE).write_text(report.written(run.found, failed=run.failed), encoding="utf-8")
    # With --compare only what became worse counts; the limits are for a run without it.
    wrong = run.lost if compare else [one for one in run.found if not one.within]
    return FAULT if wrong or run.failed else OK


class _Run:
    """Measurements one after the other: what was found, what is steadily worse, and what ended without a figure."""

    def __init__(self, than: Mapping[str, Mapping[str, Any]], *, long: bool, more: Mapping[str, Any]) -> None:
        self.found: list[Measured] = []
        self.lost: list[report.Regression] = []
        self.failed: dict[str, str] = {}
        self._than = than
        self._long = long
        self._more = more

    async def everything(self) -> None:
        """All of them, told to the person who waits; one that fails does not cost the others, which took minutes."""
        for number, name in enumerate(BENCHES, start=1):
            began, before = time.monotonic(), len(self.found)
            try:
                await self.one(name)
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is told, and the exit code says it
                self.failed[name] = f"{type(error).__name__}: {error}"[:200]
            seconds = time.monotonic() - began
            _progress(f"{number}/{len(BENCHES)} {name}", seconds, self.found[before:], self.failed.get(name))

    async def one(self, name: str) -> None:
        """One bench, and again where a figure of it is worse than committed."""
        told = await self._measured(name)
        self.found += told
        steady = {one.name: one for one in report.worse(told, self._than)}
        for _ in range(report.TIMES - 1):
            if not steady:
                break
            again = {one.name: one for one in report.worse(await self._measured(name), self._than)}
            steady = {one: again[one] for one in steady if one in again}
        self.lost += steady.values()

    async def _measured(self, name: str) -> list[Measured]:
        measure: Measure = import_module(BENCHES[name]).measure
        return await measure(long=self._long, **self._more)


def _progress(what: str, seconds: float, found: list[Measured], failed: str | None) -> None:
    """One line to a person who waits, beside what is read by programs."""
    said = failed or ", ".join(f"{one.name} {one.figure:g} {one.unit}{'' if one.within else ' ✗'}" for one in found)
    sys.stderr.write(f"[{what}, {seconds:.0f} s] {said}\n")
    sys.stderr.flush()


def _table(found: list[Measured]) -> Table:
    table = Table("figure", "ours", "floor", "ratio", "limit", "")
    for one in found:
        mark = "✓" if one.within else "✗"
        ours, floor = f"{one.figure:g} {one.unit}", f"{one.floor:g}"
        table.add_row(one.name, ours, floor, f"{one.ratio:g}", f"{one.limit:g}", mark)
    return table
