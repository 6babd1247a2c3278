"""What was asked, how long it took and how it ended: counted in this process, told by `dari status` and `/metrics`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from dari.core.events import Event

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper bounds in seconds of the duration buckets."""


@dataclass(slots=True)
class ToolCounts:
    """One tool's calls."""

    calls: int = 0
    seconds: float = 0.0
    cached: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))


class Metrics:
    """Counts tool calls and listens to what the policies tell."""

    def __init__(self) -> None:
        self.tools: dict[str, ToolCounts] = {}
        self.events: Counter[str] = Counter()

    def heard(self, event: Event) -> None:
        """Count one event of the policies by its name."""
        self.events[event.name] += 1

    def called(self, tool: str, seconds: float, *, cached: bool, error: str | None) -> None:
        """Count one finished call."""
        counts = self.tools.get(tool)
        if counts is None:
            counts = self.tools[tool] = ToolCounts()
        counts.calls += 1
        counts.seconds += seconds
        counts.cached += cached
        if error is not None:
            counts.errors[error] += 1
        for place, bound in enumerate(BOUNDS):
            if seconds <= bound:
                counts.buckets[place] += 1
                return
        counts.buckets[-1] += 1

    def summary(self) -> dict[str, Any]:
        """Shape: `{total_requests, average_response_time (s), cache_hit_rate (%), tool_statistics{count, …}}`."""
        total = sum(one.calls for one in self.tools.values())
        seconds = sum(one.seconds for one in self.tools.values())
        cached = sum(one.cached for one in self.tools.values())
        return {
            "total_requests": total,
            "average_response_time": seconds / total if total else 0.0,
            "cache_hit_rate": 100.0 * cached / total if total else 0.0,
            "tool_statistics": {
                name: {
                    "count": one.calls,
                    "average_time": one.seconds / one.calls,
                    "cache_hit_rate": 100.0 * one.cached / one.calls,
                    "errors": dict(one.errors),
                }
                for name, one in sorted(self.tools.items())
            },
        }
