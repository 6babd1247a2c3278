"""Orders meet the market as it moves, and whatever is ordered, cash and holdings stay the sum of executions."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from random import Random

import httpx2
import pytest

from dari.core.clock import ManualClock
from dari.providers.kis.simulator import REAL, create_app
from dari.worlds.market import Market
from tests.unit.kis_simulator.client import NOON, Client
from tests.unit.kis_simulator.test_orders import CASH, ask, buy, ledger, post


@pytest.fixture
async def moving(market: Market) -> AsyncIterator[Client]:
    """A simulator whose market runs with the clock."""
    app = create_app(market, clock=ManualClock(NOON))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://kis") as http:
        one = Client(http, app)
        await one.sign_in(REAL)
        yield one


async def test_a_resting_order_executes_when_the_price_comes(moving: Client, market: Market) -> None:
    prices = {minutes: market.quote("000660", NOON + timedelta(minutes=minutes)).price for minutes in range(0, 250, 5)}
    lowest = min(prices, key=lambda minutes: (prices[minutes], minutes))
    limit = prices[lowest]
    assert limit < prices[0]
    number = (await buy(moving, 2, limit, "000660"))["output"]["ODNO"]
    assert (await ledger(moving))["executions"] == 0
    moving.clock.advance(lowest * 60 + 30)
    rows = (await ask(moving, "inquire_psbl_rvsecncl", {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0"})).json()["output"]
    order = (await ledger(moving))["accounts"][0]["orders"][0]
    assert order["number"] == number
    if not rows:
        assert order["filled"] == 2
        assert all(Decimal(fill["price"]) <= limit for fill in order["fills"])
    else:
        assert market.book("000660", moving.clock.now()).asks[0].price > limit


async def test_after_hours_orders_are_declined(moving: Client, market: Market) -> None:
    moving.clock.advance(5 * 3600)
    reply = await buy(moving, 1, market.quote("005930", moving.clock.now()).price)
    assert (reply["rt_cd"], reply["msg_cd"]) == ("7", "APBK0918")


async def test_a_reservation_becomes_an_order_on_the_next_trading_day(moving: Client) -> None:
    body = {"PDNO": "005930", "ORD_QTY": "2", "ORD_UNPR": "60000", "SLL_BUY_DVSN_CD": "02", "ORD_DVSN_CD": "00"}
    await post(moving, "domestic_stock.order_resv", body | {"ORD_OBJT_CBLC_DVSN_CD": "10"})
    moving.clock.advance(timedelta(days=2).total_seconds())
    await moving.sign_in(REAL)
    asked = {"PRCS_DVSN_CD": "0", "CNCL_YN": "N"}
    assert (await ask(moving, "order_resv_ccnl", asked)).json()["output"][0]["prcs_rslt"] == "대기"
    moving.clock.advance(timedelta(days=1).total_seconds())
    await moving.sign_in(REAL)
    row = (await ask(moving, "order_resv_ccnl", asked)).json()["output"][0]
    assert row["prcs_rslt"] == "처리"
    assert row["odno"] == (await ledger(moving))["accounts"][0]["orders"][0]["number"]


@pytest.mark.parametrize("seed", range(3))
async def test_cash_and_holdings_are_the_sum_of_executions(moving: Client, market: Market, seed: int) -> None:
    chance = Random(seed)
    for _ in range(40):
        code = chance.choice(["005930", "000660", "035720"])
        book = market.book(code, moving.clock.now())
        price = chance.choice([*book.asks[:3], *book.bids[:3]]).price
        side = chance.choice(["TTTC0012U", "TTTC0011U"])
        quantity = str(chance.randrange(0, 40))
        body = CASH | {"PDNO": code, "ORD_QTY": quantity, "ORD_UNPR": str(price)}
        reply = (await post(moving, "domestic_stock.order_cash", body, tr_id=side)).json()
        if reply["rt_cd"] == "0" and chance.random() < 0.4:
            change = {"KRX_FWDG_ORD_ORGNO": reply["output"]["KRX_FWDG_ORD_ORGNO"], "ORGN_ODNO": reply["output"]["ODNO"]}
            change |= {"RVSE_CNCL_DVSN_CD": chance.choice("12").zfill(2), "ORD_QTY": "0", "ORD_UNPR": str(price)}
            await post(moving, "domestic_stock.order_rvsecncl", change | {"ORD_DVSN": "00", "QTY_ALL_ORD_YN": "Y"})
        moving.clock.advance(chance.randrange(1, 120))
    told = (await ledger(moving))["accounts"][0]
    cash, held = Decimal(300_000_000), {"005930": 10, "000660": 17, "035720": 24}
    for order in told["orders"]:
        assert 0 <= order["filled"] + order["cancelled"] <= order["quantity"]
        sign = 1 if order["side"] == "buy" else -1
        for fill in order["fills"]:
            cash -= sign * fill["quantity"] * Decimal(fill["price"])
            held[order["symbol"]] += sign * fill["quantity"]
            limit = Decimal(order["price"])
            assert Decimal(fill["price"]) <= limit if sign == 1 else Decimal(fill["price"]) >= limit
    assert Decimal(told["cash"]["KRW"]) == cash
    shown = {one["symbol"]: one["quantity"] for one in told["positions"] if one["product"] == "stock"}
    assert {code: shown.get(code, 0) for code in held} == held
    assert cash >= 0
    assert all(quantity >= 0 for quantity in held.values())
