"""How often a caller may call a tool: in one process, and over replicas that share state."""

from __future__ import annotations

from pathlib import Path

import pytest

from dari.core.clock import ManualClock
from dari.core.errors import NotAllowed
from dari.core.shared_state import FileState
from dari.serving.callers import Caller
from dari.serving.limits import MOST_COUNTED, Limits
from tests.support import MORNING

KIM = Caller(name="acme/kim", tenant="acme", per_minute=3)


async def refused(limits: Limits, caller: Caller, what: str = "s/t") -> NotAllowed:
    with pytest.raises(NotAllowed) as found:
        await limits.take(caller, what)
    return found.value


async def test_one_too_many_is_told_how_long() -> None:
    clock = ManualClock(MORNING)
    limits = Limits(clock)
    for _ in range(3):
        await limits.take(KIM, "s/t")
        clock.advance(10)
    error = await refused(limits, KIM)
    assert error.retry_after == 30
    assert error.as_dict("en")["details"] == {"limit": "per_minute", "allowed": 3}
    await limits.take(KIM, "s/other")  # another tool
    await limits.take(Caller(name="acme/lee", per_minute=3), "s/t")  # another caller
    clock.advance(30)
    await limits.take(KIM, "s/t")
    await refused(limits, KIM)


async def test_who_has_no_limit_is_not_counted() -> None:
    limits = Limits(ManualClock(MORNING))
    for _ in range(200):
        await limits.take(Caller(), "s/t")


async def test_replicas_count_together(tmp_path: Path) -> None:
    clock = ManualClock(MORNING)
    replicas = []
    for _ in range(2):
        replicas.append(Limits(clock))
        replicas[-1].share(FileState(tmp_path, clock))
    for turn in range(3):
        await replicas[turn % 2].take(KIM, "s/t")
    for one in replicas:
        wait = (await refused(one, KIM)).retry_after
        assert wait is not None
        assert 0 < wait <= 60
    clock.advance(60)
    await replicas[0].take(KIM, "s/t")


async def test_what_is_counted_does_not_grow_for_ever() -> None:
    limits = Limits(ManualClock(MORNING))
    for turn in range(MOST_COUNTED + 50):
        await limits.take(KIM, f"s/{turn}")
    assert len(limits._calls) == MOST_COUNTED
