"""A bench of `dari bench` as a proof: the long form holds it to its limits, the short form to its limits with slack.

The slack is for machines that do other work beside the tests: a short form sees a figure that has gone wrong, not one
that has moved a little.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from dari.cli.bench.shared import Measured
from tests.prove.proof import Figure, Outcome

Holds = Callable[[Measured], bool]


def told(found: Iterable[Measured], holds: Holds, load: str) -> Outcome:
    """The figures of a bench as an outcome: each with its floor, ratio, limit and what else it says."""
    figures: dict[str, Figure] = {}
    broken = []
    for one in found:
        figures[f"{one.name} ({one.unit})"] = one.figure
        figures |= {f"{one.name} floor": one.floor, f"{one.name} ratio": one.ratio, f"{one.name} limit": one.limit}
        figures |= {f"{one.name} {key}": value for key, value in one.more.items() if isinstance(value, (int, float))}
        if not holds(one):
            broken.append(f"{one.name}: {one.figure:g} {one.unit}, ratio {one.ratio:g}, limit {one.limit:g}")
    return Outcome(holds=bool(figures) and not broken, figures=figures, load=load, why="; ".join(broken))


def within(one: Measured) -> bool:
    """The bench's own verdict."""
    return one.within


async def form(measuring: Awaitable[list[Measured]], holds: Holds, load: str) -> Outcome:
    """Run a bench and tell it."""
    return told(await measuring, holds, load)
