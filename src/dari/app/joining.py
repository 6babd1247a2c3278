"""Providers handed to the tools of another, as core.market asks: each where its key is there and it is wanted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol, TypeVar

from dari.app.kept_days import KeptDays
from dari.app.parts import Parts
from dari.core.acts import Planning
from dari.core.errors import SetupError, UpstreamError
from dari.core.exchange import DEFAULT_PROFILE
from dari.core.market import (
    ChartSource,
    Days,
    DaySource,
    Disclosure,
    Disclosures,
    Flows,
    Neighbours,
    Treasury,
)
from dari.settings import Settings
from dari.upstream.client import Asking, Client

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "krx": ("KRX_AUTH_KEY",),
    "dart": ("DART_API_KEY",),
    "kiwoom": ("KIWOOM_APP_KEY", "KIWOOM_SECRET_KEY"),
}
"""Who may join, and the settings without which they cannot."""

Clients = Callable[[str], Client]
Told = TypeVar("Told")


class Answers(Protocol):
    """What asks for disclosures, or raises."""

    async def of_day(self, codes: Sequence[str], day: date) -> Mapping[str, tuple[Disclosure, ...]]: ...
    async def treasury(self, codes: Sequence[str]) -> Mapping[str, Treasury]: ...


class Forgiving:
    """Disclosures that a ranking can do without: a failure leaves them out and is told as `lacking`."""

    def __init__(self, inner: Answers) -> None:
        self._inner = inner
        self.lacking = ""

    async def of_day(self, codes: Sequence[str], day: date) -> Mapping[str, tuple[Disclosure, ...]]:
        """Nothing where DART fails."""
        return await self._or_nothing(self._inner.of_day(codes, day))

    async def treasury(self, codes: Sequence[str]) -> Mapping[str, Treasury]:
        """Nothing where DART fails."""
        return await self._or_nothing(self._inner.treasury(codes))

    async def _or_nothing(self, asked: Awaitable[Mapping[str, Told]]) -> Mapping[str, Told]:
        self.lacking = ""
        try:
            return await asked
        except (SetupError, UpstreamError) as error:
            self.lacking = f"DART did not tell [{error.code}]: {error.message}"
            return {}


@dataclass(slots=True)
class Joining:
    """Everybody who joins in this process. The day store is one for all calls."""

    settings: Settings
    parts: Parts
    clients: Clients
    _days: KeptDays | None = None

    def joins(self, provider: str) -> bool:
        """Whether a provider is wanted (DARI_RANKING_SOURCES) and its key is there, or a simulator stands for it."""
        wanted = {one.strip() for one in self.settings.text("DARI_RANKING_SOURCES").lower().split(",")}
        return provider in wanted and (self.parts.simulated or all(map(self.settings.text, KEYS[provider])))

    @property
    def days(self) -> KeptDays:
        """The day store; filled from the exchange where it joins, read in any case."""
        if self._days is None:
            told = self.settings.text("DARI_KRX_URL") + self.settings.text("DARI_KIS_URL")
            origin = "simulator" if self.parts.simulated else told
            self._days = KeptDays(self.parts, self._snapshots if self.joins("krx") else None, origin, self._charts)
        return self._days

    async def close(self) -> None:
        """Stop a fill before the clients it asks through are closed."""
        if self._days is not None:
            await self._days.close()

    def _snapshots(self) -> DaySource:
        from dari.providers.krx.snapshots import Snapshots  # noqa: PLC0415 -- a process pays for the providers it asks

        return Snapshots(self.clients("krx").asking())

    def _charts(self) -> ChartSource:
        from dari.providers.kis.chart_days import ChartDays  # noqa: PLC0415 -- a process pays for what it asks

        return ChartDays(self.clients("kis").asking())

    def asking(self, client: Client) -> Callable[..., Asking]:
        """What makes the Asking of a call that has these neighbours."""

        def make(profile: str = DEFAULT_PROFILE, plans: Planning | None = None) -> Asking:
            return JoinedAsking(client, profile, plans, self)

        return make


class JoinedAsking(Asking):
    """An Asking with neighbours, each made when it is first looked at."""

    def __init__(self, client: Client, profile: str, plans: Planning | None, joining: Joining) -> None:
        super().__init__(client, profile, plans)
        self._profile_asked = profile
        self._joining = joining
        self._neighbours: Neighbours | None = None

    @property
    def neighbours(self) -> Neighbours:
        """Who is there."""
        if self._neighbours is None:
            self._neighbours = Neighbours(days=self._days(), disclosures=self._disclosures(), flows=self._flows())
        return self._neighbours

    def _branch(self, provider: str) -> Asking:
        """What a neighbour asks through: its sources and lifetimes count for this call."""
        return Asking(self._joining.clients(provider), self._profile_asked, None, self.record)

    def _days(self) -> Days | None:
        wanted = "krx" in self._joining.settings.text("DARI_RANKING_SOURCES").lower()
        return self._joining.days if wanted else None

    def _disclosures(self) -> Disclosures | None:
        if not self._joining.joins("dart"):
            return None
        from dari.providers.dart.filings import Filings  # noqa: PLC0415 -- a process pays for the providers it asks

        return Forgiving(Filings(self._branch("dart"), self._joining.clients("dart").state))

    def _flows(self) -> Flows | None:
        if not self._joining.joins("kiwoom"):
            return None
        from dari.providers.kiwoom.flows import Ranked  # noqa: PLC0415 -- a process pays for the providers it asks

        return Ranked(self._branch("kiwoom"), self._joining.clients("kiwoom").state)
