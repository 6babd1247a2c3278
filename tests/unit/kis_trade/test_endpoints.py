"""search → describe → call: what is wrong is refused before the network, by name, with what is allowed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dari.core.endpoint import Effect, Endpoint
from dari.providers.kis.spec import SPEC
from tests.support import Asker, simulated

PRICE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
RANKING = {
    "FID_COND_MRKT_DIV_CODE": "J",
    "FID_COND_SCR_DIV_CODE": "20171",
    "FID_INPUT_ISCD": "0000",
    "FID_DIV_CLS_CODE": "0",
    "FID_BLNG_CLS_CODE": "3",
    "FID_TRGT_CLS_CODE": "111111111",
    "FID_TRGT_EXLS_CLS_CODE": "0000000000",
    "FID_INPUT_PRICE_1": "",
    "FID_INPUT_PRICE_2": "",
    "FID_VOL_CNT": "",
    "FID_INPUT_DATE_1": "",
}


@pytest.fixture
async def trade(tmp_path: Path) -> AsyncIterator[Asker]:
    async with simulated("kis-trade", tmp_path) as asker:
        yield asker


async def call(trade: Asker, endpoint: str, parameters: Mapping[str, str], **more: Any) -> Mapping[str, Any]:
    return await trade.answer("call_endpoint", endpoint=endpoint, parameters=parameters, **more)


def network() -> int:
    """Calls that reached the simulator, sign-ins too."""
    return sum(SIMULATORS[-1].calls.values())


SIMULATORS: list[Any] = []


@pytest.fixture(autouse=True)
def _watched(monkeypatch: pytest.MonkeyPatch) -> None:
    from dari.providers.kis.simulator import app  # noqa: PLC0415 -- watched where it is made

    class Watched(app.Simulator):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            SIMULATORS.append(self)

    monkeypatch.setattr(app, "Simulator", Watched)


async def test_a_read_comes_back_in_our_names_and_units(trade: Asker) -> None:
    told = await call(trade, "domestic_stock.inquire_price", PRICE)
    quote = told["fields"]["output"]
    assert isinstance(quote["price"], int)
    assert quote["market_cap"] % 100_000_000 == 0  # KIS writes 억원
    assert quote["issue_status_code"].isdigit()
    assert told["provenance"][0]["venue"] == "KRX"
    assert told["provenance"][0]["mode"] == "real"
    assert "price" in told["units"]["KRW"].split()


async def test_raw_is_what_kis_wrote(trade: Asker) -> None:
    told = await call(trade, "domestic_stock.inquire_price", PRICE, raw=True)
    assert isinstance(told["fields"]["output"]["stck_prpr"], str)


async def test_thirty_ranking_rows_are_small(trade: Asker) -> None:
    told = await call(trade, "domestic_stock.volume_rank", RANKING)
    table = told["tables"]["output"]
    assert len(table["rows"]) == 30
    assert len(table["columns"]) <= 14
    assert len(json.dumps(told, ensure_ascii=False)) <= 5_000


async def test_columns_are_chosen_and_cuts_are_said(trade: Asker) -> None:
    told = await call(trade, "domestic_stock.volume_rank", RANKING, columns=["stock_code", "acml_vol"], limit=3)
    table = told["tables"]["output"]
    assert table["columns"] == ["stock_code", "volume"]
    assert (len(table["rows"]), table["total"], told["truncated"]) == (3, 30, True)
    told = await call(trade, "domestic_stock.volume_rank", RANKING, columns=["all"])
    block = SPEC.endpoint("domestic_stock.volume_rank").blocks[0]
    assert len(told["tables"]["output"]["columns"]) == len(block.fields)


async def test_a_code_may_be_named_by_its_meaning(trade: Asker) -> None:
    told = await call(trade, "domestic_stock.inquire_price", {**PRICE, "FID_COND_MRKT_DIV_CODE": "통합"})
    assert told["provenance"][0]["venue"] == "UN"
    told = await call(trade, "domestic_stock.inquire_price", {name.lower(): one for name, one in PRICE.items()})
    assert told["fields"]["output"]["price"] > 0


@pytest.mark.parametrize(
    ("endpoint", "parameters", "error", "parameter"),
    [
        ("domestic_stock.inquire_price", {"FID_INPUT_ISCD": "005930"}, "invalid_input", "FID_COND_MRKT_DIV_CODE"),
        ("domestic_stock.inquire_price", {**PRICE, "FID_COND_MRKT_DIV_CODE": "Q"}, "invalid_input", "allowed"),
        ("domestic_stock.inquire_price", {**PRICE, "FID_INPUT_ISCD": ""}, "invalid_input", "FID_INPUT_ISCD"),
        ("domestic_stock.inquire_price", {**PRICE, "FID_INPUT_ISCD": "0" * 13}, "invalid_input", "FID_INPUT_ISCD"),
        ("domestic_stock.inquire_price", {**PRICE, "FID_INPUT_ISCD": "00\n593"}, "invalid_input", "FID_INPUT_ISCD"),
        ("domestic_stock.inquire_price", {**PRICE, "stock_name": "삼성전자"}, "invalid_input", "stock_name"),
        ("domestic_stock.inquire_price", {**PRICE, "tr_id": "TTTC0012U"}, "invalid_input", "tr_id"),
        ("etfetn.inquire_price", {"fid_input_iscd": "069500", "fid_cond_mrkt_div_code": "W"}, "invalid_input", "'J'"),
        ("domestic_stock.inquire_psbl_sell", {"PDNO": "005930", "CANO": "1"}, "invalid_input", "CANO"),
        ("domestic_stock.inquire_psbl_sell", {"PDNO": "005930"}, "wrong_mode", "paper_can"),
        ("TTTC8001R", {}, "invalid_input", "TTTC0081R"),
        ("TTTC0012U", {}, "not_allowed", "plan_order"),
        ("domestic_stock.order_cash", {}, "not_allowed", "plan_order"),
        ("auth.auth_token", {}, "not_allowed", "dari doctor"),
        ("domestic_stock.ccnl_krx", {}, "not_allowed", "collect_realtime"),
        ("domestic_stock.inquire_prise", {}, "not_found", "inquire_price"),
        ("FHKST99999999", {}, "not_found", "FHKST99999999"),
    ],
)
async def test_what_is_wrong_never_leaves(
    trade: Asker, endpoint: str, parameters: dict[str, str], error: str, parameter: str
) -> None:
    outcome = await trade.outcome("call_endpoint", endpoint=endpoint, parameters=parameters)
    assert outcome.error == error, outcome.text
    assert parameter in json.dumps(outcome.structured, ensure_ascii=False)
    assert network() == 0
    SIMULATORS.clear()


async def test_an_account_of_another_product_is_refused(tmp_path: Path) -> None:
    keys = {"KOREA_INVESTMENT_APP_KEY": "k" * 36, "KOREA_INVESTMENT_APP_SECRET": "s" * 180, "KIS_MODE": "real"}
    from dari.app.runtime import Runtime  # noqa: PLC0415 -- without a simulator: nothing may leave here at all
    from dari.settings import resolve  # noqa: PLC0415 -- as above

    async def asked(endpoint: str, **settings: str) -> Any:
        found = resolve(environment={"DARI_HOME": str(tmp_path), **keys, **settings}, home=tmp_path)
        async with Runtime(found) as runtime:
            _, dispatch = runtime.server("kis-trade")
            arguments = {"endpoint": endpoint, "parameters": {"MGNA_DVSN": "01", "EXCC_STAT_CD": "1"}}
            return await dispatch.call("call_endpoint", arguments, runtime.caller())

    outcome = await asked("domestic_futureoption.inquire_balance")
    assert (outcome.error, "KOREA_INVESTMENT_FUTURE_ACCOUNT" in outcome.text) == ("missing_credential", True)
    overseas = {"KOREA_INVESTMENT_FUTURE_ACCOUNT": "12345678-08"}
    assert (await asked("domestic_futureoption.inquire_balance", **overseas)).error == "missing_credential"


@pytest.mark.parametrize("cursor", ["{", "[]", '"x"', '{"CANO": "12345678"}', '{"tr_id": "VTTC0012U"}', '{"PDNO": 1}'])
async def test_a_cursor_carries_nothing_but_the_page(trade: Asker, cursor: str) -> None:
    asked = sampled(SPEC.endpoint("domestic_stock.inquire_balance"))
    arguments = {"endpoint": "domestic_stock.inquire_balance", "parameters": asked, "cursor": cursor}
    outcome = await trade.outcome("call_endpoint", **arguments)
    assert (outcome.error, outcome.structured["details"]["parameter"]) == ("invalid_input", "cursor")


async def test_paging_goes_on_by_the_cursor(tmp_path: Path) -> None:
    now = {"INQR_STRT_DT": "20261120", "INQR_END_DT": "20261120"}
    asked = {
        **now,
        "SLL_BUY_DVSN_CD": "전체",
        "ORD_GNO_BRNO": "",
        "CCLD_DVSN": "00",
        "INQR_DVSN": "00",
        "INQR_DVSN_1": "",
        "INQR_DVSN_3": "00",
        "EXCG_ID_DVSN_CD": "KRX",
    }
    async with simulated("kis-trade", tmp_path) as trade:
        outcome = await trade.outcome("call_endpoint", endpoint="domestic_stock.inquire_daily_ccld", parameters=asked)
        assert outcome.error is None, outcome.text
        assert outcome.structured["cursor"] is None
        assert outcome.structured["account"] == "******7801"
        assert outcome.structured["provenance"][0]["mode"] == "paper"


async def test_a_search_says_how_to_reach_what_it_finds(trade: Asker) -> None:
    told = await trade.answer("search_endpoints", query="국내주식 현금 주문")
    rows = {one[0]: one for one in told["rows"]}
    assert rows["domestic_stock.order_cash"][3:] == ["plan_order", True]
    told = await trade.answer("search_endpoints", query="비트코인 시세")
    assert told["gaps"]


async def test_a_description_tells_what_is_allowed(trade: Asker) -> None:
    told = await trade.answer("describe_endpoint", endpoint="TTTC8434R")
    assert told["endpoint"] == "domestic_stock.inquire_balance"
    by_name = {one["name"]: one for one in told["parameters"]}
    assert "CANO" not in by_name
    assert by_name["INQR_DVSN"]["codes"] == {"01": "대출일별", "02": "종목별"}
    assert by_name["UNPR_DVSN"]["fixed"] == "01"
    assert (told["how"], told["paged"], told["account"]) == ("call_endpoint", True, True)


def sampled(row: Endpoint) -> dict[str, str]:
    """The sheet's own sample of every required parameter that is not filled in for the caller."""
    told = {}
    for one in row.parameters:
        if one.required and one.fixed is None and one.name not in {"CANO", "ACNT_PRDT_CD"}:
            told[one.name] = one.sample if one.sample is not None else next(iter(one.codes), "")
    return told


READS = [row for row in SPEC if row.effect is Effect.READ and row.transport == "rest" and row.scope != "auth"]


async def test_all_256_reads_answer(tmp_path: Path) -> None:
    assert len(READS) == 256
    async with simulated("kis-trade", tmp_path, KIS_MODE="real") as trade:
        for row in READS:
            told = await call(trade, row.id, sampled(row))
            assert told["tables"] or told["fields"], row.id
            assert told["provenance"][0]["endpoint"] == row.id
