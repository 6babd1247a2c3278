"""The gate of a guarded address: a bearer token becomes a caller with a tenant, or the request goes no further."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.requests import Request

from dari.core.clock import Clock
from dari.core.endpoint import Effect
from dari.core.errors import BadSetting, NotFound
from dari.serving.callers import Caller, Permit
from dari.serving.gate import Denied
from dari.serving.oauth.grants import covers
from dari.serving.oauth.people import Tenant

KEPT_SECONDS: Final = 1.0
"""How long a token is believed without looking again: the longest a token taken back elsewhere still works."""
KEPT_TOKENS: Final = 4096
LONGEST_TOKEN: Final = 8192
WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a token stands for: `obtainable` is what its owner may have now, `granted` what of it the token says."""

    subject: str
    client: str
    tenant: Tenant
    audiences: tuple[str, ...]
    granted: tuple[Permit, ...]
    obtainable: tuple[Permit, ...]


class Tokens(Protocol):
    """Whose tokens are believed: our own server's, or an outside issuer's."""

    @property
    def issuer(self) -> str:
        """Where a client gets one."""
        ...

    @property
    def scopes(self) -> tuple[str, ...]:
        """What may be asked for, as the issuer names it."""
        ...

    async def identify(self, token: str) -> Identity | None:
        """Who it stands for; None for a token that does not hold. Raises NotFound for a tenant that is not ours."""
        ...

    def named(self, needed: Permit, granted: Iterable[Permit]) -> str:
        """The scopes to ask for, to have what is granted and what is needed."""
        ...


def networks(told: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks (`10.0.0.0/8`). Raises BadSetting."""
    try:
        return tuple(ipaddress.ip_network(one.strip(), strict=False) for one in told if one.strip())
    except ValueError:
        raise BadSetting("an allow-list of addresses has addresses and networks such as 10.0.0.0/8") from None


def inside(address: str, allowed: Collection[Network]) -> bool:
    """Whether an address is in one of the networks; all are, where none is named."""
    if not allowed:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found.version == one.version and found in one for one in allowed)


class Admission:
    """Implements `dari.serving.gate.Gate`. `resources` are the paths that are resources of their own."""

    def __init__(
        self,
        tokens: Tokens,
        base: str,
        *,
        clock: Clock,
        resources: Collection[str] = (),
        allowed: Collection[Network] = (),
        proxies: Collection[Network] = (),
        most: Effect = Effect.COMMIT,
        language: str = "ko",
    ) -> None:
        """`most` is how far anybody may reach here, whatever a token says (DARI_REACH)."""
        self.tokens, self.base = tokens, base.rstrip("/")
        self._clock, self._resources = clock, tuple(sorted(resources, key=len, reverse=True))
        self._allowed, self._proxies, self._most, self._language = allowed, proxies, most, language
        self._kept: dict[str, tuple[float, Identity | None]] = {}

    def forget(self) -> None:
        """Look every token up anew."""
        self._kept.clear()

    # --- addresses ---

    def address(self, request: Request) -> str:
        """Where a request comes from: told by a proxy of ours, else its connection."""
        direct = request.client.host if request.client else ""
        if self._proxies and inside(direct, self._proxies):
            for hop in reversed(request.headers.get("x-forwarded-for", "").split(",")):
                if hop.strip() and not inside(hop.strip(), self._proxies):
                    return hop.strip()
        return direct

    def resource(self, path: str) -> str:
        """The resource a path belongs to: the longest that covers it, or the whole address."""
        below = next((one for one in self._resources if covers(one, path)), "")
        return f"{self.base}{below}"

    def metadata_address(self, path: str) -> str:
        """Where the metadata of a path's resource is."""
        return f"{self.base}{WELL_KNOWN}{self.resource(path).removeprefix(self.base)}"

    def metadata(self, path: str) -> dict[str, object] | None:
        """RFC 9728, of the resource at `path` ("" for the whole address); None where there is none."""
        if path and path not in self._resources:
            return None
        return {
            "resource": f"{self.base}{path}",
            "authorization_servers": [self.tokens.issuer],
            "scopes_supported": list(self.tokens.scopes),
            "bearer_methods_supported": ["header"],
            "resource_name": f"Dari {path.strip('/').removesuffix('/mcp')}".strip(),
        }

    # --- requests ---

    def _denied(self, request: Request, error: str, description: str, scope: str = "") -> Denied:
        status = 403 if error == "insufficient_scope" else 401
        return Denied(status, error, description, scope, self.metadata_address(request.url.path))

    async def admit(self, request: Request) -> Caller:
        """The caller. Raises Denied: 401 without a token that holds here, 403 from a place that is not allowed."""
        identity = await self.identity(request)
        if not inside(self.address(request), networks(identity.tenant.addresses)):
            raise Denied(403, "access_denied", "not from this address")
        return self._tightened(request, self.caller(identity))

    async def identity(self, request: Request) -> Identity:
        """Who asks. Raises Denied."""
        if not inside(self.address(request), self._allowed):
            raise Denied(403, "access_denied", "not from this address")
        told = request.headers.getlist("authorization")
        first = self.tokens.scopes[0] if self.tokens.scopes else ""
        if not told:
            raise self._denied(request, "missing_token", "sign in first", first)
        kind, _, token = told[0].partition(" ")
        if len(told) > 1 or kind.lower() != "bearer" or not token.strip() or len(token) > LONGEST_TOKEN:
            raise self._denied(request, "invalid_token", "one bearer token in the Authorization header", first)
        identity = await self._identified(token.strip())
        if identity is None:
            raise self._denied(request, "invalid_token", "the token does not hold: sign in again", first)
        here = f"{self.base}{request.url.path}"
        if not any(covers(one, here) for one in identity.audiences):
            raise self._denied(request, "invalid_token", "the token is for another resource", first)
        return identity

    async def _identified(self, token: str) -> Identity | None:
        name, now = hashlib.sha256(token.encode()).hexdigest(), self._clock.monotonic()
        kept = self._kept.get(name)
        if kept is not None and now < kept[0]:
            return kept[1]
        try:
            identity = await self.tokens.identify(token)
        except NotFound:
            raise Denied(403, "access_denied", "the token's tenant is not known here") from None
        if len(self._kept) >= KEPT_TOKENS:
            self._kept.clear()
        if identity is not None:  # what does not hold is not worth a place
            self._kept[name] = (now + KEPT_SECONDS, identity)
        return identity

    def caller(self, identity: Identity) -> Caller:
        """The caller of an identity."""
        tenant = identity.tenant
        farthest = max((one.reach for one in identity.granted), default=Effect.READ)
        return Caller(
            name=f"{tenant.name}/{identity.subject}",
            reach=min(farthest, self._most),
            profiles=tenant.profiles or (nobodys(tenant.name),),
            language=self._language,
            tenant=tenant.name,
            permits=identity.granted,
            obtainable=tuple(Permit(min(one.reach, self._most), one.server, one.name) for one in identity.obtainable),
            allow=(tenant.allow,) if tenant.allow else (),
            deny=tenant.deny,
            per_minute=tenant.per_minute or None,
        )

    def _tightened(self, request: Request, caller: Caller) -> Caller:
        told = {name: _told(request, name) for name in ("reach", "allow", "deny", "profile")}
        if not any(told.values()):
            return caller
        reach, profile = told["reach"], told["profile"]
        if reach and reach.upper() not in Effect.__members__:
            raise Denied(400, "invalid_request", "reach is read, change or commit")
        less = caller.tightened(
            reach=Effect[reach.upper()] if reach else None,
            allow=_list(told["allow"]),
            deny=_list(told["deny"]),
            profile=profile or None,
        )
        if profile and not less.profiles:
            raise Denied(403, "access_denied", "that profile is not bound to you")
        return less


def nobodys(tenant: str) -> str:
    """The profile of a tenant that has none: no key is in it, and nobody else's."""
    return f"{tenant}/-"


def _told(request: Request, name: str) -> str:
    return request.headers.get(f"x-dari-{name}") or request.query_params.get(name, "")


def _list(told: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in told.split(",") if one.strip())


def scoped(names: Mapping[str, str], scopes: str) -> str:
    """Scopes of an outside issuer in our words; what is neither ours nor named is left out."""
    return " ".join(names.get(one, one) for one in scopes.split())
