"""How many calls at once the service bears is found out, and refusals stay rare."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dari.providers.naramarket.crawler import Book
from dari.providers.naramarket.crawler.pace import Pace
from dari.providers.naramarket.simulator import Limits
from tests.unit.naramarket.conftest import GOODS, Make
from tests.unit.naramarket.crawling import begun, run

QUARTER = date(2026, 7, 1), date(2026, 9, 30)
SECONDS = 0.46


@pytest.mark.parametrize("cap", [2, 5, 16, 32])
async def test_an_unknown_cap_is_found(make: Make, tmp_path: Path, cap: int) -> None:
    """85 % of the best fixed setting, with less than 5 % refused."""
    sim = make(limits=Limits(base=SECONDS, concurrency=cap, quota=100_000))
    book = Book(tmp_path / "book.sqlite")
    book.learn(GOODS, size=10)
    last = await run(book, sim, begun(book, sim, GOODS, *QUARTER))
    pages = last.calls - last.refused
    best = SECONDS * -(-pages // cap)
    assert last.state == "done"
    assert sim.clock.monotonic() <= best / 0.85
    assert last.refused < 0.05 * last.calls


def test_one_more_is_tried_at_a_time() -> None:
    pace = Pace()
    assert pace.wait(0, 0.0) == 0.0
    assert pace.wait(1, 0.0) == 0.0  # the probe
    assert pace.wait(2, 0.0) == pytest.approx(0.01)
    assert pace.wait(2, 0.02) == 0.0
    assert pace.proven == 2


def test_who_is_refused_alone_was_too_fast() -> None:
    pace = Pace()
    for at in range(10):
        pace.answered(0.1 * at)
    pace.refused(1, 0.9, 1.0, None)
    assert pace.ceiling == 1
    assert pace.spacing == pytest.approx(1.05 / 10, rel=0.2)
    assert (pace.wait(0, 1.0) or 0.0) > 0.05


def test_a_burst_counts_once_and_the_named_wait_is_kept() -> None:
    pace = Pace()
    pace.refused(9, 5.0, 5.1, None)
    pace.refused(10, 5.0, 5.1, 3.0)
    assert pace.ceiling == 8
    assert pace.wait(0, 5.2) == pytest.approx(2.9)
    for _ in range(80):
        pace.answered(9.0)
    assert pace.ceiling == 9
