"""What a line of the crawl book says: a crawl, a window, a page receipt; and how far a crawl is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from dari.providers.naramarket.crawler.windows import Span


@dataclass(frozen=True, slots=True)
class CrawlRow:
    """One crawl as written: what is asked, of which period, and how it stands."""

    id: str
    endpoint: str
    way: str
    filters: Mapping[str, str]
    start: datetime | None
    end: datetime | None
    state: str
    reason: str
    resume_not_before: str | None
    simulated: bool
    doubt: bool
    made_at: str
    ended_at: str | None
    watch: str = ""


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One window: its period (None where a number is asked for) and its receipt once it has been read."""

    id: int
    start: datetime | None
    end: datetime | None
    state: str
    size: int | None
    sizes: tuple[tuple[int, int], ...]
    doubt: bool

    @property
    def span(self) -> Span | None:
        """Its period."""
        return Span(self.start, self.end) if self.start and self.end else None


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page receipt."""

    id: int
    number: int
    size: int
    told: int | None
    total: int | None
    keys: tuple[bytes, ...]


def told(row: CrawlRow) -> dict[str, Any]:
    """A crawl for a person or a program."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(row).items()
        if value not in (None, "", {})
    }


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a crawl stands. `windows` are those that count (a window that was split does not)."""

    crawl: str
    state: str
    windows: int
    windows_done: int
    pages_left: int
    rows: int
    calls: int
    refused: int
    in_flight: int
    gaps: int
    resume_not_before: str | None = None
    reason: str = ""


def success(receipts: Iterable[dict[str, Any]]) -> bool:
    """Whether every window was read to its end without a gap. Nothing read is no success."""
    states = [one["state"] for one in receipts]
    return bool(states) and all(state == "done" for state in states)
