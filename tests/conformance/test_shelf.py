"""Resources and prompts of a named server, read by the SDK's client over both fronts."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client, MCPError, StdioServerParameters

from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.serving.mcp_door import listening, web
from tests.conformance.suite import PYTHONPATH

SERVER = "kis-code"
PAGE = "kis://api/domestic_stock.inquire_price"


@asynccontextmanager
async def over_http(home: Path) -> AsyncIterator[Client]:
    async with Runtime(settings_of({"DARI_HOME": str(home)})) as runtime:
        named, dispatch = runtime.server(SERVER)
        front = web.front(
            SERVER, dispatch, runtime.caller(), version="0", instructions=named.about, shelf=named.shelf()
        )
        async with (
            listening.serving(web.web_app({SERVER: front}, root=front)) as address,
            Client(f"{address}/mcp") as client,
        ):
            yield client


@asynccontextmanager
async def over_stdio(home: Path) -> AsyncIterator[Client]:
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "DARI_HOME": str(home)}
    spawned = StdioServerParameters(command=sys.executable, args=["-m", "dari", "serve", SERVER], env=environment)
    async with Client(spawned) as client:
        yield client


@pytest.mark.parametrize("front", [over_http, over_stdio], ids=["http", "stdio"])
async def test_pages_and_prompts_are_read(front: object, tmp_path: Path) -> None:
    async with front(tmp_path) as client:  # type: ignore[operator] # one of the two above
        fixed = await client.list_resources()
        assert [str(one.uri) for one in fixed.resources] == ["kis://apis"]
        templates = await client.list_resource_templates()
        assert [one.uri_template for one in templates.resource_templates] == ["kis://api/{id}"]
        page = await client.read_resource(PAGE)
        assert "FHKST01010100" in page.contents[0].text
        with pytest.raises(MCPError, match="inquire_price"):
            await client.read_resource("kis://api/domestic_stock.inquire_prise")
        prompts = await client.list_prompts()
        assert [one.title for one in prompts.prompts] == ["자동매매 시작", "잔고 조회 앱 만들기"]
        told = await client.get_prompt("start_auto_trading", {"stock": "000660"})
        assert "000660" in told.messages[0].content.text
        with pytest.raises(MCPError, match="strategy"):
            await client.get_prompt("start_auto_trading", {"coin": "BTC"})
