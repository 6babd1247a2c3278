"""The monitoring service as an ASGI app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from dari.core.clock import Clock
from dari.services.monitoring.adapters import k6_runner
from dari.services.monitoring.adapters.connect import Addresses, connect
from dari.services.monitoring.adapters.operator_hands import hands_of, operator_client, runners_of
from dari.services.monitoring.api import (
    breaker_pages,
    database_pages,
    kafka_pages,
    loadtest_pages,
    metrics_pages,
    operator_pages,
    redis_pages,
    stats_pages,
    system_pages,
)
from dari.services.monitoring.api.shared import Service, failures
from dari.services.monitoring.monitor import Monitor
from dari.services.monitoring.operating import Journal, Operator

PORT = 8082
SANDBOX_HEADER = (b"x-dari-simulator", b"payments")


class _SaysSo:
    """Every reply about a platform in a process of Dari's own says that it is one."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def marked(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), SANDBOX_HEADER]}
            await send(message)

        await self._app(scope, receive, marked)


def serve_at(
    addresses: Addresses,
    clock: Clock,
    *,
    results: Path | None = None,
    operator_token: str | None = None,
    targets: tuple[str, ...] = (),
    journal: Path | None = None,
) -> FastAPI:
    """The app of a platform at these addresses: it connects here, samples while it lives, and lets go at its end.

    With `operator_token` it does what applied plans ask for: load goes to `targets` only, `journal` keeps every act.
    Raises MissingExtra when a client library is not installed.
    """
    ports, close = connect(addresses, clock)
    client = operator_client(addresses.platform)
    operator = (
        Operator(
            token=operator_token,
            platform=hands_of(client),
            runners=runners_of(k6_runner.program()),
            targets=targets,
            journal=Journal(journal),
        )
        if operator_token
        else None
    )
    service = Service(
        monitor=Monitor(ports, clock),
        results=results,
        operator_token=operator_token,
        operator=operator,
        sandbox=not (addresses.database or addresses.redis or addresses.kafka),
    )

    async def closing() -> None:
        await client.aclose()
        await close()

    return create_app(service, close=closing)


def create_app(service: Service, *, beat: bool = True, close: Callable[[], Awaitable[None]] | None = None) -> FastAPI:
    """The app of one service; with `beat` it samples while it lives, else its maker calls `monitor.sample`."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        if beat:
            await service.monitor.start()
        try:
            yield
        finally:
            await service.monitor.close()
            if close is not None:
                await close()

    app = FastAPI(title="Payment monitoring", lifespan=life, docs_url=None, redoc_url=None)
    failures(app)
    for module in (
        breaker_pages,
        database_pages,
        redis_pages,
        kafka_pages,
        loadtest_pages,
        stats_pages,
        system_pages,
        metrics_pages,
    ):
        app.include_router(module.pages(service))
    app.include_router(operator_pages.pages(service))
    if service.sandbox:
        app.add_middleware(_SaysSo)

    @app.get("/health")
    async def _health() -> dict[str, Any]:
        """The service itself: it lives even when everything it looks at is away."""
        return {"status": "UP", "samples": len(service.monitor.history)}

    return app
