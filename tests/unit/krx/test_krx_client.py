"""The exchange's dialect says who can mend a refusal; its rows come in our words and units."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pytest

from dari.core.clock import KST, ManualClock
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
    WrongMode,
)
from dari.core.exchange import Call, Reply
from dari.core.provider import Credential, Request, Response
from dari.core.tool import Standing
from dari.providers.krx.dialect import KrxDialect
from dari.providers.krx.models import day_row, index_day
from dari.providers.krx.snapshots import Snapshots
from dari.providers.krx.spec import SPEC

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=KST)
ROW = {
    "BAS_DD": "20240105", "ISU_CD": "005930", "ISU_NM": "삼성전자", "MKT_NM": "KOSPI", "SECT_TP_NM": "-",
    "TDD_CLSPRC": "76600", "CMPPREVDD_PRC": "-200", "FLUC_RT": "-0.26", "TDD_OPNPRC": "76700", "TDD_HGPRC": "77100",
    "TDD_LWPRC": "76400", "ACC_TRDVOL": "11304316", "ACC_TRDVAL": "867331312400", "MKTCAP": "457286701030000",
    "LIST_SHRS": "5969782550",
}  # fmt: skip


class Wire:
    """A transport that answers what it is told, and remembers what it was sent."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.response = Response(status, headers or {}, content)
        self.sent: list[Request] = []

    async def __call__(self, request: Request) -> Response:
        self.sent.append(request)
        return self.response


def dialect(wire: Wire, *, key: str = "k" * 40) -> KrxDialect:
    credential = Credential(mode="real", parts={"auth_key": key})
    return KrxDialect(send=wire, clock=ManualClock(NOW), credentials={("default", "real"): credential} if key else {})


def call(day: str = "20240105", **more: Any) -> Call:
    return Call(SPEC.endpoint("stk_bydd_trd"), {"basDd": day} if day else {}, **more)


async def test_the_key_travels_in_its_header_alone() -> None:
    wire = Wire(200, {"OutBlock_1": [ROW]}, {"x-dari-simulator": "1"})
    one = dialect(wire)
    one.check(call())
    reply = await one(call())
    (sent,) = wire.sent
    assert sent.headers == {"AUTH_KEY": "k" * 40}
    assert dict(sent.query) == {"basDd": "20240105"}
    assert sent.url == "https://data-dbg.krx.co.kr/svc/apis/sto/stk_bydd_trd"
    assert reply.simulated
    assert reply.body["OutBlock_1"] == [ROW]
    assert one.lane(call()) == one.limits(call())[0][0]
    assert "k" * 40 not in one.lane(call())
    assert one.grant_name("default", "real") is None


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (401, "Unauthorized Key", SignInRefused),
        (401, "Unauthorized API Call", SignInRefused),
        (403, "something new", SignInRefused),
        (429, "Too Many Requests", QuotaSpent),
        (429, "slow down", RateLimited),
        (400, "Bad Request", Refused),
        (404, "something new", Refused),
        (500, "Internal Server Error", Unreachable),
        (503, "", Unreachable),
    ],
)
async def test_a_refusal_says_who_can_mend_it(status: int, said: str, kind: type[DariError]) -> None:
    with pytest.raises(kind) as caught:
        await dialect(Wire(status, {"respMsg": said, "respCode": str(status)}))(call())
    assert caught.value.upstream_code == str(status)
    if said == "Unauthorized API Call":
        assert "이용을 신청" in caught.value.hint.ko
    if kind is QuotaSpent:
        assert caught.value.retry_after == pytest.approx(13.5 * 3600)


@pytest.mark.parametrize("body", [b"<html>", {"rows": []}, {"OutBlock_1": ["x"]}, []])
async def test_what_is_not_rows_is_malformed(body: Any) -> None:
    with pytest.raises(Malformed):
        await dialect(Wire(200, body))(call())


async def test_a_page_of_a_proxy_with_an_error_status_is_that_error() -> None:
    with pytest.raises(Unreachable):
        await dialect(Wire(502, b"<html>bad gateway</html>"))(call())


def test_what_can_be_refused_costs_no_call() -> None:
    one = dialect(Wire(200, {}))
    with pytest.raises(InvalidInput):
        one.check(call("20240132"))
    with pytest.raises(InvalidInput):
        one.check(call(""))
    with pytest.raises(InvalidInput):
        one.check(call("2024015"))
    with pytest.raises(WrongMode):
        one.check(call(mode="paper"))
    with pytest.raises(MissingCredential):
        dialect(Wire(200, {}), key="").check(call())


async def test_there_is_no_sign_in() -> None:
    with pytest.raises(MissingCredential):
        await dialect(Wire(200, {})).sign_in("default", "real")


def test_a_row_in_our_words() -> None:
    row = day_row(ROW)
    assert (row.code, row.name, row.close, row.change, row.change_rate) == ("005930", "삼성전자", 76_600, -200, -0.26)
    assert (row.volume, row.value, row.market_cap, row.shares) == (
        11_304_316, 867_331_312_400, 457_286_701_030_000, 5_969_782_550,
    )  # fmt: skip


def test_blanks_are_nothing_and_letters_are_malformed() -> None:
    halted = day_row({**ROW, "TDD_HGPRC": "-", "TDD_LWPRC": "", "ACC_TRDVOL": "0", "FLUC_RT": "-"})
    assert (halted.high, halted.low, halted.volume, halted.change_rate) == (0, 0, 0, 0.0)
    with pytest.raises(Malformed):
        day_row({**ROW, "ACC_TRDVOL": "many"})
    with pytest.raises(Malformed):
        day_row({**ROW, "ACC_TRDVOL": "1.5"})


def test_an_index_in_our_words() -> None:
    told = {
        "IDX_NM": "코스피", "CLSPRC_IDX": "2578.08", "FLUC_RT": "-0.35", "ACC_TRDVOL": "486135", "ACC_TRDVAL": "9",
        "MKTCAP": "-",
    }  # fmt: skip
    one = index_day(told)
    assert (one.name, one.close, one.change_rate, one.volume, one.value, one.market_cap) == (
        "코스피", 2578.08, -0.35, 486_135, 9, None,
    )  # fmt: skip


class Asked:
    """An Upstream that gives one row of each service."""

    sources = ()

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, str] | None]] = []

    def now(self) -> datetime:
        return NOW

    async def standing(self, *, scope: str = "account") -> Standing:
        return Standing(scope, None)

    async def ask(self, endpoint: str, parameters: Mapping[str, str] | None = None, **_: Any) -> Reply:
        self.asked.append((endpoint, parameters))
        return Reply(body={"OutBlock_1": [ROW]}, fetched_at=NOW)


async def test_a_snapshot_is_one_call_a_market() -> None:
    upstream = Asked()
    source = Snapshots(upstream)
    assert [row.code for row in await source.part(date(2024, 1, 5), "KOSDAQ")] == ["005930"]
    assert upstream.asked == [("ksq_bydd_trd", {"basDd": "20240105"})]
