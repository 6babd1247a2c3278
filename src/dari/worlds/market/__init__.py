"""A Korean stock market that never was, as a pure function of (seed, issue, time)."""

from dari.worlds.market.board import Bar, Quote, percent
from dari.worlds.market.indices import IndexQuote
from dari.worlds.market.issues import Issue
from dari.worlds.market.sectors import SECTORS, Sector
from dari.worlds.market.world import Market, Snapshot

__all__ = ["SECTORS", "Bar", "IndexQuote", "Issue", "Market", "Quote", "Sector", "Snapshot", "percent"]
