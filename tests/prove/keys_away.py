"""The six rankings with each key taken away in turn: what needs it is null or narrower, the rest is as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from dari.app.simulators import market_of
from dari.core.krx import trading_days
from dari.core.market import MARKETS, DayRow
from dari.stores.days import DayStore
from dari.worlds.market import Market, percent
from dari.worlds.market.closed import closed_days
from tests.prove.market_truth import published
from tests.support import MORNING, Asker, simulated

GROSS: Final = ("buy_amount", "sell_amount", "buy_volume", "sell_volume", "average_buy_price", "average_sell_price")
JOINED: Final = {"krx": "KRX_AUTH_KEY", "dart": "DART_API_KEY", "kiwoom": "KIWOOM_APP_KEY"}
KIS: Final = "KOREA_INVESTMENT_APP_KEY"

Question = tuple[str, Mapping[str, Any]]
Told = Mapping[str, Any]

QUESTIONS: Final[Mapping[str, Question]] = {
    "volume": ("get_volume_ranking", {}),
    "growth": ("get_volume_change_ranking", {"period": "20D"}),
    "unusual": ("get_unusual_volume", {}),
    "sizes": ("get_market_cap_ranking", {}),
    "sectors": ("get_sector_volume_ranking", {"count": 8}),
    "foreign": ("get_investor_ranking", {"investor_type": "FOREIGN"}),
    "individual": ("get_investor_ranking", {"investor_type": "INDIVIDUAL"}),
    "program": ("get_investor_ranking", {"investor_type": "PROGRAM"}),
    "gross": ("get_investor_ranking", {"trade_type": "BUY"}),
}

NEEDS: Final[Mapping[str, Mapping[str, tuple[set[str], set[str]]]]] = {
    "krx": {
        "growth": (set(), {"ranked_by", "ranking"}),
        "unusual": (set(), {"unusual_stocks"}),
        "sizes": ({"ranking[].trading_value_rank"}, {"ranking[].trading_value_rank"}),
        "sectors": (set(), {"ranking[].average_change_rate"}),
    },
    "dart": {
        "growth": ({"ranking[].disclosure_count"}, {"ranking[].disclosure_count"}),
        "unusual": (set(), {"unusual_stocks[].possible_reasons"}),
        "sizes": ({"ranking[].treasury_stock_ratio"}, {"ranking[].treasury_stock_ratio"}),
    },
    "kiwoom": {
        "individual": ({"ranking"}, {"ranking"}),
        "program": ({"ranking"}, {"ranking"}),
        "gross": ({"ranking"}, {"ranking"}),
    },
}
"""Key → question that needs it → (what becomes null, the fields whose gap names the key). No other answer changes."""
OF_NO_COMPANY: Final = "ranking[].disclosure_count"
"""Without KRX, growth is ranked among what KIS shows, funds too: they are no companies, and file nothing."""
CHANGED: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("dart", "unusual"): frozenset({"possible_reasons", "evidence"}),
    ("krx", "sizes"): frozenset({"weight_in_index"}),  # KIS's own, of the listed shares at its last close
}
"""What is told otherwise, not null, where the rows stay the same."""
OTHER_ROWS: Final = {("krx", "growth"), ("krx", "unusual"), ("krx", "sectors")}
"""Without the whole market's days other shares are ranked, and sectors by other means: the gap says so."""


def nulls(told: Any, path: str = "") -> Iterator[str]:
    """The paths of every null in an answer."""
    if told is None:
        yield path
    elif isinstance(told, Mapping):
        for name, one in told.items():
            if path or name not in {"gaps", "provenance"}:
                yield from nulls(one, f"{path}.{name}" if path else name)
    elif isinstance(told, list | tuple):
        for one in told:
            yield from nulls(one, f"{path}[]")


LISTED: Final[Mapping[str, set[str]]] = {
    "volume": {"ranking[].per"},  # of funds, and of who earns nothing
    "unusual": {"detection_criteria.min_price"},  # what was asked: nothing
    **{name: {f"ranking[].{one}" for one in GROSS} for name in ("foreign", "individual")},
    "gross": {f"ranking[].{one}" for one in (*GROSS, "net_volume") if one not in {"buy_amount", "sell_amount"}},
}
"""What may be null with every key there, in the session: each has its gap."""


async def asked(asker: Asker, names: Iterable[str], count: int) -> dict[str, Told]:
    """The answers to questions."""
    return {name: await asker.answer(QUESTIONS[name][0], **{"count": count, **QUESTIONS[name][1]}) for name in names}


@asynccontextmanager
async def sitting(seed: int, folder: Path, gone: str, days: Path | None) -> AsyncIterator[Asker]:
    """The rankings without one key, over days that were kept by another process."""
    if days is not None:
        (folder / "home" / "data").mkdir(parents=True)
        (folder / "home" / "data" / days.name).symlink_to(days)
    left = ",".join(one for one in JOINED if one != gone)
    with patch("dari.app.kis._simulator_keys", list) if gone == "kis" else nullcontext():
        async with simulated("volume-ranking", folder, seed=seed, DARI_RANKING_SOURCES=left) as asker:
            yield asker


async def away(seed: int, folder: Path, *, days: int, count: int, whole: bool) -> tuple[list[str], int]:
    """KRX, DART, Kiwoom and KIS taken away in turn: what is wrong, and how many answers were looked at."""
    async with sitting(seed, folder / "all", "", None) as asker:
        store = asker.runtime.joining.days.store
        _keep(store, market_of(seed), days)
        full = await asked(asker, QUESTIONS, count)
    wrong = [
        f"{name}: {one} is null though every key is there"
        for name, told in full.items()
        for one in sorted(set(nulls(told)) - LISTED.get(name, set()))
    ]
    looked = len(full)
    for gone, key in JOINED.items():
        names = QUESTIONS if whole else [*NEEDS[gone], "volume", "foreign"]
        async with sitting(seed, folder / gone, gone, None if gone == "krx" else store.folder) as asker:
            found = await asked(asker, names, count)
        looked += len(found)
        for name, told in found.items():
            wrong += [f"without {gone}: {name} {one}" for one in judged(gone, name, told, full[name], key)]
    async with sitting(seed, folder / "kis", "kis", store.folder) as asker:
        wrong += await _refused(asker, KIS)
    return wrong, looked + len(QUESTIONS)


def _keep(store: DayStore, world: Market, count: int) -> None:
    """The days as the exchange tells them, without asking it."""
    for day in trading_days(published(MORNING), count):
        bars = closed_days(world).bars(day)
        for market in MARKETS:
            shares = [(one, bars[one.code]) for one in world.issues if one.counted and one.board == market]
            rows = [
                DayRow(
                    code=one.code, name=one.name, close=bar.close, change=bar.close - bar.base,
                    change_rate=float(percent(bar.close - bar.base, bar.base)), high=bar.high, low=bar.low,
                    volume=bar.volume, value=bar.value, market_cap=bar.close * one.shares, shares=one.shares,
                )
                for one, bar in shares
            ]  # fmt: skip
            store.commit(day, market, rows, source="krx", simulated=True)


async def _refused(asker: Asker, key: str) -> list[str]:
    """Without KIS no ranking is told: each says which key is missing."""
    outcomes = {name: await asker.outcome(tool, **arguments) for name, (tool, arguments) in QUESTIONS.items()}
    return [
        f"without kis: {name} says {one.error} {one.text[:80]}"
        for name, one in outcomes.items()
        if one.error != "missing_credential" or key not in one.text
    ]


def judged(gone: str, name: str, told: Told, full: Told, key: str) -> Iterator[str]:
    """What is wrong with one answer, against the answer with every key."""
    becomes_null, named = NEEDS[gone].get(name, (set(), set()))
    lost = set(nulls(told)) - set(nulls(full)) - ({OF_NO_COMPANY} if (gone, name) == ("krx", "growth") else set())
    if lost != becomes_null:
        yield f"loses {sorted(lost)}, not {sorted(becomes_null)}"
    saying = {gap["field"] for gap in told["gaps"] if gap.get("filled_by") == key}
    if saying != named:
        yield f"names {key} for {sorted(saying)}, not {sorted(named)}"
    if (gone, name) in OTHER_ROWS or told["ranking" if name != "unusual" else "unusual_stocks"] is None:
        return
    apart = {one.rpartition(".")[2] for one in becomes_null} | CHANGED.get((gone, name), frozenset())
    if _rows(told, apart) != _rows(full, apart):
        yield "tells other figures"


def _rows(told: Told, apart: set[str] | frozenset[str]) -> list[Mapping[str, Any]]:
    rows: Sequence[Mapping[str, Any]] = told.get("ranking") or told.get("unusual_stocks") or ()
    return [{name: one for name, one in row.items() if name not in apart} for row in rows]
