"""Every account question answers from its sheet, and all but a listed few tell the ledger."""

from typing import Any

import pytest

from dari.providers.kis.simulator.answers.untied import UNTIED_STATEMENTS
from dari.providers.kis.spec import SPEC
from dari.worlds.market import Market
from tests.unit.kis_simulator.client import NOON, Client
from tests.unit.kis_simulator.test_orders import CASH, post


def _asked(name: str) -> dict[str, str]:
    sheet = SPEC.endpoint(name)
    codes = {one.name: one.fixed if one.fixed is not None else next(iter(one.codes), "") for one in sheet.parameters}
    given = {
        "CANO": "50001234",
        "ACNT_PRDT_CD": {"domestic_futureoption": "03", "overseas_futureoption": "08"}.get(sheet.category, "01"),
        "PDNO": "005930",
        "ITEM_CD": "AAPL",
        "OVRS_FUTR_FX_PDNO": "ESZ26",
        "CTX_AREA_FK100": "",
    }
    if sheet.category == "overseas_stock":
        given["PDNO"] = ""
    fixed = {one.name for one in sheet.parameters if one.fixed is not None}
    return {name: given[name] if name in given and name not in fixed else codes[name] for name in codes}


PERIOD = {
    "INQR_STRT_DT": "20261101",
    "INQR_END_DT": "20261130",
    "ORD_STRT_DT": "20261101",
    "ORD_END_DT": "20261130",
    "STRT_DT": "20261101",
    "END_DT": "20261130",
    "STRT_ORD_DT": "20261101",
    "END_ORD_DT": "20261130",
}
"""The days a statement is asked for; a sheet without such parameters does not mind."""

ACCOUNT_READS = [
    one.id for one in SPEC if one.transport == "rest" and one.scope == "account" and one.effect.name == "READ"
]


@pytest.mark.parametrize("name", ACCOUNT_READS)
async def test_every_statement_answers_with_its_sheets_blocks(client: Client, name: str) -> None:
    reply = await client.get(name, _asked(name))
    body = reply.json()
    assert body["rt_cd"] == "0", body
    for block in SPEC.endpoint(name).blocks:
        if block.name is not None:
            rows = body[block.name] if isinstance(body[block.name], list) else [body[block.name]]
            assert all(list(row) == [field.name for field in block.fields] for row in rows)


TRADES = [
    ("domestic_stock.order_cash", "TTTC0012U", "01", CASH | {"ORD_DVSN": "01", "ORD_QTY": "3", "ORD_UNPR": "0"}),
    ("domestic_stock.order_cash", "TTTC0012U", "01", CASH | {"ORD_QTY": "3", "ORD_UNPR": "LOW"}),
    (
        "overseas_stock.order",
        "TTTT1002U",
        "01",
        {"OVRS_EXCG_CD": "NASD", "PDNO": "AAPL", "ORD_QTY": "2", "OVRS_ORD_UNPR": "999", "ORD_DVSN": "00"},
    ),
    (
        "overseas_stock.order",
        "TTTT1002U",
        "01",
        {"OVRS_EXCG_CD": "NASD", "PDNO": "AAPL", "ORD_QTY": "2", "OVRS_ORD_UNPR": "1", "ORD_DVSN": "00"},
    ),
    (
        "domestic_futureoption.order",
        "TTTO1101U",
        "03",
        {
            "ORD_PRCS_DVSN_CD": "02",
            "SLL_BUY_DVSN_CD": "02",
            "SHTN_PDNO": "101W12",
            "ORD_QTY": "1",
            "UNIT_PRICE": "0",
            "ORD_DVSN_CD": "02",
        },
    ),
    (
        "overseas_futureoption.order",
        "OTFM3001U",
        "08",
        {
            "OVRS_FUTR_FX_PDNO": "ESZ26",
            "SLL_BUY_DVSN_CD": "01",
            "PRIC_DVSN_CD": "2",
            "FM_ORD_QTY": "1",
            "CCLD_CNDT_CD": "2",
            "CPLX_ORD_DVSN_CD": "0",
        },
    ),
    (
        "domestic_bond.buy",
        "TTTC0952U",
        "01",
        {
            "PDNO": "KR2033022D33",
            "ORD_QTY2": "10",
            "BOND_ORD_UNPR": "99999",
            "SAMT_MKET_PTCI_YN": "N",
            "BOND_RTL_MKET_YN": "N",
        },
    ),
    (
        "domestic_bond.buy",
        "TTTC0952U",
        "01",
        {
            "PDNO": "KR2033022D33",
            "ORD_QTY2": "10",
            "BOND_ORD_UNPR": "9000",
            "SAMT_MKET_PTCI_YN": "N",
            "BOND_RTL_MKET_YN": "N",
        },
    ),
    (
        "domestic_stock.order_resv",
        "CTSC0008U",
        "01",
        {
            "PDNO": "005930",
            "ORD_QTY": "2",
            "ORD_UNPR": "60000",
            "SLL_BUY_DVSN_CD": "02",
            "ORD_DVSN_CD": "00",
            "ORD_OBJT_CBLC_DVSN_CD": "10",
        },
    ),
    (
        "overseas_stock.order_resv",
        "TTTT3014U",
        "01",
        {
            "RVSE_CNCL_DVSN_CD": "00",
            "PDNO": "AAPL",
            "OVRS_EXCG_CD": "NASD",
            "FT_ORD_QTY": "1",
            "FT_ORD_UNPR3": "100",
        },
    ),
]


async def test_all_but_the_listed_statements_tell_the_ledger(client: Client, market: Market) -> None:
    """What an account reads the same before and after trading in every product is not of the ledger."""

    async def everything() -> dict[str, Any]:
        return {name: (await client.get(name, _asked(name) | PERIOD)).json() for name in ACCOUNT_READS}

    before = await everything()
    low = str(market.book("005930", NOON).bids[6].price)
    for name, tr_id, product, body in TRADES:
        sent = {key: low if value == "LOW" else value for key, value in body.items()}
        reply = await post(client, name, sent, tr_id=tr_id, product=product)
        assert reply.json()["rt_cd"] == "0", reply.text
    after = await everything()
    same = {name for name in ACCOUNT_READS if before[name] == after[name]}
    assert same == UNTIED_STATEMENTS.keys()
