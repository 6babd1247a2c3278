"""What machines ask to see whether we are well: /readyz and /metrics."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dari.core.secret import Secret
from dari.serving.exposing import KIND, exposed
from dari.serving.metrics import Metrics
from dari.serving.rest_door.replying import document
from dari.serving.watching import Watch

PATHS = frozenset({"/readyz", "/metrics"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """The routes. `open_metrics`: without sign-in; else `token` opens them, and an empty one leaves them closed.

    `checks` are asked by /readyz: a name, and whether that part is as it should be. A part that is not well does not
    make us unready where we go on without it (`needed` says which ones do).
    """

    metrics: Metrics
    alerts: Watch
    version: str
    open_metrics: bool
    token: Secret
    checks: dict[str, Callable[[], bool]]
    needed: frozenset[str] = frozenset()

    def routes(self) -> list[BaseRoute]:
        """Both."""
        return [Route("/readyz", self._ready), Route("/metrics", self._metrics)]

    async def _ready(self, _: Request) -> Response:
        found = {name: check() for name, check in self.checks.items()}
        ready = all(well for name, well in found.items() if name in self.needed)
        told = {name: "ok" if well else "degraded" for name, well in found.items()}
        return document({"status": "ready" if ready else "not_ready", "checks": told}, 200 if ready else 503)

    async def _metrics(self, request: Request) -> Response:
        if not self.open_metrics:
            kind, _, given = request.headers.get("authorization", "").partition(" ")
            right = kind.lower() == "bearer" and hmac.compare_digest(given.encode(), self.token.reveal().encode())
            if not self.token or not right:
                return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        told = exposed(self.metrics, firing=self.alerts.states(), version=self.version)
        return Response(told, media_type=KIND)
