"""What Kiwoom has told of its quotas (`유량=5`), remembered for every process of the key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, Protocol

from dari.core.clock import Clock
from dari.core.shared_state import file_name, private_folder, write_private

BELIEVED_SECONDS: Final = 24 * 3600.0
"""A told quota counts for a day: a raised one is never told by a refusal, so the default is tried again."""


class Quotas(Protocol):
    """Calls a second by the name of a limit."""

    def told(self, name: str) -> int | None:
        """The quota last told under this name, or None."""
        ...

    def learn(self, name: str, per_second: int) -> None:
        """Remember it."""
        ...


class QuotasInMemory:
    """Quotas of one process."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def told(self, name: str) -> int | None:
        return self._told.get(name)

    def learn(self, name: str, per_second: int) -> None:
        self._told[name] = per_second


class QuotasInFiles:
    """Quotas shared by the processes of one user: a private file for each told limit, read again when it changed.

    Looking for a file that is not there costs a few microseconds, which every paced call can afford.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = private_folder(folder)
        self._clock = clock
        self._read: dict[str, tuple[int, int, float]] = {}  # name → (file's stamp, quota, told at)

    def _path(self, name: str) -> Path:
        return self._folder / f"{file_name(name)}.quota"

    def told(self, name: str) -> int | None:
        path = self._path(name)
        try:
            stamp = path.stat().st_mtime_ns
            known = self._read.get(name)
            if known is None or known[0] != stamp:
                kept = json.loads(path.read_bytes())
                known = self._read[name] = (stamp, int(kept["per_second"]), float(kept["at"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        _, quota, at = known
        return quota if 0 <= self._clock.now().timestamp() - at < BELIEVED_SECONDS else None

    def learn(self, name: str, per_second: int) -> None:
        kept = {"v": 1, "per_second": per_second, "at": self._clock.now().timestamp()}
        write_private(self._path(name), json.dumps(kept).encode())
