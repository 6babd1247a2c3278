"""What KIS answers, one function per endpoint, told from the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from dari.providers.kis.simulator.answers import charts, indices, investors, notices, quotes, rankings
from dari.providers.kis.simulator.exchange import Ask

Handler = Callable[[Ask], Mapping[str, Any]]
"""(ask) → the blocks of the reply, by name."""

HANDLERS: Final[Mapping[str, Handler]] = {
    **quotes.HANDLERS,
    **rankings.HANDLERS,
    **indices.HANDLERS,
    **charts.HANDLERS,
    **investors.HANDLERS,
    **notices.HANDLERS,
}
