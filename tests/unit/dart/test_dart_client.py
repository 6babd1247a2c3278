"""OpenDART's dialect reads both notations and hides the key; filings find companies by their shares."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from dari.core.clock import KST, ManualClock
from dari.core.errors import (
    DariError,
    InvalidInput,
    Malformed,
    MissingCredential,
    QuotaSpent,
    Refused,
    SignInRefused,
    Unreachable,
    WrongMode,
)
from dari.core.exchange import Call, Reply
from dari.core.market import Disclosure
from dari.core.provider import Credential, Request, Response
from dari.core.shared_state import FileState
from dari.core.tool import Standing
from dari.providers.dart.dialect import DartDialect
from dari.providers.dart.filings import PAGE, Filings
from dari.providers.dart.models import disclosure, treasury
from dari.providers.dart.spec import SPEC

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=KST)
KEY = "d" * 40
COMPANIES = (
    "<result><list><corp_code>00126380</corp_code><corp_name>삼성전자</corp_name><stock_code>005930</stock_code></list>"
    "<list><corp_code>00434003</corp_code><corp_name>다코</corp_name><stock_code> </stock_code></list></result>"
)


def packed(content: str, name: str = "CORPCODE.xml") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


class Wire:
    def __init__(self, body: Any, status: int = 200) -> None:
        self.response = Response(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())
        self.sent: list[Request] = []

    async def __call__(self, request: Request) -> Response:
        self.sent.append(request)
        return self.response


def dialect(wire: Wire, *, key: str = KEY) -> DartDialect:
    credential = Credential(mode="real", parts={"crtfc_key": key})
    found = {("default", "real"): credential} if key else {}
    return DartDialect(send=wire, clock=ManualClock(NOW), credentials=found)


def call(endpoint: str = "list", cursor: str | None = None, mode: str = "real", **parameters: str) -> Call:
    return Call(SPEC.endpoint(endpoint), parameters, mode=mode, cursor=cursor)


async def test_a_page_and_the_next_one() -> None:
    body = {"status": "000", "page_no": 1, "page_count": 100, "total_count": 250, "total_page": 3, "list": [{"a": "1"}]}
    wire = Wire(body)
    one = dialect(wire)
    one.check(call(bgn_de="20261119"))
    reply = await one(call(bgn_de="20261119", cursor="1"))
    assert (reply.body["total"], reply.cursor) == (250, "2")
    assert dict(wire.sent[0].query) == {"crtfc_key": KEY, "bgn_de": "20261119", "page_no": "1"}
    assert KEY not in wire.sent[0].url
    last = await dialect(Wire({**body, "page_no": 3}))(call())
    assert last.cursor is None
    assert one.grant_name("default", "real") is None
    assert one.lane(call()) == one.limits(call())[0][0]


async def test_nothing_there_is_an_empty_list() -> None:
    reply = await dialect(Wire({"status": "013", "message": "조회된 데이타가 없습니다."}))(call())
    assert reply.body == {"list": [], "total": 0}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("010", SignInRefused),
        ("011", SignInRefused),
        ("012", SignInRefused),
        ("020", QuotaSpent),
        ("100", Refused),
        ("800", Unreachable),
        ("900", Unreachable),
        ("777", Refused),
    ],
)
async def test_an_error_inside_http_200_says_who_can_mend_it(status: str, kind: type[DariError]) -> None:
    with pytest.raises(kind) as caught:
        await dialect(Wire({"status": status, "message": f"about {KEY}"}))(call())
    assert caught.value.upstream_code == status
    assert KEY not in str(caught.value.as_dict())


async def test_a_server_that_fails_is_unreachable_and_other_pages_are_malformed() -> None:
    with pytest.raises(Unreachable):
        await dialect(Wire(b"<html>", 503))(call())
    with pytest.raises(Malformed):
        await dialect(Wire(b"<html>"))(call())
    with pytest.raises(Malformed):
        await dialect(Wire({"status": "000", "list": [1]}))(call())


async def test_the_archive_gives_listed_companies_only() -> None:
    reply = await dialect(Wire(packed(COMPANIES)))(call("corpCode"))
    assert [row["corp_code"] for row in reply.body["list"]] == ["00126380"]


@pytest.mark.parametrize(
    "content",
    [
        packed(COMPANIES, "other.xml"),
        packed("<result>"),
        packed('<!DOCTYPE a [<!ENTITY b "c">]><result/>'),
        b"PK not an archive",
    ],
)
async def test_an_archive_that_cannot_be_read_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        await dialect(Wire(content))(call("corpCode"))


async def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dari.providers.dart.dialect.UNPACKED_LIMIT", 10)
    with pytest.raises(Malformed, match="unpacks"):
        await dialect(Wire(packed(COMPANIES)))(call("corpCode"))


async def test_an_archive_s_error_comes_as_xml() -> None:
    with pytest.raises(SignInRefused):
        await dialect(Wire("<result><status>010</status><message>등록되지 않은 키입니다.</message></result>".encode()))(
            call("corpCode")
        )


def test_what_can_be_refused_costs_no_call() -> None:
    one = dialect(Wire({}))
    for wrong in (call(colour="red"), call("stockTotqySttus", corp_code="00126380"), call(corp_cls="Z")):
        with pytest.raises(InvalidInput):
            one.check(wrong)
    with pytest.raises(WrongMode):
        one.check(call(mode="paper"))
    with pytest.raises(MissingCredential):
        dialect(Wire({}), key="").check(call())


async def test_there_is_no_sign_in() -> None:
    with pytest.raises(MissingCredential):
        await dialect(Wire({})).sign_in("default", "real")


def shares(kind: str, issued: str, held: str) -> dict[str, str]:
    return {"se": kind, "istc_totqy": issued, "tesstk_co": held, "stlm_dt": "2026-09-30"}


def test_own_shares_are_of_the_class_that_is_asked_for() -> None:
    rows = [shares("보통주", "1,000", "50"), shares("우선주", "100", "-"), shares("합계", "1,100", "50")]
    common, preferred = treasury(rows, common=True), treasury(rows, common=False)
    assert common is not None
    assert preferred is not None
    assert (common.ratio, common.as_of) == (5.0, date(2026, 9, 30))
    assert preferred.ratio == 0.0
    whole = treasury(rows[2:], common=True)
    assert whole is not None
    assert whole.ratio == 4.55
    assert treasury([shares("보통주", "-", "1")], common=True) is None
    with pytest.raises(Malformed):
        treasury([shares("보통주", "lots", "1")], common=True)
    with pytest.raises(Malformed):
        disclosure({"rcept_no": "1", "report_nm": "x", "rcept_dt": "yesterday"})


class Office:
    """An Upstream with so many disclosures a day; remembers how often each endpoint was asked."""

    sources = ()

    def __init__(self, total: int, reports: Mapping[str, list[dict[str, str]]] | None = None) -> None:
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self._rows = [
            {"corp_code": "00126380" if place % 2 else "00434003", "rcept_no": f"{place:014d}", "report_nm": "x",
             "rcept_dt": "20261119"}
            for place in range(total)
        ]  # fmt: skip
        self._reports = reports or {}

    def now(self) -> datetime:
        return NOW

    async def standing(self, *, scope: str = "account") -> Standing:
        return Standing(scope, None)

    async def ask(
        self, endpoint: str, parameters: Mapping[str, str] | None = None, *, cursor: str | None = None, **_: Any
    ) -> Reply:
        asked = parameters or {}
        self.asked.append((endpoint, asked))
        if endpoint == "corpCode":
            return Reply(body={"list": [{"stock_code": "005930", "corp_code": "00126380"}]}, fetched_at=NOW)
        if endpoint == "stockTotqySttus":
            return Reply(body={"list": self._reports.get(asked["bsns_year"] + asked["reprt_code"], [])}, fetched_at=NOW)
        rows = [row for row in self._rows if asked.get("corp_code", row["corp_code"]) == row["corp_code"]]
        start = PAGE * (int(cursor or 1) - 1)
        return Reply(body={"list": rows[start : start + PAGE], "total": len(rows)}, fetched_at=NOW)


def filings(office: Office, folder: Path) -> Filings:
    return Filings(office, FileState(folder, ManualClock(NOW)))


async def test_a_finished_day_is_read_once_in_pages_and_kept(tmp_path: Path) -> None:
    office = Office(250)
    day = date(2026, 11, 19)
    told = await filings(office, tmp_path).of_day(["005930", "005935", "999999"], day)
    assert set(told) == {"005930", "005935"}
    assert len(told["005930"]) == 125
    assert told["005935"][0] == Disclosure("00000000000001", "x", day)
    assert [endpoint for endpoint, _ in office.asked].count("list") == 3
    again = Office(0)
    assert len((await filings(again, tmp_path).of_day(["005930"], day))["005930"]) == 125
    assert [endpoint for endpoint, _ in again.asked] == ["corpCode"]


async def test_a_running_day_with_many_is_asked_company_by_company(tmp_path: Path) -> None:
    office = Office(2_000)
    told = await filings(office, tmp_path).of_day(["005930"], NOW.date())
    assert len(told["005930"]) == PAGE
    assert office.asked[-1][1]["corp_code"] == "00126380"
    few = Office(30)
    assert len((await filings(few, tmp_path).of_day(["005930"], NOW.date()))["005930"]) == 15


async def test_a_finished_day_without_an_end_is_malformed(tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        await filings(Office(6_100), tmp_path).of_day(["005930"], date(2026, 11, 19))


async def test_own_shares_by_the_newest_report_there_is(tmp_path: Path) -> None:
    office = Office(0, {"202611012": [shares("보통주", "1000", "10")]})
    told = await filings(office, tmp_path).treasury(["005930", "999999"])
    assert told["005930"].ratio == 1.0
    reports = [asked["reprt_code"] for endpoint, asked in office.asked if endpoint == "stockTotqySttus"]
    assert reports == ["11014", "11012"]
    assert await filings(Office(0), tmp_path).treasury(["005930"]) == {}
