"""What call_endpoint costs above the upstream's own reply: validation, policies, pacing, shaping, audit."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import httpx2

from dari.app.runtime import Runtime
from dari.core.clock import RunningClock, SystemClock
from dari.providers.kis.simulator import REAL, create_app
from dari.providers.kis.spec import SPEC
from dari.settings import resolve
from dari.worlds.market import Market
from tests.prove.proof import Outcome, Proof
from tests.support import MORNING, settings

ADDED_MILLISECONDS = 20.0
APART = 0.13
"""Seconds between two pairs of calls: a key may be used 18 times a second, and that wait is not what is measured."""
QUOTE = "domestic_stock.inquire_price"


async def added(pairs: int, most: float) -> Outcome:
    """The same question both ways, one after another, each time of another issue, so that nothing is kept."""
    market, clock = Market(1), RunningClock(MORNING, speed=0)
    app = create_app(market, clock=SystemClock(), world=clock)
    row = SPEC.endpoint(QUOTE)
    bare: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory() as folder, patch("dari.app.simulators.kis_simulator", lambda **_: app):
        found = resolve(environment=settings(Path(folder)), home=Path(folder))
        transport = httpx2.ASGITransport(app=app)
        async with (
            Runtime(found, simulated=True) as runtime,
            httpx2.AsyncClient(transport=transport, base_url="http://kis") as http,
        ):
            _, dispatch = runtime.server("kis-trade")
            grant = await runtime.client_of("kis").grants.get("default", "real")
            assert grant is not None
            headers = {"authorization": f"Bearer {grant.token}", "appkey": REAL.appkey, "appsecret": REAL.appsecret}
            headers |= {"tr_id": row.codes["real"] or "", "custtype": "P"}

            async def plain(asked: dict[str, str]) -> None:
                reply = await http.get(f"/real{row.path}", params=asked, headers=headers)
                assert reply.json()["rt_cd"] == "0"

            async def called(asked: dict[str, str]) -> None:
                arguments = {"endpoint": QUOTE, "parameters": asked}
                outcome = await dispatch.call("call_endpoint", arguments, runtime.caller())
                assert outcome.error is None, outcome.text

            for number in range(pairs + 1):
                code = market.issues[number % len(market.issues)].code
                asked = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code}
                market.quote(code, MORNING)  # the simulator has made this issue's day before either asks
                ways = [(bare, plain), (ours, called)]
                for times, way in ways if number % 2 else reversed(ways):
                    start = time.perf_counter()
                    await way(asked)
                    if number:  # the first warms
                        times.append(time.perf_counter() - start)
                await asyncio.sleep(APART)
    base, whole = (1000 * statistics.median(one) for one in (bare, ours))
    return Outcome(
        holds=whole - base <= most,
        figures={
            "added_milliseconds_at_the_median": round(whole - base, 2),
            "upstream_milliseconds": round(base, 2),
            "call_milliseconds": round(whole, 2),
            "limit_milliseconds": most,
        },
        load=f"{pairs} uncached quotes, each beside a bare request of the same, in one process",
        why="" if whole - base <= most else f"{whole - base:.1f} ms are added",
    )


PROOF = Proof(
    name="kis-call",
    title="A warm call_endpoint adds at most 20 ms at the median to the upstream's own reply time.",
    rooms=(
        "src/dari/serving/dispatch.py",
        "src/dari/upstream",
        "src/dari/providers/kis/dialect",
        "src/dari/providers/kis/tools/trade/endpoints.py",
        "src/dari/providers/kis/tools/trade/asking.py",
        "src/dari/providers/kis/models/tables.py",
    ),
    short=lambda: added(20, 3 * ADDED_MILLISECONDS),
    long=lambda: added(300, ADDED_MILLISECONDS),
    serial=True,
)
