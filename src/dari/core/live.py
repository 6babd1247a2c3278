"""Words for what an upstream pushes: topics we watch, ticks that come, and the marks where something is missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from dari.core.errors import DariError
from dari.core.exchange import Call, Grant
from dari.core.tool import Upstream


@dataclass(frozen=True, slots=True, order=True)
class Topic:
    """What can be watched: a kind of the upstream's own ("0B") and the item it is watched for ("005930", or "")."""

    kind: str
    item: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """One pushed record, as it was written. `number` counts what its topic sent since it is watched, from 1."""

    topic: Topic
    values: Mapping[str, str]
    at: datetime
    number: int = 0


@dataclass(frozen=True, slots=True)
class Cut:
    """Between `since` and `until` nothing could be received: what was pushed then is missing and will not come."""

    since: datetime
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Overrun:
    """The reader was slower than the upstream: this many of its ticks were dropped here."""

    lost: int


Happening = Tick | Cut | Overrun


# --- what a frame of an upstream means --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pushed:
    """Records for those who watch."""

    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat, and what must be sent back."""

    answer: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    """The reply to a frame of ours, by the name both share, or the error it stands for."""

    name: str
    body: Mapping[str, Any] = field(default_factory=dict)
    error: DariError | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The upstream ends the session. `again` says whether connecting again by ourselves is allowed."""

    error: DariError
    again: bool


Meaning = Pushed | Beat | Answered | Ended | None


@dataclass(frozen=True, slots=True)
class Asked:
    """One frame of ours, and the name its reply will bear (None: no reply comes)."""

    text: str
    reply: str | None


class FrameDialect(Protocol):
    """How one upstream's websocket is spoken. It holds no state of a session."""

    @property
    def name(self) -> str:
        """The provider's name."""
        ...

    @property
    def budget(self) -> int:
        """Most that one session may watch, in what `cost` counts."""
        ...

    @property
    def silence(self) -> float:
        """Seconds without any frame after which a session is dead."""
        ...

    def session_name(self, profile: str, mode: str) -> str:
        """The name under which the holders of a key share its one session."""
        ...

    def url(self, mode: str) -> str:
        """Where to connect."""
        ...

    def simulated(self, headers: Mapping[str, str], grant: Grant | None) -> bool:
        """Whether the server that said these headers, or the one that gave the grant, is a simulator."""
        ...

    def cost(self, topics: Collection[Topic]) -> int:
        """How much of the budget these topics take."""
        ...

    def opening(self, grant: Grant | None) -> Asked | None:
        """The first frame, where the upstream wants one."""
        ...

    def register(self, topics: Collection[Topic], grant: Grant | None) -> tuple[Asked, ...]:
        """Frames that begin to watch."""
        ...

    def remove(self, topics: Collection[Topic], grant: Grant | None) -> tuple[Asked, ...]:
        """Frames that end it."""
        ...

    def question(self, call: Call) -> Asked:
        """An endpoint that is asked over the websocket. Raises InvalidInput."""
        ...

    def read(self, frame: str, at: datetime) -> Meaning:
        """What a frame means. Raises Malformed."""
        ...


class LiveUpstream(Upstream, Protocol):
    """An Upstream whose provider pushes."""

    def watch(
        self, topics: Collection[Topic], *, scope: str = "market"
    ) -> AbstractAsyncContextManager[AsyncIterator[Happening]]:
        """Watch topics until the block is left, in the mode of that scope.

        Raises what connecting raises, and NotAllowed naming another holder.
        """
        ...


async def gathered(
    watching: AbstractAsyncContextManager[AsyncIterator[Happening]], *, seconds: float, limit: int
) -> list[Happening]:
    """What happens within some seconds of watching, in its order; less time if `limit` of it comes before."""
    happened: list[Happening] = []
    async with watching as feed:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for what in feed:
                    happened.append(what)
                    if len(happened) >= limit:
                        break
    return happened
