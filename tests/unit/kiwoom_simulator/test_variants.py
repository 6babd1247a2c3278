"""Every code that a sheet allows is taken, and filters of accounts, ELW and funds keep what they say."""

import pytest

from dari.core.endpoint import Effect
from dari.providers.kiwoom.spec import SPEC
from dari.worlds.market import Market
from tests.unit.kiwoom_simulator.client import ACNT, MRKCOND, NOON, ORDR, RKINFO, STKINFO, WARRANT, Asker, sample

NOT_IN_THIS_WORLD = {"302", "701"}
"""KOSTAR and KRX100."""
DEAR = {"ka90005", "ka20001", "ka20004", "ka20005"}
"""Each answer looks at a market at thirty moments: here one code of each parameter is enough."""
CODED = [
    one
    for one in SPEC.ids()
    if SPEC.endpoint(one).transport == "rest"
    and SPEC.endpoint(one).effect is Effect.READ
    and any(parameter.codes for parameter in SPEC.endpoint(one).parameters)
]
ELW = "/api/dostk/elw"
ETF = "/api/dostk/etf"
BUY = {"dmst_stex_tp": "KRX", "stk_cd": "005930", "ord_qty": "2", "ord_uv": "", "trde_tp": "3", "cond_uv": ""}


@pytest.mark.parametrize("api_id", CODED)
async def test_every_code_of_every_parameter_is_taken(real: Asker, market: Market, api_id: str) -> None:
    endpoint = SPEC.endpoint(api_id)
    usual = sample(endpoint, next(one.code for one in market.issues if one.etp))
    for parameter in endpoint.parameters:
        codes = [code for code in parameter.codes if code not in NOT_IN_THIS_WORLD]
        for code in codes[-1:] if api_id in DEAR else codes:
            await real.ask(api_id, endpoint.path, **{**usual, parameter.name: code})


async def test_a_sector_that_the_world_lacks_is_not_found(real: Asker) -> None:
    for code in sorted(NOT_IN_THIS_WORLD):
        assert "[1902:" in (await real.refused("ka20003", "/api/dostk/sect", {"inds_cd": code}))[1]


async def test_other_issues_than_funds_and_warrants_are_not_found(real: Asker) -> None:
    assert "[1902:" in (await real.refused("ka40002", ETF, {"stk_cd": "005930"}))[1]
    assert "[1902:" in (await real.refused("ka30012", ELW, {"stk_cd": "005930"}))[1]
    assert "[1902:" in (await real.refused("ka50010", MRKCOND, {"stk_cd": "M04020999"}))[1]


async def test_warrants_are_filtered_and_sorted(real: Asker) -> None:
    body = {
        "isscomp_cd": "000000000000",
        "bsis_aset_cd": "005930",
        "rght_tp": "1",
        "lpcd": "000000000000",
        "sort_tp": "5",
    }
    rows = (await real.ask("ka30005", ELW, **body))["elwcnd_qry"]
    assert {(row["rght_tp"], row["base_aset_nm"]) for row in rows} == {("콜", "삼성전자")}
    assert [int(row["trde_qty"]) for row in rows] == sorted((int(row["trde_qty"]) for row in rows), reverse=True)
    issued = (await real.ask("ka30005", ELW, **{**body, "bsis_aset_cd": "000000000000", "lpcd": "003"}))["elwcnd_qry"]
    assert {row["lpmmcm_nm"] for row in issued} == {"한국투자증권"}
    firm = {"isscomp_cd": "003", "trde_qty_tp": "0", "trde_tp": "2", "dt": "1", "trde_end_elwskip": "0"}
    assert (await real.ask("ka30002", ELW, **firm))["trde_ori_elwnettrde_upper"]


async def test_a_warrant_follows_its_stock(real: Asker) -> None:
    told = await real.ask("ka30012", ELW, stk_cd=WARRANT)
    stock = await real.ask("ka10001", STKINFO, stk_cd=told["aset_cd"])
    price, strike = int(stock["cur_prc"].lstrip("+-")), int(told["elwexec_pric"])
    assert float(told["elwprty"]) == pytest.approx(price / strike, abs=0.006)


async def test_yesterdays_trades_are_yesterdays(real: Asker) -> None:
    today = (await real.ask("ka10084", STKINFO, stk_cd="005930", tdy_pred="1", tic_min="0"))["tdy_pred_cntr"]
    before = (await real.ask("ka10084", STKINFO, stk_cd="005930", tdy_pred="2", tic_min="0"))["tdy_pred_cntr"]
    quote = await real.ask("ka10007", MRKCOND, stk_cd="005930")
    assert int(today[0]["acc_trde_qty"]) == int(quote["trde_qty"])
    assert int(before[0]["acc_trde_qty"]) == int(quote["pred_trde_qty"])
    assert int(before[0]["cur_prc"].lstrip("+-")) == int(quote["pred_close_pric"])


async def test_orders_are_found_by_side_code_and_number(real: Asker) -> None:
    first = await real.ask("kt10000", ORDR, **BUY)
    second = await real.ask("kt10001", ORDR, **{**BUY, "stk_cd": "000660", "ord_qty": "1"})
    body = {"qry_tp": "2", "stk_bond_tp": "0", "sell_tp": "0", "dmst_stex_tp": "%"}

    async def numbers(**more: str) -> list[str]:
        told = await real.ask("kt00007", ACNT, **{**body, **more})
        return [row["ord_no"] for row in told["acnt_ord_cntr_prps_dtl"]]

    assert await numbers() == [second["ord_no"], first["ord_no"]]
    assert await numbers(sell_tp="1") == [second["ord_no"]]
    assert await numbers(stk_cd="005930") == [first["ord_no"]]
    assert await numbers(fr_ord_no=second["ord_no"]) == [second["ord_no"]]
    assert await numbers(qry_tp="3") == []
    assert await numbers(dmst_stex_tp="NXT") == []
    assert await numbers(ord_dt="20261119") == []
    done = {"stk_cd": "000660", "qry_tp": "1", "sell_tp": "0", "ord_no": "", "stex_tp": "1"}
    assert [row["stk_cd"] for row in (await real.ask("ka10076", ACNT, **done))["cntr"]] == ["000660"]
    before = {**done, "qry_tp": "0", "ord_no": second["ord_no"]}
    assert [row["ord_no"] for row in (await real.ask("ka10076", ACNT, **before))["cntr"]] == [first["ord_no"]]


async def test_statements_of_a_day_with_trades_add_up(real: Asker) -> None:
    await real.ask("kt10000", ORDR, **BUY)
    await real.ask("kt10001", ORDR, **{**BUY, "ord_qty": "1"})
    today = f"{NOON:%Y%m%d}"
    diary = await real.ask("ka10170", ACNT, base_dt=today, ottks_tp="2", ch_crd_tp="0")
    row = diary["tdy_trde_diary"][0]
    assert (row["buy_qty"], row["sell_qty"]) == ("2", "1")
    assert int(diary["tot_exct_amt"]) == int(row["sell_amt"]) - int(row["buy_amt"]) - int(row["cmsn_alm_tax"])
    settles = await real.ask("kt00008", ACNT)
    rows = settles["acnt_nxdy_setl_frcs_prps_array"]
    assert settles["setl_dt"] == "20261124"
    sums = {"매수": int(settles["buy_amt_sum"]), "매도": int(settles["sell_amt_sum"])}
    for side, total in sums.items():
        assert total == sum(int(one["exct_amt"]) for one in rows if one["sell_tp"] == side)
    assets = (await real.ask("kt00002", ACNT, start_dt="20261101", end_dt=today))["daly_prsm_dpst_aset_amt_prst"]
    estimated = await real.ask("kt00003", ACNT, qry_tp="0")
    assert int(assets[0]["prsm_dpst_aset_amt"]) == int(estimated["prsm_dpst_aset_amt"])
    period = await real.ask("kt00016", ACNT, fr_dt="20261102", to_dt=today)
    assert int(period["tot_amt_to"]) - int(period["tot_amt_fr"]) == int(period["evltv_prft"])
    now = await real.ask("kt00017", ACNT)
    assert int(now["cmsn"]) + int(now["tax"]) == int(row["cmsn_alm_tax"])
    empty = await real.ask("ka10074", ACNT, strt_dt="20261101", end_dt="20261105")
    assert (empty["rlzt_pl"], empty["dt_rlzt_pl"]) == ("0", [])


async def test_what_can_be_ordered_is_what_the_money_buys(real: Asker) -> None:
    told = await real.ask("kt00010", ACNT, stk_cd="005930", trde_tp="2", trde_qty="3", uv="50000")
    able, count = int(told["ord_alowa"]), int(told["profa_100ord_alowq"])
    assert count * 50_000 <= able < (count + 2) * 50_000
    assert int(told["pur_exct_amt"]) == int(told["pur_amt"]) + int(told["cmsn"])


async def test_orders_on_other_venues(real: Asker, market: Market) -> None:
    told = await real.ask("kt10000", ORDR, **{**BUY, "dmst_stex_tp": "SOR"})
    assert told["dmst_stex_tp"] == "SOR"
    lacking = next(one.code for one in market.issues if not one.nxt_share and not one.halted and one.price < 50_000)
    assert "[1903:" in (await real.refused("kt10000", ORDR, {**BUY, "stk_cd": lacking, "dmst_stex_tp": "NXT"}))[1]
    routed = await real.ask("kt10000", ORDR, **{**BUY, "stk_cd": lacking, "dmst_stex_tp": "SOR"})
    assert routed["dmst_stex_tp"] == "KRX"
    no_credit = next(one.code for one in market.issues if not one.credit)
    assert "신용" in (await real.refused("kt10006", "/api/dostk/crdordr", {**BUY, "stk_cd": no_credit}))[1]


async def test_a_filter_by_margin_and_by_code(real: Asker, market: Market) -> None:
    every = {"mrkt_tp": "000", "updown_incls": "1", "trde_qty_tp": "0", "stk_cnd": "7", "crd_cnd": "1", "stex_tp": "1"}
    rows = (await real.ask("ka10033", RKINFO, **every))["crd_rt_upper"]
    assert not rows  # group A asks for lower margins than 증40만보기 leaves
    rows = (await real.ask("ka10033", RKINFO, **{**every, "crd_cnd": "2"}))["crd_rt_upper"]
    assert rows
    assert {market.by_code[row["stk_cd"]].margin for row in rows} == {40}
