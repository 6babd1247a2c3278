"""What stands before every door: forged hosts and origins, bodies too large or too slow, calls that need more scope."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from fastmcp.server.http import HostOriginGuardMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dari.core.tool import Tool
from dari.serving.callers import Caller, Permit
from dari.serving.gate import CALLER, Challenge

BODY_BYTES: Final = 4 * 1024 * 1024
BODY_SECONDS: Final = 20.0
"""A request is here in so long or it is dropped: who sends a byte a second holds nothing."""
READ_TO_REFUSE: Final = 4 * BODY_BYTES
"""So much of a body that is too long is read and thrown away: who is still writing could not read why it is refused."""
HEADER_BYTES: Final = 32 * 1024


class Bounded:
    """ASGI middleware: no body longer than `most`, none that takes longer than `seconds` to come."""

    def __init__(self, app: ASGIApp, most: int = BODY_BYTES, seconds: float = BODY_SECONDS) -> None:
        self._app, self._most, self._seconds = app, most, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
            await _told(431, "the headers are too long", scope, receive, send)
            return
        try:
            body = await self._body(scope, receive)
        except _TooMuch:
            await _told(413, f"at most {self._most} bytes", scope, receive, send)
        except TimeoutError:
            await _told(408, "the request took too long to come", scope, receive, send)
        else:
            await self._app(scope, _again(body, receive), send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body. Every door reads all of it before it answers, so nothing is lost by doing so here."""
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if not told.isdigit() or int(told) > READ_TO_REFUSE:
            raise _TooMuch
        parts, size = [], 0
        async with asyncio.timeout(self._seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return b""  # gone already: the door will find out by itself
                part = message.get("body", b"")
                size += len(part)
                if size <= self._most:
                    parts.append(part)
                elif size > READ_TO_REFUSE:
                    raise _TooMuch
                if not message.get("more_body", False):
                    break
        if size > self._most:
            raise _TooMuch
        return b"".join(parts)


class _TooMuch(Exception):
    """A body above the limit."""


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that tells the body once, then whatever comes (the end of the connection)."""
    told = False

    async def once() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


async def _told(status: int, why: str, scope: Scope, receive: Receive, send: Send) -> None:
    words: dict[str, object] = {
        "error": "invalid_request",
        "error_description": why,
    }  # as OAuth says it, and as the REST door does
    words |= {"code": "unreadable", "message": why, "executed": False}
    answer = JSONResponse(words, status, headers={"Connection": "close"})
    await answer(scope, receive, send)


class Stepping:
    """ASGI middleware of one MCP server: a call that a wider token would allow is a 403 that says which (both eras).

    It also lets the SDK tie a session to the caller who began it.
    """

    def __init__(self, app: ASGIApp, server: str, tools: Mapping[str, Tool], challenge: Challenge | None) -> None:
        self._app, self._server, self._tools, self._challenge = app, server, tools, challenge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope.get(CALLER)
        if scope["type"] != "http" or not isinstance(caller, Caller) or not caller.tenant:
            await self._app(scope, receive, send)
            return
        token = AccessToken(token="", client_id=caller.name, scopes=[], subject=caller.name)
        scope = {**scope, "user": AuthenticatedUser(token)}
        if scope["method"] == "POST" and self._challenge is not None:
            message = await receive()
            body = message.get("body", b"")
            if (needed := self._needed(body, caller)) is not None:
                await self._challenge(f"{scope['root_path']}{_below(scope)}", needed, caller).response()(
                    scope, receive, send
                )
                return
            receive = _again(body, receive)
        await self._app(scope, receive, send)

    def _needed(self, body: bytes, caller: Caller) -> Permit | None:
        """What a tools/call lacks, if the caller could have it; None where it may pass, or where asking is in vain."""
        if b"tools/call" not in body:
            return None
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            return None  # the SDK says so in its own words
        for one in told if isinstance(told, list) else [told]:
            tool = self._tools.get(_named(one))
            if tool is None:
                continue
            if (needed := caller.lacking(self._server, tool.toolset, tool.name, tool.effect)) is not None:
                return needed
        return None


def _below(scope: Scope) -> str:
    """The path below the mount, whichever way the framework tells it."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root) if root else path


def _named(message: Any) -> str:
    """The tool a message calls, or ""."""
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return ""
    params = message.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    return name if isinstance(name, str) else ""


class Hosts:
    """ASGI middleware: only requests that name us by a name of ours, from pages of ours (DNS rebinding).

    `free` paths are asked by machines under any name: they tell nothing. `scripted` ones use no cookie and may be asked
    by scripts of any page (metadata, tokens), under our name all the same.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str] = (),
        origins: Collection[str] = (),
        free: Collection[str] = (),
        scripted: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._app, self._free, self._scripted = app, frozenset(free), scripted
        self._guard = HostOriginGuardMiddleware(app, list(hosts), list(origins), "strict")
        self._any_origin = HostOriginGuardMiddleware(app, list(hosts), ["*"], "strict")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._free:
            await self._app(scope, receive, send)
        elif self._scripted(scope["path"]):
            await self._any_origin(scope, receive, send)
        else:
            await self._guard(scope, receive, send)
