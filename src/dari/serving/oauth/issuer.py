"""The authorization server: authlib's, with our clients, people, sessions and keys behind it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request, UnsupportedGrantTypeError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9207 import IssuerParameter

from dari.core.clock import Clock
from dari.core.errors import InvalidInput
from dari.serving.oauth.clients import LOGIN_CLIENT, METHODS, Clients, OAuthClient
from dari.serving.oauth.grants import ALL_METHODS, S256, ClientGrant, CodeGrant, PasswordGrant, RefreshGrant, covers
from dari.serving.oauth.people import People, Person
from dari.serving.oauth.records import Records
from dari.serving.oauth.scopes import EVERYWHERE, permits
from dari.serving.oauth.sessions import Refresh, Session, Sessions
from dari.serving.oauth.signing_keys import SigningKeys
from dari.serving.oauth.vault import Vault

TOKEN_SECONDS: Final = 1800
SWITCHED_OFF: Final = (
    "the password grant is off here: use authorization_code with PKCE, or client_credentials for a program "
    "(an operator may set DARI_AUTH_PASSWORD_GRANT=1)"
)


class Asked(OAuth2Request):
    """An HTTP request as authlib reads one: `told` are its parameters, in order, twice where they were sent twice."""

    def __init__(
        self, method: str, uri: str, told: list[tuple[str, str]], headers: Mapping[str, str], address: str = ""
    ) -> None:
        super().__init__(method, uri, headers=headers)
        self.payload = BasicOAuth2Payload(dict(told))
        for name, value in told:
            if value not in self.payload.datalist[name]:
                self.payload.datalist[name].append(value)
        self.address = address
        self.granted: dict[str, Any] = {}

    @property
    def args(self) -> Any:
        return self.payload.data

    @property
    def form(self) -> Any:
        return self.payload.data


@dataclass
class Said:
    """An answer, not yet of any web framework."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def location(self) -> str | None:
        """Where a browser is sent."""
        return self.headers.get("Location")

    @location.setter
    def location(self, value: str) -> None:
        self.headers["Location"] = value


class _Named(IssuerParameter):
    """Every answer to a browser names who gave it (RFC 9207), against mix-ups."""

    def __init__(self, base: str) -> None:
        self._base = base

    def get_issuer(self) -> str:
        return self._base


class _Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = ALL_METHODS
    server: Issuer

    def query_token(self, token_string: str, token_type_hint: str | None) -> Any:
        del token_type_hint
        return self.server.known(token_string)

    def revoke_token(self, token: Any, request: Any) -> None:
        """A refresh token takes its session with it; an access token goes alone."""
        del request
        if isinstance(token, Refresh):
            self.server.sessions.revoke(token.session.id)
        else:
            self.server.sessions.revoke_token(token.claims["jti"], token.claims["exp"])
        self.server.forget()


class _Introspection(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = ALL_METHODS[1:]
    server: Issuer

    def query_token(self, token_string: str, token_type_hint: str | None) -> Any:
        del token_type_hint
        return self.server.known(token_string)

    def check_permission(self, token: Any, client: OAuthClient, request: Any) -> bool:
        """Only one's own tokens, or those for a resource server that was given the right to ask."""
        del request
        return client.introspects or bool(token.check_client(client))

    def introspect_token(self, token: Any) -> dict[str, Any]:
        if isinstance(token, Refresh):
            return {"active": True, "token_type": "refresh_token", "client_id": token.session.client_id}
        return {"active": True, "token_type": "Bearer", **token.claims}


@dataclass(frozen=True)
class AccessToken:
    """An access token of ours that is neither over nor taken back."""

    claims: Mapping[str, Any]
    session: Session

    def check_client(self, client: Any) -> bool:
        return bool(self.claims["client_id"] == client.client_id)

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False


class Issuer(AuthorizationServer):
    """Blocking: every method is called in a thread. `base` is the public address, without a slash at its end."""

    def __init__(
        self,
        base: str,
        *,
        records: Records,
        vault: Vault,
        clock: Clock,
        people: People,
        clients: Clients,
        password_grant: bool = False,
        token_seconds: int = TOKEN_SECONDS,
    ) -> None:
        super().__init__(scopes_supported=None)
        self.base = base.rstrip("/")
        self.records, self.clock, self.people, self.clients = records, clock, people, clients
        self.sessions = Sessions(records, clock)
        self.keys = SigningKeys(records, vault, clock)
        self.password_grant = password_grant
        self.token_seconds = token_seconds
        self.forget: Callable[[], None] = lambda: None
        self.register_grant(CodeGrant, [S256(required=True)])
        self.register_grant(RefreshGrant)
        self.register_grant(ClientGrant)
        if password_grant:
            self.register_grant(PasswordGrant)
        self.register_token_generator("default", _nothing_yet)
        self.register_endpoint(_Revocation)
        self.register_endpoint(_Introspection)
        self.register_extension(_Named(self.base))

    # --- what authlib asks of a framework ---

    def query_client(self, client_id: str) -> OAuthClient | None:
        return self.clients.get(client_id)

    def create_oauth2_request(self, request: Asked) -> Asked:
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Said:
        return Said(status, body, {**dict(headers), "Cache-Control": "no-store", "Pragma": "no-cache"})

    def send_signal(self, name: str, *arguments: Any, **named: Any) -> None:
        """Nobody listens."""

    def get_token_grant(self, request: Asked) -> Any:
        try:
            return super().get_token_grant(request)
        except UnsupportedGrantTypeError:
            if request.payload.grant_type == "password":
                raise _Off("password") from None
            raise

    def validate_requested_scope(self, scope: str | None) -> None:
        try:
            permits(scope)
        except InvalidInput as error:
            from authlib.oauth2.rfc6749 import InvalidScopeError  # noqa: PLC0415 -- only for who asks for nonsense

            raise InvalidScopeError(str(error.message)) from None

    def save_token(self, token: dict[str, Any], request: Asked) -> None:
        """Make the tokens authlib has decided on: a session (or the one that goes on), its access and refresh token."""
        client, person, granted = request.client, request.user, dict(request.granted)
        going_on: Session | None = granted.pop("going_on", None)
        scope, refreshes = token["scope"] or "", token.pop("refreshes")
        if going_on is None:
            seconds = {} if refreshes else {"seconds": float(self.token_seconds)}
            session = self.sessions.begin(
                session=granted.get("session", ""),
                client_id=client.client_id,
                user=person.name if person else "",
                tenant=person.tenant if person else client.tenant,
                scope=scope,
                resources=tuple(granted["resources"]),
                grant=request.payload.grant_type or "login",
                **seconds,
            )
        else:
            session = going_on
        token |= self.issued(session, scope, tuple(granted["resources"]))
        if refreshes:
            token["refresh_token"] = self.sessions.new_refresh(session)

    # --- ours ---

    def issued(self, session: Session, scope: str, resources: tuple[str, ...]) -> dict[str, Any]:
        """An access token of a session."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.base, "sub": session.user or session.client_id, "client_id": session.client_id,
            "aud": list(resources) if len(resources) > 1 else resources[0], "scope": scope, "sid": session.id,
            "iat": now, "exp": now + self.token_seconds, "jti": secrets.token_hex(12), "tenant": session.tenant,
        }  # fmt: skip
        return {"access_token": self.keys.signed(claims), "expires_in": self.token_seconds, "token_type": "Bearer"}

    def login(self, person: Person, scope: str) -> dict[str, Any]:
        """What POST /auth/login gives: an access token without a refresh token, for this whole server."""
        session = self.sessions.begin(
            client_id=LOGIN_CLIENT, user=person.name, tenant=person.tenant, scope=scope, resources=(self.base,),
            grant="login", seconds=float(self.token_seconds),
        )  # fmt: skip
        return {**self.issued(session, scope, session.resources), "scope": scope}

    def take_back(self, token: str) -> None:
        """End an access token that holds, and the sign-in it came from."""
        if (known := self.token(token)) is not None:
            self.sessions.revoke(known.session.id)
            self.forget()

    def token(self, token: str) -> AccessToken | None:
        """An access token of ours that still holds: signature, time, session, and not taken back by itself."""
        claims = self.keys.verified(token, self.base)
        if claims is None or self.sessions.is_revoked(str(claims.get("jti"))):
            return None
        session = self.sessions.get(str(claims.get("sid")))
        if session is None or session.client_id != claims.get("client_id"):
            return None
        if session.user and self.people.person(session.user) is None:
            return None
        return AccessToken(claims, session)

    def known(self, token: str) -> AccessToken | Refresh | None:
        """A token of either kind."""
        return self.sessions.refresh(token) if token.startswith("dr_") else self.token(token)

    def offers(self, resource: str) -> bool:
        """Whether a resource is of this server: its address or one below it, without query or fragment."""
        try:
            parts = urlsplit(resource)
        except ValueError:
            return False
        return covers(self.base, resource) and not parts.query and not parts.fragment and ".." not in parts.path

    def metadata(self, *, registers: bool) -> dict[str, Any]:
        """RFC 8414."""
        grants = ["authorization_code", "refresh_token", "client_credentials"]
        told = {
            "issuer": self.base,
            "authorization_endpoint": f"{self.base}/auth/authorize",
            "token_endpoint": f"{self.base}/auth/token",
            "revocation_endpoint": f"{self.base}/auth/revoke",
            "introspection_endpoint": f"{self.base}/auth/introspect",
            "jwks_uri": f"{self.base}/auth/jwks",
            "scopes_supported": list(EVERYWHERE),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": [*grants, *(["password"] if self.password_grant else [])],
            "token_endpoint_auth_methods_supported": list(METHODS),
            "revocation_endpoint_auth_methods_supported": list(METHODS),
            "introspection_endpoint_auth_methods_supported": list(METHODS[1:]),
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "client_id_metadata_document_supported": self.clients.reads_pages,
        }
        return {**told, "registration_endpoint": f"{self.base}/auth/register"} if registers else told


class _Off(UnsupportedGrantTypeError):
    def __init__(self, grant_type: str) -> None:
        super().__init__(grant_type)
        self.description = SWITCHED_OFF

    def get_error_description(self) -> str:
        return SWITCHED_OFF


def _nothing_yet(*, scope: str | None, include_refresh_token: bool, **_: Any) -> dict[str, Any]:
    """The token as authlib passes it on; `save_token` fills it in, once, where the session is known."""
    return {"scope": scope, "refreshes": include_refresh_token}
