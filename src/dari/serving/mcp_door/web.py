"""MCP over HTTP on FastMCP, whose tools/list and tools/call are answered by our dispatch."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import MappingProxyType
from typing import Final

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
from dari.core.tool import Tool
from dari.serving.boards import Boards
from dari.serving.callers import Caller
from dari.serving.gate import Gated, Guard, caller_of
from dari.serving.mcp_door.answering import Answering, answer
from dari.serving.mcp_door.guards import Bounded, Hosts, Stepping

ROOT = ""
NO_TOOLS: Final[Mapping[str, Mapping[str, Tool]]] = MappingProxyType({})
RETRY_MILLISECONDS = 500
"""How soon a legacy client that lost its stream comes back for the events it missed."""
HEALTH = frozenset({"/health", "/healthz"})
PROBED = HEALTH | {"/readyz"}
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
    guard: Guard | None = None,
    routes: Sequence[BaseRoute] = (),
    public: Callable[[str], bool] = lambda _: False,
    tools: Mapping[str, Mapping[str, Tool]] = NO_TOOLS,
    sessions: bool = True,
) -> Starlette:
    """One address for many servers: each under `/NAME/mcp`, and `root` (the only one, or their union) under `/mcp`.

    Those named in `streaming` have tools that report progress: their replies may be event streams. The others answer
    in plain JSON, which costs a third less CPU. Every path passes `guard`, also those of `routes`, but those
    it or `public` calls public. `tools` by server let it answer a call that needs more scope with a 403. Without
    `sessions` a client until 2025-11-25 may go on with any replica, and loses what is pushed to a session.
    """
    named = dict(servers)
    if root is not None and root not in servers.values():
        named[ROOT] = root
    apps = {
        name: server.http_app(
            path="/mcp",
            json_response=name not in streaming,
            stateless_http=not sessions,
            host_origin_protection=False,  # Hosts, below, guards every door alike
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

    doors = {
        name: Stepping(app, name, tools.get(name, {}), guard.challenge if guard else None) for name, app in apps.items()
    }
    told: list[BaseRoute] = [
        *(Route(path, health) for path in sorted(HEALTH)),
        *routes,
        *(guard.routes if guard else ()),
    ]
    told += [Mount(f"/{name}", door) for name, door in doors.items() if name != ROOT]
    if root is not None:
        told.append(Mount("/", next(doors[name] for name in doors if named[name] is root)))
    return Starlette(routes=told, lifespan=lifespan, middleware=_before(guard, public))


def _before(guard: Guard | None, public: Callable[[str], bool]) -> list[Middleware]:
    """What a request passes before any door."""
    if guard is None:
        return [Middleware(Hosts, free=PROBED), Middleware(Bounded)]
    return [
        Middleware(Hosts, hosts=guard.hosts, origins=guard.origins, free=PROBED, scripted=guard.scripted),
        Middleware(Bounded),
        Middleware(Gated, gate=guard.gate, public=lambda path: path in PROBED or guard.public(path) or public(path)),
    ]
