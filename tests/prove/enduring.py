"""The process of the endurance proof: `python -m tests.prove.enduring FOLDER SECONDS`, told as one JSON line.

What it asks are processes of their own, so that what it holds in the end is its own: simulators, and as
`python -m tests.prove.enduring payments FOLDER` a payment system, whose books grow with every payment.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import random
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

from dari.app import demonstration
from dari.app.payment_demo import payment_system
from dari.app.runtime import Runtime
from dari.app.servers import SERVERS
from dari.app.simulators import market_of
from dari.cli.bench.shared import Connection, child, tool_call
from dari.cli.gateway import gateway
from dari.core.errors import Malformed, Unreachable
from dari.serving.mcp_door import listening
from dari.serving.resident import resident_bytes
from dari.settings import resolve

ASKERS = 4
PAUSE_SECONDS = 0.1
"""Between two questions of one asker: at most 40 a second in all, which leaves the machine to others for an hour."""
CODES = [issue.code for issue in market_of(1).issues if issue.code.isdigit()][:200]
"""So few that all have been asked when the process counts as warm: a kept quote is no leak."""
WARM_SHARE = 0.3
FAULT_SECONDS = 3.0
FAULTS = ({"html_502": 5}, {"reset": 5}, {"rate": 5}, {"fail_percent": 60.0, "seed": 7}, {"html_502": -1})
QUESTIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("volume-ranking", "get_volume_ranking", {"market": "KOSPI", "count": 10, "include_details": False}),
    ("kis-code", "find_api", {"question": "국내주식 일봉 차트"}),
    ("kis-trade", "search_endpoints", {"query": "현재가"}),
    ("kis-trade", "get_quote", {"symbol": "005930"}),
    ("kiwoom", "get_stock_price", {"stock_code": "005930"}),
    ("naramarket", "search_notices", {"words": "서버", "limit": 5}),
    ("payment-system-health", "check_all_services", {}),
    ("payment-database", "query_payments", {"filter": "최근 1시간 5만원 미만 결제 5건"}),
    ("payment-redis", "cache_stats", {}),
    ("kis-code", "find_api", {"question": 1}),  # refused
)


def files() -> int:
    """Open files and sockets of this process (0 where the machine does not tell)."""
    place = Path("/proc/self/fd")
    return len(list(place.iterdir())) if place.exists() else 0


async def faulty(addresses: dict[str, str], dice: random.Random) -> None:
    """Switch one fault on, wait, switch all off, wait twice as long; for ever."""
    line = await Connection.to(addresses["kis"])
    headers = {"content-type": "application/json"}
    try:
        while True:
            told = dice.choice(FAULTS)
            await line.request("POST", "/__sim__/faults", headers, json.dumps(told).encode())
            await asyncio.sleep(FAULT_SECONDS)
            await line.request("DELETE", "/__sim__/faults", headers)
            await asyncio.sleep(2 * FAULT_SECONDS)
    finally:
        line.close()


async def asking(address: str, until: float, dice: random.Random, ends: Counter[str]) -> None:
    """One caller: a question after the other, each server through a connection of its own; now and then a new one."""
    for turn in count():
        if time.monotonic() >= until:
            return
        line = await Connection.to(address)
        for _ in range(20 + turn % 5):
            server, tool, arguments = dice.choice(QUESTIONS)
            if tool == "get_quote":
                arguments = {"symbol": dice.choice(CODES)}
            headers, body = tool_call(tool, arguments)
            status, reply = await line.request("POST", f"/{server}/mcp", headers, body)
            told = json.loads(reply).get("result", {}) if status == 200 else {}
            content = told.get("structuredContent", {})
            error = content.get("code", "?") if told.get("isError") else "stale" if content.get("stale") else ""
            ends[error or ("ok" if status == 200 else f"http {status}")] += 1
            if time.monotonic() >= until:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        line.close()


async def endured(folder: str, seconds: float) -> dict[str, Any]:
    """Traffic for so long; what the process holds when warm, and in the end when all is quiet."""
    dice, ends = random.Random(1), Counter[str]()
    async with AsyncExitStack() as stack:
        addresses = {}
        for name in ("kis", "kiwoom", "naramarket"):
            addresses[name] = await stack.enter_async_context(child("dari.cli.bench.children", "simulator", name))
        watched = child("tests.prove.enduring", "payments", f"{folder}/pay")
        addresses["monitoring"] = await stack.enter_async_context(watched)
        flags = demonstration.flags(addresses) | {
            "DARI_HOME": f"{folder}/home", "CACHE_L1_TTL_SECONDS": "1", "CACHE_L2_TTL_SECONDS": "2",
        }  # fmt: skip
        runtime = await stack.enter_async_context(Runtime(resolve(flags=flags)))
        address = await stack.enter_async_context(listening.serving(gateway(runtime, SERVERS)))

        async def stretch(length: float) -> tuple[int, int, int]:
            until = time.monotonic() + length
            trouble = asyncio.create_task(faulty(addresses, dice))
            try:
                await asyncio.gather(*(asking(address, until, dice, ends) for _ in range(ASKERS)))
            finally:
                trouble.cancel()
            await asyncio.gather(trouble, return_exceptions=True)
            await asyncio.sleep(2.0)  # connections that were let go are closed
            gc.collect()
            return len(asyncio.all_tasks()), files(), resident_bytes() or 0

        _, _, warm = await stretch(seconds * WARM_SHARE)
        warm_calls = ends.total()
        rest = seconds * (1 - WARM_SHARE) / 2
        tasks, opened, _ = await stretch(rest)  # what is opened once and kept is no leak: what every stretch adds is
        tasks_after, opened_after, after = await stretch(rest)
    felt = ends.total() - ends["ok"] - ends["invalid_input"]
    if warm_calls == 0:
        raise Malformed("nothing was asked")
    return {
        "calls": ends.total(),
        "answered": ends["ok"],
        "refused_arguments": ends["invalid_input"],
        "errors_by_faults": felt,
        "internal_errors": ends["internal"] + ends["?"] + sum(n for name, n in ends.items() if name.startswith("http")),
        "warm_bytes": warm,
        "after_bytes": after,
        "leaked_tasks": max(0, tasks_after - tasks),
        "files_more": max(0, opened_after - opened),
        "endings": ", ".join(f"{name} {number}" for name, number in sorted(ends.items())),
    }


async def payments(folder: str) -> None:
    """A payment system until stopped, which says where it is watched."""
    async with payment_system(listening.serving, seed=1, home=folder) as system:
        sys.stdout.write(f"{system.monitoring}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    if sys.argv[1] == "payments":
        asyncio.run(payments(sys.argv[2]))
    try:
        print(json.dumps(asyncio.run(endured(sys.argv[1], float(sys.argv[2])))))
    except Unreachable as error:
        sys.exit(str(error))
