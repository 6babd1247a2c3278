"""Getting into the console: a cookie that stands for the token, on its own pages only, and how one comes by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dari.core.errors import CallerError, NotAllowed
from dari.serving.console.forms import typed
from dari.serving.console.looks import language_of, page
from dari.serving.console.words import words
from dari.serving.gate import CALLER, Denied, Gate, SignIn

COOKIE: Final = "dari_console"
LOGIN: Final = "/console/login"
UNAUTHORIZED: Final = 401


def inside(path: str) -> bool:
    """Whether a path is one of the console's."""
    return path == "/" or path.startswith("/console/")


def free(path: str) -> bool:
    """Whether a path of the console needs no caller: signing in, and what the page that asks for it is made of."""
    return path == LOGIN or path.startswith("/console/assets/")


class Doorway:
    """ASGI middleware before the gate: on the console's paths the cookie is the token; without one, one signs in.

    Nowhere else does a cookie count. That no stranger's page can use it is kept by SameSite=Strict and by the guard of
    hosts and origins, which every request has passed.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not inside(scope["path"]) or free(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        token = request.cookies.get(COOKIE)
        if token and "authorization" not in request.headers:
            scope = {**scope, "headers": [*scope["headers"], (b"authorization", b"Bearer " + token.encode())]}
        try:
            caller = await self._gate.admit(Request(scope))
        except Denied as denied:
            await _refused(request, denied)(scope, receive, send)
            return
        caller = replace(caller, language=language_of(request, caller.language))  # hints speak as the page does
        await self._app({**scope, CALLER: caller}, receive, send)


def _refused(request: Request, denied: Denied) -> Response:
    """Who is not signed in (any more) is led to where one signs in; a part of a page only hears of it."""
    if denied.status != UNAUTHORIZED or "text/html" not in request.headers.get("accept", ""):
        return denied.response()
    answer = RedirectResponse(LOGIN, 303, headers={"Cache-Control": "no-store"})
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


class Entrance:
    """The pages of signing in and out. Without `sign_in` this address has no accounts of its own.

    `issuer` is who gives tokens then; "" where nobody has to sign in.
    """

    def __init__(self, gate: Gate, sign_in: SignIn | None, *, issuer: str = "", secure: bool = False) -> None:
        """`secure`: people come over https, and the cookie goes no other way."""
        self._gate, self._sign_in, self._issuer, self._secure = gate, sign_in, issuer, secure

    async def show(self, request: Request) -> Response:
        """The form."""
        return self._form(request)

    def _form(self, request: Request, fault: str = "", status: int = 200) -> Response:
        return page(request, "login", status=status, fault=fault, accounts=self._sign_in is not None,
                    issuer=self._issuer)  # fmt: skip

    async def enter(self, request: Request) -> Response:
        """A name and a password, or a token from elsewhere, become the cookie."""
        told, said = await typed(request), words(language_of(request))
        if "token" in told:
            return await self._with_token(request, told["token"].strip(), said["no_token"])
        if self._sign_in is None:
            return self._form(request, said["refused"], 400)
        try:
            given = await self._sign_in.enter(request, told.get("username", ""), told.get("password", ""))
        except NotAllowed as error:
            return self._form(request, said["slow_down"].format(seconds=round(error.retry_after or 1)), 429)
        except CallerError as error:
            return self._form(request, error.message, 400)
        if not given:
            return self._form(request, said["refused"], UNAUTHORIZED)
        return self._entered(str(given["access_token"]), int(given["expires_in"]))

    async def _with_token(self, request: Request, token: str, fault: str) -> Response:
        scope = {**request.scope, "path": "/", "headers": [(b"authorization", b"Bearer " + token.encode())]}
        try:
            await self._gate.admit(Request(scope))
        except Denied:
            return self._form(request, fault, UNAUTHORIZED)
        return self._entered(token)

    async def leave(self, request: Request) -> Response:
        """The cookie goes, and its token holds no more."""
        token = request.cookies.get(COOKIE)
        if token and self._sign_in is not None:
            await self._sign_in.leave(token)
        answer = RedirectResponse(LOGIN, 303, headers={"Cache-Control": "no-store"})
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    def _entered(self, token: str, seconds: int | None = None) -> Response:
        """`seconds` is how long the token holds; None: its issuer's to know, and the cookie goes with the browser."""
        answer = RedirectResponse("/", 303, headers={"Cache-Control": "no-store"})
        answer.set_cookie(
            COOKIE, token, max_age=seconds, path="/", httponly=True, samesite="strict", secure=self._secure
        )
        return answer
