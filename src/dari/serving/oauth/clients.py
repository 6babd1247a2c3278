"""The programs that may ask for tokens: registered by a person, by themselves (DCR) or by their own page (CIMD)."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin

from dari.core.clock import Clock
from dari.core.errors import InvalidInput, NotAllowed
from dari.serving.oauth.records import Kept, Records
from dari.serving.oauth.scopes import permits, spelled, within

CODE: Final = ("authorization_code", "refresh_token")
GRANTS: Final = frozenset({"authorization_code", "refresh_token", "client_credentials", "password"})
METHODS: Final = ("none", "client_secret_basic", "client_secret_post")
DEFAULT_SCOPE: Final = "read"
PAGE_SECONDS: Final = 3600.0
"""How long a client's own page is believed before it is read again."""
STALE_DYNAMIC: Final = 90 * 86_400.0
MOST_REDIRECTS: Final = 10
MOST_DYNAMIC: Final = 1000
LOGIN_CLIENT: Final = "dari-login"
"""The client of POST /auth/login: the document's own page, of this server itself."""

PageOf = Callable[[str], Awaitable[Mapping[str, Any]]]
"""From a client's address to its metadata document; raises InvalidInput for one that must not be read or is wrong."""


@dataclass(frozen=True, kw_only=True)
class OAuthClient(ClientMixin):
    """One client. A secret is kept as its hash: it is random, so a fast hash does."""

    client_id: str
    name: str = ""
    redirect_uris: tuple[str, ...] = ()
    grants: tuple[str, ...] = CODE
    method: str = "none"
    secret_hash: str = ""
    scope: str = "read change commit"
    source: str = "registered"
    tenant: str = ""
    """For client credentials: whom it acts for."""
    introspects: bool = False
    """Whether it may ask about others' tokens (a resource server of ours)."""

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        return self.redirect_uris[0] if len(self.redirect_uris) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        try:
            return spelled(within(permits(scope or DEFAULT_SCOPE), permits(self.scope))) or None
        except InvalidInput:
            return None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return any(same_redirect(one, redirect_uri) for one in self.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        return bool(self.secret_hash) and secrets.compare_digest(self.secret_hash, hashed(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        del endpoint
        return method == self.method if self.method == "none" else method in METHODS[1:]

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and "authorization_code" in self.grants

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grants


def hashed(secret: str) -> str:
    """The hash a random secret or token is kept as."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def same_redirect(registered: str, asked: str) -> bool:
    """Whether an address is the registered one, letter by letter; a native program's loopback port may differ."""
    if registered == asked:
        return True
    try:
        one, other = urlsplit(registered), urlsplit(asked)
        _ = one.port, other.port  # raises for what is no port
    except ValueError:
        return False
    parts = (one.scheme, one.hostname, one.path, one.query) == (other.scheme, other.hostname, other.path, other.query)
    plain = "@" not in other.netloc and not other.fragment
    return parts and plain and one.scheme == "http" and is_loopback(one.hostname)


def checked_redirects(addresses: Any) -> tuple[str, ...]:
    """Addresses a browser may be sent back to. Raises InvalidInput for one that could leak a code."""
    if not isinstance(addresses, list | tuple) or not 0 < len(addresses) <= MOST_REDIRECTS:
        raise InvalidInput(f"redirect_uris are 1 to {MOST_REDIRECTS} addresses")
    for one in addresses:
        try:
            parts = urlsplit(one) if isinstance(one, str) else None
        except ValueError:
            parts = None
        web = parts is not None and (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
        )
        # A program of its own scheme names it by a domain (RFC 8252 7.1); javascript: and data: have no dot.
        own = parts is not None and "." in parts.scheme
        clean = parts is not None and not parts.fragment and "@" not in parts.netloc and "*" not in one
        if not ((web or own) and clean and (own or parts is None or parts.hostname)):
            raise InvalidInput(
                "a redirect_uri is https, http on loopback or a scheme of one's own domain, without # or *"
            )
    return tuple(addresses)


class Clients:
    """The clients. Blocking, but for `resolved`."""

    def __init__(self, records: Records, clock: Clock, page_of: PageOf | None = None) -> None:
        self._records, self._clock, self._page_of = records, clock, page_of

    @property
    def reads_pages(self) -> bool:
        """Whether a client may be an address of its own metadata (CIMD)."""
        return self._page_of is not None

    def get(self, client_id: str) -> OAuthClient | None:
        """The client, or None."""
        kept = self._records.get("client", client_id[:190])
        if kept is None or (kept.ends is not None and kept.ends < self._clock.now().timestamp()):
            return None
        return _client(kept)

    async def resolve(self, client_id: str) -> None:
        """Read a client's own page where its id is an address we have not read lately. Raises InvalidInput."""
        if self._page_of is None or not client_id.startswith("https://") or self.get(client_id) is not None:
            return
        page = await self._page_of(client_id)
        if page.get("client_id") != client_id or len(client_id) > 190:  # noqa: PLR2004 -- the column's width
            raise InvalidInput("the page at client_id is another client's")
        if page.get("token_endpoint_auth_method", "none") != "none":
            raise InvalidInput("a client by its own page authenticates by none (PKCE)")
        client = OAuthClient(
            client_id=client_id,
            name=str(page.get("client_name") or urlsplit(client_id).hostname)[:80],
            redirect_uris=checked_redirects(page.get("redirect_uris")),
            source="page",
        )
        self.put(client, ends=self._clock.now().timestamp() + PAGE_SECONDS)

    def add(self, client: OAuthClient) -> str:
        """Register; returns its secret ("" for a public client), which is told this once. Raises NotAllowed."""
        unknown = set(client.grants) - GRANTS
        if unknown or client.method not in METHODS:
            raise InvalidInput(f"grants are {', '.join(sorted(GRANTS))}; methods {', '.join(METHODS)}")
        permits(client.scope)
        if "authorization_code" in client.grants:
            checked_redirects(client.redirect_uris)
        if "client_credentials" in client.grants and (client.method == "none" or not client.tenant):
            raise InvalidInput("client credentials need a secret and a tenant")
        secret = "" if client.method == "none" else secrets.token_urlsafe(32)
        kept = _kept(client, hashed(secret) if secret else "")
        if not self._records.add(kept):
            raise NotAllowed(f"there is a client {client.client_id!r} already")
        return secret

    def register(self, told: Mapping[str, Any]) -> tuple[OAuthClient, str]:
        """Dynamic registration (RFC 7591) of a program nobody here knows: code with PKCE, and nothing else."""
        if sum(1 for one in self._records.find("client") if one.body["source"] == "dynamic") >= MOST_DYNAMIC:
            raise NotAllowed("no more clients are registered")
        method = told.get("token_endpoint_auth_method", "client_secret_basic")
        grants = told.get("grant_types", ["authorization_code"])
        name, scope = told.get("client_name", ""), told.get("scope", DEFAULT_SCOPE)
        if not isinstance(grants, list) or not set(map(str, grants)) <= set(CODE) or method not in METHODS:
            raise InvalidInput("only authorization_code and refresh_token are registered by oneself")
        if not isinstance(name, str) or not isinstance(scope, str):
            raise InvalidInput("client_name and scope are text")
        client = OAuthClient(
            client_id=f"dcr-{secrets.token_hex(12)}",
            name="".join(letter for letter in name if letter.isprintable())[:80],
            redirect_uris=checked_redirects(told.get("redirect_uris")),
            grants=CODE,
            method=method,
            scope=spelled(permits(scope)),
            source="dynamic",
        )
        secret = "" if method == "none" else secrets.token_urlsafe(32)
        ends = self._clock.now().timestamp() + STALE_DYNAMIC
        self._records.put(_kept(client, hashed(secret) if secret else "", ends))
        return client, secret

    def put(self, client: OAuthClient, *, ends: float | None = None) -> None:
        """Keep a client as it is."""
        self._records.put(_kept(client, client.secret_hash, ends))

    def remove(self, client_id: str) -> bool:
        """Forget one; False where there was none."""
        return self._records.drop("client", client_id)

    def listed(self) -> list[OAuthClient]:
        """Every client."""
        return [_client(one) for one in self._records.find("client")]


def _kept(client: OAuthClient, secret_hash: str, ends: float | None = None) -> Kept:
    body = {
        "name": client.name, "redirect_uris": list(client.redirect_uris), "grants": list(client.grants),
        "method": client.method, "secret_hash": secret_hash, "scope": client.scope, "source": client.source,
        "tenant": client.tenant, "introspects": client.introspects,
    }  # fmt: skip
    return Kept("client", client.client_id, body, parent=client.tenant or None, ends=ends)


def _client(kept: Kept) -> OAuthClient:
    body = {**kept.body, "redirect_uris": tuple(kept.body["redirect_uris"]), "grants": tuple(kept.body["grants"])}
    return OAuthClient(client_id=kept.id, **body)
