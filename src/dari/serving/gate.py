"""From an HTTP request to its caller, or to a 401 or 403: the one gate of every door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from dari.serving.callers import Caller, Permit

CALLER: Final = "dari.caller"
"""Where the gate leaves the caller in an ASGI scope."""


@dataclass(eq=False)
class Denied(Exception):
    """Why a request is not let in: HTTP status, OAuth error code, a sentence, and the scope that would do.

    `metadata` is the address of the resource's metadata (RFC 9728), for the challenge of a 401 or 403.
    """

    status: int
    error: str
    description: str
    scope: str = ""
    metadata: str = ""
    retry_after: int | None = None

    def response(self) -> JSONResponse:
        """The answer, with its WWW-Authenticate challenge."""
        headers = {"Cache-Control": "no-store"}
        if self.status in {401, 403} and self.error != "access_denied":
            told = {"error": self.error, "error_description": self.description, "scope": self.scope}
            if self.error == "missing_token":  # no credentials at all: RFC 6750 wants no error code
                told = {"scope": self.scope}
            told["resource_metadata"] = self.metadata
            parts = [f'{name}="{_quoted(value)}"' for name, value in told.items() if value]
            headers["WWW-Authenticate"] = f"Bearer {', '.join(parts)}".strip()
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        body = {"error": self.error, "error_description": self.description}
        return JSONResponse(body, self.status, headers=headers)


def _quoted(value: str) -> str:
    """What may stand between the quotes of a header: no quote, no backslash, nothing but printable ASCII."""
    return "".join(letter if " " <= letter <= "~" and letter not in '"\\' else "?" for letter in value)


Challenge = Callable[[str, Permit, Caller], Denied]
"""From a path, what a call needs and the caller to the 403 that names the scopes to ask for."""


class Gate(Protocol):
    """Who decides about requests."""

    async def admit(self, request: Request) -> Caller:
        """The caller behind a request. Raises Denied."""
        ...


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What guards an address: the gate, the pages it needs, and the names the address answers to.

    `public` paths judge for themselves; `scripted` ones may be asked by scripts of any page; `challenge` makes the 403
    of a path, from what a call needs and the caller.
    """

    gate: Gate
    routes: Sequence[BaseRoute] = ()
    public: Callable[[str], bool] = lambda _: False
    scripted: Callable[[str], bool] = lambda _: False
    challenge: Challenge | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


class Open:
    """The gate of an address that only this machine reaches: whoever asks is the person at it."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def admit(self, request: Request) -> Caller:
        """The same caller for everybody."""
        del request
        return self._caller


class Gated:
    """ASGI middleware: lets a request through with its caller, or answers in its place.

    `public` says which paths need no caller (health, metadata, the pages of signing in).
    """

    def __init__(self, app: ASGIApp, gate: Gate, *, public: Callable[[str], bool] = lambda _: False) -> None:
        self._app, self._gate, self._public = app, gate, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or CALLER in scope or self._public(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._gate.admit(Request(scope, receive))
        except Denied as denied:
            await denied.response()(scope, receive, send)
            return
        await self._app({**scope, CALLER: caller}, receive, send)


def caller_of(request: HTTPConnection | Any) -> Caller:
    """The caller the gate has let in. Raises Denied where a door was mounted without a gate."""
    caller = getattr(request, "scope", {}).get(CALLER)
    if not isinstance(caller, Caller):
        raise Denied(401, "missing_token", "sign in first")
    return caller
