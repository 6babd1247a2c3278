"""A real MCP client (the SDK's), for the tour and for checks: it knows of us what any client knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp import Client


async def ask(address: str, tool: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Connect to an MCP address, call one tool; returns its text and its structured content."""
    async with Client(address) as client:
        result = await client.call_tool(tool, dict(arguments))
    text = "\n".join(getattr(block, "text", "") for block in result.content)
    return text, dict(result.structured_content or {})
