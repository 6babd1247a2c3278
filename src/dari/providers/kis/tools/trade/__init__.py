"""The server `kis-trade`: the whole KIS Open API by search → describe → call, curated questions, orders by plan."""

from typing import Final

from dari.core.acts import Hand
from dari.providers.kis.tools.trade import accounts, endpoints, market, planning, quotes, realtime
from dari.providers.kis.tools.trade.hand import OrderHand

TOOLS: Final = (
    *endpoints.TOOLS,
    *quotes.TOOLS,
    *market.TOOLS,
    *realtime.TOOLS,
    *accounts.TOOLS,
    *planning.TOOLS,
)
HANDS: Final[tuple[Hand, ...]] = (OrderHand(),)
"""Who does what these tools plan."""
