"""What our whole path costs over the bare SDK: CPU a request, the same 20-row answer, HTTP JSON of 2026-07-28."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from dari.cli.bench import children
from dari.cli.bench.shared import Connection, Measured, child, tool_call
from dari.core.errors import Malformed

BARE_LIMIT = 1.3
FLAT_LIMIT = 1.05
ROLE = "dari.cli.bench.children"
OK = 200


async def measure(*, long: bool, brief: bool = False) -> list[Measured]:
    """Bare with one tool, ours with 1, 100 and 200; rounds take turns so that the machine's mood falls on all alike."""
    rounds, requests = (24, 400) if long else (4, 100) if brief else (8, 250)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        answer = folder / "answer.json"
        home = {"DARI_HOME": str(folder / "home")}
        answer.write_text(json.dumps(await children.answered()))
        addresses = {"bare": await stack.enter_async_context(child(ROLE, "bare-http", str(answer)))}
        for tools in (1, 100, 200):
            address = await stack.enter_async_context(child(ROLE, "ours-http", str(tools), **home))
            addresses[f"ours-{tools}"] = address
        cost: dict[str, list[float]] = {name: [] for name in addresses}
        for turn in range(rounds + 1):
            for name in addresses if turn % 2 else reversed(addresses):
                spent = await _cpu(addresses[name], requests)
                if turn:  # the first round warms up
                    cost[name].append(spent)
    return [
        _compared("overhead", cost["ours-100"], cost["bare"], BARE_LIMIT, "100 tools against the bare SDK with one"),
        _compared("flat", cost["ours-200"], cost["ours-1"], FLAT_LIMIT, "200 tools against one"),
    ]


async def _cpu(address: str, requests: int) -> float:
    """Microseconds of the server's CPU a request, over one connection."""
    client = await Connection.to(address)
    headers, body = tool_call(children.TOOL, children.ARGUMENTS)
    before = await _used(client)
    for _ in range(requests):
        status, reply = await client.request("POST", "/mcp", headers, body)
        if status != OK or b'"005930"' not in reply:
            raise Malformed(f"the measured server answered {status}", upstream_text=reply[:200].decode())
    used = await _used(client) - before
    client.close()
    return used / requests * 1e6


async def _used(client: Connection) -> float:
    _, reply = await client.request("GET", "/cpu", {})
    return float(reply)


def _compared(name: str, ours: Sequence[float], floor: Sequence[float], limit: float, what: str) -> Measured:
    """The median over rounds of the ratio within a round: neighbours in time share their noise."""
    ratio = statistics.median(mine / other for mine, other in zip(ours, floor, strict=True))
    return Measured(
        name=name,
        figure=round(statistics.median(ours), 1),
        unit="µs CPU/request",
        floor=round(statistics.median(floor), 1),
        ratio=round(ratio, 3),
        limit=limit,
        within=ratio <= limit,
        more={"what": what, "rounds": len(ours)},
    )
