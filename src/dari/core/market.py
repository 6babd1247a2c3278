"""What a tool may be handed of other providers, so that it can say more than its own upstream: small protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal, Protocol, runtime_checkable

Market = Literal["KOSPI", "KOSDAQ"]
MARKETS: Final[tuple[Market, ...]] = ("KOSPI", "KOSDAQ")
Investor = Literal["INDIVIDUAL", "FOREIGN", "INSTITUTION", "PROGRAM"]

# ── days of a whole market ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """One share on one whole trading day 일별매매. Won and shares; `change_rate` percent against the day before."""

    code: str
    name: str
    close: int
    change: int
    change_rate: float
    high: int
    low: int
    volume: int
    value: int
    market_cap: int
    shares: int


class DaySource(Protocol):
    """Who tells a whole market's day in one call."""

    @property
    def name(self) -> str:
        """The provider's name, as provenance shows it."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether what was told last came from a simulator."""
        ...

    async def part(self, day: date, market: Market) -> Sequence[DayRow]:
        """Every share of a market on a finished trading day; nothing where it is not published (yet).

        Raises a DariError.
        """
        ...


class ChartSource(Protocol):
    """Who tells the days of one share in one call: a whole market costs a call a share."""

    @property
    def name(self) -> str: ...

    @property
    def simulated(self) -> bool: ...

    async def codes(self, market: Market) -> Mapping[str, str]:
        """Every share of a market: code → name."""
        ...

    async def bars(self, code: str, name: str, first: date, last: date) -> Mapping[date, DayRow]:
        """The finished days of one share between two days, both included."""
        ...


@dataclass(frozen=True, slots=True)
class Series:
    """One share over the days of a history, newest first: its newest row, and columns as long as it was listed.

    A share that was not listed on all of the days has shorter columns; a halted one has days of nothing.
    """

    market: Market
    row: DayRow
    volumes: tuple[int, ...]
    values: tuple[int, ...]
    highs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class History:
    """Consecutive trading days of both markets, newest first, with every share listed on the newest.

    `source` is who told the days (several with a plus), `fetched_at` when the newest was; `earlier` is each share's
    capitalisation a day before.
    """

    days: tuple[date, ...]
    shares: Mapping[str, Series]
    earlier: Mapping[str, int]
    source: str
    fetched_at: datetime
    simulated: bool = False


class Days(Protocol):
    """The days kept on this machine."""

    async def history(self, count: int) -> History | None:
        """The newest `count` days that are kept without a hole (fewer where fewer are); None where none is.

        What the source has published since is fetched first where that costs few calls.
        """
        ...

    @property
    def lacking(self) -> str:
        """Why there is no history, or not the newest day: for a gap. Empty where nothing is missing."""
        ...

    @property
    def filled_by(self) -> str:
        """What would fill it: the setting of a key, a command, or "time"."""
        ...


# ── disclosures of a company ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One 공시: its number at DART (접수번호), title, and day of receipt."""

    number: str
    title: str
    day: date


@dataclass(frozen=True, slots=True)
class Treasury:
    """자기주식 of a company as its last periodic report tells: shares held and issued (common), percent."""

    held: int
    issued: int
    as_of: date

    @property
    def ratio(self) -> float | None:
        """Percent of the issued shares, two places."""
        return round(100.0 * self.held / self.issued, 2) if self.issued else None


class Disclosures(Protocol):
    """Who knows what companies have disclosed. A share DART does not know is left out of the answer."""

    @property
    def lacking(self) -> str:
        """Why nothing came of the last question, where it failed: for a gap. Empty where it did not."""
        ...

    async def of_day(self, codes: Sequence[str], day: date) -> Mapping[str, tuple[Disclosure, ...]]:
        """What the companies of these shares disclosed on a day: an empty tuple where nothing."""
        ...

    async def treasury(self, codes: Sequence[str]) -> Mapping[str, Treasury]:
        """The treasury stock of these shares' companies."""
        ...


# ── who traded ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """What one kind of investor traded of a share on a day: won and shares, None where it is not told."""

    code: str
    name: str
    net: int
    bought: int | None = None
    sold: int | None = None
    net_volume: int | None = None
    bought_volume: int | None = None
    sold_volume: int | None = None


@dataclass(frozen=True, slots=True)
class TradedRanking:
    """Shares in order. `by` is what they are ordered by: "net", "bought" or "sold" (won); `note` says what to know."""

    rows: tuple[Traded, ...]
    by: Literal["net", "bought", "sold"]
    note: str = ""


class Flows(Protocol):
    """Who ranks the shares of a market by what one kind of investor traded."""

    async def net(
        self, who: Investor, markets: Sequence[Market], day: date, *, selling: bool, most: int
    ) -> TradedRanking:
        """The first `most` by net purchases (`selling`: by net sales) of a day. Raises a DariError."""
        ...

    async def gross(
        self, who: Investor, markets: Sequence[Market], *, selling: bool, most: int, closed: bool
    ) -> TradedRanking | None:
        """The first `most` by what was bought (`selling`: sold) on the board's day; None where nobody tells that.

        `closed`: whether the day is over, when whole days are told. Raises a DariError.
        """
        ...


# ── handed over ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What other providers give a tool; None where their key is not there. `keys` names the setting of each."""

    days: Days | None = None
    disclosures: Disclosures | None = None
    flows: Flows | None = None
    keys: Mapping[str, str] = field(
        default_factory=lambda: {"days": "KRX_AUTH_KEY", "disclosures": "DART_API_KEY", "flows": "KIWOOM_APP_KEY"}
    )


@runtime_checkable
class Joined(Protocol):
    """An Upstream with neighbours."""

    @property
    def neighbours(self) -> Neighbours:
        """What other providers give."""
        ...


ALONE: Final = Neighbours()


def neighbours_of(upstream: object) -> Neighbours:
    """The neighbours of an Upstream; none where it was handed none."""
    return upstream.neighbours if isinstance(upstream, Joined) else ALONE
