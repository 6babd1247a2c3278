"""What an operator may have done through a plan: the acts, and the hands that do them and look them up."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dari.core.acts import Act, Acting, Hand
from dari.core.errors import OutcomeUnknown, PlanRefused
from dari.core.exchange import Answer
from dari.core.tool import Upstream
from dari.providers.payments.tools.asking import (
    OBJECT,
    SURE,
    TEXT,
    answer,
    page,
    shape,
)

Facts = Mapping[str, Any]
PLAN_OUTPUT: Final = shape(
    plan_id=TEXT, fingerprint=TEXT, expires_at=TEXT, effect=TEXT, mode=TEXT, account=TEXT, armed=SURE, next=TEXT,
    order=OBJECT, status=TEXT,
)  # fmt: skip
"""`account` is the address of the system the act is for."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of act (dari.core.acts.Hand): `endpoint` does it, `read` gives the facts a plan of it stands on.

    `changed` says what of them has changed so that it must not be done any more, or "".
    """

    name: str
    endpoint: str
    effect: Callable[[Facts], str]
    read: Callable[[Facts, Upstream], Awaitable[Facts]]
    changed: Callable[[Facts, Facts], str]

    def describe(self, act: Act) -> str:
        """The exact effect, from what will be sent."""
        return self.effect(act.sent)

    async def recheck(self, act: Act, upstream: Upstream) -> Facts:
        """Read the facts again. Raises PlanRefused where they no longer hold."""
        now = await self.read(act.sent, upstream)
        if why := self.changed(act.facts, now):
            raise PlanRefused(
                f"what the plan stood on has changed: {why}", reason="changed", details={"now": dict(now)}
            )
        return now

    async def execute(self, act: Act, upstream: Upstream) -> Facts:
        """Have it done, once: the service knows the act by its id and does none twice."""
        sent = {name: _text(value) for name, value in act.sent.items()}
        return await page(upstream, self.endpoint, **sent)

    async def look_up(self, act: Act, before: Facts, upstream: Upstream) -> Facts | None:
        """What the service noted of the act, or None where it never began it."""
        del before
        said = await page(upstream, "operator.outcome", actId=act.sent["actId"])
        if said["begun"] and not said["found"]:
            raise OutcomeUnknown("the service began it and has not noted how it ended")
        return said["receipt"] if said["found"] else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


async def propose(hand: Operation, subject: str, sent: Facts, upstream: Acting) -> Answer:
    """Plan an act of `hand`: what it would do, and how to have it done. Nothing is changed."""
    whole = {"actId": secrets.token_hex(8), **sent}
    facts = await hand.read(whole, upstream)
    act = Act(
        hand=hand.name,
        holder=upstream.holder(hand.endpoint),
        subject=subject,
        amount=0,
        likeness=f"{hand.name} {subject}",
        sent=whole,
        facts=facts,
        told=facts,
    )
    plan = dict(await upstream.plans.propose(act))
    plan.pop("amount_krw", None)
    plan["status"] = "planned"
    armed = "apply_plan(plan_id, fingerprint)으로 실행합니다" if plan["armed"] else f"실행할 수 없음: {plan['next']}"
    text = "📝 계획만 했습니다. 아직 아무것도 바뀌지 않았습니다 planned only\n"
    text += f"{plan['effect']}\nplan_id {plan['plan_id']} · {armed}"
    return answer(upstream, plan, text)


# --- the four acts and a load test -----------------------------------------------------------------------------------


async def _count(sent: Facts, upstream: Upstream) -> Facts:
    said = await page(upstream, "redis.rate_limit", merchantId=sent["merchantId"], action=sent["action"])
    names = ("current_count", "limit", "ttl_seconds", "status", "never_expires")
    return {name: said.get(name) for name in names}


def _restarted(planned: Facts, now: Facts) -> str:
    fell = (now["current_count"] or 0) < (planned["current_count"] or 0)
    return f"the window has restarted ({now['current_count']} calls)" if fell else ""


CLEAR_RATE_LIMIT: Final = Operation(
    "clear_rate_limit",
    "operator.clear_rate_limit",
    lambda sent: (
        f"rate:{sent['action']}:{sent['merchantId']} 삭제, 횟수가 0부터 다시 시작 "
        f"delete the counter (at {sent['expectedCount']} or more)"
    ),
    _count,
    _restarted,
)


async def _letters(sent: Facts, upstream: Upstream) -> Facts:
    said = await page(upstream, "kafka.triage", minutes=sent["minutes"])
    there = {place for group in said["groups"] if group["replayable"] for place in group["offsets"]}
    wanted = [f"payment.dlq-{one['partition']}@{one['offset']}" for one in sent["letters"]]
    return {"replayable": sorted(there & set(wanted)), "asked": len(wanted)}


REPLAY_LETTERS: Final = Operation(
    "replay_letters",
    "operator.replay_letters",
    lambda sent: (
        f"payment.dlq {len(sent['letters'])}건을 원래 토픽으로 다시 보냄 send them to their topics again: "
        + ", ".join(f"{one['partition']}@{one['offset']}" for one in sent["letters"][:20])
    ),
    _letters,
    lambda planned, now: "" if planned["replayable"] == now["replayable"] else "other letters are replayable now",
)


async def _events(sent: Facts, upstream: Upstream) -> Facts:
    said = await page(upstream, "database.timeline", paymentId=sent["paymentId"])
    steps = [one for one in said["steps"] if one["store"] == "outbox" and one["event_id"] in sent["eventIds"]]
    return {
        "payment_status": said["status"],
        "written": sorted(one["event_id"] for one in steps if one["what"].endswith("written")),
        "published": sorted(one["event_id"] for one in steps if one["what"].endswith("published")),
    }


REPUBLISH_EVENTS: Final = Operation(
    "republish_events",
    "operator.republish_events",
    lambda sent: f"결제 {sent['paymentId']}의 outbox 이벤트 {sent['eventIds']} 재발행 publish them again",
    _events,
    lambda planned, now: "" if planned == now else "its events or its status",
)


async def _state(sent: Facts, upstream: Upstream) -> Facts:
    return {"state": (await page(upstream, "breaker.status", name=sent["name"]))["state"]}


RESET_BREAKER: Final = Operation(
    "reset_breaker",
    "operator.reset_breaker",
    lambda sent: (
        f"서킷 브레이커 {sent['name']}: {sent['expectedState']} → CLOSED, 집계 초기화 reset with an empty window"
    ),
    _state,
    lambda planned, now: "" if planned == now else f"its state is {now['state']}",
)


async def _policy(sent: Facts, upstream: Upstream) -> Facts:
    del sent
    load = (await page(upstream, "operator.policy"))["load_test"]
    return {name: load[name] for name in ("targets", "max_rate", "max_seconds", "runners")}


LOAD_TEST: Final = Operation(
    "load_test",
    "operator.load_test",
    lambda sent: (
        f"{sent['scenario']} ({sent['runner']}): {sent['target']}에 초당 최대 {sent['rate']}건 × {sent['seconds']}초 "
        f"= 최대 결제 at most {sent['rate'] * sent['seconds']:,}건"
        f"{' + 매입 capture' if sent['capture'] else ''}{' + 환불 refund' if sent['refund'] else ''} (load test)"
    ),
    _policy,
    lambda planned, now: "" if planned == now else "the service's limits",
)


async def _going(sent: Facts, upstream: Upstream) -> Facts:
    said = await page(upstream, "operator.load_progress", actId=sent["testId"])
    return {"status": said["status"]}


STOP_LOAD: Final = Operation(
    "stop_load",
    "operator.stop_load",
    lambda sent: f"부하 테스트 {sent['testId']}를 끝냄, 결과는 남음 end it early, its result is kept",
    _going,
    lambda planned, now: "" if planned == now else f"it is {now['status']}",
)

HANDS: Final[tuple[Hand, ...]] = (
    CLEAR_RATE_LIMIT,
    REPLAY_LETTERS,
    REPUBLISH_EVENTS,
    RESET_BREAKER,
    LOAD_TEST,
    STOP_LOAD,
)
