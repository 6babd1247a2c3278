import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from dari.core.clock import RunningClock
from dari.providers.kiwoom.simulator import REAL_KEY, Simulator, create_app
from dari.worlds.market import Market
from tests.unit.kiwoom_simulator.client import ACNT, NOON, ORDR, Asker
from tests.unit.kiwoom_simulator.serving import served

BUY = {"dmst_stex_tp": "KRX", "stk_cd": "005930", "ord_qty": "1", "ord_uv": "", "trde_tp": "3", "cond_uv": ""}


@pytest.fixture
async def loopback(market: Market) -> AsyncIterator[Asker]:
    simulator: Simulator = create_app(market, world=RunningClock(NOON, speed=0))
    simulator.service.limiter.off = True
    async with served(simulator) as origin, httpx2.AsyncClient(base_url=origin, timeout=1.0) as http:
        one = Asker(http, simulator, REAL_KEY)
        await one.sign_in()
        yield one


async def taken(asker: Asker) -> int:
    """How many orders the ledger has."""
    return len((await asker.truth("account", app_key=asker.key.app_key))["stock"]["orders"])


@pytest.mark.parametrize(
    ("kind", "done"),
    [("drop", 1), ("reset", 0), ("hang_before", 0), ("hang_after", 1), ("error_before", 0), ("error_after", 1)],
)
async def test_a_call_that_goes_wrong_has_or_has_not_happened(loopback: Asker, kind: str, done: int) -> None:
    await loopback.switch("faults", kind=kind, api_id="kt10000", seconds=2)
    if kind.startswith("error"):
        assert (await loopback.send("kt10000", ORDR, BUY)).status_code == 500
    else:
        with pytest.raises((httpx2.TransportError, ValueError)):
            (await loopback.send("kt10000", ORDR, BUY)).json()
    assert await taken(loopback) == done
    await loopback.ask("kt10000", ORDR, **BUY)
    assert await taken(loopback) == done + 1


async def test_an_answer_can_come_late(loopback: Asker) -> None:
    await loopback.switch("faults", kind="delay", api_id="kt10000", seconds=0.3)
    call = asyncio.create_task(loopback.ask("kt10000", ORDR, **BUY))
    await asyncio.sleep(0.1)
    assert await taken(loopback) == 1
    assert (await call)["ord_no"]


@pytest.mark.parametrize(
    ("wanted", "status", "words"),
    [
        ({"kind": "html"}, 200, "<html>"),
        ({"kind": "unauthorized"}, 401, "[8005:"),
        ({"kind": "refuse", "code": "1999"}, 200, "[1999:"),
        ({"kind": "refuse", "code": "8050"}, 200, "[8050:"),
        ({"kind": "error_before", "status": 503}, 503, "서버"),
    ],
)
async def test_what_a_fault_says(real: Asker, wanted: dict[str, Any], status: int, words: str) -> None:
    await real.switch("faults", **wanted)
    reply = await real.send("ka00001", ACNT, {})
    assert reply.status_code == status
    assert words in reply.text


async def test_faults_strike_where_and_as_often_as_planned(real: Asker, mock: Asker) -> None:
    await real.switch("faults", kind="html", api_id="ka00001", mode="real", times=2, skip=1)
    await mock.ask("ka00001", ACNT)
    await real.ask("kt00003", ACNT, qry_tp="0")
    struck = ["html" in (await real.send("ka00001", ACNT, {})).text for _ in range(4)]
    assert struck == [False, True, True, False]
    told = await real.switch("faults", kind="html")
    assert (told["met"], len(told["planned"])) == ({"html": 2}, 1)
    assert (await real.http.delete("/__sim__/faults")).json()["planned"] == []
    assert (await real.http.post("/__sim__/faults", json={"kind": "sulk"})).status_code == 400
