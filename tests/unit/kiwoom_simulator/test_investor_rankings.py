"""What ranks issues by who traded them covers the whole market, and is the world's own figures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx2
import pytest

from dari.app.simulators import market_of
from dari.core.clock import KST, ManualClock, RunningClock
from dari.providers.kiwoom import simulator as kiwoom
from dari.worlds.market import Market
from tests.unit.kiwoom_simulator.client import MRKCOND, RKINFO, STKINFO, Asker

EVENING = datetime(2026, 11, 20, 18, 30, tzinfo=KST)
DAY = f"{EVENING:%Y%m%d}"
MILLION = 10**6


@pytest.fixture(scope="module")
def market() -> Market:
    return market_of(3)


@pytest.fixture
async def real(market: Market) -> AsyncIterator[Asker]:
    app = kiwoom.create_app(market, clock=ManualClock(EVENING), world=RunningClock(EVENING, speed=0))
    app.service.limiter.off = True
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://kiwoom") as http:
        one = Asker(http, app, kiwoom.REAL_KEY)
        await one.sign_in()
        yield one


async def pages(asker: Asker, api_id: str, path: str, block: str, body: dict[str, str], *, most: int = 99) -> list[Any]:
    """Every row, over all pages."""
    rows: list[Any] = []
    more: dict[str, str] = {}
    for _ in range(most):
        reply = await asker.send(api_id, path, body, **more)
        told = reply.json()
        assert told["return_code"] == 0, told
        rows += told[block]
        if reply.headers["cont-yn"] != "Y":
            break
        more = {"cont-yn": "Y", "next-key": reply.headers["next-key"]}
    return rows


def cut(won: int) -> int:
    """Million won, cut towards zero."""
    return int(won / MILLION)


@pytest.mark.parametrize(("side", "by"), [("2", "NET_BUY"), ("1", "NET_SELL")])
async def test_individuals_net_is_ranked_over_the_whole_market(real: Asker, side: str, by: str) -> None:
    body = {"strt_dt": DAY, "end_dt": DAY, "trde_tp": side, "mrkt_tp": "101", "invsr_tp": "8000", "stex_tp": "1"}
    rows = await pages(real, "ka10058", STKINFO, "invsr_daly_trde_stk", body, most=1)
    truth = await real.truth("investor-ranking", investor="INDIVIDUAL", by=by, market="KOSDAQ", count="100")
    assert [row["stk_cd"] for row in rows] == [one["code"] for one in truth]
    for row, one in zip(rows, truth, strict=True):
        assert int(row["netslmt_amt"]) == one["bought_value"] - one["sold_value"]
        assert int(row["netslmt_qty"]) == one["bought"] - one["sold"]


async def test_after_the_close_every_issue_tells_its_investors(real: Asker, market: Market) -> None:
    body = {"mrkt_tp": "001", "amt_qty_tp": "1", "trde_tp": "1", "stex_tp": "1"}
    bought = {row["stk_cd"]: row for row in await pages(real, "ka10066", MRKCOND, "opaf_invsr_trde", body)}
    quotes = {one.code: one for one in market.snapshot(EVENING).of("KOSPI") if one.volume}
    assert bought.keys() == quotes.keys()
    for investor, field in (("INDIVIDUAL", "ind_invsr"), ("FOREIGN", "frgnr_invsr"), ("INSTITUTION", "orgn")):
        truth = await real.truth("investor-ranking", investor=investor, by="BUY", market="KOSPI", count="2000")
        assert len(truth) == len(quotes)
        for one in truth:
            assert int(bought[one["code"]][field]) == cut(one["bought_value"]), one


@pytest.mark.parametrize(("group", "investor"), [("9000", "FOREIGN"), ("9999", "INSTITUTION")])
async def test_in_the_session_the_gross_sides_stand_beside_the_net(real: Asker, group: str, investor: str) -> None:
    body = {"trde_tp": "1", "mrkt_tp": "000", "orgn_tp": group, "amt_qty_tp": "1"}
    rows = await pages(real, "ka10065", RKINFO, "opmr_invsr_trde_upper", body, most=1)
    truth = await real.truth("investor-ranking", investor=investor, by="NET_BUY", count="100")
    assert [row["stk_cd"] for row in rows] == [one["code"] for one in truth]
    for row, one in zip(rows, truth, strict=True):
        assert int(row["netslmt"]) == cut(one["bought_value"] - one["sold_value"])
        assert int(row["buy_qty"]) == cut(one["bought_value"])
        assert -int(row["sel_qty"]) == cut(one["sold_value"])


@pytest.mark.parametrize(("code", "board"), [("P00101", "KOSPI"), ("P10102", "KOSDAQ")])
@pytest.mark.parametrize(("side", "by"), [("2", "NET_BUY"), ("1", "NET_SELL")])
async def test_fifty_issues_of_a_market_by_program_net(real: Asker, code: str, board: str, side: str, by: str) -> None:
    body = {"trde_upper_tp": side, "amt_qty_tp": "1", "mrkt_tp": code, "stex_tp": "1"}
    rows = await pages(real, "ka90003", STKINFO, "prm_netprps_upper_50", body)
    truth = await real.truth("investor-ranking", investor="PROGRAM", by=by, market=board, count="50")
    assert [row["stk_cd"] for row in rows] == [one["code"] for one in truth]
    assert [row["rank"] for row in rows] == [str(place) for place in range(1, 51)]
    for row, one in zip(rows, truth, strict=True):
        told = [int(row[name]) for name in ("prm_buy_amt", "prm_sell_amt", "prm_netprps_amt")]
        assert told == [cut(won) for won in (one["bought_value"], one["sold_value"])] + [
            cut(one["bought_value"] - one["sold_value"])
        ]


async def test_a_markets_programs_are_those_of_its_index(real: Asker, market: Market) -> None:
    body = {"date": DAY, "amt_qty_tp": "1", "mrkt_tp": "P00101", "min_tic_tp": "0", "stex_tp": "1"}
    told = await real.ask("ka90005", MRKCOND, **body)
    whole = market.index_program("0001", EVENING).whole
    assert int(told["prm_trde_trnsn"][0]["all_netprps"]) == cut(whole.net_value)
