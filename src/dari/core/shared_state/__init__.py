"""What processes of one user share: small values by name, and locks. In files here; the same shape on Redis."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Protocol

from dari.core.clock import Clock
from dari.core.locks import held

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600


class SharedState(Protocol):
    """Values (JSON objects) by name, with an optional end of life, and locks by name."""

    async def get(self, name: str) -> dict[str, Any] | None:
        """The value, or None where there is none or its life is over."""
        ...

    async def put(
        self, name: str, value: dict[str, Any], *, seconds: float | None = None, durable: bool = False
    ) -> None:
        """Keep the value, for `seconds` or for ever; `durable`: on disk before this returns, also if power fails."""
        ...

    async def drop(self, name: str) -> None:
        """Forget the value."""
        ...

    async def drop_matching(self, pattern: str) -> int:
        """Forget every value whose name matches the shell-style pattern; returns how many."""
        ...

    async def names(self, pattern: str = "*") -> dict[str, float | None]:
        """Every kept name that matches, with the wall-clock time (seconds) its life ends."""
        ...

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold the named lock against every process that shares this state."""
        ...


def private_folder(path: Path) -> Path:
    """Make `path` a folder only its owner can look into, and those above it that are missing too."""
    for place in reversed((path, *path.parents)):
        if not place.exists():
            place.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    return path


def file_name(name: str) -> str:
    """A file name that tells nothing: names may hold hashes of keys, and anything a parameter holds."""
    return hashlib.sha256(name.encode()).hexdigest()[:40]


def write_private(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write `content` whole or not at all, readable by its owner alone."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(descriptor)
    except OSError:  # a full disk is not filled further by halves
        beside.unlink(missing_ok=True)
        raise
    beside.replace(path)
    if durable and hasattr(os, "O_DIRECTORY"):  # a new name is on disk when its folder is; Windows does both at once
        folder = os.open(path.parent, os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)


class FileState:
    """Shared state in a private folder: one file a value, one lock file a lock.

    Ends of life are in wall-clock time, since they must outlive the process that set them.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = private_folder(folder)
        self._clock = clock

    def _path(self, name: str) -> Path:
        return self._folder / f"{file_name(name)}.json"

    async def get(self, name: str) -> dict[str, Any] | None:
        try:
            kept = json.loads(self._path(name).read_bytes())
            ends, value = kept["ends"], kept["value"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            await self.drop(name)  # a file that is not ours to read is worth less than a fresh value
            return None
        if kept.get("name") != name or (ends is not None and ends <= self._clock.now().timestamp()):
            return None
        return dict(value)

    async def put(
        self, name: str, value: dict[str, Any], *, seconds: float | None = None, durable: bool = False
    ) -> None:
        ends = None if seconds is None else self._clock.now().timestamp() + seconds
        content = json.dumps({"v": 1, "name": name, "ends": ends, "value": value}, ensure_ascii=False)
        write_private(self._path(name), content.encode(), durable=durable)

    async def drop(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        return held(self._folder / f"{file_name(name)}.lock", self._clock)

    def _kept(self) -> Iterator[tuple[Path, str, float | None]]:
        for path in sorted(self._folder.glob("*.json")):
            try:
                kept = json.loads(path.read_bytes())
                yield path, str(kept["name"]), kept["ends"]
            except (OSError, ValueError, KeyError, TypeError):
                continue

    async def drop_matching(self, pattern: str) -> int:
        gone = [path for path, name, _ in self._kept() if fnmatchcase(name, pattern)]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def sweep(self) -> int:
        """Remove the files of values whose life is over; returns how many. Called once a start."""
        now = self._clock.now().timestamp()
        gone = [path for path, _, ends in self._kept() if ends is not None and ends <= now]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    async def names(self, pattern: str = "*") -> dict[str, float | None]:
        return {name: ends for _, name, ends in self._kept() if fnmatchcase(name, pattern)}
