"""The floor: a bare low-level server of the SDK with one tool and a ready answer, to measure ourselves against."""

from __future__ import annotations

from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server


def bare_server(tool: dict[str, Any], structured: dict[str, Any], text: str) -> Server[Any]:
    """A server as the SDK's documentation shows it, answering `tool` with the same content each time."""
    declared = types.Tool.model_validate(tool)

    async def list_tools(
        _: ServerRequestContext[Any, Any], __: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[declared])

    async def call_tool(_: ServerRequestContext[Any, Any], __: types.CallToolRequestParams) -> types.CallToolResult:
        content: list[types.ContentBlock] = [types.TextContent(type="text", text=text)]
        return types.CallToolResult(content=content, structured_content=structured)

    def schema(name: str) -> dict[str, Any] | None:
        return declared.input_schema if name == declared.name else None

    return Server("bare", version="1", on_list_tools=list_tools, on_call_tool=call_tool, get_tool_input_schema=schema)


def bare_web_app(server: Server[Any]) -> Any:
    """The SDK's own HTTP app over it."""
    return server.streamable_http_app(json_response=True)


async def bare_stdio(server: Server[Any]) -> None:
    """The SDK's own stdio loop over it."""
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())
