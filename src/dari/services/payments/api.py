"""The platform's HTTP face (port 8090): the payment API as Payment_SWElite speaks it, and the operator's pages."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel

from dari.services.payments.assembly import PaymentPlatform
from dari.services.payments.dead_letters import migrate
from dari.services.payments.ledger import instant
from dari.services.payments.operations import replay, republish
from dari.services.payments.ports import KeyValueError, StoreError
from dari.services.payments.replies import AuthorizeRequest, CaptureRequest, RefundRequest, Reply
from dari.services.payments.short_way import ShortWay
from dari.services.payments.workers import REFUND, SETTLEMENT


class EventIds(BaseModel):
    """Outbox events to send again."""

    eventIds: list[int]  # noqa: N815 — the wire's spelling


class Counter(BaseModel):
    """A rate limit's counter."""

    merchantId: str  # noqa: N815 — the wire's spelling
    action: str


class Letter(BaseModel):
    """A dead letter, as far as its replay needs it."""

    originalTopic: str  # noqa: N815 — the wire's spelling
    partition: int
    offset: int
    payload: str


class Letters(BaseModel):
    """Dead letters to replay."""

    letters: list[Letter]


def _answer(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers), "application/json")


def create_app(platform: PaymentPlatform) -> FastAPI:
    """The ASGI app of one platform; it starts nothing by itself."""
    app = FastAPI(title="Payment platform", openapi_url="/openapi.json", docs_url=None, redoc_url=None)
    app.add_middleware(ShortWay, platform=platform)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, _: Exception) -> JSONResponse:
        uri = getattr(request.scope.get("route"), "path", "UNKNOWN").replace("{payment_id}", "{paymentId}")
        platform.metrics.http.labels("POST", uri, "400").observe(0.0)
        at = instant(platform.clock.now())
        return JSONResponse({"timestamp": at, "status": 400, "error": "Bad Request", "path": request.url.path}, 400)

    @app.post("/payments/authorize")
    async def _authorize(request: AuthorizeRequest) -> Response:
        return _answer(await platform.ingest.authorize(request))

    @app.post("/payments/capture/{payment_id}")
    async def _capture(payment_id: int, request: CaptureRequest) -> Response:
        return _answer(await platform.ingest.capture(payment_id, request))

    @app.post("/payments/refund/{payment_id}")
    async def _refund(payment_id: int, request: RefundRequest) -> Response:
        return _answer(await platform.ingest.refund(payment_id, request))

    _operator_pages(app, platform)
    _admin_pages(app, platform)
    return app


def _operator_pages(app: FastAPI, platform: PaymentPlatform) -> None:
    @app.get("/circuit-breaker/status")
    async def _status() -> dict[str, Any]:
        return platform.breakers["kafka-publisher"].snapshot()

    @app.get("/circuit-breaker/{name}")
    async def _breaker(name: str) -> Response:
        found = platform.breakers.get(name)
        if found is None:
            return JSONResponse({"error": "NOT_FOUND", "message": f"no circuit breaker {name!r}"}, 404)
        return JSONResponse(found.snapshot())

    @app.get("/actuator/health")
    async def _health() -> Response:
        try:
            await platform.database.rows("SELECT 1 AS one")
        except StoreError as error:
            return JSONResponse({"status": "DOWN", "components": {"db": {"status": "DOWN", "error": error.kind}}}, 503)
        return JSONResponse({"status": "UP"})

    @app.get("/actuator/info")
    async def _info() -> dict[str, Any]:
        return platform.info()

    @app.get("/actuator/prometheus")
    async def _prometheus() -> Response:
        return PlainTextResponse(platform.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/actuator/circuitbreakerevents")
    async def _events() -> dict[str, Any]:
        kept = {id(event): event for breaker in platform.breakers.values() for event in breaker.kept()}
        said = [event.as_dict() for event in sorted(kept.values(), key=lambda event: event.at)]
        return {"circuitBreakerEvents": said}


def _admin_pages(app: FastAPI, platform: PaymentPlatform) -> None:
    @app.post("/admin/settlement/migrate-dlq")
    async def _migrate_settlements() -> dict[str, Any]:
        return await migrate(platform.database, platform.clock, platform.settings, SETTLEMENT)

    @app.post("/admin/refund/migrate-dlq")
    async def _migrate_refunds() -> dict[str, Any]:
        return await migrate(platform.database, platform.clock, platform.settings, REFUND)

    @app.post("/admin/rate-limit/clear")
    async def _clear(asked: Counter) -> Response:
        key = f"rate:{asked.action}:{asked.merchantId}"
        try:
            before = await platform.keys.get(key)
            await platform.keys.delete(key)
        except KeyValueError as error:
            return JSONResponse({"error": "REDIS_UNAVAILABLE", "message": error.kind}, 503)
        return JSONResponse({"key": key, "cleared": int(before or 0)})

    @app.post("/admin/outbox/republish")
    async def _republish(asked: EventIds) -> dict[str, Any]:
        return await republish(platform, asked.eventIds)

    @app.post("/admin/dlq/replay")
    async def _replay(asked: Letters) -> dict[str, Any]:
        return await replay(platform, [letter.model_dump() for letter in asked.letters])

    @app.post("/admin/circuit-breaker/{name}/reset")
    async def _reset(name: str) -> Response:
        found = platform.breakers.get(name)
        if found is None:
            return JSONResponse({"error": "NOT_FOUND", "message": f"no circuit breaker {name!r}"}, 404)
        found.reset()
        return JSONResponse(found.snapshot())
