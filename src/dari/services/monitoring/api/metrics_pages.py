"""/monitoring/metrics: one question or one PromQL, answered by figures; the PromQL is always shown."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from dari.services.monitoring.api.shared import Service, seoul
from dari.services.monitoring.metrics.catalogue import CATALOGUE, promql_of
from dari.services.monitoring.metrics.question import DEFAULT, understood
from dari.services.monitoring.metrics.summary import rate_window, step_of, summarised
from dari.services.monitoring.ports import ProbeFailed

LONGEST: Final = timedelta(days=31)
BAD: Final = "bad_data"
"""Prometheus' word for a query it cannot read."""
EXAMPLES: Final = ("지난 1시간 HTTP 요청 수는?", "CPU 사용률 추이 보여줘", "error rate last 30 minutes")
Ends = tuple[datetime | None, datetime | None]


def _ask_again(problem: str, leftover: tuple[str, ...]) -> dict[str, Any]:
    names = [{"id": one.id, "ko": one.ko[0], "en": one.en[0]} for one in CATALOGUE]
    told = {"problem": problem, "leftover": list(leftover)[:20], "metrics": names, "examples": list(EXAMPLES)}
    return {"status": "needs_clarification", **told}


def _disagree(given: Ends, told: Ends) -> bool:
    """Whether an end stands in the parameters and in the question, differently."""
    return any(one and other and one != other for one, other in zip(given, told, strict=True))


def pages(service: Service) -> APIRouter:
    """The router of /monitoring/metrics."""
    router = APIRouter(prefix="/monitoring/metrics")

    @router.get("/query")
    async def _query(
        question: Annotated[str | None, Query(max_length=300)] = None,
        promql: Annotated[str | None, Query(max_length=1000)] = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> dict[str, Any]:
        store = service.monitor.ports.metrics
        now = service.monitor.clock.now()
        begin, end, assumed = seoul(since), seoul(until), since is None
        unit, name, query = None, None, promql
        if (question is None) == (promql is None):
            return _ask_again("either_question_or_promql", ())
        if question is not None:
            read = understood(question, now)
            told = (None if read.assumed_window else read.since, None if read.until == now else read.until)
            problem = read.problem or ("conflict" if _disagree((begin, end), told) else None)
            if problem is not None or read.metric is None:
                return _ask_again(problem or "metric", read.leftover)
            begin, end = begin or told[0], end or told[1]
            assumed = read.assumed_window and since is None
            unit, name = read.metric.unit, read.metric.id
        end = end or now
        begin = begin or end - DEFAULT
        seconds = (end - begin).total_seconds()
        if not 0 < seconds <= LONGEST.total_seconds():
            return _ask_again("window", ())
        if query is None:
            query = promql_of(next(one for one in CATALOGUE if one.id == name), rate_window(seconds))
        said = {"metric": name, "unit": unit, "promql": query, "step_seconds": step_of(seconds)}
        said |= {"since": begin.isoformat(), "until": end.isoformat(), "assumed_window": assumed}
        if store is None:  # what was understood is worth telling: it can be asked of any Prometheus
            return {"status": "unknown", "reason": "DARI_PAYMENTS_PROMETHEUS_URL is empty", **said, **summarised([])}
        try:
            found = await store.query_range(query, begin, end, step_of(seconds))
        except ProbeFailed as failed:
            if failed.error_class != BAD:
                raise
            return {**_ask_again("promql", (failed.message,)), "promql": query}
        return {"status": "ok" if found else "no_data", **said, **summarised(found)}

    return router
