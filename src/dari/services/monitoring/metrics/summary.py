"""Series as figures: least, most, mean, 95th percentile and last, with few points, and only so many series."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from dari.core.clock import KST

SERIES: Final = 10
POINTS: Final = 12
READ: Final = 240
"""Points asked of Prometheus for each series; the longer the range, the wider the step."""
LEAST_STEP: Final = 5.0
TEXT: Final = 120


def step_of(seconds: float) -> float:
    """Seconds between two points of a range so long."""
    return max(LEAST_STEP, math.ceil(seconds / READ))


def rate_window(seconds: float) -> str:
    """How far back a rate looks: four steps, a minute at least."""
    return f"{max(60, round(4 * step_of(seconds)))}s"


def summarised(series: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`{series: [{labels, min, max, avg, p95, last, points}], total, truncated}`, the largest first."""
    rows = [one for one in (_one(said) for said in series) if one is not None]
    rows.sort(key=lambda row: -row["avg"])
    return {"series": rows[:SERIES], "total": len(rows), "truncated": len(rows) > SERIES}


def _one(said: Mapping[str, Any]) -> dict[str, Any] | None:
    points = [(at, value) for at, value in said["points"] if math.isfinite(value)]
    if not points:
        return None
    values = sorted(value for _, value in points)
    every = max(1, math.ceil(len(points) / POINTS))
    chosen = points[::-1][::every][::-1]
    return {
        "labels": {str(name)[:TEXT]: str(text)[:TEXT] for name, text in said["labels"].items()},
        "min": _short(values[0]),
        "max": _short(values[-1]),
        "avg": _short(sum(values) / len(values)),
        "p95": _short(values[min(len(values) - 1, math.ceil(0.95 * len(values)) - 1)]),
        "last": _short(points[-1][1]),
        "samples": len(points),
        "points": [[_at(at), _short(value)] for at, value in chosen],
    }


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone(KST).isoformat(timespec="seconds")
