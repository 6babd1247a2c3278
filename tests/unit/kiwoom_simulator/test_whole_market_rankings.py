"""New highs and lows, volume records and volume surges are looked for among all issues, not the most traded alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any

import httpx2
import pytest

from dari.app.simulators import market_of
from dari.core import krx
from dari.core.clock import KST, ManualClock, RunningClock
from dari.providers.kiwoom import simulator as kiwoom
from dari.worlds.market import Market, Quote
from dari.worlds.market.closed import closed_days
from tests.unit.kiwoom_simulator.client import RKINFO, STKINFO, Asker

EVENING = datetime(2026, 11, 20, 18, 30, tzinfo=KST)
MINUTES = datetime(2026, 11, 20, 15, 25, tzinfo=KST)
ALL = {"mrkt_tp": "000", "stk_cnd": "0", "crd_cnd": "0", "stex_tp": "1"}
EXTREME = ALL | {"high_low_close_tp": "1", "trde_qty_tp": "00000", "updown_incls": "1", "dt": "10"}


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


def before(count: int) -> tuple[date, ...]:
    return krx.trading_days(krx.previous_trading_day(EVENING.date()), count)


def traded(market: Market) -> list[Quote]:
    return [quote for quote in market.snapshot(EVENING).of("ALL") if quote.volume]


async def codes(asker: Asker, api_id: str, path: str, body: dict[str, Any]) -> list[str]:
    """The issue codes of all pages, in order."""
    told: list[str] = []
    more: dict[str, str] = {}
    while True:
        reply = await asker.send(api_id, path, body, **more)
        answer = reply.json()
        assert answer["return_code"] == 0, answer
        told += [row["stk_cd"] for block in answer.values() if isinstance(block, list) for row in block]
        if reply.headers["cont-yn"] != "Y":
            return told
        more = {"cont-yn": "Y", "next-key": reply.headers["next-key"]}


@pytest.mark.parametrize("highest", [True, False])
async def test_new_highs_and_lows_are_those_of_every_issue(real: Asker, market: Market, *, highest: bool) -> None:
    days = [closed_days(market).bars(day) for day in before(9)]
    if highest:
        found = {q.code for q in traded(market) if all(q.high > bars[q.code].high for bars in days)}
    else:
        found = {q.code for q in traded(market) if all(q.low < bars[q.code].low for bars in days)}
    told = await codes(real, "ka10016", STKINFO, EXTREME | {"ntl_tp": "1" if highest else "2"})
    values = {quote.code: quote.value for quote in traded(market)}
    shown = sorted(found, key=lambda code: (-values[code], code))
    assert len(found) > 100
    assert told == shown[:200]


async def test_volume_records_are_those_of_every_issue(real: Asker, market: Market) -> None:
    days = [closed_days(market).bars(day) for day in before(9)]
    found = {q.code for q in traded(market) if all(q.volume > bars[q.code].volume for bars in days)}
    told = await codes(
        real, "ka10024", STKINFO, {"mrkt_tp": "000", "cycle_tp": "10", "trde_qty_tp": "5", "stex_tp": "1"}
    )
    least = {quote.code for quote in traded(market) if quote.volume >= 5_000}
    assert set(told) == found & least


@pytest.mark.parametrize("by_minutes", [True, False])
async def test_volume_surges_are_ranked_over_the_whole_market(real: Asker, market: Market, *, by_minutes: bool) -> None:
    earlier = market.snapshot(MINUTES).quotes
    more = {
        quote.code: quote.volume - (earlier[quote.code].volume if by_minutes else quote.previous_volume)
        for quote in traded(market)
        if quote.volume >= 5_000
    }
    body = ALL | {"sort_tp": "1", "trde_qty_tp": "5", "pric_tp": "0", "tm_tp": "1" if by_minutes else "2", "tm": "5"}
    body.pop("crd_cnd")
    told = await codes(real, "ka10023", RKINFO, body)
    assert [more[code] for code in told] == sorted(more.values(), reverse=True)[:200]
