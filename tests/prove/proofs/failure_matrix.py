"""Whatever an upstream does, each ranking is right or says what went wrong, in time, and in words one can act on."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from dari.core.errors import DariError
from dari.providers.kis.simulator.app import Simulator
from dari.serving.dispatch import Outcome as Told
from tests.prove.proof import Outcome, Proof
from tests.support import MORNING, Asker, simulated

TOOLS: Final = (
    "get_volume_ranking", "get_volume_change_ranking", "get_investor_ranking", "get_sector_volume_ranking",
    "get_market_cap_ranking", "get_unusual_volume",
)  # fmt: skip
DEADLINE: Final = "20"
SILENT_DEADLINE: Final = "1"
"""Where the upstream hangs every answer takes the whole deadline: a short one then."""
SLACK_SECONDS: Final = 5.0
"""What a busy machine may add to a deadline of real seconds."""


def _no_token(simulator: Simulator) -> None:
    simulator.keyring.spoil_all()
    simulator.faults.set({"token_refusals": -1})


Fault = Callable[[Simulator], Any]
FAULTS: Final[Mapping[str, Fault]] = {
    "a fifth of reads fails": lambda sim: sim.faults.set({"fail_percent": 20.0, "seed": 7}),
    "tokens expire midway": lambda sim: sim.keyring.spoil_all(),
    "HTML 502": lambda sim: sim.faults.set({"html_502": -1}),
    "one HTML 502": lambda sim: sim.faults.set({"html_502": 1}),
    "hang": lambda sim: sim.faults.set({"hang": -1, "hang_seconds": 30.0}),
    "connection reset": lambda sim: sim.faults.set({"reset": -1}),
    "one connection reset": lambda sim: sim.faults.set({"reset": 1}),
    "403 EGW00133": _no_token,
    "rate refusals": lambda sim: sim.faults.set({"rate": 2}),
    "rate refusals without end": lambda sim: sim.faults.set({"rate": -1}),
    "clock ten minutes off": lambda sim: sim.faults.set({"clock_offset": 600.0}),
}
MENDED: Final = frozenset(
    {"tokens expire midway", "one HTML 502", "one connection reset", "rate refusals", "clock ten minutes off"}
)
"""Troubles that must end in a right answer; the others may end in a classed error."""


def _simulator(asker: Asker) -> Simulator:
    client = asker.runtime.client_of("kis")
    app = client.dialect.send.__self__._transport.app  # type: ignore[attr-defined]  # the wire to the app in this process
    assert isinstance(app, Simulator)
    return app


def _rows(told: Mapping[str, Any]) -> Any:
    return {name: told.get(name) for name in ("ranking", "unusual_stocks", "summary")}


def _judged(told: Told, right: Any, late: float, *, mended: bool) -> str:
    """What is wrong with an outcome; nothing when it is right, or a classed error in time."""
    if late > SLACK_SECONDS:
        return f"{late:.1f} s past the deadline"
    if told.error is None:
        return "" if _rows(told.structured) == right else "a wrong answer shaped like a right one"
    if mended:
        return f"{told.error} where an answer was possible"
    known = {kind.code for kind in _kinds(DariError)}
    if told.error not in known:
        return f"an error of no class: {told.error}"
    return "" if {"code", "message", "executed"} <= set(told.structured) else "an error without code or executed"


def _kinds(kind: type[DariError]) -> list[type[DariError]]:
    return [kind] + [deeper for sub in kind.__subclasses__() for deeper in _kinds(sub)]


async def matrix(seeds: range, every: int) -> Outcome:
    """Every tool (of each fault only every `every`th) under every fault, cold, in a fresh home each time."""
    wrong: list[str] = []
    cells, reached = 0, set[str]()
    for seed in seeds:
        with tempfile.TemporaryDirectory() as name:
            async with simulated("volume-ranking", Path(name), seed=seed, now=MORNING) as asker:
                right = {tool: _rows(await asker.answer(tool, count=5)) for tool in TOOLS}
        for turn, (fault, turn_on) in enumerate(FAULTS.items()):
            deadline = SILENT_DEADLINE if fault == "hang" else DEADLINE
            for tool in TOOLS[turn % every :: every]:
                with tempfile.TemporaryDirectory() as name:
                    settings = {"DARI_DEADLINE_SECONDS": deadline}
                    async with simulated("volume-ranking", Path(name), seed=seed, now=MORNING, **settings) as asker:
                        await asker.runtime.client_of("kis").grants.get("default", "real")
                        asker.clock.advance(61.0)
                        turn_on(_simulator(asker))
                        began = time.monotonic()
                        told = await asker.outcome(tool, count=5)
                        late = time.monotonic() - began - float(deadline)
                        fault_found = _judged(told, right[tool], late, mended=fault in MENDED)
                cells += 1
                reached.add(told.error or "right")
                if fault_found:
                    wrong.append(f"{tool} under {fault}: {fault_found}")
    return Outcome(
        holds=not wrong,
        figures={"cells": cells, "wrong_cells": len(wrong), "endings_reached": ", ".join(sorted(reached))},
        seed=f"{seeds.start}..{seeds.stop - 1}",
        load=f"{len(TOOLS)} tools x {len(FAULTS)} faults x {len(seeds)} worlds, one in {every}",
        why="; ".join(wrong[:5]),
    )


PROOF = Proof(
    name="failure-matrix",
    title="Under every fault of KIS a ranking is right, or a classed error within the deadline.",
    rooms=("src/dari/upstream", "src/dari/serving/dispatch.py", "src/dari/providers/kis/dialect"),
    short=lambda: matrix(range(1, 2), every=3),
    long=lambda: matrix(range(1, 4), every=1),
)
