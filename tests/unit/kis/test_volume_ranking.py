"""The ranking equals the world's truth: order, ties by code, every number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dari.app.simulators import market_of
from dari.providers.kis import models
from dari.providers.kis.simulator.truth.volume import volume_ranking as truth_of
from dari.providers.kis.tools import asks, slices
from tests.support import MORNING, Asker, simulated


async def told_and_true(asker: Asker, seed: int, **query: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    told = await asker.answer("get_volume_ranking", **query)
    asked = {"market": "ALL", "count": "20", **{name: str(value) for name, value in query.items()}}
    return told, truth_of(market_of(seed), asker.clock.now(), asked)


def differences(told: Mapping[str, Any], true: Mapping[str, Any]) -> list[str]:
    """Every place where an answer differs from the truth."""
    found = []
    if len(told["ranking"]) != len(true["ranking"]):
        found.append(f"{len(told['ranking'])} rows, not {len(true['ranking'])}")
    for mine, right in zip(told["ranking"], true["ranking"], strict=False):
        found += [
            f"{right['stock_code']}.{name}: {value!r} is not {right[name]!r}"
            for name, value in mine.items()
            if value != right[name]
        ]
    found += [
        f"summary.{name}: {value!r} is not {true['summary'][name]!r}"
        for name, value in told["summary"].items()
        if value != true["summary"][name]
    ]
    return found


@pytest.mark.parametrize("count", [1, 10, 30, 31, 50])
@pytest.mark.parametrize("market", ["ALL", "KOSPI", "KOSDAQ"])
async def test_the_answer_is_the_truth(tmp_path: Path, market: str, count: int) -> None:
    async with simulated("volume-ranking", tmp_path, seed=7) as asker:
        told, true = await told_and_true(asker, 7, market=market, count=count)
    assert differences(told, true) == []
    assert [row["rank"] for row in told["ranking"]] == list(range(1, count + 1))
    assert told["simulated"] is True


async def test_by_volume_too(tmp_path: Path) -> None:
    async with simulated("volume-ranking", tmp_path, seed=3) as asker:
        told, true = await told_and_true(asker, 3, market="KOSDAQ", count=40, sort_by="volume")
    assert differences(told, true) == []


async def test_without_details_no_stock_is_asked_for(tmp_path: Path) -> None:
    async with simulated("volume-ranking", tmp_path) as asker:
        told = await asker.answer("get_volume_ranking", count=30, include_details=False)
    assert {line["endpoint"]: line["calls"] for line in told["provenance"]} == {asks.RANK: 2, asks.INDEX_PRICE: 2}
    assert set(told["ranking"][0]) == {
        "rank", "stock_code", "stock_name", "market_type", "current_price", "change", "change_rate", "volume",
        "trading_value",
    }  # fmt: skip


async def test_a_cold_answer_costs_what_the_mapping_says(tmp_path: Path) -> None:
    async with simulated("volume-ranking", tmp_path) as asker:
        told = await asker.answer("get_volume_ranking", count=20)
    assert {line["endpoint"]: line["calls"] for line in told["provenance"]} == {
        asks.RANK: 2, asks.INDEX_PRICE: 2, asks.PRICE: 20,
    }  # fmt: skip
    assert told["gaps"] == [] or {gap["field"] for gap in told["gaps"]} == {"ranking[].per"}


async def test_a_field_the_source_leaves_empty_is_null_with_a_gap(tmp_path: Path) -> None:
    async with simulated("volume-ranking", tmp_path) as asker:
        told, true = await told_and_true(asker, 1, count=50)
    missing = [row["stock_code"] for row in true["ranking"] if row["per"] is None]
    assert missing, "this world has issues without earnings among its fifty largest"
    assert [row["stock_code"] for row in told["ranking"] if row["per"] is None] == missing
    assert {"field": "ranking[].per", "reason": f"KIS gives none for {len(missing)} of 50 issues"} in told["gaps"]


async def wrong(tmp_path: Path, count: int = 50) -> list[str]:
    async with simulated("volume-ranking", tmp_path, seed=7) as asker:
        return differences(*await told_and_true(asker, 7, market="KOSPI", count=count))


async def test_a_wrong_unit_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MILLION", 1_000)
    assert any("summary" in line for line in await wrong(tmp_path, 10))


async def test_a_wrong_sign_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = models.ranked
    monkeypatch.setattr(asks, "ranked", lambda row: replace(honest(row), change=abs(honest(row).change)))
    assert any(".change:" in line for line in await wrong(tmp_path, 10))


async def test_a_cut_at_thirty_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SHOWN", 31)  # a ranking that believes thirty rows hide nothing
    assert await wrong(tmp_path) != []


async def test_a_reply_that_lacks_what_its_sheet_promises_is_malformed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asks, "rows", lambda *_: [{}])
    async with simulated("volume-ranking", tmp_path) as asker:
        outcome = await asker.outcome("get_volume_ranking")
    assert outcome.error == "malformed"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"count": 0}, "count"),
        ({"count": 51}, "count"),
        ({"count": "many"}, "count"),
        ({"market": "NASDAQ"}, "market"),
        ({"sort_by": "price"}, "sort_by"),
        ({"limit": 5}, "limit"),
        ({"include_details": "perhaps"}, "include_details"),
    ],
)
async def test_a_wrong_argument_is_named_before_any_call(tmp_path: Path, arguments: dict[str, Any], named: str) -> None:
    async with simulated("volume-ranking", tmp_path) as asker:
        outcome = await asker.outcome("get_volume_ranking", **arguments)
        assert asker.runtime.metrics.events["cache.miss"] == 0
    assert outcome.error == "invalid_input"
    assert outcome.structured["details"] == {"arguments": [named]}
    assert named in outcome.text


async def test_fifty_rows_are_small_enough_to_read(tmp_path: Path) -> None:
    import json  # noqa: PLC0415 -- only this test weighs

    async with simulated("volume-ranking", tmp_path) as asker:
        outcome = await asker.outcome("get_volume_ranking", count=50)
    assert len(json.dumps(outcome.structured, ensure_ascii=False, separators=(",", ":"))) <= 15_000
    assert len(outcome.text) <= 2_500
    assert len(outcome.text.splitlines()) == 52


def test_the_morning_is_in_trading_hours() -> None:
    assert MORNING.weekday() < 5
