"""The audit, read: every fault of its chains, and its newest lines."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dari.serving.audit import REGISTER, START, head_of, seal_in, sealed

OLD_START: Final = "0" * 64
"""Where the first version of a chain began; its lines hold the plain hash of the line before."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was touched: the file, the line from 1 (0: the file as a whole), and what is wrong."""

    file: str
    line: int
    what: str


def verified(folder: Path) -> Iterator[Fault]:
    """Every fault of a folder's audit. Nothing where nobody touched it."""
    files = {path.name: path for path in sorted(folder.glob("audit-*.jsonl"))}
    register = folder / f"{REGISTER}.chain"
    if not files and not register.exists():
        return
    try:
        key = (folder / "key").read_bytes()
    except OSError:
        if any(not _old(path) for path in files.values()) or register.exists():
            yield Fault("key", 0, "the key is not there: nothing can be verified")
            return
        key = b""
    named: set[str] = set()
    if register.exists():
        yield from chain_verified(register, key)
        named = {line["file"] for line in lines_of(register) if isinstance(line.get("file"), str)}
    for name in sorted(named - set(files)):
        yield Fault(name, 0, "the file is gone")
    for name, path in files.items():
        if _old(path):
            yield from _old_verified(path)
            continue
        if name not in named:
            yield Fault(name, 0, "no entry of the register names this file")
        yield from chain_verified(path, key)


def chain_verified(path: Path, key: bytes) -> Iterator[Fault]:
    """The faults of one chain: lines altered, removed, moved, added, or missing at its end."""
    head = _head(path)  # before the lines: whoever writes meanwhile may only add some
    last, seals = START, [START]
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        seal = seal_in(line)
        told = line[: -len(f',"seal":"{START}"}}')] + b"}" if seal else b""
        seals.append(seal or "")
        try:
            line_told = json.loads(told)
            previous = line_told["previous"]
        except (ValueError, KeyError, TypeError):
            yield Fault(path.name, number, "not a line of this file")
            continue
        if "broken" in line_told:
            yield Fault(path.name, number, str(line_told["broken"]))
        if not hmac.compare_digest(sealed(key, told.decode(errors="replace")).encode(), (seal or "").encode()):
            yield Fault(path.name, number, "altered")
        if previous != last:
            yield Fault(path.name, number, "the line before it was removed, moved or added")
        last = seal or ""
    yield from _head_verified(path, key, head, seals)


def _head(path: Path) -> str | None:
    try:
        return head_of(path).read_bytes().decode(errors="replace").strip()
    except OSError:
        return None


def _head_verified(path: Path, key: bytes, head: str | None, seals: list[str]) -> Iterator[Fault]:
    if head is None:
        yield Fault(head_of(path).name, 0, "the head is gone: lines may be missing at the end")
        return
    told, _, seal = head.rpartition(" ")
    if not hmac.compare_digest(sealed(key, told).encode(), seal.encode()):
        yield Fault(head_of(path).name, 0, "the head was altered")
        return
    written, last = int(told.split()[0]), told.split()[1]
    if written >= len(seals):
        yield Fault(path.name, len(seals) - 1, f"ends here, while {written} lines were written")
    elif seals[written] != last:
        yield Fault(path.name, written, "is not the line the head knows")


def _old(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().startswith(b'{"v":1,')


def _old_verified(path: Path) -> Iterator[Fault]:
    last = OLD_START
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            previous = json.loads(line)["previous"]
        except (ValueError, KeyError, TypeError):
            yield Fault(path.name, number, "not a line of this file")
        else:
            if previous != last:
                yield Fault(path.name, number, "the line before it was altered, removed or moved")
        last = hashlib.sha256(line).hexdigest()


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of one file that can be read."""
    for line in path.read_bytes().splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict):
            yield told


def newest(folder: Path, count: int, tenant: str | None = None) -> list[dict[str, Any]]:
    """The newest `count` lines of all processes by their time, oldest of them first; of one tenant, if named."""
    found = (line for path in folder.glob("audit-*.jsonl") for line in lines_of(path))
    mine = (line for line in found if tenant is None or line.get("tenant", "") == tenant)
    return sorted(heapq.nlargest(count, mine, key=_at), key=_at)


def _at(line: dict[str, Any]) -> str:
    return str(line.get("at", ""))
