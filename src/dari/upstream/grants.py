"""Grants (access tokens): one per key and mode, issued by one process, kept private, shared by all."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dari.core.clock import Clock
from dari.core.errors import GrantStale, NotFound, RateLimited
from dari.core.exchange import Call, Grant, Reply, Sender
from dari.core.provider import Granting, Revoking
from dari.core.shared_state import SharedState

EARLY: Final = timedelta(minutes=5)
"""A grant this close to its end is renewed: it must outlive the call that carries it."""

BACK_OFF_SECONDS: Final = 60.0
"""After a refused issue ("one a minute"), nobody who shares the key asks again before this has passed."""


class Grants:
    """Where grants come from: memory, then shared state, then the upstream, with one issuer at a time."""

    def __init__(self, dialect: Granting, state: SharedState, clock: Clock) -> None:
        self._dialect = dialect
        self._state = state
        self._clock = clock
        self._held: dict[str, Grant] = {}
        self._issuing: dict[str, asyncio.Lock] = {}
        self._disowned: set[str] = set()

    def disown(self, grant: Grant) -> None:
        """The upstream has refused this grant: it is replaced at the next call, by whoever comes first."""
        self._disowned.add(grant.token)

    async def get(self, profile: str, mode: str) -> Grant | None:
        """A grant that is good for a while yet, or None where this upstream needs none.

        Raises what `Dialect.sign_in` raises.
        """
        name = self._dialect.grant_name(profile, mode)
        if name is None:
            return None
        held = self._held.get(name)
        if held is not None and self._good(held):
            return held
        async with self._issuing.setdefault(name, asyncio.Lock()), self._state.lock(f"grant {name}"):
            kept = await self._kept(name)
            if kept is None or not self._good(kept):
                kept = await self._issue(name, profile, mode)
            self._held[name] = kept
            return kept

    async def renew(self, profile: str, mode: str) -> Grant | None:
        """Revoke the grant at the upstream and take a new one; who asks meanwhile waits, or shares the new one.

        Other processes notice at their next call: it is refused, and they find the new grant in the shared state.
        Raises NotFound where the upstream takes no grant back, RateLimited (and revokes nothing) where the grant is so
        young that no other would be issued yet, and what `Revoking.revoke` and `Dialect.sign_in` raise.
        """
        name, dialect = self._dialect.grant_name(profile, mode), self._dialect
        if name is None or not isinstance(dialect, Revoking):
            raise NotFound("this upstream takes no access token back")
        before = await self._kept(name)
        async with self._issuing.setdefault(name, asyncio.Lock()), self._state.lock(f"grant {name}"):
            kept = await self._kept(name)
            if kept is None or kept == before:  # else another has renewed it while this one waited
                if kept is not None:
                    await self._old_enough(name)
                    with suppress(GrantStale):
                        await dialect.revoke(profile, mode, kept)
                    self.disown(kept)
                    await self._state.drop(f"grant {name}")
                self._held.pop(name, None)
                kept = await self._issue(name, profile, mode)
            self._held[name] = kept
            return kept

    async def _old_enough(self, name: str) -> None:
        issued = (await self._state.get(f"grant {name}") or {}).get("issued", 0.0)
        left = issued + BACK_OFF_SECONDS - self._clock.now().timestamp()
        if left > 0:
            raise RateLimited("a new access token may be asked for once a minute", retry_after=left)

    def _good(self, grant: Grant) -> bool:
        return grant.token not in self._disowned and grant.ends - EARLY > self._clock.now()

    async def _kept(self, name: str) -> Grant | None:
        kept = await self._state.get(f"grant {name}")
        if kept is None or "token" not in kept:  # or sealed with a key that is not here: a new one is issued
            return None
        return Grant(kept["token"], datetime.fromisoformat(kept["ends"]), kept["parts"])

    async def _issue(self, name: str, profile: str, mode: str) -> Grant:
        refused = await self._state.get(f"grant refused {name}")
        if refused is not None:
            left = float(refused["until"]) - self._clock.now().timestamp()
            raise RateLimited("a new access token may be asked for once a minute", retry_after=max(left, 1.0))
        try:
            grant = await self._dialect.sign_in(profile, mode)
        except RateLimited as error:
            wait = error.retry_after or BACK_OFF_SECONDS
            until = self._clock.now().timestamp() + wait
            await self._state.put(f"grant refused {name}", {"until": until}, seconds=wait)
            raise
        # An upstream may issue the very token it has just refused (Kiwoom does inside its life): it is the grant now.
        self._disowned.discard(grant.token)
        life = (grant.ends - self._clock.now()).total_seconds()
        issued = self._clock.now().timestamp()
        value = {"token": grant.token, "ends": grant.ends.isoformat(), "parts": dict(grant.parts), "issued": issued}
        await self._state.put(f"grant {name}", value, seconds=life)
        return grant


class Signing:
    """A Sender that puts the grant into the call, last of all, so that it is fresh."""

    def __init__(self, inner: Sender, grants: Grants) -> None:
        self._inner = inner
        self._grants = grants

    async def __call__(self, call: Call, /) -> Reply:
        grant = await self._grants.get(call.profile, call.mode)
        try:
            return await self._inner(replace(call, grant=grant))
        except GrantStale:
            if grant is not None:
                self._grants.disown(grant)
            raise


class Renewal:
    """A Sender that sends once more when the upstream disowned the grant: nothing was executed then, whatever the call.

    It stands outside pacing, because the second try takes a ticket of its own.
    """

    def __init__(self, inner: Sender) -> None:
        self._inner = inner

    async def __call__(self, call: Call, /) -> Reply:
        try:
            return await self._inner(call)
        except GrantStale:
            return await self._inner(call)
