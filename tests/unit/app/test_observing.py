"""`dari status`, `logs`, `audit`, and what a process leaves behind for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dari.app.exporting import exporter
from dari.app.observing import status
from dari.app.places import Places
from dari.app.runtime import Runtime
from dari.cli import observing
from dari.core import tracing
from dari.core.clock import SystemClock
from dari.core.errors import BadSetting, NotFound
from dari.serving.mcp_door import listening
from dari.settings import resolve
from tests.support import settings, simulated


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DARI_HOME", str(tmp_path / "home"))
    return tmp_path


async def test_what_was_asked_is_told_afterwards(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = here / "logs"
    async with simulated("volume-ranking", here, DARI_LOG_DIR=str(folder), DARI_ALERT_CONSOLE="1") as asker:
        await asker.answer("get_volume_ranking", count=2)
        await asker.answer("get_volume_ranking", count=2)
        await asker.outcome("get_volume_ranking", count=-1)
        asker.runtime.watched.alerts._turned("memory", 2.0, 1.0, firing=True)
        assert asker.runtime.watched.redis_well()
    assert "메모리" in capsys.readouterr().err
    # the world's clock stood still on a day of its own, so the counts are read as of then
    told = await status(Places.of(str(here / "home")), asker.clock)
    assert told["total_requests"] == 3
    assert told["tool_statistics"]["get_volume_ranking"]["errors"] == {"invalid_input": 1}
    await observing.status(as_json=True)
    assert set(json.loads(capsys.readouterr().out)) == {
        "total_requests", "average_response_time", "cache_hit_rate", "tool_statistics",
    }  # fmt: skip
    await observing.status(as_json=False)
    observing.logs(folder / "dari.log", as_json=True)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["api_call_stats"]["total_calls"] >= 1
    observing.logs(folder / "dari.log", as_json=False)
    assert "domestic_stock.volume_rank" in capsys.readouterr().out
    with pytest.raises(NotFound):
        observing.logs(folder / "none.log", as_json=True)


async def test_the_audit_is_verified_and_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with simulated("volume-ranking", here) as asker:
        await asker.answer("get_volume_ranking", count=2)
    assert observing.verify(as_json=False) == 0
    assert observing.verify(as_json=True) == 0
    observing.tail(5, as_json=False)
    assert "get_volume_ranking ok" in capsys.readouterr().out
    observing.tail(5, as_json=True)
    assert json.loads(capsys.readouterr().out)[0]["arguments"] == ["count"]
    path = next((here / "home" / "state" / "audit").glob("audit-*.jsonl"))
    path.write_text(path.read_text().replace('"ok"', '"no"'))
    assert observing.verify(as_json=False) == 1
    assert observing.verify(as_json=True) == 1
    assert "altered" in capsys.readouterr().out


async def test_traces_show_the_attempt_inside_the_tool(tmp_path: Path) -> None:
    kept = InMemorySpanExporter()
    hook, close = exporter("http://127.0.0.1:9/v1/traces", to=kept)
    with tracing.heard_by(hook):
        async with simulated("volume-ranking", tmp_path) as asker:
            await asker.answer("get_volume_ranking", count=2)
    close()
    spans = {one.name: one for one in kept.get_finished_spans()}
    outer = spans["tool"]
    inner = [one for one in kept.get_finished_spans() if one.name == "upstream"]
    assert {one.parent.span_id if one.parent else None for one in inner} == {outer.context.span_id}
    assert dict(outer.attributes or {}) == {
        "server": "volume-ranking", "tool": "get_volume_ranking", "effect": "READ",
    }  # fmt: skip
    assert "domestic_stock.volume_rank" in {dict(one.attributes or {})["endpoint"] for one in inner}


@pytest.mark.parametrize("name", ["DARI_ALERT_WEBHOOK", "DARI_ALERTMANAGER_URL", "DARI_TRACES_URL"])
async def test_an_address_that_is_none_stops_the_start(tmp_path: Path, name: str) -> None:
    found = resolve(environment=settings(tmp_path, **{name: "file:///etc/passwd"}), home=tmp_path)
    with pytest.raises(BadSetting):
        async with Runtime(found, clock=SystemClock()):
            pass


async def test_alerts_reach_a_webhook_and_alertmanager_and_addresses_are_checked(tmp_path: Path) -> None:
    heard: list[tuple[str, Any]] = []

    async def take(request: Request) -> Response:
        heard.append((request.url.path, await request.json()))
        return Response(status_code=200)

    app = Starlette(routes=[Route("/hook", take, methods=["POST"]), Route("/api/v2/alerts", take, methods=["POST"])])
    async with (
        listening.serving(app) as address,
        simulated(
            "volume-ranking",
            tmp_path,
            DARI_ALERT_WEBHOOK=f"{address}/hook",
            DARI_ALERTMANAGER_URL=address,
            DARI_TRACES_URL=f"{address}/v1/traces",
        ) as asker,
    ):
        asker.runtime.watched.alerts._turned("error_rate", 0.5, 0.05, firing=True)
        await asker.runtime.watched.alerts.settled()
        assert asker.runtime.watched.alerts.states()["error_rate"]
    assert {path for path, _ in heard} == {"/hook", "/api/v2/alerts"}
    assert dict(heard)["/hook"]["alert"] == "error_rate"
