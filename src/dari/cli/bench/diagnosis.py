"""How long diagnose_issues takes while Kafka is down, beside the monitoring service's own reply."""

from __future__ import annotations

import tempfile
import time
from urllib.parse import urlsplit

from dari.app.payment_demo import payment_system
from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.cli.bench.shared import Connection, Measured, p95
from dari.core.errors import Malformed
from dari.serving.mcp_door import listening

LIMIT = 500.0
ROUNDS = 40
PAGE = "/monitoring/system/diagnose"
OK = 200


async def measure(*, long: bool) -> list[Measured]:
    """In turns, after twelve payments, with the brokers taken away; both services beside us in this process."""
    rounds = 5 * ROUNDS if long else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        async with payment_system(listening.serving, seed=1, home=folder) as payments:
            await payments.pay_several()
            await payments.kafka("down")
            flags = {"DARI_HOME": folder, "API_BASE_URL": payments.monitoring}
            async with Runtime(settings_of(flags)) as runtime:
                bare, ours = await _asked(runtime, payments.monitoring, rounds)
    mine, floor = 1000 * p95(ours), 1000 * p95(bare)
    return [
        Measured(
            name="diagnosis",
            figure=round(mine, 1),
            unit="ms at p95",
            floor=round(floor, 1),
            ratio=round(mine / floor, 3),
            limit=LIMIT,
            within=mine <= LIMIT,
            more={"what": "diagnose_issues on parts in memory; the real ones: acceptance", "rounds": rounds},
        )
    ]


async def _asked(runtime: Runtime, address: str, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of the service's own reply and of the tool's; the first of each warms up."""
    _, dispatch = runtime.server("payment-system-health")
    line = await Connection.to(f"http://{urlsplit(address).netloc}")
    bare, ours = [], []
    for number in range(rounds + 1):
        start = time.perf_counter()
        status, reply = await line.request("GET", PAGE, {})
        between = time.perf_counter()
        outcome = await dispatch.call("diagnose_issues", {}, runtime.caller())
        end = time.perf_counter()
        if status != OK or outcome.error:
            raise Malformed("the diagnosis failed", upstream_text=f"{reply[:200].decode()} {outcome.text[:200]}")
        if number:
            bare.append(between - start)
            ours.append(end - between)
    line.close()
    return bare, ours
