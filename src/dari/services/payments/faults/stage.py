"""Where a scenario is played: a sandbox with traffic, what it counted before the fault, and the run's own dice."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dari.services.payments.sandbox import Sandbox
from dari.services.payments.settings import PlatformSettings


@dataclass(slots=True)
class Stage:
    """One run. `notes` is what an injection did, in figures (how many, to whom), for the truth."""

    sandbox: Sandbox
    dice: random.Random
    since: datetime
    before: Mapping[str, float]
    notes: dict[str, Any] = field(default_factory=dict)

    def grown(self, name: str, **labels: str) -> float:
        """How much the samples of a metric with these labels have grown since the fault began."""
        now = samples(self.sandbox)
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        total = 0.0
        for sample, value in now.items():
            if sample.split("{")[0] == name and all(part in sample for part in wanted):
                total += value - self.before.get(sample, 0.0)
        return total

    async def one(self, query: str, **parameters: Any) -> dict[str, Any]:
        """The first row of a query, also while the platform's own connections fail."""
        database = self.sandbox.database
        outage, database.outage = database.outage, None
        try:
            return (await database.rows(query, parameters))[0]
        finally:
            database.outage = outage


def samples(sandbox: Sandbox) -> dict[str, float]:
    """Every sample of the exposition: `name{labels}` → value."""
    lines = sandbox.platform.metrics.text().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


Act = Callable[[Stage], Awaitable[None]]
Measure = Callable[[Stage], Awaitable[dict[str, Any]]]


async def nothing(_: Stage) -> None:
    """No act."""


async def no_figures(_: Stage) -> dict[str, Any]:
    """Nothing to report."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One fault: its id and root cause, how it is done and undone, what a good report contains, whom it spares.

    `must_report` names of `measure` are documented in the catalogue; `spares` are root causes that would be wrong.
    `healthy` seconds of ordinary life come first (a baseline for whoever keeps a history), then `lasts` seconds of it.
    """

    key: str
    root_cause: str | None
    inject: Act = nothing
    heal: Act = nothing
    measure: Measure = no_figures
    spares: tuple[str, ...] = ()
    healthy: float = 60.0
    lasts: float = 60.0
    rate: float = 5.0
    settings: PlatformSettings | None = None
