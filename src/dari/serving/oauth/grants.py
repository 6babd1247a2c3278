"""The four ways to a token, each authlib's own grant with our records behind it."""

from __future__ import annotations

from typing import Any, Final, Protocol

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6749 import grants as authlib_grants
from authlib.oauth2.rfc7636 import CodeChallenge

from dari.core.errors import InvalidInput
from dari.serving.oauth.clients import METHODS
from dari.serving.oauth.people import People, Person, TooOften
from dari.serving.oauth.scopes import permits, spelled, within
from dari.serving.oauth.sessions import Code, Refresh, Sessions

ALL_METHODS: Final = list(METHODS)


class Behind(Protocol):
    """What the grants need of the authorization server."""

    base: str
    people: People
    sessions: Sessions

    def offers(self, resource: str) -> bool:
        """Whether a resource is of this server."""
        ...


class InvalidTarget(OAuth2Error):
    """RFC 8707: the resource is none of ours, or none that was granted."""

    error = "invalid_target"


class SlowDown(OAuth2Error):
    """Too many failures; the caller is told to wait."""

    error = "slow_down"
    status_code = 429


class S256(CodeChallenge):
    """PKCE for every client, public or not, and never `plain`, which is also what leaving the method out means."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 -- authlib's own shape

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: code_challenge with code_challenge_method=S256")
        super().validate_code_challenge(grant, redirect_uri)

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        if not grant.request.form.get("code_verifier"):
            raise InvalidRequestError("Missing 'code_verifier'")
        super().validate_code_verifier(grant, result)


def resources(request: Any, issuer: Behind, granted: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The resources a request names (RFC 8707), or those granted, or this whole server. Raises InvalidTarget."""
    asked = tuple(dict.fromkeys(request.payload.datalist.get("resource", [])))
    if not asked:
        return granted or (issuer.base,)
    for one in asked:
        if not issuer.offers(one) or (granted is not None and not any(covers(other, one) for other in granted)):
            raise InvalidTarget("the resource is not one of this server's, or was not granted")
    return asked


def covers(audience: str, resource: str) -> bool:
    """Whether a token for `audience` is one for `resource`: the same, or below it."""
    whole = audience.rstrip("/")
    return resource.rstrip("/") == whole or resource.startswith(f"{whole}/")


class CodeGrant(authlib_grants.AuthorizationCodeGrant):
    """Authorization code with PKCE."""

    TOKEN_ENDPOINT_AUTH_METHODS = ALL_METHODS
    server: Behind

    def __init__(self, request: Any, server: Behind) -> None:
        super().__init__(request, server)
        self.register_hook("after_validate_authorization_request_payload", self._check_target)

    def _check_target(self, grant: Any, redirect_uri: str) -> None:
        del redirect_uri
        resources(grant.request, self.server)

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Keep what was consented to: of what was asked for, what the client and the user may have."""
        scope = spelled(within(permits(request.scope), self.server.people.owned(request.user)))
        if not scope:
            raise InvalidScopeError("none of it is yours to give", redirect_uri=self.redirect_uri)
        told = {
            "client_id": request.client.client_id,
            "user": request.user.name,
            "redirect_uri": request.payload.redirect_uri or "",
            "scope": scope,
            "resources": list(resources(request, self.server)),
            "code_challenge": request.payload.data["code_challenge"],
        }
        self.server.sessions.new_code(code, told)

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        return self.server.sessions.code(code, client.client_id)

    def authenticate_user(self, authorization_code: Code) -> Person | None:
        """The user, once: the code is spent here, before anything is made of it."""
        granted = resources(self.request, self.server, authorization_code.resources)
        if not self.server.sessions.spend_code(authorization_code):
            raise InvalidGrantError("Invalid 'code' in request.")
        self.request.granted = {"session": authorization_code.session, "resources": granted}
        return self.server.people.person(authorization_code.user)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It stays, spent, so that a second use is seen."""


class RefreshGrant(authlib_grants.RefreshTokenGrant):
    """Refresh with rotation: each token once, a second use takes the session back."""

    TOKEN_ENDPOINT_AUTH_METHODS = ALL_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: Behind

    def authenticate_refresh_token(self, refresh_token: str) -> Refresh | None:
        found = self.server.sessions.refresh(refresh_token)
        return None if found is None or found.is_expired() else found

    def _validate_token_scope(self, token: Refresh) -> None:
        """Never more than was granted; `kis-trade:read` is less than `read`."""
        asked = self.request.payload.scope
        try:
            less = permits(asked)
        except InvalidInput as error:
            raise InvalidScopeError(str(error)) from None
        if asked and set(within(less, permits(token.get_scope()))) != set(within(less, less)):
            raise InvalidScopeError("that is more than was granted")

    def authenticate_user(self, refresh_token: Refresh) -> Any:
        session = refresh_token.session
        granted = resources(self.request, self.server, session.resources)
        if not self.server.sessions.spend_refresh(refresh_token):
            raise InvalidGrantError
        person = self.server.people.person(session.user)
        if person is None:
            self.server.sessions.revoke(session.id)
            raise InvalidGrantError("the user is gone")
        self.request.granted = {"session": session.id, "resources": granted, "going_on": session}
        return person

    def revoke_old_credential(self, refresh_token: Refresh) -> None:
        """It is spent already."""


class ClientGrant(authlib_grants.ClientCredentialsGrant):
    """A program on its own behalf, for its tenant."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]  # noqa: RUF012 -- authlib's own shape
    server: Behind

    def validate_requested_scope(self) -> None:
        allowed = self.request.client.get_allowed_scope(self.request.payload.scope)
        if allowed is None:
            raise InvalidScopeError("none of it may be had by this client")
        self.request.scope = allowed
        self.request.granted = {"resources": resources(self.request, self.server)}

    def generate_token(self, **told: Any) -> Any:
        return super().generate_token(**{**told, "scope": self.request.scope})


class PasswordGrant(authlib_grants.ResourceOwnerPasswordCredentialsGrant):
    """User name and password, where the operator has switched it on."""

    TOKEN_ENDPOINT_AUTH_METHODS = ALL_METHODS
    server: Behind

    def authenticate_user(self, username: str, password: str) -> Person:
        try:
            person = self.server.people.signed_in(username, password, self.request.address)
        except TooOften as error:
            raise SlowDown(error.message) from None
        if person is None:
            raise InvalidGrantError("the user name or the password is wrong")
        return person

    def validate_requested_scope(self) -> None:
        asked = self.request.client.get_allowed_scope(self.request.payload.scope)
        scope = spelled(within(permits(asked), self.server.people.owned(self.request.user)))
        if not scope:
            raise InvalidScopeError("none of it is yours")
        self.request.scope = scope
        self.request.granted = {"resources": resources(self.request, self.server)}

    def generate_token(self, **told: Any) -> Any:
        return super().generate_token(**{**told, "scope": self.request.scope})
