"""The OpenDART simulator from outside: keys, values, pages, reports and switches, written from the facts."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import httpx2
import pytest

from dari.app.simulators import market_of
from dari.core.clock import KST, ManualClock, RunningClock
from dari.providers.dart.simulator import SIMULATED_KEY, Account, create_app
from dari.providers.dart.spec import SPEC, statuses
from dari.worlds.market import Market
from dari.worlds.market.filings import disclosures

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=KST)
LIST, TOTALS, TREASURY = "/api/list.json", "/api/stockTotqySttus.json", "/api/tesstkAcqsDspsSttus.json"
ARCHIVE = "/api/corpCode.xml"
STOPPED, LAPSED, LIMITED = "s" * 40, "l" * 40, "f" * 40
TODAY = {"bgn_de": "20261120", "end_de": "20261120"}
SAMSUNG = "00126380"


class Asker:
    """Asks one simulator; its own clock counts calls, the world stands at a moment."""

    def __init__(self, market: Market, now: datetime = NOW) -> None:
        accounts = {
            SIMULATED_KEY: Account(),
            STOPPED: Account(stopped=True),
            LAPSED: Account(lapsed=True),
            LIMITED: Account(per_day=2),
            "short": Account(),
        }
        self.clock = ManualClock(NOW)
        app = create_app(market, clock=self.clock, world=RunningClock(now, speed=0), accounts=accounts)
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://dart")

    async def get(self, path: str, key: str = SIMULATED_KEY, **query: str) -> httpx2.Response:
        return await self.http.get(path, params={"crtfc_key": key, **query} if key else query)

    async def ask(self, path: str, key: str = SIMULATED_KEY, **query: str) -> dict[str, Any]:
        reply = await self.get(path, key, **query)
        assert reply.status_code == 200, reply.text
        told: dict[str, Any] = reply.json()
        return told

    async def status(self, path: str = LIST, key: str = SIMULATED_KEY, **query: str) -> str:
        told = await self.ask(path, key, **query)
        assert "list" not in told or told["status"] == "000"
        return str(told["status"])


@pytest.fixture
def market() -> Market:
    return market_of(3)


@pytest.fixture
def asker(market: Market) -> Asker:
    return Asker(market)


# ── keys and limits ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("key", "status"), [("x" * 40, "010"), ("short", "010"), (STOPPED, "011"), (LAPSED, "901")])
async def test_a_key_that_does_not_do(asker: Asker, key: str, status: str) -> None:
    told = await asker.ask(LIST, key, **TODAY)
    assert told == {"status": status, "message": statuses()[status].label}
    archive = await asker.get(ARCHIVE, key)
    assert (archive.status_code, archive.headers["content-type"].split(";")[0]) == (200, "application/xml")
    assert ET.fromstring(archive.content).findtext("status") == status


async def test_without_a_key_one_is_sent_to_a_page(asker: Asker) -> None:
    reply = await asker.get(LIST, "")
    assert (reply.status_code, reply.headers["location"]) == (302, "/error1.html")
    page = await asker.http.get("/error1.html")
    assert page.headers["content-type"].split(";")[0] == "text/html"
    assert (await asker.get("/api/nothing.json")).status_code == 404


async def test_the_days_calls_are_counted_by_key_until_midnight(asker: Asker) -> None:
    assert [await asker.status(key=LIMITED, **TODAY) for _ in range(3)] == ["000", "000", "020"]
    assert await asker.status(**TODAY) == "000"
    asker.clock.advance(9 * 3_600)
    assert await asker.status(key=LIMITED, **TODAY) == "000"


async def test_an_address_that_asks_too_fast_is_shut_out_for_a_day(asker: Asker) -> None:
    await asker.http.put("/__sim__/switches", json={"per_minute": 3})
    told = []
    for _ in range(3):
        told.append(await asker.status(**TODAY))
        asker.clock.advance(30)
    told += [await asker.status(**TODAY) for _ in range(4)]
    assert told == ["000"] * 5 + ["012"] * 2
    asker.clock.advance(23 * 3_600)
    assert await asker.status(**TODAY) == "012"
    asker.clock.advance(2 * 3_600)
    assert await asker.status(**TODAY) == "000"


# ── values ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    [
        {"corp_code": "126380"},
        {"corp_code": "005930"},
        {"bgn_de": "2026-11-20"},
        {"end_de": "20261331"},
        {"end_de": "2026112"},
        {"pblntf_ty": "K"},
        {"pblntf_detail_ty": "A9"},
        {"corp_cls": "KOSPI"},
        {"last_reprt_at": "X"},
        {"sort": "name"},
        {"sort_mth": "up"},
        {"page_no": "0"},
        {"page_no": "one"},
        {"page_count": "101"},
        {"page_count": "0"},
        {"stock_code": "005930"},
    ],
)
async def test_a_value_that_the_guide_does_not_know_is_100(asker: Asker, query: Mapping[str, str]) -> None:
    assert await asker.status(**{**TODAY, **query}) == "100"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, "100"),
        ({"corp_code": SAMSUNG}, "100"),
        ({"corp_code": SAMSUNG, "bsns_year": "2025"}, "100"),
        ({"corp_code": SAMSUNG, "bsns_year": "2025", "reprt_code": "11015"}, "100"),
        ({"corp_code": SAMSUNG, "bsns_year": "25", "reprt_code": "11011"}, "100"),
        ({"corp_code": "99999999", "bsns_year": "2025", "reprt_code": "11012"}, "013"),
        ({"corp_code": SAMSUNG, "bsns_year": "2014", "reprt_code": "11012"}, "013"),
        ({"corp_code": SAMSUNG, "bsns_year": "2030", "reprt_code": "11012"}, "013"),
    ],
)
@pytest.mark.parametrize("path", [TOTALS, TREASURY])
async def test_a_report_that_cannot_be_is_refused(
    asker: Asker, path: str, query: Mapping[str, str], status: str
) -> None:
    assert await asker.status(path, **query) == status


async def test_without_a_company_three_months_are_the_most(asker: Asker) -> None:
    told = await asker.ask(LIST, bgn_de="20260819", end_de="20261120")
    assert (told["status"], told["message"]) == ("100", "corp_code가 없는 경우 검색기간은 3개월만 가능합니다.")
    assert await asker.status(bgn_de="20261120", end_de="20270220") == "000"
    assert await asker.status(bgn_de="20261120", end_de="20270221") == "100"
    assert await asker.status(bgn_de="20261128", end_de="20270228") == "013"
    assert await asker.status(corp_code="99999999", bgn_de="20200101", end_de="20261120") == "013"


# ── disclosures ───────────────────────────────────────────────────────────────────────────────────────────────────


async def every_page(asker: Asker, **query: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    pages, page = 1, 1
    while page <= pages:
        told = await asker.ask(LIST, **query, page_no=str(page), page_count="100")
        assert (told["page_no"], told["page_count"]) == (page, 100)
        pages, total = told["total_page"], told["total_count"]
        found += told["list"]
        page += 1
    assert len(found) == total
    assert pages == -(-total // 100)
    return found


async def test_the_pages_of_a_day_are_what_was_filed_by_now(asker: Asker, market: Market) -> None:
    rows = await every_page(asker, **TODAY)
    truth = disclosures(market).told(NOW, NOW.date(), NOW.date())
    assert [row["rcept_no"] for row in rows] == sorted((one.receipt for one in truth), reverse=True)
    names = {field.name for field in SPEC.endpoint("list").blocks[0].fields}
    assert all(set(row) == names for row in rows)
    assert {row["rcept_dt"] for row in rows} == {"20261120"}


async def test_the_defaults_are_today_ten_a_page_newest_first(asker: Asker) -> None:
    told = await asker.ask(LIST)
    first = (await every_page(asker, **TODAY))[:10]
    assert (told["page_no"], told["page_count"], told["list"]) == (1, 10, first)
    assert (await asker.ask(LIST, bgn_de="20261118"))["total_count"] > told["total_count"]


async def test_nothing_found_is_013_and_so_is_a_page_beyond_the_last(asker: Asker) -> None:
    told = await asker.ask(LIST, bgn_de="20261115", end_de="20261115")
    assert told == {"status": "013", "message": "조회된 데이타가 없습니다."}
    assert await asker.status(**TODAY, page_no="9999") == "013"
    assert await asker.status(**TODAY, corp_code="99999999") == "013"
    assert await asker.status(bgn_de="20261121", end_de="20261130") == "013"


async def test_the_filters_part_the_day(asker: Asker) -> None:
    whole = {row["rcept_no"] for row in await every_page(asker, **TODAY)}
    for name, values in (("pblntf_ty", "ABCDEFGHIJ"), ("corp_cls", "YKNE")):
        parts: list[str] = []
        for value in values:
            if await asker.status(**{**TODAY, name: value}) == "000":
                parts += [row["rcept_no"] for row in await every_page(asker, **{**TODAY, name: value})]
        assert sorted(parts) == sorted(whole)
    asked = await every_page(asker, **TODAY, pblntf_detail_ty="I003")
    assert {row["report_nm"].rstrip() for row in asked} == {"조회공시요구(현저한시황변동)"}
    assert all(row["rm"] in {"유", "코"} for row in asked)


async def test_the_orders_are_kept(asker: Asker) -> None:
    by_name = await every_page(asker, **TODAY, sort="crp", sort_mth="asc")
    assert [row["corp_name"] for row in by_name] == sorted(row["corp_name"] for row in by_name)
    by_title = await every_page(asker, **TODAY, sort="rpt", sort_mth="desc")
    titles = [row["report_nm"].rstrip() for row in by_title]
    assert titles == sorted(titles, reverse=True)


async def test_only_final_reports_leave_out_what_was_corrected(asker: Asker) -> None:
    week = {"bgn_de": "20261113", "end_de": "20261120"}
    everything = await every_page(asker, **week)
    final = {row["rcept_no"] for row in await every_page(asker, **week, last_reprt_at="Y")}
    left_out = [row for row in everything if row["rcept_no"] not in final]
    assert left_out
    assert all(row["rm"].endswith("정") for row in left_out)
    assert not any(row["rm"].endswith("정") for row in everything if row["rcept_no"] in final)
    assert any(row["report_nm"].startswith("[기재정정]") for row in everything)


async def test_titles_of_the_exchange_end_in_blanks(asker: Asker) -> None:
    rows = await every_page(asker, **TODAY)
    assert any(row["report_nm"] != row["report_nm"].rstrip() for row in rows)
    assert {row["stock_code"] for row in rows if row["corp_cls"] == "E"} <= {""}


# ── companies ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_archive_holds_every_company(asker: Asker, market: Market) -> None:
    reply = await asker.get(ARCHIVE)
    with zipfile.ZipFile(io.BytesIO(reply.content)) as packed:
        assert packed.namelist() == ["CORPCODE.xml"]
        root = ET.fromstring(packed.read("CORPCODE.xml"))
    rows = [{field.tag: field.text or "" for field in row} for row in root.iter("list")]
    names = [field.name for field in SPEC.endpoint("corpCode").blocks[0].fields]
    assert all(list(row) == names for row in rows)
    assert Counter(row["stock_code"] == " " for row in rows)[True] == 400
    by_code = {row["stock_code"]: row for row in rows}
    assert by_code["005930"]["corp_code"] == SAMSUNG
    assert "005935" not in by_code
    shares = {issue.code for issue in market.issues if issue.kind in {"common", "spac", "reit"}}
    assert by_code.keys() - {" "} == shares
    assert (await asker.get(ARCHIVE)).content == reply.content


# ── own shares ────────────────────────────────────────────────────────────────────────────────────────────────────


def number(text: str) -> int:
    return 0 if text == "-" else int(text.replace(",", ""))


async def latest(asker: Asker, code: str) -> dict[str, str]:
    truth = (await asker.http.get("/__truth__/issue", params={"code": code})).json()
    shares = truth["own_shares"]
    return {"corp_code": truth["corp_code"], "bsns_year": str(shares["year"]), "reprt_code": shares["kind"]}


async def test_the_totals_tell_each_class_their_sum_and_a_remark(asker: Asker, market: Market) -> None:
    asked = await latest(asker, "005930")
    rows = (await asker.ask(TOTALS, **asked))["list"]
    assert [row["se"] for row in rows] == ["보통주", "우선주", "합계", "비고"]
    names = {field.name for field in SPEC.endpoint("stockTotqySttus").blocks[0].fields}
    assert all(set(row) == names for row in rows)
    common, preferred, whole, remark = rows
    for row, code in ((common, "005930"), (preferred, "005935")):
        assert number(row["istc_totqy"]) == market.by_code[code].shares
    for row in (common, preferred, whole):
        assert number(row["istc_totqy"]) - number(row["tesstk_co"]) == number(row["distb_stock_co"])
        issued_ever = number(row["now_to_isu_stock_totqy"]) - number(row["now_to_dcrs_stock_totqy"])
        assert issued_ever == number(row["istc_totqy"])
    assert number(whole["tesstk_co"]) == number(common["tesstk_co"]) + number(preferred["tesstk_co"])
    assert remark["istc_totqy"] == "-"
    assert common["stlm_dt"][4] == common["stlm_dt"][7] == "-"


async def test_the_ways_of_own_shares_add_up(asker: Asker, market: Market) -> None:
    told = disclosures(market)
    names = {field.name for field in SPEC.endpoint("tesstkAcqsDspsSttus").blocks[0].fields}
    figures = ("bsis_qy", "change_qy_acqs", "change_qy_dsps", "change_qy_incnr", "trmend_qy")
    some = 0
    for code in [one.code for one in told.companies if one.issues][:60]:
        asked = await latest(asker, code)
        rows = (await asker.ask(TREASURY, **asked))["list"]
        totals = {row["se"]: row for row in (await asker.ask(TOTALS, **asked))["list"]}
        for kind in {row["stock_knd"] for row in rows}:
            own = [row for row in rows if row["stock_knd"] == kind]
            assert all(set(row) == names for row in own)
            leaves = [row for row in own if row["acqs_mth3"] not in {"소계", "총계"}]
            subtotals = [row for row in own if row["acqs_mth3"] == "소계"]
            (whole,) = (row for row in own if row["acqs_mth1"] == "총계")
            for name in figures:
                assert sum(number(row[name]) for row in leaves) == number(whole[name])
                assert sum(number(row[name]) for row in subtotals) == number(whole[name])
            for row in own:
                begins, bought, sold, retired, ends = (number(row[name]) for name in figures)
                assert begins + bought - sold - retired == ends
                assert min(begins, bought, sold, retired, ends) >= 0
            assert whole["trmend_qy"] == totals[kind]["tesstk_co"]
            some += whole["trmend_qy"] != "-"
    assert some > 20


async def test_a_report_is_told_once_it_was_received(market: Market) -> None:
    told = disclosures(market)
    named = told.report("000660", NOW)
    assert named is not None
    asked = {"corp_code": named.company.corp_code, "bsns_year": str(named.year), "reprt_code": named.kind}
    early = Asker(market, named.received_at - timedelta(seconds=1))
    late = Asker(market, named.received_at)
    assert await early.status(TOTALS, **asked) == "013"
    (row, *_) = (await late.ask(TOTALS, **asked))["list"]
    day = f"{named.received_at:%Y%m%d}"
    filed = await late.ask(LIST, corp_code=asked["corp_code"], bgn_de=day, end_de=day, pblntf_ty="A")
    assert row["rcept_no"] in {one["rcept_no"] for one in filed["list"]}


# ── switches, stats, truth ────────────────────────────────────────────────────────────────────────────────────────


async def test_what_may_be_wrong_can_be_switched_on(asker: Asker) -> None:
    await asker.http.put("/__sim__/switches", json={"closed": 1, "fail": 1, "html": 1, "cut": 1, "seconds": 2})
    begun = asker.clock.monotonic()
    assert [await asker.status(**TODAY) for _ in range(2)] == ["800", "900"]
    assert asker.clock.monotonic() - begun == 4
    page = await asker.get(LIST, **TODAY)
    assert page.headers["content-type"].split(";")[0] == "text/html"
    cut = await asker.get(LIST, **TODAY)
    with pytest.raises(json.JSONDecodeError):
        cut.json()
    assert await asker.status(**TODAY) == "000"
    assert (await asker.http.put("/__sim__/switches", json={"nonsense": 1})).status_code == 400
    assert (await asker.http.delete("/__sim__/switches")).json()["seconds"] == 0
    stats = (await asker.http.get("/__sim__/stats")).json()
    assert stats["calls"] == {"list": 5}
    assert stats["refusals"] == {"800": 1, "900": 1}
    assert (await asker.http.delete("/__sim__/stats")).json()["calls"] == {}


async def test_the_truth_of_an_issue(asker: Asker, market: Market) -> None:
    told = disclosures(market)
    noon = NOW.replace(hour=12)
    for code in ("005930", "000660", "005935"):
        truth = (await asker.http.get("/__truth__/issue", params={"code": code, "at": noon.isoformat()})).json()
        assert len(truth["receipts"]) == told.count(code, NOW.date(), noon)
        holding = told.holding(code, noon)
        assert holding is not None
        assert (truth["own_shares"]["held"], truth["own_shares"]["issued"]) == (holding.closing, holding.issued)
    fund = next(issue.code for issue in market.issues if issue.etp)
    assert (await asker.http.get("/__truth__/issue", params={"code": fund})).json()["corp_code"] is None
    yesterday = (await asker.http.get("/__truth__/issue", params={"code": "005930", "day": "20261119"})).json()
    assert all(receipt.startswith("20261119") for receipt in yesterday["receipts"])
    for query in ({}, {"code": "999999"}, {"code": "005930", "day": "soon"}):
        assert (await asker.http.get("/__truth__/issue", params=query)).status_code == 400
