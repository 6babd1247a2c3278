"""What the console is told of this process: upstreams, settings without their secrets, alerts, the audit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from dari.app.runtime import Runtime
from dari.serving.audit_reading import newest
from dari.serving.console import Around, Console, Fault
from dari.serving.dispatch import Dispatch
from dari.serving.gate import Guard

_KEY: Final = re.compile(r"[0-9a-f]{16}")
"""The hash of a key, as dialects name it."""


def console(
    runtime: Runtime, dispatches: Mapping[str, Dispatch], guard: Guard, faults: Mapping[str, Fault] | None = None
) -> Console:
    """The console over these servers. `faults`, by name, break and mend what the demo runs."""
    around = Around(
        journal=runtime.journal,
        upstreams=lambda: upstreams(runtime),
        settings=lambda: settings(runtime),
        firing=lambda: [name for name, on in runtime.watched.alerts.states().items() if on],
        audit=lambda count, tenant: audited(runtime, count, tenant),
        faults=dict(faults or {}),
    )
    return Console(dispatches, around, guard)


def audited(runtime: Runtime, count: int, tenant: str | None) -> list[dict[str, Any]]:
    """The newest lines of the audit, of one tenant if named, the newest last. Blocking."""
    runtime.audit.flush()
    return newest(runtime.parts.places.state / "audit", count, tenant)


async def upstreams(runtime: Runtime) -> list[dict[str, Any]]:
    """Each provider asked so far: modes by default, its circuits, what its cache told, and what its pace leaves.

    Shape: `{name, modes[], circuits[[lane, state]], hits, misses, paces[{lane, used, limit, seconds}]}`, the fullest
    pace first.
    """
    told = []
    for name, client in sorted(runtime.clients.items()):
        counts = client.cache.counts
        modes = dict.fromkeys(client.default_mode(scope) for scope in ("market", "account"))
        ring = runtime.parts.rings.get(name)
        paces = await ring.budgets() if ring else []
        told.append(
            {
                "name": name,
                "modes": list(modes),
                "circuits": [(_short(lane, name), state) for lane, state in sorted(client.breaker.lanes().items())],
                "hits": counts.hits,
                "misses": counts.misses,
                "paces": [
                    {"lane": _short(one.lane, name), "used": one.used, "limit": one.limit, "seconds": one.seconds}
                    for one in sorted(paces, key=lambda one: one.used / max(one.limit, 1), reverse=True)
                ],
            }
        )
    return told


def _short(lane: str, provider: str) -> str:
    """`kis real 5f0c…(16 digits) all` → `real 5f0c all`: enough to tell one key from another."""
    words = lane.split(" ")
    return " ".join(one[:4] if _KEY.fullmatch(one) else one for one in words if one != provider)


def settings(runtime: Runtime) -> list[dict[str, Any]]:
    """Every setting: `{name, about, secret, present, value, origin}`; the value of a secret is never told."""
    return [
        {
            "name": row.name,
            "about": row.about,
            "secret": row.secret,
            "present": bool(found.value),
            "value": "" if row.secret else found.value,
            "origin": found.won,
        }
        for row, found in runtime.settings
    ]
