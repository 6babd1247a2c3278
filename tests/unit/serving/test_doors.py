"""Both fronts and the floor they are measured against, asked by the SDK's own client in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.shared.memory import create_client_server_memory_streams

from dari.app.runtime import Runtime
from dari.cli.gateway import gateway
from dari.serving.mcp_door import asking, bare, listening, stdio
from dari.serving.schemas import listed
from dari.settings import resolve
from tests.support import settings

ASKED = {"count": 2, "include_details": False}


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime(resolve(environment=settings(tmp_path), home=tmp_path), simulated=True) as one:
        yield one


async def test_the_gateway_serves_each_server_and_their_union(runtime: Runtime) -> None:
    async with listening.serving(gateway(runtime, ["volume-ranking", "kis-code"])) as address:
        _, told = await asking.ask(f"{address}/volume-ranking/mcp", "get_volume_ranking", ASKED)
        assert len(told["ranking"]) == 2
        arguments = {"name": "volume-ranking__get_volume_ranking", "arguments": ASKED}
        text, through = await asking.ask(f"{address}/mcp", "call_tool", arguments)
        assert len(through["ranking"]) == 2
        assert text.startswith("[모의 데이터")
        async with Client(f"{address}/mcp") as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == [
                "search_tools", "describe_tool", "call_tool", "show_policy",
            ]  # fmt: skip


async def test_one_server_alone_is_also_at_the_root(runtime: Runtime) -> None:
    async with listening.serving(gateway(runtime, ["volume-ranking"])) as address:
        async with Client(f"{address}/mcp") as client:
            wrong = await client.call_tool("get_volume_ranking", {"count": 99})
        assert wrong.is_error is True


async def test_stdio_answers_until_the_client_leaves(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    named, dispatch = runtime.server("volume-ranking")
    async with create_client_server_memory_streams() as (ours, theirs):

        @asynccontextmanager
        async def streams() -> AsyncIterator[Any]:
            yield theirs

        monkeypatch.setattr(stdio, "stdio_server", streams)
        serving = asyncio.create_task(
            stdio.serve("volume-ranking", dispatch, runtime.caller(), version="1", instructions=named.about)
        )

        @asynccontextmanager
        async def transport() -> AsyncIterator[Any]:
            yield ours

        async with Client(transport()) as client:
            result = await client.call_tool("get_volume_ranking", ASKED)
            assert len((result.structured_content or {})["ranking"]) == 2
    await asyncio.wait_for(serving, 5)


async def test_the_floor_gives_its_ready_answer(runtime: Runtime) -> None:
    _, dispatch = runtime.server("volume-ranking")
    tool = listed(dispatch.offered["get_volume_ranking"].tool)
    server = bare.bare_server(tool, {"ranking": [{"rank": 1}]}, "one")
    async with listening.serving(bare.bare_web_app(server)) as address:
        async with Client(f"{address}/mcp") as client:
            assert len((await client.list_tools()).tools) == 1
        assert await asking.ask(f"{address}/mcp", "get_volume_ranking", {}) == ("one", {"ranking": [{"rank": 1}]})
    assert server.get_tool_input_schema is not None
    assert server.get_tool_input_schema("another") is None
