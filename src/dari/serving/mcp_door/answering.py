"""What both fronts say: the list of tools, and an Outcome as a tool result. Plain dicts: nothing is modelled twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from dari.serving.callers import Caller
from dari.serving.dispatch import Dispatch, Outcome
from dari.serving.schemas import input_schema, listed

LIST_KEEPS_MILLISECONDS = 300_000
"""How long a client may keep the list of tools; it does not change while the process lives."""

Who = Callable[[ServerRequestContext[Any, Any]], Caller]
"""From a request to the caller behind it."""


def as_result(outcome: Outcome) -> dict[str, Any]:
    """A CallToolResult on the wire. An error is `isError`, never shaped like a success."""
    result: dict[str, Any] = {
        "resultType": "complete",  # asked for since 2026-07-28; the SDK leaves it out for older clients
        "content": [{"type": "text", "text": outcome.text}],
        "structuredContent": outcome.structured,
    }
    if outcome.error is not None:
        result["isError"] = True
    return result


def answer(server: Server[Any], dispatch: Dispatch, who: Who) -> None:
    """Let `server` answer tools/list and tools/call from `dispatch`."""
    listing = {
        "resultType": "complete",
        "ttlMs": LIST_KEEPS_MILLISECONDS,
        "cacheScope": "private",  # what is listed may depend on who asks
        "tools": [listed(offered.tool, name) for name, offered in dispatch.offered.items()],
    }
    schemas = {name: input_schema(offered.tool.query) for name, offered in dispatch.offered.items()}

    async def list_tools(_: ServerRequestContext[Any, Any], __: types.PaginatedRequestParams) -> dict[str, Any]:
        return listing

    async def call_tool(ctx: ServerRequestContext[Any, Any], params: types.CallToolRequestParams) -> dict[str, Any]:
        return as_result(await dispatch.call(params.name, params.arguments, who(ctx)))

    server.add_request_handler("tools/list", types.PaginatedRequestParams, list_tools)
    server.add_request_handler("tools/call", types.CallToolRequestParams, call_tool)
    # Without this, each tools/call on 2026-07-28 runs a whole tools/list first, to look for x-mcp-header.
    server.get_tool_input_schema = schemas.get
