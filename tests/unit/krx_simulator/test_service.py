"""The KRX simulator from outside: keys, days, limits, rows and switches, written from the facts."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import httpx2
import pytest

from dari.app.simulators import market_of
from dari.core import krx
from dari.core.clock import KST, ManualClock, RunningClock
from dari.providers.krx.simulator import SIMULATED_KEY, Account, create_app
from dari.providers.krx.spec import SPEC
from dari.worlds.market import Market

MORNING = datetime(2026, 11, 20, 8, 0, tzinfo=KST)
"""A Friday: Thursday's figures have just come out."""
STOCKS = "/svc/apis/sto/stk_bydd_trd"
KEY = {"AUTH_KEY": SIMULATED_KEY}
LIMITED = "LIMITED"
PARTIAL = "PARTIAL"
EXPIRED = "EXPIRED"


class Asker:
    """Asks one simulator; its own clock counts calls, the world stands at a moment."""

    def __init__(self, market: Market, now: datetime = MORNING) -> None:
        accounts = {
            SIMULATED_KEY: Account(),
            LIMITED: Account(per_day=2),
            PARTIAL: Account(services=frozenset({"stk_bydd_trd"})),
            EXPIRED: Account(expires=MORNING - timedelta(days=1)),
        }
        self.clock = ManualClock(MORNING)
        app = create_app(market, clock=self.clock, world=RunningClock(now, speed=0), accounts=accounts)
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://krx")

    async def get(self, path: str, key: str = SIMULATED_KEY, **query: str) -> httpx2.Response:
        return await self.http.get(path, params=query, headers={"AUTH_KEY": key} if key else {})

    async def rows(self, service: str, day: str) -> list[dict[str, str]]:
        reply = await self.get(SPEC.endpoint(service).path, basDd=day)
        assert reply.status_code == 200, reply.text
        told: list[dict[str, str]] = reply.json()["OutBlock_1"]
        return told

    async def refused(self, path: str = STOCKS, key: str = SIMULATED_KEY, **query: str) -> tuple[int, str, str]:
        reply = await self.get(path, key, **query)
        told = reply.json()
        return reply.status_code, told["respCode"], told["respMsg"]


@pytest.fixture
def market() -> Market:
    return market_of(3)


@pytest.fixture
def asker(market: Market) -> Asker:
    return Asker(market)


# ── keys and questions ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("key", "path", "said"),
    [
        ("", STOCKS, "Unauthorized Key"),
        ("nonsense", STOCKS, "Unauthorized Key"),
        (EXPIRED, STOCKS, "Unauthorized Key"),
        (PARTIAL, "/svc/apis/sto/ksq_bydd_trd", "Unauthorized API Call"),
    ],
)
async def test_a_key_that_does_not_do_is_told_so_with_401(asker: Asker, key: str, path: str, said: str) -> None:
    assert await asker.refused(path, key, basDd="20261119") == (401, "401", said)


async def test_a_key_in_the_query_is_no_key(asker: Asker) -> None:
    told = await asker.refused(STOCKS, "", basDd="20261119", AUTH_KEY=SIMULATED_KEY)
    assert told == (401, "401", "Unauthorized Key")


@pytest.mark.parametrize(
    "query",
    [{}, {"basDd": "2026-11-19"}, {"basDd": "20261301"}, {"basDd": "2026111"}, {"basDd": "20261119", "isuCd": "1"}],
)
async def test_what_is_not_one_day_is_refused(asker: Asker, query: Mapping[str, str]) -> None:
    assert (await asker.refused(**query))[0] == 400


async def test_a_path_that_is_none_is_refused(asker: Asker) -> None:
    assert (await asker.refused("/svc/apis/stk/stk_bydd_trd", basDd="20261119"))[0] == 404


async def test_a_posted_day_is_answered_as_one_in_the_query(asker: Asker) -> None:
    posted = await asker.http.post(STOCKS, json={"basDd": "20261119"}, headers=KEY)
    assert posted.content == (await asker.get(STOCKS, basDd="20261119")).content
    for body in (b"{", b"[1]", b"{}"):
        assert (await asker.http.post(STOCKS, content=body, headers=KEY)).status_code == 400


async def test_the_days_calls_are_counted_by_key_until_midnight(asker: Asker) -> None:
    for _ in range(2):
        assert (await asker.get(STOCKS, LIMITED, basDd="20261119")).status_code == 200
    assert (await asker.refused(STOCKS, LIMITED, basDd="20261119"))[0] == 429
    assert (await asker.get(STOCKS, basDd="20261119")).status_code == 200
    asker.clock.advance(16 * 3_600)
    assert (await asker.get(STOCKS, LIMITED, basDd="20261119")).status_code == 200


# ── days ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_day_is_out_at_eight_of_the_next_trading_day(market: Market) -> None:
    early, late = Asker(market, MORNING - timedelta(seconds=1)), Asker(market)
    assert await early.rows("stk_bydd_trd", "20261119") == []
    assert len(await early.rows("stk_bydd_trd", "20261118")) > 900
    assert len(await late.rows("stk_bydd_trd", "20261119")) > 900
    assert await late.rows("stk_bydd_trd", "20261120") == []
    over_the_weekend = Asker(market, datetime(2026, 11, 22, 20, 0, tzinfo=KST))
    assert await over_the_weekend.rows("stk_bydd_trd", "20261120") == []


@pytest.mark.parametrize("day", ["20261114", "20261115", "20261009", "20091230", "20261231"])
@pytest.mark.parametrize("service", SPEC.ids())
async def test_a_day_without_trading_has_no_rows(asker: Asker, service: str, day: str) -> None:
    holiday_of_funds = service == "etf_bydd_trd" and day == "20261009"
    assert bool(await asker.rows(service, day)) == holiday_of_funds


async def test_funds_are_listed_without_figures_on_a_weekday_of_rest(asker: Asker) -> None:
    rows = await asker.rows("etf_bydd_trd", "20261009")
    assert len(rows) > 100
    assert {row["TDD_CLSPRC"] + row["ACC_TRDVOL"] + row["NAV"] for row in rows} == {""}
    assert {row["BAS_DD"] for row in rows} == {"20261009"}


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("service", SPEC.ids())
async def test_every_row_has_the_sheets_fields_in_text(asker: Asker, service: str) -> None:
    names = [field.name for field in SPEC.endpoint(service).blocks[0].fields]
    for row in await asker.rows(service, "20261119"):
        assert sorted(row) == sorted(names)
        assert all(isinstance(value, str) for value in row.values())
        assert not any("," in row[name] for name in names if name not in {"ISU_NM", "ISU_ENG_NM", "ISU_ABBRV"})


async def test_a_market_is_whole_and_in_the_order_of_names(asker: Asker, market: Market) -> None:
    kospi, kosdaq = await asker.rows("stk_bydd_trd", "20261119"), await asker.rows("ksq_bydd_trd", "20261119")
    funds = await asker.rows("etf_bydd_trd", "20261119")
    codes = [row["ISU_CD"] for row in (*kospi, *kosdaq, *funds)]
    assert sorted(codes) == [issue.code for issue in market.issues]
    assert [row["ISU_NM"] for row in kospi] == sorted(row["ISU_NM"] for row in kospi)
    assert {row["MKT_NM"] for row in kospi} == {"KOSPI"}
    assert {row["SECT_TP_NM"] for row in kospi} == {"-"}
    assert {"우량기업부", "SPAC(소속부없음)", "관리종목(소속부없음)"} < {row["SECT_TP_NM"] for row in kosdaq}


async def test_the_figures_of_a_row_agree_with_each_other(asker: Asker) -> None:
    for row in [*await asker.rows("stk_bydd_trd", "20261119"), *await asker.rows("ksq_bydd_trd", "20261119")]:
        close, change = int(row["TDD_CLSPRC"]), int(row["CMPPREVDD_PRC"])
        assert int(row["MKTCAP"]) == close * int(row["LIST_SHRS"])
        assert abs(float(row["FLUC_RT"]) - 100 * change / (close - change)) <= 0.005 + 1e-9
        if row["ACC_TRDVOL"] == "0":
            assert {row[name] for name in ("TDD_OPNPRC", "TDD_HGPRC", "TDD_LWPRC", "ACC_TRDVAL")} == {"0"}
        else:
            assert int(row["TDD_LWPRC"]) <= close <= int(row["TDD_HGPRC"])


async def test_an_issue_that_did_not_trade_has_zeros(asker: Asker) -> None:
    rows = [*await asker.rows("stk_bydd_trd", "20261119"), *await asker.rows("ksq_bydd_trd", "20261119")]
    still = [row for row in rows if row["ACC_TRDVOL"] == "0"]
    assert still
    assert all(int(row["TDD_CLSPRC"]) > 0 and row["TDD_OPNPRC"] == "0" for row in still)


async def test_a_series_begins_with_a_row_that_has_no_levels(asker: Asker) -> None:
    for service, name in (("kospi_dd_trd", "코스피"), ("kosdaq_dd_trd", "코스닥")):
        whole, first, *rest = await asker.rows(service, "20261119")
        assert (whole["IDX_NM"], whole["CLSPRC_IDX"], whole["FLUC_RT"]) == (f"{name} (외국주포함)", "-", "-")
        assert (first["IDX_NM"], first["ACC_TRDVAL"]) == (name, whole["ACC_TRDVAL"])
        names = [row["IDX_NM"] for row in rest]
        assert len(set(names)) == len(names) > 20
        assert "전기전자" in names


async def test_the_series_of_both_markets_tells_one_index_by_its_close_alone(asker: Asker) -> None:
    whole, large = await asker.rows("krx_dd_trd", "20261119")
    assert (whole["IDX_NM"], whole["OPNPRC_IDX"], whole["MKTCAP"]) == ("KRX TMI", "-", "-")
    assert float(whole["CLSPRC_IDX"]) > 0
    assert large["IDX_NM"] == "KRX 300"
    assert float(large["LWPRC_IDX"]) <= float(large["CLSPRC_IDX"]) <= float(large["HGPRC_IDX"])


async def test_an_issue_is_described(asker: Asker, market: Market) -> None:
    rows = {row["ISU_SRT_CD"]: row for row in await asker.rows("stk_isu_base_info", "20261119")}
    samsung, preferred = rows["005930"], rows["005935"]
    assert (samsung["ISU_CD"], samsung["ISU_ABBRV"], samsung["ISU_NM"]) == (
        "KR7005930003",
        "삼성전자",
        "삼성전자보통주",
    )
    assert samsung["ISU_ENG_NM"].isascii()
    assert (preferred["KIND_STKCERT_TP_NM"], preferred["ISU_NM"]) == ("구형우선주", "삼성전자1우선주")
    assert int(samsung["LIST_SHRS"]) == market.by_code["005930"].shares
    junior = (await asker.rows("ksq_isu_base_info", "20261119"))[0]
    assert (junior["MKT_TP_NM"], junior["ISU_NM"]) == ("KOSDAQ", f"(주){junior['ISU_ABBRV']}")


# ── speed, switches, truth ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_whole_day_is_answered_within_60_ms_once_it_was_made(asker: Asker) -> None:
    await asker.rows("ksq_bydd_trd", "20261119")
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        await asker.get("/svc/apis/sto/ksq_bydd_trd", basDd="20261119")
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.06


async def test_what_may_be_wrong_can_be_switched_on(asker: Asker) -> None:
    switched = await asker.http.put("/__sim__/switches", json={"fail": 1, "html": 1, "cut": 1})
    assert switched.json()["fail"] == 1
    assert (await asker.refused(basDd="20261119"))[0] == 500
    page = await asker.get(STOCKS, basDd="20261119")
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    cut = await asker.get(STOCKS, basDd="20261119")
    with pytest.raises(json.JSONDecodeError):
        cut.json()
    assert len(await asker.rows("stk_bydd_trd", "20261119")) > 900
    assert (await asker.http.put("/__sim__/switches", json={"nonsense": 1})).status_code == 400
    assert (await asker.http.delete("/__sim__/switches")).json()["fail"] == 0


async def test_a_call_can_be_slow_and_too_fast(asker: Asker) -> None:
    await asker.http.put("/__sim__/switches", json={"seconds": 2.5, "per_second": 3})
    begun = asker.clock.monotonic()
    async with asyncio.timeout(5):
        await asker.get(STOCKS, basDd="20261119")
    assert asker.clock.monotonic() - begun == 2.5
    await asker.http.put("/__sim__/switches", json={"seconds": 0})
    asker.clock.advance(10)
    statuses = [(await asker.get(STOCKS, basDd="20261119")).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]


async def test_stats_tell_which_day_was_asked_how_often(asker: Asker) -> None:
    for day in ("20261119", "20261119", "20261118"):
        await asker.rows("ksq_bydd_trd", day)
    await asker.refused(STOCKS, "nonsense", basDd="20261119")
    told = (await asker.http.get("/__sim__/stats")).json()
    assert told["days"] == {"ksq_bydd_trd 20261119": 2, "ksq_bydd_trd 20261118": 1}
    assert told["refusals"] == {"Unauthorized Key": 1}
    assert (await asker.http.delete("/__sim__/stats")).json()["calls"] == {}


async def test_the_truth_is_the_worlds_and_the_rows_are_the_truth(asker: Asker, market: Market) -> None:
    for market_name, service in (("KOSPI", "stk_bydd_trd"), ("KOSDAQ", "ksq_bydd_trd"), ("ETF", "etf_bydd_trd")):
        truth: Any = (await asker.http.get("/__truth__/day", params={"day": "20261118", "market": market_name})).json()
        rows = {row["ISU_CD"]: row for row in await asker.rows(service, "20261118")}
        assert rows.keys() == truth["rows"].keys()
        for code, (base, opened, high, low, close, volume, value, shares) in truth["rows"].items():
            row = rows[code]
            assert int(row["TDD_CLSPRC"]) - int(row["CMPPREVDD_PRC"]) == base
            told = [int(row[name]) for name in ("TDD_OPNPRC", "TDD_HGPRC", "TDD_LWPRC", "TDD_CLSPRC")]
            assert told == [opened, high, low, close]
            assert [int(row[name]) for name in ("ACC_TRDVOL", "ACC_TRDVAL", "LIST_SHRS")] == [volume, value, shares]
    day = date(2026, 11, 18)
    bar = market.bar("005930", day)
    assert truth["seed"] == market.seed
    kospi = (await asker.http.get("/__truth__/day", params={"day": "20261118"})).json()["rows"]["005930"]
    assert kospi[4:7] == [bar.close, bar.volume, bar.value]
    wrong = {"day": "20261118", "market": "KONEX"}
    for query in ({}, {"day": "soon"}, {"day": "20261115"}, wrong):
        assert (await asker.http.get("/__truth__/day", params=query)).status_code == 400
    assert krx.is_trading_day(day)


async def test_every_reply_says_that_it_is_simulated(asker: Asker) -> None:
    for reply in (await asker.get(STOCKS, basDd="20261119"), await asker.get(STOCKS, "nonsense")):
        assert reply.headers["x-dari-simulated"] == "true"
