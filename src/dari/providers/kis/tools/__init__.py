"""What we offer over KIS, by toolset."""

from dataclasses import replace
from typing import Any, Final

from pydantic import Field, create_model

from dari.core.tool import Tool
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

MOST: Final = 50


def rankings(max_count: int, threshold: float) -> tuple[Tool, ...]:
    """The six with the operator's own limits: at most `max_count` rows (1 to 50), `threshold` percent by default."""
    limit = min(max(max_count, 1), MOST)
    return tuple(_tuned(tool, limit, threshold) for tool in RANKINGS)


def _tuned(tool: Tool, limit: int, threshold: float) -> Tool:
    fields: dict[str, Any] = {}
    if limit != MOST:
        fields["count"] = (int, Field(default=min(20, limit), ge=1, le=limit))
    asked = tool.query.model_fields.get("threshold")
    if asked is not None and threshold != asked.default:
        fields["threshold"] = (float, Field(default=threshold, gt=0, le=100_000, allow_inf_nan=False))
    if not fields:
        return tool
    return replace(tool, query=create_model(tool.query.__name__, __base__=tool.query, **fields))
