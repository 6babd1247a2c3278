from __future__ import annotations

import dataclasses
import math
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from dari.core.clock import KST
from dari.services.monitoring.adapters.in_process import ports_of
from dari.services.monitoring.api.shared import Service
from dari.services.monitoring.app import create_app
from dari.services.monitoring.metrics.catalogue import CATALOGUE, promql_of
from dari.services.monitoring.metrics.question import understood
from dari.services.monitoring.metrics.summary import POINTS, READ, SERIES, step_of, summarised
from dari.services.monitoring.monitor import Monitor
from dari.services.monitoring.ports import ProbeFailed, Row
from dari.services.payments.sandbox import Sandbox

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=KST)
DAY = NOW.replace(hour=0, minute=0)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "metric", "since", "until", "assumed"),
    [
        ("지난 1시간 HTTP 요청 수는?", "http_requests", NOW - HOUR, NOW, False),
        ("CPU 사용률 추이 보여줘", "cpu", NOW - HOUR, NOW, True),
        ("error rate last 30 minutes", "error_rate", NOW - HOUR / 2, NOW, False),
        ("어제 오류율", "error_rate", DAY - timedelta(days=1), DAY, False),
        ("Redis 메모리 사용량 오늘", "redis_memory", DAY, NOW, False),
        ("메모리 사용률", "memory", NOW - HOUR, NOW, True),
        ("p95 latency over time today", "http_p95", DAY, NOW, False),
        ("최근 10분 응답 시간 평균은?", "http_average", NOW - HOUR / 6, NOW, False),
        ("지난주 트래픽 어때?", "http_requests", DAY - timedelta(days=11), DAY - timedelta(days=4), False),
        ("what was the http latency in the last 2 hours?", "http_p95", NOW - 2 * HOUR, NOW, False),
    ],
)
def test_a_question_names_a_metric_and_a_window(
    text: str, metric: str, since: datetime, until: datetime, *, assumed: bool
) -> None:
    said = understood(text, NOW)
    assert said.problem is None, said
    assert said.metric is not None
    assert (said.metric.id, said.since, said.until, said.assumed_window) == (metric, since, until, assumed)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("서울 CPU 사용률", "words"), ("실패한 요청 수", "condition"), ("5만원 이상 요청 수", "condition"),
        ("달나라 수치", "metric"), ("CPU 사용률 메모리 사용률", "two_metrics"), ("내일 CPU 사용률", "window"),
        ("CPU 사용률 말고 메모리", "two_metrics"), ("not cpu usage", "words"), ("cpuset", "metric"),
    ],
)  # fmt: skip
def test_what_is_not_wholly_understood_is_asked_back(text: str, problem: str) -> None:
    assert understood(text, NOW).problem == problem


def test_every_name_is_one_metrics_alone_and_leads_to_it() -> None:
    names = [name.lower() for one in CATALOGUE for name in (*one.ko, *one.en)]
    assert len(names) == len(set(names))
    for one in CATALOGUE:
        for name in (*one.ko, *one.en):
            said = understood(f"{name} 지난 1시간", NOW)
            assert said.metric is one, name
        assert "{step}" not in promql_of(one)
        assert promql_of(one).count("{") == promql_of(one).count("}")


def series(count: int, values: list[float]) -> list[dict[str, Any]]:
    points = [[NOW.timestamp() + at, value] for at, value in enumerate(values)]
    return [{"labels": {"n": str(number)}, "points": [[at, v + number] for at, v in points]} for number in range(count)]


def test_figures_instead_of_points_and_the_cut_is_said() -> None:
    said = summarised(series(1, [float(n) for n in range(1, 101)]))["series"][0]
    assert {name: said[name] for name in ("min", "max", "avg", "p95", "last", "samples")} == {
        "min": 1.0, "max": 100.0, "avg": 50.5, "p95": 95.0, "last": 100.0, "samples": 100,
    }  # fmt: skip
    assert len(said["points"]) <= POINTS
    assert said["points"][-1][1] == 100.0
    many = summarised(series(SERIES + 5, [1.0, 2.0]))
    assert (len(many["series"]), many["total"], many["truncated"]) == (SERIES, SERIES + 5, True)
    assert many["series"][0]["labels"] == {"n": str(SERIES + 4)}
    assert summarised([{"labels": {}, "points": [[0.0, math.nan]]}])["series"] == []
    assert step_of(60) == 5
    assert 31 * 86_400 / step_of(31 * 86_400) <= READ


class Store:
    """A Prometheus that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def query_range(self, promql: str, since: datetime, until: datetime, step: float) -> list[Row]:
        del since, until, step
        self.asked.append(promql)
        if "((" in promql:
            raise ProbeFailed("prometheus", "bad_data", "unclosed")
        return [] if promql == "absent" else [*series(1, [1.0, 3.0])]


async def test_the_page_shows_its_promql_and_runs_nothing_it_did_not_understand() -> None:
    async with Sandbox(1) as sandbox:
        store = Store()
        ports = dataclasses.replace(ports_of(sandbox.app()), metrics=store)
        app = create_app(Service(monitor=Monitor(ports, sandbox.world_clock)), beat=False)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://m") as client:

            async def ask(**asked: str) -> dict[str, Any]:
                return dict((await client.get("/monitoring/metrics/query", params=asked)).json())

            said = await ask(question="지난 1시간 HTTP 요청 수는?")
            assert (said["status"], said["metric"], said["promql"]) == ("ok", "http_requests", store.asked[0])
            assert said["series"][0]["avg"] == 2.0
            assert (await ask(question="서울 날씨"))["status"] == "needs_clarification"
            assert (await ask())["problem"] == "either_question_or_promql"
            assert (await ask(question="CPU", promql="up"))["problem"] == "either_question_or_promql"
            assert len(store.asked) == 1
            assert (await ask(promql="absent"))["status"] == "no_data"
            assert (await ask(promql="rate(("))["problem"] == "promql"
            late = await ask(promql="up", since="2026-03-02T09:00:00+09:00", until="2026-03-01T09:00:00+09:00")
            assert late["problem"] == "window"
            other = await ask(question="지난 1시간 CPU", since="2026-03-02T03:21:00+09:00")
            assert other["problem"] == "conflict"  # the sentence and the parameter name two beginnings
            blind = Monitor(dataclasses.replace(ports, metrics=None), sandbox.world_clock)
            unknown = create_app(Service(monitor=blind), beat=False)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=unknown), base_url="http://m") as client:
            away = (await client.get("/monitoring/metrics/query", params={"question": "CPU"})).json()
            assert (away["status"], away["series"]) == ("unknown", [])
            assert away["promql"]
            assert "DARI_PAYMENTS_PROMETHEUS_URL" in away["reason"]
