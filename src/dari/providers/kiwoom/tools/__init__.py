"""What we offer over Kiwoom, by toolset."""

from dataclasses import replace
from typing import Final

from dari.core.tool import Tool
from dari.providers.kiwoom.tools import account, connection, endpoints, market, orders, quotes, realtime, stocks

DEADLINE_SECONDS: Final = 100.0
"""Three tries of thirty seconds with their waits: the source document's own patience."""

TOOLS: Final[tuple[Tool, ...]] = tuple(
    replace(one, deadline=DEADLINE_SECONDS)
    for one in (
        *quotes.TOOLS,
        *account.TOOLS,
        *stocks.TOOLS,
        *market.TOOLS,
        *endpoints.TOOLS,
        *connection.TOOLS,
        *realtime.TOOLS,
        *orders.TOOLS,
    )
)
"""Every tool of the server `kiwoom`."""

HANDS: Final = orders.HANDS
"""Who does what its tools plan."""
