"""Who did what: one line a call, sealed with the line before it, so that a change cannot be hidden."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from dari.core.endpoint import Effect
from dari.core.secret import HIDDEN, impersonal
from dari.core.shared_state import PRIVATE_FILE, private_folder, write_private

log = logging.getLogger(__name__)

START: Final = "0" * 32
"""What the first line holds in place of the seal of a line before it."""

VERSION: Final = 2
HEAD_BYTES: Final = 200
FLUSH_SECONDS: Final = 1.0
WRITTEN: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)
"""Made once: every call is a line."""
SEALED: Final = re.compile(rb',"seal":"([0-9a-f]{32})"}$')

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What an argument's name looks like; an unknown one may be anything, also somebody's secret, and is not written."""

MOST_ITEMS: Final = 50
MOST_LETTERS: Final = 500
MOST_NAME: Final = 40
"""A value is told so far: an audit says what was done, it does not keep the data a second time."""

REDACTED: Final = frozenset({"fingerprint", "password", "secret", "token", "key", "account", "cano"})
"""Argument names whose values are never written, whatever the effect."""

REGISTER: Final = "register"
"""The chain that names every other: a file that is gone is missed by it."""


class Chain:
    """One append-only file of sealed lines, and beside it the head: how many lines there are, and the last seal.

    A seal is keyed by a file of the folder, so that nobody without it can seal a changed line anew; the head tells of
    lines that are missing at the end.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self.path, self._key = path, key
        self._waiting = bytearray()  # grows in place: at a thousand calls a second a copy a call would cost most of it
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        self._head = os.open(head_of(path), os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        told = path.read_bytes()
        lines = told.splitlines()
        if told and not told.endswith(b"\n"):  # a crash in the middle of a line: it stays visible as one
            os.write(self._file, b"\n")
        self._count = len(lines)
        self._last = seal_in(lines[-1]) or START if lines else START
        before = os.read(self._head, HEAD_BYTES).decode(errors="replace").rpartition(" ")[0]
        if (lines or before) and before != f"{self._count:012d} {self._last}":
            self.append({"v": VERSION, "broken": f"found {self._count} lines where the head said {before[:12] or '?'}"})
        self._write_head()

    def append(self, line: Mapping[str, Any], *, durable: bool = False) -> None:
        """Seal a line, to be written by `flush`; `durable`: on disk before this returns."""
        told = WRITTEN.encode({**line, "previous": self._last})
        told = told.encode(errors="replace").decode()  # half a character of a caller's cannot be written
        self._last = sealed(self._key, told)
        self._count += 1
        self._waiting += f'{told[:-1]},"seal":"{self._last}"}}\n'.encode()
        if durable and self.flush():
            os.fsync(self._file)
            os.fsync(self._head)

    def flush(self) -> bool:
        """Write what waits, and the head after it. Where the disk is full it goes on waiting, and False is told."""
        try:
            while self._waiting:
                del self._waiting[: os.write(self._file, self._waiting)]
            self._write_head()
        except OSError as error:
            log.warning("%d bytes of the audit wait to be written: %s", len(self._waiting), error)
            return False
        return True

    def _write_head(self) -> None:
        os.lseek(self._head, 0, os.SEEK_SET)
        told = f"{self._count:012d} {self._last}"
        os.write(self._head, f"{told} {sealed(self._key, told)}\n".encode())

    def close(self) -> None:
        """Write what waits and close both files."""
        if not self.flush():
            log.critical("lost from the audit %s: %s", self.path.name, self._waiting.decode())
        os.close(self._file)
        os.close(self._head)


class Audit:
    """An append-only file. READ lines hold the argument keys; CHANGE and COMMIT lines hold the values, redacted.

    Every process writes a file of its own, so that no chain is shared and no lock is waited for; the register, which
    is written once a process, names them all.
    """

    def __init__(self, folder: Path, *, process: str | None = None) -> None:
        self._folder = private_folder(folder)
        self._process = process or f"{os.getpid()}-{secrets.token_hex(3)}"
        self._chain: Chain | None = None
        self._timer: asyncio.TimerHandle | None = None

    def write(
        self,
        *,
        at: datetime,
        caller: str,
        tool: str,
        effect: Effect,
        arguments: Mapping[str, Any],
        outcome: str,
        tenant: str = "",
    ) -> None:
        """Append one line. `outcome` is "ok" or the error's code."""
        line: dict[str, Any] = {
            "v": VERSION,
            "at": at.isoformat(),
            "caller": caller,
            "tool": tool,
            "effect": effect.name,
            "arguments": _keys(arguments) if effect is Effect.READ else redacted(_known(arguments)),
            "outcome": outcome,
        }
        if tenant:
            line["tenant"] = tenant
        if self._chain is None:
            self._chain = self._opened(at)
        self._chain.append(line, durable=effect is not Effect.READ)
        self._flush_soon()

    def _opened(self, at: datetime) -> Chain:
        key, path = key_of(self._folder), self._folder / f"audit-{self._process}.jsonl"
        with FileLock(self._folder / "register.lock", mode=PRIVATE_FILE):
            if not path.exists():
                register = Chain(self._folder / f"{REGISTER}.chain", key)
                register.append({"v": VERSION, "at": at.isoformat(), "file": path.name}, durable=True)
                register.close()
            return Chain(path, key)

    def _flush_soon(self) -> None:
        """READ lines are written together, within FLUSH_SECONDS of a call: a kill may lose those, nothing else."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            if self._chain is not None:
                self._chain.flush()
            return
        if self._timer is None:
            self._timer = loop.call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._chain is not None and not self._chain.flush():
            self._flush_soon()

    def close(self) -> None:
        """Write what waits and close the file."""
        self.flush()
        if self._chain is not None:
            self._chain.close()
            self._chain = None


def head_of(path: Path) -> Path:
    """The file that says how long a chain is."""
    return path.with_suffix(".head")


def key_of(folder: Path) -> bytes:
    """The key of the seals; made by whoever comes first."""
    path = folder / "key"
    if not path.exists():
        with FileLock(folder / "key.lock", mode=PRIVATE_FILE):
            if not path.exists():
                write_private(path, secrets.token_hex(32).encode(), durable=True)
    return path.read_bytes()


def sealed(key: bytes, told: str) -> str:
    """The seal of a line (without the seal itself)."""
    return hmac.digest(key, told.encode(), "sha256").hex()[:32]


def seal_in(line: bytes) -> str | None:
    """The seal a line bears."""
    found = SEALED.search(line)
    return found.group(1).decode() if found else None


def _keys(arguments: Mapping[str, Any]) -> list[str]:
    return sorted({name if NAME.fullmatch(name) else "?" for name in map(str, arguments)})


def _known(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments whose names look like names of ours; of the others only that there were some."""
    told = {name: value for name, value in arguments.items() if NAME.fullmatch(str(name))}
    return told if len(told) == len(arguments) else {**told, "?": HIDDEN}


def redacted(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with every value hidden whose name says so, and what is about a person, at whatever depth."""
    return {
        impersonal(str(name)) if len(str(name)) <= MOST_NAME else "?": HIDDEN if _hides(name) else _redacted(value)
        for name, value in arguments.items()
    }


def _hides(name: str) -> bool:
    return any(word in str(name).lower() for word in REDACTED)


def _redacted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return redacted(value) if len(value) <= MOST_ITEMS else f"{{{len(value)} names}}"
    if isinstance(value, list | tuple):
        return [_redacted(one) for one in value] if len(value) <= MOST_ITEMS else f"[{len(value)} items]"
    if isinstance(value, str):
        told = impersonal(value)
        return told if len(told) <= MOST_LETTERS else f"{told[:MOST_LETTERS]}… ({len(value)})"
    return value
