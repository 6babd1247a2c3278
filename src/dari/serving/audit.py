"""Who did what: one line a call, each holding the hash of the line before it, so that a change cannot be hidden."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from dari.core.endpoint import Effect
from dari.core.shared_state import PRIVATE_FILE, private_folder

START: Final = "0" * 64
"""What the first line holds in place of a hash."""

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What an argument's name looks like; an unknown one may be anything, also somebody's secret, and is not written."""

REDACTED: Final = frozenset({"fingerprint", "password", "secret", "token", "key", "account", "cano"})
"""Argument names whose values are never written, whatever the effect."""


class Audit:
    """An append-only file. READ lines hold the argument keys; CHANGE and COMMIT lines hold the values, redacted.

    Several processes write files of their own (named by process), so that no chain is shared and no lock is waited for.
    """

    def __init__(self, folder: Path, *, process: str | None = None) -> None:
        self._folder = private_folder(folder)
        self._path = self._folder / f"audit-{process or os.getpid()}.jsonl"
        self._last: str | None = None
        self._file: Any = None

    def write(
        self, *, at: datetime, caller: str, tool: str, effect: Effect, arguments: Mapping[str, Any], outcome: str
    ) -> None:
        """Append one line. `outcome` is "ok" or the error's code."""
        line: dict[str, Any] = {
            "v": 1,
            "at": at.isoformat(),
            "caller": caller,
            "tool": tool,
            "effect": effect.name,
            "arguments": _keys(arguments) if effect is Effect.READ else redacted(arguments),
            "outcome": outcome,
        }
        file = self._opened()
        line["previous"] = self._last
        told = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)
        self._last = hashlib.sha256(told.encode()).hexdigest()
        file.write(f"{told}\n")
        if effect is not Effect.READ:
            file.flush()
            os.fsync(file.fileno())

    def _opened(self) -> Any:
        if self._file is None:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
            self._last = _last_hash(self._path)
            self._file = os.fdopen(descriptor, "a", encoding="utf-8")
        return self._file

    def flush(self) -> None:
        """Write what is buffered."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Write what is buffered and close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _keys(arguments: Mapping[str, Any]) -> list[str]:
    return sorted({name if NAME.fullmatch(name) else "?" for name in map(str, arguments)})


def redacted(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with every value hidden whose name says it is one to hide."""
    return {name: "…" if any(word in name.lower() for word in REDACTED) else value for name, value in arguments.items()}


def _last_hash(path: Path) -> str:
    last = START
    for line in path.read_bytes().splitlines():
        last = hashlib.sha256(line).hexdigest()
    return last


def verified(path: Path) -> Iterator[tuple[int, str]]:
    """Every fault of a file: (line number from 1, what is wrong). Nothing for a file nobody touched."""
    last = START
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            previous = json.loads(line)["previous"]
        except (ValueError, KeyError, TypeError):
            yield number, "not a line of this file"
        else:
            if previous != last:
                yield number, "the line before it was altered, removed or moved"
        last = hashlib.sha256(line).hexdigest()
