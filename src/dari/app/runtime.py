"""One process of Dari from its start to its end: opened once, closed once, everything handed in."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from importlib import import_module
from typing import Final, Self

from dari.app.joining import Joining
from dari.app.observing import Watched
from dari.app.parts import Parts
from dari.app.places import Places
from dari.app.servers import Server, narrowed, server
from dari.app.working import jobs_of, register
from dari.core.acts import Hand
from dari.core.clock import Clock, SystemClock
from dari.core.endpoint import Effect
from dari.core.errors import NotFound
from dari.core.events import Events
from dari.core.exchange import DEFAULT_PROFILE
from dari.core.shelf import Shelf
from dari.serving.audit import Audit
from dari.serving.boards import Boards
from dari.serving.callers import Caller
from dari.serving.dispatch import Dispatch, Offered, permitted
from dari.serving.journal import Journal
from dari.serving.limits import Limits
from dari.serving.metrics import Metrics
from dari.settings import Settings
from dari.upstream.client import Asking, Client

REALTIME = "realtime"
"""The toolset of what is pushed."""
PROVIDERS: Final = frozenset(("kis", "kiwoom", "naramarket", "payments", "krx", "dart"))
"""Each is put together by the module of `app` that bears its name: a process pays for the providers it asks."""


class Runtime:
    """What lives as long as the process: settings, clock, places, clients (made when first needed), audit, metrics.

    `simulated` answers from the simulators, in this process; every such answer says so. `working`: whether this process
    does the jobs that DARI_JOBS puts in Redis (None: as DARI_JOBS says). `toolsets`: only these of each server's tools.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        simulated: bool = False,
        seed: int = 1,
        clock: Clock | None = None,
        working: bool | None = None,
        toolsets: frozenset[str] = frozenset(),
    ) -> None:
        self.settings = settings
        self._toolsets = toolsets
        self.clock: Clock = clock or SystemClock()
        self.metrics = Metrics()
        self.journal = Journal()
        self.limits = Limits(self.clock)
        events = Events()
        events.listen(self.metrics.heard)
        places = Places.of(settings.text("DARI_HOME"))
        self.audit = Audit(places.state / "audit")
        self.parts = Parts(
            settings=settings,
            clock=self.clock,
            places=places,
            events=events,
            simulated=simulated,
            seed=seed,
            jobs=jobs_of(settings, self.clock, working=working),
        )
        self.clients: dict[str, Client] = {}
        self.joining = Joining(settings, self.parts, self.client_of)
        register(self.parts.jobs, self.client_of)
        self._boards: dict[str, Boards] = {}
        self.process = secrets.token_hex(4)
        self.watched = Watched(self.parts, self.metrics, self.process)

    async def __aenter__(self) -> Self:
        self.parts.closing.callback(self.audit.close)
        self.watched.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.parts.jobs.close()
        await self.watched.close()
        await self.joining.close()
        for provider, client in self.clients.items():
            await told_apart(client, provider, self.process)
        await self.parts.closing.aclose()

    def caller(self) -> Caller:
        """The person at this machine, as the settings allow."""
        return Caller(
            reach=Effect[self.settings.text("DARI_REACH").upper()], language=self.settings.text("DARI_LANG").lower()
        )

    def server(self, name: str) -> tuple[Server, Dispatch]:
        """A named server and its dispatch."""
        named = server(name)
        clients = {provider: self.client_of(provider) for provider, _ in named.tools()}
        asking = {
            one: self._asking(one, client, named.hands().get(one, ()), joined=named.joined)
            for one, client in clients.items()
        }
        tuned = narrowed(named.tune(named.tools(), self.settings), self._toolsets)
        offered = {
            tool.name: Offered(tool, asking[provider], samples=self._samples(provider)) for provider, tool in tuned
        }
        dispatch = Dispatch(
            offered,
            clock=self.clock,
            audit=self.audit,
            metrics=self.metrics,
            deadline=self.settings.number("DARI_DEADLINE_SECONDS"),
            server=named.name,
            journal=self.journal,
            limits=self.limits,
        )
        return named, dispatch

    def shelf(self, named: Server) -> Shelf:
        """What a server offers to read: what every one of its kind has, and what this user has put there."""
        if named.name == "naramarket":
            from dari.app.naramarket import shelf_of  # noqa: PLC0415 -- a process pays for the providers it asks

            return shelf_of(self.client_of("naramarket"))
        return named.shelf()

    def boards(self, name: str) -> Boards | None:
        """What a named server tells of pushed data, or None where it has none."""
        named = server(name)
        shelf = named.shelf()
        if not shelf.live:
            return None
        if named.name not in self._boards:
            provider, _ = named.tools()[0]
            tool = next(tool for _, tool in named.tools() if tool.toolset == REALTIME)
            may = partial(permitted, tool, named.name)  # who may collect may read and subscribe
            asking = self.client_of(provider).asking
            boards = Boards(shelf, asking, clock=self.clock, audit=self.audit, permitted=may)
            self.parts.closing.push_async_callback(boards.close)  # before its client, which was made earlier
            self._boards[named.name] = boards
        return self._boards[named.name]

    def _asking(self, provider: str, client: Client, hands: Sequence[Hand], *, joined: bool) -> Callable[[str], Asking]:
        """From a profile to what one call asks through, with the profile's own plans where the server plans acts."""
        make = self.joining.asking(client) if joined and provider == "kis" else client.asking
        if not hands:
            return make
        kept = {DEFAULT_PROFILE: self.parts.plans(provider, hands, self.audit)}

        def asking(profile: str) -> Asking:
            if profile not in kept:
                kept[profile] = self.parts.plans(provider, hands, self.audit, profile=profile)
            return make(profile, kept[profile])

        return asking

    def _samples(self, provider: str) -> bool:
        """Whether the operator wants a provider's sample values where its upstream does not answer."""
        return provider == "kiwoom" and self.settings.text("KIWOOM_SAMPLE_FALLBACK") == "1"

    def client_of(self, provider: str) -> Client:
        """The client of a provider, put together when first asked for."""
        if provider not in self.clients:
            self.clients[provider] = _assembly(provider)(self.parts)
        return self.clients[provider]


async def told_apart(client: Client, provider: str, process: str) -> None:
    """Leave this process's cache counts for `dari cache`, for a day."""
    counts = asdict(client.cache.counts)
    if any(counts.values()):
        await client.state.put(f"counts {provider} {process}", counts, seconds=86_400.0)


def _assembly(provider: str) -> Callable[[Parts], Client]:
    if provider not in PROVIDERS:
        raise NotFound(f"there is no provider {provider!r}")
    assemble: Callable[[Parts], Client] = import_module(f"dari.app.{provider}").assemble
    return assemble
