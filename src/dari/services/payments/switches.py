"""Switches that break a sandbox while it runs, one part at a time: `POST /__faults__/{part}/{state}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from dari.services.payments.assembly import CONSUMER, POLLER, PaymentPlatform, Runner
from dari.services.payments.memory_keys import MemoryKeys
from dari.services.payments.memory_log import MemoryLog
from dari.services.payments.ports import KeyValueError, StoreError

USUAL: Final = 0.004
SLOW: Final = 2.5
Switch = Callable[[], None]


def add_switches(app: FastAPI, platform: PaymentPlatform, runner: Runner, keys: MemoryKeys, log: MemoryLog) -> None:
    """Add the switches to an app whose parts live in this process."""

    def kafka(down: set[int], rtt: float = USUAL) -> None:
        log.down, log.rtt = down, rtt

    def redis(outage: KeyValueError | None) -> None:
        keys.outage = outage

    def database(outage: StoreError | None) -> None:
        platform.database.outage = outage

    ways: dict[tuple[str, str], Switch] = {
        ("kafka", "down"): lambda: kafka(set(log.brokers)),
        ("kafka", "slow"): lambda: kafka(set(), SLOW),
        ("kafka", "up"): lambda: kafka(set()),
        ("redis", "down"): lambda: redis(KeyValueError("ConnectionError", "Connection refused")),
        ("redis", "flush"): keys.flush_all,
        ("redis", "up"): lambda: redis(None),
        ("database", "down"): lambda: database(StoreError("OperationalError", '(2003, "Can\'t connect")')),
        ("database", "up"): lambda: database(None),
        ("poller", "stop"): lambda: runner.pause(POLLER),
        ("poller", "start"): lambda: runner.resume(POLLER),
        ("consumer", "stop"): lambda: runner.pause(CONSUMER),
        ("consumer", "start"): lambda: runner.resume(CONSUMER),
    }

    @app.post("/__faults__/{part}/{state}")
    async def _switch(part: str, state: str) -> Response:
        way = ways.get((part, state))
        if way is None:
            known = sorted(f"{part}/{state}" for part, state in ways)
            return JSONResponse({"error": "NOT_FOUND", "known": known}, 404)
        way()
        if (part, state) == ("consumer", "stop"):
            await platform.intakes[CONSUMER].close()
        return JSONResponse({"part": part, "state": state})
