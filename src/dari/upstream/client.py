"""One provider, ready to be asked: the ORDER of the policies stands here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dari.core.clock import Clock
from dari.core.endpoint import Effect
from dari.core.errors import OutcomeUnknown, Unreachable
from dari.core.events import Events
from dari.core.exchange import DEFAULT_PROFILE, Call, Provenance, Reply, Sender, merged
from dari.core.provider import Dialect, Spec
from dari.core.shared_state import SharedState
from dari.core.tool import Standing
from dari.upstream.breaker import Breaker, BreakerRules
from dari.upstream.cache import Cache, CacheRules
from dari.upstream.continuity import Continuity, ContinuityRules
from dari.upstream.grants import Grants, Renewal, Signing
from dari.upstream.pacing import Pacing, Ring
from dari.upstream.retry import Retry, RetryRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The figures of every policy."""

    cache: CacheRules = field(default_factory=CacheRules)
    retry: RetryRules = field(default_factory=RetryRules)
    breaker: BreakerRules = field(default_factory=BreakerRules)
    continuity: ContinuityRules = field(default_factory=ContinuityRules)


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
    ) -> None:
        rules = rules or Rules()
        self.spec = spec
        self.dialect = dialect
        self.clock = clock
        self.default_mode = default_mode
        self.grants = Grants(dialect, state, clock)
        signing = Signing(dialect, self.grants)
        pacing = Pacing(signing, ring, dialect.limits, clock)
        self.paced: Sender = Renewal(pacing)
        """One attempt, in its turn: for a crawl, which writes down every attempt and judges failures itself."""
        self.breaker = Breaker(self.paced, dialect.lane, clock, events, rules.breaker)
        retry = Retry(self.breaker, clock, events, rules.retry)
        self.cache = Cache(retry, state, clock, events, rules.cache)
        self._first: Sender = Continuity(self.cache, state, clock, events, rules.continuity)

    async def send(self, call: Call) -> Reply:
        """Send through every policy. A COMMIT whose outcome cannot be known raises OutcomeUnknown."""
        self.dialect.check(call)
        try:
            return await self._first(call)
        except Unreachable as error:
            if call.endpoint.effect is Effect.COMMIT and error.executed is None:
                raise OutcomeUnknown(error.message, hint=error.hint, upstream_code=error.upstream_code) from error
            raise

    def asking(self, profile: str = DEFAULT_PROFILE) -> Asking:
        """What one call of a tool asks through."""
        return Asking(self, profile)


class Asking:
    """The `Upstream` of one tool call: asks endpoints by id and remembers where every number came from."""

    def __init__(self, client: Client, profile: str) -> None:
        self._client = client
        self._profile = profile
        self._sources: list[Provenance] = []
        self.keep_seconds = float("inf")
        """How long an answer made of these replies may be told again: as long as the shortest-lived of them."""

    @property
    def sources(self) -> tuple[Provenance, ...]:
        return merged(self._sources)

    def now(self) -> datetime:
        return self._client.clock.now()

    async def standing(self, *, scope: str = "account") -> Standing:
        """Sign in where that is needed, and tell how we stand. Raises what the dialect's sign-in raises."""
        mode = self._client.default_mode(scope)
        grant = await self._client.grants.get(self._profile, mode)
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
        reply = await self._client.send(Call(row, parameters or {}, self._profile, asked, cursor, fresh, max_age))
        self.keep_seconds = min(self.keep_seconds, reply.keep_seconds)
        self._sources.append(
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
