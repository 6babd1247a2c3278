"""The right answers, computed from the world alone: nothing here may touch `answers` (a test holds it to that)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from dari.providers.kis.simulator.truth import growth, people, size, volume
from dari.worlds.market import Market

Teller = Callable[[Market, datetime, Mapping[str, str]], Mapping[str, Any]]
"""(world, moment, query) → the answer. Raises ValueError for a query it does not understand."""

TELLERS: Final[Mapping[str, Teller]] = {
    "volume-ranking": volume.volume_ranking,
    "volume-change-ranking": growth.volume_change_ranking,
    "unusual-volume": growth.unusual_volume,
    "investor-ranking": people.investor_ranking,
    "sector-volume-ranking": people.sector_volume_ranking,
    "market-cap-ranking": size.market_cap_ranking,
}
