"""MCP over HTTP: FastMCP's server and sessions, whose tools/list and tools/call are answered by our dispatch."""

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
from fastmcp.server.http import FastMCPStreamableHTTPSessionManager
from fastmcp.server.low_level import FastMCPServerMiddleware
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

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
    traced: bool = False,
) -> FastMCP:
    """A FastMCP server that asks our dispatch, for one caller, or (None) for whom the gate has let in.

    `traced`: every message opens a span of its own, below the client's, and tools of FastMCP's own find their context.
    Ours want neither, so that nobody who did not ask for traces pays for them.
    """
    server: FastMCP = FastMCP(
        name, version=version, instructions=instructions, mask_error_details=True, dereference_schemas=False
    )
    who = (lambda _: caller) if caller is not None else (lambda ctx: caller_of(ctx.request))
    low = server._mcp_server  # noqa: SLF001 -- FastMCP's own seam to the SDK's server
    answer(low, dispatch, who, shelf, boards)
    if not traced:
        low.middleware[:] = [one for one in low.middleware if not isinstance(one, FastMCPServerMiddleware)]
    return server


class Door:
    """The ASGI app of one server's messages, while its sessions run."""

    def __init__(self, server: FastMCP, *, streaming: bool, sessions: bool) -> None:
        self._server, self._streaming, self._sessions = server, streaming, sessions
        self._manager: FastMCPStreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sessions may begin while the block runs."""
        self._manager = FastMCPStreamableHTTPSessionManager(
            self._server._mcp_server,  # noqa: SLF001 -- the same seam
            event_store=EventStore(),
            json_response=not self._streaming,
            stateless=not self._sessions,
            # Hosts, below, guards every door alike
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            retry_interval=RETRY_MILLISECONDS,
        )
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._manager is None:
            raise RuntimeError("this door is not open: its app's lifespan has not begun")
        await self._manager.handle_request(scope, receive, send)


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
    before: Sequence[Middleware] = (),
) -> Starlette:
    """One address for many servers: each under `/NAME/mcp`, and `root` (the only one, or their union) under `/mcp`.

    Those named in `streaming` have tools that report progress: their replies may be event streams. The others answer
    in plain JSON, which costs a third less CPU. Every path passes `guard`, also those of `routes`, but those
    it or `public` calls public. `tools` by server let it answer a call that needs more scope with a 403. Without
    `sessions` a client until 2025-11-25 may go on with any replica, and loses what is pushed to a session. What
    stands in `before` is passed just before the gate.
    """
    named = dict(servers)
    if root is not None and root not in servers.values():
        named[ROOT] = root
    doors = {name: Door(server, streaming=name in streaming, sessions=sessions) for name, server in named.items()}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for door in doors.values():
                await stack.enter_async_context(door.running())
            yield

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "servers": sorted(servers)})

    methods = None if sessions else ("POST", "DELETE")  # without sessions there is no stream to listen to
    challenge = guard.challenge if guard else None
    asked: list[BaseRoute] = []  # the messages first: most requests are one
    for name, door in doors.items():
        stepping = Stepping(door, name, tools.get(name, {}), challenge)
        if named[name] is root:
            asked.insert(0, Route("/mcp", stepping, methods=methods))
        if name != ROOT:
            asked.append(Route(f"/{name}/mcp", stepping, methods=methods))
    told = [*asked, *(Route(path, health) for path in sorted(HEALTH)), *routes, *(guard.routes if guard else ())]
    return Starlette(routes=told, lifespan=lifespan, middleware=_before(guard, public, before))


def _before(guard: Guard | None, public: Callable[[str], bool], before: Sequence[Middleware] = ()) -> list[Middleware]:
    """What a request passes before any door."""
    if guard is None:
        return [Middleware(Hosts, free=PROBED), Middleware(Bounded)]
    return [
        Middleware(Hosts, hosts=guard.hosts, origins=guard.origins, free=PROBED, scripted=guard.scripted),
        Middleware(Bounded),
        *before,
        Middleware(Gated, gate=guard.gate, public=lambda path: path in PROBED or guard.public(path) or public(path)),
    ]
