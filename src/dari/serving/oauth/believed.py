"""Whose tokens are believed: those of our own server, or those an outside issuer has signed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from dari.core.endpoint import Effect
from dari.core.errors import InvalidInput, NotFound
from dari.serving.callers import Permit
from dari.serving.oauth.admission import Identity, scoped
from dari.serving.oauth.issuer import Issuer
from dari.serving.oauth.people import People, Tenant
from dari.serving.oauth.scopes import EVERYWHERE, SCOPE, permits, spelled, within

Claims = Callable[[str], Awaitable[Mapping[str, Any] | None]]
"""From a token to its claims, where an outside issuer's signature, issuer and time hold."""

DEFAULT_TENANT: Final = "default"


class OwnTokens:
    """Tokens of our own authorization server."""

    scopes = EVERYWHERE

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    @property
    def issuer(self) -> str:
        return self._issuer.base

    async def identify(self, token: str) -> Identity | None:
        return await asyncio.to_thread(self._identify, token)

    def _identify(self, token: str) -> Identity | None:
        found = self._issuer.token(token)
        if found is None:
            return None
        people, session = self._issuer.people, found.session
        tenant = people.tenant(session.tenant)
        person = people.person(session.user) if session.user else None
        if person is not None:
            if person.tenant != session.tenant:
                return None  # moved since: what was signed in for another tenant is over
            owned = people.owned(person)
        else:
            client = self._issuer.clients.get(session.client_id)
            if client is None or client.tenant != session.tenant:
                return None
            owned = permits(client.scope)
        audience = found.claims["aud"]
        return Identity(
            subject=session.user or session.client_id,
            client=session.client_id,
            tenant=tenant,
            audiences=tuple(audience) if isinstance(audience, list) else (audience,),
            granted=within(permits(found.claims["scope"]), owned),
            obtainable=owned,
        )

    def named(self, needed: Permit, granted: Iterable[Permit]) -> str:
        return spelled([*granted, needed])


class OutsideTokens:
    """Tokens of an outside issuer (RFC 9068 or plain JWT), by settings alone.

    `names` translates its scopes into ours; `tenant_claim` says where it names the tenant, and a token without one is
    of the tenant `default`. A tenant must be kept here, but for `default`, whose keys are those of the settings.
    """

    def __init__(
        self,
        issuer: str,
        claims: Claims,
        *,
        people: People,
        names: Mapping[str, str],
        tenant_claim: str = "tenant",
        audiences: tuple[str, ...] = (),
        base: str = "",
    ) -> None:
        self.issuer = issuer
        self._claims, self._people, self._names, self._tenant_claim = claims, people, names, tenant_claim
        self._audiences, self._base = audiences, base
        self.scopes = tuple(names) or EVERYWHERE
        named = tuple(one for ours in names.values() for one in permits(ours))
        self._obtainable = named or (Permit(Effect.COMMIT),)  # what it would give to whom is the issuer's business

    async def identify(self, token: str) -> Identity | None:
        claims = await self._claims(token)
        if claims is None:
            return None
        subject, client = str(claims.get("sub") or ""), str(claims.get("client_id") or claims.get("azp") or "")
        told = claims.get("scope") or claims.get("scp") or ""
        scopes = " ".join(map(str, told)) if isinstance(told, list) else str(told)
        ours = " ".join(one for one in scoped(self._names, scopes).split() if SCOPE.fullmatch(one))
        try:
            granted = permits(ours)
        except InvalidInput:
            return None
        audience = claims.get("aud")
        named = [str(one) for one in audience] if isinstance(audience, list) else [str(audience)] if audience else []
        # An issuer that names its resources by a word of its own is told so by a setting; that word is this address.
        audiences = tuple(self._base if one in self._audiences else one for one in named)
        if not (subject or client):
            return None
        return Identity(
            subject=_plain(subject or client),
            client=_plain(client),
            tenant=await asyncio.to_thread(self._tenant, claims.get(self._tenant_claim)),
            audiences=audiences,
            granted=granted,
            obtainable=self._obtainable,
        )

    def _tenant(self, claim: Any) -> Tenant:
        name = DEFAULT_TENANT if claim is None else str(claim)
        try:
            return self._people.tenant(name)
        except NotFound:
            if claim is None:
                return Tenant(name=DEFAULT_TENANT, profiles=("default",))
            raise

    def named(self, needed: Permit, granted: Iterable[Permit]) -> str:
        """In the issuer's own words, where the setting gives them."""
        granted = tuple(granted)
        if not self._names:
            return spelled([*granted, needed])
        theirs = {name: permits(ours) for name, ours in self._names.items()}
        had = [name for name, ours in theirs.items() if ours and set(within(ours, granted)) == set(ours)]
        does = [name for name, ours in theirs.items() if within([needed], ours) == (needed,)]
        least = sorted(does, key=lambda name: max(one.reach for one in theirs[name]))[:1]
        return " ".join(dict.fromkeys([*had, *least]))


def _plain(name: str) -> str:
    """A name as an audit line may carry it: printable, short."""
    return "".join(letter for letter in name if letter.isprintable())[:120]
