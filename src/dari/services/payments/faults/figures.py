"""A figure of the truth that is not one number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A figure that moved while it was reported: what it was just before, and just after."""

    low: float
    high: float
