"""The monitoring service as an ASGI app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

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

PORT = 8082


def create_app(service: Service, *, beat: bool = True) -> FastAPI:
    """The app of one service; with `beat` it samples while it lives, else its maker calls `monitor.sample`."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        if beat:
            await service.monitor.start()
        try:
            yield
        finally:
            await service.monitor.close()

    app = FastAPI(title="Payment monitoring", lifespan=life, docs_url=None, redoc_url=None)
    failures(app)
    for module in (breaker_pages, database_pages, redis_pages, kafka_pages, loadtest_pages, stats_pages, system_pages):
        app.include_router(module.pages(service))

    @app.get("/health")
    async def _health() -> dict[str, Any]:
        """The service itself: it lives even when everything it looks at is away."""
        return {"status": "UP", "samples": len(service.monitor.history)}

    return app
