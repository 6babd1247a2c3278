"""Windows, pages, filters and what the service refuses."""

from __future__ import annotations

from collections import Counter

import pytest

from dari.providers.naramarket.simulator.asked import add_months, parse_time
from tests.unit.naramarket_simulator.conftest import GOODS, MONTH, Upstream, key_of

CONTRACTS = "PubDataOpnStdService.getDataSetOpnStdCntrctInfo"
AWARDS = "PubDataOpnStdService.getDataSetOpnStdScsbidInfo"
MALL = "ShoppingMallPrdctInfoService.getShoppingMallPrdctInfoList"
VENTURE = "ShoppingMallPrdctInfoService.getVntrPrdctOrderDealDtlsInfoList"


def goods(first: str, last: str) -> dict[str, str]:
    return {"inqryDiv": "1", "inqryBgnDt": first, "inqryEndDt": last}


@pytest.mark.parametrize(
    ("endpoint", "query", "code"),
    [
        (GOODS, goods("202609010000", "202609302359"), "00"),
        (GOODS, goods("202609010000", "202610010000"), "00"),
        (GOODS, goods("202609010000", "202610010100"), "07"),  # a month and an hour
        (GOODS, goods("202601310000", "202602280000"), "00"),
        (GOODS, goods("202601310000", "202602282359"), "07"),  # February is short
        (GOODS, goods("202602010000", "202603030000"), "07"),  # thirty days are not a month
        (GOODS, goods("202609300000", "202609010000"), "07"),
        (CONTRACTS, {"cntrctCnclsBgnDate": "20260901", "cntrctCnclsEndDate": "20260907"}, "00"),
        (CONTRACTS, {"cntrctCnclsBgnDate": "20260901", "cntrctCnclsEndDate": "20260908"}, "07"),
        (AWARDS, {"bsnsDivCd": "1", "opengBgnDt": "202609010000", "opengEndDt": "202609012359"}, "00"),
        (AWARDS, {"bsnsDivCd": "1", "opengBgnDt": "202609010000", "opengEndDt": "202609020001"}, "07"),
        (MALL, {"inqryDiv": "1", "inqryBgnDate": "20251001", "inqryEndDate": "20260930"}, "00"),
        (MALL, {"inqryDiv": "1", "inqryBgnDate": "20251001", "inqryEndDate": "20261001"}, "07"),
        (VENTURE, {"inqryDiv": "1", "inqryBgnDate": "20230901", "inqryEndDate": "20260831"}, "00"),
        (VENTURE, {"inqryDiv": "1", "inqryBgnDate": "20230901", "inqryEndDate": "20260901"}, "07"),
        (GOODS, goods("2026090100", "202609302359"), "06"),
        (GOODS, goods("202609310000", "202609302359"), "06"),
        (GOODS, {"inqryDiv": "1", "inqryBgnDt": "202609010000"}, "08"),
        (GOODS, {"inqryBgnDt": "202609010000", "inqryEndDt": "202609302359"}, "08"),
        (GOODS, {"inqryDiv": "2"}, "08"),
        (GOODS, {"inqryDiv": "7"}, "10"),
        (GOODS, {**MONTH, "pageNo": "0"}, "10"),
        (GOODS, {**MONTH, "numOfRows": "many"}, "10"),
        (AWARDS, {"opengBgnDt": "202609010000", "opengEndDt": "202609012359"}, "08"),
    ],
)
async def test_what_is_refused(upstream: Upstream, endpoint: str, query: dict[str, str], code: str) -> None:
    heard = await upstream.ask(endpoint, query)
    assert heard.code == code
    assert heard.envelope == ("ok" if code == "00" else "service_error")
    assert heard.status == 200
    assert not (code != "00" and heard.rows)


def test_months_end_where_they_end() -> None:
    start = parse_time("202601310000", last=False)
    assert add_months(start, 1).day == 28
    assert add_months(start, 12).isoformat()[:10] == "2027-01-31"
    assert parse_time("202602", last=True).strftime("%d%H%M") == "282359"


@pytest.mark.parametrize("size", [1, 10, 100, 500, 999, 5000])
async def test_pages_of_any_size_hold_every_row_once(upstream: Upstream, size: int) -> None:
    truth = await upstream.truth(GOODS, MONTH)
    if size < 10:
        heard = await upstream.ask(GOODS, MONTH, numOfRows=1, pageNo=len(truth))
        assert [key_of(GOODS, row) for row in heard.rows] == truth[-1:]
        return
    found: list[str] = []
    page = 1
    while True:
        heard = await upstream.ask(GOODS, MONTH, numOfRows=size, pageNo=page)
        assert heard.total == len(truth)
        assert heard.size == min(size, 999)
        if not heard.rows:
            break
        found += [key_of(GOODS, row) for row in heard.rows]
        page += 1
    assert found == truth
    assert len(truth) > 1000
    assert page - 1 == -(-len(truth) // min(size, 999))


async def test_ten_rows_and_xml_are_what_is_given_unasked(upstream: Upstream) -> None:
    heard = await upstream.ask(GOODS, MONTH, type="")
    assert (len(heard.rows), heard.size, heard.envelope) == (10, 10, "ok_xml")
    as_json = await upstream.ask(GOODS, MONTH)
    assert as_json.rows == heard.rows


async def test_signs_of_xml_are_escaped(upstream: Upstream) -> None:
    services = GOODS.replace("Thng", "Servc")
    heard = await upstream.ask(services, MONTH, type="xml", numOfRows=999)
    titles = Counter(sign for row in heard.rows for sign in "<&" if sign in row["bidNtceNm"])
    assert titles["<"] > 0
    assert titles["&"] > 0


async def test_filters_narrow(upstream: Upstream) -> None:
    search = GOODS + "PPSSrch"
    every = await upstream.ask(search, MONTH, numOfRows=999)
    one = every.rows[0]
    named = await upstream.ask(search, {**MONTH, "bidNtceNm": "복사용지"}, numOfRows=999)
    assert 0 < named.total < every.total
    assert all("복사용지" in row["bidNtceNm"] for row in named.rows)
    bought = await upstream.ask(search, {**MONTH, "dminsttCd": one["dminsttCd"]}, numOfRows=999)
    assert {row["dminsttCd"] for row in bought.rows} == {one["dminsttCd"]}
    priced = await upstream.ask(
        search, {**MONTH, "presmptPrceBgn": "100000000", "presmptPrceEnd": "500000000"}, numOfRows=999
    )
    assert priced.rows
    assert all(100_000_000 <= int(row["presmptPrce"]) <= 500_000_000 for row in priced.rows)
    assert [key_of(search, row) for row in priced.rows] == await upstream.truth(
        search, {**MONTH, "presmptPrceBgn": "100000000", "presmptPrceEnd": "500000000"}
    )


async def test_the_mall_is_searched_by_class_without_making_the_others(upstream: Upstream) -> None:
    window = {"inqryDiv": "1", "inqryBgnDate": "20260901", "inqryEndDate": "20260930"}
    every = await upstream.ask(MALL, window)
    discs = await upstream.ask(MALL, {**window, "dtilPrdctClsfcNoNm": "DVD드라이브"}, numOfRows=999)
    assert {row["dtilPrdctClsfcNoNm"] for row in discs.rows} == {"DVD드라이브"}
    assert 0.03 < discs.total / every.total < 0.07
    part = await upstream.ask(MALL, {**window, "prdctClsfcNoNm": "컴퓨터"}, numOfRows=999)
    assert {row["prdctClsfcNoNm"] for row in part.rows} == {"데스크톱컴퓨터", "노트북컴퓨터"}
    assert (await upstream.ask(MALL, {**window, "dtilPrdctClsfcNoNm": "없는품목"})).total == 0
    mas = {"inqryDiv": "1", "rgstDtBgnDt": "202609010000", "rgstDtEndDt": "202609302359", "prdctClsfcNoNm": "생수"}
    assert (await upstream.ask("ShoppingMallPrdctInfoService.getMASCntrctPrdctInfoList", mas)).total == 0


async def test_the_mall_tells_yesterday_and_older(upstream: Upstream) -> None:
    today = await upstream.ask(MALL, {"inqryDiv": "1", "inqryBgnDate": "20261120", "inqryEndDate": "20261120"})
    before = await upstream.ask(MALL, {"inqryDiv": "1", "inqryBgnDate": "20261118", "inqryEndDate": "20261118"})
    assert today.total == 0
    assert before.total > 100


async def test_new_rows_appear_with_the_clock(upstream: Upstream) -> None:
    today = goods("202611200000", "202611202359")
    seen = [(await upstream.ask(GOODS, today)).total]
    for _ in range(3):
        upstream.clock.advance(3600)
        seen.append((await upstream.ask(GOODS, today)).total)
    assert seen == sorted(set(seen))
    assert seen[-1] == len(await upstream.truth(GOODS, today))


async def test_truth_refuses_what_the_service_refuses(upstream: Upstream) -> None:
    reply = await upstream.http.get(
        "/__truth__/BidPublicInfoService/getBidPblancListInfoThng", params={"inqryDiv": "1"}
    )
    assert (reply.status_code, reply.json()) == (400, {"error": "08"})
    reply = await upstream.http.get("/__truth__/BidPublicInfoService/getNothing")
    assert reply.status_code == 404
    reply = await upstream.http.get(
        "/__truth__/BidPublicInfoService/getBidPblancListInfoThng", params={**MONTH, "only": "count"}
    )
    assert list(reply.json()) == ["count"]


async def test_truth_knows_no_window_limit(upstream: Upstream) -> None:
    await upstream.faults(narrow={"days": 1})
    months = [goods("202607010000", "202607312359"), goods("202608010000", "202608312359")]
    apart = [await upstream.truth(GOODS, one) for one in months]
    assert await upstream.truth(GOODS, goods("202607010000", "202608312359")) == [*apart[0], *apart[1]]
    assert (await upstream.ask(GOODS, months[0])).code == "07"


async def test_half_a_window_of_an_operation_that_needs_none_is_refused(upstream: Upstream) -> None:
    heard = await upstream.ask("D2B.CntrctInfoService.getDmstcCntrctInfoList", {"cntrctDateBegin": "20260901"})
    assert heard.code == "08"


async def test_children_are_told_for_the_revision_that_is_asked(upstream: Upstream) -> None:
    licences = "BidPublicInfoService.getBidPblancListInfoLicenseLimit"
    changed = {"inqryDiv": "3", "inqryBgnDt": "202609010000", "inqryEndDt": "202609302359"}
    notice = (await upstream.ask(GOODS, changed)).rows[0]
    number = {"inqryDiv": "2", "bidNtceNo": notice["bidNtceNo"]}
    every = await upstream.ask(licences, number, numOfRows=100)
    one = await upstream.ask(licences, {**number, "bidNtceOrd": notice["bidNtceOrd"]}, numOfRows=100)
    assert {row["bidNtceOrd"] for row in one.rows} == {notice["bidNtceOrd"]}
    assert 0 < one.total < every.total


async def test_numbers_of_nobody_find_nothing(upstream: Upstream) -> None:
    for endpoint, query in (
        (GOODS, {"inqryDiv": "2", "bidNtceNo": "R26BK99999999"}),
        (GOODS, {"inqryDiv": "2", "bidNtceNo": "20160813876"}),
        ("UsrInfoService02.getPrcrmntCorpBasicInfo02", {"inqryDiv": "3", "bizno": "1234567890"}),
        ("ThngListInfoService02.getLsfgdNdPrdlstChghstlnfoSttus02", {"inqryDiv": "1", "prdctIdntNo": "x"}),
        (MALL, {"inqryDiv": "2", "shopngCntrctNo": "R26TB9"}),
        ("ShoppingMallPrdctInfoService.getDlvrReqInfoList", {"inqryDiv": "2", "dlvrReqNo": "1"}),
        ("ShoppingMallPrdctInfoService.getDlvrReqInfoList", {"inqryDiv": "3", "cntrctNo": "R26TB20000000"}),
        (
            "D2B.BidResultInfoService.getFcltyCmpetBidResultBsicList",
            {"cntrwkNo": "1", "ntatPlanDate": "1", "orntCode": "1"},
        ),
        ("CntrctProcssIntgOpenService.getCntrctProcssIntgOpenThng", {"inqryDiv": "3", "orderPlanNo": "9"}),
    ):
        heard = await upstream.ask(endpoint, query)
        assert (heard.code, heard.total, heard.rows) == ("00", 0, []), endpoint


async def test_class_numbers_are_a_range(upstream: Upstream) -> None:
    classes = "ThngListInfoService02.getPrdctClsfcNoUnit8Info02"
    every = await upstream.ask(classes, {}, numOfRows=100)
    some = await upstream.ask(classes, {"prdctClsfcNoBgnNo": "43", "prdctClsfcNoEndNo": "45"}, numOfRows=100)
    assert {row["prdctClsfcNo"][:2] for row in some.rows} == {"43"}
    assert some.total < every.total
