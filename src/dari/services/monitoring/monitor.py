"""The monitor: samples on a beat, remembers, and answers what is wrong."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from dari.core.clock import Clock
from dari.services.monitoring.diagnosis.derive import derive
from dari.services.monitoring.diagnosis.engine import diagnose
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.history import History
from dari.services.monitoring.ports import Ports
from dari.services.monitoring.probes.look import Looker, Probing
from dari.services.monitoring.probes.snapshot import Snapshot
from dari.services.monitoring.reconciliation.run import Reconciler

BEAT: Final = 5.0
"""Seconds between two samples."""
BOOKS_AGE: Final = 60.0
"""A reconciliation older than this is made anew before a diagnosis relies on it."""
BOOKS_RENEWED: Final = 45.0
"""The beat reads them anew a little earlier, so that no question waits for it."""
BOOKS_DEADLINE: Final = 20.0
SMALL_BOOKS: Final = 1_000
"""Up to so many payments a diagnosis reads the books itself; above, the beat's last reading while it is fresh."""


@dataclass(slots=True)
class _Books:
    report: dict[str, Any]
    at: float


class Monitor:
    """One monitor of one platform. `sample()` is called on a beat (by `start()`); the other methods only read."""

    def __init__(self, ports: Ports, clock: Clock, probing: Probing | None = None) -> None:
        self.ports = ports
        self.clock = clock
        self.probing = probing or Probing()
        self.history = History()
        self.looker = Looker(ports, clock, self.probing)
        self.reconciler = Reconciler(ports, clock)
        self._books: _Books | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def sample(self) -> Snapshot:
        """Look once and remember."""
        snapshot = await self.looker.look()
        self.history.add(snapshot)
        return snapshot

    async def start(self) -> None:
        """Sample on a beat until `close`."""
        self._tasks.add(asyncio.create_task(self._beat(), name="monitor-beat"))

    async def _beat(self) -> None:
        while True:
            began = self.clock.monotonic()
            snapshot = await self.sample()
            if self._stale(snapshot, BOOKS_RENEWED):
                await self._reconcile(snapshot)
            await self.clock.sleep(max(0.1, BEAT - (self.clock.monotonic() - began)))

    async def close(self) -> None:
        """Stop sampling."""
        for task in self._tasks:
            task.cancel()
        for task in list(self._tasks):
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    def _stale(self, now: Snapshot, age: float) -> bool:
        """Books read while the cluster was away are kept as long as it is."""
        if self._books is None or self.clock.monotonic() - self._books.at > age:
            return True
        return bool(self._books.report["unknown"]) and "kafka" not in now.failures

    async def _reconcile(self, snapshot: Snapshot) -> dict[str, Any] | None:
        try:
            report = await asyncio.wait_for(
                self.reconciler.run(app_now=snapshot.app_time, away=snapshot.failures),
                BOOKS_DEADLINE * self.ports.patience,
            )
        except TimeoutError:
            return None
        if "all" not in report:
            return None  # the database went away while it was read: nothing is known, and that is said by its probe
        self._books = _Books(report, self.clock.monotonic())
        return report

    async def reconcile(self, limit: int = 100) -> dict[str, Any]:
        """A fresh reconciliation."""
        snapshot = await self.looker.look()
        return await self.reconciler.run(app_now=snapshot.app_time, limit=limit)

    async def facts(self, snapshot: Snapshot | None = None) -> Facts:
        """Every fact of now, the books among them where they are known."""
        now = snapshot or await self.looker.look()
        facts = derive(now, self.history, window=self.probing.window)
        values: dict[str, Any] = {}
        report = await self._known_books(now)
        if report is not None:
            values["ledger.findings"] = report["all"]
            values["ledger.first_broken_link"] = report["firstBrokenLink"]
            values["ledger.delta_per_account"] = report["deltaPerAccount"]
            values["ledger.captured_without_entry"] = report["capturesPending"]
            values["ledger.overdue"] = report["overdue"]
            values["ledger.double_charges"] = sum(one["kind"] == "posted_twice" for one in report["all"])
        return facts.plus(values)

    async def _known_books(self, now: Snapshot) -> dict[str, Any] | None:
        """The books as of now where they are small or old, else the last reading; None when they cannot be read."""
        if now.database is None:
            return None
        small = sum(now.database.statuses.values()) <= SMALL_BOOKS
        if not small and self._books is not None and not self._stale(now, BOOKS_AGE):
            return self._books.report
        return await self._reconcile(now)

    async def diagnose(self) -> dict[str, Any]:
        """The verdict of now (`diagnosis.engine.diagnose`), after a fresh look at everything."""
        now = await self.looker.look()
        facts = await self.facts(now)
        return diagnose(facts, now.at)
