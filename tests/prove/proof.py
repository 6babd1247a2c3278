"""What a proof is: a claim, the rooms it is about, a short form for every test run and a long form for the record."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Final

SHORT_SECONDS: Final = 45.0
"""How long a short form may take."""

Figure = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run of a proof found.

    `figures` are the numbers the claim is about, by name with their unit in it (`refused_calls`, `share_percent`);
    `seed` is what makes the run repeatable ("" where nothing is random); `load` says what was asked and beside what
    (`30 seeds x 3 markets`, `3 CPU hogs`); `why` says what broke, where it did not hold.
    """

    holds: bool
    figures: Mapping[str, Figure]
    seed: str = ""
    load: str = ""
    why: str = ""


Form = Callable[[], Outcome | Awaitable[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One claim. `rooms` are paths of the project: when a file in them changes, the recorded long run is stale.

    `serial` says that the short form measures time and must have the machine for itself.
    """

    name: str
    title: str
    rooms: tuple[str, ...]
    short: Form
    long: Form
    serial: bool = field(default=False)


def outcome_of(form: Form) -> Outcome:
    """Run one form, plain or async."""
    found = form()
    if inspect.isawaitable(found):
        return asyncio.run(_awaited(found))
    return found


async def _awaited(found: Awaitable[Outcome]) -> Outcome:
    return await found


def registry(package: ModuleType | None = None) -> dict[str, Proof]:
    """Every `PROOF` of the modules in `package` (tests/prove/proofs), by name. ValueError for two of one name."""
    place = package or importlib.import_module("tests.prove.proofs")
    proofs: dict[str, Proof] = {}
    for module in pkgutil.iter_modules(place.__path__):
        proof = importlib.import_module(f"{place.__name__}.{module.name}").PROOF
        if proof.name in proofs:
            raise ValueError(f"two proofs are named {proof.name}")
        proofs[proof.name] = proof
    return proofs
