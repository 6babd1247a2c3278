"""What every page needs: the monitor, the application's time, and how a part that is away is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from dari.core.clock import KST
from dari.services.monitoring.monitor import Monitor
from dari.services.monitoring.operating import Operator
from dari.services.monitoring.ports import ProbeFailed
from dari.services.monitoring.probes.snapshot import Snapshot, moment

TEXT_LIMIT: Final = 200
"""How much of a stranger's text one field carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One monitoring service. `results` is the folder of load-test summaries; `operator_token` lets DELETE through.

    `operator` does what applied plans ask for (None: nothing). `sandbox`: the platform lives in a process of Dari's
    own, and every reply says so.
    """

    monitor: Monitor
    results: Path | None = None
    operator_token: str | None = field(default=None, repr=False)
    operator: Operator | None = None
    sandbox: bool = False


def failures(app: FastAPI) -> None:
    """A part that is away is 503 `{error: true, component, errorClass, message}`: no empty list, never healthy."""

    @app.exception_handler(ProbeFailed)
    async def _away(_: Request, failed: ProbeFailed) -> JSONResponse:
        said = {
            "error": True,
            "status": "unknown",
            "component": failed.component,
            "errorClass": failed.error_class,
            "message": f"{failed.component} 확인 불가 unknown: {failed.error_class}",
            "retryable": True,
        }
        return JSONResponse(said, 503)


def need(snapshot: Snapshot, probe: str) -> None:
    """Raise ProbeFailed if that probe of a snapshot failed."""
    found = snapshot.failures.get(probe)
    if found:
        raise ProbeFailed(probe.split(".", 1)[0], *found)


def clean(text: Any, limit: int = TEXT_LIMIT) -> str:
    """A stranger's text: no control characters, capped."""
    said = "".join(sign if sign.isprintable() else " " for sign in str(text))
    return said if len(said) <= limit else said[: limit - 1] + "…"


def at(value: Any) -> str | None:
    """A column's time in ISO 8601 with +09:00."""
    found = moment(value)
    return found.isoformat(timespec="milliseconds") if found else None


def rows(found: Sequence[Mapping[str, Any]], *times: str) -> list[dict[str, Any]]:
    """Rows as JSON: times with their zone, amounts as integers."""
    out = []
    for row in found:
        said = dict(row)
        for name in times:
            if name in said:
                said[name] = at(said[name])
        for name, value in said.items():
            if "amount" in name and value is not None:
                said[name] = int(value)
        out.append(said)
    return out


def seoul(at: datetime | None) -> datetime | None:
    """A moment a caller gave; one without a zone is Seoul's."""
    return at if at is None or at.tzinfo else at.replace(tzinfo=KST)


async def app_now(service: Service) -> datetime:
    """The application's own time, in which its columns are written; ours when it does not answer."""
    try:
        page = await service.monitor.ports.platform.get("/actuator/info")
    except ProbeFailed:
        return service.monitor.clock.now()
    import json  # noqa: PLC0415 — loaded only when it is needed

    try:
        return moment(json.loads(page.text)["time"]) or service.monitor.clock.now()
    except (ValueError, KeyError):
        return service.monitor.clock.now()
