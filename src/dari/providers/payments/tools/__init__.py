"""What we offer over the payment system, by named server."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dari.core.tool import Tool
from dari.providers.payments.tools import books, circuit, counters, health, load, topics

TOOLS: Final[Mapping[str, tuple[Tool, ...]]] = MappingProxyType(
    {
        "payment-circuit-breaker": circuit.TOOLS,
        "payment-database": books.TOOLS,
        "payment-redis": counters.TOOLS,
        "payment-kafka": topics.TOOLS,
        "payment-loadtest": load.TOOLS,
        "payment-system-health": health.TOOLS,
    }
)
ACTING: Final = frozenset({"payment-redis", "payment-kafka", "payment-loadtest", "payment-system-health"})
"""Servers whose plans can be applied; the other two only read."""
