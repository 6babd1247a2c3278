"""MCP over HTTP on FastMCP, whose tools/list and tools/call are answered by our dispatch."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

os.environ.setdefault("FASTMCP_CHECK_FOR_UPDATES", "off")  # nothing leaves the machine unasked
os.environ.setdefault("FASTMCP_SHOW_SERVER_BANNER", "false")
os.environ.setdefault("FASTMCP_LOG_LEVEL", "WARNING")

from fastmcp import FastMCP
from fastmcp.server.event_store import EventStore
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount, Route

from dari.core.shelf import Shelf
from dari.serving.boards import Boards
from dari.serving.callers import Caller
from dari.serving.gate import Gate, Gated, caller_of
from dari.serving.mcp_door.answering import Answering, answer

ROOT = ""
RETRY_MILLISECONDS = 500
"""How soon a legacy client that lost its stream comes back for the events it missed."""
HEALTH = frozenset({"/health", "/healthz"})
"""Asked by machines that watch us, under any name and without a token; tells nothing."""


def front(
    name: str,
    dispatch: Answering,
    caller: Caller | None,
    *,
    version: str,
    instructions: str,
    shelf: Shelf | None = None,
    boards: Boards | None = None,
) -> FastMCP:
    """A FastMCP server that asks our dispatch, for one caller, or (None) for whom the gate has let in."""
    server: FastMCP = FastMCP(
        name, version=version, instructions=instructions, mask_error_details=True, dereference_schemas=False
    )
    who = (lambda _: caller) if caller is not None else (lambda ctx: caller_of(ctx.request))
    answer(server._mcp_server, dispatch, who, shelf, boards)  # noqa: SLF001 -- FastMCP's own seam to the SDK's server
    return server


def web_app(
    servers: Mapping[str, FastMCP],
    *,
    root: FastMCP | None = None,
    streaming: Collection[str] = (),
    gate: Gate | None = None,
    routes: Sequence[BaseRoute] = (),
    public: Callable[[str], bool] = lambda _: False,
) -> Starlette:
    """One address for many servers: each under `/NAME/mcp`, and `root` (the only one, or their union) under `/mcp`.

    Those named in `streaming` have tools that report progress: their replies may be event streams. The others answer
    in plain JSON, which costs a third less CPU. Every path but `public` ones passes `gate`, also those of `routes`.
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

    told: list[BaseRoute] = [*(Route(path, health) for path in sorted(HEALTH)), *routes]
    told += [Mount(f"/{name}", app) for name, app in apps.items() if name != ROOT]
    if root is not None:
        told.append(Mount("/", next(app for name, app in apps.items() if named[name] is root)))
    gated = [Middleware(Gated, gate=gate, public=lambda path: path in HEALTH or public(path))] if gate else []
    return Starlette(routes=told, lifespan=lifespan, middleware=gated)
