"""The five rankings beside 거래대금: every number of every answer equals the world's truth, world after world."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from dari.core.clock import KST
from dari.providers.kis.simulator.truth.growth import unusual_volume, volume_change_ranking
from dari.providers.kis.simulator.truth.people import investor_ranking, sector_volume_ranking
from dari.providers.kis.simulator.truth.size import market_cap_ranking
from dari.worlds.market import Market
from tests.prove.proof import Outcome, Proof
from tests.support import MORNING, Asker, simulated
from tests.unit.kis.test_other_rankings import own, same

EVENING: Final = datetime(2026, 11, 20, 21, 0, tzinfo=KST)
"""After the close, when KIS tells what investors bought and sold."""
COUNT: Final = 20
NULLS: Final = {"disclosure_count", "treasury_stock_ratio", "trading_value_rank", "z_score"}
"""What KIS alone may leave null (facts of the six tools); a z-score only where nothing deviates."""

Rows = Sequence[Mapping[str, Any]]


async def _growth(asker: Asker, world: Market) -> list[str]:
    wrong = []
    for period in ("1D", "5D", "20D"):
        told = await asker.answer("get_volume_change_ranking", period=period, count=COUNT)
        asked = {"market": "ALL", "period": period, "count": str(COUNT), "rank_by": "shares"}
        true = volume_change_ranking(world, asker.clock.now(), asked)
        names = own("rank", "stock_code", "price_change_rate", "news_count") | {
            "current_volume": "current_shares",
            "previous_volume": "previous_shares",
            "volume_change_rate": "shares_change_rate",
            "trading_value": "current_value",
        }
        wrong += _compared(told["ranking"], true["ranking"], names)
    return wrong


async def _unusual(asker: Asker, world: Market) -> list[str]:
    told = await asker.answer("get_unusual_volume", threshold=130.0, count=COUNT)
    true = unusual_volume(world, asker.clock.now(), {"market": "ALL", "threshold": "130.0", "count": str(COUNT)})
    names = own(
        "stock_code", "current_volume", "average_volume", "volume_ratio", "z_score", "price_change_rate",
        "trading_value", "consecutive_days",
    )  # fmt: skip
    return _compared(told["unusual_stocks"], true["unusual_stocks"], names)


async def _investors(asker: Asker, world: Market) -> list[str]:
    wrong = []
    for investor in ("FOREIGN", "INSTITUTION"):
        for side in ("buy", "sell"):
            asked = {"investor_type": investor, "market": "KOSDAQ", "count": COUNT, "side": side}
            told = await asker.answer("get_investor_ranking", **asked)
            query = {**asked, "side": side.upper(), "count": str(COUNT)}
            true = investor_ranking(world, asker.clock.now(), {name: str(value) for name, value in query.items()})
            names = own(
                "rank", "stock_code", "net_amount", "net_volume", "impact_ratio", "buy_amount", "sell_amount",
                "buy_volume", "sell_volume", "average_buy_price", "average_sell_price",
            )  # fmt: skip
            wrong += _compared(told["ranking"], true["ranking"], names)
            wrong += [] if told["summary"] == true["summary"] else [f"{investor} {side}: the summary differs"]
    return wrong


async def _sectors(asker: Asker, world: Market) -> list[str]:
    wrong = []
    for market in ("KOSPI", "KOSDAQ"):
        told = await asker.answer("get_sector_volume_ranking", market=market, count=COUNT)
        true = sector_volume_ranking(world, asker.clock.now(), {"market": market, "count": str(COUNT)})
        names = own(
            "rank", "sector_code", "trading_value", "trading_volume", "stock_count", "foreign_net_buy",
            "institution_net_buy",
        ) | {"average_change_rate": "index_change_rate"}  # fmt: skip
        wrong += _compared(told["ranking"], true["ranking"], names)
    return wrong


async def _sizes(asker: Asker, world: Market) -> list[str]:
    told = await asker.answer("get_market_cap_ranking", count=COUNT)
    true = market_cap_ranking(world, asker.clock.now(), {"market": "ALL", "count": str(COUNT)})
    names = own("rank", "stock_code", "market_cap", "market_cap_rank_change", "current_price", "trading_value") | {
        "weight_in_index": "weight",
        "foreign_ownership": "foreign_ownership",
    }
    wrong = _compared(told["ranking"], true["ranking"], names)
    wrong += [
        f"{mine['stock_code']}.trading_value_rank"
        for mine, right in zip(told["ranking"], true["ranking"], strict=True)
        if mine["trading_value_rank"] not in {None, right["trading_value_rank"]}
    ]
    return wrong


def _compared(told: Rows, true: Rows, names: Mapping[str, str]) -> list[str]:
    nulls = [
        f"{name} is null without being one KIS lacks"
        for row, right in zip(told, true, strict=False)
        for name, value in row.items()
        if value is None and name not in NULLS and right.get(names.get(name, name)) is not None
    ]
    return [*same(told, true, **names), *nulls]


async def exact(seeds: range) -> Outcome:
    """All five tools in each world, in the evening, when every figure of the day is known."""
    wrong: list[str] = []
    for seed in seeds:
        world = Market(seed)
        with tempfile.TemporaryDirectory() as name:
            async with simulated("volume-ranking", Path(name), seed=seed, now=EVENING) as asker:
                for ask in (_growth, _unusual, _investors, _sectors, _sizes):
                    wrong += [f"seed {seed}: {line}" for line in await ask(asker, world)]
    return Outcome(
        holds=not wrong,
        figures={"worlds": len(seeds), "answers": 11 * len(seeds), "differences": len(wrong)},
        seed=f"{seeds.start}..{seeds.stop - 1}",
        load=f"11 answers of {COUNT} rows a world, at {EVENING:%Y-%m-%d %H:%M}; unit tests ask at {MORNING:%H:%M}",
        why="; ".join(wrong[:3]),
    )


PROOF = Proof(
    name="six-rankings",
    title="Growth, unusual volume, investors, sectors and capitalisation equal the world's truth in every number.",
    rooms=(
        "src/dari/providers/kis/tools/asks.py",
        "src/dari/providers/kis/tools/cap_ranking.py",
        "src/dari/providers/kis/tools/change_ranking.py",
        "src/dari/providers/kis/tools/investor_ranking.py",
        "src/dari/providers/kis/tools/sector_ranking.py",
        "src/dari/providers/kis/tools/unusual.py",
        "src/dari/providers/kis/models",
        "src/dari/worlds/market",
    ),
    short=lambda: exact(range(1, 2)),
    long=lambda: exact(range(1, 31)),
)
