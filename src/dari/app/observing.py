"""Alerts, logs, traces and the counts of a process, as the settings ask for them."""

from __future__ import annotations

import asyncio
import logging
import platform
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from dari.app.parts import Parts
from dari.app.places import Places
from dari.core import tracing
from dari.core.clock import Clock
from dari.core.errors import BadSetting, Hint, MissingExtra
from dari.core.provider import Request
from dari.core.shared_state import FileState
from dari.serving import logs
from dari.serving.metrics import Metrics, summed
from dari.serving.watching import Alert, Sink, Thresholds, Watch, to_alertmanager, to_log, to_webhook
from dari.settings import Settings

BEAT_SECONDS: Final = 5.0
"""How often a process writes down what it has counted, for `dari status`."""

KEEP_SECONDS: Final = 86_400.0
COUNTS: Final = "metrics "


class Watched:
    """What looks after one process from its start to its end."""

    def __init__(self, parts: Parts, metrics: Metrics, process: str) -> None:
        self._parts, self._metrics, self._name = parts, metrics, f"{COUNTS}{process}"
        settings = parts.settings
        self.alerts = Watch(metrics, parts.clock, _thresholds(settings))
        self._beating: asyncio.Task[None] | None = None
        self._stack = ExitStack()
        self._written: dict[str, Any] = {}

    def open(self) -> None:
        """Begin: the files of the log, the sinks of alerts, the way of the traces. Raises BadSetting, MissingExtra."""
        settings = self._parts.settings
        if folder := settings.text("DARI_LOG_DIR"):
            self._log_to(Path(folder))
        if traces := settings.text("DARI_TRACES_URL"):
            self._stack.enter_context(tracing.heard_by(_exporting(_address("DARI_TRACES_URL", traces), self._stack)))
        self.alerts.sinks += self._sinks()
        self._metrics.watchers.append(self.alerts.look)
        self._beating = asyncio.ensure_future(self._beat())

    def _log_to(self, folder: Path) -> None:
        settings, root = self._parts.settings, logging.getLogger("dari")
        handler, before = logs.to_file(folder.expanduser(), settings.secrets()), root.level
        root.addHandler(handler)
        root.setLevel(settings.text("LOG_LEVEL").upper())
        self._parts.events.listen(logs.heard)
        self._stack.enter_context(tracing.heard_by(logs.attempts))
        self._stack.callback(handler.close)
        self._stack.callback(root.removeHandler, handler)
        self._stack.callback(root.setLevel, before)

    def _sinks(self) -> list[Sink]:
        settings = self._parts.settings
        sinks: list[Sink] = [to_log]
        if settings.text("DARI_ALERT_CONSOLE") == "1":
            sinks.append(_to_console)
        webhook, manager = settings.secret("DARI_ALERT_WEBHOOK"), settings.text("DARI_ALERTMANAGER_URL")
        if webhook or manager:
            wire = self._parts.wire(timeout=5.0)

            async def post(url: str, told: Any) -> int:
                return (await wire.send(Request("POST", url, payload=told))).status

            if webhook:
                sinks.append(to_webhook(_address("DARI_ALERT_WEBHOOK", webhook.reveal()), post))
            if manager:
                address = _address("DARI_ALERTMANAGER_URL", manager)
                sinks.append(to_alertmanager(address, post, instance=platform.node() or "dari"))
        return sinks

    def redis_well(self) -> bool:
        """Whether nothing of this process goes on without the Redis it should have."""
        return not any(one.degraded for one in self._parts.degrading)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)  # of this machine: a simulated market's clock may stand still
            await self._write()

    async def _write(self) -> None:
        counts = self._metrics.counts()
        if counts["tools"] and counts != self._written:
            await counts_of(self._parts.places, self._parts.clock).put(self._name, counts, seconds=KEEP_SECONDS)
            self._written = counts

    async def close(self) -> None:
        """Write the counts a last time, tell the alerts that are on their way, and let go."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        await self._write()
        await self.alerts.settled()
        self._stack.close()


def counts_of(places: Places, clock: Clock) -> FileState:
    """Where the processes of this user leave their counts."""
    return FileState(places.state / "counts", clock)


async def status(places: Places, clock: Clock) -> dict[str, Any]:
    """What all processes of this user counted in a day, in one summary; shaped as serving.metrics.summed says."""
    state = counts_of(places, clock)
    state.sweep()
    kept = [await state.get(name) for name in await state.names(f"{COUNTS}*")]
    return summed(one for one in kept if one)


def _thresholds(settings: Settings) -> Thresholds:
    return Thresholds(
        response_seconds=settings.number("DARI_ALERT_RESPONSE_SECONDS"),
        error_rate=settings.number("DARI_ALERT_ERROR_RATE"),
        cache_hit_rate=settings.number("DARI_ALERT_CACHE_HIT_RATE"),
        memory_bytes=settings.whole("DARI_ALERT_MEMORY_MB") * 1024 * 1024,
        findings=settings.whole("DARI_ALERT_UNUSUAL"),
    )


async def _to_console(alert: Alert) -> None:
    sys.stderr.write(f"{'🔔' if alert.firing else '🔕'} {alert.text}\n")


def _address(name: str, url: str) -> str:
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise BadSetting(f"{name} is not an http(s) address")
    return url


def _exporting(url: str, stack: ExitStack) -> tracing.Hook:
    try:
        from dari.app.exporting import exporter  # noqa: PLC0415 -- OpenTelemetry's SDK is an extra
    except ImportError:
        hint = Hint("pip install 'dari[otel]'", "pip install 'dari[otel]'")
        raise MissingExtra("DARI_TRACES_URL needs the extra dari[otel]", hint=hint) from None
    hook, close = exporter(url)
    stack.callback(close)
    return hook
