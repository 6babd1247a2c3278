"""What a cold answer of each of the six rankings costs in upstream calls, beside what the sources ask for at least."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.cli.bench.shared import Measured
from dari.core.clock import KST, ManualClock
from dari.core.errors import Malformed

MORNING: Final = datetime(2026, 11, 20, 10, 30, tzinfo=KST)
COUNT: Final = 20
CANDIDATES: Final = 60
"""Issues whose 20 days get_unusual_volume has to know: the 30 rows of one page for each of two markets."""

LEAST: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        # ranking pages of two markets + two indices; a row's PER and foreign share
        "get_volume_ranking": (2 + 2, 1),
        # ranking pages; a row's news
        "get_volume_change_ranking": (2, 1),
        # ranking pages, investors and values of two markets, 30 prices at once; a row's buys and sells
        "get_investor_ranking": (2 + 2 + 2 + 1, 1),
        # sectors and the master file of one market; a row's leading stocks and its investors
        "get_sector_volume_ranking": (1 + 1, 2),
        # pages by capitalisation and by value, two master files, 30 prices at once; a row's foreign share
        "get_market_cap_ranking": (2 + 2 + 2 + 1, 1),
        # ranking pages, each candidate's days; a row's price, news and interruptions
        "get_unusual_volume": (2 + CANDIDATES, 3),
    }
)
"""Calls a ranking of KIS alone cannot do without, and those each row adds; no reply is shared between rows."""


async def measure(*, long: bool) -> list[Measured]:
    """Ask each once, of a home where nothing is kept; calls are counted by its provenance. `long` asks three worlds."""
    found = []
    for tool, (base, each) in LEAST.items():
        worst = (0.0, 0, 0)
        for seed in range(1, 4 if long else 2):
            made, rows = await _asked(tool, seed)
            least = base + each * rows
            worst = max(worst, (made / least, made, least))
        ratio, made, least = worst
        found.append(
            Measured(
                name=f"ranking-cost {tool}",
                figure=float(made),
                unit="upstream calls",
                floor=float(least),
                ratio=round(ratio, 3),
                limit=1.0,
                within=made <= least,
                more={"count": COUNT},
            )
        )
    return found


async def _asked(tool: str, seed: int) -> tuple[int, int]:
    """Upstream calls of one cold answer, and the rows that it has."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(
            {"DARI_HOME": folder, "DARI_RANKING_SOURCES": "none", "DARI_DEADLINE_SECONDS": "300", "KIS_MODE": "real"}
        )
        async with Runtime(settings, simulated=True, seed=seed, clock=ManualClock(MORNING)) as runtime:
            _, dispatch = runtime.server("volume-ranking")
            outcome = await dispatch.call(tool, {"count": COUNT}, runtime.caller())
    if outcome.error:
        raise Malformed(f"{tool} failed", upstream_text=outcome.text[:200])
    told = outcome.structured
    rows = told.get("ranking", told.get("unusual_stocks"))
    return sum(line["calls"] for line in told["provenance"]), len(rows or ())
