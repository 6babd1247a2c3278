"""What the simulated upstream answers, one module per subject; importing this fills `exchange.ANSWERS`."""

from dari.providers.kiwoom.simulator.answers import (
    accounts,
    charts,
    derivatives,
    funds,
    gold,
    history,
    indexes,
    investing,
    masters,
    orders,
    programs,
    quotes,
    ranks,
    reports,
    statements,
)

__all__ = [
    "accounts",
    "charts",
    "derivatives",
    "funds",
    "gold",
    "history",
    "indexes",
    "investing",
    "masters",
    "orders",
    "programs",
    "quotes",
    "ranks",
    "reports",
    "statements",
]
