"""Where the official server fails (as run in 2026-11): nine order APIs it cannot call, four things it says wrongly."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dari.providers.kis.spec import SPEC
from tests.support import simulated
from tests.unit.kis_trade.trading import applied, done, simulator_of, trading

BUY: dict[str, Any] = {"side": "buy", "symbol": "005930", "quantity": 1}


async def test_order_cash_is_called(tmp_path: Path) -> None:
    """Official: TypeError, order_cash() got an unexpected keyword argument 'CANO'."""
    async with trading(tmp_path) as trade:
        await done(trade, "plan_order", **BUY)
        assert simulator_of(trade).calls["VTTC0012U"] == 1


async def test_order_credit_is_called(tmp_path: Path) -> None:
    async with trading(tmp_path, mode="real") as trade:
        more = {"CRDT_TYPE": "21", "LOAN_DT": "20261120"}
        await done(trade, "plan_order", **BUY, product="credit", more=more)
        assert simulator_of(trade).calls["TTTC0052U"] == 1


async def test_order_rvsecncl_is_called_with_the_branch_it_found_itself(tmp_path: Path) -> None:
    async with trading(tmp_path) as trade:
        placed = await done(trade, "plan_order", **BUY, price=60_000)
        plan = await trade.answer("plan_cancel", order_number=placed["order_number"])
        assert "KRX_FWDG_ORD_ORGNO=91252" in plan["effect"]
        assert (await applied(trade, plan)).error is None
        assert simulator_of(trade).calls["VTTC0013U"] == 1


async def test_order_resv_is_called(tmp_path: Path) -> None:
    async with trading(tmp_path, mode="real") as trade:
        await done(trade, "plan_order", **BUY, product="reservation", price=60_000)
        assert simulator_of(trade).calls["CTSC0008U"] == 1


async def test_order_resv_rvsecncl_is_called(tmp_path: Path) -> None:
    async with trading(tmp_path, mode="real") as trade:
        placed = await done(trade, "plan_order", **BUY, product="reservation", price=60_000)
        await done(trade, "plan_modify", order_number=placed["order_number"], product="reservation", price=61_000)
        await done(trade, "plan_cancel", order_number=placed["order_number"], product="reservation")
        assert simulator_of(trade).calls["CTSC0013U"] == simulator_of(trade).calls["CTSC0009U"] == 1


async def test_a_future_order_is_called(tmp_path: Path) -> None:
    async with trading(tmp_path, product="03") as trade:
        await done(trade, "plan_order", **{**BUY, "symbol": "101W12"}, product="future")
        assert simulator_of(trade).calls["VTTO1101U"] == 1


@pytest.mark.parametrize(("product", "tr_id"), [("future", "TTTO1103U"), ("future_night", "STTN1103U")])
async def test_a_future_order_is_cancelled_also_at_night(tmp_path: Path, product: str, tr_id: str) -> None:
    """Official: TypeError by day, and by night TTTN1103U, which KIS does not know; the portal says STTN1103U."""
    async with trading(tmp_path, mode="real", product="03") as trade:
        placed = await done(trade, "plan_order", **{**BUY, "symbol": "101W12"}, product=product, price=340)
        await done(trade, "plan_cancel", order_number=placed["order_number"], product=product)
        assert simulator_of(trade).calls[tr_id] == 1


async def test_overseas_order_resv_is_called(tmp_path: Path) -> None:
    abroad = {**BUY, "symbol": "AAPL", "exchange": "NASD", "price": 100, "product": "overseas_reservation"}
    async with trading(tmp_path, mode="real") as trade:
        await done(trade, "plan_order", **abroad)
        assert simulator_of(trade).calls["TTTT3014U"] == 1


async def test_overseas_order_resv_ccnl_is_called_with_the_date_by_both_its_spellings(tmp_path: Path) -> None:
    abroad = {**BUY, "symbol": "AAPL", "exchange": "NASD", "price": 100, "product": "overseas_reservation"}
    async with trading(tmp_path, mode="real") as trade:
        placed = await done(trade, "plan_order", **abroad)
        plan = await trade.answer("plan_cancel", order_number=placed["order_number"], product="overseas_reservation")
        assert "RSYN_ORD_RCIT_DT=20261120" in plan["effect"]
        assert "RSVN_ORD_RCIT_DT=20261120" in plan["effect"]
        assert (await applied(trade, plan)).error is None


# --- what it says wrongly ------------------------------------------------------------------------------------------


async def test_too_many_calls_is_never_a_success(tmp_path: Path) -> None:
    """Official: HTTP 500 EGW00201 comes back as ok: true, success: true, with an empty table."""
    asked = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
    async with simulated("kis-trade", tmp_path) as trade:
        simulator_of(trade).faults.set({"rate": -1})
        outcome = await trade.outcome("call_endpoint", endpoint="domestic_stock.inquire_price", parameters=asked)
        assert outcome.error == "rate_limited"
        assert outcome.structured["upstream"]["code"] == "EGW00201"
        assert not {"ok", "success", "tables", "fields"} & set(outcome.structured)


async def test_a_token_belongs_to_one_mode(tmp_path: Path) -> None:
    """Official: the token file is named by its date, so a paper token is sent with the real key."""
    async with simulated("kis-trade", tmp_path, KIS_MODE="paper") as trade:
        asked = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
        for mode in ("paper", "real"):
            arguments = {"endpoint": "domestic_stock.inquire_price", "parameters": asked, "mode": mode}
            told = await trade.answer("call_endpoint", **arguments)
            assert told["provenance"][0]["mode"] == mode
        assert sorted(simulator_of(trade).keyring.issued.values()) == [0, 1, 1]
        kept = list((tmp_path / "home" / "state" / "shared").rglob("*.json"))
        assert kept
        assert all(one.stat().st_mode & 0o777 == 0o600 for one in kept)  # theirs: 0644


@pytest.mark.parametrize(("mode", "tr_id"), [("paper", "VTTT1001U"), ("real", "TTTT1006U")])
async def test_a_sale_in_the_us_has_the_right_tr_id(tmp_path: Path, mode: str, tr_id: str) -> None:
    """Official: VTTT1006U on paper, which KIS does not know."""
    sale = {"side": "sell", "symbol": "AAPL", "exchange": "NASD", "quantity": 1, "price": 100, "product": "overseas"}
    async with trading(tmp_path, mode=mode) as trade:
        await done(trade, "plan_order", **sale)
        assert simulator_of(trade).calls[tr_id] == 1
        assert "VTTT1006U" not in simulator_of(trade).calls


async def test_a_name_is_looked_up_and_never_passed_through(tmp_path: Path) -> None:
    """Official: the advertised stock_name="삼성전자" raises TypeError."""
    async with simulated("kis-trade", tmp_path) as trade:
        arguments = {"FID_COND_MRKT_DIV_CODE": "J", "stock_name": "삼성전자"}
        outcome = await trade.outcome("call_endpoint", endpoint="domestic_stock.inquire_price", parameters=arguments)
        assert (outcome.error, outcome.structured["details"]["parameter"]) == ("invalid_input", "stock_name")
        found = await trade.answer("find_symbol", query="삼성전자")
        assert found["rows"][0][0] == "005930"


# --- other lessons --------------------------------------------------------------------------------------------------


async def test_a_retired_tr_id_is_refused_with_its_successor(tmp_path: Path) -> None:
    async with simulated("kis-trade", tmp_path) as trade:
        outcome = await trade.outcome("describe_endpoint", endpoint="TTTC0802U")
        assert outcome.error == "invalid_input"
        assert "TTTC0012U" in json.dumps(outcome.structured)


async def test_what_paper_cannot_do_is_said_with_what_it_can(tmp_path: Path) -> None:
    async with simulated("kis-trade", tmp_path) as trade:
        arguments = {"endpoint": "domestic_stock.volume_rank", "parameters": {}, "mode": "paper"}
        arguments["parameters"] = {
            one.name: one.sample or one.fixed or next(iter(one.codes), "")
            for one in SPEC.endpoint("domestic_stock.volume_rank").parameters
        }
        outcome = await trade.outcome("call_endpoint", **arguments)
        assert outcome.error == "wrong_mode"
        assert "domestic_stock.inquire_price" in outcome.structured["details"]["paper_can"]
        assert not simulator_of(trade).calls


async def test_an_order_before_three_months_is_asked_for_by_its_own_tr_id(tmp_path: Path) -> None:
    async with trading(tmp_path) as trade:
        since = (trade.runtime.clock.now() - timedelta(days=200)).strftime("%Y%m%d")
        await trade.answer("get_orders", since=since)
        assert simulator_of(trade).calls["VTSC9215R"] == 1
