"""`dari crawl`: a whole period of a procurement operation, with a progress bar, safe to stop with Ctrl-C."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from datetime import date, timedelta
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from dari.app.naramarket import desk_of
from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.cli.printing import FAULT, OK, document, line
from dari.core.errors import InvalidInput

PROVIDER: Final = "naramarket"


async def crawl(
    operation: str | None,
    *,
    start: str | None,
    end: str | None,
    by: str | None,
    resume: str | None,
    filters: dict[str, str],
    as_json: bool,
    simulated: bool,
    seed: int,
) -> int:
    """Plan and read, or go on with `resume`. The exit code is 0 only where nothing is missing."""
    async with Runtime(settings_of(), simulated=simulated, seed=seed) as runtime:
        desk = desk_of(runtime.client_of(PROVIDER))
        if resume is None:
            if operation is None:
                raise InvalidInput("name an operation (dari call naramarket search_operations query=…), or --resume ID")
            last = _day(end) if end else desk.now().date()
            first = _day(start) if start else last - timedelta(days=29)
            plan = await desk.plan(operation, by, first, last, filters)
            resume = await desk.begin(plan)
            left = max(0, plan.quota - plan.spent_today)
            if not as_json:
                sys.stderr.write(
                    f"{plan.endpoint.title}: {first} ~ {last}, {len(plan.windows)} windows, {left:,} calls left today\n"
                    f"dari crawl --resume {resume}\n"
                )
            last_progress = await _read(desk, resume, quiet=as_json, left=left)
        else:
            last_progress = await _read(desk, resume, quiet=as_json, left=None, again=True)
        success = await desk.success(resume)
        receipts, row, calls = await desk.on(
            lambda book: (book.receipts(resume), book.crawl(resume), book.calls(resume))
        )
        told = {
            "crawl": resume,
            "state": row.state,
            "success": success,
            "rows": sum(one.get("distinct", 0) for one in receipts),
            "calls": calls,
            "receipts": receipts,
            "resume_not_before": last_progress.resume_not_before if last_progress else None,
            "reason": last_progress.reason if last_progress else "",
        }
    if as_json:
        document(told)
    else:
        _shown(told)
    return OK if success else FAULT


async def _read(desk: Any, crawl: str, *, quiet: bool, left: int | None, again: bool = False) -> Any:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows · {task.fields[calls]:,} calls{task.fields[left]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    last, console = None, Console(stderr=True)  # stdout is the answer's
    with Progress(*columns, disable=quiet or not console.is_terminal, console=console) as bar:
        task = bar.add_task(crawl, total=None, rows=0, calls=0, left="")
        pages = 0
        async with aclosing(desk.run(crawl, again=again)) as told:
            try:
                async for last in told:
                    pages += 1
                    told_left = "" if left is None else f" · {max(0, left - last.calls):,} left today"
                    bar.update(
                        task,
                        completed=pages,
                        total=pages + last.pages_left + last.in_flight,
                        rows=last.rows,
                        calls=last.calls,
                        left=told_left,
                    )
            except asyncio.CancelledError:
                sys.stderr.write(f"\nstopped; nothing read is lost: dari crawl --resume {crawl}\n")
                raise
    return last


def _shown(told: dict[str, Any]) -> None:
    line(f"{told['crawl']}: {told['state']}, {told['rows']:,} rows, {sum(told['calls'].values()):,} calls")
    rows = [
        (
            f"{one.get('start', '')[:10]} ~ {one.get('end', '')[:10]}",
            str(one["state"]),
            f"{one.get('distinct', 0):,}",
            f"{one['expected']:,}" if isinstance(one.get("expected"), int) else "?",
            str(one.get("gap", "")),
        )
        for one in told["receipts"]
    ]
    console = Console()
    if console.is_terminal and rows:
        table = Table("days", "state", Column("rows", justify="right"), Column("expected", justify="right"), "gap")
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    else:
        for days, state, count, expected, gap in rows:
            line(f"  {days}  {state:<8} {count} of {expected}  {gap}")
    again = f"dari crawl --resume {told['crawl']}"
    if told["resume_not_before"]:
        line(f"the calls of today are spent; go on after {told['resume_not_before']}: {again}")
    elif not told["success"]:
        line(f"not complete{': ' + told['reason'] if told['reason'] else ''}: {again}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"a day is written YYYY-MM-DD, not {text[:20]!r}") from None
