"""The process watches itself: its last 100 calls against thresholds, and who is told when one is passed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dari.core.clock import Clock
from dari.serving.metrics import RECENT, Finished, Metrics
from dari.serving.resident import resident_bytes

log = logging.getLogger(__name__)

CALLERS_OWN: Final = frozenset({"invalid_input", "not_found", "not_allowed", "plan_refused", "caller_error"})
"""Errors that are the caller's mistake say nothing about our health."""

LOOK_EVERY: Final = 10
"""Calls between two looks: judging a hundred calls after each of them would cost what a call may cost."""

MEMORY_EVERY: Final = 100
"""Calls between two looks at the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When to speak up: mean seconds, share of errors, share of calls answered from a cache, bytes, findings."""

    response_seconds: float = 2.0
    error_rate: float = 0.05
    cache_hit_rate: float = 0.7
    memory_bytes: int = 1024**3
    findings: int = 50


@dataclass(frozen=True, slots=True)
class Alert:
    """A threshold that was passed (`firing`), or is not any more. `value` and `limit` are in the threshold's unit."""

    name: str
    firing: bool
    value: float
    limit: float
    at: datetime
    text: str

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "alert": self.name,
            "status": "firing" if self.firing else "resolved",
            "value": round(self.value, 4),
            "limit": self.limit,
            "at": self.at.isoformat(timespec="seconds"),
            "text": self.text,
        }


Sink = Callable[[Alert], Awaitable[None]]
"""Told of every alert when it begins and when it ends; what it raises is logged and stops nobody else."""

TEXTS: Final[Mapping[str, str]] = {
    "response_time": "응답 시간 초과 mean response time {value:.2f} s (limit {limit:g} s)",
    "error_rate": "에러율 상승 error rate {value:.1%} (limit {limit:.0%})",
    "cache_hit_rate": "캐시 히트율 저하 cache hit rate {value:.1%} (limit {limit:.0%})",
    "memory": "메모리 사용량 초과 memory {value:,.0f} bytes (limit {limit:,.0f})",
    "unusual_volume": "이상 거래량 다수 감지 {value:.0f} issues with unusual volume (limit {limit:.0f})",
}


@dataclass(slots=True)
class Watch:
    """Looks after every call, once there are 100 of them; each alert is told once when it begins, once when it ends."""

    metrics: Metrics
    clock: Clock
    thresholds: Thresholds = field(default_factory=Thresholds)
    sinks: list[Sink] = field(default_factory=list)
    memory: Callable[[], int | None] = resident_bytes
    firing: dict[str, Alert] = field(default_factory=dict)
    _looks: int = 0
    _held: int | None = None
    _telling: set[asyncio.Task[None]] = field(default_factory=set)

    def look(self) -> None:
        """Judge the last calls, every tenth time."""
        recent = self.metrics.recent
        self._looks += 1
        if len(recent) < RECENT or self._looks % LOOK_EVERY:
            return
        if self._looks % MEMORY_EVERY == 0:
            self._held = self.memory()
        for name, value, limit, passed in judged(recent, self._held, self.thresholds):
            if passed != (name in self.firing):
                self._turned(name, value, limit, firing=passed)

    def _turned(self, name: str, value: float, limit: float, *, firing: bool) -> None:
        text = TEXTS[name].format(value=value, limit=limit)
        alert = Alert(name, firing, value, limit, self.clock.now(), text)
        if firing:
            self.firing[name] = alert
        else:
            self.firing.pop(name, None)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        for sink in self.sinks:
            task = loop.create_task(_told(sink, alert))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def settled(self) -> None:
        """Wait until everybody has been told."""
        await asyncio.gather(*self._telling)

    def states(self) -> dict[str, bool]:
        """Every threshold, and whether it is passed."""
        return {name: name in self.firing for name in TEXTS}


async def _told(sink: Sink, alert: Alert) -> None:
    try:
        await sink(alert)
    except Exception as error:  # noqa: BLE001 -- a dead webhook must not hide the alert from the others
        log.error("an alert was not delivered (%s): %s", type(error).__name__, alert.text)  # noqa: TRY400 -- its address may be in the trace


def judged(
    recent: Iterable[Finished], memory: int | None, thresholds: Thresholds
) -> list[tuple[str, float, float, bool]]:
    """Every threshold with what the calls amount to: (name, value, limit, passed)."""
    calls = list(recent)
    count = len(calls)
    mean = sum(one.seconds for one in calls) / count
    errors = sum(one.error is not None and one.error not in CALLERS_OWN for one in calls) / count
    hits = sum(one.cached for one in calls) / count
    found = float(sum(one.findings for one in calls))
    told = [
        ("response_time", mean, thresholds.response_seconds, mean > thresholds.response_seconds),
        ("error_rate", errors, thresholds.error_rate, errors > thresholds.error_rate),
        ("cache_hit_rate", hits, thresholds.cache_hit_rate, hits < thresholds.cache_hit_rate),
        ("unusual_volume", found, float(thresholds.findings), found > thresholds.findings),
    ]
    if memory is not None:
        limit = thresholds.memory_bytes
        told.append(("memory", float(memory), float(limit), 0 < limit < memory))
    return told


# --- sinks ---


async def to_log(alert: Alert) -> None:
    """A line of the log."""
    log.log(logging.WARNING if alert.firing else logging.INFO, "alert %s", alert.text, extra={"told": alert.as_dict()})


Post = Callable[[str, Any], Awaitable[int]]
"""Posts JSON to an address; gives the HTTP status."""


def to_webhook(url: str, post: Post) -> Sink:
    """One POST of the alert as JSON."""

    async def sink(alert: Alert) -> None:
        await _posted(post, url, alert.as_dict())

    return sink


def to_alertmanager(url: str, post: Post, *, instance: str) -> Sink:
    """Alertmanager's own API: /api/v2/alerts below its address."""

    async def sink(alert: Alert) -> None:
        told: dict[str, Any] = {
            "labels": {"alertname": f"dari_{alert.name}", "severity": "warning", "instance": instance},
            "annotations": {"summary": alert.text},
            "generatorURL": "",
        }
        told["startsAt" if alert.firing else "endsAt"] = alert.at.isoformat()
        await _posted(post, f"{url.rstrip('/')}/api/v2/alerts", [told])

    return sink


async def _posted(post: Post, url: str, told: Any) -> None:
    status = await post(url, told)
    if status >= REFUSED:
        raise ConnectionError(f"HTTP {status}")


REFUSED: Final = 300
