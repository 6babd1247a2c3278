"""Two processes on one folder, faults at every step: what is said is true, and nothing is done twice."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from dari.core.clock import ManualClock
from dari.core.errors import DariError, OutcomeUnknown
from dari.serving.plans import Caps, planning
from tests.unit.serving.plan_doubles import CAPS, FAULTS, NOON, UPSTREAM, Crash, Ledger, act, closed, process

FREE = Caps(per_act=10**9, per_day=10**12, per_minute=10**6, armed=CAPS.armed)


class Orders(RuleBasedStateMachine):
    """`said` is everything that was told of a plan, in order."""

    plans = Bundle("plans")

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock(NOON)
        self.ledger = Ledger()
        self.born = 0
        self.count = 0
        self.said: dict[str, list[str]] = {}
        self.number: dict[str, int] = {}
        self.processes = [self.birth(), self.birth()]

    def birth(self) -> Any:
        self.born += 1
        return process(Path(self.folder.name), self.clock, self.ledger, FREE, f"p{self.born}")

    def executed(self, plan_id: str) -> int:
        return sum(one["plan"] == self.number[plan_id] for one in self.ledger.orders)

    @rule(target=plans, who=st.integers(0, 1), code=st.sampled_from("AB"))
    def plan(self, who: int, code: str) -> tuple[str, str]:
        self.count += 1
        told = asyncio.run(self.processes[who].propose(act(code, plan=self.count)))
        self.said[told["plan_id"]] = []
        self.number[told["plan_id"]] = self.count
        return told["plan_id"], told["fingerprint"]

    async def one(self, who: int, plan: tuple[str, str]) -> None:
        """Apply, and take down what was told, as a caller would understand it."""
        try:
            told = await self.processes[who].apply(*plan, UPSTREAM)
        except OutcomeUnknown:
            self.said[plan[0]].append("unknown")
        except DariError as error:
            if error.details.get("outcome") in {"done", "not_done"}:
                self.said[plan[0]].append(error.details["outcome"])
        except Crash:
            self.processes[who] = self.birth()
        else:
            self.said[plan[0]].append(told["outcome"])

    @rule(plan=plans, who=st.integers(0, 1), fault=st.sampled_from(FAULTS), blind=st.booleans())
    def apply(self, plan: tuple[str, str], who: int, fault: str, *, blind: bool) -> None:
        self.ledger.fault, self.ledger.blind = fault, blind
        asyncio.run(self.one(who, plan))
        self.ledger.fault, self.ledger.blind = "", False

    @rule(plan=plans, fault=st.sampled_from(FAULTS))
    def both_apply(self, plan: tuple[str, str], fault: str) -> None:
        self.ledger.fault = fault

        async def both() -> None:
            await asyncio.gather(self.one(0, plan), self.one(1, plan))

        asyncio.run(both())
        self.ledger.fault = ""

    @rule(plan=plans, who=st.integers(0, 1))
    def ask(self, plan: tuple[str, str], who: int) -> None:
        told = asyncio.run(self.processes[who].status(plan[0], UPSTREAM))
        self.said[plan[0]].append(told["outcome"])

    @rule(seconds=st.sampled_from([1, 30, 61, 301]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(who=st.integers(0, 1))
    def restart(self, who: int) -> None:
        self.processes[who] = self.birth()

    @invariant()
    def never_twice_and_never_a_lie(self) -> None:
        for plan_id, said in getattr(self, "said", {}).items():
            times = self.executed(plan_id)
            assert times <= 1, plan_id
            assert not (said and said[-1] == "done" and times == 0), plan_id
            assert not (said and said[-1] == "not_done" and times == 1), plan_id

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        self.clock.advance(61)
        for plan_id in self.said:
            outcome = asyncio.run(self.processes[0].status(plan_id, UPSTREAM))["outcome"]
            assert outcome == ("done" if self.executed(plan_id) else outcome), plan_id
            assert outcome in {"done", "not_done", "planned"}, plan_id
        closed()
        self.folder.cleanup()


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "EXECUTE_SECONDS", 0.005)


def test_two_processes_and_every_fault() -> None:
    slow = [HealthCheck.too_slow]
    run_state_machine_as_test(
        Orders,
        settings=settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=slow),
    )
