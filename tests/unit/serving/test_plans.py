"""A plan is done once or not at all, and what is said of it is true."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from dari.core.acts import Act, holder
from dari.core.clock import ManualClock
from dari.core.endpoint import Effect
from dari.core.errors import DariError, NotAllowed, NotFound, OutcomeUnknown, PlanRefused, Refused
from dari.core.shared_state import FileState
from dari.serving.audit_reading import verified
from dari.serving.plans import Caps, Plans, planning
from dari.serving.plans.offered import ApplyPlan, PlanStatus, plan_tools
from dari.serving.plans.records import Book
from tests.unit.serving.plan_doubles import (
    CAPS,
    UPSTREAM,
    Crash,
    Ledger,
    act,
    process,
)


async def applied(plans: Plans, one: Act) -> Any:
    plan = await plans.propose(one)
    return plan, await plans.apply(plan["plan_id"], plan["fingerprint"], UPSTREAM)


async def raised(plans: Plans, plan: Any, kind: type[DariError], fingerprint: str | None = None) -> DariError:
    with pytest.raises(kind) as caught:
        await plans.apply(plan["plan_id"], fingerprint or plan["fingerprint"], UPSTREAM)
    return caught.value


async def test_a_plan_says_what_will_be_done_and_to_whom(plans: Plans, ledger: Ledger) -> None:
    plan = await plans.propose(act())
    assert plan["effect"] == "BUY 10 of A"
    assert plan["mode"] == "paper"
    assert plan["account"] == "******7801"
    assert plan["amount_krw"] == 100_000
    assert plan["expires_at"] == "2026-11-20T12:05:00+09:00"
    assert plan["armed"] is True
    assert ledger.orders == []


async def test_it_is_done_once_and_told_with_its_trace(plans: Plans, ledger: Ledger) -> None:
    plan, told = await applied(plans, act())
    assert (told["outcome"], told["found"]) == ("done", {"number": "0001"})
    refused = await raised(plans, plan, PlanRefused)
    assert refused.details["reason"] == "used"
    assert refused.details["outcome"] == "done"
    assert len(ledger.orders) == 1
    status = await plans.status(plan["plan_id"], UPSTREAM)
    assert (status["outcome"], status["found"]) == ("done", {"number": "0001"})


async def test_an_act_is_kept_as_it_is_whatever_its_values_are(plans: Plans) -> None:
    odd = replace(act(), told=MappingProxyType({"price": Decimal("1.5"), "deep": MappingProxyType({"x": (1, 2)})}))
    _, told = await applied(plans, odd)
    assert told["outcome"] == "done"


async def test_another_process_sees_what_was_done(
    plans: Plans, tmp_path: Path, clock: ManualClock, ledger: Ledger
) -> None:
    plan = await plans.propose(act())
    other = process(tmp_path, clock, ledger, name="two")
    await other.apply(plan["plan_id"], plan["fingerprint"], UPSTREAM)
    assert (await raised(plans, plan, PlanRefused)).details["reason"] == "used"


async def test_of_two_at_once_one_does_it(plans: Plans, tmp_path: Path, clock: ManualClock, ledger: Ledger) -> None:
    plan = await plans.propose(act())
    ledger.gate = asyncio.Event()
    both = [plans, process(tmp_path, clock, ledger, name="two")]
    tasks = [asyncio.ensure_future(one.apply(plan["plan_id"], plan["fingerprint"], UPSTREAM)) for one in both]
    await asyncio.sleep(0)
    ledger.gate.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["PlanRefused", "dict"]
    assert len(ledger.orders) == 1


async def test_a_plan_that_is_not_there(plans: Plans) -> None:
    with pytest.raises(NotFound):
        await plans.apply("x", "y", UPSTREAM)
    with pytest.raises(NotFound):
        await plans.status("x", UPSTREAM)


async def test_an_expired_plan_is_not_done(plans: Plans, clock: ManualClock, ledger: Ledger) -> None:
    plan = await plans.propose(act())
    clock.advance(299)
    assert (await plans.status(plan["plan_id"], UPSTREAM))["expired"] is False
    clock.advance(1)
    assert (await raised(plans, plan, PlanRefused)).details["reason"] == "expired"
    assert (await plans.status(plan["plan_id"], UPSTREAM))["expired"] is True
    assert ledger.orders == []


@pytest.mark.parametrize(
    "altered",
    [
        {"sent": {"code": "A", "quantity": "9999", "plan": 0}},
        {"amount": 1},
        {"facts": {"price": 1}},
        {"holder": holder("real", "99999999-01")},
    ],
)
async def test_an_altered_plan_is_not_done(
    plans: Plans, tmp_path: Path, clock: ManualClock, ledger: Ledger, altered: dict[str, Any]
) -> None:
    plan = await plans.propose(act())
    state = FileState(tmp_path / "plans", clock)
    book = Book(state)
    kept = await book.get(plan["plan_id"])
    assert kept is not None
    await book.put(replace(kept[0], act=replace(kept[0].act, **altered)))
    assert (await raised(plans, plan, PlanRefused)).details["reason"] == "altered"  # a new print was written with it
    value = await state.get(f"plan {plan['plan_id']}")
    assert value is not None
    await state.put(f"plan {plan['plan_id']}", {**value, "fingerprint": plan["fingerprint"]})
    assert (await raised(plans, plan, PlanRefused)).details["reason"] == "altered"
    assert ledger.orders == []


async def test_the_fingerprint_must_be_the_plans(plans: Plans, ledger: Ledger) -> None:
    plan = await plans.propose(act())
    for wrong in ("", "0" * 32, plan["fingerprint"][:-1], "지문"):
        assert (await raised(plans, plan, PlanRefused, wrong or " ")).details["reason"] == "altered"
    assert ledger.orders == []


async def test_what_the_plan_stood_on_must_still_hold(plans: Plans, ledger: Ledger) -> None:
    plan = await plans.propose(act())
    ledger.price = 101
    assert (await raised(plans, plan, PlanRefused)).details["reason"] == "changed"
    ledger.price = 100
    assert (await plans.apply(plan["plan_id"], plan["fingerprint"], UPSTREAM))["outcome"] == "done"


@pytest.mark.parametrize("fault", ["refused", "too_fast", "no_connection"])
async def test_what_was_surely_not_done_is_told_as_the_upstream_told_it(
    plans: Plans, ledger: Ledger, fault: str
) -> None:
    plan = await plans.propose(act())
    ledger.fault = fault
    error = await raised(plans, plan, DariError)
    assert error.executed is False
    assert error.details["outcome"] == "not_done"
    status = await plans.status(plan["plan_id"], UPSTREAM)
    assert status["outcome"] == "not_done"
    assert status["why"]["code"] == error.code
    assert (await raised(plans, plan, PlanRefused)).details["reason"] == "used"


@pytest.mark.parametrize("fault", ["dropped_after", "unreadable", "bug", "late"])
async def test_a_lost_reply_is_looked_up_at_once(
    plans: Plans, ledger: Ledger, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "EXECUTE_SECONDS", 0.01)
    ledger.fault = fault
    _, told = await applied(plans, act())
    assert (told["outcome"], told["found"]) == ("done", {"number": "0001"})
    assert "why" not in told
    assert len(ledger.orders) == 1


async def test_what_left_no_trace_is_unknown_until_nothing_can_be_on_its_way(
    plans: Plans, ledger: Ledger, clock: ManualClock
) -> None:
    plan = await plans.propose(act())
    ledger.fault = "dropped_before"
    error = await raised(plans, plan, OutcomeUnknown)
    assert error.executed is None
    assert error.details["outcome"] == "unknown"
    clock.advance(59)
    assert (await plans.status(plan["plan_id"], UPSTREAM))["outcome"] == "unknown"
    clock.advance(1)
    assert (await plans.status(plan["plan_id"], UPSTREAM))["outcome"] == "not_done"
    assert ledger.orders == []


async def test_a_look_up_that_fails_leaves_it_unknown(plans: Plans, ledger: Ledger, clock: ManualClock) -> None:
    plan = await plans.propose(act())
    ledger.fault, ledger.blind = "dropped_after", True
    error = await raised(plans, plan, OutcomeUnknown)
    assert error.upstream_code == "X1"
    clock.advance(600)
    status = await plans.status(plan["plan_id"], UPSTREAM)
    assert status["outcome"] == "unknown"
    assert (status["why"]["code"], status["why"]["look_up"]["code"]) == ("outcome_unknown", "unreachable")
    ledger.blind = False
    assert (await plans.status(plan["plan_id"], UPSTREAM))["outcome"] == "done"
    ledger.blind = True
    status = await plans.status(plan["plan_id"], UPSTREAM)
    assert (status["outcome"], status["look_up"]["code"]) == ("done", "unreachable")


async def test_a_look_up_without_end_is_given_up(plans: Plans, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = await plans.propose(act())
    ledger.fault = "dropped_after"

    async def forever(*_: Any) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(planning, "LOOK_UP_SECONDS", 0.01)
    monkeypatch.setattr("tests.unit.serving.plan_doubles.Buying.look_up", forever)
    await raised(plans, plan, OutcomeUnknown)


@pytest.mark.parametrize(("fault", "outcome"), [("crash_before", "not_done"), ("crash_after", "done")])
async def test_a_crash_after_the_claim_is_resolved_by_looking(
    tmp_path: Path, clock: ManualClock, ledger: Ledger, fault: str, outcome: str
) -> None:
    plans = process(tmp_path, clock, ledger)
    plan = await plans.propose(act())
    ledger.fault = fault
    with pytest.raises(Crash):
        await plans.apply(plan["plan_id"], plan["fingerprint"], UPSTREAM)
    reborn = process(tmp_path, clock, ledger, name="reborn")
    assert (await raised(reborn, plan, PlanRefused)).details["outcome"] == "unknown"
    clock.advance(60)
    assert (await reborn.status(plan["plan_id"], UPSTREAM))["outcome"] == outcome
    assert (await raised(reborn, plan, PlanRefused)).details["reason"] == "used"


async def test_while_one_is_in_doubt_nothing_just_like_it_is_done(
    plans: Plans, ledger: Ledger, clock: ManualClock
) -> None:
    first, second, other = [await plans.propose(one) for one in (act(), act(), act("B"))]
    ledger.fault = "dropped_before"
    await raised(plans, first, OutcomeUnknown)
    refused = await raised(plans, second, PlanRefused)
    assert refused.details == {"plan_id": first["plan_id"], "reason": "in_doubt"}
    await plans.apply(other["plan_id"], other["fingerprint"], UPSTREAM)
    clock.advance(60)
    await plans.status(first["plan_id"], UPSTREAM)
    await plans.apply(second["plan_id"], second["fingerprint"], UPSTREAM)
    assert [one["code"] for one in ledger.orders] == ["B", "A"]


async def test_a_reply_that_comes_after_a_look_up_changes_nothing(plans: Plans, ledger: Ledger) -> None:
    plan = await plans.propose(act())
    ledger.fault, ledger.blind = "dropped_after", True
    await raised(plans, plan, OutcomeUnknown)
    kept = await plans._book.get(plan["plan_id"])
    assert kept is not None
    ledger.blind = False
    await plans.status(plan["plan_id"], UPSTREAM)
    assert (await plans._ended(kept[0].now("not_done"))).state == "done"


# --- caps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "caps", "cap"),
    [
        (act(amount=1_000_001), CAPS, "per_act"),
        (act(amount=None), CAPS, "amount"),
        (act(), replace(CAPS, subjects=frozenset({"B"})), "allow_list"),
        (act(), replace(CAPS, per_minute=0), "per_minute"),
        (act(), replace(CAPS, per_day=99_999), "per_day"),
    ],
)
async def test_a_cap_refuses_the_plan_itself(
    tmp_path: Path, clock: ManualClock, one: Act, caps: Caps, cap: str
) -> None:
    with pytest.raises(NotAllowed) as caught:
        await process(tmp_path, clock, Ledger(), caps).propose(one)
    assert caught.value.details["cap"] == cap
    assert caught.value.details["setting"].startswith("DARI_ORDER_")


@pytest.mark.parametrize(("foreign", "amount"), [("100.5 USD", 150_750), ("0.01 USD", 15), ("1 JPY", None), ("", None)])
async def test_money_abroad_counts_at_our_own_rate_or_not_at_all(
    tmp_path: Path, clock: ManualClock, foreign: str, amount: int | None
) -> None:
    plans = process(tmp_path, clock, Ledger(), replace(CAPS, rates={"USD": Decimal(1500)}))
    one = replace(act(amount=None), foreign=foreign)
    if amount is None:
        with pytest.raises(NotAllowed) as caught:
            await plans.propose(one)
        assert caught.value.details["setting"] == "DARI_ORDER_RATES"
        assert f"what {foreign or 'it'} comes to" in caught.value.message
    else:
        assert (await plans.propose(one))["amount_krw"] == amount


@pytest.mark.parametrize("armed", [None, holder("paper", "87654321-01").name])
async def test_without_arms_nothing_is_done(
    tmp_path: Path, clock: ManualClock, ledger: Ledger, armed: str | None
) -> None:
    plans = process(tmp_path, clock, ledger, replace(CAPS, armed=armed))
    plan = await plans.propose(act())
    assert plan["armed"] is False
    assert "DARI_ORDER_ACCOUNT" in plan["next"]
    assert (await raised(plans, plan, NotAllowed)).details["cap"] == "armed_account"
    assert ledger.orders == []


async def test_the_minute_and_the_day_are_counted_over_processes(
    tmp_path: Path, clock: ManualClock, ledger: Ledger
) -> None:
    caps = replace(CAPS, per_minute=2, per_day=300_000)
    one, two = (process(tmp_path, clock, ledger, caps, name) for name in ("one", "two"))
    waiting = await one.propose(act("D"))
    await applied(one, act("A"))
    await applied(two, act("B"))
    assert (await raised(one, waiting, NotAllowed)).details["cap"] == "per_minute"
    clock.advance(60)
    await one.apply(waiting["plan_id"], waiting["fingerprint"], UPSTREAM)
    clock.advance(61)
    with pytest.raises(NotAllowed, match="a day"):
        await two.propose(act("E"))
    await two.propose(act("E", 0))  # what moves no money (a cancel) is not held up
    clock.advance(24 * 3600)
    await applied(two, act("E"))


async def test_what_was_not_done_frees_its_amount_but_not_its_place(
    tmp_path: Path, clock: ManualClock, ledger: Ledger
) -> None:
    caps = replace(CAPS, per_minute=2, per_day=150_000)
    plans = process(tmp_path, clock, ledger, caps)
    ledger.fault = "refused"
    with pytest.raises(Refused):
        await applied(plans, act())
    await applied(plans, act())
    with pytest.raises(NotAllowed) as caught:
        await plans.propose(act("C", 0))
    assert caught.value.details["cap"] == "per_minute"


# --- audit, tools ----------------------------------------------------------------------------------------------------


async def test_the_audit_holds_each_step_with_the_whole_act(plans: Plans, tmp_path: Path) -> None:
    await applied(plans, act())
    path = tmp_path / "audit" / "audit-one.jsonl"
    assert list(verified(path.parent)) == []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["tool"], one["outcome"]) for one in lines] == [
        ("plans.plan", "planned"),
        ("plans.claim", "claimed"),
        ("plans.outcome", "done"),
    ]
    assert lines[2]["arguments"]["act"] == "BUY 10 of A"
    assert lines[2]["arguments"]["found"] == {"number": "0001"}
    assert lines[2]["arguments"]["before"] == {"seen": []}
    assert "12345678" not in path.read_text()


async def test_a_plan_of_a_hand_that_is_not_here(plans: Plans) -> None:
    with pytest.raises(NotFound):
        await plans.propose(replace(act(), hand="test.sell"))


async def test_the_tools_do_a_plan_and_tell_of_it(plans: Plans) -> None:
    class Upstream:
        sources = ()

        def __init__(self) -> None:
            self.plans = plans

    upstream: Any = Upstream()
    apply, status = plan_tools("plan_status")
    assert (apply.effect, status.effect, status.name) == (Effect.COMMIT, Effect.READ, "plan_status")
    plan = await plans.propose(act())
    answer = await status.run(PlanStatus(plan_id=plan["plan_id"]), upstream)
    assert answer.text.startswith("planned: BUY 10 of A")
    answer = await apply.run(ApplyPlan(plan_id=plan["plan_id"], fingerprint=plan["fingerprint"]), upstream)
    assert answer.data["outcome"] == "done"
    assert "number 0001" in answer.text
