"""Prometheus text exposition, read into numbers that can be summed and subtracted."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_LINE: Final = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+\S+)?$")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Exposition:
    """name → labels → value."""

    series: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the program exposes that name at all: a missing series is not a zero."""
        return name in self.series

    def rows(self, name: str, **wanted: str) -> list[tuple[dict[str, str], float]]:
        """Every series of a name whose labels match."""
        return [
            (dict(labels), value)
            for labels, value in self.series.get(name, {}).items()
            if all(dict(labels).get(key) == want for key, want in wanted.items())
        ]

    def total(self, name: str, **wanted: str) -> float:
        """The sum over the matching series; 0.0 when there is none."""
        return sum(value for _, value in self.rows(name, **wanted))


def parse(text: str) -> Exposition:
    """Read an exposition; lines that are not samples are passed over."""
    series: dict[str, dict[Labels, float]] = {}
    for line in text.splitlines():
        found = _LINE.match(line) if line and not line.startswith("#") else None
        if not found:
            continue
        try:
            value = float(found[3])
        except ValueError:
            continue
        labels = tuple(
            sorted((key, raw.replace('\\"', '"').replace("\\\\", "\\")) for key, raw in _LABEL.findall(found[2] or ""))
        )
        series.setdefault(found[1], {})[labels] = value
    return Exposition(series)


def minus(now: Exposition, before: Exposition, name: str) -> dict[Labels, float]:
    """What each series of a counter grew by; a counter that fell was reset, and counts from zero."""
    old = before.series.get(name, {})
    grown = {}
    for labels, value in now.series.get(name, {}).items():
        earlier = old.get(labels, 0.0)
        grown[labels] = value - earlier if value >= earlier else value
    return grown


def quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """The quantile of a histogram's grown buckets {upper bound: cumulative count}, as Prometheus estimates it.

    None when nothing was observed; the last finite bound when it lies beyond it.
    """
    bounds = sorted(buckets)
    if not bounds or buckets[bounds[-1]] <= 0:
        return None
    rank = share * buckets[bounds[-1]]
    lower = below = 0.0
    for bound in bounds:
        count = buckets[bound]
        if count >= rank:
            if math.isinf(bound):
                return lower
            inside = count - below
            return bound if inside <= 0 else lower + (bound - lower) * (rank - below) / inside
        lower, below = bound, count
    return lower
