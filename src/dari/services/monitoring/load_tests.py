"""A load test from its start to the books: run, let the backlog drain, reconcile, and note all of it in the result."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from dari.services.monitoring.operating import Going, Load, Operator

DRAINING: Final = 60.0
"""Seconds a backlog may take after a run before the books are read with some of it on its way."""
LOOK: Final = 0.5
STANDING: Final = 6
"""So many looks without any progress: it will not drain."""
LOG: Final = logging.getLogger("dari.monitoring")
Reconcile = Callable[[], Awaitable[Mapping[str, Any]]]


async def conduct(operator: Operator, load: Load, file: Path, going: Going, *, reconcile: Reconcile) -> None:
    """Never raises but for cancellation: how it went is in `going` and, under `dari`, in the result's file."""
    going.runner, run = operator.runner(load.runner)
    try:
        await run(load, file, going)
        going.status = "checking"
        going.ledger = await books(reconcile)
        noted = {
            "scenario": load.scenario,
            "runner": going.runner,
            "target": load.target,
            "rate": load.rate,
            "seconds": load.seconds,
            "capture": load.capture,
            "refund": load.refund,
            "stopped": going.stop,
            "ledger": going.ledger,
        }
        await asyncio.to_thread(_note, file, noted)
        going.status = "stopped" if going.stop else "ended"
    except Exception as error:  # noqa: BLE001 — a run of its own: what went wrong is told where it is asked for
        LOG.warning("load test: %r", error)
        going.status, going.reason = "failed", str(error)[:300]


async def books(reconcile: Reconcile) -> dict[str, Any]:
    """The invariants once nothing is on its way, or nothing moves, or a minute passed: `{status, findings, …}`."""
    until, least, still = time.monotonic() + DRAINING, math.inf, 0
    while True:
        said = await reconcile()
        under_way = (said.get("unpublished") or 0) + (said.get("waitingInConsumers") or 0)
        still = 0 if under_way < least else still + 1
        least = min(least, under_way)
        if not under_way or said["status"] == "unknown" or still >= STANDING or time.monotonic() >= until:
            break
        await asyncio.sleep(LOOK)
    return {
        "status": said["status"],
        "payments": said.get("checked", {}).get("payments"),
        "findings": said["findingCount"],
        "byInvariant": said["byInvariant"],
        "stillOnItsWay": under_way if said["status"] != "unknown" else None,
        "unknown": said["unknown"],
    }


def _note(file: Path, noted: Mapping[str, Any]) -> None:
    said = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**said, "dari": dict(noted)}, ensure_ascii=False), encoding="utf-8")
