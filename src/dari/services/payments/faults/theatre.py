"""Play scenarios under an id that says nothing: first a healthy while, then the faults, then somebody may look."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from dari.services.payments.faults.catalogue import CONTROLS, EVERYTHING
from dari.services.payments.faults.stage import Scenario, Stage, samples
from dari.services.payments.sandbox import Sandbox

LOOK: Final = 5.0
"""Seconds between two looks of an observer."""
Observer = Callable[[Sandbox], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Truth:
    """What was done. `root_cause` None: nothing. `must_report`: names and figures; `spares`: causes that are wrong."""

    key: str
    root_cause: str | None
    must_report: Mapping[str, Any]
    spares: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One run, stopped in the middle of its fault; the diagnosis gets `name` and the sandbox's faces, not `truths`."""

    name: str
    sandbox: Sandbox
    truths: tuple[Truth, ...]
    stage: Stage
    scenarios: tuple[Scenario, ...]

    async def heal(self) -> None:
        """Undo the faults; the platform must then find back by itself."""
        for scenario in self.scenarios:
            await scenario.heal(self.stage)

    @property
    def root_causes(self) -> frozenset[str]:
        """The right answer."""
        return frozenset(truth.root_cause for truth in self.truths if truth.root_cause is not None)


def case_name(keys: Sequence[str], seed: int) -> str:
    """An id from which neither scenario nor seed can be read."""
    return hashlib.sha256(f"case|{seed}|{'+'.join(keys)}".encode()).hexdigest()[:10]


def order_of_play(seed: int, *, controls: bool = True) -> list[str]:
    """Every scenario (and control) once, in an order of the seed's own."""
    keys = [key for key in EVERYTHING if controls or key not in CONTROLS]
    random.Random(seed).shuffle(keys)  # noqa: S311 — a replayable run, not a secret
    return keys


def pairs(seed: int, count: int) -> list[str]:
    """So many different pairs of faults ("F03+F10"), chosen by the seed; at most the 120 there are."""
    keys = [key for key in EVERYTHING if key not in CONTROLS]
    every = ["+".join(pair) for pair in itertools.combinations(keys, 2)]
    return random.Random(f"pairs|{seed}").sample(every, min(count, len(every)))  # noqa: S311 — a replayable run


@asynccontextmanager
async def play(
    keys: Sequence[str],
    seed: int = 0,
    observe: Callable[[Sandbox], Awaitable[Observer]] | None = None,
) -> AsyncIterator[Case]:
    """Play one scenario, or several at once. KeyError for an unknown one.

    `observe(sandbox)` is called once at the start and gives the observer that then looks every five seconds.
    """
    scenarios = tuple(EVERYTHING[key] for key in keys)
    settings = next((scenario.settings for scenario in scenarios if scenario.settings is not None), None)
    dice = random.Random(f"{seed}|{'+'.join(keys)}")  # noqa: S311 — a replayable run, not a secret
    async with Sandbox(dice.randint(0, 2**31), settings=settings) as sandbox:
        if observe is not None:
            look = await observe(sandbox)
            sandbox.schedule.every(LOOK, lambda: look(sandbox), "observer")
        rate = max(scenario.rate for scenario in scenarios)
        if rate:
            sandbox.traffic(rate, refunds=0.1)
        await sandbox.run(max(scenario.healthy for scenario in scenarios))
        if observe is not None:
            # The last look at what is right: what is counted from it on is what the fault did.
            await look(sandbox)
        stage = Stage(sandbox, dice, sandbox.world_clock.now(), samples(sandbox))
        for scenario in scenarios:
            await scenario.inject(stage)
        await sandbox.run(max(scenario.lasts for scenario in scenarios))
        truths = [
            Truth(scenario.key, scenario.root_cause, await scenario.measure(stage), scenario.spares)
            for scenario in scenarios
        ]
        yield Case(case_name(keys, seed), sandbox, tuple(truths), stage, scenarios)
