"""What a fund (ETF) of the world is worth and follows."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

TRACKED: Final = "2001"
"""Every fund of this world tracks KOSPI200, the only theme index it has."""
_CENT: Final = Decimal("0.01")


def nav(price: int, code: str) -> Decimal:
    """순자산가치 a share: the price, off by at most half a percent, the same way for the same price."""
    off = (price * 7 + int(code, 36)) % 101 - 50
    return (Decimal(price) * (10_000 + off) / 10_000).quantize(_CENT)
