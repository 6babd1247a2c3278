"""Over four simulators of one world every field of the six rankings is there, and true."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from dari.app.simulators import market_of
from dari.core import krx
from dari.core.clock import KST
from dari.providers.kis.simulator.truth.volume import volume_ranking
from dari.worlds.market import Market
from tests.prove import market_truth as truth
from tests.prove.proof import Outcome, Proof
from tests.support import MORNING, Asker, simulated

ALL: Final = "krx,dart,kiwoom"
EVENING: Final = datetime(2026, 11, 20, 21, 0, tzinfo=KST)
DAYS: Final = 41
COUNT: Final = 20
GROSS: Final = {"buy_amount", "sell_amount", "buy_volume", "sell_volume", "average_buy_price", "average_sell_price"}
MOST_CALLS: Final = 12 + COUNT
WARM_MILLISECONDS: Final = 150.0

Rows = Sequence[Mapping[str, Any]]


def differences(told: Rows, true: Rows, what: str, names: Iterable[str] | None = None) -> list[str]:
    """Where rows differ from the truth in any field it has, and nulls the truth has not."""
    wrong = [] if len(told) == len(true) else [f"{what}: {len(told)} rows, not {len(true)}"]
    for mine, right in zip(told, true, strict=False):
        whose = f"{what} {right.get('stock_code', right.get('sector_code'))}"
        wrong += [
            f"{whose}.{name}: {mine[name]!r} is not {right[name]!r}"
            for name in names or right
            if mine[name] != right[name]
        ]
        wrong += [
            f"{what} {name} is null"
            for name, one in mine.items()
            if one is None and name not in GROSS and right.get(name, "") is not None
        ]
    return wrong


def calls_of(told: Mapping[str, Any]) -> int:
    """Upstream calls an answer cost: what was kept did not cost any."""
    return sum(line["calls"] for line in told["provenance"] if not line.get("cached"))


async def volumes(asker: Asker, world: Market, now: datetime) -> list[str]:
    """거래대금 now. A PER is null where the truth is: of a fund, and of who earns nothing."""
    told = await asker.answer("get_volume_ranking", count=COUNT)
    true = volume_ranking(world, now, {"market": "ALL", "count": str(COUNT)})["ranking"]
    wrong = differences(told["ranking"], true, "volume", set(true[0]) & set(told["ranking"][0]))
    return wrong + [f"summary.{name} is null" for name, one in told["summary"].items() if one is None]


async def growth(asker: Asker, world: Market, now: datetime) -> list[str]:
    wrong = []
    for market, period, span in (("ALL", "1D", 1), ("KOSPI", "5D", 5), ("KOSDAQ", "20D", 20)):
        told = await asker.answer("get_volume_change_ranking", market=market, period=period, count=COUNT)
        wrong += differences(told["ranking"], truth.growth(world, now, market, span, COUNT), f"growth {period}")
        wrong += [] if told["ranked_by"] == "value (KRW)" else ["growth is not ranked by value"]
    return wrong


async def unusual(asker: Asker, world: Market, now: datetime) -> list[str]:
    days = len(asker.runtime.joining.days.store.days())
    told = await asker.answer("get_unusual_volume", threshold=200.0, count=COUNT)
    true = truth.unusual(world, now, days, 200.0, COUNT)
    names = [name for name in true[0] if name != "reasons"]
    wrong = differences(told["unusual_stocks"], true, "unusual", names)
    for mine, right in zip(told["unusual_stocks"], true, strict=False):
        certain = set(mine["possible_reasons"]) - {"technical_breakout", "volatility_interruption"}
        wrong += [] if certain == right["reasons"] else [f"unusual {mine['stock_code']}: {certain} {right['reasons']}"]
        wrong += [f"{mine['stock_code']} {one}" for one in _unproven(mine, world, now, days)]
    return wrong


def _unproven(mine: Mapping[str, Any], world: Market, now: datetime, days: int) -> list[str]:
    """Evidence of the other two reasons that the world does not bear out."""
    code, day = mine["stock_code"], truth.published(now)
    evidence = dict(zip(mine["possible_reasons"], mine["evidence"], strict=True))
    times = krx.session(day)
    assert times  # a published day was traded; 15:30 is not always its end: 수능 moves it
    at_close = times.closes
    wrong = []
    told = evidence.get("technical_breakout", "")
    highs = truth.columns(world, day, days, "ALL", "high")[code]
    if told.startswith("52-week") and world.range(code, now)[1] != f"{day:%Y%m%d}":
        wrong.append(told)
    if bool(told) != bool(highs[0] and highs[0] >= max(highs)):
        wrong.append(f"breakout {told!r}")
    stops = evidence.get("volatility_interruption", "")
    if stops.startswith("VI ") and stops != f"VI {len(world.interruptions_of(code, at_close))}x":
        wrong.append(stops)
    return wrong


async def sizes(asker: Asker, world: Market, now: datetime) -> list[str]:
    wrong = []
    for market in ("ALL", "KOSDAQ"):
        told = await asker.answer("get_market_cap_ranking", market=market, count=COUNT)
        wrong += differences(told["ranking"], truth.sizes(world, now, market, COUNT), f"sizes {market}")
        wrong += [f"summary.{name} is null" for name, one in told["summary"].items() if one is None]
    return wrong


async def sectors(asker: Asker, world: Market, now: datetime) -> list[str]:
    wrong = []
    for market in ("KOSPI", "KOSDAQ"):
        told = await asker.answer("get_sector_volume_ranking", market=market, count=8)
        true = truth.sectors(world, now, market, 8)
        names = [name for name in true[0] if name != "leading_stocks"]
        wrong += differences(told["ranking"], true, f"sectors {market}", names)
        for mine, right in zip(told["ranking"], true, strict=False):
            leaders = [(one["stock_code"], one["contribution"]) for one in mine["leading_stocks"]]
            wrong += [] if leaders == right["leading_stocks"] else [f"leaders {leaders} {right['leading_stocks']}"]
    return wrong


async def individuals(asker: Asker, world: Market, now: datetime) -> list[str]:
    wrong = []
    for side, by in (("buy", "net"), ("sell", "sold_net")):
        told = await asker.answer("get_investor_ranking", investor_type="INDIVIDUAL", side=side, count=COUNT)
        true = truth.traded(world, now, "INDIVIDUAL", by, COUNT)
        wrong += _traded(told["ranking"], true, f"individuals {side}", {"net_amount": "net_value"}, exact=True)
        wrong += [
            f"{name} is null" for row in told["ranking"] for name in GROSS if row[name] is None and now == EVENING
        ]
    return wrong


async def programs(asker: Asker, world: Market, now: datetime) -> list[str]:
    wrong = []
    for side, by in (("buy", "net"), ("sell", "sold_net")):
        told = await asker.answer("get_investor_ranking", investor_type="PROGRAM", side=side, count=COUNT)
        true = truth.traded(world, now, "PROGRAM", by, COUNT)
        names = {"net_amount": "net_value", "buy_amount": "bought_value", "sell_amount": "sold_value"}
        wrong += _traded(told["ranking"], true, f"programs {side}", names, exact=False)
        wrong += [f"{name} is null" for row in told["ranking"] for name in GROSS if row[name] is None]
    gone = await asker.answer("get_investor_ranking", investor_type="PROGRAM", trade_type="BUY")
    wrong += [] if gone["ranking"] is None and gone["gaps"] else ["gross program ranking is told by nobody"]
    return wrong


async def gross(asker: Asker, world: Market, now: datetime) -> list[str]:
    """BUY and SELL of three investors, as whole days tell them after the close."""
    wrong = []
    for investor in ("FOREIGN", "INSTITUTION", "INDIVIDUAL"):
        for kind, by, field in (("BUY", "bought", "buy_amount"), ("SELL", "sold", "sell_amount")):
            asked = {"investor_type": investor, "trade_type": kind, "count": COUNT}
            told = await asker.answer("get_investor_ranking", **asked)
            true = truth.traded(world, now, investor, by, COUNT)
            names = {field: f"{by}_value"}
            wrong += _traded(told["ranking"], true, f"{investor} {kind}", names, exact=False)
            wrong += [f"{name} is null" for row in told["ranking"] for name in GROSS if row[name] is None]
    return wrong


def _traded(told: Rows, true: Sequence[Any], what: str, names: Mapping[str, str], *, exact: bool) -> list[str]:
    codes = [code for code, _ in true]
    mine = [row["stock_code"] for row in told]
    wrong = [] if mine == codes else [f"{what}: {mine} is not {codes}"]
    for row, (_, side) in zip(told, true, strict=False):
        for name, field in names.items():
            right = getattr(side, field)
            right = right if exact else truth.cut(right)
            if row["stock_code"] in dict(true) and row[name] != right:
                wrong.append(f"{what} {row['stock_code']}.{name}: {row[name]} is not {right}")
    return wrong


async def exact(seeds: Iterable[int], *, whole: bool, kept_days: int, warm_limit: float) -> Outcome:
    """Fill the store from the exchange, ask all six tools in the morning and in the evening, compare."""
    wrong: list[str] = []
    costs: list[int] = []
    seconds: list[float] = []
    seeds = list(seeds)
    for seed in seeds:
        world = market_of(seed)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            async with simulated("volume-ranking", folder / "all", seed=seed, DARI_RANKING_SOURCES=ALL) as asker:
                kept = asker.runtime.joining.days
                async for _ in kept.fill(kept_days):
                    pass
                for ask in (volumes, growth, unusual, sizes, sectors, individuals, programs):
                    wrong += [f"seed {seed}: {one}" for one in await ask(asker, world, MORNING)]
                costs += await _warm_costs(asker)
                seconds += await _warm_seconds(asker)
                days = kept.store.folder
            if whole:
                evening = folder / "evening"
                (evening / "home" / "data").mkdir(parents=True)
                (evening / "home" / "data" / days.name).symlink_to(days)
                async with simulated(
                    "volume-ranking", evening, seed=seed, now=EVENING, DARI_RANKING_SOURCES=ALL
                ) as asker:
                    for ask in (individuals, programs, gross):
                        wrong += [f"seed {seed}: {one}" for one in await ask(asker, world, EVENING)]
    dearest, warm = max(costs), round(1000 * min(seconds), 1)
    wrong += [] if warm <= warm_limit else [f"{warm} ms for a warm answer"]
    wrong += [] if dearest <= MOST_CALLS else [f"{dearest} calls of one answer"]
    return Outcome(
        holds=not wrong,
        figures={
            "worlds": len(seeds),
            "differences": len(wrong),
            "most_calls_of_a_warm_answer": dearest,
            "warm_unusual_volume_milliseconds": warm,
        },
        seed=f"{seeds[0]}..{seeds[-1]}",
        load=f"four simulators, {kept_days} days filled, answers of {COUNT} rows, world clock frozen at {MORNING}"
        + (f" and {EVENING}" if whole else ""),
        why="; ".join(wrong[:4]),
    )


async def _warm_seconds(asker: Asker) -> list[float]:
    """How long whole-market unusual volume takes when the replies about its rows are kept as well, four times."""
    told = []
    for _ in range(5):
        asker.dispatch.forget()
        began = time.perf_counter()
        await asker.answer("get_unusual_volume", count=COUNT)
        told.append(time.perf_counter() - began)
    return told[1:]


async def _warm_costs(asker: Asker) -> list[int]:
    """What each answer costs when the kept days and the day's disclosures are there and no reply is."""
    for provider in ("kis", "kiwoom"):
        await asker.runtime.client_of(provider).cache.clear()
    costs = []
    for tool, arguments in (
        ("get_volume_ranking", {}),
        ("get_volume_change_ranking", {"period": "5D"}),
        ("get_unusual_volume", {"market": "KOSDAQ"}),
        ("get_market_cap_ranking", {"market": "ALL"}),
        ("get_sector_volume_ranking", {}),
        ("get_investor_ranking", {"investor_type": "INDIVIDUAL", "market": "KOSPI"}),
        ("get_investor_ranking", {"investor_type": "PROGRAM", "market": "KOSPI"}),
    ):
        asker.dispatch.forget()
        costs.append(calls_of(await asker.answer(tool, count=COUNT, **arguments)))
    return costs


PROOF = Proof(
    name="whole-market",
    title="With KRX, DART and Kiwoom joined every field of the six rankings is there and equals the world's truth.",
    rooms=(
        "src/dari/core/market.py",
        "src/dari/stores",
        "src/dari/app/joining.py",
        "src/dari/app/kept_days.py",
        "src/dari/providers/krx",
        "src/dari/providers/dart",
        "src/dari/providers/kiwoom/flows.py",
        "src/dari/providers/kis/tools/whole_market.py",
        "src/dari/providers/kis/tools/change_ranking.py",
        "src/dari/providers/kis/tools/unusual.py",
        "src/dari/providers/kis/tools/cap_ranking.py",
        "src/dari/providers/kis/tools/sector_ranking.py",
        "src/dari/providers/kis/tools/investor_ranking.py",
        "src/dari/worlds/market",
    ),
    short=lambda: exact((3,), whole=False, kept_days=22, warm_limit=10 * WARM_MILLISECONDS),
    long=lambda: exact(range(1, 31), whole=True, kept_days=DAYS, warm_limit=WARM_MILLISECONDS),
)
