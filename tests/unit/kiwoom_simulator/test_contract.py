from typing import Any

import httpx2
import pytest

from tests.unit.kiwoom_simulator.client import ACNT, CHART, MRKCOND, RKINFO, STKINFO, Asker

CODE = {"stk_cd": "005930"}


@pytest.mark.parametrize(
    "case",
    [
        ("", STKINFO, CODE, "1501", 1),
        ("ka99999", STKINFO, CODE, "1505", 1),
        ("ka10001", MRKCOND, CODE, "1504", 1),
        ("ka90009", "/api/dostk/frgnistt", {}, "1504", 1),
        ("0B", "/api/dostk/websocket", {}, "1504", 1),
        ("ka10001", STKINFO, {}, "1511", 2),
        ("ka10001", STKINFO, {"stk_cd": ""}, "1511", 2),
        ("ka10001", STKINFO, {**CODE, "fid_input_iscd": "005930"}, "1517", 2),
        ("ka10001", STKINFO, {"stk_cd": 5930}, "1517", 2),
        ("ka10001", STKINFO, [CODE], "1517", 2),
        ("ka10081", CHART, {**CODE, "base_dt": "2026-11-20", "upd_stkpc_tp": "1"}, "1517", 2),
        ("ka10081", CHART, {**CODE, "base_dt": "20261399", "upd_stkpc_tp": "1"}, "1517", 2),
        ("ka10081", CHART, {**CODE, "base_dt": "20261120", "upd_stkpc_tp": "Y"}, "1517", 2),
        ("ka10001", STKINFO, {"stk_cd": "999999"}, "1902", 20),
        ("ka10001", STKINFO, {"stk_cd": "삼성전자"}, "1902", 20),
        ("kt10000", "/api/dostk/ordr", {"dmst_stex_tp": "01", **CODE, "ord_qty": "1", "trde_tp": "00"}, "1517", 2),
        ("kt10000", "/api/dostk/ordr", {"ord_prc": "1", **CODE, "ord_tp": "0"}, "1517", 2),
    ],
)
async def test_a_request_that_strays_is_refused_with_its_code(
    real: Asker, case: tuple[str, str, Any, str, int]
) -> None:
    api_id, path, body, code, number = case
    told, message = await real.refused(api_id, path, body)
    assert f"[{code}:" in message
    assert told == number


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "1513"),
        ({"authorization": " "}, "1513"),
        ({"authorization": "abcdef"}, "1514"),
        ({"authorization": "Bearer "}, "1516"),
        ({"authorization": "Basic abc"}, "1515"),
        ({"authorization": "Bearer unknown"}, "8005"),
    ],
)
async def test_headers_are_checked(http: httpx2.AsyncClient, headers: dict[str, str], code: str) -> None:
    reply = await http.post(f"/real{STKINFO}", json=CODE, headers={"api-id": "ka10001", **headers})
    assert reply.status_code == 200
    assert f"[{code}:" in reply.json()["return_msg"]


async def test_only_json_posts_are_read(real: Asker, http: httpx2.AsyncClient) -> None:
    headers = {"api-id": "ka10001", "authorization": f"Bearer {real.token}"}
    form = await http.post(f"/real{STKINFO}", data=CODE, headers=headers)
    assert "[1512:" in form.json()["return_msg"]
    got = await http.get(f"/real{STKINFO}", params=CODE, headers=headers)
    assert got.status_code == 405
    bad = await http.post(
        f"/real{STKINFO}", content=b"{", headers={**headers, "content-type": "application/json;charset=UTF-8"}
    )
    assert "[1517:" in bad.json()["return_msg"]


@pytest.mark.parametrize(
    ("api_id", "code"),
    [("kt00015", "RC9000"), ("kt00002", "RC9000"), ("kt00016", "RC9000"), ("kt00017", "RC9000"), ("ka01690", "8104")],
)
async def test_mock_lacks_what_it_lacks_and_real_has_it(mock: Asker, real: Asker, api_id: str, code: str) -> None:
    number, message = await mock.refused(api_id, ACNT, {})
    assert (number, f"[{code}:" in message) == (20, True)
    assert f"[{code}:" not in (await real.send(api_id, ACNT, {})).text


async def test_mock_knows_krx_alone(mock: Asker, real: Asker) -> None:
    assert "[1903:" in (await mock.refused("ka10001", STKINFO, {"stk_cd": "005930_AL"}))[1]
    assert (await real.ask("ka10001", STKINFO, stk_cd="005930_AL"))["stk_cd"] == "005930_AL"


async def test_an_issue_that_nxt_does_not_trade_is_refused_there(real: Asker) -> None:
    lacking = next(one.code for one in real.simulator.service.market.issues if not one.nxt_share)
    assert "[1903:" in (await real.refused("ka10001", STKINFO, {"stk_cd": f"{lacking}_NX"}))[1]


async def test_a_hundred_codes_pass_and_one_more_looks_like_a_rate_refusal(real: Asker) -> None:
    codes = [one.code for one in real.simulator.service.market.issues[:101]]
    rows = (await real.ask("ka10095", STKINFO, stk_cd="|".join(codes[:100])))["atn_stk_infr"]
    assert [row["stk_cd"] for row in rows] == codes[:100]
    reply = await real.send("ka10095", STKINFO, {"stk_cd": "|".join(codes)})
    told = reply.json()
    assert (reply.status_code, told["return_code"]) == (429, 5)
    assert told["return_msg"].startswith("허용된 요청 개수를 초과하였습니다[1634:")


async def test_every_reply_says_that_it_is_simulated(real: Asker) -> None:
    reply = await real.send("ka10001", STKINFO, CODE)
    assert reply.headers["x-dari-simulator"] == "kiwoom"
    assert reply.headers["api-id"] == "ka10001"


async def test_return_code_comes_as_number_or_text(real: Asker) -> None:
    ranking = {"mrkt_tp": "000", "trde_tp": "2", "dt": "0", "stex_tp": "1"}
    assert (await real.ask("ka10034", RKINFO, **ranking))["return_code"] == 0
    lending = {"strt_dt": "20261110", "end_dt": "20261120", "all_tp": "1"}
    assert (await real.ask("ka10068", "/api/dostk/slb", **lending))["return_code"] == "0"


async def test_unknown_hosts_and_switches_are_not_found(http: httpx2.AsyncClient) -> None:
    assert (await http.post("/paper/api/dostk/stkinfo", json={})).status_code == 404
    assert (await http.get("/__sim__/nothing")).status_code == 404
    assert (await http.get("/__truth__/nothing")).status_code == 404
    assert (await http.get("/__truth__/quote", params={"code": "nope"})).status_code == 400
