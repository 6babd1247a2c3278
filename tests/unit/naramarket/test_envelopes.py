"""Five envelopes, rows in five shapes, one key that is encoded once and told nowhere."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from dari.core.errors import (
    DariError,
    InvalidInput,
    Malformed,
    MissingCredential,
    QuotaSpent,
    RateLimited,
    Refused,
    SignInRefused,
    Unreachable,
)
from dari.core.exchange import Call
from dari.core.provider import Request
from dari.providers.naramarket.dialect import NaramarketDialect, decoded_key
from dari.providers.naramarket.models import HIDDEN, Reader, moment, number, packed
from dari.providers.naramarket.simulator import SIMULATED_KEY, Account
from dari.providers.naramarket.spec import SPEC, error_codes
from dari.upstream.wire import Wire
from tests.unit.naramarket.conftest import DAYS, GOODS, MONTH, NOW, Make, Sim, answering

CALL = Call(SPEC.endpoint(GOODS), DAYS)
KINDS: dict[str, type[DariError]] = {
    "01": Unreachable, "02": Unreachable, "04": Unreachable, "05": Unreachable, "06": Refused, "07": Refused,
    "08": Refused, "10": Refused, "11": Refused, "12": Refused, "20": SignInRefused, "22": QuotaSpent,
    "23": RateLimited, "29": SignInRefused, "30": SignInRefused, "31": SignInRefused, "32": SignInRefused,
}  # fmt: skip


def service_error(code: str) -> str:
    return json.dumps({"nkoneps.com.response.ResponseError": {"header": {"resultCode": code, "resultMsg": "x"}}})


def service_error_xml(code: str) -> str:
    head = f"<header><resultCode>{code}</resultCode><resultMsg>x</resultMsg></header>"
    return f"<nkoneps.com.response.ResponseError>{head}</nkoneps.com.response.ResponseError>"


def gateway_xml(code: str) -> str:
    head = f"<returnAuthMsg>SAID {SIMULATED_KEY}</returnAuthMsg><returnReasonCode>{code}</returnReasonCode>"
    return f"<OpenAPI_ServiceResponse><cmmMsgHeader>{head}</cmmMsgHeader></OpenAPI_ServiceResponse>"


def gateway_json(code: str) -> str:
    return json.dumps({"OpenAPI_ServiceResponse": {"cmmMsgHeader": {"returnReasonCode": code, "errMsg": "x"}}})


def header_only(code: str) -> str:
    return json.dumps({"response": {"header": {"resultCode": code, "resultMsg": "x"}}})


@pytest.mark.parametrize("code", sorted(KINDS))
@pytest.mark.parametrize("envelope", [service_error, service_error_xml, gateway_xml, gateway_json, header_only])
async def test_a_code_means_the_same_in_every_envelope(sim: Sim, envelope: Any, code: str) -> None:
    status = 403 if envelope is gateway_json else 200
    with pytest.raises(KINDS[code]) as told:
        await sim.over(answering(status, envelope(code)))(CALL)
    assert type(told.value) is KINDS[code]
    assert told.value.upstream_code == code
    assert SIMULATED_KEY not in json.dumps(told.value.as_dict(), ensure_ascii=False)


def test_every_documented_code_has_its_kind() -> None:
    assert set(KINDS) == set(error_codes()) - {"00", "03"}


async def test_22_says_when_to_go_on(sim: Sim) -> None:
    with pytest.raises(QuotaSpent) as told:
        await sim.over(answering(200, gateway_xml("22")))(CALL)
    assert told.value.details["resume_not_before"] == "2026-11-21T00:00:00+09:00"
    assert told.value.retry_after == 12 * 3600


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (429, "slow down", RateLimited), (500, "x", Unreachable), (504, "<html>x</html>", Unreachable),
        (401, "Unauthorized", SignInRefused), (403, "Forbidden", SignInRefused), (404, "no", Refused),
        (200, "<html><body>busy</body></html>", Unreachable), (200, '{"response":{"header":', Unreachable),
        (200, "<response><header>", Unreachable), (200, "", Unreachable), (200, '{"what":1}', Malformed),
        (200, "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", Unreachable), (200, "<?xml?><!ENTITY b>", Malformed),
        (200, "<other/>", Malformed),
        (200, '{"response":{"header":{"resultCode":"00"},"body":{"items":["x"]}}}', Malformed),
        (500, header_only("00"), Malformed),
    ],
)  # fmt: skip
async def test_what_is_no_envelope_is_never_an_empty_page(sim: Sim, status: int, content: str, kind: Any) -> None:
    with pytest.raises(kind):
        await sim.over(answering(status, content, {"retry-after": "7"}))(CALL)


async def test_429_tells_how_long_to_wait(sim: Sim) -> None:
    with pytest.raises(RateLimited) as told:
        await sim.over(answering(429, "x", {"retry-after": "7"}))(CALL)
    assert told.value.retry_after == 7


@pytest.mark.parametrize(
    ("items", "count"),
    [
        ([{"a": "1"}, {"a": 2}], 2), ({"item": [{"a": "1"}]}, 1), ({"item": {"a": None}}, 1), ("", 0), (None, 0),
        ({}, 0), ([], 0),
    ],
)  # fmt: skip
async def test_rows_come_in_five_shapes(sim: Sim, items: Any, count: int) -> None:
    body = {"items": items, "totalCount": "2"} if items is not None else {"totalCount": 2}
    told = {"response": {"header": {"resultCode": "00"}, "body": body}}
    reply = await sim.over(answering(200, json.dumps(told)))(CALL)
    assert len(reply.body["rows"]) == count
    assert reply.body["total"] == 2
    assert all(isinstance(value, str) for row in reply.body["rows"] for value in row.values())


async def test_03_is_an_empty_page(sim: Sim) -> None:
    reply = await sim.over(answering(200, service_error("03")))(CALL)
    assert reply.body["rows"] == []


@pytest.mark.parametrize("fault", ["shapes", "xml_for_json"])
async def test_spellings_of_the_simulator_read_alike(sim: Sim, fault: str) -> None:
    plain = (await sim.ask(GOODS, {**DAYS, "numOfRows": "30"})).body["rows"]
    await sim.faults(**{fault: {"share": 1.0} if fault == "xml_for_json" else {}})
    for _ in range(6):
        assert (await sim.ask(GOODS, {**DAYS, "numOfRows": "30"})).body["rows"] == plain


async def test_paging_follows_the_cursor(sim: Sim) -> None:
    first = await sim.ask(GOODS, {**DAYS, "numOfRows": "5"})
    second = await sim.ask(GOODS, {**DAYS, "numOfRows": "5"}, cursor=first.cursor)
    assert (first.cursor, second.body["page"]) == ("2", 2)
    assert first.body["rows"] != second.body["rows"]


# --- the key -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [SIMULATED_KEY, quote(SIMULATED_KEY, safe="")])
async def test_either_key_of_the_portal_is_encoded_once(make: Make, key: str) -> None:
    assert decoded_key(key) == SIMULATED_KEY
    assert (await make(key=key).ask(GOODS, DAYS)).body["rows"]


async def test_a_key_is_refused_with_the_next_step(make: Make) -> None:
    few = Account(services=frozenset({"UsrInfoService02"}))
    for sim, code in ((make(key="other"), "30"), (make(accounts={SIMULATED_KEY: few}), "20")):
        with pytest.raises(SignInRefused) as told:
            await sim.ask(GOODS, DAYS)
        assert told.value.upstream_code == code
        assert told.value.hint
    assert told.value.details["portal"].endswith("15129394/openapi.do")


async def test_without_a_key_nothing_is_asked(sim: Sim) -> None:
    dialect = NaramarketDialect(send=sim.wire.send, clock=sim.clock, credentials={})
    with pytest.raises(MissingCredential):
        dialect.check(CALL)


async def test_the_key_is_in_no_log_and_no_error(sim: Sim, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where everything is logged: HTTP clients write whole URLs."""
    caplog.set_level(logging.DEBUG)
    await sim.ask(GOODS, DAYS)

    def refuse(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError(f"no way to ?serviceKey={SIMULATED_KEY}")

    wire = Wire(transport=httpx2.MockTransport(refuse))
    for failing in (sim.over(wire.send), make(key="a+b/c==").dialect):
        with pytest.raises(DariError) as told:
            await failing(CALL)
        said = repr(told.value) + str(told.value.as_dict()) + repr(told.value.__cause__)
        assert not any(one in said for one in (SIMULATED_KEY, quote(SIMULATED_KEY, safe=""), "a+b/c=="))
    assert not any(one in caplog.text for one in (SIMULATED_KEY, quote(SIMULATED_KEY, safe=""), "serviceKey"))
    assert SIMULATED_KEY not in repr(Request("GET", "x", query={"serviceKey": SIMULATED_KEY})) + repr(sim.dialect)
    await wire.close()


# --- refused before a call is spent ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"inqryDiv": "1", "nonsense": "1"}, {"inqryBgnDt": "202609010000"}, {**MONTH, "numOfRows": "1000"},
        {**MONTH, "pageNo": "0"}, {**MONTH, "inqryBgnDt": "2026-09-01"}, {**MONTH, "serviceKey": "x"},
    ],
)  # fmt: skip
async def test_a_wrong_question_costs_no_call(sim: Sim, parameters: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        await sim.ask(GOODS, parameters)
    assert (await sim.stats())["received"] == 0


async def test_each_operation_has_a_lane_and_a_limit_of_its_own(sim: Sim) -> None:
    other = Call(SPEC.endpoint("UsrInfoService02.getDminsttInfo02"), {})
    assert sim.dialect.lane(CALL) != sim.dialect.lane(other)
    (name, rate), *rest = sim.dialect.limits(CALL)
    assert (rate.limit, rate.seconds, rest) == (30, 1.0, [])
    assert SIMULATED_KEY not in name


# --- values --------------------------------------------------------------------------------------------------------


def test_a_bad_cell_is_null_and_told() -> None:
    endpoint = SPEC.endpoint(GOODS)
    row = {"bidNtceNo": "R1", "presmptPrce": "many", "bidNtceDt": "2026-13-01", "novel": "x", "CiblAplYn": "Y"}
    typed = Reader(endpoint).read([row])
    names = endpoint.wire["english"]
    assert typed.rows[0][names["presmptPrce"]] is None
    assert set(typed.unread) == {names["presmptPrce"], names["bidNtceDt"]}
    assert "novel" in typed.unknown
    assert typed.missing
    assert len(typed.gaps()) == 2 + len(typed.missing)


def test_people_are_hidden_unless_asked_for() -> None:
    endpoint = SPEC.endpoint(GOODS)
    row = {"ntceInsttOfclNm": "홍길동"}
    name = endpoint.wire["english"]["ntceInsttOfclNm"]
    assert Reader(endpoint).read([row]).rows[0][name] == HIDDEN
    assert Reader(endpoint, people=True).read([row]).rows[0][name] == "홍길동"


def test_packed_strings_are_tables() -> None:
    text = "[1^가^홍길동],[2^나^]"
    assert packed(text, ("순번", "이름", "담당자"), ("담당자",)) == [
        {"순번": "1", "이름": "가", "담당자": HIDDEN},
        {"순번": "2", "이름": "나", "담당자": ""},
    ]
    assert packed("[1^2]", ("하나",)) == [{"하나": "1", "part_2": "2"}]


def test_numbers_and_times() -> None:
    assert number("1,234") == 1234
    assert str(number("12.50")) == "12.50"
    assert moment("202611201200") == NOW
    with pytest.raises(ValueError, match="NaN"):
        number("NaN")
