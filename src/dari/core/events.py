"""What the rooms tell each other in passing: a breaker opens, an answer was kept; listeners decide what it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, by name ("cache.hit", "breaker.opened"), with harmless facts: no values, no keys."""

    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Events:
    """A plain list of listeners. A listener that raises is our bug and is not hidden."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Event], None]] = []

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` for every event from now on."""
        self._listeners.append(listener)

    def tell(self, name: str, **facts: Any) -> None:
        """Tell everybody."""
        if self._listeners:
            event = Event(name, facts)
            for listener in self._listeners:
                listener(event)
