"""What we offer over Kiwoom, by toolset."""

from typing import Final

from dari.core.tool import Tool
from dari.providers.kiwoom.tools import account, connection, endpoints, market, quotes, stocks

TOOLS: Final[tuple[Tool, ...]] = (
    *quotes.TOOLS,
    *account.TOOLS,
    *stocks.TOOLS,
    *market.TOOLS,
    *endpoints.TOOLS,
    *connection.TOOLS,
)
"""Every tool of the server `kiwoom`."""
