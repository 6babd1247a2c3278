"""What one upstream brings to the house: its dialect, its spec and its tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from dari.core.acts import Holder
from dari.core.endpoint import Endpoint
from dari.core.exchange import Call, Grant, Reply
from dari.core.tool import Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One named key set of one mode. Its parts never print themselves.

    `parts` are the upstream's own names (KIS: appkey, appsecret, account, product).
    """

    mode: str
    profile: str = "default"
    parts: Mapping[str, str] = field(repr=False)

    def __repr__(self) -> str:
        return f"Credential(mode={self.mode!r}, profile={self.profile!r}, parts=[{', '.join(self.parts)}])"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` calls in any `seconds`, counted where they arrive."""

    limit: int
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as the dialect spells it and signing completes it."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    payload: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response, read to its end."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


class Spec(Protocol):
    """A provider's endpoint sheets, loaded when first asked for."""

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """The row of `endpoint_id`. Raises NotFound with the nearest ids."""
        ...

    def ids(self) -> tuple[str, ...]:
        """Every endpoint id, in sheet order."""
        ...


class Dialect(Protocol):
    """How one upstream spells a call, and what its replies mean."""

    @property
    def name(self) -> str:
        """The provider's name."""
        ...

    def check(self, call: Call) -> None:
        """Refuse what can be refused before the network: no key, swapped keys, an endpoint this mode lacks."""
        ...

    def lane(self, call: Call) -> str:
        """Which circuit this call belongs to: a hash of the key, the mode, the kind of endpoint."""
        ...

    def limits(self, call: Call) -> tuple[tuple[str, Rate], ...]:
        """Every limit this call counts against at the upstream, by a name the holders of the key share."""
        ...

    async def sign_in(self, profile: str, mode: str) -> Grant:
        """Ask the upstream for a grant. Raises MissingCredential, SignInRefused, RateLimited or Unreachable."""
        ...

    def grant_name(self, profile: str, mode: str) -> str | None:
        """The name the grant is shared under (a hash of the key), or None where this upstream needs none."""
        ...

    async def __call__(self, call: Call, /) -> Reply:
        """Spell, send, judge. Raises a DariError for whatever is not a success."""
        ...


class Granting(Protocol):
    """Where grants of one kind come from: what Dialect says of it."""

    def grant_name(self, profile: str, mode: str) -> str | None: ...
    async def sign_in(self, profile: str, mode: str) -> Grant: ...


@runtime_checkable
class Revoking(Protocol):
    """A dialect whose upstream takes a grant back before its time."""

    async def revoke(self, profile: str, mode: str, grant: Grant) -> None:
        """Have the upstream forget the grant. Raises GrantStale where it knew it no more, and what sign_in raises."""
        ...


@runtime_checkable
class Holding(Protocol):
    """A dialect whose upstream keeps accounts."""

    def holder(self, call: Call) -> Holder:
        """The account the call is for. Raises MissingCredential or WrongMode, before the network."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """A named group of tools with the provider they ask."""

    provider: str
    tools: tuple[Tool, ...]
