"""`dari demo`: everything of ours started on free ports, one question a server through a real MCP client."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.panel import Panel

from dari.app import demonstration
from dari.app.kept_days import WINDOW
from dari.app.payment_demo import BEFORE, WHY, PaymentSystem, payment_system
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
        home = demonstration.flags({})["DARI_HOME"]
        payments = await stack.enter_async_context(payment_system(listening.serving, seed=seed, home=home))
        services = {"payments": payments.platform, "monitoring": payments.monitoring}
        runtime = await stack.enter_async_context(Runtime(demonstration.settings(simulators | services)))
        app = gateway(runtime, SERVERS, faults=payments.faults())
        address = await stack.enter_async_context(listening.serving(app))
        addresses = {name: f"{address}/{name}/mcp" for name in SERVERS}
        told = {"gateway": address, "servers": addresses, "simulators": simulators, "services": services}
        ADDRESSES.write_text(json.dumps(told, indent=2))
        await payments.pay_several()
        for name, (question, tool, arguments) in demonstration.QUESTIONS.items():
            text, _ = await asking.ask(addresses[name], tool, arguments)
            console.print(Panel(text, title=f"{name} · {question}", subtitle=f"{tool} (simulated)", expand=False))
        await _rankings(console, addresses["volume-ranking"], runtime)
        await _incident(console, addresses, payments)
        for name, url in addresses.items():
            console.print(f"{name}: {url}")
        console.print(f"all of them: {address}/mcp")
        console.print(f"콘솔 console: {address}/")
        if not once:
            console.print("Ctrl-C stops.")
            await demonstration.fill_days(runtime, WINDOW)  # the rest, while it serves
            await asyncio.Event().wait()


async def _rankings(console: Console, address: str, runtime: Runtime) -> None:
    """Fill the day store from KRX, then ask what needs KIS, KRX, DART and Kiwoom together."""
    console.print(f"KRX 시뮬레이터에서 {demonstration.DAYS}거래일을 채웁니다 filling the day store …")
    calls = await demonstration.fill_days(runtime)
    for question, tool, arguments in demonstration.RANKINGS:
        text, _ = await asking.ask(address, tool, arguments)
        console.print(Panel(text, title=f"volume-ranking · {question}", subtitle=f"{tool} (simulated)", expand=False))
    console.print(f"KIS + KRX ({calls} calls) + DART + 키움")


async def _incident(console: Console, addresses: Mapping[str, str], payments: PaymentSystem) -> None:
    """Break Kafka, pay, ask why the payment is not captured; then mend it."""
    console.print("Kafka를 끄고 결제합니다 Kafka goes down, and somebody pays …")
    await payments.kafka("down")
    number = await payments.pay(BEFORE)
    await payments.seen()
    for name, tool, arguments in (
        ("payment-database", "payment_timeline", {"payment_id": number}),
        ("payment-system-health", "diagnose_issues", {}),
    ):
        text, _ = await asking.ask(addresses[name], tool, arguments)
        console.print(Panel(text, title=f"{name} · 결제 #{number} {WHY}", subtitle=f"{tool} (simulated)", expand=False))
    await payments.kafka("up")
