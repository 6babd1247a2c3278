"""What a pace leaves: counted where all processes of a key write it, over the last window only."""

from __future__ import annotations

from pathlib import Path

from dari.app.budgets import Budget, FileBudgets
from dari.core.clock import ManualClock
from dari.core.provider import Rate
from tests.support import MORNING


def clock_at_work() -> ManualClock:
    clock = ManualClock(MORNING)
    clock.advance(100.0)  # a ring takes 0.0 for a place that was never used
    return clock


async def test_what_another_process_sent_is_counted_and_the_last_window_only(tmp_path: Path) -> None:
    clock = clock_at_work()
    ours, theirs = FileBudgets(tmp_path, clock), FileBudgets(tmp_path, clock)
    rate = Rate(5, 1.0)
    assert await ours.budgets() == []
    for _ in range(2):
        await theirs.take("key all", rate)
    await ours.take("key all", rate)
    await ours.take("key ledger", Rate(1, 60.0))
    assert await ours.budgets() == [Budget("key all", 3, 5, 1.0), Budget("key ledger", 1, 1, 60.0)]
    await clock.sleep(1.1)
    assert [one.used for one in await ours.budgets()] == [0, 1]
