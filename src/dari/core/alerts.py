"""Alerts on what is pushed: a figure that crosses a bound, or an execution of one's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dari.core.errors import Hint, InvalidInput

FIGURES: Final = ("price", "change", "volume")
"""What a bound may be set on: the price, its change in percent since the previous close, the day's volume."""
EXECUTED: Final = "executed"
SIDES: Final = ("above", "below")
_WRITTEN: Final = re.compile(
    r"(?:(?P<item>[^:<>=\s]+):)?(?P<figure>[a-z]+)\s*(?P<sign>>=|<=|>|<)\s*(?P<bound>[-+]?[\d.,]+)"
)


@dataclass(frozen=True, slots=True)
class Alert:
    """`figure` reaches `bound` from below (`above`) or from above. For one item, or ("") for each that is watched.

    `executed` is no bound: every execution of one's own sets it off.
    """

    figure: str
    above: bool = True
    bound: float = 0.0
    item: str = ""

    def __str__(self) -> str:
        if self.figure == EXECUTED:
            return "own execution 체결"
        return f"{self.item or '*'}: {self.figure} {'≥' if self.above else '≤'} {self.bound:,.12g}"

    def holds(self, value: float) -> bool:
        """Whether a value has reached the bound."""
        return value >= self.bound if self.above else value <= self.bound


def bound(figure: str, side: str, number: str, item: str = "") -> Alert:
    """An alert from the parts of an address. Raises InvalidInput naming the part and what is allowed."""
    for part, said, allowed in (("figure", figure, FIGURES), ("side", side, SIDES)):
        if said not in allowed:
            raise InvalidInput(
                f"{part}: one of {', '.join(allowed)}, not {said[:20]!r}",
                hint=Hint(f"허용: {', '.join(allowed)}", f"Allowed: {', '.join(allowed)}"),
                details={"parameter": part, "allowed": list(allowed)},
            )
    return Alert(figure, side == "above", _number(number), item)


def written(alert: str) -> Alert:
    """An alert as a person writes it: `price>=70000`, `005930:change<=-3`, `own`. Raises InvalidInput."""
    plain = alert.strip()
    if plain.lower() in {"own", EXECUTED, "체결"}:
        return Alert(EXECUTED)
    found = _WRITTEN.fullmatch(plain)
    if found is None or found["figure"] not in FIGURES:
        raise InvalidInput(
            f"an alert is not written like {plain[:40]!r}",
            hint=Hint(
                "예: price>=70000, 005930:change<=-3, volume>1000000, own(내 체결)",
                "Such as price>=70000, 005930:change<=-3, volume>1000000, own (one's own executions)",
            ),
            details={"parameter": "alert", "allowed": [*FIGURES, "own"]},
        )
    return Alert(found["figure"], ">" in found["sign"], _number(found["bound"]), (found["item"] or "").upper())


def _number(said: str) -> float:
    try:
        return float(said.replace(",", ""))
    except ValueError:
        raise InvalidInput(f"number: {said[:20]!r} is no number", details={"parameter": "number"}) from None


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert that went off: for which item, and by which value."""

    alert: Alert
    item: str
    value: float

    def told(self) -> dict[str, Any]:
        """As an object."""
        return {"alert": str(self.alert), "item": self.item, "figure": self.alert.figure, "value": self.value}


class Watch:
    """Alerts over a stream: a bound goes off once when it is reached, and again only after it was left."""

    def __init__(self, alerts: tuple[Alert, ...]) -> None:
        self.alerts = alerts
        self._held: set[tuple[Alert, str]] = set()

    def heard(self, item: str, figures: Mapping[str, float]) -> tuple[Fired, ...]:
        """What goes off by the figures of one record."""
        fired = []
        for alert in self.alerts:
            value = figures.get(alert.figure)
            if value is None or alert.item not in {"", item.upper()}:
                continue
            if alert.figure == EXECUTED:
                if value > 0:
                    fired.append(Fired(alert, item, value))
            elif not alert.holds(value):
                self._held.discard((alert, item))
            elif (alert, item) not in self._held:
                self._held.add((alert, item))
                fired.append(Fired(alert, item, value))
        return tuple(fired)
