"""How much memory 2,000 calls of every kind leave behind in the process that answered them."""

from __future__ import annotations

import json
import tempfile
from contextlib import AsyncExitStack
from itertools import cycle, islice
from typing import Any, Final

from dari.app import demonstration
from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.cli.bench.shared import Measured, child
from dari.core.errors import Malformed
from dari.serving.resident import resident_bytes

ROLE: Final = "dari.cli.bench.children"
WARM: Final = 600
CALLS: Final = 2_000
LIMIT: Final = 1.05
QUESTIONS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("volume-ranking", "get_volume_ranking", {"market": "KOSPI", "count": 20, "include_details": False}),
    ("kis-code", "find_api", {"question": "국내주식 일봉 차트"}),
    ("kis-trade", "search_endpoints", {"query": "현재가"}),
    ("kiwoom", "get_stock_price", {"stock_code": "005930"}),
    ("naramarket", "search_notices", {"words": "서버", "limit": 5}),
    ("kis-code", "find_api", {"question": "x" * 2_000}),
    ("volume-ranking", "get_volume_ranking", {"market": "nowhere"}),  # refused
)


async def measure(*, long: bool) -> list[Measured]:
    """A process of ours against simulators in another; what it held after the first calls is the floor."""
    del long
    async with AsyncExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        flags = {"DARI_HOME": home, "CACHE_L1_TTL_SECONDS": "3600", "CACHE_L2_TTL_SECONDS": "3600"}
        addresses = {}
        for name in ("kis", "kiwoom", "naramarket"):
            addresses[name] = await stack.enter_async_context(child(ROLE, "simulator", name))
        settings = demonstration.flags(addresses) | flags
        told = json.loads(await stack.enter_async_context(child(ROLE, "memory", json.dumps(settings))))
    warm, after = told["warm"], told["after"]
    return [
        Measured(
            name="memory",
            figure=round(after / (1 << 20), 1),
            unit="MB resident",
            floor=round(warm / (1 << 20), 1),
            ratio=round(after / warm, 3) if warm else 1.0,
            limit=LIMIT,
            within=after <= LIMIT * warm,
            more={"what": f"after {CALLS} calls, beside after {WARM}", "refused": told["refused"]},
        )
    ]


async def called(flags: dict[str, str]) -> dict[str, int]:
    """Bytes resident after the first calls and after the others, where the machine tells (0 elsewhere)."""
    async with Runtime(settings_of(flags)) as runtime:
        doors = {name: runtime.server(name)[1] for name in {one[0] for one in QUESTIONS}}
        caller, refused, warm = runtime.caller(), 0, 0
        for number, (server, tool, arguments) in enumerate(islice(cycle(QUESTIONS), WARM + CALLS)):
            outcome = await doors[server].call(tool, arguments, caller)
            refused += outcome.error == "invalid_input"
            if outcome.error not in (None, "invalid_input"):
                raise Malformed(f"{tool} failed", upstream_text=outcome.text[:200])
            if number + 1 == WARM:
                warm = resident_bytes() or 0
        return {"warm": warm, "after": resident_bytes() or 0, "refused": refused}
