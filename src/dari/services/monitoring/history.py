"""The last half hour of snapshots: what grew, what moved, since when."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from dari.services.monitoring.exposition import Exposition, Labels, minus
from dari.services.monitoring.probes.snapshot import Snapshot

KEPT: Final = 720
"""An hour at one sample every five seconds."""


class History:
    """A ring of snapshots, oldest first."""

    def __init__(self, kept: int = KEPT) -> None:
        self._ring: deque[Snapshot] = deque(maxlen=kept)

    def __len__(self) -> int:
        return len(self._ring)

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self._ring)

    def add(self, snapshot: Snapshot) -> None:
        """Keep one; dead letters are not kept twice."""
        self._ring.append(replace(snapshot, letters=None))

    def since(self, now: Snapshot, seconds: float) -> list[Snapshot]:
        """Those of the last `seconds` before `now`, oldest first, without `now` itself."""
        start = now.at - timedelta(seconds=seconds)
        return [one for one in self._ring if start <= one.at < now.at]

    def before(self, now: Snapshot, seconds: float, has: Callable[[Snapshot], bool]) -> Snapshot | None:
        """The sample to subtract: the last one at least `seconds` old, else the oldest there is."""
        start = now.at - timedelta(seconds=seconds)
        chosen: Snapshot | None = None
        for one in self._ring:
            if one.at >= now.at or not has(one):
                continue
            if one.at <= start or chosen is None:
                chosen = one
            if one.at > start:
                break
        return chosen

    def growth(self, now: Snapshot, name: str, seconds: float) -> dict[Labels, float] | None:
        """What each series of a counter grew by in the last `seconds`; None without metrics then and now."""
        if now.metrics is None:
            return None
        earlier = self.before(now, seconds, lambda one: one.metrics is not None)
        if earlier is None:
            return None
        return minus(now.metrics, earlier.metrics or Exposition(), name)

    def onset(self, now: Snapshot, wrong: Callable[[Snapshot], bool | None]) -> Snapshot | None:
        """The last sample in which it was not wrong yet, where it has been wrong in every one since; None if unseen.

        A sample in which that could not be told (`wrong` is None) says neither.
        """
        if not wrong(now):
            return None
        for one in reversed(self._ring):
            if one.at < now.at and wrong(one) is False:
                return one
        return None

    def recovery(self, now: Snapshot, seconds: float, wrong: Callable[[Snapshot], bool | None]) -> Snapshot | None:
        """The first look that was right again after the last wrong one of these seconds, `now` at the latest.

        None where it is wrong now, or was never seen wrong in that time.
        """
        if wrong(now) is not False:
            return None
        first = now
        for one in reversed(self.since(now, seconds)):
            said = wrong(one)
            if said:
                return first
            if said is False:
                first = one
        return None

    def span(self, now: Snapshot, seconds: float) -> float | None:
        """How many seconds `growth` really looked back."""
        earlier = self.before(now, seconds, lambda one: one.metrics is not None)
        return (now.at - earlier.at).total_seconds() if earlier else None
