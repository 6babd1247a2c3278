"""What we offer over KIS, by toolset."""

from typing import Final

from dari.providers.kis.tools import (
    cap_ranking,
    change_ranking,
    investor_ranking,
    sector_ranking,
    unusual,
    volume_ranking,
)

RANKINGS: Final = (
    *volume_ranking.TOOLS,
    *change_ranking.TOOLS,
    *investor_ranking.TOOLS,
    *sector_ranking.TOOLS,
    *cap_ranking.TOOLS,
    *unusual.TOOLS,
)
"""The six rankings of the server `volume-ranking`."""
