"""How many calls at once: found by trying one more at a time, so that an unknown cap costs one refusal to find."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

PROBE_SECONDS: Final = 0.01
"""A refusal for being too many comes at once: who is not refused by then is in."""
FIRST_HOLD: Final = 40
LONGEST_HOLD: Final = 640
"""Successes before one more is tried again after a refusal; doubled each time, so that refusals stay rare."""
LONGEST_PAUSE: Final = 5.0
REMEMBERED_SECONDS: Final = 1.0
FALL: Final = 0.75


@dataclass(slots=True)
class Pace:
    """The state of one operation's pace. `most` is the most calls at once we would ever make."""

    most: int = 32
    proven: int = 1
    ceiling: int = 0
    spacing: float = 0.0
    _probed_at: float | None = None
    _paused_until: float = 0.0
    _refused_at: float = -1e9
    _refusals: int = 0
    _hold: int = FIRST_HOLD
    _good: int = 0
    _sent_at: float = -1e9
    _sent: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.ceiling = self.ceiling or self.most

    def wait(self, in_flight: int, now: float) -> float | None:
        """0: send one more now; seconds until then; None: only when one of those in flight has ended."""
        pause = max(self._paused_until, self._sent_at + self.spacing) - now
        if pause > 0:
            return pause
        if self._probed_at is not None and now >= self._probed_at + PROBE_SECONDS:
            self.proven, self._probed_at = min(self.proven + 1, self.ceiling), None
        if in_flight < self.proven:
            return 0.0
        if in_flight >= self.ceiling:
            return None
        if self._probed_at is not None:
            return self._probed_at + PROBE_SECONDS - now
        self._probed_at = now
        return 0.0

    def sent(self, now: float) -> None:
        """A call leaves."""
        self._sent_at = now

    def answered(self, now: float) -> None:
        """A call was let in."""
        self._refusals = 0
        self._sent.append(now)
        while self._sent and self._sent[0] < now - REMEMBERED_SECONDS:
            self._sent.popleft()
        self.spacing *= 0.995
        self._good += 1
        if self._good >= self._hold and self.ceiling < self.most:
            self.ceiling, self._good = self.ceiling + 1, 0

    def refused(self, at_once: int, sent_at: float, now: float, retry_after: float | None) -> None:
        """Too many: a call that left at `sent_at`, with so many in flight, itself included.

        Of a burst that was refused together only the first counts. Who was alone and refused was not too many at
        once but too fast.
        """
        self._refusals += 1
        pause = retry_after if retry_after is not None else min(LONGEST_PAUSE, 0.05 * 2.0 ** min(self._refusals, 7))
        self._paused_until = max(self._paused_until, now + (pause if at_once == 1 or self._refusals > 1 else 0.0))
        self._probed_at = None
        if sent_at < self._refused_at or at_once - 1 > self.ceiling:
            return
        soon = now - self._refused_at < REMEMBERED_SECONDS
        self._refused_at = now
        self._good = 0
        self._hold = min(LONGEST_HOLD, self._hold * 2)
        self.ceiling = max(1, min(at_once - 1, int(self.ceiling * FALL)) if soon else at_once - 1)
        self.proven = min(self.proven, self.ceiling)
        if at_once == 1:
            self.spacing = min(1.0, max(self.spacing, 1.05 * REMEMBERED_SECONDS / max(1, len(self._sent))))
