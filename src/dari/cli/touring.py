"""`dari demo`: everything of ours started on free ports, one question a server through a real MCP client."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.panel import Panel

from dari.app import demonstration
from dari.app.runtime import Runtime
from dari.app.servers import SERVERS
from dari.cli.gateway import gateway
from dari.serving.mcp_door import asking, listening

ADDRESSES: Final = Path("demo.json")
"""Where the addresses are written, for whoever wants to come along."""


async def demo(*, once: bool, seed: int) -> None:
    """Start, ask, show; then serve until stopped, or stop with --once."""
    console = Console(file=sys.stdout)
    async with AsyncExitStack() as stack:
        simulators = {}
        for name, app in demonstration.simulators(seed).items():
            simulators[name] = await stack.enter_async_context(listening.serving(app))
        runtime = await stack.enter_async_context(Runtime(demonstration.settings(simulators)))
        address = await stack.enter_async_context(listening.serving(gateway(runtime, SERVERS)))
        addresses = {name: f"{address}/{name}/mcp" for name in SERVERS}
        ADDRESSES.write_text(json.dumps({"gateway": address, "servers": addresses, "simulators": simulators}, indent=2))
        for name, (question, tool, arguments) in demonstration.QUESTIONS.items():
            text, _ = await asking.ask(addresses[name], tool, arguments)
            console.print(Panel(text, title=f"{name} · {question}", subtitle=f"{tool} (simulated)", expand=False))
        for name, url in addresses.items():
            console.print(f"{name}: {url}")
        console.print(f"all of them: {address}/mcp")
        if not once:
            console.print("Ctrl-C stops.")
            await asyncio.Event().wait()
