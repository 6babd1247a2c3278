"""`dari service` and `dari faults`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dari.app.payment_services import port_of, service, trial
from dari.app.setting_up import settings_of
from dari.cli.printing import FAULT, OK, document

GIVE_WAY: Final = 5
"""How much workers give way (POSIX nice) to an API on the same machine: somebody waits for the API."""


async def serve(name: str, *, port: int | None, seed: int, faults: bool, role: str = "all") -> None:
    """Serve a service on loopback until stopped; its address is the first line on stdout."""
    from dari.serving.mcp_door import listening  # noqa: PLC0415 -- an extra, told by the service where it is missing

    where = port_of(name) if port is None else port
    if role == "workers":
        getattr(os, "nice", int)(GIVE_WAY)
    async with service(name, settings_of(), seed=seed, switches=faults, role=role) as app:
        await listening.serve(app, "127.0.0.1", where, told=lambda address: print(address, flush=True))  # noqa: T201 -- the answer


async def run_faults(
    names: tuple[str, ...], *, seed: int, as_json: bool, healthy: int = 0, profile: str = "sim"
) -> int:
    """Play the scenarios and print the count; exit code 1 when a fault was missed or a control blamed."""
    console = Console(stderr=True)

    def told(case: Mapping[str, Any]) -> None:
        if not as_json:
            mark = "✅" if case["passed"] else "❌"
            found = ", ".join(case["found"]) or "—"
            console.print(f"{mark} {case['scenario']:>8}  {found}  ({case['seconds']:.0f} s)")

    said = await trial(names, settings_of(), profile=profile, seed=seed, healthy=healthy, told=told)
    if as_json:
        document(said)
    else:
        _shown(said)
    return OK if said["passed"] == said["total"] and not said["false_alarms"] else FAULT


def _shown(said: Mapping[str, Any]) -> None:
    table = Table(title=f"{said['passed']}/{said['total']} faults named, {said['false_alarms']} false alarms")
    for column in ("scenario", "expected", "found", "missing", "wrong"):
        table.add_column(column)
    for case in said["scenarios"]:
        missing = "; ".join(f"{key}: {', '.join(names)}" for key, names in case["missing"].items())
        table.add_row(
            case["scenario"], ", ".join(case["expected"]), ", ".join(case["found"]), missing, ", ".join(case["wrong"])
        )
    Console().print(table)
