"""What a log says in sum: errors, calls and their times, cache hits, unusual volumes; ours as JSON lines or plain."""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

MOST_RECENT: Final = 10
CALL: Final = re.compile(r"API call to (.+?) took (\d+(?:\.\d+)?)\s?s")
HIT: Final = re.compile(r"Cache hit for (.+)")
UNUSUAL: Final = re.compile(r"Unusual volume detected: (.+)")
ERROR: Final = re.compile(r"\b(?:ERROR|CRITICAL)\b")


@dataclass(slots=True)
class _Times:
    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = 0.0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        self.least, self.most = min(self.least, seconds), max(self.most, seconds)

    def told(self) -> dict[str, Any]:
        if not self.count:
            return {}
        return {
            "total_calls": self.count,
            "average_duration": self.total / self.count,
            "max_duration": self.most,
            "min_duration": self.least,
        }


@dataclass(slots=True)
class _Sum:
    errors: int = 0
    recent_errors: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_RECENT))
    all_calls: _Times = field(default_factory=_Times)
    calls: dict[str, _Times] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)
    unusual: int = 0
    recent_unusual: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_RECENT))

    def add(self, level: str, text: str) -> None:
        if level in {"ERROR", "CRITICAL"}:
            self.errors += 1
            self.recent_errors.append(text[:500])
        if found := CALL.search(text):
            seconds = float(found.group(2))
            self.all_calls.add(seconds)
            self.calls.setdefault(found.group(1), _Times()).add(seconds)
        elif found := HIT.search(text):
            self.hits[found.group(1).strip()] += 1
        elif found := UNUSUAL.search(text):
            self.unusual += 1
            self.recent_unusual.append(found.group(1).strip()[:200])


def summarised(lines: Iterable[str], *, since: datetime | None = None) -> dict[str, Any]:
    """The sum over a log, read once, line by line.

    Shape: `{error_count, recent_errors, api_call_stats{total_calls, average_duration (s), …}, endpoints{…},
    cache_hit_distribution, cache_hit_rate (%), unusual_volume_count, recent_unusual_volumes}`. `since` leaves out
    JSON lines of an earlier time; plain lines bear none that can be trusted.
    """
    found = _Sum()
    for line in lines:
        level, text, at = _parts(line.strip())
        if text and not (since is not None and at is not None and at < since):
            found.add(level, text)
    hits = sum(found.hits.values())
    asked = hits + found.all_calls.count
    return {
        "error_count": found.errors,
        "recent_errors": [*found.recent_errors],
        "api_call_stats": found.all_calls.told(),
        "endpoints": {name: one.told() for name, one in sorted(found.calls.items())},
        "cache_hit_distribution": dict(found.hits),
        "cache_hit_rate": 100.0 * hits / asked if asked else None,
        "unusual_volume_count": found.unusual,
        "recent_unusual_volumes": [*found.recent_unusual],
    }


def _parts(line: str) -> tuple[str, str, datetime | None]:
    if line.startswith("{"):
        try:
            told = json.loads(line)
            at = datetime.fromisoformat(told["at"]) if "at" in told else None
            return str(told.get("level", "")).upper(), str(told.get("message", "")), at
        except (ValueError, TypeError, AttributeError):
            pass
    found = ERROR.search(line)
    return (found.group(0) if found else ""), line, None
