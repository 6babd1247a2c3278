"""The two tools every server with plans offers: do a plan, and ask what has become of one."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from dari.core.acts import Acting
from dari.core.endpoint import Effect
from dari.core.exchange import Answer
from dari.core.tool import Query, Tool

DEADLINE: Final = 50.0
"""Recheck, send and look-up each have a limit of their own; together they stay below this."""

OUTPUT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "plan_id": {"type": "string"},
        "outcome": {"type": "string"},
        "effect": {"type": "string"},
        "mode": {"type": "string"},
        "account": {"type": "string"},
        "found": {"anyOf": [{"type": "object"}, {"type": "null"}]},
    },
}


class ApplyPlan(Query):
    """Arguments of apply_plan."""

    plan_id: str = Field(max_length=40)
    fingerprint: str = Field(max_length=64)


class PlanStatus(Query):
    """Arguments of order_status."""

    plan_id: str = Field(max_length=40)


async def apply_plan(query: ApplyPlan, upstream: Acting) -> Answer:
    """Do a plan, once. Answers only where it was done; raises as `Planning.apply` says."""
    told = await upstream.plans.apply(query.plan_id, query.fingerprint, upstream)
    return Answer(told, upstream.sources, text=f"done 완료: {told['effect']}\n{_line(told)}")


async def plan_status(query: PlanStatus, upstream: Acting) -> Answer:
    """What has become of a plan: planned, done, not_done or unknown."""
    told = await upstream.plans.status(query.plan_id, upstream)
    return Answer(told, upstream.sources, text=f"{told['outcome']}: {told['effect']}\n{_line(told)}")


def _line(told: Any) -> str:
    found = told.get("found") or {}
    return ", ".join(f"{name} {value}" for name, value in found.items() if isinstance(value, str | int))


def plan_tools(status: str = "order_status", *, what: str = "주문") -> tuple[Tool, ...]:
    """apply_plan, and the tool that tells what became of a plan, under the server's own name for it."""
    return (
        Tool(
            name="apply_plan",
            title="계획 실행",
            description=f"Do a plan once {what} 실행: facts are re-checked, sent once, never retried. An error says "
            f"not_done, or unknown (then ask {status}).",
            query=ApplyPlan,
            output=OUTPUT,
            run=apply_plan,
            effect=Effect.COMMIT,
            toolset="plans",
            deadline=DEADLINE,
        ),
        Tool(
            name=status,
            title="계획 결과",
            description=f"What became of a plan {what} 결과: planned, done, not_done or unknown, which is looked up.",
            query=PlanStatus,
            output=OUTPUT,
            run=plan_status,
            toolset="plans",
        ),
    )
