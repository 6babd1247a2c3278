"""The same word means different things in different statements, and what may be ordered is what the desk accepts."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.kis_simulator.client import Client
from tests.unit.kis_simulator.test_orders import post

ACCOUNT = {"CANO": "50001234"}
FOREIGN = {
    "OVRS_FUTR_FX_PDNO": "ESZ26",
    "SLL_BUY_DVSN_CD": "02",
    "CCLD_CNDT_CD": "6",
    "CPLX_ORD_DVSN_CD": "0",
    "FM_ORD_QTY": "2",
}
"""An order for a future abroad: one limit price or none is to be added."""
FUTURE = {"ORD_PRCS_DVSN_CD": "02", "SLL_BUY_DVSN_CD": "02", "SHTN_PDNO": "101W12", "ORD_QTY": "2"}


async def foreign(client: Client, **more: str) -> dict[str, Any]:
    body = FOREIGN | {"PRIC_DVSN_CD": "2"} | more
    return dict((await post(client, "overseas_futureoption.order", body, tr_id="OTFM3001U", product="08")).json())


@pytest.mark.parametrize("name", ["inquire_ccld", "inquire_daily_order"])
async def test_futures_abroad_01_is_all_02_executed_03_open(client: Client, name: str) -> None:
    resting = (await foreign(client, PRIC_DVSN_CD="1", FM_LIMIT_ORD_PRIC="0.25"))["output"]["ODNO"]
    done = (await foreign(client))["output"]["ODNO"]
    asked = ACCOUNT | {"ACNT_PRDT_CD": "08", "STRT_DT": "20261101", "END_DT": "20261130", "SLL_BUY_DVSN_CD": "02"}
    told = {}
    for code in ("01", "02", "03"):
        reply = await client.rows(f"overseas_futureoption.{name}", asked | {"CCLD_NCCS_DVSN": code, "FUOP_DVSN": "00"})
        told[code] = {one["odno"]: one["fm_ord_rmn_qty"] for one in reply}
    assert told == {"01": {resting: "2", done: "0"}, "02": {done: "0"}, "03": {resting: "2"}}


@pytest.mark.parametrize("name", ["inquire_ccnl", "inquire_ngt_ccnl"])
async def test_an_open_future_at_home_shows_what_is_left(client: Client, name: str) -> None:
    body = FUTURE | {"UNIT_PRICE": "200.00", "ORD_DVSN_CD": "01"}
    resting = (await post(client, "domestic_futureoption.order", body, tr_id="TTTO1101U", product="03")).json()
    body = FUTURE | {"UNIT_PRICE": "0", "ORD_DVSN_CD": "02"}
    done = (await post(client, "domestic_futureoption.order", body, tr_id="TTTO1101U", product="03")).json()
    asked = ACCOUNT | {"ACNT_PRDT_CD": "03", "STRT_ORD_DT": "20261120", "END_ORD_DT": "20261120"}
    asked |= {"SLL_BUY_DVSN_CD": "00", "CCLD_NCCS_DVSN": "00", "SORT_SQN": "DS"}
    if name == "inquire_ngt_ccnl":
        asked["FUOP_DVSN_CD"] = "01"
    reply = (await client.get(f"domestic_futureoption.{name}", asked)).json()
    assert reply["rt_cd"] == "0", reply
    rows = {one["odno"]: one for one in reply["output1"]}
    first, second = rows[resting["output"]["ODNO"]], rows[done["output"]["ODNO"]]
    assert (first["ord_qty"], first["tot_ccld_qty"], first["qty"]) == ("2", "0", "2")
    assert (second["ord_qty"], second["tot_ccld_qty"], second["qty"]) == ("2", "2", "0")
    assert Decimal(first["ord_idx" if name == "inquire_ccnl" else "ord_idx4"]) == 200
    assert Decimal(second["avg_idx"]) > 0
    sums = {name.lower(): value for name, value in reply["output2"].items()}
    assert sums["tot_ccld_qty_smtl"] == "2"


async def test_a_reservation_in_asia_is_told_and_taken_back_by_its_number(client: Client) -> None:
    body = {
        "OVRS_EXCG_CD": "SEHK",
        "PDNO": "00700",
        "SLL_BUY_DVSN_CD": "02",
        "RVSE_CNCL_DVSN_CD": "00",
        "PRDT_TYPE_CD": "501",
        "FT_ORD_QTY": "100",
        "FT_ORD_UNPR3": "300",
    }
    taken = (await post(client, "overseas_stock.order_resv", body, tr_id="TTTS3013U")).json()["output"]
    number = taken["OVRS_RSVN_ODNO"]
    assert len(number) == 10
    assert taken == {"ODNO": number, "RSVN_ORD_RCIT_DT": "20261120", "OVRS_RSVN_ODNO": number}
    back = body | {"RVSE_CNCL_DVSN_CD": "02", "OVRS_RSVN_ODNO": number, "RSVN_ORD_RCIT_DT": "20261120"}
    reply = (await post(client, "overseas_stock.order_resv", back, tr_id="TTTS3013U")).json()
    assert reply["output"] == taken
    again = (await post(client, "overseas_stock.order_resv", back, tr_id="TTTS3013U")).json()
    assert again["msg_cd"] == "APBK0918"
    nameless = back | {"OVRS_RSVN_ODNO": ""}
    assert (await post(client, "overseas_stock.order_resv", nameless, tr_id="TTTS3013U")).json()["rt_cd"] == "7"


async def test_a_reservation_in_america_is_found_without_its_zeros(client: Client) -> None:
    body = {"RVSE_CNCL_DVSN_CD": "00", "PDNO": "AAPL", "OVRS_EXCG_CD": "NASD", "FT_ORD_QTY": "1", "FT_ORD_UNPR3": "100"}
    number = (await post(client, "overseas_stock.order_resv", body, tr_id="TTTT3014U")).json()["output"]["ODNO"]
    back = {"OVRS_RSVN_ODNO": number.lstrip("0"), "RSYN_ORD_RCIT_DT": "20261120"}
    reply = (await post(client, "overseas_stock.order_resv_ccnl", back, tr_id="TTTT3017U")).json()
    assert reply["output"] == {"OVRS_RSVN_ODNO": number}


async def test_futures_abroad_what_may_be_ordered_is_what_the_desk_accepts(client: Client) -> None:
    asked = ACCOUNT | {"ACNT_PRDT_CD": "08", "OVRS_FUTR_FX_PDNO": "ESZ26", "SLL_BUY_DVSN_CD": "02"}
    name = "overseas_futureoption.inquire_psamount"
    told = await client.rows(name, asked)
    most = int(told["fm_new_ord_psbl_qty"])
    assert most > 2
    assert (told["ovrs_futr_fx_pdno"], told["crcy_cd"], told["sll_buy_dvsn_cd"]) == ("ESZ26", "USD", "02")
    assert (told["fm_ustl_qty"], told["fm_lqd_psbl_qty"]) == ("0", "0")
    assert told["fm_tot_ord_psbl_qty"] == told["fm_mkpr_tot_ord_psbl_qty"] == str(most)
    assert (await foreign(client, FM_ORD_QTY=str(most + 1)))["msg_cd"] == "APBK0919"
    assert (await foreign(client, FM_ORD_QTY=str(most)))["rt_cd"] == "0"
    sell = await client.rows(name, asked | {"SLL_BUY_DVSN_CD": "01"})
    assert (sell["fm_ustl_qty"], sell["fm_lqd_psbl_qty"]) == (str(most), str(most))
    assert int(sell["fm_tot_ord_psbl_qty"]) == int(sell["fm_new_ord_psbl_qty"]) + most
    more = await client.rows(name, asked)
    assert int(more["fm_new_ord_psbl_qty"]) < most
    assert (await foreign(client, SLL_BUY_DVSN_CD="01", FM_ORD_QTY=str(most)))["rt_cd"] == "0"


async def test_a_lower_price_lets_order_more_futures(client: Client) -> None:
    asked = ACCOUNT | {"ACNT_PRDT_CD": "08", "OVRS_FUTR_FX_PDNO": "ESZ26", "SLL_BUY_DVSN_CD": "02"}
    name = "overseas_futureoption.inquire_psamount"
    low = await client.rows(name, asked | {"FM_ORD_PRIC": "10"})
    assert int(low["fm_new_ord_psbl_qty"]) == 120_000 // 50  # 120,000 USD; a tenth of size 50 × 10 is held
    assert int(low["fm_mkpr_tot_ord_psbl_qty"]) < int(low["fm_new_ord_psbl_qty"])


async def test_futures_at_home_what_may_be_ordered_is_what_the_desk_accepts(client: Client) -> None:
    asked = ACCOUNT | {"ACNT_PRDT_CD": "03", "PDNO": "101W12", "SLL_BUY_DVSN_CD": "02", "ORD_DVSN_CD": "02"}
    told = await client.rows("domestic_futureoption.inquire_psbl_order", asked | {"UNIT_PRICE": "0"})
    most = int(told["tot_psbl_qty"])
    assert most == int(told["ord_psbl_qty"]) > 1
    for quantity, code in ((most + 1, "APBK0919"), (most, "APBK0013")):
        body = FUTURE | {"UNIT_PRICE": "0", "ORD_DVSN_CD": "02", "ORD_QTY": str(quantity)}
        reply = await post(client, "domestic_futureoption.order", body, tr_id="TTTO1101U", product="03")
        assert reply.json()["msg_cd"] == code
