"""The process watches itself: thresholds of the document, who is told, what /metrics and /readyz say."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from dari.core.clock import KST, ManualClock
from dari.core.events import Event
from dari.core.secret import Secret
from dari.serving import resident
from dari.serving.exposing import exposed
from dari.serving.metrics import RECENT, Finished, Metrics, found_in, summed
from dari.serving.rest_door import Watching
from dari.serving.watching import (
    TEXTS,
    Alert,
    Thresholds,
    Watch,
    judged,
    to_alertmanager,
    to_log,
    to_webhook,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
WELL = Finished(0.01, cached=True, error=None)


def names(calls: list[Finished], memory: int | None = None) -> set[str]:
    return {name for name, *_, passed in judged(calls, memory, Thresholds()) if passed}


@pytest.mark.parametrize(
    ("calls", "memory", "passed"),
    [
        ([WELL] * 100, 10, set()),
        ([WELL._replace(seconds=2.01)] * 100, None, {"response_time"}),
        ([WELL._replace(seconds=2.0)] * 100, None, set()),
        ([WELL] * 94 + [WELL._replace(error="unreachable")] * 6, None, {"error_rate"}),
        ([WELL] * 95 + [WELL._replace(error="unreachable")] * 5, None, set()),
        ([WELL] * 50 + [WELL._replace(error="invalid_input")] * 50, None, set()),
        ([WELL] * 69 + [WELL._replace(cached=False)] * 31, None, {"cache_hit_rate"}),
        ([WELL] * 70 + [WELL._replace(cached=False)] * 30, None, set()),
        ([WELL] * 99 + [WELL._replace(findings=51)], None, {"unusual_volume"}),
        ([WELL] * 100, 2 * 1024**3, {"memory"}),
    ],
)
def test_thresholds_are_the_documents(calls: list[Finished], memory: int | None, passed: set[str]) -> None:
    assert names(calls, memory) == passed
    assert set(TEXTS) == {one[0] for one in judged(calls, 1, Thresholds())}


def called(metrics: Metrics, times: int, **how: Any) -> None:
    for _ in range(times):
        metrics.called("t", how.get("seconds", 0.01), cached=how.get("cached", True), error=how.get("error"))


async def test_an_alert_is_told_once_when_it_begins_and_once_when_it_ends() -> None:
    metrics, told = Metrics(), list[Alert]()

    async def sink(alert: Alert) -> None:
        told.append(alert)

    async def dead(_: Alert) -> None:
        raise ConnectionError("https://hooks.example/secret-path")

    roomy = Thresholds(memory_bytes=1 << 40)  # how large the tests' own process has grown is not the question
    watch = Watch(metrics, ManualClock(NOON), roomy, sinks=[dead, sink, to_log])
    metrics.watchers.append(watch.look)
    called(metrics, RECENT - 1, seconds=9.0)
    assert not told
    called(metrics, 30, seconds=9.0)
    await watch.settled()
    assert [(one.name, one.firing) for one in told] == [("response_time", True)]
    assert watch.states()["response_time"]
    called(metrics, 120)
    await watch.settled()
    assert [(one.name, one.firing) for one in told] == [("response_time", True), ("response_time", False)]
    assert not any(watch.states().values())


async def test_a_webhook_and_alertmanager_are_told_in_their_own_words(caplog: pytest.LogCaptureFixture) -> None:
    posted: list[tuple[str, Any]] = []

    async def post(url: str, told: Any) -> int:
        posted.append((url, told))
        return 200 if "fine" in url else 500

    alert = Alert("error_rate", firing=True, value=0.5, limit=0.05, at=NOON, text="에러율")
    await to_webhook("https://fine", post)(alert)
    await to_alertmanager("https://fine/", post, instance="here")(alert)
    assert posted[0][1] == {
        "alert": "error_rate", "status": "firing", "value": 0.5, "limit": 0.05, "at": NOON.isoformat(),
        "text": "에러율",
    }  # fmt: skip
    assert posted[1][0] == "https://fine/api/v2/alerts"
    assert posted[1][1][0]["labels"]["alertname"] == "dari_error_rate"
    assert "startsAt" in posted[1][1][0]
    with pytest.raises(ConnectionError):
        await to_webhook("https://dead/token-in-path", post)(alert)
    watch = Watch(Metrics(), ManualClock(NOON), sinks=[to_webhook("https://dead/token-in-path", post)])
    watch._turned("memory", 2.0, 1.0, firing=True)
    await watch.settled()
    assert "not delivered" in caplog.text
    assert "token-in-path" not in caplog.text


def test_what_several_processes_counted_is_one_summary() -> None:
    one, two = Metrics(), Metrics()
    called(one, 3, seconds=1.0)
    called(two, 1, seconds=3.0, cached=False, error="refused")
    told = summed([one.counts(), two.counts(), {}])
    assert told["total_requests"] == 4
    assert told["average_response_time"] == 1.5
    assert told["cache_hit_rate"] == 75.0
    assert told["tool_statistics"]["t"] == {
        "count": 4, "average_time": 1.5, "cache_hit_rate": 75.0, "errors": {"refused": 1},
    }  # fmt: skip
    assert summed([])["average_response_time"] == 0.0


def test_findings_are_the_issues_an_answer_names(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert found_in({"unusual_stocks": [{"name": "삼성전자"}, 3]}) == 2
    assert "Unusual volume detected: 삼성전자" in caplog.text
    assert found_in({"ranking": []}) == 0


def test_memory_is_told_where_the_machine_tells_it(tmp_path: Path) -> None:
    assert resident.resident_bytes(tmp_path / "none") is None
    (tmp_path / "odd").write_text("Name: x\n")
    assert resident.resident_bytes(tmp_path / "odd") is None
    (tmp_path / "status").write_text("Name: x\nVmRSS:\t 2048 kB\n")
    assert resident.resident_bytes(tmp_path / "status") == 2 * 1024 * 1024


def counted() -> Metrics:
    metrics = Metrics()
    called(metrics, 3, seconds=0.3)
    called(metrics, 2, seconds=99.0, cached=False, error="unreachable")
    metrics.called('odd"\n\\', 0.1, cached=False, error=None, findings=4)
    metrics.heard(Event("cache.hit"))
    return metrics


def test_the_figures_are_what_was_counted() -> None:
    told = exposed(counted(), firing={"memory": True}, version="1").splitlines()
    assert 'dari_tool_calls_total{tool="t"} 5' in told
    assert 'dari_tool_errors_total{tool="t",code="unreachable"} 2' in told
    assert 'dari_tool_seconds_bucket{tool="t",le="0.25"} 0' in told
    assert 'dari_tool_seconds_bucket{tool="t",le="0.5"} 3' in told
    assert 'dari_tool_seconds_bucket{tool="t",le="+Inf"} 5' in told
    assert 'dari_tool_calls_total{tool="odd\\"\\n\\\\"} 1' in told
    assert 'dari_alert_firing{alert="memory"} 1' in told
    assert "dari_unusual_volumes_total 4" in told


@pytest.mark.needs("prometheus")
def test_prometheus_reads_the_figures() -> None:
    promtool = shutil.which("promtool")
    assert promtool
    told = exposed(counted(), firing={"memory": False}, version="1")
    checked = subprocess.run([promtool, "check", "metrics"], input=told, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("opened", "token", "sent", "status"),
    [
        (True, "", "", 200),
        (False, "", "", 401),
        (False, "", "Bearer ", 401),
        (False, "right", "Bearer wrong", 401),
        (False, "right", "Basic right", 401),
        (False, "right", "Bearer right", 200),
    ],
)
async def test_metrics_are_closed_where_sign_in_is_on(opened: bool, token: str, sent: str, status: int) -> None:  # noqa: FBT001 -- a column of the table above
    watching = Watching(
        metrics=Metrics(), alerts=Watch(Metrics(), ManualClock(NOON)), version="1", open_metrics=opened,
        token=Secret(token), checks={"redis": lambda: False, "disk": lambda: opened}, needed=frozenset({"disk"}),
    )  # fmt: skip
    app = Starlette(routes=watching.routes())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://t") as client:
        assert (await client.get("/metrics", headers={"authorization": sent})).status_code == status
        ready = await client.get("/readyz")
    assert ready.status_code == (200 if opened else 503)
    assert ready.json()["checks"]["redis"] == "degraded"
