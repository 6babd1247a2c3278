"""Spawn → first tool result over stdio: ours, asking a simulator over the network, against the bare SDK server."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from dari.app import demonstration
from dari.cli.bench import children
from dari.cli.bench.shared import Measured
from dari.core.errors import Malformed
from dari.serving.mcp_door import listening

LIMIT = 1.5
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "1"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
CALL = {
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {"name": children.TOOL, "arguments": {**children.ARGUMENTS, "include_details": False}},
}


async def measure(*, long: bool, brief: bool = False) -> list[Measured]:
    """Both are started in turns; the median of the ratios counts."""
    rounds = 15 if long else 3 if brief else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answer = folder / "answer.json"
        answer.write_text(json.dumps(await children.answered()))
        async with listening.serving(demonstration.simulators(1)["kis"]) as address:
            flags = demonstration.flags({"kis": address}) | {"DARI_HOME": str(folder / "home")}
            ours, bare = [], []
            for turn in range(rounds + 1):
                mine = await _first_result(["dari", "serve", children.SERVER], flags)
                floor = await _first_result(["dari.cli.bench.children", "bare-stdio", str(answer)], {})
                if turn:  # the first one signs in and warms the file cache
                    ours.append(mine)
                    bare.append(floor)
    ratio = statistics.median(mine / floor for mine, floor in zip(ours, bare, strict=True))
    return [
        Measured(
            name="cold-start",
            figure=round(statistics.median(ours), 3),
            unit="s",
            floor=round(statistics.median(bare), 3),
            ratio=round(ratio, 3),
            limit=LIMIT,
            within=ratio <= LIMIT,
            more={"what": "spawn → first ranking over stdio", "rounds": rounds},
        )
    ]


async def _first_result(module: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *module,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={**os.environ, **environment},
        limit=1 << 20,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for message in (INITIALIZE, INITIALIZED, CALL):
            process.stdin.write(json.dumps(message).encode() + b"\n")
        await process.stdin.drain()
        while line := await process.stdout.readline():
            told = json.loads(line)
            if told.get("id") == CALL["id"]:
                taken = time.perf_counter() - started
                if "result" not in told or told["result"].get("isError"):
                    raise Malformed("the measured server answered with an error", upstream_text=line[:200].decode())
                return taken
        raise Malformed("the measured server ended without an answer")
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 10)
