"""What flows between a tool and the network: Call ↓, Reply ↑, Answer →."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from dari.core.endpoint import Endpoint

DEFAULT_PROFILE = "default"


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to ask, for a while. Nothing of it is ever printed."""

    token: str = field(repr=False)
    ends: datetime
    parts: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One question to one endpoint, in the upstream's own words (values are strings, as they travel).

    `profile` names the key set and account; `mode` is "real" or "paper"; `cursor` continues a paged reply;
    `fresh` asks past the caches; `max_age` takes a kept reply of up to so many seconds, whatever its row says: for a
    reader of what moves slowly (PER) in a reply that is kept for what moves fast (a price). `grant` is put in by
    signing, last of all.
    """

    endpoint: Endpoint
    parameters: Mapping[str, str]
    profile: str = DEFAULT_PROFILE
    mode: str = "real"
    cursor: str | None = None
    fresh: bool = False
    max_age: float | None = None
    grant: Grant | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, already judged to be a success by the dialect. `body` is data of a stranger."""

    body: Mapping[str, Any]
    fetched_at: datetime
    cursor: str | None = None
    attempts: int = 1
    cached: str | None = None
    """None, "l1", "l2", or "shared" (another caller's call in flight)."""
    age_seconds: float = 0.0
    simulated: bool = False
    keep_seconds: float = 0.0
    """How much longer this reply may be told again without asking."""
    stale: bool = False
    """The upstream does not answer: this is the last real reply, `age_seconds` old, past its ordinary life."""

    def kept(self, tier: str, *, age: float, keep: float) -> Reply:
        """This reply as taken from a cache tier, `age` seconds after it was fetched, good for `keep` more."""
        return replace(self, cached=tier, age_seconds=age, keep_seconds=keep, attempts=0)


class Sender(Protocol):
    """The one shape outward. A policy is a Sender around a Sender; the innermost is the provider's dialect."""

    async def __call__(self, call: Call, /) -> Reply:
        """Send, or raise a DariError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where numbers of an answer come from. `calls` replies of one endpoint are told in one line."""

    provider: str
    endpoint: str
    mode: str
    simulated: bool = False
    venue: str | None = None
    fetched_at: datetime
    as_of: datetime | None = None
    cached: str | None = None
    age_seconds: float = 0.0
    attempts: int = 1
    calls: int = 1
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """A number we cannot give: null in the answer, and said here. `field` is a path such as `ranking[].per`."""

    field: str
    reason: str
    filled_by: str = ""


class Drawn(Protocol):
    """A picture of an answer's figures. `label` says it to who does not see it."""

    @property
    def label(self) -> str:
        """In words."""
        ...

    def document(self, theme: str = "light", *, paper: bool = False) -> str:
        """As SVG, in the colours of a theme."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool gives: `data` is the top level of the structured content; `text` is for reading.

    `picture` shows the same figures, where the tool draws them.
    """

    data: Mapping[str, Any]
    sources: tuple[Provenance, ...] = ()
    gaps: tuple[Gap, ...] = ()
    text: str = ""
    picture: Drawn | None = None


def merged(sources: Iterable[Provenance]) -> tuple[Provenance, ...]:
    """One line per endpoint, mode and venue: the oldest `fetched_at` counts, calls and attempts add up."""
    lines: dict[tuple[Any, ...], Provenance] = {}
    for one in sources:
        key = (one.provider, one.endpoint, one.mode, one.simulated, one.venue)
        seen = lines.get(key)
        if seen is None:
            lines[key] = one
            continue
        oldest = min(seen, one, key=lambda source: source.fetched_at)
        lines[key] = replace(
            oldest,
            calls=seen.calls + one.calls,
            attempts=seen.attempts + one.attempts,
            age_seconds=max(seen.age_seconds, one.age_seconds),
            stale=seen.stale or one.stale,
            cached=seen.cached if seen.cached == one.cached else ("partly" if seen.cached or one.cached else None),
        )
    return tuple(lines.values())
