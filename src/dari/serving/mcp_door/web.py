"""MCP over HTTP on FastMCP, whose tools/list and tools/call are answered by our dispatch."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

os.environ.setdefault("FASTMCP_CHECK_FOR_UPDATES", "off")  # nothing leaves the machine unasked
os.environ.setdefault("FASTMCP_SHOW_SERVER_BANNER", "false")
os.environ.setdefault("FASTMCP_LOG_LEVEL", "WARNING")

from fastmcp import FastMCP
from fastmcp.server.event_store import EventStore
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from dari.core.shelf import Shelf
from dari.serving.callers import Caller
from dari.serving.mcp_door.answering import Answering, answer

ROOT = ""
RETRY_MILLISECONDS = 500
"""How soon a legacy client that lost its stream comes back for the events it missed."""


def front(
    name: str, dispatch: Answering, caller: Caller, *, version: str, instructions: str, shelf: Shelf | None = None
) -> FastMCP:
    """A FastMCP server that asks our dispatch."""
    server: FastMCP = FastMCP(
        name, version=version, instructions=instructions, mask_error_details=True, dereference_schemas=False
    )
    answer(server._mcp_server, dispatch, lambda _: caller, shelf)  # noqa: SLF001 -- FastMCP's own seam to the SDK's server
    return server


def web_app(
    servers: Mapping[str, FastMCP], *, root: FastMCP | None = None, streaming: Collection[str] = ()
) -> Starlette:
    """One address for many servers: each under `/NAME/mcp`, and `root` (the only one, or their union) under `/mcp`.

    Those named in `streaming` have tools that report progress: their replies may be event streams. The others answer
    in plain JSON, which costs a third less CPU.
    """
    named = dict(servers)
    if root is not None and root not in servers.values():
        named[ROOT] = root
    apps = {
        name: server.http_app(
            path="/mcp",
            json_response=name not in streaming,
            host_origin_protection=True,
            event_store=EventStore(),
            retry_interval=RETRY_MILLISECONDS,
        )
        for name, server in named.items()
    }

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "servers": sorted(servers)})

    routes: list[Route | Mount] = [Route("/health", health), Route("/healthz", health)]
    routes += [Mount(f"/{name}", app) for name, app in apps.items() if name != ROOT]
    if root is not None:
        routes.append(Mount("/", next(app for name, app in apps.items() if named[name] is root)))
    return Starlette(routes=routes, lifespan=lifespan)
