"""One process of Dari from its start to its end: opened once, closed once, everything handed in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Self

from dari.app.places import Places
from dari.app.servers import Server, server
from dari.core.clock import Clock, SystemClock
from dari.core.endpoint import Effect
from dari.core.errors import NotFound
from dari.core.events import Events
from dari.core.provider import Dialect, Spec
from dari.core.shared_state import FileState
from dari.serving.audit import Audit
from dari.serving.callers import Caller
from dari.serving.dispatch import Dispatch, Offered
from dari.serving.metrics import Metrics
from dari.settings import Settings
from dari.upstream.cache import CacheRules
from dari.upstream.client import Client, Rules
from dari.upstream.pacing import FileRing
from dari.upstream.wire import Wire


class Runtime:
    """What lives as long as the process: settings, clock, places, clients (made when first needed), audit, metrics.

    `simulated` answers from the simulators, in this process; every such answer says so.
    """

    def __init__(
        self, settings: Settings, *, simulated: bool = False, seed: int = 1, clock: Clock | None = None
    ) -> None:
        self.settings = settings
        self.simulated = simulated
        self.seed = seed
        self.clock: Clock = clock or SystemClock()
        self.places = Places.of(settings.text("DARI_HOME"))
        self.events = Events()
        self.metrics = Metrics()
        self.events.listen(self.metrics.heard)
        self.audit = Audit(self.places.state / "audit")
        self.clients: dict[str, Client] = {}
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._closing.callback(self.audit.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()

    def caller(self) -> Caller:
        """The person at this machine, as the settings allow."""
        return Caller(
            reach=Effect[self.settings.text("DARI_REACH").upper()], language=self.settings.text("DARI_LANG").lower()
        )

    def dispatch(self, named: Server) -> Dispatch:
        """The dispatch of one named server."""
        offered = {tool.name: Offered(tool, self.client_of(provider).asking) for provider, tool in named.tools()}
        return Dispatch(
            offered,
            clock=self.clock,
            audit=self.audit,
            metrics=self.metrics,
            deadline=self.settings.number("DARI_DEADLINE_SECONDS"),
        )

    def server(self, name: str) -> tuple[Server, Dispatch]:
        """A named server and its dispatch."""
        named = server(name)
        return named, self.dispatch(named)

    def client_of(self, provider: str) -> Client:
        """The client of a provider, put together when first asked for."""
        if provider not in self.clients:
            self.clients[provider] = _assembly(provider)(self)
        return self.clients[provider]

    # --- parts for assemblies --------------------------------------------------------------------------------------

    def wire(self, *, app: Any = None) -> Wire:
        """A wire that is closed with the runtime; to the network, or to an ASGI app in this process."""
        wire = Wire.to_app(app) if app is not None else Wire()
        self._closing.push_async_callback(wire.close)
        return wire

    def client(self, spec: Spec, dialect: Dialect, *, origin: str, default_mode: Callable[[str], str]) -> Client:
        """A client with the settings' rules. What it keeps is told apart by origin: a simulator's stays its own."""
        name = f"{dialect.name}-{hashlib.sha256(origin.encode()).hexdigest()[:8]}" if origin else dialect.name
        state = FileState(self.places.state / "shared" / name, self.clock)
        state.sweep()
        rules = CacheRules(
            l1_seconds=self.settings.number("CACHE_L1_TTL_SECONDS"),
            l2_seconds=self.settings.number("CACHE_L2_TTL_SECONDS"),
        )
        return Client(
            spec=spec,
            dialect=dialect,
            state=state,
            ring=FileRing(self.places.state / "pacing" / name, self.clock),
            clock=self.clock,
            events=self.events,
            rules=Rules(cache=rules),
            default_mode=default_mode,
        )


def _assembly(provider: str) -> Callable[[Runtime], Client]:
    if provider == "kis":
        from dari.app import kis  # noqa: PLC0415 -- a process pays for the providers it asks

        return kis.assemble
    raise NotFound(f"there is no provider {provider!r}")
