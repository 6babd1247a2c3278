"""`dari status`, `dari logs` and `dari audit`: what was asked, what went wrong, who did what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dari.app import observing
from dari.app.places import Places
from dari.app.setting_up import settings_of
from dari.cli.printing import FAULT, OK, document, line
from dari.core.clock import SystemClock
from dari.core.errors import NotFound
from dari.serving import audit_reading, log_reading


def _places() -> Places:
    return Places.of(settings_of().text("DARI_HOME"))


async def status(*, as_json: bool) -> None:
    """What all processes of this user counted in a day."""
    told = await observing.status(_places(), SystemClock())
    if as_json:
        document(told)
        return
    title = (
        f"{told['total_requests']:,} requests · {told['average_response_time']:.3f} s · "
        f"{told['cache_hit_rate']:.1f} % from cache"
    )
    table = Table(title=title)
    for column in ("tool", "count", "mean s", "cached %", "errors"):
        table.add_column(column)
    for name, one in told["tool_statistics"].items():
        errors = ", ".join(f"{code} {count}" for code, count in one["errors"].items())
        table.add_row(name, f"{one['count']:,}", f"{one['average_time']:.3f}", f"{one['cache_hit_rate']:.1f}", errors)
    Console().print(table)


def logs(file: Path, *, as_json: bool) -> None:
    """The sum over a log. Raises NotFound."""
    if not file.is_file():
        raise NotFound(f"there is no file {file.name!r}")
    with file.open(encoding="utf-8", errors="replace") as lines:
        told = log_reading.summarised(lines)
    if as_json:
        document(told)
        return
    calls: Mapping[str, Any] = told["api_call_stats"]
    line(f"errors {told['error_count']:,} · unusual volumes {told['unusual_volume_count']:,}")
    if calls:
        line(f"calls {calls['total_calls']:,}: mean {calls['average_duration']:.3f} s, "
             f"{calls['min_duration']:.3f} to {calls['max_duration']:.3f} s")  # fmt: skip
    for name, one in told["endpoints"].items():
        line(f"  {name}: {one['total_calls']:,}, mean {one['average_duration']:.3f} s")
    if told["cache_hit_rate"] is not None:
        line(f"from cache {told['cache_hit_rate']:.1f} %")
    for text in told["recent_errors"]:
        line(f"  ! {text}")


def verify(*, as_json: bool) -> int:
    """Look at every line of the audit; exit code 1 where one was touched."""
    faults = list(audit_reading.verified(_places().state / "audit"))
    if as_json:
        document({"intact": not faults, "faults": [asdict(one) for one in faults]})
    elif not faults:
        line("the audit is intact")
    else:
        for one in faults:
            line(f"{one.file}:{one.line}: {one.what}")
    return FAULT if faults else OK


def tail(count: int, *, as_json: bool) -> None:
    """The newest lines of all processes."""
    found = audit_reading.newest(_places().state / "audit", count)
    if as_json:
        document(found)
        return
    for one in found:
        who = f"{one['tenant']}/{one['caller']}" if one.get("tenant") else one.get("caller", "?")
        what = f"{one.get('effect', '?'):<6} {one.get('tool', '?')} {one.get('outcome', '?')}"
        line(f"{one.get('at', '')[:19]} {who} {what}")
