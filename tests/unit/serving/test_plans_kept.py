"""What is kept of a plan and of the caps: in what shape, how long, and that it is on disk."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import ValidationError

from dari.core.clock import ManualClock
from dari.core.errors import NotAllowed, NotFound, Refused
from dari.core.shared_state import FileState
from dari.serving.plans import Plans
from dari.serving.plans.offered import ApplyPlan, PlanStatus
from dari.serving.plans.records import Record
from tests.unit.serving.plan_doubles import CAPS, NOON, UPSTREAM, Buying, Ledger, act, process

DAY = 24 * 3600.0


async def applied(plans: Plans, **more: Any) -> Any:
    plan = await plans.propose(act(**more))
    return await plans.apply(plan["plan_id"], plan["fingerprint"], UPSTREAM)


async def test_what_became_of_a_plan_is_remembered_for_thirty_days(plans: Plans, clock: ManualClock) -> None:
    told = await applied(plans)
    assert re.fullmatch("[0-9a-f]{16}", told["plan_id"])
    clock.advance(30 * DAY - 1)
    assert (await plans.status(told["plan_id"], UPSTREAM))["outcome"] == "done"
    clock.advance(2)
    with pytest.raises(NotFound):
        await plans.status(told["plan_id"], UPSTREAM)


async def test_what_was_spent_is_counted_until_the_day_ends(tmp_path: Path, clock: ManualClock, ledger: Ledger) -> None:
    plans = process(tmp_path, clock, ledger, replace(CAPS, per_day=100_000))
    await applied(plans)
    clock.advance(DAY / 2 - 1)  # 23:59:59
    with pytest.raises(NotAllowed, match="after 100,000 today"):
        await plans.propose(act(amount=1))
    clock.advance(1)
    await applied(plans)


async def test_what_was_surely_not_done_has_cost_nothing(tmp_path: Path, clock: ManualClock, ledger: Ledger) -> None:
    plans = process(tmp_path, clock, ledger, replace(CAPS, per_day=100_000))
    ledger.fault = "refused"
    with pytest.raises(Refused):
        await applied(plans)
    await applied(plans)  # all that a day allows


async def test_a_cap_is_what_may_be_spent_not_one_won_less(plans: Plans) -> None:
    assert (await applied(plans, amount=CAPS.per_act))["outcome"] == "done"


async def test_the_trace_is_told_as_it_is_now_and_the_receipt_where_there_is_none(
    plans: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = (await applied(plans))["plan_id"]
    traces: list[Any] = [{"number": "0001", "filled": 10}, None]

    async def look_up(*_: Any) -> Any:
        return traces.pop(0)

    monkeypatch.setattr(Buying, "look_up", look_up)
    assert (await plans.status(plan, UPSTREAM))["found"] == {"number": "0001", "filled": 10}
    assert (await plans.status(plan, UPSTREAM))["found"] == {"number": "0001"}


async def test_values_are_kept_as_they_are_read(plans: Plans) -> None:
    told = {"price": Decimal("1.5"), "deep": MappingProxyType({"x": (1, 2)})}
    plan = await plans.propose(replace(act(), told=MappingProxyType(told)))
    kept = await plans._book.get(plan["plan_id"])
    assert kept is not None
    assert kept[0].act.told == {"price": "1.5", "deep": {"x": [1, 2]}}


def test_a_fingerprint_is_of_what_is_said_not_of_its_order() -> None:
    one = act()
    turned = replace(one, sent=dict(reversed(list(one.sent.items()))))
    prints = {
        Record(plan_id="p", act=each, effect="BUY", expires=NOON).fingerprint
        for each in (one, turned, replace(one, subject="B"))
    }
    assert len(prints) == 2
    assert {len(each) for each in prints} == {32}
    later = Record(plan_id="p", act=one, effect="BUY", expires=NOON + timedelta(seconds=1))
    assert later.fingerprint not in prints


async def test_each_step_is_on_disk_before_the_next(plans: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan, count, likeness, claim and end: after a crash of the machine none of them may be missing."""
    steps: list[tuple[str, bool]] = []
    put = FileState.put

    async def noted(state: FileState, name: str, value: Any, *, seconds: float, durable: bool = False) -> None:
        steps.append((name.split(maxsplit=1)[0], durable))
        await put(state, name, value, seconds=seconds, durable=durable)

    monkeypatch.setattr(FileState, "put", noted)
    await applied(plans)
    assert steps == [(name, True) for name in ("plan", "caps", "alike", "plan", "plan")]


async def test_what_is_too_long_to_be_a_plan_is_refused_and_not_told_back(plans: Plans) -> None:
    with pytest.raises(NotFound) as caught:
        await plans.status("x" * 99, UPSTREAM)
    assert "x" * 40 in caught.value.message
    assert "x" * 41 not in caught.value.message
    ApplyPlan(plan_id="x" * 40, fingerprint="x" * 64)
    PlanStatus(plan_id="x" * 40)
    for wrong in ({"plan_id": "x" * 41, "fingerprint": "x"}, {"plan_id": "x", "fingerprint": "x" * 65}):
        with pytest.raises(ValidationError):
            ApplyPlan(**wrong)
    with pytest.raises(ValidationError):
        PlanStatus(plan_id="x" * 41)
