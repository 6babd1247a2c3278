"""A Korean stock market that never was, as a pure function of (seed, issue, time)."""

from dari.worlds.market.board import Bar, Quote, percent
from dari.worlds.market.counts import Estimates, Flows
from dari.worlds.market.depth import Depth
from dari.worlds.market.flows import Side
from dari.worlds.market.happenings import Interruption, News
from dari.worlds.market.indices import IndexQuote
from dari.worlds.market.issues import Issue
from dari.worlds.market.sectors import SECTORS, Sector, partition
from dari.worlds.market.world import Market, Snapshot

__all__ = [
    "SECTORS",
    "Bar",
    "Depth",
    "Estimates",
    "Flows",
    "IndexQuote",
    "Interruption",
    "Issue",
    "Market",
    "News",
    "Quote",
    "Sector",
    "Side",
    "Snapshot",
    "partition",
    "percent",
]
