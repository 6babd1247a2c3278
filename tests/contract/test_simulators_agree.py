"""Simulators over one market: what is the same quantity on two sides is the same number."""

from collections.abc import AsyncIterator
from datetime import date, datetime

import httpx2
import pytest

from dari.app.simulators import market_of
from dari.core.clock import KST, ManualClock, RunningClock
from dari.core.krx import trading_days
from dari.providers.dart import simulator as dart
from dari.providers.kis import simulator as kis
from dari.providers.kiwoom import simulator as kiwoom
from dari.providers.krx import simulator as krx
from dari.worlds.market import Market
from tests.unit.kis_simulator.client import Client
from tests.unit.kiwoom_simulator.client import NOON, STKINFO, Asker

ISSUES = 200
SAME = {
    # KIS inquire-price → Kiwoom ka10095 / ka10001
    "stck_prpr": "cur_prc",
    "stck_oprc": "open_pric",
    "stck_hgpr": "high_pric",
    "stck_lwpr": "low_pric",
    "stck_mxpr": "upl_pric",
    "stck_llam": "lst_pric",
    "stck_sdpr": "base_pric",
    "acml_vol": "trde_qty",
}


@pytest.fixture(scope="module")
def market() -> Market:
    return market_of(11)


@pytest.fixture
async def ours(market: Market) -> AsyncIterator[Asker]:
    app = kiwoom.create_app(market, clock=ManualClock(NOON), world=RunningClock(NOON, speed=0))
    app.service.limiter.off = True
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://kiwoom") as http:
        one = Asker(http, app, kiwoom.REAL_KEY)
        await one.sign_in()
        yield one


@pytest.fixture
async def theirs(market: Market) -> AsyncIterator[Client]:
    app = kis.create_app(market, clock=ManualClock(NOON), world=RunningClock(NOON, speed=0))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://kis") as http:
        one = Client(http, app)
        await one.sign_in(kis.REAL)
        yield one


async def test_two_hundred_issues_are_quoted_alike(ours: Asker, theirs: Client, market: Market) -> None:
    codes = [one.code for one in market.issues[:: len(market.issues) // ISSUES]][:ISSUES]
    rows: dict[str, dict[str, str]] = {}
    for place in range(0, ISSUES, 100):
        told = await ours.ask("ka10095", STKINFO, stk_cd="|".join(codes[place : place + 100]))
        rows |= {row["stk_cd"]: row for row in told["atn_stk_infr"]}
    assert len(rows) == ISSUES
    for code in codes:
        quote = await theirs.rows("inquire_price", {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code})
        for kis_name, kiwoom_name in SAME.items():
            assert int(quote[kis_name]) == abs(int(rows[code][kiwoom_name])), (code, kis_name)
        assert float(quote["prdy_ctrt"]) == float(rows[code]["flu_rt"])
        assert int(quote["acml_tr_pbmn"]) // 10**6 == int(rows[code]["trde_prica"])


# ── the exchange and the disclosures beside the brokers ───────────────────────────────────────────────────────────

MORNING = datetime(2026, 11, 20, 8, 0, 7, tzinfo=KST)
BACK = (0, 1, 20, 59)
"""Trading days before the last one that is out."""
DAILY = {"FID_COND_MRKT_DIV_CODE": "J", "FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "1"}
SPAN = {"FID_INPUT_DATE_1": "20260701", "FID_INPUT_DATE_2": "20261119"}
SAME_DAY = {
    # KRX → KIS inquire-daily-itemchartprice, Kiwoom ka10081
    "TDD_CLSPRC": ("stck_clpr", "cur_prc"),
    "TDD_OPNPRC": ("stck_oprc", "open_pric"),
    "TDD_HGPRC": ("stck_hgpr", "high_pric"),
    "TDD_LWPRC": ("stck_lwpr", "low_pric"),
    "ACC_TRDVOL": ("acml_vol", "trde_qty"),
}


@pytest.fixture
async def exchange(market: Market) -> AsyncIterator[httpx2.AsyncClient]:
    app = krx.create_app(market, clock=ManualClock(MORNING), world=RunningClock(MORNING, speed=0))
    head = {"AUTH_KEY": krx.SIMULATED_KEY}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://krx", headers=head) as http:
        yield http


async def day_of(exchange: httpx2.AsyncClient, service: str, day: str) -> list[dict[str, str]]:
    reply = await exchange.get(f"/svc/apis/{service}", params={"basDd": day})
    told: list[dict[str, str]] = reply.json()["OutBlock_1"]
    return told


async def test_the_exchanges_days_are_the_brokers_daily_charts(
    ours: Asker, theirs: Client, exchange: httpx2.AsyncClient, market: Market
) -> None:
    days = [f"{trading_days(date(2026, 11, 19), 60)[back]:%Y%m%d}" for back in BACK]
    told: dict[tuple[str, str], dict[str, str]] = {}
    for day in days:
        for service in ("sto/stk_bydd_trd", "sto/ksq_bydd_trd", "etp/etf_bydd_trd"):
            told |= {(day, row["ISU_CD"]): row for row in await day_of(exchange, service, day)}
    assert len(told) == len(days) * len(market.issues)
    for code in [one.code for one in market.issues[::280]]:
        chart = await theirs.rows("inquire_daily_itemchartprice", DAILY | SPAN | {"FID_INPUT_ISCD": code}, "output2")
        kis_days = {row["stck_bsop_date"]: row for row in chart}
        asked = {"stk_cd": code, "base_dt": "20261119", "upd_stkpc_tp": "1"}
        candles = (await ours.ask("ka10081", "/api/dostk/chart", **asked))["stk_dt_pole_chart_qry"]
        kiwoom_days = {row["dt"]: row for row in candles}
        for day in days:
            row, one, two = told[day, code], kis_days[day], kiwoom_days[day]
            for name, (kis_name, kiwoom_name) in SAME_DAY.items():
                assert int(row[name]) == int(one[kis_name]) == abs(int(two[kiwoom_name])), (code, day, name)
            assert int(row["ACC_TRDVAL"]) == int(one["acml_tr_pbmn"])
            assert int(row["ACC_TRDVAL"]) // 10**6 == int(two["trde_prica"])


async def test_the_exchanges_indices_are_the_brokers(theirs: Client, exchange: httpx2.AsyncClient) -> None:
    names = {"코스피": "0001", "코스피 200": "2001", "전기전자": "0013", "코스닥": "1001", "제약": "1024"}
    rows = {row["IDX_NM"]: row for row in await day_of(exchange, "idx/kospi_dd_trd", "20261119")}
    junior = {row["IDX_NM"]: row for row in await day_of(exchange, "idx/kosdaq_dd_trd", "20261119")}
    for name, code in names.items():
        row = (junior if code[0] == "1" else rows)[name]
        asked = {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": code}
        today = await theirs.rows("inquire_index_price", asked)
        before = float(today["bstp_nmix_prpr"]) - float(today["bstp_nmix_prdy_vrss"])
        assert round(before, 2) == float(row["CLSPRC_IDX"]), name
        assert int(today["prdy_vol"]) == int(row["ACC_TRDVOL"]) // 1_000, name


async def test_the_rankings_truth_and_the_disclosures_service_agree(theirs: Client, market: Market) -> None:
    app = dart.create_app(market, clock=ManualClock(NOON), world=RunningClock(NOON, speed=0))
    asked = {"crtfc_key": dart.SIMULATED_KEY}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://dart") as http:
        rows = (await theirs.truth("market-cap-ranking", at=NOON.isoformat(), count=5))["ranking"]
        for row in rows:
            issue = (await http.get("/__truth__/issue", params={"code": row["stock_code"]})).json()
            own = issue["own_shares"]
            assert row["treasury_stock_ratio"] == round(100 * own["held"] / own["issued"], 2)
            query = {"corp_code": issue["corp_code"], "bsns_year": str(own["year"]), "reprt_code": own["kind"]}
            told = (await http.get("/api/stockTotqySttus.json", params={**asked, **query})).json()["list"]
            assert own["held"] in {int(one["tesstk_co"].replace(",", "").replace("-", "0")) for one in told}
        rising = await theirs.truth("volume-change-ranking", at=NOON.isoformat(), count=5, rank_by="value")
        for row in rising["ranking"]:
            issue = (await http.get("/__truth__/issue", params={"code": row["stock_code"]})).json()
            filed = 0
            if issue["corp_code"] is not None:
                query = {"corp_code": issue["corp_code"], "bgn_de": f"{NOON:%Y%m%d}", "page_count": "100"}
                filed = (await http.get("/api/list.json", params={**asked, **query})).json().get("total_count", 0)
            assert row["disclosure_count"] == filed
