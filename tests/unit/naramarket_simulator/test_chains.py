"""A purchase can be followed from any of its numbers to every other, over the documented operations alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from dari.worlds.procurement import Purchase, World
from tests.unit.naramarket_simulator.conftest import MONTH, Upstream

PLANS = "OrderPlanSttusService.getOrderPlanSttusListThng"
PRESPECS = "HrcspSsstndrdInfoService.getPublicPrcureThngInfoThng"
REQUESTS = "PrcrmntReqInfoService.getPrcrmntReqInfoListThng"
NOTICES = "BidPublicInfoService.getBidPblancListInfoThng"
OPENINGS = "ScsbidInfoService.getOpengResultListInfoThng"
BIDDERS = "ScsbidInfoService.getOpengResultListInfoOpengCompt"
AWARDS = "ScsbidInfoService.getScsbidListSttusThng"
CONTRACTS = "CntrctInfoService.getCntrctInfoListThng"
PROCESS = "CntrctProcssIntgOpenService.getCntrctProcssIntgOpenThng"
DEFENCE = "D2B.BidPblancInfoService.getDmstcCmpetBidPblancList"


@pytest.fixture(scope="module")
def purchase(world: World) -> Purchase:
    from dari.providers.naramarket.simulator.asked import parse_time  # noqa: PLC0415  # only to spell two moments

    start, end = parse_time("202607010000", last=False), parse_time("202607312359", last=True)
    for ref in world.window("goods", "contract.registered", start, end):
        found = world.purchase(ref.source, ref.day, ref.nth)
        if found.plan_number and found.prespec_number and found.request_number and len(found.trait.notices) > 1:
            return found
    raise AssertionError


async def one(upstream: Upstream, endpoint: str, query: Mapping[str, str]) -> dict[str, str]:
    heard = await upstream.ask(endpoint, query, numOfRows=100)
    assert heard.rows, (endpoint, query)
    return heard.rows[-1]


@pytest.mark.parametrize("number", ["notice", "prespec", "plan", "request"])
async def test_the_process_is_found_by_four_numbers(upstream: Upstream, purchase: Purchase, number: str) -> None:
    query = {
        "notice": {"inqryDiv": "1", "bidNtceNo": purchase.notice_number},
        "prespec": {"inqryDiv": "2", "bfSpecRgstNo": purchase.prespec_number},
        "plan": {"inqryDiv": "3", "orderPlanNo": purchase.plan_number},
        "request": {"inqryDiv": "4", "prcrmntReqNo": purchase.request_number},
    }[number]
    row = await one(upstream, PROCESS, query)
    assert row["bidNtceNo"] == purchase.notice_number
    assert row["bfSpecRgstNo"] == purchase.prespec_number
    assert row["orderPlanUntyNo"] == purchase.plan_number
    assert row["prcrmntReqNo"] == purchase.request_number
    winner, contract = (re.findall(r"\^([^\^\]]*)", row[name]) for name in ("bidwinrInfoList", "cntrctInfoList"))
    assert winner[1] == purchase.bids[0].company.business_number
    assert contract[0] == purchase.contract_number
    assert int(contract[5]) == purchase.contract_amount


async def test_every_stage_names_the_next(upstream: Upstream, purchase: Purchase) -> None:
    plan = await one(upstream, PLANS, {"inqryDiv": "2", "orderPlanUntyNo": purchase.plan_number})
    prespec = await one(upstream, PRESPECS, {"inqryDiv": "2", "bfSpecRgstNo": purchase.prespec_number})
    assert plan["bidNtceNoList"] == prespec["bidNtceNoList"] == purchase.notice_number
    request = await one(upstream, REQUESTS, {"inqryDiv": "2", "prcrmntReqNo": purchase.request_number})
    notices = await upstream.ask(NOTICES, {"inqryDiv": "2", "bidNtceNo": purchase.notice_number})
    assert [row["bidNtceOrd"] for row in notices.rows] == [f"{n:03d}" for n in range(len(purchase.trait.notices))]
    notice = notices.rows[-1]
    assert notice["orderPlanUntyNo"] == purchase.plan_number
    assert notice["bfSpecRgstNo"] == purchase.prespec_number
    assert notice["ntceKindNm"] == "변경공고"
    opening = await one(upstream, OPENINGS, {"inqryDiv": "4", "bidNtceNo": purchase.notice_number})
    bidders = await upstream.ask(BIDDERS, {"bidNtceNo": purchase.notice_number}, numOfRows=100)
    award = await one(upstream, AWARDS, {"inqryDiv": "4", "bidNtceNo": purchase.notice_number})
    contract = await one(upstream, CONTRACTS, {"inqryDiv": "2", "untyCntrctNo": purchase.contract_number})
    assert contract["ntceNo"] == purchase.notice_number
    assert contract["reqNo"] == purchase.request_number
    assert award["bidwinnrBizno"] == bidders.rows[0]["prcbdrBizno"]
    assert award["bidwinnrBizno"] in opening["opengCorpInfo"]
    assert award["bidwinnrBizno"] in contract["corpList"]
    assert award["sucsfbidAmt"] == bidders.rows[0]["bidprcAmt"]
    assert int(contract["thtmCntrctAmt"]) <= int(award["sucsfbidAmt"])
    titles = {plan["bizNm"], prespec["prdctClsfcNoNm"], request["prcrmntReqNm"], notice["bidNtceNm"]}
    assert titles == {purchase.title}
    buyers = {row["dminsttCd"] for row in (notice, opening, award)} | {plan["orderInsttCd"], request["orderInsttCd"]}
    assert buyers == {purchase.buyer.code}


async def test_bids_below_the_floor_are_left_out_of_the_completed_list(upstream: Upstream, world: World) -> None:
    for row in (await upstream.ask(AWARDS, {**MONTH}, numOfRows=60)).rows:
        found = world.at_number(row["bidNtceNo"], "BK")
        assert found
        below = [bid for bid in found.bids if not bid.rank]
        heard = await upstream.ask(BIDDERS, {"bidNtceNo": row["bidNtceNo"]}, numOfRows=100)
        assert [row["opengRank"] for row in heard.rows] == [str(n) for n in range(1, len(found.bids) - len(below) + 1)]
        assert int(row["prtcptCnum"]) == len(found.bids)


async def test_a_stage_is_not_told_before_it_happened(upstream: Upstream) -> None:
    today = {"inqryDiv": "1", "inqryBgnDt": "202611180000", "inqryEndDt": "202611202359"}
    posted = (await upstream.ask(NOTICES, today)).rows[0]
    row = await one(upstream, PROCESS, {"inqryDiv": "1", "bidNtceNo": posted["bidNtceNo"]})
    assert row["bidwinrInfoList"] == row["cntrctInfoList"] == ""
    assert (await upstream.ask(AWARDS, {"inqryDiv": "4", "bidNtceNo": posted["bidNtceNo"]})).total == 0
    assert posted["bidNtceDt"] <= upstream.clock.now().strftime("%Y-%m-%d %H:%M:59")


async def test_defence_notices_join_by_their_notice_number(upstream: Upstream) -> None:
    heard = await upstream.ask(DEFENCE, {"anmtDateBegin": "20260901", "anmtDateEnd": "20260930"}, numOfRows=20)
    assert heard.envelope == "ok_xml"
    for row in heard.rows:
        notices = await upstream.ask(NOTICES, {"inqryDiv": "2", "bidNtceNo": row["g2bPblancNo"]})
        assert {one["bidNtceNm"] for one in notices.rows} == {row["bidNm"]}


async def test_sanctions_companies_and_attributes_are_found_by_number(upstream: Upstream, world: World) -> None:
    window = {"inqryDiv": "2", "inqryBgnDt": "202609010000", "inqryEndDt": "202609302359"}
    sanctioned = (await upstream.ask("UsrInfoService02.getUnptRsttCorpInfo02", window)).rows[0]
    by_number = {"inqryDiv": "1", "bizno": sanctioned["bizno"]}
    again = (await upstream.ask("UsrInfoService02.getUnptRsttCorpInfo02", by_number)).rows
    assert sanctioned in again
    company = await one(
        upstream, "UsrInfoService02.getPrcrmntCorpBasicInfo02", {"inqryDiv": "3", "bizno": sanctioned["bizno"]}
    )
    assert company["corpNm"] == sanctioned["corpNm"]
    feed = {"inqryDiv": "2", "inqryBgnDt": "202609010000", "inqryEndDt": "202609302359"}
    changed = (await upstream.ask("ThngListInfoService02.getLsfgdNdPrdlstChghstlnfoSttus02", feed)).rows
    assert len(changed) == 10
    for row in changed[:3]:
        number = {"prdctIdntNo": row["prdctIdntNo"]}
        told = await upstream.ask("ThngListInfoService02.getPrdctIndvAtrbInfoList02", number)
        assert {one["prdctIdntNo"] for one in told.rows} == {row["prdctIdntNo"]}
        assert len({one["attrNm"] for one in told.rows}) == len(told.rows) > 0
        own = await upstream.ask("ThngListInfoService02.getLsfgdNdPrdlstChghstlnfoSttus02", {"inqryDiv": "1", **number})
        assert row in own.rows
    assert world.seed == 7


async def test_attachments_are_files_of_their_kind(upstream: Upstream, purchase: Purchase) -> None:
    import io  # noqa: PLC0415  # only this test opens what it gets
    import zipfile  # noqa: PLC0415

    notice = await one(upstream, NOTICES, {"inqryDiv": "2", "bidNtceNo": purchase.notice_number})
    assert notice["ntceSpecDocUrl1"] == f"https://www.g2b.go.kr/files/{purchase.notice_number}/1"
    names = set()
    for place in (1, 2, 3):
        reply = await upstream.http.get(f"/files/{purchase.notice_number}/{place}")
        with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
            names |= set(archive.namelist())
            text = b"".join(archive.read(name) for name in archive.namelist()).decode()
        assert purchase.notice_number in text
    assert {"word/document.xml", "Contents/section0.xml", "제안요청서.txt"} <= names
    assert (await upstream.http.get(f"/files/{purchase.notice_number}/4")).status_code == 404
    assert (await upstream.http.get("/files/nothing/1")).status_code == 404
