"""`dari service` and `dari faults`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from dari.app.payment_services import port_of, service, trial
from dari.app.setting_up import settings_of
from dari.cli.printing import FAULT, OK, document

GIVE_WAY: Final = 5
"""How much workers give way (POSIX nice) to an API on the same machine: somebody waits for the API."""

MARKS: Final = {"strict": "✅", "masked": "🌓", "missed": "❌"}
"""Masked: one fault hides something of the other, and the report says so."""


async def serve(name: str, *, port: int | None, seed: int, faults: bool, role: str = "all") -> None:
    """Serve a service on loopback until stopped; its address is the first line on stdout."""
    from dari.serving.mcp_door import listening  # noqa: PLC0415 -- an extra, told by the service where it is missing

    where = port_of(name) if port is None else port
    if role == "workers":
        getattr(os, "nice", int)(GIVE_WAY)
    async with service(name, settings_of(), seed=seed, switches=faults, role=role) as app:
        await listening.serve(app, "127.0.0.1", where, told=lambda address: print(address, flush=True))  # noqa: T201 -- the answer


async def run_faults(
    names: tuple[str, ...], *, seed: int, as_json: bool, healthy: int = 0, pairs: int = 0, profile: str = "sim"
) -> int:
    """Play the scenarios and print the count; exit code 1 when a fault was missed or a control blamed.

    A fault that another one hides, with a report that says so, is neither.
    """
    progress = Played(Console(stderr=True, quiet=as_json))
    with progress:
        said = await trial(
            names, settings_of(), profile=profile, seed=seed, healthy=healthy, pairs=pairs, told=progress.told
        )
    if as_json:
        document(said)
    else:
        _shown(said)
    return OK if said["passed"] + said["masked"] == said["total"] and not said["false_alarms"] else FAULT


class Played:
    """The scenarios played so far: a table that grows in a terminal, a line each elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._cases: list[Mapping[str, Any]] = []
        self._waiting = Spinner("dots", "…")
        self._live = Live(console=console, get_renderable=self.table, transient=True, refresh_per_second=4)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def told(self, case: Mapping[str, Any]) -> None:
        """A scenario has ended."""
        self._cases.append(case)
        if not self._live.is_started:
            self._console.print(Text(" ".join(_row(case))))

    def table(self) -> RenderableType:
        """The table as it stands, the newest last; what does not fit above has been seen."""
        table = Table("", "scenario", "found", "s", title="faults", title_justify="left")
        for case in self._cases[-max(self._console.height - 8, 4) :]:
            table.add_row(*map(Text, _row(case)))
        passed = sum(bool(case["passed"]) for case in self._cases)
        self._waiting.update(text=Text(f"{len(self._cases)} played, {passed} as expected"))
        return Group(table, self._waiting)


def _row(case: Mapping[str, Any]) -> tuple[str, str, str, str]:
    mark = MARKS[case.get("outcome", "strict" if case["passed"] else "missed")]
    return mark, str(case["scenario"]), ", ".join(case["found"]) or "—", f"{case['seconds']:.0f}"


def _shown(said: Mapping[str, Any]) -> None:
    masked = f" ({said['masked']} more masked)" if said["masked"] else ""
    table = Table(title=f"{said['passed']}/{said['total']} faults named{masked}, {said['false_alarms']} false alarms")
    for column in ("scenario", "expected", "found", "missing", "wrong"):
        table.add_column(column)
    for case in said["scenarios"]:
        missing = "; ".join(f"{key}: {', '.join(names)}" for key, names in case["missing"].items())
        table.add_row(
            case["scenario"], ", ".join(case["expected"]), ", ".join(case["found"]), missing, ", ".join(case["wrong"])
        )
    Console().print(table)
