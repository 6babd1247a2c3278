"""Which answers do not come from the world of stocks, and why. Every other api-id tells the world or the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_GOLD: Final = "the world has no gold: told from the simulator's own price path"
_LENT: Final = "the world lends no shares: a fixed part of what is traded and held"
_LISTS: Final = "kept by a user in the trading program: two fixed lists"

NOT_FROM_THE_WORLD: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            *("ka50010", "ka50012", "ka50079", "ka50080", "ka50081", "ka50082", "ka50083", "ka50087", "ka50091"),
            *("ka50092", "ka50100", "ka50101", "ka52301", "0I"),
        ),
        _GOLD,
    ),
    **dict.fromkeys(("ka10068", "ka10069", "ka20068", "ka90012"), _LENT),
    **dict.fromkeys(("ka01300", "ka01301"), _LISTS),
    "ka10011": "the world has no subscription rights: the list is empty",
    "ka10013": "the world keeps no credit: a fixed part of the day's trade",
    "ka10014": "the world sells nothing short: one to four percent of the day's volume",
    "ka10053": "nobody leaves the top five brokers in this world: the list is empty",
    "ka10102": "member firms are a fixed list of the world's flows",
    "ka40001": "a fund's net asset value is the simulator's own, close to its price",
    "ka40009": "a fund's net asset value is the simulator's own, close to its price",
    "0G": "a fund's net asset value is the simulator's own, close to its price",
}
"""api-id → reason. ELW are told from the world's stocks by a price of their own (see warrants)."""
