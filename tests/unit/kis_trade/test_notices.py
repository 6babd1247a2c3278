"""Every stream of one's own orders and executions, real and paper, is opened and decoded by our client."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dari.app.runtime import Runtime
from dari.core.clock import RunningClock
from dari.core.live import Tick, Topic
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.shelf import figures, told
from dari.settings import resolve
from tests.support import MORNING, settings

STREAMS = [row for row in SPEC if row.transport == "websocket" and row.wire["encrypted"]]
STOCK = {"side": "buy", "symbol": "005930", "quantity": 1}
AWAY = {"side": "buy", "quantity": 1}
ORDERS: dict[str, dict[str, Any]] = {
    "domestic_stock.ccnl_notice": STOCK,
    "overseas_stock.ccnl_notice": {**AWAY, "product": "overseas", "symbol": "AAPL", "exchange": "NASD", "price": "999"},
    "domestic_futureoption.fuopt_ccnl_notice": {**AWAY, "product": "future", "symbol": "101W12"},
    "domestic_futureoption.krx_ngt_futures_ccnl_notice": {**AWAY, "product": "future_night", "symbol": "101W12"},
    "domestic_futureoption.krx_ngt_option_notice": {**AWAY, "product": "future_night", "symbol": "201W12350"},
    "overseas_futureoption.order_notice": {**AWAY, "product": "overseas_future", "symbol": "ESZ26"},
    "overseas_futureoption.ccnl_notice": {**AWAY, "product": "overseas_future", "symbol": "ESZ26"},
}
PRODUCTS = {"future": "03", "future_night": "03", "overseas_future": "08"}
CASES = [(row.id, mode) for row in STREAMS for mode in ("real", "paper") if row.codes.get(mode)]


def test_there_are_ten() -> None:
    assert len(CASES) == 10
    assert ORDERS.keys() == {row.id for row in STREAMS}


@pytest.mark.parametrize(("stream", "mode"), CASES)
async def test_a_notice_is_opened_and_names_the_order(stream: str, mode: str, tmp_path: Path) -> None:
    order = ORDERS[stream]
    number = {"real": "50001234", "paper": "60005678"}[mode]
    armed = f"{number}-{PRODUCTS.get(str(order.get('product')), '01')}"
    caps = {
        "DARI_ORDER_MAX_KRW": "10000000000",
        "DARI_ORDER_MAX_DAY_KRW": "10000000000",
        "DARI_ORDER_RATES": "USD=1500",
    }
    more = {"KIS_MODE": mode, "DARI_REACH": "commit", "DARI_ORDER_ACCOUNT": armed, **caps}
    found = resolve(environment=settings(tmp_path, **more), home=tmp_path)
    async with Runtime(found, simulated=True, clock=RunningClock(MORNING)) as runtime:
        _, dispatch = runtime.server("kis-trade")
        plan = (await dispatch.call("plan_order", order, runtime.caller())).structured
        assert "plan_id" in plan, plan
        upstream = runtime.client_of("kis").asking()
        async with upstream.watch([Topic(stream)], scope="account") as feed:
            keys = {"plan_id": plan["plan_id"], "fingerprint": plan["fingerprint"]}
            done = (await dispatch.call("apply_plan", keys, runtime.caller())).structured
            async with asyncio.timeout(8):
                async for tick in feed:
                    assert isinstance(tick, Tick)
                    record = told(tick)
                    if stream.endswith("order_notice") or figures(stream, record):
                        break
    assert record["order_number"].lstrip("0") == done["found"]["order_number"].lstrip("0")
    assert record["account_number"].startswith("****")
    assert record["side_code"] == "02"
