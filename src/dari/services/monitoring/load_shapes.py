"""The shapes a load test may have: which payments begin when, the same for every runner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Shape:
    """One scenario: what follows an authorization, and whether its rate leaps."""

    name: str
    description: str
    capture: bool = False
    refund: bool = False
    sudden: bool = False


SHAPES: Final[dict[str, Shape]] = {
    shape.name: shape
    for shape in (
        Shape("authorize-only", "승인만 authorize only"),
        Shape("full-flow", "승인·매입·환불 authorize, capture, refund", capture=True, refund=True),
        Shape("spike", "순간 급증 a sudden surge: a fifth of the rate, all of it for a fifth of the time", sudden=True),
        Shape("soak", "장시간 승인·매입 authorize and capture, for long", capture=True),
    )
}


def steps(name: str, rate: int, seconds: int) -> list[tuple[int, int]]:
    """`(payments a second, seconds)` one after the other; a spike is the whole rate only in its middle fifth."""
    if not SHAPES[name].sudden:
        return [(rate, seconds)]
    calm, sudden = max(1, rate // 5), max(1, seconds // 5)
    before = (seconds - sudden) // 2
    return [step for step in ((calm, before), (rate, sudden), (calm, seconds - sudden - before)) if step[1] > 0]


def planned(name: str, rate: int, seconds: int) -> int:
    """How many payments begin in all."""
    return sum(a_second * lasting for a_second, lasting in steps(name, rate, seconds))


def due(name: str, rate: int, seconds: int) -> Iterator[float]:
    """Seconds from the start at which each payment begins."""
    begin = 0.0
    for a_second, lasting in steps(name, rate, seconds):
        yield from (begin + number / a_second for number in range(a_second * lasting))
        begin += lasting
