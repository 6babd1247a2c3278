"""The monitoring service as an ASGI app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from dari.core.clock import Clock
from dari.services.monitoring.adapters.connect import Addresses, connect
from dari.services.monitoring.api import (
    breaker_pages,
    database_pages,
    kafka_pages,
    loadtest_pages,
    redis_pages,
    stats_pages,
    system_pages,
)
from dari.services.monitoring.api.shared import Service, failures
from dari.services.monitoring.monitor import Monitor

PORT = 8082


def serve_at(
    addresses: Addresses, clock: Clock, *, results: Path | None = None, operator_token: str | None = None
) -> FastAPI:
    """The app of a platform at these addresses: it connects here, samples while it lives, and lets go at its end.

    Raises MissingExtra when a client library is not installed.
    """
    ports, close = connect(addresses, clock)
    service = Service(monitor=Monitor(ports, clock), results=results, operator_token=operator_token)
    return create_app(service, close=close)


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
    for module in (breaker_pages, database_pages, redis_pages, kafka_pages, loadtest_pages, stats_pages, system_pages):
        app.include_router(module.pages(service))

    @app.get("/health")
    async def _health() -> dict[str, Any]:
        """The service itself: it lives even when everything it looks at is away."""
        return {"status": "UP", "samples": len(service.monitor.history)}

    return app
