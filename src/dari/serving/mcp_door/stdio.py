"""MCP over stdio, for clients that start Dari themselves: the SDK's low-level server and nothing above it."""

from __future__ import annotations

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from dari.core.shelf import Shelf
from dari.serving.boards import Boards
from dari.serving.callers import Caller
from dari.serving.dispatch import Dispatch
from dari.serving.mcp_door.answering import answer


async def serve(
    name: str,
    dispatch: Dispatch,
    caller: Caller,
    *,
    version: str,
    instructions: str,
    shelf: Shelf | None = None,
    boards: Boards | None = None,
) -> None:
    """Serve until the client closes its end."""
    server: Server[dict[str, object]] = Server(name, version=version, instructions=instructions)
    answer(server, dispatch, lambda _: caller, shelf, boards)
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())
