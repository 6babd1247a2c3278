"""Falsify the books of a quiet platform in a named way, and say which rows a reconciliation must then name."""

from __future__ import annotations

import random
from dataclasses import dataclass

from dari.services.payments.faults.scene import choose
from dari.services.payments.faults.surgery import operation
from dari.services.payments.faults.ways_book import LEDGER_WAYS
from dari.services.payments.faults.ways_rest import OTHER_WAYS
from dari.services.payments.sandbox import Sandbox

WAYS = {**LEDGER_WAYS, **OTHER_WAYS}
"""Every way by name; its key's first word is the store."""


@dataclass(frozen=True, slots=True)
class Tampered:
    """What was falsified: naming one of `rows` (`table:id`, `topic:event`) or of `payments` is a right finding."""

    name: str
    payments: tuple[int, ...]
    rows: tuple[str, ...]


async def tamper(sandbox: Sandbox, name: str, seed: int = 0) -> Tampered:
    """Falsify a quiet sandbox (with at least two captured and one refunded payment). KeyError for an unknown way."""
    way = WAYS[name]
    async with operation(sandbox.database) as hands:
        scene = await choose(hands, sandbox, random.Random(f"{seed}|{name}"))  # noqa: S311 — a replayable run
        payments, rows = await way(scene)
    return Tampered(name, payments, rows)
