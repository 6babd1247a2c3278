"""The rankings with KRX, DART and Kiwoom beside KIS: what each adds, what it costs, and that days are not mixed up."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dari.app.joining import Forgiving
from dari.app.simulators import market_of
from dari.core.clock import KST, ManualClock
from dari.core.errors import Unreachable
from dari.core.krx import trading_days
from dari.core.market import MARKETS, DayRow
from dari.providers.kis.chart_days import ChartDays
from dari.stores.days import DayStore
from tests.prove import market_truth as truth
from tests.support import MORNING, Asker, simulated

SEED = 4
EVENING = datetime(2026, 11, 20, 21, 0, tzinfo=KST)
DAYS = 3


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three days, filled once by the exchange's simulator."""
    folder = tmp_path_factory.mktemp("days")

    async def filled() -> Path:
        async with simulated("volume-ranking", folder, seed=SEED, DARI_RANKING_SOURCES="krx") as asker:
            async for _ in asker.runtime.joining.days.fill(DAYS):
                pass
            return asker.runtime.joining.days.store.folder

    return asyncio.run(filled())


@asynccontextmanager
async def joined(
    folder: Path, days: Path | None, sources: str = "krx,dart,kiwoom", now: datetime = MORNING
) -> AsyncIterator[Asker]:
    if days is not None:
        shutil.copytree(days, folder / "home" / "data" / days.name)
    async with simulated("volume-ranking", folder, seed=SEED, now=now, DARI_RANKING_SOURCES=sources) as asker:
        yield asker


def calls(told: Any) -> dict[str, int]:
    return {line["endpoint"]: line["calls"] for line in told["provenance"]}


def size(told: Any) -> int:
    return len(json.dumps(told, ensure_ascii=False, separators=(",", ":")))


async def test_growth_by_value_is_of_the_last_close_and_says_so(tmp_path: Path, days: Path) -> None:
    async with joined(tmp_path, days) as asker:
        told = await asker.answer("get_volume_change_ranking", count=20)
        again = await asker.answer("get_volume_change_ranking", count=20, market="KOSPI")
    world = market_of(SEED)
    true = truth.growth(world, MORNING, "ALL", 1, 20)
    assert [dict(row) for row in told["ranking"]] == true
    assert (told["ranked_by"], told["as_of"]) == ("value (KRW)", "2026-11-19T16:30:00+09:00")  # 수능: an hour late
    (store,) = [line for line in told["provenance"] if line["endpoint"] == "day_store"]
    assert (store["provider"], store["cached"], store["as_of"]) == ("krx", "store", told["as_of"])
    assert store["simulated"] is True
    assert "list" in calls(told)
    assert "list" not in calls(again), "the day's disclosures are kept"
    assert size(told) <= 8_000


async def test_a_ranking_does_without_disclosures_where_dart_fails(tmp_path: Path, days: Path) -> None:
    class Broken:
        async def of_day(self, *_: Any) -> Any:
            raise Unreachable("opendart.fss.or.kr did not answer")

        treasury = of_day

    async with joined(tmp_path, days) as asker:
        broken = Forgiving(Broken())
        told = await broken.of_day([], MORNING.date())
        assert told == {}
        assert not await broken.treasury([])
        assert "[unreachable]" in broken.lacking
        patched = pytest.MonkeyPatch()
        patched.setattr("dari.providers.dart.filings.Filings.of_day", Broken.of_day)
        patched.setattr("dari.providers.dart.filings.Filings.treasury", Broken.treasury)
        growth = await asker.answer("get_volume_change_ranking", count=3)
        sizes = await asker.answer("get_market_cap_ranking", count=3)
        patched.undo()
    for answer, field in ((growth, "disclosure_count"), (sizes, "treasury_stock_ratio")):
        assert {row[field] for row in answer["ranking"]} == {None}
        (gap,) = [gap for gap in answer["gaps"] if gap["field"] == f"ranking[].{field}"]
        assert "did not answer" in gap["reason"]


async def test_a_longer_period_than_is_kept_is_ranked_by_volume_and_says_why(tmp_path: Path, days: Path) -> None:
    async with joined(tmp_path, days, DAYS_ONLY) as asker:
        told = await asker.answer("get_volume_change_ranking", period="5D", count=5)
        live = await asker.answer("get_volume_change_ranking", ranked_by="volume", count=5)
    assert told["ranked_by"] == live["ranked_by"] == "volume (shares)"
    (gap,) = [gap for gap in told["gaps"] if gap["field"] == "ranked_by"]
    assert (gap["filled_by"], "lacks 3 of the 6 days" in gap["reason"]) == ("dari days fill", True)
    assert not [gap for gap in live["gaps"] if gap["field"] == "ranked_by"]


DAYS_ONLY = "krx"


async def test_unusual_volume_without_twenty_days_is_live(tmp_path: Path, days: Path) -> None:
    async with joined(tmp_path, days, "krx,dart") as asker:
        told = await asker.answer("get_unusual_volume", threshold=130.0, count=5, market="KOSPI")
    assert {gap["filled_by"] for gap in told["gaps"]} == {"KRX_AUTH_KEY", "dari days fill"}
    assert told["as_of"] == "2026-11-20T10:30:00+09:00"
    assert all(len(row["evidence"]) == len(row["possible_reasons"]) for row in told["unusual_stocks"])


async def test_capitalisations_have_weights_places_and_own_shares(tmp_path: Path, days: Path) -> None:
    async with joined(tmp_path, days) as asker:
        told = await asker.answer("get_market_cap_ranking", count=20, market="KOSPI")
    assert [dict(row) for row in told["ranking"]] == truth.sizes(market_of(SEED), MORNING, "KOSPI", 20)
    assert "2026-11-19" in told["notes"]["weight_in_index"]
    assert "periodic report" in told["notes"]["treasury_stock_ratio"]
    assert "domestic_stock.volume_rank" not in calls(told), "places come from the kept days"
    assert told["summary"]["total_market_cap"] > 0
    assert size(told) <= 8_000


async def test_industries_have_plain_means_and_cost_one_call_each(tmp_path: Path, days: Path) -> None:
    async with joined(tmp_path, days) as asker:
        told = await asker.answer("get_sector_volume_ranking", market="KOSDAQ", count=20)
        few = await asker.answer("get_sector_volume_ranking", market="KOSDAQ", count=3)
    for mine, right in zip(told["ranking"], truth.sectors(market_of(SEED), MORNING, "KOSDAQ", 20), strict=True):
        assert {name: mine[name] for name in right if name != "leading_stocks"} == {
            name: one for name, one in right.items() if name != "leading_stocks"
        }
    assert sum(calls(told).values()) <= 12 + 20
    assert size(told) <= 8_000
    assert {"index_change_rate", "individual_net_buy"} <= set(few["ranking"][0])


async def test_individuals_and_programs_are_ranked_by_kiwoom(tmp_path: Path) -> None:
    async with joined(tmp_path, None, "kiwoom", EVENING) as asker:
        people = await asker.answer("get_investor_ranking", investor_type="INDIVIDUAL", market="KOSPI", count=10)
        program = await asker.answer("get_investor_ranking", investor_type="PROGRAM", side="sell", count=10)
        refused = await asker.answer("get_investor_ranking", investor_type="PROGRAM", trade_type="SELL", count=10)
    right = truth.sides(market_of(SEED), EVENING, "KOSPI", "INDIVIDUAL")
    assert [row["net_amount"] for row in people["ranking"]] == [
        right[row["stock_code"]].net_value for row in people["ranking"]
    ]
    assert None not in {one for row in (*people["ranking"], *program["ranking"]) for one in row.values()}
    assert all(row["net_amount"] < 0 and row["net_volume"] < 0 for row in program["ranking"])
    assert (refused["ranking"], refused["gaps"][0]["field"]) == (None, "ranking")
    assert program["summary"]["total_buy_amount"] > 0


async def test_gross_ranks_are_whole_after_the_close_and_asked_for_once(tmp_path: Path) -> None:
    async with joined(tmp_path, None, "kiwoom", EVENING) as asker:
        first = await asker.answer("get_investor_ranking", trade_type="BUY", market="KOSPI", count=10)
        other = await asker.answer(
            "get_investor_ranking", investor_type="INDIVIDUAL", trade_type="BUY", market="KOSPI", count=10
        )
    assert first["ranked_by"] == "bought"
    assert calls(first)["ka10066"] >= 1
    assert "ka10066" not in calls(other), "one reading tells all investors"
    amounts = [row["buy_amount"] for row in other["ranking"]]
    assert amounts == sorted(amounts, reverse=True)


async def test_in_the_session_gross_ranks_are_by_net_and_say_so(tmp_path: Path) -> None:
    async with joined(tmp_path, None, "kiwoom") as asker:
        told = await asker.answer("get_investor_ranking", trade_type="SELL", market="KOSDAQ", count=10)
        later = await asker.answer("get_investor_ranking", investor_type="INDIVIDUAL", trade_type="SELL", count=10)
    assert told["ranked_by"] == "net"
    assert "ranked_by" in {gap["field"] for gap in told["gaps"]}
    assert later["ranking"] is None
    assert later["gaps"][0]["filled_by"] == "time"


async def test_the_store_s_charts_tell_what_the_exchange_tells(tmp_path: Path, days: Path) -> None:
    async with joined(tmp_path, days, "krx") as asker:
        history = asker.runtime.joining.days.store.history(DAYS)
        charts = ChartDays(asker.runtime.client_of("kis").asking())
        listed = await charts.codes("KOSPI")
        newest, oldest = trading_days(truth.published(MORNING), DAYS)[:: DAYS - 1]
        bars = await charts.bars("005930", "삼성전자", oldest, newest)
        long = await charts.bars("005930", "삼성전자", trading_days(newest, 130)[-1], newest)
    assert history is not None
    assert set(listed) == {code for code, one in history.shares.items() if one.market == MARKETS[0]}
    assert bars[newest] == history.shares["005930"].row
    assert [bars[day].value for day in history.days] == list(history.shares["005930"].values)
    assert len(long) == 130


def made_days(folder: Path) -> dict[str, int]:
    """Twenty-two days of some shares in which each traded alike, until the last: code → how many times as much."""
    world, clock = market_of(SEED), ManualClock(MORNING)
    store = DayStore(folder, clock)
    shares = [one for one in world.issues if one.kind == "common"][:400]
    times = {one.code: place + 2 for place, one in enumerate(shares[::20])}
    for number, day in enumerate(trading_days(truth.published(MORNING), 22)):
        for market in MARKETS:
            rows = []
            for one in (one for one in shares if one.board == market):
                volume = 1_000 * (times.get(one.code, 1) if number == 0 else 1)
                high = 13_000 if number == 0 else 10_500
                rows.append(
                    DayRow(
                        code=one.code, name=one.name, close=10_500, change=500, change_rate=5.0, high=high, low=10_000,
                        volume=volume, value=volume * 10_000, market_cap=10_500 * one.shares, shares=one.shares,
                    )
                )  # fmt: skip
            store.commit(day, market, rows, source="krx")
    return times


async def test_unusual_volume_over_every_kept_share(tmp_path: Path, days: Path) -> None:
    times = made_days(tmp_path / "home" / "data" / days.name)
    async with joined(tmp_path, None) as asker:
        told = await asker.answer("get_unusual_volume", threshold=300.0, count=20)
        few = await asker.answer("get_unusual_volume", threshold=300.0, count=5, min_price=10_000)
        none = await asker.answer("get_unusual_volume", threshold=300.0, min_price=20_000)
    rows = told["unusual_stocks"]
    expected = sorted((code for code, many in times.items() if many >= 3), key=lambda code: (-times[code], code))
    assert [row["stock_code"] for row in rows] == expected
    assert told["total"] == len(expected)
    assert [row["volume_ratio"] for row in rows] == [100.0 * times[code] for code in expected]
    assert {row["average_volume"] for row in rows} == {1_000.0}
    assert {row["consecutive_days"] for row in rows} == {1}
    cost = sum(line["calls"] for line in told["provenance"] if not line.get("cached"))
    assert cost <= 12 + 20, "news is one call a row, all else a dozen"
    assert all("22-day high" in row["evidence"] or "52-week high" in row["evidence"] for row in rows)
    assert "z_score" not in rows[0]
    assert "z_score" in few["unusual_stocks"][0]
    assert any("13,000" in one for one in few["unusual_stocks"][0]["evidence"])
    assert none["unusual_stocks"] == []
    assert size(told) <= 8_000
