"""The eighteen order endpoints through plan → apply, and everything that keeps an order from being one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dari.core.endpoint import Effect
from dari.providers.kis.spec import SPEC
from tests.support import MORNING, Asker
from tests.unit.kis_trade.trading import applied, done, ledger, orders, simulator_of, trading

BUY: dict[str, Any] = {"side": "buy", "symbol": "005930", "quantity": 1}
SELLING_BOND = {"ORD_DVSN": "01", "SPRX_YN": "N", "BUY_DT": "20261120", "BUY_SEQ": "1"}


def sent(trade: Asker) -> set[str]:
    """tr_ids that reached the simulator."""
    return set(simulator_of(trade).calls)


async def test_a_market_order_on_paper(tmp_path: Path) -> None:
    async with trading(tmp_path) as trade:
        plan = await trade.answer("plan_order", **BUY)
        assert (plan["mode"], plan["account"], plan["armed"]) == ("paper", "******7801", True)
        assert "VTTC0012U" in plan["effect"]
        assert orders(trade) == []
        outcome = await applied(trade, plan)
        assert outcome.error is None, outcome.text
        (order,) = orders(trade)
        assert order["number"] == outcome.structured["found"]["order_number"]
        status = await trade.answer("order_status", plan_id=plan["plan_id"])
        assert (status["outcome"], status["found"]["status"]) == ("done", "filled")
        assert (await applied(trade, plan)).structured["details"]["reason"] == "used"
        assert len(orders(trade)) == 1


@pytest.mark.parametrize(
    ("mode", "order", "tr_ids"),
    [
        ("paper", {"price": "68000"}, {"VTTC0012U", "VTTC0013U"}),
        ("real", {"price": "60000", "exchange": "SOR"}, {"TTTC0012U", "TTTC0013U"}),
        (
            "real",
            {"product": "credit", "price": "60000", "more": {"CRDT_TYPE": "자기융자신규", "LOAN_DT": "20261120"}},
            {"TTTC0052U", "TTTC0013U"},
        ),
        ("real", {"product": "reservation", "price": "60000"}, {"CTSC0008U", "CTSC0013U", "CTSC0009U"}),
        (
            "paper",
            {"product": "overseas", "symbol": "AAPL", "exchange": "NASD", "price": "100"},
            {"VTTT1002U", "VTTT1004U"},
        ),
        (
            "real",
            {"product": "overseas_daytime", "symbol": "AAPL", "exchange": "NASD", "price": "100"},
            {"TTTS6036U", "TTTS6038U"},
        ),
    ],
)
async def test_an_order_is_placed_amended_and_cancelled(
    tmp_path: Path, mode: str, order: dict[str, Any], tr_ids: set[str]
) -> None:
    product = order.get("product", "stock")
    if product == "stock" and mode == "paper":
        order = order | {"price": "60000"}
    async with trading(tmp_path, mode=mode) as trade:
        placed = await done(trade, "plan_order", **{**BUY, **order})
        amended = await done(
            trade, "plan_modify", order_number=placed["order_number"], product=product, price=order["price"]
        )
        await done(trade, "plan_cancel", order_number=amended["order_number"], product=product)
        assert tr_ids <= sent(trade)
        told = ledger(trade)
        if product == "reservation":
            assert told["reservations"] == 0
        else:
            assert [one["action"] for one in orders(trade)] == ["new", "amend", "cancel"]
            assert all(one["open"] == 0 for one in orders(trade))


@pytest.mark.parametrize(
    ("exchange", "symbol", "tr_ids"),
    [("NASD", "AAPL", {"TTTT3014U", "TTTT3017U"}), ("TKSE", "7203", {"TTTS3013U"})],
)
async def test_a_reserved_order_abroad(tmp_path: Path, exchange: str, symbol: str, tr_ids: set[str]) -> None:
    asked = {**BUY, "product": "overseas_reservation", "exchange": exchange, "symbol": symbol, "price": "100"}
    async with trading(tmp_path, mode="real") as trade:
        placed = await done(trade, "plan_order", **asked)
        assert ledger(trade)["reservations"] == 1
        await done(trade, "plan_cancel", order_number=placed["order_number"], product="overseas_reservation")
        assert ledger(trade)["reservations"] == 0
        assert tr_ids <= sent(trade)


async def test_a_bond_is_bought_and_sold(tmp_path: Path) -> None:
    bond = {"symbol": "KR2033022D33", "product": "bond"}
    async with trading(tmp_path, mode="real") as trade:
        await done(trade, "plan_order", **{**BUY, **bond, "quantity": 5, "price": "11000"})
        await done(trade, "plan_order", **{**BUY, **bond, "side": "sell", "price": "11000", "more": SELLING_BOND})
        placed = await done(trade, "plan_order", **{**BUY, **bond, "price": "9700"})
        amended = await done(trade, "plan_modify", order_number=placed["order_number"], product="bond", price="9800")
        await done(trade, "plan_cancel", order_number=amended["order_number"], product="bond")
        assert {"TTTC0952U", "TTTC0958U", "TTTC0953U"} <= sent(trade)


@pytest.mark.parametrize(
    ("product", "tr_ids"),
    [("future", {"TTTO1101U", "TTTO1103U"}), ("future_night", {"STTN1101U", "STTN1103U"})],
)
async def test_a_future_is_ordered_by_day_and_by_night(tmp_path: Path, product: str, tr_ids: set[str]) -> None:
    async with trading(tmp_path, mode="real", product="03") as trade:
        placed = await done(trade, "plan_order", **{**BUY, "symbol": "101W12", "product": product, "price": "340"})
        amended = await done(trade, "plan_modify", order_number=placed["order_number"], product=product, price="341")
        await done(trade, "plan_cancel", order_number=amended["order_number"], product=product)
        assert tr_ids <= sent(trade)
        assert [one["action"] for one in orders(trade)] == ["new", "amend", "cancel"]


@pytest.mark.parametrize("symbol", ["ESZ26", "OESZ26 C6000"])
async def test_a_contract_abroad_is_ordered_amended_and_cancelled(tmp_path: Path, symbol: str) -> None:
    asked = {**BUY, "symbol": symbol, "product": "overseas_future"}
    async with trading(tmp_path, mode="real", product="08") as trade:
        detail = "opt_detail" if " " in symbol else "stock_detail"
        told = await trade.answer(
            "call_endpoint", endpoint=f"overseas_futureoption.{detail}", parameters={"SRS_CD": symbol}
        )
        terms = told["fields"]["output1"]
        tick, size = Decimal(terms["tick_size"]), Decimal(terms["contract_size"])
        assert Decimal(terms["tick_value"]) == tick * size
        low = (Decimal(terms.get("previous_close") or terms["settlement_price"]) * Decimal("0.9")) // tick * tick
        plan = await trade.answer("plan_order", **asked, price=str(low))
        assert plan["amount_krw"] == pytest.approx(float(low * size * 1500), abs=1)  # at the rate of the settings
        assert "unchecked" not in str(plan["gaps"])
        placed = (await applied(trade, plan)).structured["found"]
        amended = await done(
            trade, "plan_modify", order_number=placed["order_number"], product="overseas_future", price=str(low + tick)
        )
        await done(trade, "plan_cancel", order_number=amended["order_number"], product="overseas_future")
        assert {"OTFM3001U", "OTFM3002U", "OTFM3003U"} <= sent(trade)
        assert [one["action"] for one in orders(trade)] == ["new", "amend", "cancel"]
        wrong = await trade.outcome("plan_order", **asked, price=str(low + tick / 2))
        assert wrong.structured["details"]["parameter"] == "price"
        assert wrong.structured["details"]["allowed"] == [str(low), str(low + tick)]


async def test_every_order_endpoint_has_a_line_that_reaches_it() -> None:
    from dari.providers.kis.tools.trade.lines import LINES  # noqa: PLC0415 -- only this test looks inside

    reached = {one for line in LINES.values() for one in (line.buy, line.sell, line.change)}
    assert reached == {row.id for row in SPEC if row.effect is Effect.COMMIT and row.scope == "account"}
    assert len(reached) == 18


# --- refused before the network ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"price": "68010"}, "invalid_input", "tick"),
        ({"price": "68000.5"}, "invalid_input", "decimals"),
        ({"price": "1000"}, "invalid_input", "between"),
        ({"price": "0"}, "invalid_input", "price"),
        ({"quantity": 0}, "invalid_input", "quantity"),
        ({"quantity": 9_000_000}, "invalid_input", "pay for"),
        ({"side": "sell", "quantity": 100_000}, "invalid_input", "held"),
        ({"side": "sell", "symbol": "000100"}, "invalid_input", "held"),
        ({"exchange": "NXT"}, "invalid_input", "KRX"),
        ({"exchange": "NYSE"}, "invalid_input", "KRX, NXT, SOR"),
        ({"type": "99", "price": "68000"}, "invalid_input", "ORD_DVSN"),
        ({"more": {"NO_SUCH": "1"}}, "invalid_input", "NO_SUCH"),
        ({"more": {"CANO": "12345678"}}, "invalid_input", "settings"),
        ({"more": {"ORD_QTY": "100"}}, "invalid_input", "ORD_QTY"),
        ({"more": {"ord_qty": "100"}}, "invalid_input", "ord_qty"),
        ({"more": {"PDNO": "000660"}}, "invalid_input", "PDNO"),
        ({"more": {"ORD_UNPR": "1"}}, "invalid_input", "ORD_UNPR"),
        ({"more": {"ORD_DVSN": "01"}}, "invalid_input", "ORD_DVSN"),
        ({"more": {"EXCG_ID_DVSN_CD": "NXT"}}, "invalid_input", "EXCG_ID_DVSN_CD"),
        ({"more": {"tr_id": "VTTC0011U"}}, "invalid_input", "tr_id"),
        ({"more": {"CNDT_PRIC": "1" * 20}}, "invalid_input", "CNDT_PRIC"),
        ({"product": "credit", "price": "68000"}, "wrong_mode", "domestic_stock.order_cash"),
        ({"product": "bond", "symbol": "KR2033022D33", "price": "10000"}, "wrong_mode", "paper"),
        ({"product": "overseas", "symbol": "AAPL", "price": "100"}, "invalid_input", "exchange"),
        ({"product": "overseas", "symbol": "AAPL", "exchange": "NASD"}, "invalid_input", "price"),
        ({"product": "overseas", "symbol": "AAPL", "exchange": "NASD", "price": "100.00001"}, "invalid_input", "4"),
        ({"product": "future", "symbol": "101W12"}, "not_allowed", "armed"),
    ],
)
async def test_an_order_the_market_would_not_take_is_not_planned(
    tmp_path: Path, asked: dict[str, Any], error: str, said: str
) -> None:
    async with trading(tmp_path) as trade:
        outcome = await trade.outcome("plan_order", **{**BUY, **asked})
        if outcome.error is None:  # planning is for everybody; doing is not
            outcome = await applied(trade, outcome.structured)
        assert outcome.error == error, outcome.text
        assert said in str(outcome.structured), outcome.structured
        assert orders(trade) == []


async def test_a_closed_market_takes_no_order(tmp_path: Path) -> None:
    async with trading(tmp_path, now=MORNING + timedelta(hours=9)) as trade:
        outcome = await trade.outcome("plan_order", **BUY)
        assert outcome.error == "invalid_input"
        assert "reservation" in outcome.text


@pytest.mark.parametrize("reach", ["read", "change"])
async def test_without_the_reach_nothing_is_applied(tmp_path: Path, reach: str) -> None:
    async with trading(tmp_path, DARI_REACH=reach) as trade:
        plan = await trade.answer("plan_order", **BUY)
        assert (await applied(trade, plan)).error == "not_allowed"
        assert orders(trade) == []


async def test_without_arms_nothing_is_applied(tmp_path: Path) -> None:
    async with trading(tmp_path, DARI_ORDER_ACCOUNT="99999999-01") as trade:
        plan = await trade.answer("plan_order", **BUY)
        assert plan["armed"] is False
        assert (await applied(trade, plan)).error == "not_allowed"
        assert orders(trade) == []


async def test_the_default_caps_hold(tmp_path: Path) -> None:
    caps: dict[str, Any] = {
        "DARI_ORDER_MAX_KRW": "1000000",
        "DARI_ORDER_MAX_DAY_KRW": "5000000",
        "DARI_ORDER_PER_MINUTE": "5",
    }
    async with trading(tmp_path, **caps) as trade:
        outcome = await trade.outcome("plan_order", **{**BUY, "quantity": 20})
        assert (outcome.error, outcome.structured["details"]["cap"]) == ("not_allowed", "per_act")
    async with trading(tmp_path, DARI_ORDER_SYMBOLS="000660, 035720") as trade:
        outcome = await trade.outcome("plan_order", **BUY)
        assert outcome.structured["details"]["cap"] == "allow_list"


@pytest.mark.parametrize(
    ("order", "cap"),
    [
        ({"type": "시장가", "price": 60_000}, 80_000),  # a price beside a market order bounds nothing
        ({"type": "02", "price": 60_000}, 80_000),  # 조건부지정가 ends at the market
        ({}, 80_000),
    ],
)
async def test_a_cap_counts_what_an_order_may_come_to(tmp_path: Path, order: dict[str, Any], cap: int) -> None:
    async with trading(tmp_path, DARI_ORDER_MAX_KRW=str(cap)) as trade:
        outcome = await trade.outcome("plan_order", **{**BUY, **order})
        assert outcome.structured["details"]["cap"] == "per_act", outcome.text
        assert (await trade.answer("plan_order", **BUY, price=60_000))["amount_krw"] == 60_000


async def test_money_abroad_counts_at_the_rate_kis_tells(tmp_path: Path) -> None:
    abroad = {**BUY, "product": "overseas", "symbol": "AAPL", "exchange": "NASD", "price": "100"}
    async with trading(tmp_path, DARI_ORDER_RATES="", DARI_ORDER_MAX_KRW="130000") as trade:
        outcome = await trade.outcome("plan_order", **abroad)
        assert outcome.structured["details"]["cap"] == "per_act"  # 100 dollars are more than that
    async with trading(tmp_path, DARI_ORDER_RATES="", DARI_ORDER_MAX_KRW="150000") as trade:
        plan = await trade.answer("plan_order", **abroad)
        assert 130_000 < plan["amount_krw"] < 150_000


async def test_a_stranger_to_the_open_orders_is_told_which_there_are(tmp_path: Path) -> None:
    async with trading(tmp_path) as trade:
        placed = await done(trade, "plan_order", **BUY, price="60000")
        outcome = await trade.outcome("plan_cancel", order_number="77")
        assert (outcome.error, outcome.structured["details"]["open"]) == ("not_found", [placed["order_number"]])
        outcome = await trade.outcome("plan_cancel", order_number=placed["order_number"], quantity=2)
        assert outcome.error == "invalid_input"


# --- when it goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["order_drop_after", "order_error_after"])
async def test_an_order_whose_answer_was_lost_is_found(tmp_path: Path, fault: str) -> None:
    async with trading(tmp_path) as trade:
        plan = await trade.answer("plan_order", **BUY)
        simulator_of(trade).faults.set({fault: 1})
        outcome = await applied(trade, plan)
        assert outcome.error is None, outcome.text
        (order,) = orders(trade)
        assert outcome.structured["found"]["order_number"] == order["number"]


async def test_an_order_that_may_be_on_its_way_is_unknown_then_not_done(tmp_path: Path) -> None:
    async with trading(tmp_path) as trade:
        plan = await trade.answer("plan_order", **BUY)
        simulator_of(trade).faults.set({"order_error_before": 1})
        outcome = await applied(trade, plan)
        assert (outcome.error, outcome.structured["details"]["outcome"]) == ("outcome_unknown", "unknown")
        assert (await trade.answer("order_status", plan_id=plan["plan_id"]))["outcome"] == "unknown"
        assert trade.clock is not None
        later: Any = trade.clock
        later.at += timedelta(seconds=60)
        assert (await trade.answer("order_status", plan_id=plan["plan_id"]))["outcome"] == "not_done"
        assert orders(trade) == []


async def test_a_token_that_expired_between_costs_no_second_order(tmp_path: Path) -> None:
    async with trading(tmp_path) as trade:
        plan = await trade.answer("plan_order", **BUY)
        simulator_of(trade).keyring.spoil_all()
        assert (await applied(trade, plan)).error is None
        assert len(orders(trade)) == 1


async def test_what_the_upstream_refuses_is_surely_not_done(tmp_path: Path) -> None:
    async with trading(tmp_path) as trade:
        plan = await trade.answer("plan_order", **BUY)
        simulator_of(trade).faults.set({"ledger_rate": 1, "only": "order-cash"})
        outcome = await applied(trade, plan)
        assert outcome.structured["details"]["outcome"] == "not_done"
        assert (await trade.answer("order_status", plan_id=plan["plan_id"]))["outcome"] == "not_done"
        assert orders(trade) == []


async def test_a_plan_does_not_outlive_its_market(tmp_path: Path) -> None:
    async with trading(tmp_path) as trade:
        plan = await trade.answer("plan_order", **BUY)
        clock: Any = trade.clock
        clock.at += timedelta(minutes=5)
        assert (await applied(trade, plan)).structured["details"]["reason"] == "expired"
        cancelled = await done(trade, "plan_order", **BUY, price="60000")
        one, two = [await trade.answer("plan_cancel", order_number=cancelled["order_number"]) for _ in range(2)]
        assert (await applied(trade, one)).error is None
        assert (await applied(trade, two)).structured["details"]["reason"] == "changed"
