"""The operator's pages: what is permitted, an act of each kind, and what became of one."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, HTTPException
from pydantic import BaseModel, Field

from dari.services.monitoring.api.shared import Service
from dari.services.monitoring.load_shapes import SHAPES, planned
from dari.services.monitoring.load_tests import conduct
from dari.services.monitoring.operating import MAX_RATE, MAX_SECONDS, Going, Load, Operator
from dari.services.monitoring.ports import Page

NOT_PERMITTED = "승인된 계획으로만 실행합니다 only an applied plan is done (operator token)"
MOST = 20


class Act(BaseModel):
    """What every act carries: an id by which it is known afterwards and done only once."""

    actId: str = Field(min_length=8, max_length=64)  # noqa: N815 — the wire's spelling


class ClearRateLimit(Act):
    """Drop one counter, if it still stands at `expectedCount` or more."""

    merchantId: str = Field(max_length=32)  # noqa: N815 — the wire's spelling
    action: str = Field(pattern="^(authorize|capture|refund)$")
    expectedCount: int  # noqa: N815 — the wire's spelling


class Place(BaseModel):
    """Where a letter lies in payment.dlq."""

    partition: int = Field(ge=0)
    offset: int = Field(ge=0)


class ReplayLetters(Act):
    """Send letters of payment.dlq to their topics again; their bodies are read here, not given."""

    letters: list[Place] = Field(min_length=1, max_length=MOST)


class RepublishEvents(Act):
    """Publish outbox events again."""

    eventIds: list[int] = Field(min_length=1, max_length=MOST)  # noqa: N815 — the wire's spelling


class ResetBreaker(Act):
    """Close a breaker that is in `expectedState`."""

    name: str = Field(max_length=60)
    expectedState: str = Field(max_length=30)  # noqa: N815 — the wire's spelling


class LoadTest(Act):
    """Start a load test."""

    target: str = Field(max_length=200)
    rate: int = Field(ge=1)
    seconds: int = Field(ge=1)
    capture: bool = False
    refund: bool = False
    scenario: str = Field("authorize-only", max_length=30)
    runner: str = Field("auto", max_length=30)


class StopLoad(Act):
    """End a load test early; its result is kept."""

    testId: str = Field(min_length=8, max_length=64)  # noqa: N815 — the wire's spelling


def pages(service: Service) -> APIRouter:
    """The router of /monitoring/operator."""
    router = APIRouter(prefix="/monitoring/operator")
    operator = service.operator
    running: set[asyncio.Task[None]] = set()

    def permitted(authorization: str) -> Operator:
        if operator is None or not hmac.compare_digest(authorization.encode(), f"Bearer {operator.token}".encode()):
            raise HTTPException(403, NOT_PERMITTED)
        return operator

    @router.get("/policy")
    async def _policy() -> dict[str, Any]:
        return {
            "operator": operator is not None,
            "loadTest": {
                "targets": list(operator.targets) if operator else [],
                "maxRate": operator.max_rate if operator else MAX_RATE,
                "maxSeconds": operator.max_seconds if operator else MAX_SECONDS,
                "running": len(running),
                "runners": list(operator.runners) if operator else [],
            },
            "mostLetters": MOST,
            "mostEvents": MOST,
        }

    @router.get("/outcome")
    async def _outcome(actId: str) -> dict[str, Any]:
        receipt = operator.journal.receipt(actId) if operator else None
        begun = operator.journal.begun(actId) if operator else False
        return {"found": receipt is not None, "begun": begun, "receipt": receipt}

    @router.get("/load-test/progress")
    async def _progress(actId: str) -> dict[str, Any]:
        going = operator.going.get(actId) if operator else None
        if operator is None or going is None:
            raise HTTPException(404, "그런 부하 테스트가 없습니다 there is no such load test in this process")
        told = {"testId": actId, "status": going.status, "planned": going.planned, "begun": going.begun}
        told |= {"answered": going.answered, "failed": going.failed, "p95Ms": going.p95_ms, "runner": going.runner}
        return {**told, "ledger": going.ledger, "reason": going.reason or None}

    async def once(hands: Operator, act: Act, do: Callable[[], Awaitable[Page]]) -> dict[str, Any]:
        """Begin, do, note. An act that was begun before is not done again."""
        if hands.journal.begun(act.actId):
            known = hands.journal.receipt(act.actId)
            if known is None:
                raise HTTPException(409, "이미 시작된 실행입니다 it was begun before, and its end is not known")
            return known
        hands.journal.note(act.actId)
        page = await do()
        said = json.loads(page.text)
        if page.status >= 400:
            raise HTTPException(502, f"the platform answered {page.status}: {page.text[:200]}")
        receipt = {"done": True, "at": service.monitor.clock.now().isoformat(timespec="milliseconds"), **said}
        hands.journal.note(act.actId, receipt)
        return receipt

    @router.post("/clear-rate-limit")
    async def _clear(asked: ClearRateLimit, authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        hands = permitted(authorization)
        key = f"rate:{asked.action}:{asked.merchantId}"
        held = (await service.monitor.ports.redis.values([key]))[key]
        count = int(held.value) if held.value and held.value.isdigit() else 0
        if count < asked.expectedCount:
            raise HTTPException(409, f"{key} stands at {count}, not at {asked.expectedCount} or more")
        body = {"merchantId": asked.merchantId, "action": asked.action}
        return await once(hands, asked, lambda: hands.platform.post("/admin/rate-limit/clear", body))

    @router.post("/replay-letters")
    async def _replay(asked: ReplayLetters, authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        hands = permitted(authorization)
        letters = [await _letter(service, place) for place in asked.letters]
        return await once(hands, asked, lambda: hands.platform.post("/admin/dlq/replay", {"letters": letters}))

    @router.post("/republish-events")
    async def _republish(asked: RepublishEvents, authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        hands = permitted(authorization)
        body = {"eventIds": asked.eventIds}
        return await once(hands, asked, lambda: hands.platform.post("/admin/outbox/republish", body))

    @router.post("/reset-breaker")
    async def _reset(asked: ResetBreaker, authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        hands = permitted(authorization)
        page = await service.monitor.ports.platform.get(f"/circuit-breaker/{quote(asked.name, safe='')}")
        state = json.loads(page.text).get("state")
        if state != asked.expectedState:
            raise HTTPException(409, f"{asked.name} is {state}, not {asked.expectedState}")
        return await once(
            hands, asked, lambda: hands.platform.post(f"/admin/circuit-breaker/{quote(asked.name, safe='')}/reset", {})
        )

    @router.post("/load-test")
    async def _load(asked: LoadTest, authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        hands = permitted(authorization)
        results = service.results
        if asked.target not in hands.targets or asked.rate > hands.max_rate or asked.seconds > hands.max_seconds:
            raise HTTPException(403, "대상·속도·시간이 한도를 넘습니다 target, rate or time is beyond the limits")
        if results is None:
            raise HTTPException(403, "no folder for results is configured")
        if running:
            raise HTTPException(409, "다른 부하 테스트가 실행 중입니다 another load test is running")
        shape = SHAPES.get(asked.scenario)
        if shape is None or asked.runner not in {"auto", *hands.runners}:
            known = f"{', '.join(SHAPES)}; {', '.join(hands.runners)}"
            raise HTTPException(404, f"그런 시나리오·실행기가 없습니다 no such scenario or runner; there are {known}")
        followed = {"capture": asked.capture or shape.capture, "refund": asked.refund or shape.refund}
        wanted = Load(**asked.model_dump(exclude={"actId"}) | followed)
        file = results / f"summary-{_stamp(service.monitor.clock.now())}.json"

        async def start() -> Page:
            going = hands.going[asked.actId] = Going(planned(wanted.scenario, wanted.rate, wanted.seconds))
            monitor = service.monitor
            task = asyncio.create_task(
                conduct(hands, wanted, file, going, reconcile=monitor.reconcile), name="load-test"
            )
            running.add(task)
            task.add_done_callback(running.discard)
            said = {"testId": asked.actId, "file": file.name, "status": "running", "expectedSeconds": asked.seconds}
            return Page(200, {}, json.dumps(said))

        return await once(hands, asked, start)

    @router.post("/load-test/stop")
    async def _stop(asked: StopLoad, authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        hands = permitted(authorization)
        going = hands.going.get(asked.testId)
        if going is None:
            raise HTTPException(404, "그런 부하 테스트가 없습니다 there is no such load test in this process")

        async def stop() -> Page:
            going.stop = going.status == "running"
            return Page(200, {}, json.dumps({"testId": asked.testId, "status": going.status, "stopping": going.stop}))

        return await once(hands, asked, stop)

    return router


def _stamp(at: datetime) -> str:
    return at.strftime("%Y%m%d-%H%M%S")


async def _letter(service: Service, place: Place) -> dict[str, Any]:
    """A letter as the platform takes it back. 409 where it is not there any more (retention)."""
    found = await service.monitor.ports.kafka.messages("payment.dlq", place.partition, place.offset, 1)
    if not found or found[0].offset != place.offset:
        raise HTTPException(409, f"payment.dlq-{place.partition}@{place.offset} is not there any more")
    try:
        said = json.loads(found[0].value)
        return {name: said[name] for name in ("originalTopic", "partition", "offset", "payload")}
    except (ValueError, KeyError, TypeError):
        raise HTTPException(
            409, f"payment.dlq-{place.partition}@{place.offset} does not say where it came from"
        ) from None
