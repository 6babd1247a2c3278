"""A process that plans an order, says so, waits for a word, and applies it: made to be killed (proof order-kills)."""

from __future__ import annotations

import asyncio
import json
import sys

from dari.app.runtime import Runtime
from dari.core.clock import RunningClock
from dari.settings import resolve
from tests.support import MORNING


async def main() -> None:
    async with Runtime(resolve(), clock=RunningClock(MORNING, 0.0)) as runtime:
        _, dispatch = runtime.server("kis-trade")
        order = {"side": "buy", "symbol": "005930", "quantity": 1, "price": 60_000}
        outcome = await dispatch.call("plan_order", order, runtime.caller())
        print(json.dumps(outcome.structured, ensure_ascii=False), flush=True)
        plan = {name: outcome.structured[name] for name in ("plan_id", "fingerprint")}
        await asyncio.to_thread(sys.stdin.readline)
        outcome = await dispatch.call("apply_plan", plan, runtime.caller())
        print(json.dumps(outcome.structured, ensure_ascii=False), flush=True)


asyncio.run(main())
