"""Orders execute against the world's book, and every statement adds up to the ledger."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from dari.core import krx
from dari.providers.kis.simulator import NEWCOMER, PAPER, REAL, Key
from dari.providers.kis.spec import SPEC
from dari.worlds.market import Market
from tests.unit.kis_simulator.client import NOON, Client

CASH = {"ORD_DVSN": "00", "PDNO": "005930"}
BALANCE = {
    "AFHR_FLPR_YN": "N",
    "INQR_DVSN": "02",
    "FUND_STTL_ICLD_YN": "N",
    "FNCG_AMT_AUTO_RDPT_YN": "N",
    "PRCS_DVSN": "00",
}
DAILY = {
    "INQR_STRT_DT": "20261120",
    "INQR_END_DT": "20261120",
    "SLL_BUY_DVSN_CD": "00",
    "CCLD_DVSN": "00",
    "INQR_DVSN": "00",
    "INQR_DVSN_1": "",
    "INQR_DVSN_3": "00",
    "EXCG_ID_DVSN_CD": "KRX",
}


async def post(
    client: Client, name: str, body: Mapping[str, str], *, tr_id: str = "", key: Key = REAL, product: str = "01"
) -> httpx2.Response:
    sheet = SPEC.endpoint(name)
    filled = {one.name: one.fixed or "" for one in sheet.parameters if one.required}
    filled |= {"CANO": key.accounts[0][0], "ACNT_PRDT_CD": product, **body}
    headers = client.headers(tr_id or sheet.codes[key.mode] or "", key)
    reply = await client.http.post(f"/{key.mode}{sheet.path}", json=filled, headers=headers)
    client.clock.advance(1.0)
    return reply


async def buy(client: Client, quantity: int, price: int, code: str = "005930", **other: str) -> dict[str, Any]:
    body = CASH | {"PDNO": code, "ORD_QTY": str(quantity), "ORD_UNPR": str(price), **other}
    return dict((await post(client, "domestic_stock.order_cash", body, tr_id="TTTC0012U")).json())


async def ask(client: Client, name: str, asked: Mapping[str, str], *, key: Key = REAL, **headers: str) -> Any:
    account = {"CANO": key.accounts[0][0], "ACNT_PRDT_CD": "01"}
    return await client.get(name, account | dict(asked), key=key, headers=headers)


async def ledger(client: Client, account: str = "50001234") -> Any:
    return (await client.http.get("/__truth__/ledger", params={"account": account})).json()


async def test_a_purchase_executes_at_the_book_and_every_statement_agrees(client: Client, market: Market) -> None:
    best = market.book("005930", NOON).asks[0].price
    reply = await buy(client, 3, best)
    assert (reply["rt_cd"], reply["msg_cd"]) == ("0", "APBK0013")
    number = reply["output"]["ODNO"]
    told = await ledger(client)
    assert told["orders_accepted"] == told["orders_executed"] == 1
    assert told["accounts"][0]["orders"][0]["fills"] == [{"quantity": 3, "price": str(best)}]
    balance = (await ask(client, "inquire_balance", BALANCE)).json()
    row = next(one for one in balance["output1"] if one["pdno"] == "005930")
    assert int(row["hldg_qty"]) == 13
    assert row["thdt_buyqty"] == "3"
    sums = balance["output2"][0]
    assert Decimal(sums["dnca_tot_amt"]) == 300_000_000 - 3 * best
    assert Decimal(sums["scts_evlu_amt"]) == sum(Decimal(one["evlu_amt"]) for one in balance["output1"])
    assert Decimal(sums["tot_evlu_amt"]) == Decimal(sums["dnca_tot_amt"]) + Decimal(sums["scts_evlu_amt"])
    day = (await ask(client, "inquire_daily_ccld", DAILY)).json()
    assert [one["odno"] for one in day["output1"]] == [number]
    assert day["output1"][0]["tot_ccld_qty"] == day["output2"]["tot_ccld_qty"] == "3"
    assert Decimal(day["output1"][0]["tot_ccld_amt"]) == 3 * best


async def test_an_order_below_the_book_rests_can_be_changed_and_cancelled(client: Client, market: Market) -> None:
    low = market.book("005930", NOON).bids[4].price
    first = (await buy(client, 10, low))["output"]["ODNO"]
    rows = (await ask(client, "inquire_psbl_rvsecncl", {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0"})).json()["output"]
    assert [(one["odno"], one["psbl_qty"]) for one in rows] == [(first, "10")]
    change = {
        "KRX_FWDG_ORD_ORGNO": rows[0]["ord_gno_brno"],
        "ORD_DVSN": "00",
        "ORGN_ODNO": first,
        "QTY_ALL_ORD_YN": "Y",
    }
    amend = change | {
        "RVSE_CNCL_DVSN_CD": "01",
        "ORD_QTY": "0",
        "ORD_UNPR": str(market.book("005930", NOON).bids[2].price),
    }
    second = (await post(client, "domestic_stock.order_rvsecncl", amend)).json()["output"]["odno"]
    part = change | {
        "ORGN_ODNO": second,
        "RVSE_CNCL_DVSN_CD": "02",
        "ORD_QTY": "4",
        "ORD_UNPR": "0",
        "QTY_ALL_ORD_YN": "N",
    }
    assert (await post(client, "domestic_stock.order_rvsecncl", part)).json()["rt_cd"] == "0"
    rows = (await ask(client, "inquire_psbl_rvsecncl", {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0"})).json()["output"]
    assert [(one["odno"], one["orgn_odno"], one["psbl_qty"]) for one in rows] == [(second, first, "6")]
    rest = part | {"QTY_ALL_ORD_YN": "Y"}
    assert (await post(client, "domestic_stock.order_rvsecncl", rest)).json()["rt_cd"] == "0"
    again = await post(client, "domestic_stock.order_rvsecncl", rest)
    assert (again.status_code, again.json()["msg_cd"]) == (200, "APBK0918")
    told = await ledger(client)
    assert told["executions"] == 0
    assert (told["orders_accepted"], told["changes_accepted"]) == (1, 3)


async def test_a_market_order_walks_the_book(client: Client, market: Market) -> None:
    levels = market.book("000660", NOON).asks
    quantity = levels[0].quantity + levels[1].quantity // 2 + 1
    reply = await buy(client, min(quantity, 900), 0, "000660", ORD_DVSN="01")
    assert reply["rt_cd"] in {"0", "7"}
    if reply["rt_cd"] == "0":
        fills = (await ledger(client))["accounts"][0]["orders"][0]["fills"]
        assert sum(one["quantity"] for one in fills) == min(quantity, 900)
        assert fills[0]["price"] == str(levels[0].price)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ORD_QTY": "0"}, "APBK0918"),
        ({"ORD_QTY": "1000000"}, "APBK0919"),
        ({"PDNO": "999999"}, "APBK0918"),
        ({"ORD_UNPR": "1"}, "APBK0918"),
        ({"ORD_UNPR": "0"}, "APBK0918"),
        ({"CANO": "12345678"}, "OPSQ2000"),
        ({"ACNT_PRDT_CD": "03"}, "IGW00002"),
        ({"ORD_DVSN": "99"}, "OPSQ2001"),
    ],
)
async def test_declined_orders_change_nothing(
    client: Client, market: Market, change: dict[str, str], code: str
) -> None:
    price = str(market.quote("005930", NOON).price)
    body = CASH | {"ORD_QTY": "1", "ORD_UNPR": price} | change
    reply = await post(client, "domestic_stock.order_cash", body, tr_id="TTTC0012U")
    assert (reply.status_code, reply.json()["msg_cd"]) == (200, code)
    assert (await ledger(client))["orders_accepted"] == 0


async def test_off_tick_prices_and_short_sales_are_declined(client: Client, market: Market) -> None:
    price = market.quote("000660", NOON).price
    assert krx.tick_size(price) > 1
    assert (await buy(client, 1, price + 1, "000660"))["msg_cd"] == "APBK0918"
    body = CASH | {"ORD_QTY": "999", "ORD_UNPR": str(market.quote("005930", NOON).price)}
    assert (await post(client, "domestic_stock.order_cash", body, tr_id="TTTC0011U")).json()["msg_cd"] == "APBK1234"


async def test_paper_trades_krx_only_and_keeps_its_own_account(client: Client, market: Market) -> None:
    body = CASH | {"ORD_QTY": "1", "ORD_UNPR": str(market.book("005930", NOON).asks[0].price)}
    reply = await post(client, "domestic_stock.order_cash", body, tr_id="VTTC0012U", key=PAPER)
    assert reply.json()["rt_cd"] == "0"
    nxt = await post(
        client, "domestic_stock.order_cash", body | {"EXCG_ID_DVSN_CD": "NXT"}, tr_id="VTTC0012U", key=PAPER
    )
    assert nxt.json()["rt_cd"] == "2"
    assert (await ledger(client, "60005678"))["orders_accepted"] == 1
    assert (await ledger(client))["orders_accepted"] == 0


async def test_the_ledger_has_its_own_limit(client: Client) -> None:
    sheet = SPEC.endpoint("domestic_stock.inquire_balance")
    asked = (
        {one.name: one.fixed or "" for one in sheet.parameters} | BALANCE | {"CANO": "50001234", "ACNT_PRDT_CD": "01"}
    )
    headers = client.headers("TTTC8434R")
    codes = [
        (await client.http.get("/real" + sheet.path, params=asked, headers=headers)).json()["msg_cd"] for _ in "ab"
    ]
    assert codes == ["MCA00000", "EGW00215"]


async def test_balances_come_in_pages(client: Client) -> None:
    await client.sign_in(NEWCOMER)
    account = BALANCE | {"CANO": NEWCOMER.accounts[0][0], "ACNT_PRDT_CD": "01"}
    first = await client.get("inquire_balance", account, key=NEWCOMER)
    assert first.headers["tr_cont"] == "M"
    assert len(first.json()["output1"]) == 50
    keys = {"CTX_AREA_FK100": first.json()["ctx_area_fk100"], "CTX_AREA_NK100": first.json()["ctx_area_nk100"]}
    assert len(keys["CTX_AREA_NK100"]) == 100
    second = await client.get("inquire_balance", account | keys, key=NEWCOMER, headers={"tr_cont": "N"})
    assert second.headers["tr_cont"] == "D"
    codes = [one["pdno"] for reply in (first, second) for one in reply.json()["output1"]]
    assert len(codes) == len(set(codes)) == 63
    wrong = await client.get(
        "inquire_balance", account | {"CTX_AREA_NK100": "x"}, key=NEWCOMER, headers={"tr_cont": "N"}
    )
    assert wrong.json()["rt_cd"] == "2"


@pytest.mark.parametrize(
    ("fault", "executed"), [("order_error_before", 0), ("order_error_after", 1), ("order_drop_after", 1)]
)
async def test_orders_may_go_wrong_before_and_after(client: Client, market: Market, fault: str, executed: int) -> None:
    await client.http.post("/__sim__/faults", json={fault: 1})
    price = market.book("005930", NOON).asks[0].price
    try:
        reply = await buy(client, 1, price)
    except ConnectionResetError:
        reply = {"msg_cd": "broken"}
    assert reply["msg_cd"] == ("broken" if fault == "order_drop_after" else "EGW00001")
    assert (await ledger(client))["orders_executed"] == executed


async def test_a_reservation_waits_and_can_be_taken_back(client: Client) -> None:
    body = {"PDNO": "005930", "ORD_QTY": "2", "ORD_UNPR": "60000", "SLL_BUY_DVSN_CD": "02", "ORD_DVSN_CD": "00"}
    body |= {"ORD_OBJT_CBLC_DVSN_CD": "10"}
    reply = (await post(client, "domestic_stock.order_resv", body)).json()
    number = reply["output"]["rsvn_ord_seq"]
    rows = (await ask(client, "order_resv_ccnl", {"PRCS_DVSN_CD": "0", "CNCL_YN": "N"})).json()["output"]
    assert [(one["rsvn_ord_seq"], one["ord_rsvn_qty"]) for one in rows] == [(number, "2")]
    cancel = await post(
        client, "domestic_stock.order_resv_rvsecncl", body | {"RSVN_ORD_SEQ": number}, tr_id="CTSC0009U"
    )
    assert cancel.json()["output"]["nrml_prcs_yn"] == "Y"
    assert (await ledger(client))["reservations"] == 0


async def test_abroad_the_tr_id_says_side_and_market(client: Client) -> None:
    body = {"OVRS_EXCG_CD": "NASD", "PDNO": "AAPL", "ORD_QTY": "2", "OVRS_ORD_UNPR": "999.99", "ORD_DVSN": "00"}
    assert (await post(client, "overseas_stock.order", body, tr_id="TTTT1002U")).json()["rt_cd"] == "0"
    sell = await post(client, "overseas_stock.order", body | {"OVRS_ORD_UNPR": "1.00"}, tr_id="TTTT1006U")
    assert sell.json()["rt_cd"] == "0"
    assert (await post(client, "overseas_stock.order", body, tr_id="TTTS0308U")).json()["rt_cd"] == "2"
    paper = {"key": PAPER, "product": "01"}
    good = await post(client, "overseas_stock.order", body | {"OVRS_ORD_UNPR": "1.00"}, tr_id="VTTT1001U", **paper)  # type: ignore[arg-type] # a key and a code
    assert good.json()["rt_cd"] == "0"
    bad = await post(client, "overseas_stock.order", body, tr_id="VTTT1006U", **paper)  # type: ignore[arg-type] # a key and a code
    assert (bad.status_code, bad.json()["msg_cd"]) == (500, "EGW00310")
    told = await ledger(client)
    usd = Decimal(told["accounts"][0]["cash"]["USD"])
    fills = [(one["side"], fill) for one in told["accounts"][0]["orders"] for fill in one["fills"]]
    flow = sum((1 if side == "sell" else -1) * fill["quantity"] * Decimal(fill["price"]) for side, fill in fills)
    assert usd == 120_000 + flow


async def test_futures_may_be_sold_first_and_settle_in_cash(client: Client) -> None:
    body = {"ORD_PRCS_DVSN_CD": "02", "SHTN_PDNO": "101W12", "ORD_QTY": "1", "UNIT_PRICE": "0", "ORD_DVSN_CD": "02"}
    for side in ("01", "02"):
        reply = await post(client, "domestic_futureoption.order", body | {"SLL_BUY_DVSN_CD": side}, product="03")
        assert reply.json()["rt_cd"] == "0", reply.text
    told = (await ledger(client))["accounts"][0]
    sold, bought = (Decimal(order["fills"][0]["price"]) for order in told["orders"])
    assert Decimal(told["cash"]["KRW"]) == 300_000_000 + (sold - bought) * 250_000
    assert not [one for one in told["positions"] if one["symbol"] == "101W12" and one["quantity"]]


async def test_bonds_are_bought_by_thousands(client: Client) -> None:
    body = {
        "PDNO": "KR2033022D33",
        "ORD_QTY2": "10",
        "BOND_ORD_UNPR": "99999",
        "SAMT_MKET_PTCI_YN": "N",
        "BOND_RTL_MKET_YN": "N",
    }
    assert (await post(client, "domestic_bond.buy", body)).json()["rt_cd"] == "0"
    order = (await ledger(client))["accounts"][0]["orders"][0]
    assert order["filled"] == 10
    rows = (
        await client.get("domestic_bond.inquire_balance", {"CANO": "50001234", "ACNT_PRDT_CD": "01", "INQR_CNDT": "00"})
    ).json()
    assert rows["output"][0]["cblc_qty"] == "10"
