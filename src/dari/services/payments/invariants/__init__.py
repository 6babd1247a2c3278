"""The twenty invariants of the platform, asked of a sandbox: twelve of what lies in the stores, eight by trying."""

from __future__ import annotations

from dari.services.payments.invariants.behaviour import EXPERIMENTS
from dari.services.payments.invariants.facts import Violation, load
from dari.services.payments.invariants.state import CHECKS
from dari.services.payments.sandbox import Sandbox

__all__ = ["Violation", "check_all", "check_state"]


async def check_state(sandbox: Sandbox) -> list[Violation]:
    """What the stores themselves violate (I1–I6, I8, I11–I15); reads only."""
    facts = await load(sandbox)
    return [violation for check in CHECKS for violation in check(facts)]


async def check_all(sandbox: Sandbox) -> list[Violation]:
    """Every invariant. The experiments pay, refund, redeliver and break things: the sandbox is used up after it."""
    found = await check_state(sandbox)
    for experiment in EXPERIMENTS:
        found += await experiment(sandbox)
    return found
