"""What a crawl costs in upstream calls, beside the least that could have read its rows."""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from datetime import datetime
from typing import Any, Final

from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.cli.bench.shared import Measured
from dari.core.clock import KST, ManualClock
from dari.core.errors import Malformed
from dari.serving.dispatch import Dispatch

NOW: Final = datetime(2026, 11, 20, 10, 30, tzinfo=KST)
OPERATION: Final = "BidPublicInfoService.getBidPblancListInfoThng"
PAGE: Final = 999
"""Rows of a full page, as documented."""
START: Final = "2026-07-01"
LIMIT: Final = 1.05
PATIENCE: Final = 300.0


async def measure(*, long: bool) -> list[Measured]:
    """A quarter (`long`: half a year) of goods notices by the tools of the server, on a clock where waiting is free."""
    start = "2026-04-16" if long else START
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of({"DARI_HOME": folder})
        async with Runtime(settings, simulated=True, clock=ManualClock(NOW)) as runtime:
            _, dispatch = runtime.server("naramarket")
            told = await _crawled(runtime, dispatch, {"operation": OPERATION, "start": start, "end": "2026-09-30"})
    least = sum(max(1, math.ceil(one.get("expected", 0) / PAGE)) for one in told["receipts"])
    made = sum(told["calls"].values())
    return [
        Measured(
            name="crawl",
            figure=float(made),
            unit="upstream calls",
            floor=float(least),
            ratio=round(made / least, 3),
            limit=LIMIT,
            within=bool(told["success"]) and made <= LIMIT * least,
            more={
                "rows": told["rows"],
                "windows": told["windows"]["total"],
                "success": told["success"],
                "cpu_seconds_with_simulator": round(time.process_time() - began, 1),
            },
        )
    ]


async def _crawled(runtime: Runtime, dispatch: Dispatch, asked: dict[str, Any]) -> dict[str, Any]:
    """Plan, start, and wait for the end; the last status."""

    async def said(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        outcome = await dispatch.call(tool, arguments, runtime.caller())
        if outcome.error:
            raise Malformed(f"{tool} failed", upstream_text=outcome.text[:300])
        return dict(outcome.structured)

    await said("plan_crawl", asked)
    status = await said("start_crawl", asked)
    until = time.monotonic() + PATIENCE
    while status["state"] == "running" and time.monotonic() < until:
        await asyncio.sleep(0.1)
        status = await said("crawl_status", {"crawl_id": status["crawl"]["id"]})
    return status
