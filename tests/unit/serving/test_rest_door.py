"""The REST door over a real socket and simulated upstreams: calls, refusals, the document's routes, streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator

from dari.app.runtime import Runtime
from dari.cli.gateway import gateway
from dari.core import progress
from dari.serving.mcp_door import listening
from dari.serving.rest_door import describing, replying
from dari.serving.rest_door.aliases import ALIASES
from dari.settings import resolve
from tests.support import MORNING, StillClock, settings

RANKING = "/api/v1/volume-ranking/get_volume_ranking"


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[tuple[httpx2.AsyncClient, Runtime]]:
    clock = StillClock(MORNING)
    clock.at = MORNING
    clock.advance(1.0)
    found = resolve(environment=settings(tmp_path, DARI_REACH="change", DARI_DEADLINE_SECONDS="300"), home=tmp_path)
    async with (
        Runtime(found, simulated=True, clock=clock) as runtime,
        listening.serving(gateway(runtime, ["volume-ranking", "naramarket"])) as address,
        httpx2.AsyncClient(base_url=address, timeout=20) as client,
    ):
        yield client, runtime


def events(text: str) -> list[dict[str, Any]]:
    told = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in lines:
            told.append({"id": lines["id"], "event": lines["event"], "data": json.loads(lines["data"])})
    return told


async def test_a_tool_answers_what_its_mcp_door_answers(asked: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, runtime = asked
    reply = await client.post(RANKING, json={"count": 3})
    assert reply.status_code == 200
    told = reply.json()
    assert len(told["ranking"]) == 3
    assert told["simulated"] is True
    assert told["provenance"][0]["provider"] == "kis"
    assert (await client.post(RANKING)).json()["ranking"][:3] == told["ranking"]
    assert runtime.metrics.tools["get_volume_ranking"].calls == 2


JSON = {"content-type": "application/json"}
REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    (RANKING, {"json": {"count": -1}}, 422, "invalid_input"),
    (RANKING, {"json": {"nobody": 1}}, 422, "invalid_input"),
    (RANKING, {"json": [1]}, 400, "unreadable"),
    (RANKING, {"content": b"{", "headers": JSON}, 400, "unreadable"),
    (RANKING, {"content": b'{"count": NaN}', "headers": JSON}, 400, "unreadable"),
    (RANKING, {"content": b'{"a": "\\ud800"}', "headers": JSON}, 400, "unreadable"),
    (RANKING, {"content": b'{"a": 1e999}', "headers": JSON}, 400, "unreadable"),
    (RANKING, {"content": b'{"a":' * 100_000, "headers": JSON}, 400, "unreadable"),
    (RANKING, {"json": json.loads("[" * 200 + "]" * 200) and {"a": json.loads('{"a":' * 99 + "1" + "}" * 99)}},
     400, "unreadable"),
    (RANKING, {"data": {"count": "1"}}, 415, "unreadable"),
    ("/api/v1/volume-ranking/no_such", {}, 404, "not_found"),
    ("/api/v1/no-such/get_volume_ranking", {}, 404, "not_found"),
    ("/api/v1/files/save", {"json": {"products": [], "filename": "../../etc/passwd"}}, 422, "invalid_input"),
]  # fmt: skip


async def test_what_is_refused_is_named(asked: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, _ = asked
    for path, send, status, code in REFUSED:
        reply = await client.post(path, **send)
        assert (reply.status_code, reply.json()["code"]) == (status, code), (path, send.keys(), reply.text)
        assert set(reply.json()) >= {"code", "message", "executed"}


async def test_the_documents_routes_answer(asked: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, _ = asked
    assert (await client.get("/api/v1/health")).json()["status"] == "ok"
    info = (await client.get("/api/v1/server/info")).json()
    assert info["operations"] == 237
    listed = await client.post("/api/v1/crawl/list", json={"category": "데스크톱컴퓨터"})
    assert listed.status_code == 200
    assert listed.json()["category"] == "데스크톱컴퓨터"
    saved = await client.post("/api/v1/files/save", json={"products": [{"a": 1}], "filename": "x.json"})
    assert saved.json()["count"] == 1
    found = await client.get("/api/v1/files/list", params={"pattern": "*.json"})
    assert found.json()["count"] == 1
    crawled = await client.post(
        "/api/v1/crawl/csv", json={"category": "데스크톱컴퓨터", "output_csv": "d/out.csv", "total_days": 2}
    )
    assert crawled.json()["success"] is True, crawled.text
    summary = await client.get("/api/v1/files/csv/d%2Fout.csv/summary", params={"max_rows_preview": 1})
    assert summary.status_code in {200, 404}
    merged = await client.post("/api/v1/files/merge", json={"input_pattern": "d/*.csv", "output_csv": "all.csv"})
    assert merged.json()["rows"] == crawled.json()["rows"]
    summary = await client.get("/api/v1/files/csv/all.csv/summary", params={"max_rows_preview": "1"})
    assert summary.json()["rows"] == crawled.json()["rows"]
    refused = await client.get("/api/v1/files/csv/all.csv/summary", params={"max_rows_preview": "many"})
    assert refused.status_code == 422


async def test_a_crawl_is_told_while_it_runs_and_gone_on_with(asked: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, _ = asked
    body = {"category": "데스크톱컴퓨터", "output_csv": "out.csv", "total_days": 40}
    reply = await client.post("/api/v1/crawl/csv/stream", json=body)
    assert reply.headers["content-type"].startswith("text/event-stream")
    told = events(reply.text)
    assert [told[0]["event"], told[-1]["event"]] == ["started", "done"]
    steps = [one["data"] for one in told if one["event"] == "progress"]
    assert any("windows_done" in one for one in steps)
    assert told[-1]["data"]["result"]["success"] is True
    again = await client.post("/api/v1/crawl/csv/stream", headers={"last-event-id": told[0]["id"]})
    assert events(again.text) == told[1:]
    job = told[0]["data"]["job"]
    standing = (await client.get(f"/api/v1/jobs/{job}")).json()
    assert (standing["state"], standing["kind"]) == ("done", "call")
    followed = await client.get(f"/api/v1/jobs/{job}/events", headers={"last-event-id": told[-2]["id"]})
    assert events(followed.text) == told[-1:]
    assert (await client.get("/api/v1/jobs/nobody")).status_code == 404
    assert (await client.delete("/api/v1/jobs/nobody")).status_code == 404
    assert (await client.get("/api/v1/crawl/nobody/events")).status_code == 404


async def test_any_tool_can_be_asked_as_a_stream_and_stopped(
    asked: tuple[httpx2.AsyncClient, Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, runtime = asked
    wrong = await client.post(RANKING, json={"count": -1}, headers={"accept": "text/event-stream"})
    last = events(wrong.text)[-1]
    assert (last["event"], last["data"]["status"], last["data"]["result"]["code"]) == ("error", 422, "invalid_input")
    stranger = {"accept": "text/event-stream", "last-event-id": "call-of-somebody.3"}
    assert events((await client.post(RANKING, json={"count": 1}, headers=stranger)).text)[-1]["event"] == "done"

    from dari.serving.dispatch import Dispatch  # noqa: PLC0415 -- replaced in this test only

    async def endless(*_: Any, **__: Any) -> None:
        progress.tell({"step": 1})
        await asyncio.sleep(60)

    monkeypatch.setattr(Dispatch, "call", endless)
    async with client.stream("POST", RANKING, headers={"accept": "text/event-stream"}) as reply:
        told = ""
        async for part in reply.aiter_text():
            told += part
            if "step" in told:
                job = events(told)[0]["data"]["job"]
                break
    stopped = (await client.delete(f"/api/v1/jobs/{job}")).json()
    assert stopped["state"] in {"running", "cancelled"}
    async for one in runtime.parts.jobs.events(job):
        last_name = one.name
    assert last_name == "cancelled"


async def test_the_pages_come_from_this_address_alone(asked: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, _ = asked
    for page in ("/docs", "/redoc"):
        told = (await client.get(page)).text
        assert "http" not in told.replace("<!doctype html>", "")
        for name in [part.split('"')[0] for part in told.split("/docs/assets/")[1:]]:
            packed = await client.get(f"/docs/assets/{name}")
            plain = await client.get(f"/docs/assets/{name}", headers={"accept-encoding": "identity"})
            assert packed.status_code == plain.status_code == 200
            assert packed.text == plain.text
    assert (await client.get("/docs/assets/none.js")).status_code == 404
    assert (await client.get("/docs/assets/..%2f..%2fdoor.py")).status_code == 404


async def test_the_document_says_all_tools_with_their_own_schemas(asked: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, runtime = asked
    told = (await client.get("/openapi.json")).json()
    assert told["openapi"] == "3.1.0"
    offered = {f"/api/v1/{name}/{tool}" for name in ("volume-ranking", "naramarket")
               for tool in runtime.server(name)[1].offered}  # fmt: skip
    assert set(told["paths"]) >= offered | {one.path for one in ALIASES}
    text = json.dumps(told)
    assert "#/$defs" not in text
    parts = told["components"]["schemas"]
    for schema in parts.values():
        Draft202012Validator.check_schema(schema)
    for ref in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        assert ref.removeprefix("#/components/schemas/") in parts
    ids = [one["operationId"] for path in told["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids))


def test_every_error_has_a_status_and_every_status_a_meaning() -> None:
    from dari.core.errors import DariError  # noqa: PLC0415 -- its whole tree is asked

    def codes(kind: type[DariError]) -> set[str]:
        return {kind.code} | {code for one in kind.__subclasses__() for code in codes(one)}

    missing = codes(DariError) - set(replying.STATUS) - {"dari_error"}
    assert not missing
    assert set(replying.STATUS.values()) <= set(describing.TOOL_STATUSES)
    assert set(describing.TOOL_STATUSES) <= set(replying.MEANINGS)


@pytest.mark.parametrize(("sessions", "status"), [("here", 400), ("none", 200)])
async def test_an_older_client_may_go_on_with_any_replica_where_no_sessions_are_kept(
    tmp_path: Path, sessions: str, status: int
) -> None:
    found = resolve(environment=settings(tmp_path, DARI_SESSIONS=sessions), home=tmp_path)
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
    async with (
        Runtime(found, simulated=True) as runtime,
        listening.serving(gateway(runtime, ["kis-code"])) as address,
        httpx2.AsyncClient(base_url=address, timeout=20) as client,
    ):
        reply = await client.post("/mcp", json=body, headers=headers)
        assert reply.status_code == status, reply.text
        assert (await client.get("/readyz")).json()["status"] == "ready"
        assert "dari_info" in (await client.get("/metrics")).text


async def test_a_crawl_begun_in_the_background_is_followed(asked: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, _ = asked
    begun = await client.post(
        "/api/v1/naramarket/start_crawl",
        json={"operation": "ShoppingMallPrdctInfoService.getShoppingMallPrdctInfoList", "start": "2026-11-16",
              "end": "2026-11-18", "filters": {"dtilPrdctClsfcNoNm": "데스크톱컴퓨터"}},
    )  # fmt: skip
    assert begun.status_code == 200, begun.text
    crawl = begun.json()["crawl"]["id"]
    told = events((await client.get(f"/api/v1/crawl/{crawl}/events")).text)
    assert told[-1]["event"] == "done", told
    again = await client.get(f"/api/v1/crawl/{crawl}/events", headers={"last-event-id": told[0]["id"]})
    assert events(again.text) == told[1:]
