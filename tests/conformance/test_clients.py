"""Clients of other hands list our tools and call them, over HTTP and stdio, in both eras of the protocol."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client as FastClient
from fastmcp.client.transports import StdioTransport
from mcp import Client, StdioServerParameters

from tests.conformance.suite import HERE, MODULES, PYTHONPATH, SERVER, node

pytestmark = pytest.mark.xdist_group("other hands")

OURS = {"test_simple_text", "test_error_handling", "test_custom_headers", "get_quote", "add"}
QUOTE = {"code": "005930", "price": 70_000, "currency": "KRW", "provenance": [], "gaps": []}
ERAS = {"legacy": "2025-11-25", "modern": "2026-07-28"}
INSPECTOR = MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"


# ---- TypeScript SDK


@pytest.mark.needs("node")
def test_typescript_clients(address: str, tmp_path: Path) -> None:
    done = node(str(HERE / "clients.mjs"), f"{address}/mcp", sys.executable, *SERVER, "stdio", home=tmp_path)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    names = ["v2 http default", "v2 http auto", "v2 http 2026-07-28", "v2 stdio auto", "v2 stdio default"]
    assert [one["name"] for one in told] == [*names, "v1 http", "v1 stdio"], done.stderr[-2000:]
    for one in told:
        assert "failed" not in one, one
        assert set(one["tools"]) >= OURS, one
        assert one["quote"] == QUOTE, one
        assert one["refused"] == [True, "invalid_input"], one
        assert one["lost"] == [True, "not_found"], one
    spoken = {one["name"]: one["protocol"] for one in told}
    assert spoken["v2 http 2026-07-28"] == "2026-07-28"
    assert spoken["v2 stdio auto"] == "2026-07-28"


# ---- MCP Inspector


def inspected(where: list[str], era: str, *words: str, home: Path) -> tuple[int, Any, str]:
    arguments = (str(INSPECTOR), "--cli", "--format", "json", "-q", *where, "--protocol-era", era, *words)
    done = node(*arguments, home=home)
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def places(address: str) -> dict[str, list[str]]:
    return {
        "http": ["--server-url", f"{address}/mcp", "--transport", "http"],
        "stdio": [sys.executable, *SERVER, "stdio", "-e", f"PYTHONPATH={PYTHONPATH}"],
    }


@pytest.mark.needs("node")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("door", ["http", "stdio"])
def test_inspector(address: str, tmp_path: Path, door: str, era: str) -> None:
    where = places(address)[door]
    code, told, warned = inspected(where, era, "--method", "tools/list", "--strict", home=tmp_path)
    assert (code, told is not None) == (0, True), warned
    assert {tool["name"] for tool in told["result"]["tools"]} >= OURS
    warnings = [line for line in warned.splitlines() if line.startswith(("Warning:", "Error:"))]
    assert [line for line in warnings if any(f'"{name}"' in line for name in OURS)] == [], warned

    call = ("--method", "tools/call", "--tool-name", "get_quote", "--tool-arg")
    code, told, warned = inspected(where, era, *call, "code=005930", home=tmp_path)
    assert (code, told["result"]["structuredContent"]) == (0, QUOTE), warned
    code, told, _ = inspected(where, era, *call, "code=abc", home=tmp_path)
    assert code == 5, told
    assert told["result"]["structuredContent"]["code"] == "invalid_input"


# ---- Python SDK and FastMCP


def stdio_parameters() -> dict[str, Any]:
    env = os.environ | {"PYTHONPATH": PYTHONPATH}
    return {"command": sys.executable, "args": [*SERVER, "stdio"], "env": env}


@pytest.mark.parametrize("era", ["auto", "legacy"])
@pytest.mark.parametrize("door", ["http", "stdio"])
async def test_python_sdk(address: str, door: str, era: Any) -> None:
    server = f"{address}/mcp" if door == "http" else StdioServerParameters(**stdio_parameters())
    async with Client(server, mode=era) as client:
        assert client.protocol_version == ("2025-11-25" if era == "legacy" else "2026-07-28")
        assert {tool.name for tool in (await client.list_tools()).tools} >= OURS
        assert (await client.call_tool("get_quote", {"code": "005930"})).structured_content == QUOTE
        refused = await client.call_tool("get_quote", {"code": "005930", "cod": "1"})
        assert refused.is_error
        assert refused.structured_content
        assert refused.structured_content["code"] == "invalid_input"


@pytest.mark.parametrize("era", ["auto", "legacy"])
@pytest.mark.parametrize("door", ["http", "stdio"])
async def test_fastmcp_client(address: str, door: str, era: Any) -> None:
    server: Any = f"{address}/mcp" if door == "http" else StdioTransport(**stdio_parameters())
    async with FastClient(server, mode=era) as client:
        assert {tool.name for tool in await client.list_tools()} >= OURS
        assert (await client.call_tool("get_quote", {"code": "005930"})).structured_content == QUOTE
        refused = await client.call_tool("get_quote", {"code": "abc"}, raise_on_error=False)
        assert refused.is_error
