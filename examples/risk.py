"""Rules that a trading program should have before it has a strategy: stop-loss, take-profit, and limits of risk.

Pure functions of numbers, in won; nothing here asks anybody.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a day may cost. Shares are fractions of one."""

    stop_loss: float = 0.03
    take_profit: float = 0.06
    per_position: float = 0.10
    day_loss: float = 0.02
    positions: int = 5


def exit_reason(bought_at: int, price: int, limits: Limits) -> str | None:
    """Why a position must be sold now: "stop-loss", "take-profit", or None."""
    moved = price / bought_at - 1
    if moved <= -limits.stop_loss:
        return "stop-loss"
    if moved >= limits.take_profit:
        return "take-profit"
    return None


def quantity(cash: int, equity: int, price: int, limits: Limits) -> int:
    """How many shares may be bought: a share of the equity at most, and never more than there is cash."""
    return max(0, int(min(cash, equity * limits.per_position) // price))


def may_open(held: int, equity: int, equity_at_open: int, limits: Limits) -> bool:
    """Whether a new position may be opened: not too many, and the day has not lost its share yet."""
    return held < limits.positions and equity > equity_at_open * (1 - limits.day_loss)
