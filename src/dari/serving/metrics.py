"""What was asked, how long it took and how it ended: counted in this process, told by `dari status` and `/metrics`."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from dari.core.events import Event

log = logging.getLogger(__name__)

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper bounds in seconds of the duration buckets."""


RECENT: Final = 100
"""How many last calls are judged together: as the document's monitor does."""

FINDINGS: Final = "unusual_stocks"
"""The list of an answer whose length is watched: issues traded far above their mean."""


class Finished(NamedTuple):
    """One finished call: how long it took (s), whether it was told again from a cache, its error, what it found."""

    seconds: float
    cached: bool
    error: str | None
    findings: int = 0


@dataclass(slots=True)
class ToolCounts:
    """One tool's calls."""

    calls: int = 0
    seconds: float = 0.0
    cached: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))


def found_in(structured: Mapping[str, Any]) -> int:
    """How many findings an answer has; they are logged by their names, which are no secret."""
    found = structured.get(FINDINGS)
    if not isinstance(found, list):
        return 0
    for one in found:
        log.info("Unusual volume detected: %s", one.get("name", "?") if isinstance(one, Mapping) else "?")
    return len(found)


def summed(counts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What several processes counted (`Metrics.counts`), as one summary of theirs.

    Shape: `{total_requests, average_response_time (s), cache_hit_rate (%), tool_statistics{name: {count,
    average_time (s), cache_hit_rate (%), errors}}}`.
    """
    tools: dict[str, dict[str, Any]] = {}
    for one in counts:
        for name, told in one.get("tools", {}).items():
            into = tools.setdefault(name, {"calls": 0, "seconds": 0.0, "cached": 0, "errors": Counter()})
            for figure in ("calls", "seconds", "cached"):
                into[figure] += told[figure]
            into["errors"].update(told["errors"])
    total = sum(one["calls"] for one in tools.values())
    return {
        "total_requests": total,
        "average_response_time": sum(one["seconds"] for one in tools.values()) / total if total else 0.0,
        "cache_hit_rate": 100.0 * sum(one["cached"] for one in tools.values()) / total if total else 0.0,
        "tool_statistics": {
            name: {
                "count": one["calls"],
                "average_time": one["seconds"] / one["calls"],
                "cache_hit_rate": 100.0 * one["cached"] / one["calls"],
                "errors": dict(one["errors"]),
            }
            for name, one in sorted(tools.items())
        },
    }


class Metrics:
    """Counts tool calls and listens to what the policies tell."""

    def __init__(self) -> None:
        self.tools: dict[str, ToolCounts] = {}
        self.events: Counter[str] = Counter()
        self.recent: deque[Finished] = deque(maxlen=RECENT)
        self.findings = 0
        self.watchers: list[Callable[[], None]] = []

    def heard(self, event: Event) -> None:
        """Count one event of the policies by its name."""
        self.events[event.name] += 1

    def called(self, tool: str, seconds: float, *, cached: bool, error: str | None, findings: int = 0) -> None:
        """Count one finished call, then let the watchers look."""
        self._count(tool, seconds, cached=cached, error=error)
        self.findings += findings
        self.recent.append(Finished(seconds, cached, error, findings))
        for watcher in self.watchers:
            watcher()

    def _count(self, tool: str, seconds: float, *, cached: bool, error: str | None) -> None:
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

    def counts(self) -> dict[str, Any]:
        """What was counted, as plain JSON, to be summed with what others counted."""
        return {
            "tools": {
                name: {"calls": one.calls, "seconds": one.seconds, "cached": one.cached, "errors": dict(one.errors)}
                for name, one in self.tools.items()
            },
            "events": dict(self.events),
        }

    def summary(self) -> dict[str, Any]:
        """The summary of this process alone, shaped as `summed` says."""
        return summed([self.counts()])
