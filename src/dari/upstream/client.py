"""One provider, ready to be asked: the ORDER of the policies stands here and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from dari.core.acts import Holder, Planning
from dari.core.clock import Clock
from dari.core.endpoint import Effect
from dari.core.errors import NotFound, OutcomeUnknown, SetupError, Unreachable
from dari.core.events import Events
from dari.core.exchange import DEFAULT_PROFILE, Call, Provenance, Reply, Sender, merged
from dari.core.live import FrameDialect, Happening, Topic
from dari.core.provider import Dialect, Granting, Holding, Spec
from dari.core.shared_state import SharedState
from dari.core.tool import Standing
from dari.upstream.breaker import Breaker, BreakerRules
from dari.upstream.cache import Cache, CacheRules
from dari.upstream.continuity import Continuity, ContinuityRules
from dari.upstream.grants import Grants, Renewal, Signing
from dari.upstream.live import Connect, Live, LiveRules
from dari.upstream.pacing import Pacing, Ring
from dari.upstream.retry import Retry, RetryRules
from dari.upstream.traced import Traced


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The figures of every policy."""

    cache: CacheRules = field(default_factory=CacheRules)
    retry: RetryRules = field(default_factory=RetryRules)
    breaker: BreakerRules = field(default_factory=BreakerRules)
    continuity: ContinuityRules = field(default_factory=ContinuityRules)
    live: LiveRules = field(default_factory=LiveRules)


@dataclass(frozen=True, slots=True)
class Pushes:
    """What an upstream that pushes needs beside its dialect: the dialect of its frames, and what opens a websocket.

    `granting` gives the grants of its session, where they are not those of its calls.
    """

    frames: FrameDialect
    connect: Connect
    granting: Granting | None = None


class Client:
    """continuity → cache → retry → breaker → renewal → pacing → signing → dialect.

    The last real answer stands in only when all the rest has failed; a kept answer costs nothing; each attempt counts
    for the breaker and takes its own ticket; an open circuit takes no ticket; the grant is put in last so it is
    fresh; the dialect is innermost, so that "too many calls" inside an HTTP 200 reaches the retry.
    """

    def __init__(
        self,
        *,
        spec: Spec,
        dialect: Dialect,
        state: SharedState,
        ring: Ring,
        clock: Clock,
        events: Events,
        rules: Rules | None = None,
        default_mode: Callable[[str], str] = lambda _: "real",
        pushes: Pushes | None = None,
    ) -> None:
        rules = rules or Rules()
        self._rules, self.state, self._events, self._pushes = rules, state, events, pushes
        self._lives: dict[tuple[str, str], Live] = {}
        self.spec = spec
        self.dialect = dialect
        self.clock = clock
        self.default_mode = default_mode
        self.borrows: Callable[[str, str], str] = lambda profile, _: profile
        """From (profile, mode) to the profile whose keys a market read is asked with."""
        self.grants = Grants(dialect, state, clock)
        of_pushes = pushes.granting if pushes is not None else None
        self.push_grants = self.grants if of_pushes is None else Grants(of_pushes, state, clock)
        """Grants of its pushed sessions, which are those of its calls where the upstream does not tell them apart."""
        signing = Signing(dialect, self.grants)
        pacing = Pacing(signing, ring, dialect.limits, clock)
        self.paced: Sender = Renewal(pacing)
        """One attempt, in its turn: for a crawl, which writes down every attempt and judges failures itself."""
        self.breaker = Breaker(Traced(self.paced), dialect.lane, clock, events, rules.breaker)
        retry = Retry(self.breaker, clock, events, rules.retry)
        self.cache = Cache(retry, state, clock, events, rules.cache)
        self._first: Sender = Continuity(self.cache, state, clock, events, rules.continuity)

    async def send(self, call: Call) -> Reply:
        """Send through every policy. A COMMIT whose outcome cannot be known raises OutcomeUnknown.

        What is asked over the websocket goes through the key's one session instead: it is neither kept nor paced.
        """
        if call.endpoint.transport == "websocket" and self._pushes is not None:
            return await self.live(call.profile, call.mode).ask(call)
        self.dialect.check(call)
        try:
            return await self._first(call)
        except Unreachable as error:
            if call.endpoint.effect is Effect.COMMIT and error.executed is None:
                raise OutcomeUnknown(error.message, hint=error.hint, upstream_code=error.upstream_code) from error
            raise

    def live(self, profile: str, mode: str) -> Live:
        """The pushed session of a key. Raises NotFound where this upstream pushes nothing to us."""
        if self._pushes is None:
            raise NotFound(f"nothing is pushed by {self.dialect.name}")
        live = self._lives.get((profile, mode))
        if live is None:
            live = self._lives[profile, mode] = Live(
                self._pushes.frames,
                connect=self._pushes.connect,
                grants=self.push_grants,
                state=self.state,
                clock=self.clock,
                events=self._events,
                profile=profile,
                mode=mode,
                rules=self._rules.live,
            )
        return live

    async def close(self) -> None:
        """End every pushed session."""
        for live in self._lives.values():
            await live.close()

    def asking(self, profile: str = DEFAULT_PROFILE, plans: Planning | None = None) -> Asking:
        """What one call of a tool asks through, and plans through where this server keeps plans."""
        return Asking(self, profile, plans)


@dataclass(slots=True)
class Record:
    """Where the numbers of one call came from, and how long an answer made of them may be told again."""

    sources: list[Provenance] = field(default_factory=list)
    keep_seconds: float = float("inf")
    """As long as the shortest-lived reply."""


class Asking:
    """The `Upstream` of one tool call: asks endpoints by id and remembers where every number came from.

    `record` is shared by the askings of several providers that serve one call.
    """

    def __init__(
        self, client: Client, profile: str, plans: Planning | None = None, record: Record | None = None
    ) -> None:
        self._client = client
        self._profile = profile
        self._plans = plans
        self.record = record or Record()

    @property
    def keep_seconds(self) -> float:
        """How long an answer made of these replies may be told again."""
        return self.record.keep_seconds

    @property
    def sources(self) -> tuple[Provenance, ...]:
        return merged(self.record.sources)

    def now(self) -> datetime:
        return self._client.clock.now()

    @property
    def plans(self) -> Planning:
        """Where plans are kept. An answer that speaks of one is never told again. Raises SetupError."""
        if self._plans is None:
            raise SetupError("this server keeps no plans")
        self.record.keep_seconds = 0.0
        return self._plans

    def holder(self, endpoint: str, mode: str | None = None) -> Holder:
        """The account `endpoint` would act for, in the mode it would be asked in. Raises what the dialect raises."""
        dialect = self._client.dialect
        if not isinstance(dialect, Holding):
            raise SetupError(f"{dialect.name} has no accounts")
        row = self._client.spec.endpoint(endpoint)
        return dialect.holder(Call(row, {}, self._profile, mode or self._client.default_mode(row.scope)))

    async def standing(self, *, scope: str = "account") -> Standing:
        """Sign in where that is needed, and tell how we stand. Raises what the dialect's sign-in raises."""
        mode = self._client.default_mode(scope)
        profile = self._client.borrows(self._profile, mode) if scope == "market" else self._profile
        grant = await self._client.grants.get(profile, mode)
        return Standing(mode, grant.ends if grant else None)

    async def ask(
        self,
        endpoint: str,
        parameters: Mapping[str, str] | None = None,
        *,
        mode: str | None = None,
        cursor: str | None = None,
        venue: str | None = None,
        fresh: bool = False,
        max_age: float | None = None,
    ) -> Reply:
        row = self._client.spec.endpoint(endpoint)
        asked = mode or self._client.default_mode(row.scope)
        lent = row.scope == "market" and row.effect is Effect.READ
        profile = self._client.borrows(self._profile, asked) if lent else self._profile
        reply = await self._client.send(Call(row, parameters or {}, profile, asked, cursor, fresh, max_age))
        self.record.keep_seconds = min(self.record.keep_seconds, reply.keep_seconds)
        self.record.sources.append(
            Provenance(
                provider=row.provider,
                endpoint=row.id,
                mode=asked,
                simulated=reply.simulated,
                venue=venue,
                fetched_at=reply.fetched_at,
                cached=reply.cached,
                age_seconds=reply.age_seconds,
                attempts=reply.attempts,
                stale=reply.stale,
            )
        )
        return reply

    @asynccontextmanager
    async def watch(
        self, topics: Collection[Topic], *, scope: str = "market"
    ) -> AsyncIterator[AsyncIterator[Happening]]:
        """Watch topics of the provider until the block is left; each kind is a line of the provenance."""
        mode = self._client.default_mode(scope)
        profile = self._client.borrows(self._profile, mode) if scope == "market" else self._profile
        live = self._client.live(profile, mode)
        async with live.watching(topics) as feed:
            self.record.keep_seconds = 0.0
            for kind in sorted({topic.kind for topic in topics}):
                self.record.sources.append(
                    Provenance(
                        provider=self._client.dialect.name,
                        endpoint=kind,
                        mode=mode,
                        simulated=live.simulated,
                        fetched_at=self.now(),
                    )
                )
            yield feed
