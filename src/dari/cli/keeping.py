"""`dari days`: the day store that the rankings read: how far it is, and filling it with a progress bar."""

from __future__ import annotations

import sys
from contextlib import aclosing
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dari.app.kept_days import WINDOW, KeptDays
from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.cli.printing import FAULT, OK, document, line
from dari.core.errors import Hint, InvalidInput, NotAllowed
from dari.stores.filling import Filling

MOST_DAYS = 1_000


async def fill(*, source: str, days: int, as_json: bool, simulated: bool, seed: int) -> int:
    """Take what is missing; the exit code is 0 only where every published day is there."""
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(f"--days is a number from 1 to {MOST_DAYS}")
    async with Runtime(settings_of(), simulated=simulated, seed=seed) as runtime:
        kept = runtime.joining.days
        filling = kept.filling(source, days)
        try:
            calls = await _shown(filling, quiet=as_json)
        except Filling:
            hint = Hint("끝날 때까지 기다린 뒤 dari days status로 확인하세요.", "Wait for it; dari days status tells.")
            raise NotAllowed("another process is filling the day store now", hint=hint) from None
        told = _state(kept, days) | {"calls": calls}
    return _end(told, as_json=as_json)


async def status(*, as_json: bool, simulated: bool, seed: int) -> int:
    """What is kept."""
    async with Runtime(settings_of(), simulated=simulated, seed=seed) as runtime:
        told = _state(runtime.joining.days, WINDOW)
    return _end(told, as_json=as_json)


async def _shown(filling: Any, *, quiet: bool) -> int:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} · {task.fields[calls]} calls · {task.fields[what]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    calls = 0
    with Progress(*columns, disable=quiet) as bar:
        task = bar.add_task("dari days fill", total=None, calls=0, what="")
        async with aclosing(filling) as steps:
            async for one in steps:
                calls = one.calls
                bar.update(task, completed=one.done, total=one.total, calls=one.calls, what=one.what)
                for day in one.unpublished:
                    if not quiet:
                        sys.stderr.write(f"{day} is not published yet\n")
    return calls


def _state(kept: KeptDays, days: int) -> dict[str, Any]:
    there = kept.store.days()
    newest = kept.newest()
    missing = sorted({day for day, _ in kept.store.missing(newest, days)})
    ends = [line_["ended"] for line_ in kept.store.ledger() if "ended" in line_]
    return {
        "folder": str(kept.store.folder),
        "days": len(there),
        "newest": str(there[0]) if there else None,
        "oldest": str(there[-1]) if there else None,
        "published": str(newest),
        "missing": [str(day) for day in missing],
        "calls_ever": len(ends),
        "simulated": kept.simulated,
    }


def _end(told: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        document(told)
    else:
        span = f"{told['oldest']} ~ {told['newest']}" if told["days"] else "nothing"
        line(f"{told['days']} days kept: {span} ({told['folder']})")
        if told["missing"]:
            line(f"missing {len(told['missing'])} up to {told['published']}, the newest published: dari days fill")
    return FAULT if told["missing"] else OK
