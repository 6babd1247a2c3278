"""Prometheus' HTTP API."""

from __future__ import annotations

from datetime import datetime

import httpx2

from dari.services.monitoring.ports import ProbeFailed, Row


class PrometheusApi:
    """`query_range` of one Prometheus."""

    def __init__(self, url: str, *, deadline: float = 2.0) -> None:
        self._client = httpx2.AsyncClient(base_url=url, timeout=deadline)

    async def query_range(self, promql: str, since: datetime, until: datetime, step: float) -> list[Row]:
        """Series with their points. Raises ProbeFailed."""
        query: dict[str, str | float] = {
            "query": promql,
            "start": since.timestamp(),
            "end": until.timestamp(),
            "step": step,
        }
        try:
            reply = await self._client.get("/api/v1/query_range", params=query)
            said = reply.json()
        except httpx2.TimeoutException as error:
            raise ProbeFailed("prometheus", "Timeout", str(error)) from error
        except (httpx2.HTTPError, ValueError) as error:
            raise ProbeFailed("prometheus", type(error).__name__, str(error)) from error
        if said.get("status") != "success":
            raise ProbeFailed("prometheus", str(said.get("errorType", reply.status_code)), str(said.get("error", "")))
        return [
            {"labels": one["metric"], "points": [[float(at), float(value)] for at, value in one["values"]]}
            for one in said["data"]["result"]
        ]

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.aclose()
