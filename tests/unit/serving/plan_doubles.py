"""A ledger that buys, with a fault for every way a send can end, and a process that plans on a shared folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dari.core.acts import Act, holder, holder_name
from dari.core.clock import KST, ManualClock
from dari.core.errors import Malformed, OutcomeUnknown, PlanRefused, RateLimited, Refused, Unreachable
from dari.core.shared_state import FileState
from dari.core.tool import Upstream
from dari.serving.audit import Audit
from dari.serving.plans import Caps, Plans

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
ACCOUNT = "12345678-01"
CAPS = Caps(per_act=1_000_000, per_day=3_000_000, per_minute=5, armed=holder_name("1234567801"))


class Crash(BaseException):
    """The process is gone: nothing after it runs."""


ENDS_BEFORE: dict[str, Callable[[], BaseException]] = {
    "refused": lambda: Refused("no"),
    "too_fast": lambda: RateLimited("too fast"),
    "no_connection": lambda: Unreachable("no connection", executed=False),
    "dropped_before": lambda: Unreachable("dropped", executed=None),
    "crash_before": Crash,
}
ENDS_AFTER: dict[str, Callable[[], BaseException]] = {
    "dropped_after": lambda: OutcomeUnknown("dropped", upstream_code="X1", upstream_text="what?"),
    "unreadable": lambda: Malformed("what?"),
    "bug": lambda: KeyError("ours"),
    "crash_after": Crash,
}
FAULTS = ("", *ENDS_BEFORE, *ENDS_AFTER, "late")


@dataclass
class Ledger:
    """What really happened. `fault` is the next send's; `blind` refuses look-ups; `price` is a fact plans stand on."""

    orders: list[dict[str, Any]] = field(default_factory=list)
    fault: str = ""
    blind: bool = False
    price: int = 100
    gate: asyncio.Event | None = None


@dataclass
class Buying:
    """The hand."""

    ledger: Ledger
    name: str = "test.buy"

    def describe(self, act: Act) -> str:
        return f"BUY {act.sent['quantity']} of {act.sent['code']}"

    async def recheck(self, act: Act, _: Upstream) -> Mapping[str, Any]:
        if self.ledger.price != act.facts["price"]:
            raise PlanRefused("the price moved", reason="changed")
        if self.ledger.gate is not None:
            await self.ledger.gate.wait()
        return {"seen": [one["number"] for one in self.ledger.orders]}

    async def execute(self, act: Act, _: Upstream) -> Mapping[str, Any]:
        fault, self.ledger.fault = self.ledger.fault, ""
        if fault in ENDS_BEFORE:
            raise ENDS_BEFORE[fault]()  # noqa: RSE102 -- what is called makes the error
        number = f"{len(self.ledger.orders) + 1:04}"
        self.ledger.orders.append({"number": number, "code": act.sent["code"], "plan": act.sent["plan"]})
        if fault in ENDS_AFTER:
            raise ENDS_AFTER[fault]()  # noqa: RSE102 -- as above
        if fault == "late":
            await asyncio.sleep(3600)
        return {"number": number}

    async def look_up(self, act: Act, before: Mapping[str, Any], _: Upstream) -> Mapping[str, Any] | None:
        if self.ledger.blind:
            raise Unreachable("no look-up")
        for one in self.ledger.orders:
            if one["code"] == act.sent["code"] and one["number"] not in before["seen"]:
                return {"number": one["number"]}
        return None


def act(code: str = "A", amount: int | None = 100_000, *, plan: int = 0) -> Act:
    """Buy 10 of something. `plan` tells the truth apart, never the ledger's reader."""
    return Act(
        hand="test.buy",
        holder=holder("paper", ACCOUNT),
        subject=code,
        amount=amount,
        likeness=f"buy {code}",
        sent={"code": code, "quantity": "10", "plan": plan},
        facts={"price": 100},
        told={"price": 100},
    )


class Asked:
    """The upstream a tool would hand over: this hand needs none."""


UPSTREAM: Any = Asked()


AUDITS: list[Audit] = []


def closed() -> None:
    """Close the files of every process so far."""
    while AUDITS:
        AUDITS.pop().close()


def process(folder: Path, clock: ManualClock, ledger: Ledger, caps: Caps = CAPS, name: str = "one") -> Plans:
    """One process that plans: everything it knows is on disk."""
    AUDITS.append(Audit(folder / "audit", process=name))
    return Plans(
        [Buying(ledger)],
        state=FileState(folder / "plans", clock),
        clock=clock,
        audit=AUDITS[-1],
        caps=caps,
    )
