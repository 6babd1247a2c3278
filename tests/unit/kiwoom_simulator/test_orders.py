from typing import Any

import pytest

from dari.core.clock import ManualClock
from tests.unit.kiwoom_simulator.client import ACNT, GOLD, ORDR, STKINFO, Asker

CODE = "005930"
OPEN = {"all_stk_tp": "0", "trde_tp": "0", "stk_cd": "", "stex_tp": "0"}
DONE = {"stk_cd": "", "qry_tp": "0", "sell_tp": "0", "ord_no": "", "stex_tp": "0"}
BALANCE = {"qry_tp": "1", "dmst_stex_tp": "KRX"}


async def order(asker: Asker, api_id: str = "kt10000", **more: str) -> dict[str, Any]:
    body = {"dmst_stex_tp": "KRX", "stk_cd": CODE, "ord_qty": "1", "ord_uv": "", "trde_tp": "3", "cond_uv": ""}
    return await asker.ask(api_id, ORDR, **{**body, **more})


async def refusal(asker: Asker, api_id: str = "kt10000", **more: str) -> str:
    body = {"dmst_stex_tp": "KRX", "stk_cd": CODE, "ord_qty": "1", "ord_uv": "", "trde_tp": "3", "cond_uv": ""}
    number, message = await asker.refused(api_id, ORDR, {**body, **more})
    assert number == 20
    return message


async def far_below(asker: Asker) -> str:
    """A valid price that nothing will meet."""
    return str(int((await asker.ask("ka10001", STKINFO, stk_cd=CODE))["lst_pric"].lstrip("+-")))


async def books(asker: Asker) -> dict[str, int]:
    """The account as its reads tell it."""
    cash = await asker.ask("kt00001", ACNT, qry_tp="3")
    held = await asker.ask("kt00018", ACNT, **BALANCE)
    state = await asker.ask("kt00004", ACNT, qry_tp="0", dmst_stex_tp="KRX")
    rows = held["acnt_evlt_remn_indv_tot"]
    assert int(held["tot_pur_amt"]) == sum(int(row["pur_amt"]) for row in rows)
    assert int(held["tot_evlt_amt"]) == sum(int(row["evlt_amt"]) for row in rows)
    assert int(held["tot_evlt_pl"]) == sum(int(row["evltv_prft"]) for row in rows)
    for row in rows:
        assert int(row["evlt_amt"]) == int(row["cur_prc"]) * int(row["rmnd_qty"])
        costs = int(row["sum_cmsn"]) + int(row["tax"])
        assert int(row["evltv_prft"]) == int(row["evlt_amt"]) - int(row["pur_amt"]) - costs
    assets = int(cash["d2_entra"]) + int(held["tot_evlt_amt"]) - int(held["tot_crd_loan_amt"])
    estimated = await asker.ask("kt00003", ACNT, qry_tp="0")
    assert {int(one["prsm_dpst_aset_amt"]) for one in (held, state, estimated)} == {assets}
    assert int(state["d2_entra"]) == int(cash["d2_entra"])
    return {
        "deposit": int(cash["entr"]),
        "after": int(cash["d2_entra"]),
        "able": int(cash["ord_alow_amt"]),
        **{row["stk_cd"]: int(row["rmnd_qty"]) for row in rows},
    }


async def test_a_market_order_is_filled_and_the_books_add_up(mock: Asker) -> None:
    before = await books(mock)
    told = await order(mock, ord_qty="3")
    assert (len(told["ord_no"]), told["dmst_stex_tp"]) == (7, "KRX")
    after = await books(mock)
    assert after["A005930"] == before["A005930"] + 3
    assert after["deposit"] == before["deposit"]
    fill = (await mock.ask("ka10076", ACNT, **DONE))["cntr"][0]
    assert (fill["ord_no"], fill["cntr_qty"], fill["oso_qty"], fill["ord_stt"]) == (told["ord_no"], "3", "0", "체결")
    paid = int(fill["cntr_pric"]) * 3
    assert before["after"] - after["after"] == paid + int(fill["tdy_trde_cmsn"])
    assert int(fill["tdy_trde_cmsn"]) == paid * 35 // 10_000


async def test_a_sale_pays_commission_and_tax_and_tells_its_profit(real: Asker) -> None:
    before = await books(real)
    await order(real, "kt10001", ord_qty="5")
    after = await books(real)
    assert after["A005930"] == before["A005930"] - 5
    sale = (await real.ask("ka10077", ACNT, stk_cd=CODE))["tdy_rlzt_pl_dtl"][0]
    amount = int(sale["cntr_pric"]) * 5
    costs = int(sale["tdy_trde_cmsn"]) + int(sale["tdy_trde_tax"])
    assert after["after"] - before["after"] == amount - costs
    assert int(sale["tdy_trde_tax"]) == amount * 2 // 1_000
    day = await real.ask("ka10074", ACNT, strt_dt="20261120", end_dt="20261120")
    assert int(day["rlzt_pl"]) == int(sale["tdy_sel_pl"])
    moved = await real.ask("kt00015", ACNT, strt_dt="20261120", end_dt="20261120", tp="0", gds_tp="0", dmst_stex_tp="%")
    row = moved["trst_ovrl_trde_prps_array"][0]
    assert row["trde_unit"] == f"{int(sale['cntr_pric']):,}"
    assert int(row["entra_remn"]) == before["deposit"] + amount - costs


async def test_a_resting_order_reserves_money_and_can_be_amended_and_cancelled(mock: Asker) -> None:
    before = await books(mock)
    low = await far_below(mock)
    first = await order(mock, ord_qty="10", ord_uv=low, trde_tp="0")
    rows = (await mock.ask("ka10075", ACNT, **OPEN))["oso"]
    assert [(row["ord_no"], row["oso_qty"], row["ord_pric"], row["io_tp_nm"]) for row in rows] == [
        (first["ord_no"], "10", low, "+매수")
    ]
    reserved = before["able"] - (await books(mock))["able"]
    assert reserved == int(low) * 10 + int(low) * 10 * 35 // 10_000
    higher = str(int(low) + 100)
    body = {"dmst_stex_tp": "KRX", "orig_ord_no": first["ord_no"], "stk_cd": CODE}
    second = await mock.ask("kt10002", ORDR, **body, mdfy_qty="4", mdfy_uv=higher, mdfy_cond_uv="")
    assert second["base_orig_ord_no"] == first["ord_no"]
    assert second["mdfy_qty"] == "000000000004"
    rows = (await mock.ask("ka10075", ACNT, **OPEN))["oso"]
    assert {(row["ord_no"], row["oso_qty"], row["orig_ord_no"]) for row in rows} == {
        (first["ord_no"], "6", "0000000"),
        (second["ord_no"], "4", first["ord_no"]),
    }
    third = await mock.ask("kt10003", ORDR, **body, cncl_qty="2")
    assert (third["base_orig_ord_no"], third["cncl_qty"]) == (first["ord_no"], "000000000002")
    await mock.ask("kt10003", ORDR, **body, cncl_qty="0")
    await mock.ask("kt10003", ORDR, **{**body, "orig_ord_no": second["ord_no"]}, cncl_qty="0")
    assert (await mock.ask("ka10075", ACNT, **OPEN))["oso"] == []
    assert await books(mock) == before
    again = {**body, "cncl_qty": "0"}
    assert "수량이 없습니다" in (await mock.refused("kt10003", ORDR, again))[1]


async def test_a_large_order_is_filled_in_parts_as_time_goes_by(real: Asker, world: ManualClock) -> None:
    codes = [
        one.code
        for one in real.simulator.service.market.issues
        if one.price < 3_000 and not one.halted and one.kind == "common"
    ]
    for code in codes:
        quote = await real.ask("ka10004", "/api/dostk/mrkcond", stk_cd=code)
        top, size = int(quote["sel_fpr_bid"].lstrip("+-") or 0), int(quote["sel_fpr_req"] or 0)
        if top and size and top * size * 2 < 8_000_000:
            break
    told = await order(real, stk_cd=code, ord_qty=str(size + 7), ord_uv=str(top), trde_tp="0")
    row = next(one for one in (await real.ask("ka10075", ACNT, **OPEN))["oso"] if one["ord_no"] == told["ord_no"])
    assert (row["cntr_qty"], row["oso_qty"]) == (str(size), "7")
    for _ in range(120):
        world.advance(1)
        if not (await real.ask("ka10075", ACNT, **OPEN))["oso"]:
            break
    row = (await real.ask("ka10076", ACNT, **DONE))["cntr"][0]
    assert (row["cntr_qty"], row["oso_qty"]) == (str(size + 7), "0")
    await books(real)


async def test_what_the_desk_refuses(mock: Asker, world: ManualClock) -> None:
    low = await far_below(mock)
    assert "주문가능금액" in await refusal(mock, ord_qty="100000", ord_uv=low, trde_tp="0")
    assert "주문가능수량" in await refusal(mock, "kt10001", ord_qty="21")
    assert "호가단위" in await refusal(mock, ord_uv=str(int(low) + 1), trde_tp="0")
    assert "상하한가" in await refusal(mock, ord_uv=str(int(low) - 1_000), trde_tp="0")
    assert "주문단가를 입력" in await refusal(mock, trde_tp="0")
    assert "시장가" in await refusal(mock, ord_uv=low)
    assert "조건단가" in await refusal(mock, ord_uv=low, trde_tp="28")
    assert "주문수량" in await refusal(mock, ord_qty="0")
    assert "KRX" in await refusal(mock, dmst_stex_tp="SOR")
    halted = next(one.code for one in mock.simulator.service.market.issues if one.halted)
    assert "정지" in await refusal(mock, stk_cd=halted)
    assert "[1902:" in await refusal(mock, stk_cd="999999")
    world.advance(8 * 3600)
    assert "시간" in await refusal(mock)


@pytest.mark.parametrize(("kind", "left"), [("0", "5"), ("10", None), ("20", None)])
async def test_ioc_and_fok_leave_nothing_resting(mock: Asker, kind: str, left: str | None) -> None:
    told = await order(mock, ord_qty="5", ord_uv=await far_below(mock), trde_tp=kind)
    rows = (await mock.ask("ka10075", ACNT, **OPEN))["oso"]
    assert [row["oso_qty"] for row in rows] == ([left] if left else [])
    detail = await mock.ask("kt00007", ACNT, qry_tp="1", stk_bond_tp="0", sell_tp="0", dmst_stex_tp="%")
    assert [row["ord_no"] for row in detail["acnt_ord_cntr_prps_dtl"]] == [told["ord_no"]]


async def test_a_stop_order_sleeps_until_its_price(real: Asker) -> None:
    quote = await real.ask("ka10001", STKINFO, stk_cd=CODE)
    top = quote["upl_pric"].lstrip("+-")
    await order(real, ord_uv=top, trde_tp="28", cond_uv=top)
    assert len((await real.ask("ka10075", ACNT, **OPEN))["oso"]) == 1
    now = quote["cur_prc"].lstrip("+-")
    await order(real, ord_uv=top, trde_tp="28", cond_uv=now)
    assert len((await real.ask("ka10076", ACNT, **DONE))["cntr"]) == 1


async def test_credit_is_borrowed_and_told(real: Asker) -> None:
    before = await books(real)
    code = next(one.code for one in real.simulator.service.market.issues if one.credit and one.price > 10_000)
    await real.ask(
        "kt10006", "/api/dostk/crdordr", dmst_stex_tp="KRX", stk_cd=code, ord_qty="1", ord_uv="", trde_tp="3"
    )
    after = await books(real)
    assert after["able"] == pytest.approx(before["able"], abs=int(before["able"] * 0.001))
    assert int((await real.ask("kt00018", ACNT, **BALANCE))["tot_crd_loan_amt"]) > 0


async def test_gold_has_its_own_money(real: Asker) -> None:
    before = await books(real)
    now = await real.ask("ka50100", "/api/dostk/mrkcond", stk_cd=GOLD)
    price = str(int(now["upl_pric"].lstrip("+-")))
    told = await real.ask("kt50000", ORDR, stk_cd=GOLD, ord_qty="5", ord_uv=price, trde_tp="00")
    held = (await real.ask("kt50020", ACNT))["gold_acnt_evlt_prst"]
    assert [(row["stk_cd"], int(row["real_qty"])) for row in held] == [(GOLD, 5)]
    body = {"ord_dt": "20261120", "mrkt_deal_tp": "5", "stk_bond_tp": "0", "slby_tp": "0"}
    assert (await real.ask("kt50030", ACNT, **body))["acnt_ord_cntr_prst"][0]["ord_no"] == told["ord_no"]
    deposit = await real.ask("kt50021", ACNT)
    assert int(deposit["prsm_entra"]) == int(deposit["entra"]) - int(deposit["buy_exct_amt"])
    assert await books(real) == before


async def test_the_ledger_is_the_truth_of_every_read(real: Asker) -> None:
    await order(real, ord_qty="2")
    await order(real, ord_qty="1", ord_uv=await far_below(real), trde_tp="0")
    ledger = (await real.truth("account", app_key=real.key.app_key))["stock"]
    assert [one["filled"] for one in ledger["orders"]] == [2, 0]
    assert ledger["cash_after"] == (await books(real))["after"]
    listed = await real.ask("kt00009", ACNT, stk_bond_tp="0", mrkt_tp="0", sell_tp="0", qry_tp="0", dmst_stex_tp="%")
    assert [row["ord_no"] for row in listed["acnt_ord_cntr_prst_array"]] == [one["number"] for one in ledger["orders"]]
    assert int(listed["buy_engg_amt"]) == sum(one["filled_amount"] for one in ledger["orders"])
