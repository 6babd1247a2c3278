"""Live screens and one's own executions as documents, over the simulator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dari.app.runtime import Runtime
from dari.app.simulators import market_of
from dari.core.clock import RunningClock, SystemClock
from dari.providers.kiwoom.simulator import MOCK_KEY, create_app
from dari.serving.boards import Boards
from dari.settings import resolve
from tests.support import MORNING, settings

ARMED = {
    "DARI_REACH": "commit",
    "DARI_ORDER_ACCOUNT": MOCK_KEY.account,
    "DARI_ORDER_MAX_KRW": "10000000",
    "DARI_ORDER_MAX_DAY_KRW": "50000000",
}


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Runtime, Boards]]:
    """The market runs ten minutes a second, so that screens find something new."""
    found = resolve(environment=settings(folder, KIWOOM_MODE="mock", **ARMED), home=folder)
    clock, world = SystemClock(), RunningClock(MORNING, 600.0)
    app = create_app(market_of(1), clock=clock, world=world, tick_seconds=0.1)
    fake = patch("dari.app.simulators.kiwoom_simulator", lambda **_: app)
    with fake:
        runtime_ = Runtime(found, simulated=True, clock=RunningClock(MORNING))
        runtime_.client_of("kiwoom")
    async with runtime_ as runtime:
        boards = runtime.boards("kiwoom")
        assert boards is not None
        yield runtime, boards


async def read(runtime: Runtime, boards: Boards, uri: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((await boards.read(uri, runtime.caller()))[1])
    return document


async def test_a_saved_screen_is_watched_live(tmp_path: Path) -> None:
    async with running(tmp_path) as (runtime, boards):
        _, dispatch = runtime.server("kiwoom")
        listed = (await dispatch.call("list_conditions", {}, runtime.caller())).structured
        seq = listed["data"]["rows"][2][0]  # 거래대금 100억 이상: more every minute
        heard = asyncio.Event()

        async def news(_: str) -> None:
            heard.set()

        uri = f"kiwoom://realtime/screen/{seq}"
        async with boards.subscribed(uri, runtime.caller(), news):
            async with asyncio.timeout(20):
                await heard.wait()
            told = await read(runtime, boards, uri)
    assert told["count"] > 0
    assert {row["insert_or_delete"] for row in told["latest"]} <= {"I", "D", "삽입", "삭제"}
    assert told["simulated"] is True


async def test_an_execution_of_ones_own_sets_the_alert_off_and_hides_the_account(tmp_path: Path) -> None:
    async with running(tmp_path) as (runtime, boards):
        _, dispatch = runtime.server("kiwoom")
        heard = asyncio.Event()

        async def news(_: str) -> None:
            heard.set()

        async with boards.subscribed("kiwoom://alert/own", runtime.caller(), news):
            order = {"action": "buy", "stock_code": "005930", "quantity": 1, "order_type": "market"}
            plan = (await dispatch.call("plan_order", order, runtime.caller())).structured["data"]
            keys = {"plan_id": plan["plan_id"], "fingerprint": plan["fingerprint"]}
            assert (await dispatch.call("apply_plan", keys, runtime.caller())).structured["outcome"] == "done"
            async with asyncio.timeout(8):
                await heard.wait()
            told = await read(runtime, boards, "kiwoom://alert/own")
    assert [one["value"] for one in told["fired"]] == [1.0]
    assert MOCK_KEY.account not in json.dumps(told)
