"""What the right answers share: reading a query, picking the universe, ordering."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from dari.core import krx
from dari.worlds.market import Issue, Market, Quote

MILLION: Final = 1_000_000
THOUSAND: Final = 1_000
MARKETS: Final[Mapping[str, tuple[str, ...]]] = {"ALL": ("0001", "1001"), "KOSPI": ("0001",), "KOSDAQ": ("1001",)}

_EXCLUSIONS: Final[Mapping[str, Callable[[Issue], bool]]] = {
    "etf": lambda issue: issue.kind == "etf",
    "spac": lambda issue: issue.kind == "spac",
    "preferred": lambda issue: issue.kind == "preferred",
    "reit": lambda issue: issue.kind == "reit",
    "warned": lambda issue: issue.warning > 0,
    "administered": lambda issue: issue.administered,
    "halted": lambda issue: issue.halted,
}


def chosen(query: Mapping[str, str], name: str, options: Iterable[str], default: str) -> str:
    """A query value out of `options`. Raises ValueError."""
    value = query.get(name, default)
    if value not in options:
        raise ValueError(f"{name}: one of {', '.join(options)}")
    return value


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number of a query. Raises ValueError."""
    return int(query.get(name, default))


def venue(query: Mapping[str, str]) -> krx.Venue:
    """KRX unless the query says NXT or UN. Raises ValueError."""
    told = chosen(query, "venue", ("KRX", "NXT", "UN"), "KRX")
    return "KRX" if told == "KRX" else "NXT" if told == "NXT" else "UN"


def universe(world: Market, at: datetime, query: Mapping[str, str]) -> list[Quote]:
    """Every issue of the asked market that traded, less what `exclude` (comma-separated) names.

    By default nothing is excluded: funds, preferred shares, SPACs and administered issues are ranked too.
    """
    market = chosen(query, "market", MARKETS, "ALL")
    left_out = [name for name in query.get("exclude", "").split(",") if name]
    unknown = [name for name in left_out if name not in _EXCLUSIONS]
    if unknown:
        raise ValueError(f"exclude: any of {', '.join(_EXCLUSIONS)}")
    tests = [_EXCLUSIONS[name] for name in left_out]
    return [
        quote
        for quote in world.snapshot(at, venue(query)).quotes.values()
        if quote.volume > 0 and market in ("ALL", quote.issue.board) and not any(test(quote.issue) for test in tests)
    ]


def best(quotes: Iterable[Quote], figure: Callable[[Quote], Any], count: int) -> list[Quote]:
    """The `count` with the largest `figure`; of equals, the smaller code first."""
    codes_first = sorted(quotes, key=lambda quote: quote.code)
    return heapq.nlargest(count, codes_first, key=figure)


def published(won: int) -> int:
    """A total as the exchange publishes it: cut to million won, told in won."""
    return won // MILLION * MILLION


def head(world: Market, at: datetime, query: Mapping[str, str]) -> dict[str, Any]:
    """What every answer begins with: the moment its figures speak of, and the state of the market."""
    board = krx.board(at, venue(query))
    return {
        "seed": world.seed,
        "as_of": board.as_of.isoformat(),
        "trading_day": board.day.isoformat(),
        "market_status": board.status,
        "live": board.live,
    }
