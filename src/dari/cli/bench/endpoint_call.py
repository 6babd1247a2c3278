"""What a warm call_endpoint adds to the simulator's own reply time: the same uncached question both ways, in turns."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from urllib.parse import urlencode

from dari.app import demonstration
from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.app.simulators import market_of
from dari.cli.bench.shared import Connection, Measured, child
from dari.core.errors import Malformed
from dari.providers.kis.simulator.keys import REAL
from dari.providers.kis.spec import SPEC

LIMIT = 20.0
PAIRS = 60
QUOTE = "domestic_stock.inquire_price"
APART = 0.2
"""Seconds between two pairs of three calls: a key may be used 18 times a second; that wait is not measured."""


async def measure(*, long: bool) -> list[Measured]:
    """Each pair asks for another issue, so that nothing is kept; the simulator is a process of its own."""
    pairs = 5 * PAIRS if long else PAIRS
    codes = [issue.code for issue in market_of(1).issues]
    with tempfile.TemporaryDirectory() as folder:
        async with child("dari.cli.bench.children", "simulator", "kis") as address:
            flags = demonstration.flags({"kis": address}) | {"DARI_HOME": folder}
            async with Runtime(settings_of(flags)) as runtime:
                bare, ours = await _pairs(runtime, address, [codes[at % len(codes)] for at in range(pairs + 1)])
    base, whole = (1000 * statistics.median(one) for one in (bare, ours))
    added = whole - base
    return [
        Measured(
            name="call-endpoint",
            figure=round(added, 2),
            unit="ms added",
            floor=round(base, 2),
            ratio=round(whole / base, 3),
            limit=LIMIT,
            within=added <= LIMIT,
            more={"what": "median of an uncached quote, above the simulator's own reply", "pairs": pairs},
        )
    ]


async def _pairs(runtime: Runtime, address: str, codes: list[str]) -> tuple[list[float], list[float]]:
    """Seconds of a bare request and of ours, for each code; the first of each warms up."""
    _, dispatch = runtime.server("kis-trade")
    row, caller = SPEC.endpoint(QUOTE), runtime.caller()
    grant = await runtime.client_of("kis").grants.get("default", "real")
    if grant is None:
        raise Malformed("the simulator gave no token")
    headers = {
        "authorization": f"Bearer {grant.token}", "appkey": REAL.appkey, "appsecret": REAL.appsecret,
        "tr_id": row.codes["real"] or "", "custtype": "P",
    }  # fmt: skip
    line = await Connection.to(address)

    async def plain(asked: dict[str, str]) -> None:
        _, reply = await line.request("GET", f"/real{row.path}?{urlencode(asked)}", headers)
        if json.loads(reply)["rt_cd"] != "0":
            raise Malformed("the simulator refused the bare request", upstream_text=reply[:200].decode())

    async def called(asked: dict[str, str]) -> None:
        outcome = await dispatch.call("call_endpoint", {"endpoint": QUOTE, "parameters": asked}, caller)
        if outcome.error:
            raise Malformed("the measured call failed", upstream_text=outcome.text[:200])

    bare: list[float] = []
    ours: list[float] = []
    for number, code in enumerate(codes):
        asked = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code}
        await plain(asked)  # the simulator has made this issue's day before either is measured
        ways = [(bare, plain), (ours, called)]
        for times, way in ways if number % 2 else reversed(ways):
            start = time.perf_counter()
            await way(asked)
            if number:
                times.append(time.perf_counter() - start)
        await asyncio.sleep(APART)
    line.close()
    return bare, ours
