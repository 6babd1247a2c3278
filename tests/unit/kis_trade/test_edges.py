"""What happens at the edges: pages, paper-only keys, a market that moved between a plan and its application."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dari.app.runtime import Runtime
from dari.providers.kis.simulator import keys
from dari.providers.kis.tools.trade import checks, ledger, planning
from dari.settings import resolve
from tests.support import MORNING, settings, simulated
from tests.unit.kis_trade.trading import applied, done, orders, trading

BUY: dict[str, Any] = {"side": "buy", "symbol": "005930", "quantity": 1}


async def test_an_account_of_many_pages_is_told_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "REAL", keys.NEWCOMER)
    async with simulated("kis-trade", tmp_path, KIS_MODE="real") as trade:
        told = await trade.answer("get_account", limit=200)
        table = told["tables"]["output1"]
        assert len(table["rows"]) == table["total"] == 63
        assert told["truncated"] is False
        told = await trade.answer("get_account", limit=10)
        assert (len(told["tables"]["output1"]["rows"]), told["truncated"]) == (10, True)
        first = await trade.answer(
            "call_endpoint",
            endpoint="domestic_stock.inquire_balance",
            parameters={
                "AFHR_FLPR_YN": "N", "INQR_DVSN": "종목별", "FUND_STTL_ICLD_YN": "N", "FNCG_AMT_AUTO_RDPT_YN": "N",
                "PRCS_DVSN": "01",
            },
            limit=500,
        )  # fmt: skip
        assert first["tables"]["output1"]["total"] == 50
        assert first["cursor"]


async def test_orders_are_told_by_what_became_of_them(tmp_path: Path) -> None:
    async with trading(tmp_path) as trade:
        await done(trade, "plan_order", **BUY)
        await done(trade, "plan_order", **BUY, price=60_000)
        for status, count in (("all", 2), ("open", 1), ("executed", 1)):
            told = await trade.answer("get_orders", status=status)
            assert told["total"] == count, status
        outcome = await trade.outcome("get_orders")
        assert "005930" in outcome.text
        assert (await trade.answer("get_orders", limit=1))["truncated"] is True


async def test_a_list_without_end_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "PAGES", 0)
    async with trading(tmp_path) as trade:
        assert (await trade.outcome("get_orders")).error == "upstream_error"


async def test_a_paper_only_user_needs_no_real_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "REAL", keys.PAPER)
    async with simulated("kis-trade", tmp_path) as trade:
        assert (await trade.answer("get_quote", symbol="005930"))["provenance"][0]["mode"] == "paper"
        told = await trade.answer("get_market_calendar", days=1)
        assert told["days"][0]["open"] is True
        assert "real keys only" in told["gaps"][0]["reason"]
        outcome = await trade.outcome("get_news", symbol="005930")
        assert (outcome.error, "paper_can" in str(outcome.structured)) == ("wrong_mode", True)
        plan = await trade.answer("plan_order", **BUY)
        assert plan["mode"] == "paper"


def moved(monkeypatch: pytest.MonkeyPatch, **facts: Any) -> None:
    """From now on the issue stands otherwise."""
    true = checks.standing

    async def standing(*asked: Any) -> checks.Standing:
        return replace(await true(*asked), **facts)

    monkeypatch.setattr(checks, "standing", standing)
    monkeypatch.setattr(planning, "standing", standing)


@pytest.mark.parametrize(
    "facts",
    [{"halted": True}, {"low": Decimal(1)}, {"price": Decimal(1)}],
)
async def test_a_market_that_moved_undoes_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any]
) -> None:
    async with trading(tmp_path) as trade:
        plan = await trade.answer("plan_order", **BUY)
        moved(monkeypatch, **facts)
        outcome = await applied(trade, plan)
        assert (outcome.error, outcome.structured["details"]["reason"]) == ("plan_refused", "changed")
        assert orders(trade) == []


@pytest.mark.parametrize(("facts", "said"), [({"halted": True}, "halted"), ({"lot": 10}, "lot")])
async def test_a_halted_issue_and_an_odd_lot_are_not_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any], said: str
) -> None:
    moved(monkeypatch, **facts)
    async with trading(tmp_path) as trade:
        outcome = await trade.outcome("plan_order", **BUY)
        assert (outcome.error, said in outcome.text) == ("invalid_input", True)


async def test_a_plan_of_yesterday_s_session_is_gone(tmp_path: Path) -> None:
    late = MORNING.replace(hour=15, minute=29, second=58)
    async with trading(tmp_path, now=late) as trade:
        plan = await trade.answer("plan_order", **BUY)
        clock: Any = trade.clock
        clock.at = late + timedelta(seconds=5)
        assert (await applied(trade, plan)).error == "invalid_input"  # the market closed between
        assert orders(trade) == []


async def test_an_amendment_may_be_of_a_part_only_while_it_is_open(tmp_path: Path) -> None:
    async with trading(tmp_path) as trade:
        placed = await done(trade, "plan_order", **{**BUY, "quantity": 5}, price=60_000)
        plan = await trade.answer("plan_modify", order_number=placed["order_number"], price=61_000, quantity=2)
        assert "QTY_ALL_ORD_YN=N" in plan["effect"]
        await done(trade, "plan_cancel", order_number=placed["order_number"], quantity=4)
        outcome = await applied(trade, plan)
        assert outcome.structured["details"]["reason"] == "changed"


async def test_the_account_of_a_plan_is_still_the_account(tmp_path: Path) -> None:
    async with trading(tmp_path) as trade:
        plan = await trade.answer("plan_order", **BUY)
    armed = {"DARI_REACH": "commit", "DARI_ORDER_ACCOUNT": "60005678-01", "KIS_MODE": "real"}
    found = resolve(environment=settings(tmp_path, **armed), home=tmp_path)
    async with Runtime(found, simulated=True, clock=trade.runtime.clock) as runtime:
        _, dispatch = runtime.server("kis-trade")
        arguments = {"plan_id": plan["plan_id"], "fingerprint": plan["fingerprint"]}
        outcome = await dispatch.call("apply_plan", arguments, runtime.caller())
        assert (outcome.error, outcome.structured["details"]["reason"]) == ("plan_refused", "changed")


@pytest.mark.parametrize("rates", ["USD", "USD=x"])
async def test_a_rate_that_is_none_stops_the_start(tmp_path: Path, rates: str) -> None:
    found = resolve(environment=settings(tmp_path, DARI_ORDER_RATES=rates), home=tmp_path)
    async with Runtime(found, simulated=True) as runtime:
        with pytest.raises(Exception, match="DARI_ORDER_RATES"):
            runtime.server("kis-trade")
