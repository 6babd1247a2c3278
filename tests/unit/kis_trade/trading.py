"""A trading server over the simulator: planning, applying, and what the ledger says happened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from dari.providers.kis.simulator.app import Simulator
from dari.serving.dispatch import Outcome
from tests.support import MORNING, Asker, simulated

RATES = "USD=1500,JPY=10,HKD=190,CNY=210,VND=0.06"
ACCOUNTS = {"real": "50001234", "paper": "60005678"}
FREE = {
    "DARI_REACH": "commit",
    "DARI_ORDER_MAX_KRW": "10000000000",
    "DARI_ORDER_MAX_DAY_KRW": "100000000000",
    "DARI_ORDER_PER_MINUTE": "10000",
    "DARI_ORDER_RATES": RATES,
}


def simulator_of(trade: Asker) -> Simulator:
    """The simulator behind a server in this process."""
    wire: Any = trade.runtime.client_of("kis").dialect
    app: Any = wire.send.__self__._transport.app
    assert isinstance(app, Simulator)
    return app


@asynccontextmanager
async def trading(
    folder: Path, *, mode: str = "paper", product: str = "01", now: datetime = MORNING, **settings: str
) -> AsyncIterator[Asker]:
    """A server armed for one account, with caps out of the way."""
    told: dict[str, Any] = {**FREE, "KIS_MODE": mode, "DARI_ORDER_ACCOUNT": f"{ACCOUNTS[mode]}-{product}", **settings}
    async with simulated("kis-trade", folder, now=now, **told) as asker:
        yield asker


def ledger(trade: Asker) -> Mapping[str, Any]:
    """What really happened."""
    told: Mapping[str, Any] = simulator_of(trade).ledger.told()
    return told


def orders(trade: Asker) -> list[dict[str, Any]]:
    """Every order of the ledger, also amendments and cancellations."""
    return [one for account in ledger(trade)["accounts"] for one in account["orders"]]


async def applied(trade: Asker, plan: Mapping[str, Any]) -> Outcome:
    """Apply a plan as it was told."""
    return await trade.outcome("apply_plan", plan_id=plan["plan_id"], fingerprint=plan["fingerprint"])


async def done(trade: Asker, tool: str, **arguments: Any) -> Mapping[str, Any]:
    """Plan with a tool and apply; the found order."""
    plan = await trade.answer(tool, **arguments)
    outcome = await applied(trade, plan)
    assert outcome.error is None, outcome.text
    assert outcome.structured["outcome"] == "done"
    found: Mapping[str, Any] = outcome.structured["found"]
    return found
