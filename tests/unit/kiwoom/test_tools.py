"""Every tool over a Kiwoom double: the document's fields and envelope, units, venues, gaps, errors, budgets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dari.app.servers import server
from dari.core.endpoint import Effect, Field
from dari.core.errors import Unreachable
from dari.core.provider import Request
from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools import TOOLS
from dari.providers.kiwoom.tools.market import RANKINGS
from dari.serving.schemas import listed
from dari.upstream.client import Rules
from dari.upstream.retry import RetryRules
from tests.unit.kiwoom.doubles import OK, Rig, quote, refusal, response

ACCOUNT: dict[str, Any] = {
    "ka00001": {"acctNo": "1234567890"},
    "kt00001": {"entr": "000000010000000", "d2_entra": "000000009000000", "ord_alow_amt": "-00000000196888"},
    "kt00018": {
        "tot_evlt_amt": "000000050000000",
        "tot_evlt_pl": "000000005000000",
        "tot_prft_rt": "11.11",
        "tot_pur_amt": "000000045000000",
        "prsm_dpst_aset_amt": "000000060000000",
        "acnt_evlt_remn_indv_tot": [
            {"stk_cd": "A005930", "stk_nm": "삼성전자", "rmnd_qty": "000000000000010", "evlt_amt": "000000000701000"}
        ],
    },
}
MOMENTS = {"YYYYMMDD": "20261119", "HHmmss": "153000", "HH:mm:ss": "15:30:00", "YYYYMMDDHHmmss": "20261119153000"}
ONE_TRY = Rules(retry=RetryRules(attempts=1))


def said_by_sheet(request: Request) -> Any:
    """A reply of two rows for any endpoint, each field as its sheet writes it."""
    row = SPEC.endpoint(request.headers["api-id"])
    body: dict[str, Any] = {}
    for block in row.blocks:
        fields = {one.name: plausible(one) for one in block.fields}
        if block.kind == "array":
            body[block.name or ""] = [fields, {**fields, "stk_cd": "000660"}]
        else:
            body |= fields
    return response({**body, **OK})


def plausible(field: Field) -> str:
    if field.codes:
        return next(iter(field.codes))
    if field.format in MOMENTS:
        return MOMENTS[field.format]
    if field.name in {"stk_cd", "code"}:
        return "005930"
    return "+12" if field.unit or field.sign or field.scale or field.format else field.english[:8]


class Everything(dict[str, Any]):
    """Whatever is asked, the sheet answers."""

    def get(self, key: str, _: Any = None) -> Any:
        return super().get(key, said_by_sheet)


def whole(tmp_path: Path, mode: str = "real", **said: Any) -> Rig:
    rig = Rig(tmp_path, mode=mode, **said)
    rig.kiwoom.said = Everything(rig.kiwoom.said)
    return rig


async def test_the_price_is_the_documents_with_its_venue_and_its_time(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ka10095={"atn_stk_infr": [quote()]})
    told = await rig.answer("get_stock_price", stock_code="005930")
    assert told["success"] is True
    assert told["message"] == "005930 종목 가격 조회 완료"
    data = told["data"]
    assert {name: data[name] for name in ("stock_code", "price", "change", "change_rate", "volume")} == {
        "stock_code": "005930",
        "price": 70100,
        "change": -800,
        "change_rate": -1.13,
        "volume": 12345678,
    }
    assert data["timestamp"].endswith("+09:00")
    assert (data["venue"], data["direction"], data["value"]) == ("KRX", "down", 865_432_000_000)
    assert data["as_of"] == "2026-11-20T11:59:58+09:00"
    (line,) = told["provenance"]
    assert (line["provider"], line["endpoint"], line["mode"], line["venue"]) == ("kiwoom", "ka10095", "paper", "KRX")
    assert line["as_of"] == data["as_of"]
    assert told["gaps"] == []


async def test_a_quote_of_both_venues_asks_for_both_and_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path, mode="real", ka10095={"atn_stk_infr": [quote("005930_AL")]})
    told = await rig.answer("get_stock_price", stock_code="005930", venue="unified")
    assert rig.kiwoom.bodies("ka10095") == [{"stk_cd": "005930_AL"}]
    assert (told["data"]["venue"], told["data"]["stock_code"]) == ("unified", "005930")
    assert told["provenance"][0]["venue"] == "unified"


async def test_what_kiwoom_leaves_empty_is_null_with_a_gap(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ka10095={"atn_stk_infr": [quote(trde_qty="", trde_prica="4294967295")]})
    told = await rig.answer("get_stock_price", stock_code="005930")
    assert told["data"]["volume"] is None
    assert told["data"]["value"] is None
    assert {gap["field"] for gap in told["gaps"]} == {"data.volume", "data.value"}


@pytest.mark.parametrize("rows", [[], [quote(cur_prc="")]])
async def test_a_code_without_a_quote_is_not_found(tmp_path: Path, rows: list[Any]) -> None:
    outcome = await Rig(tmp_path, ka10095={"atn_stk_infr": rows}).outcome("get_stock_price", stock_code="999999")
    assert outcome.error == "not_found"


async def test_a_failure_is_the_documents_with_code_and_hint(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ka10095=refusal("8010", 3))
    outcome = await rig.outcome("get_stock_price", stock_code="005930")
    told = outcome.structured
    assert outcome.error == "sign_in_refused"
    assert (told["success"], told["message"]) == (False, "005930 종목 가격 조회 실패")
    assert told["error"].startswith("Kiwoom: the token was issued to another IP address")
    assert (told["code"], told["executed"]) == ("sign_in_refused", False)
    assert "IP" in told["hint"]


async def test_our_own_fault_is_told_as_the_document_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(tmp_path, ka10095={"atn_stk_infr": [quote()]})
    monkeypatch.setattr("dari.providers.kiwoom.tools.quotes.signed", lambda *_: 1 / 0)
    outcome = await rig.outcome("get_stock_price", stock_code="005930")
    assert outcome.error == "internal"
    assert outcome.structured["success"] is False
    assert outcome.structured["message"] == "시스템 오류가 발생했습니다"


async def test_the_account_is_masked_and_in_won(tmp_path: Path) -> None:
    told = await Rig(tmp_path, **ACCOUNT).answer("get_account_info")
    assert {name: told["data"][name] for name in ("account_no", "balance", "total_value", "profit_loss")} == {
        "account_no": "******7890",
        "balance": 10_000_000,
        "total_value": 50_000_000,
        "profit_loss": 5_000_000,
    }
    assert told["data"]["orderable_amount"] == -196_888
    assert "1234567890" not in json.dumps(told)


async def test_an_account_is_asked_for_each_time(tmp_path: Path) -> None:
    rig = Rig(tmp_path, **ACCOUNT)
    await rig.answer("get_account_info")
    await rig.answer("get_account_info")
    assert len(rig.kiwoom.bodies("kt00018")) == 2


async def test_holdings_lose_the_letter_before_their_codes(tmp_path: Path) -> None:
    told = await Rig(tmp_path, **ACCOUNT).answer("get_holdings")
    assert told["data"]["rows"][0][:3] == ["005930", "삼성전자", 10]


async def test_a_stock_is_told_by_its_market_and_sector(tmp_path: Path) -> None:
    said = {"code": "005930", "name": "삼성전자", "marketCode": "0", "marketName": "거래소", "upName": "전기전자"}
    rig = Rig(tmp_path, ka10100={**said, "nxtEnable": "Y", "listCount": "0000005969782550"})
    data = (await rig.answer("get_stock_info", stock_code="005930"))["data"]
    assert (data["name"], data["market"], data["sector"]) == ("삼성전자", "KOSPI", "전기전자")
    assert (data["listed_shares"], data["nxt_tradable"]) == (5_969_782_550, True)
    empty = await Rig(tmp_path / "2", ka10100={"code": ""}).outcome("get_stock_info", stock_code="999999")
    assert empty.error == "not_found"


@pytest.mark.parametrize(
    ("hour", "venue", "status"), [(0, "KRX", "OPEN"), (5, "KRX", "CLOSED"), (5, "NXT", "CLOSED"), (24, "KRX", "CLOSED")]
)
async def test_the_market_is_open_by_the_clock_without_a_call(
    tmp_path: Path, hour: int, venue: str, status: str
) -> None:
    rig = Rig(tmp_path)
    rig.clock.advance(hour * 3600.0)
    told = await rig.answer("get_market_status", venue=venue)
    assert (told["data"]["status"], told["data"]["basis"]) == (status, "clock")
    assert told["data"]["market_open"] is (status == "OPEN")
    assert rig.kiwoom.asked == []


async def test_history_is_newest_first_cut_and_paged(tmp_path: Path) -> None:
    def bars(first: int) -> list[dict[str, str]]:
        return [{"dt": f"2026{first:04d}", "cur_prc": "70100", "trde_prica": "5"}] * 600

    pages = [
        response({**OK, "stk_dt_pole_chart_qry": bars(1120)}, cont_yn="Y", next_key="2"),
        response({**OK, "stk_dt_pole_chart_qry": bars(1119)}),
    ]
    rig = Rig(tmp_path, ka10081=pages)
    data = (await rig.answer("get_stock_history", stock_code="005930", days=700))["data"]
    assert (data["count"], data["truncated"], len(rig.kiwoom.bodies("ka10081"))) == (700, True, 2)
    assert data["columns"][0] == "date"
    assert data["rows"][0] == ["2026-11-20", None, None, None, 70100, None, 5_000_000]
    assert rig.kiwoom.bodies("ka10081")[0] == {"stk_cd": "005930", "base_dt": "20261120", "upd_stkpc_tp": "1"}


async def test_fewer_bars_than_asked_is_said(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ka10081={"stk_dt_pole_chart_qry": [{"dt": "20261120", "cur_prc": "70100"}]})
    told = await rig.answer("get_stock_history", stock_code="005930")
    assert any("30 bars were asked for, 1 exist" in gap["reason"] for gap in told["gaps"])


async def test_a_hundred_quotes_are_one_call_and_more_are_split(tmp_path: Path) -> None:
    def quotes(request: Request) -> Any:
        codes = (request.payload or {})["stk_cd"].split("|")
        return {"atn_stk_infr": [quote(code) for code in codes]}

    rig = Rig(tmp_path, ka10095=lambda request: response({**OK, **quotes(request)}))
    codes = [f"{number:06d}" for number in range(250)]
    data = (await rig.answer("get_stock_prices", stock_codes=codes))["data"]
    assert [len(body["stk_cd"].split("|")) for body in rig.kiwoom.bodies("ka10095")] == [100, 100, 50]
    assert [row[0] for row in data["rows"]] == codes
    assert data["missing"] == []


async def test_1634_is_split_and_never_sent_again(tmp_path: Path) -> None:
    def quotes(request: Request) -> Any:
        codes = (request.payload or {})["stk_cd"].split("|")
        if len(codes) > 30:
            return response(refusal("1634", 5))
        return response({**OK, "atn_stk_infr": [quote(code) for code in codes]})

    rig = Rig(tmp_path, ka10095=quotes)
    codes = [f"{number:06d}" for number in range(100)]
    data = (await rig.answer("get_stock_prices", stock_codes=codes))["data"]
    assert [row[0] for row in data["rows"]] == codes
    sent = [body["stk_cd"] for body in rig.kiwoom.bodies("ka10095")]
    assert [len(one.split("|")) for one in sent] == [100, 50, 25, 25, 50, 25, 25]
    assert len(set(sent)) == len(sent)


async def test_1634_of_one_code_is_told(tmp_path: Path) -> None:
    outcome = await Rig(tmp_path, ka10095=refusal("1634", 5)).outcome("get_stock_price", stock_code="005930")
    assert outcome.error == "refused"


async def test_codes_without_a_quote_are_named(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ka10095={"atn_stk_infr": [quote("005930")]})
    told = await rig.answer("get_stock_prices", stock_codes=["005930", "999999"])
    assert told["data"]["missing"] == ["999999"]
    assert "999999" in told["gaps"][-1]["reason"]


async def test_a_book_has_its_levels_best_first(tmp_path: Path) -> None:
    book = {"bid_req_base_tm": "120000", "sel_fpr_bid": "-70200", "sel_fpr_req": "10", "sel_2th_pre_bid": "-70300"}
    rig = Rig(tmp_path, mode="real", ka10004={**book, "sel_2th_pre_req": "20", "buy_fpr_bid": "-70100"})
    data = (await rig.answer("get_orderbook", stock_code="005930"))["data"]
    assert data["asks"] == [[70200, 10, None], [70300, 20, None]]
    assert data["bids"] == [[70100, 0, None]]
    rig.kiwoom.said["ka10007"] = {"sel_1bid": "-70200", "sel_1bid_req": "9", "tm": "120001"}
    unified = (await rig.answer("get_orderbook", stock_code="005930", venue="unified"))["data"]
    assert (unified["asks"], unified["book_time"]) == ([[70200, 9, None]], "12:00:01")
    assert rig.kiwoom.bodies("ka10007") == [{"stk_cd": "005930_AL"}]


@pytest.mark.parametrize("kind", RANKINGS)
async def test_every_ranking_asks_what_its_sheet_allows(tmp_path: Path, kind: str) -> None:
    rig = whole(tmp_path)
    data = (await rig.answer("get_ranking", kind=kind, market="KOSDAQ", venue="unified"))["data"]
    (body,) = rig.kiwoom.bodies(RANKINGS[kind].endpoint)
    assert (body["mrkt_tp"], body["stex_tp"]) == ("101", "3")
    place = {name: number for number, name in enumerate(data["columns"])}
    assert [row[place["rank"]] for row in data["rows"]] == [1, 2]
    assert all(row[place["price"]] == 12 and row[place["stock_code"]] for row in data["rows"])
    assert set(RANKINGS[kind].shown) < set(place)


async def test_flow_in_shares_has_no_factor(tmp_path: Path) -> None:
    row = {"dt": "20261120", "cur_prc": "-70100", "ind_invsr": "--1000", "frgnr_invsr": "+3000", "orgn": "-2000"}
    rig = Rig(tmp_path, ka10059={"stk_invsr_orgn": [row]})
    won = (await rig.answer("get_investor_flow", stock_code="005930"))["data"]
    shares = (await rig.answer("get_investor_flow", stock_code="005930", unit="shares"))["data"]
    assert won["rows"][0][5:8] == [-1_000_000_000, 3_000_000_000, -2_000_000_000]
    assert shares["rows"][0][5:8] == [-1000, 3000, -2000]
    assert [body["amt_qty_tp"] for body in rig.kiwoom.bodies("ka10059")] == ["1", "2"]


ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "get_stock_price": [{"stock_code": "005930"}],
    "get_stock_prices": [{"stock_codes": ["005930", "000660"]}],
    "get_stock_info": [{"stock_code": "005930"}],
    "get_stock_history": [{"stock_code": "005930", "period": one} for one in ("day", "week", "month", "year")],
    "get_orderbook": [{"stock_code": "005930"}, {"stock_code": "005930", "venue": "unified"}],
    "search_stocks": [{"query": "삼성"}],
    "get_investor_flow": [{"stock_code": "005930"}],
    "get_sectors": [{}, {"sector_code": "001"}, {"market": "KOSDAQ", "sector_code": "101"}],
    "get_themes": [{}, {"stock_code": "005930"}, {"theme_code": "100"}],
    "get_open_orders": [{}, {"stock_code": "005930", "side": "buy"}],
    "get_executions": [{}, {"stock_code": "005930", "side": "sell"}],
    "search_endpoints": [{"query": "공매도 추이"}],
    "describe_endpoint": [{"endpoint": "ka10001"}, {"endpoint": "0B"}],
    "call_endpoint": [{"endpoint": "ka10001", "parameters": {"stk_cd": "005930"}}],
}  # fmt: skip


@pytest.mark.parametrize("tool", [tool.name for tool in TOOLS if tool.toolset not in {"realtime", "plans"}])
async def test_every_tool_answers_from_its_sheets_within_its_bounds(tmp_path: Path, tool: str) -> None:
    declared = next(one for one in TOOLS if one.name == tool)
    for arguments in ARGUMENTS.get(tool, [{}]):
        rig = whole(tmp_path)
        outcome = await rig.outcome(tool, **arguments)
        assert outcome.error is None, outcome.text
        told = outcome.structured
        assert told["success"] is True
        assert told["message"]
        assert len(outcome.text) <= 2_500
        asked = {one.headers["api-id"] for one in rig.kiwoom.asked} - {"au10001"}
        if tool != "call_endpoint":
            assert asked <= set(declared.endpoints)
        assert {line["endpoint"] for line in told["provenance"]} == asked
        for endpoint in asked:
            assert SPEC.endpoint(endpoint).effect <= declared.effect
        if "venue" in arguments:
            assert told["data"]["venue"] == arguments["venue"]


async def test_long_text_is_cut_and_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ka10095={"atn_stk_infr": [quote(f"{n:06d}", stk_nm="가" * 20) for n in range(100)]})
    outcome = await rig.outcome("get_stock_prices", stock_codes=[f"{n:06d}" for n in range(100)])
    assert len(outcome.text) <= 2_500
    assert "줄 (data에 있음)" in outcome.text


async def test_searching_finds_names_exact_first(tmp_path: Path) -> None:
    names = {"005935": "삼성전자우", "005930": "삼성전자", "028260": "삼성물산", "000660": "SK하이닉스"}
    listing = [{"code": code, "name": name} for code, name in names.items()]
    rig = Rig(tmp_path, ka10099=[{"list": listing}, {"list": []}])
    rows = (await rig.answer("search_stocks", query="삼성 전자"))["data"]["rows"]
    assert [row[0] for row in rows] == ["005930", "005935"]
    assert (await rig.answer("search_stocks", query="sk하이닉스"))["data"]["rows"][0][0] == "000660"


# --- the long tail ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("공매도 추이", "ka10014"),
        ("예수금", "kt00001"),
        ("외국인 한도소진율", "ka10036"),
        ("daily chart", "ka10081"),
        ("테마 구성종목", "ka90002"),
        ("신용융자 가능 종목", "kt20016"),
        ("VI 발동", "1h"),
        ("ka10059", "ka10059"),
    ],
)
async def test_an_endpoint_is_found_in_either_language(tmp_path: Path, query: str, best: str) -> None:
    found = (await Rig(tmp_path).answer("search_endpoints", query=query))["data"]["endpoints"]
    assert best in [one["id"] for one in found[:3]]


async def test_a_description_is_enough_to_call(tmp_path: Path) -> None:
    data = (await Rig(tmp_path).answer("describe_endpoint", endpoint="ka10014"))["data"]
    assert {one["name"] for one in data["parameters"]} == {one.name for one in SPEC.endpoint("ka10014").parameters}
    assert "short_selling_value 공매도거래대금 [KRW]" in data["gives"]["shrts_trnsn"]
    assert data["callable"] is True
    unknown = await Rig(tmp_path).outcome("describe_endpoint", endpoint="ka99999")
    assert unknown.error == "not_found"


@pytest.mark.parametrize("endpoint", [one for one in SPEC.ids() if SPEC.endpoint(one).effect is not Effect.READ])
async def test_what_does_more_than_read_cannot_be_called(tmp_path: Path, endpoint: str) -> None:
    rig = Rig(tmp_path)
    assert (await rig.outcome("call_endpoint", endpoint=endpoint)).error == "not_allowed"
    assert rig.kiwoom.asked == []


def arguments_of(endpoint: str) -> dict[str, str]:
    found = {}
    for one in SPEC.endpoint(endpoint).parameters:
        if one.required or one.name == "stk_cd":
            shape = "20261120" if "YYYYMMDD" in one.note or one.name.endswith("dt") else "1"
            found[one.name] = one.fixed or next(iter(one.codes), "005930" if one.name == "stk_cd" else shape)
    return found


@pytest.mark.parametrize(
    "endpoint",
    [one for one in SPEC.ids() if SPEC.endpoint(one).effect is Effect.READ and SPEC.endpoint(one).transport == "rest"],
)
async def test_every_reading_endpoint_can_be_called_from_its_sheet(tmp_path: Path, endpoint: str) -> None:
    rig = whole(tmp_path)
    told = await rig.answer("call_endpoint", endpoint=endpoint, parameters=arguments_of(endpoint))
    assert rig.kiwoom.bodies(endpoint) == [arguments_of(endpoint)]
    raw = await rig.answer("call_endpoint", endpoint=endpoint, parameters=arguments_of(endpoint), raw=True)
    names = {one.name for block in SPEC.endpoint(endpoint).blocks for one in block.fields}
    assert set(raw["data"].get("columns", [])) <= names
    assert told["data"]["endpoint"] == endpoint


async def test_raw_strings_are_kept_on_request(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ka10095={"atn_stk_infr": [{"cur_prc": "-70100", "trde_qty": ""}]})
    data = (await rig.answer("call_endpoint", endpoint="ka10095", parameters={"stk_cd": "005930"}, raw=True))["data"]
    assert (data["columns"], data["rows"]) == (["cur_prc", "trde_qty"], [["-70100", ""]])


async def test_a_unit_that_hangs_on_a_parameter_is_a_gap(tmp_path: Path) -> None:
    asked = {"trde_tp": "1", "mrkt_tp": "000", "orgn_tp": "9000", "amt_qty_tp": "1"}
    rig = Rig(tmp_path, ka10065={"opmr_invsr_trde_upper": [{"stk_cd": "005930", "netslmt": "-5"}]})
    told = await rig.answer("call_endpoint", endpoint="ka10065", parameters=asked)
    assert "data.rows.net_qty" in {gap["field"] for gap in told["gaps"]}


# --- what a model pays ------------------------------------------------------------------------------------------------


def characters(node: Any) -> int:
    return len(json.dumps(node, ensure_ascii=False, separators=(",", ":")))


def test_the_list_is_within_its_budget() -> None:
    lists = [listed(tool) for _, tool in server("kiwoom").tools()]
    schemas = [one.pop("outputSchema") for one in lists]
    assert sum(map(characters, lists)) <= 11_000
    assert max(map(characters, schemas)) <= 900
    assert sum(map(characters, lists)) <= 450 * len(lists)
    assert [one["name"] for one in lists if not one["annotations"]["readOnlyHint"]] == ["apply_plan"]


def test_no_tool_takes_a_key() -> None:
    for tool in TOOLS:
        assert not {"app_key", "app_secret", "secret_key", "token", "account_no"} & set(tool.query.model_fields)


async def test_the_connection_is_told_without_its_secrets(tmp_path: Path) -> None:
    told = await Rig(tmp_path, **ACCOUNT).answer("connection_status")
    assert told["data"] | {"timestamp": ""} == {
        "connected": True,
        "mode": "mock",
        "account_no": "******7890",
        "token_expires": "2026-11-21T12:00:00+09:00",
        "simulated": False,
        "timestamp": "",
    }
    down = Rig(tmp_path / "2", rules=ONE_TRY, ka00001=Unreachable("down", executed=False))
    assert (await down.outcome("connection_status")).error == "unreachable"
