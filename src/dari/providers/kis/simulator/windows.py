"""Strict one-second windows, stamped when a request arrives."""

from __future__ import annotations

from collections import deque
from typing import Final

_WINDOW: Final = 1.0


class Windows:
    """At most `limit` admitted requests of a name within any one second. A refused request takes no place."""

    def __init__(self) -> None:
        self._admitted: dict[str, deque[float]] = {}

    def admit(self, name: str, limit: int, moment: float) -> bool:
        """Whether a request that arrived at `moment` (monotonic seconds) passes."""
        stamps = self._admitted.setdefault(name, deque())
        while stamps and moment - stamps[0] >= _WINDOW:
            stamps.popleft()
        if len(stamps) >= limit:
            return False
        stamps.append(moment)
        return True
