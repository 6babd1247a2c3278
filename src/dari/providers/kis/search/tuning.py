"""What each kind of evidence is worth, and which concepts prove nothing by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Tuning:
    """What each kind of evidence is worth."""

    union: float = 0.42
    line: float = 2.9
    pairs: float = 0.135
    label: float = 1.1
    known_label: float = 0.3
    whole_label: float = 1.5
    english: float = 1.1
    exact: float = 2.6
    path: float = 9.0
    enough: float = 0.27
    strong: float = 8.0
    """A score that is beyond doubt, whatever else the question says."""
    error: float = 0.8


TUNING: Final = Tuning()
GENERIC: Final = frozenset(
    f"c:{one}"
    for one in [
        "overseas",
        "us",
        "asia",
        "domestic",
        "current",
        "today",
        "period",
        "stock",
        "price",
        "info",
        "all",
        "search",
        "listof",
        "name",
        "order",
        "detail",
        "result",
        "compare",
        "sum",
        "group",
        "country",
        "code",
        "dollar",
        "account",
        "trend",
        "buy",
        "sell",
        "rank",
        "calendar",
        "possible",
        "history",
        "today",
        "bytime",
        "issuekey",
        "day",
        "week",
        "month",
        "year",
        "minute",
        "second",
        "tick",
        "shares_count",
        "executions",
        "hours",
        "cancel",
        "modify",
        "fee",
        "investor",
        "volume",
        "deposit",
        "position",
        "listing",
        "modify",
        "balance",
        "updown",
        "newlisted",
        "surge",
        "member",
        "currency",
        "view",
        "expiry",
        "settlement",
        "margin",
        "collateral",
        "ws",
        "detail",
        "index",
        "rights",
        "month",
        "fx",
    ]
)
"""Concepts that a question about something else may hold as well."""
