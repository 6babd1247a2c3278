"""A real MCP client (the SDK's), for the tour and for checks: it knows of us what any client knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from tempfile import TemporaryFile
from typing import Any, Final

from mcp import Client
from mcp.client.stdio import StdioServerParameters, get_default_environment, stdio_client

START_SECONDS: Final = 30.0
"""Longest a server may take to say what it offers."""


async def ask(address: str, tool: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Connect to an MCP address, call one tool; returns its text and its structured content."""
    async with Client(address) as client:
        result = await client.call_tool(tool, dict(arguments))
    text = "\n".join(getattr(block, "text", "") for block in result.content)
    return text, dict(result.structured_content or {})


async def count_tools(command: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Launch a server on stdio as clients do, with a small environment, and count its tools.

    Raises RuntimeError with the last line that it wrote to stderr.
    """
    start = StdioServerParameters(command=command, args=[*words], env={**get_default_environment(), **environment})
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        try:
            async with asyncio.timeout(START_SECONDS), Client(stdio_client(start, errlog=errors)) as client:
                return len((await client.list_tools()).tools)
        except Exception as error:  # noqa: BLE001 -- whatever a foreign program does, it did not start
            errors.seek(0)
            lines = [line for line in errors.read().splitlines() if line.strip() and not line.startswith("→")]
            raise RuntimeError(lines[-1] if lines else type(error).__name__) from None
