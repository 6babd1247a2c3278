"""Two simulated brokers of one market: what is the same quantity on both sides is the same number."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from dari.app.simulators import market_of
from dari.core.clock import ManualClock, RunningClock
from dari.providers.kis import simulator as kis
from dari.providers.kiwoom import simulator as kiwoom
from dari.worlds.market import Market
from tests.unit.kis_simulator.client import Client
from tests.unit.kiwoom_simulator.client import NOON, STKINFO, Asker

ISSUES = 200
SAME = {
    # KIS inquire-price → Kiwoom ka10095 / ka10001
    "stck_prpr": "cur_prc",
    "stck_oprc": "open_pric",
    "stck_hgpr": "high_pric",
    "stck_lwpr": "low_pric",
    "stck_mxpr": "upl_pric",
    "stck_llam": "lst_pric",
    "stck_sdpr": "base_pric",
    "acml_vol": "trde_qty",
}


@pytest.fixture(scope="module")
def market() -> Market:
    return market_of(11)


@pytest.fixture
async def ours(market: Market) -> AsyncIterator[Asker]:
    app = kiwoom.create_app(market, clock=ManualClock(NOON), world=RunningClock(NOON, speed=0))
    app.service.limiter.off = True
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://kiwoom") as http:
        one = Asker(http, app, kiwoom.REAL_KEY)
        await one.sign_in()
        yield one


@pytest.fixture
async def theirs(market: Market) -> AsyncIterator[Client]:
    app = kis.create_app(market, clock=ManualClock(NOON), world=RunningClock(NOON, speed=0))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://kis") as http:
        one = Client(http, app)
        await one.sign_in(kis.REAL)
        yield one


async def test_two_hundred_issues_are_quoted_alike(ours: Asker, theirs: Client, market: Market) -> None:
    codes = [one.code for one in market.issues[:: len(market.issues) // ISSUES]][:ISSUES]
    rows: dict[str, dict[str, str]] = {}
    for place in range(0, ISSUES, 100):
        told = await ours.ask("ka10095", STKINFO, stk_cd="|".join(codes[place : place + 100]))
        rows |= {row["stk_cd"]: row for row in told["atn_stk_infr"]}
    assert len(rows) == ISSUES
    for code in codes:
        quote = await theirs.rows("inquire_price", {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code})
        for kis_name, kiwoom_name in SAME.items():
            assert int(quote[kis_name]) == abs(int(rows[code][kiwoom_name])), (code, kis_name)
        assert float(quote["prdy_ctrt"]) == float(rows[code]["flu_rt"])
        assert int(quote["acml_tr_pbmn"]) // 10**6 == int(rows[code]["trde_prica"])
