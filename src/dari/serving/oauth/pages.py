"""The pages and endpoints of the authorization server, at /auth and /.well-known."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dari.core.errors import CallerError, InvalidInput
from dari.serving.callers import Permit
from dari.serving.gate import Denied
from dari.serving.oauth.admission import WELL_KNOWN, Admission
from dari.serving.oauth.consent import NONCE_COOKIE, Consent
from dari.serving.oauth.issuer import Asked, Issuer, Said
from dari.serving.oauth.people import Person, TooOften
from dari.serving.oauth.scopes import permits, spelled, within

NEVER_KEPT: Final = {"Cache-Control": "no-store"}
OPEN_TO_SCRIPTS: Final = {"Access-Control-Allow-Origin": "*"}
"""Metadata and token endpoints use no cookie: a page of any origin may ask them, as any program may."""
PREFLIGHT: Final = {
    **OPEN_TO_SCRIPTS,
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, MCP-Protocol-Version",
    "Access-Control-Max-Age": "600",
}
PUBLIC: Final = frozenset(
    f"/auth/{one}" for one in ("authorize", "token", "revoke", "introspect", "jwks", "register", "login", "me")
)
"""Paths that judge for themselves who asks."""

TOLD_BACK: Final = frozenset({"client_id", "redirect_uri", "response_type", "grant_type", "scope", "resource"})
PLAIN: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{0,2000}")
"""What an OAuth error may quote (RFC 6749 5.2)."""

Handler = Callable[[Request], Awaitable[Response]]


def is_public(path: str) -> bool:
    """Whether a path needs no caller of the gate."""
    return path in PUBLIC or path.startswith("/.well-known/oauth-")


def described(admission: Admission) -> list[Route]:
    """The metadata of every resource (RFC 9728), whoever the issuer is."""

    async def resource(request: Request) -> Response:
        told = admission.metadata(request.url.path.removeprefix(WELL_KNOWN).rstrip("/"))
        if told is None:
            return JSONResponse({"error": "not_found"}, 404)
        return JSONResponse(told, headers={**OPEN_TO_SCRIPTS, "Cache-Control": "max-age=300"})

    return [*_both(WELL_KNOWN, resource), *_both(f"{WELL_KNOWN}/{{path:path}}", resource)]


def _both(path: str, handler: Handler, method: str = "GET") -> list[Route]:
    """A route that a script of another origin may ask."""

    async def preflight(_: Request) -> Response:
        return Response(status_code=204, headers=PREFLIGHT)

    return [Route(path, handler, methods=[method]), Route(path, preflight, methods=["OPTIONS"])]


class _Ended(Exception):
    """There is an answer already."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Pages:
    """The routes over one issuer and the gate that believes its tokens."""

    def __init__(self, issuer: Issuer, admission: Admission, consent: Consent, *, registers: bool = False) -> None:
        self._issuer, self._admission, self._consent, self._registers = issuer, admission, consent, registers

    def routes(self) -> list[Route]:
        """All of them."""
        told = [
            *described(self._admission),
            *_both("/.well-known/oauth-authorization-server", self.metadata),
            *_both("/auth/jwks", self.jwks),
            *_both("/auth/token", self.token, "POST"),
            *_both("/auth/revoke", self.revoke, "POST"),
            Route("/auth/introspect", self.introspect, methods=["POST"]),
            Route("/auth/authorize", self.authorize, methods=["GET"]),
            Route("/auth/authorize", self.decided, methods=["POST"]),
            Route("/auth/login", self.login, methods=["POST"]),
            Route("/auth/me", self.me, methods=["GET"]),
        ]
        if self._registers:
            told += _both("/auth/register", self.register, "POST")
        return told

    # --- what is told ---

    async def metadata(self, _: Request) -> Response:
        told = self._issuer.metadata(registers=self._registers)
        return JSONResponse(told, headers={**OPEN_TO_SCRIPTS, "Cache-Control": "max-age=300"})

    async def jwks(self, _: Request) -> Response:
        told = await asyncio.to_thread(self._issuer.keys.jwks)
        return JSONResponse(told, headers={**OPEN_TO_SCRIPTS, "Cache-Control": "max-age=300"})

    # --- tokens ---

    async def _asked(self, request: Request, told: list[tuple[str, str]]) -> Asked:
        """The request as authlib reads one, its client known. Raises InvalidInput."""
        for name, value in told:
            if name in TOLD_BACK and not PLAIN.fullmatch(value):
                raise InvalidInput(f"{name} has characters it cannot have")
        asked = Asked(
            request.method,
            f"{self._issuer.base}{request.url.path}",
            told,
            {name.title(): value for name, value in request.headers.items()},
            self._admission.address(request),
        )
        if client := dict(told).get("client_id"):
            await self._issuer.clients.resolve(client)
        return asked

    async def _form(self, request: Request) -> Asked:
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            raise InvalidInput("send application/x-www-form-urlencoded")
        return await self._asked(request, await form(request))

    async def _answered(self, request: Request, answer: Callable[[Asked], Said]) -> Response:
        try:
            asked = await self._form(request)
        except CallerError as error:
            return _error(400, "invalid_request", error.message)
        said = await asyncio.to_thread(answer, asked)
        body = said.body if isinstance(said.body, dict) else dict(said.body or {})
        return JSONResponse(body, said.status, headers={**said.headers, **OPEN_TO_SCRIPTS})

    async def token(self, request: Request) -> Response:
        return await self._answered(request, self._issuer.create_token_response)

    async def revoke(self, request: Request) -> Response:
        return await self._answered(request, lambda asked: self._issuer.create_endpoint_response("revocation", asked))

    async def introspect(self, request: Request) -> Response:
        return await self._answered(
            request, lambda asked: self._issuer.create_endpoint_response("introspection", asked)
        )

    async def register(self, request: Request) -> Response:
        try:
            client, secret = await asyncio.to_thread(self._issuer.clients.register, await body(request))
        except CallerError as error:
            return _error(400, "invalid_client_metadata", error.message)
        told: dict[str, Any] = {
            "client_id": client.client_id,
            "client_name": client.name,
            "redirect_uris": list(client.redirect_uris),
            "grant_types": list(client.grants),
            "response_types": ["code"],
            "token_endpoint_auth_method": client.method,
            "scope": client.scope,
            **({"client_secret": secret, "client_secret_expires_at": 0} if secret else {}),
        }
        return JSONResponse(told, 201, headers={**NEVER_KEPT, **OPEN_TO_SCRIPTS})

    # --- a person decides ---

    async def authorize(self, request: Request) -> Response:
        """The page that asks for name, password and consent, once it is known who asks and where the answer goes."""
        told = parse_qsl(request.url.query, keep_blank_values=True)
        try:
            asked, grant = await self._granting(request, told)
        except _Ended as ended:
            return ended.response
        return self._consent.page(grant.client, asked.scope, grant.redirect_uri, told)

    async def decided(self, request: Request) -> Response:
        """What the person decided. The form carries the whole request, locked; the browser carries its other half."""
        try:
            return await self._decided(request)
        except _Ended as ended:
            return ended.response

    async def _decided(self, request: Request) -> Response:
        if request.headers.get("origin") not in {None, self._issuer.base}:
            raise _Ended(self._consent.wrong("the form came from elsewhere", 403))
        given = dict(await form(request))
        told = self._consent.opened(given.get("ticket", ""), request.cookies.get(NONCE_COOKIE, ""))
        if told is None:
            raise _Ended(self._consent.wrong("the form is too old or not of this browser: start again", 403))
        asked, grant = await self._granting(request, told)
        person: Person | None = None
        if given.get("decision") == "allow":
            page = partial(self._consent.page, grant.client, asked.scope, grant.redirect_uri, told)
            address = self._admission.address(request)
            try:
                person = await self._signed_in(given.get("username", ""), given.get("password", ""), address)
            except TooOften as error:
                raise _Ended(page(status=429, wait=int(error.retry_after or 1))) from None
            if person is None:
                raise _Ended(page(status=401))
        decide = self._issuer.create_authorization_response
        said = await asyncio.to_thread(decide, asked, grant_user=person, grant=grant)
        return self._sent(said)

    async def _granting(self, request: Request, told: list[tuple[str, str]]) -> tuple[Asked, Any]:
        """The request, checked. An error the client may hear of goes to it; one about where to answer stays here."""
        try:
            asked = await self._asked(request, told)
        except CallerError as error:
            raise _Ended(self._consent.wrong(error.message)) from None
        try:
            return asked, await asyncio.to_thread(self._issuer.get_consent_grant, asked, None)
        except OAuth2Error as error:
            said = self._issuer.handle_error_response(asked, error)
            if said.location is not None:
                said.location = add_params_to_uri(said.location, [("iss", self._issuer.base)])
            raise _Ended(self._sent(said)) from None

    def _sent(self, said: Said) -> Response:
        if said.location is None:
            told = dict(said.body)
            return self._consent.wrong(str(told.get("error_description") or told.get("error")))
        return RedirectResponse(said.location, 302, headers={**NEVER_KEPT, "Referrer-Policy": "no-referrer"})

    async def _signed_in(self, name: str, password: str, address: str) -> Person | None:
        return await asyncio.to_thread(self._issuer.people.signed_in, name, password, address)

    # --- the document's own ---

    async def login(self, request: Request) -> Response:
        """JSON `{username, password, scope?}` → `{access_token, token_type, expires_in, scope}`."""
        try:
            told = await body(request)
            name, password, scope = told.get("username"), told.get("password"), told.get("scope")
            if not isinstance(name, str) or not isinstance(password, str) or not isinstance(scope, str | None):
                raise InvalidInput("username and password are text")
            given = await self.entered(request, name, password, permits(scope))
        except TooOften as error:
            return _error(429, "slow_down", error.message, retry=int(error.retry_after or 1))
        except CallerError as error:
            return _error(400, "invalid_request", error.message)
        if given is None:
            return _error(401, "invalid_grant", "the user name or the password is wrong")
        if not given:
            return _error(400, "invalid_scope", "none of it is yours")
        return JSONResponse(given, headers=NEVER_KEPT)

    async def entered(
        self, request: Request, name: str, password: str, asked: Sequence[Permit] = ()
    ) -> dict[str, Any] | None:
        """What a name and a password give; {} where nothing of what is asked is theirs, None where the two are wrong.

        Raises TooOften.
        """
        person = await self._signed_in(name, password, self._admission.address(request))
        if person is None:
            return None
        owned = await asyncio.to_thread(self._issuer.people.owned, person)
        given = spelled(within(asked, owned) if asked else owned)
        return await asyncio.to_thread(self._issuer.login, person, given) if given else {}

    async def left(self, token: str) -> None:
        """An access token of ours holds no more."""
        await asyncio.to_thread(self._issuer.take_back, token)

    async def me(self, request: Request) -> Response:
        """Who the token stands for, and what it may do here."""
        try:
            identity = await self._admission.identity(request)
        except Denied as denied:
            return denied.response()
        caller = self._admission.caller(identity)
        told = {
            "username": identity.subject,
            "client_id": identity.client,
            "tenant": caller.tenant,
            "scopes": spelled(identity.granted).split(),
            "obtainable": spelled(identity.obtainable).split(),
            "reach": caller.reach.name.lower(),
            "profiles": list(identity.tenant.profiles),
            "allow": list(identity.tenant.allow),
            "deny": list(identity.tenant.deny),
            "per_minute": caller.per_minute,
        }
        return JSONResponse(told, headers=NEVER_KEPT)


def _error(status: int, code: str, description: str, *, retry: int | None = None) -> JSONResponse:
    headers = {**NEVER_KEPT, **({"Retry-After": str(retry)} if retry is not None else {})}
    return JSONResponse({"error": code, "error_description": description}, status, headers=headers)


async def form(request: Request) -> list[tuple[str, str]]:
    """A form's fields in order. Raises InvalidInput."""
    try:
        return parse_qsl((await request.body()).decode("ascii"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise InvalidInput("the form cannot be read") from None


async def body(request: Request) -> Mapping[str, Any]:
    """A JSON object. Raises InvalidInput."""
    try:
        told = json.loads(await request.body())
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise InvalidInput("send a JSON object")
    return told
