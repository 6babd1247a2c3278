"""`dari stack`: the real parts of the payment system as private programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dari.app.payment_stack import stack_of
from dari.app.setting_up import settings_of
from dari.cli.printing import FAULT, OK, document, fail
from dari.core.errors import DariError

MARKS = {"well": "✅", "ill": "❌", "paused": "⏸", "stopped": "·", "absent": "—"}


def act(
    verb: str,
    parts: Sequence[str],
    *,
    folder: Path | None,
    brokers: int | None = None,
    hard: bool = False,
    as_json: bool = False,
) -> None:
    """Do one of up, down, status, pause, resume, show the parts, and leave with 0, or 1 where a part is ill."""
    began = time.perf_counter()
    try:
        stack = stack_of(settings_of(), folder, brokers)
        if verb == "up":
            states = stack.up(
                parts, lambda name: None if as_json else _said(f"{name} {time.perf_counter() - began:.1f} s")
            )
        else:
            if verb == "down":
                stack.down(parts, hard=hard)
            elif verb != "status":
                getattr(stack, verb)(parts)
            states = stack.status()
    except DariError as error:
        raise SystemExit(fail(error, as_json=as_json)) from None
    seconds = round(time.perf_counter() - began, 2)
    rows = [{"part": one.part, "state": one.state, "port": one.port, "pid": one.pid, "how": one.how} for one in states]
    settings = stack.addresses() if any(one.state == "well" for one in states) else {}
    if as_json:
        document({"folder": str(stack.folder), "seconds": seconds, "parts": rows, "settings": settings})
    else:
        _shown(rows, settings, f"{stack.folder} ({seconds:.1f} s)")
    raise SystemExit(FAULT if any(one.state == "ill" for one in states) else OK)


def _said(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _shown(rows: Sequence[dict[str, Any]], settings: dict[str, str], title: str) -> None:
    table = Table(title=title)
    for column in ("part", "state", "port", "pid", "how to get it"):
        table.add_column(column)
    for row in rows:
        state = f"{MARKS[row['state']]} {row['state']}"
        table.add_row(row["part"], state, str(row["port"] or ""), str(row["pid"] or ""), row["how"] or "")
    console = Console()
    console.print(table)
    for name, value in settings.items():
        console.print(f"{name}={value}", highlight=False, soft_wrap=True)
