"""Under every fault the book holds every row there is, or the receipt names the gap: never a false success."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest

from dari.providers.naramarket.simulator import SCRIPTS
from tests.unit.naramarket.conftest import GOODS, Make, Sim
from tests.unit.naramarket.crawling import crawl, truth

FEW = date(2026, 9, 1), date(2026, 9, 4)
QUARTER = date(2026, 7, 1), date(2026, 9, 30)
LIES_FOR_GOOD = {"total_high", "total_jitter"}
"""Totals above what there is: nobody can tell them from rows that are kept back, so the receipt may name a gap."""


async def test_a_quarter_is_read_whole_and_cheaply(sim: Sim, tmp_path: Path) -> None:
    told = await crawl(sim, tmp_path, GOODS, *QUARTER)
    there = await truth(sim, GOODS, *QUARTER)
    assert told.keys == there
    assert told.success
    assert told.last.state == "done"
    least = sum(max(1, -(-one["expected"] // 999)) for one in told.receipts)
    assert told.calls == least
    assert len(told.receipts) == 3
    assert all(one["expected"] == one["distinct"] for one in told.receipts)


@pytest.mark.parametrize("name", sorted(SCRIPTS))
async def test_under_every_fault(make: Make, tmp_path: Path, name: str) -> None:
    sim = make()
    figures = {"quota": {"calls": 2}, "big_pages": {"rows": 60}, "expire": {"after": 1}, "cap": {"rows": 40},
               "cap_silent": {"rows": 40}}  # fmt: skip
    await sim.faults(**{name: figures.get(name, {})})
    told = await crawl(sim, tmp_path, GOODS, *QUARTER)
    there = await truth(sim, GOODS, *QUARTER)
    if told.success:
        assert told.keys >= there
    else:
        assert name in LIES_FOR_GOOD | {"quota", "expire"}
        assert all("gap" in one for one in told.receipts if one["state"] != "done")
    if name not in ("quota", "expire"):
        assert told.keys >= there


@pytest.mark.parametrize("lot", range(12))
async def test_mixtures_never_end_in_a_false_success(make: Make, tmp_path: Path, lot: int) -> None:
    sim = make()
    mixture = random.Random(lot).sample(sorted(SCRIPTS), 4)
    await sim.faults(**{name: {} for name in mixture})
    told = await crawl(sim, tmp_path, GOODS, *FEW)
    there = await truth(sim, GOODS, *FEW)
    assert told.keys >= there or not told.success, mixture
