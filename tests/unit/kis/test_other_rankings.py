"""The five other rankings equal the world's truth, number by number, and their nulls are those the source lacks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dari.app.simulators import market_of
from dari.core.clock import KST
from dari.providers.kis.simulator.truth.growth import unusual_volume, volume_change_ranking
from dari.providers.kis.simulator.truth.people import investor_ranking, sector_volume_ranking
from dari.providers.kis.simulator.truth.size import market_cap_ranking
from dari.providers.kis.tools import asks
from tests.support import MORNING, simulated

EVENING = datetime(2026, 11, 20, 21, 0, tzinfo=KST)
SEED = 5
MARKETS = ("ALL", "KOSPI", "KOSDAQ")


def same(told: Iterable[Mapping[str, Any]], true: Iterable[Mapping[str, Any]], **names: str) -> list[str]:
    """Where rows differ; `names` gives for each of our fields the truth's."""
    mine, right = list(told), list(true)
    found = [] if len(mine) == len(right) else [f"{len(mine)} rows, not {len(right)}"]
    for one, other in zip(mine, right, strict=False):
        found += [
            f"{other['stock_code'] if 'stock_code' in other else other['sector_code']}.{field}: "
            f"{one[field]!r} is not {other[name]!r}"
            for field, name in names.items()
            if one[field] != other[name]
        ]
    return found


def own(*fields: str) -> dict[str, str]:
    return dict(zip(fields, fields, strict=True))


@pytest.mark.parametrize("period", ["1D", "5D", "20D"])
@pytest.mark.parametrize("market", MARKETS)
async def test_growth(tmp_path: Path, market: str, period: str) -> None:
    async with simulated("volume-ranking", tmp_path, seed=SEED) as asker:
        told = await asker.answer("get_volume_change_ranking", market=market, period=period, count=25)
    true = volume_change_ranking(
        market_of(SEED), MORNING, {"market": market, "period": period, "count": "25", "rank_by": "shares"}
    )
    assert told["ranked_by"] == "volume (shares)"
    assert not same(
        told["ranking"], true["ranking"], **own("rank", "stock_code", "stock_name", "price_change_rate", "news_count"),
        current_volume="current_shares", previous_volume="previous_shares", volume_change_rate="shares_change_rate",
        trading_value="current_value",
    )  # fmt: skip
    assert {row["disclosure_count"] for row in told["ranking"]} == {None}


@pytest.mark.parametrize(
    ("market", "threshold", "floor"), [("ALL", 150.0, None), ("KOSPI", 200.0, 5000), ("KOSDAQ", 120.0, 1000)]
)
async def test_unusual(tmp_path: Path, market: str, threshold: float, floor: int | None) -> None:
    async with simulated("volume-ranking", tmp_path, seed=SEED) as asker:
        arguments = {"market": market, "threshold": threshold, "min_price": floor, "count": 15}
        told = await asker.answer("get_unusual_volume", **arguments)
    true = unusual_volume(
        market_of(SEED), MORNING,
        {"market": market, "threshold": str(threshold), "min_price": str(floor or 0), "count": "15"},
    )  # fmt: skip
    rows, right = told["unusual_stocks"], true["unusual_stocks"]
    assert right, "the world has unusual volumes"
    assert not same(
        rows, right, **own(
            "stock_code", "stock_name", "current_volume", "average_volume", "volume_ratio", "z_score",
            "price_change_rate", "trading_value", "consecutive_days",
        ),
    )  # fmt: skip
    for mine, other in zip(rows, right, strict=True):
        proof = other["evidence"]
        reasons = {
            "news_coverage": proof["news_count"] > 0,
            "technical_breakout": proof["new_52_week_high"],
            "volatility_interruption": proof["vi_count"] > 0,
            "market_warning": proof["market_warning"] > 0,
            "short_term_overheated": proof["short_term_overheated"],
        }
        assert set(mine["possible_reasons"]) == {name for name, holds in reasons.items() if holds}, mine["stock_code"]
        assert len(mine["evidence"]) == len(mine["possible_reasons"])


@pytest.mark.parametrize("now", [MORNING, EVENING], ids=["morning", "evening"])
@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("investor", ["FOREIGN", "INSTITUTION"])
async def test_investors(tmp_path: Path, investor: str, side: str, now: datetime) -> None:
    async with simulated("volume-ranking", tmp_path, seed=SEED, now=now) as asker:
        told = await asker.answer("get_investor_ranking", investor_type=investor, side=side, market="KOSPI", count=20)
        gaps = {gap["field"] for gap in told["gaps"]}
    true = investor_ranking(
        market_of(SEED), now, {"investor_type": investor, "side": side.upper(), "market": "KOSPI", "count": "20"}
    )
    fields = own(
        "rank", "stock_code", "stock_name", "net_amount", "net_volume", "impact_ratio", "buy_amount", "sell_amount",
        "buy_volume", "sell_volume", "average_buy_price", "average_sell_price",
    )  # fmt: skip
    assert not same(told["ranking"], true["ranking"], **fields)
    assert told["summary"] == true["summary"]
    assert any("buy_amount" in field for field in gaps) is (now == MORNING)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"investor_type": "INDIVIDUAL"}, "INDIVIDUAL"),
        ({"investor_type": "PROGRAM"}, "PROGRAM"),
        ({"trade_type": "BUY"}, "gross BUY"),
        ({"trade_type": "SELL", "investor_type": "INSTITUTION"}, "gross SELL"),
    ],
)
async def test_what_kis_cannot_rank_is_null_and_says_who_can(
    tmp_path: Path, arguments: dict[str, Any], named: str
) -> None:
    async with simulated("volume-ranking", tmp_path, seed=SEED) as asker:
        told = await asker.answer("get_investor_ranking", **arguments)
    assert told["ranking"] is None
    (gap,) = [gap for gap in told["gaps"] if gap["field"] == "ranking"]
    assert named in gap["reason"]
    assert gap["filled_by"] == "KIWOOM_APP_KEY"


async def test_of_two_markets_only_certain_places_are_told(tmp_path: Path) -> None:
    async with simulated("volume-ranking", tmp_path, seed=SEED) as asker:
        told = await asker.answer("get_investor_ranking", count=50)
    true = investor_ranking(market_of(SEED), MORNING, {"count": "50"})
    assert len(told["ranking"]) >= 30
    assert not same(told["ranking"], true["ranking"][: len(told["ranking"])], **own("rank", "stock_code", "net_amount"))
    if len(told["ranking"]) < 50:
        assert any("certain" in gap["reason"] for gap in told["gaps"])


@pytest.mark.parametrize("market", ["KOSPI", "KOSDAQ"])
async def test_sectors(tmp_path: Path, market: str) -> None:
    async with simulated("volume-ranking", tmp_path, seed=SEED) as asker:
        told = await asker.answer("get_sector_volume_ranking", market=market, count=50)
    true = sector_volume_ranking(market_of(SEED), MORNING, {"market": market, "count": "50"})
    fields = own(
        "rank", "sector_code", "sector_name", "trading_value", "trading_volume", "stock_count", "foreign_net_buy",
        "institution_net_buy",
    )  # fmt: skip
    assert not same(told["ranking"], true["ranking"], **fields, average_change_rate="index_change_rate")
    for mine, other in zip(told["ranking"], true["ranking"], strict=True):
        leaders = other["leading_stocks"][: 3 if len(told["ranking"]) <= 10 or mine["rank"] <= 5 else 1]
        assert not same(mine["leading_stocks"], leaders, **own("stock_code", "stock_name", "contribution"))
    assert "weighted" in told["notes"]["average_change_rate"]


@pytest.mark.parametrize("count", [5, 20, 45])
@pytest.mark.parametrize("market", MARKETS)
async def test_capitalisations(tmp_path: Path, market: str, count: int) -> None:
    async with simulated("volume-ranking", tmp_path, seed=SEED) as asker:
        told = await asker.answer("get_market_cap_ranking", market=market, count=count)
    true = market_cap_ranking(market_of(SEED), MORNING, {"market": market, "count": str(count)})
    fields = own(
        "rank", "stock_code", "stock_name", "market_cap", "market_cap_rank_change", "current_price", "trading_value"
    )
    assert not same(
        told["ranking"], true["ranking"], **fields, weight_in_index="weight", foreign_ownership="foreign_ownership"
    )
    for mine, other in zip(told["ranking"], true["ranking"], strict=True):
        assert mine["trading_value_rank"] in (None, other["trading_value_rank"])
        assert mine["treasury_stock_ratio"] is None
    summary, right = told["summary"], true["summary"]
    assert summary["total_market_cap"] == right["previous_total_published"]
    assert summary["top10_concentration"] == right["top10_weight_sum"]
    assert summary["average_per"] == right["average_per_of_rows"]
    assert summary["average_pbr"] == right["average_pbr_of_rows"]


async def test_filters_are_a_closed_list_and_say_what_they_leave(tmp_path: Path) -> None:
    async with simulated("volume-ranking", tmp_path, seed=SEED) as asker:
        told = await asker.answer(
            "get_market_cap_ranking", count=30, filter_by={"min_trading_value": 50_000_000_000, "max_price": 200_000}
        )
        wrong = await asker.outcome("get_market_cap_ranking", filter_by={"colour": "red"})
    right = [
        row["stock_code"]
        for row in market_cap_ranking(market_of(SEED), MORNING, {"count": "50"})["ranking"]
        if row["trading_value"] >= 50_000_000_000 and row["current_price"] <= 200_000
    ][:30]
    assert [row["stock_code"] for row in told["ranking"]] == right
    assert any("pass the filter" in gap["reason"] for gap in told["gaps"])
    assert wrong.error == "invalid_input"
    assert "filter_by.colour" in wrong.text


@pytest.mark.parametrize("now", [EVENING, datetime(2026, 11, 22, 12, 0, tzinfo=KST)], ids=["evening", "sunday"])
@pytest.mark.parametrize(
    "tool",
    [
        "get_volume_ranking", "get_volume_change_ranking", "get_investor_ranking", "get_sector_volume_ranking",
        "get_market_cap_ranking", "get_unusual_volume",
    ],
)  # fmt: skip
async def test_after_the_close_the_last_session_is_told_as_such(tmp_path: Path, tool: str, now: datetime) -> None:
    async with simulated("volume-ranking", tmp_path, seed=SEED, now=now) as asker:
        told = await asker.answer(tool)
    assert (told["market_status"], told["as_of"]) == ("closed", "2026-11-20T15:30:00+09:00")
    assert told["timestamp"].startswith(now.isoformat(timespec="seconds")[:19])


@pytest.mark.parametrize(
    ("tool", "costs"),
    [
        ("get_volume_change_ranking", {asks.RANK: 2, asks.NEWS: 20}),
        ("get_sector_volume_ranking", {"domestic_stock.inquire_index_category_price": 1, "master.kospi": 1}),
        (
            "get_market_cap_ranking",
            {
                "domestic_stock.market_cap": 2, asks.RANK: 2, asks.MULTI: 1, asks.PRICE: 20, "master.kospi": 1,
                "master.kosdaq": 1,
            },
        ),
        (
            "get_investor_ranking",
            {
                "domestic_stock.foreign_institution_total": 2, asks.MARKET_INVESTOR: 2, asks.INDEX_PRICE: 2,
                asks.MULTI: 1, asks.INVESTOR: 20,
            },
        ),
    ],
)  # fmt: skip
async def test_a_cold_answer_costs_no_more_than_it_says(tmp_path: Path, tool: str, costs: dict[str, int]) -> None:
    async with simulated("volume-ranking", tmp_path, seed=SEED) as asker:
        told = await asker.answer(tool, count=20)
        outcome = await asker.outcome(tool, count=20)
    made = {line["endpoint"]: line["calls"] for line in told["provenance"]}
    for endpoint, calls in costs.items():
        assert made[endpoint] == calls
    shown = len(told["ranking"])
    if tool == "get_sector_volume_ranking":
        assert (made[asks.RANK], made[asks.MARKET_INVESTOR]) == (shown, shown)
    assert len(json.dumps(outcome.structured, ensure_ascii=False, separators=(",", ":"))) <= 8_000
    assert len(outcome.text) <= 2_500
