"""docs/reference/acceptance.md: what the long runs found, and whether it still speaks of the code as it is."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from dari.core.clock import KST
from tests.prove.proof import Figure, Outcome, Proof

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "reference" / "acceptance.md"

HEAD: Final = """# Acceptance

What the long runs of the proofs found. Each section is written by `make prove NAME LONG=1` and by nothing else; when
the files of the rooms named in it have changed since, every `make test` says that the run is due. The short form of
every proof runs in `make test`.
"""

_MARK: Final = re.compile(r"^<!-- proof (\{.*\}) -->$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One long run. `rooms` maps each room to the digest of its files at that time."""

    name: str
    title: str
    holds: bool
    figures: Mapping[str, Figure]
    seed: str
    load: str
    why: str
    date: str
    commit: str
    machine: str
    rooms: Mapping[str, str]


def digest(room: str, root: Path = ROOT) -> str:
    """A digest of a file or of all files under a folder; comment lines and blank lines do not count in Python."""
    place = root / room
    if not place.exists():
        raise FileNotFoundError(f"a proof names {room}, which does not exist")
    files = [place] if place.is_file() else sorted(file for file in place.rglob("*") if file.is_file())
    told = hashlib.sha256()
    for file in files:
        if "__pycache__" in file.parts:
            continue
        told.update(file.relative_to(root).as_posix().encode() + b"\0")
        told.update(_said(file) + b"\0")
    return told.hexdigest()[:16]


def _said(file: Path) -> bytes:
    content = file.read_bytes()
    if file.suffix != ".py":
        return content
    lines = (line.rstrip() for line in content.splitlines())
    return b"\n".join(line for line in lines if line and not line.lstrip().startswith(b"#"))


def recorded(proof: Proof, outcome: Outcome, root: Path = ROOT) -> Record:
    """The record of an outcome, with the date, the commit and the machine it was found on."""
    return Record(
        name=proof.name,
        title=proof.title,
        holds=outcome.holds,
        figures=dict(outcome.figures),
        seed=outcome.seed,
        load=outcome.load,
        why=outcome.why,
        date=datetime.now(KST).date().isoformat(),
        commit=_commit(proof.rooms, root),
        machine=_machine(),
        rooms={room: digest(room, root) for room in proof.rooms},
    )


def _commit(rooms: Iterable[str], root: Path) -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    dirty = git("status", "--porcelain", "--", *rooms)
    return git("rev-parse", "--short=12", "HEAD") + ("+changes" if dirty else "")


def _machine() -> str:
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores{load}, {python}"


def read(page: Path = PAGE) -> dict[str, Record]:
    """The records of the page, by name."""
    if not page.exists():
        return {}
    records = (Record(**json.loads(found)) for found in _MARK.findall(page.read_text("utf-8")))
    return {record.name: record for record in records}


def write(records: Iterable[Record], page: Path = PAGE) -> None:
    """Write the whole page from the records, in the order of their names."""
    page.parent.mkdir(parents=True, exist_ok=True)
    sections = (_section(record) for record in sorted(records, key=lambda record: record.name))
    page.write_text("\n".join((HEAD, *sections)), "utf-8")


def _section(record: Record) -> str:
    rows = {
        "holds": "yes" if record.holds else f"**no**: {record.why}",
        **{name: "" if value is None else str(value) for name, value in record.figures.items()},
        "seed": record.seed or "none",
        "load": record.load,
        "date": record.date,
        "commit": record.commit,
        "machine": record.machine,
        "rooms": ", ".join(f"`{room}`" for room in record.rooms),
    }
    table = "\n".join(f"| {name} | {value.replace('|', '/')} |" for name, value in rows.items())
    mark = json.dumps(asdict(record), ensure_ascii=False, sort_keys=True)
    return f"## {record.name}\n\n{record.title}\n\n| | |\n|-|-|\n{table}\n\n<!-- proof {mark} -->\n"


def wrong(proofs: Mapping[str, Proof], records: Mapping[str, Record], root: Path = ROOT) -> list[str]:
    """What no run can mend: a record of no proof, a proof of rooms that are not there."""
    found = [f"{name}: recorded, but there is no such proof" for name in sorted(set(records) - set(proofs))]
    for name, proof in sorted(proofs.items()):
        if lost := [room for room in proof.rooms if not (root / room).exists()]:
            found.append(f"{name}: its rooms {', '.join(lost)} are not there")
    return found


def due(proofs: Mapping[str, Proof], records: Mapping[str, Record], root: Path = ROOT) -> list[str]:
    """Which long runs are to be made: a proof never run, one that failed, one whose rooms have changed since."""
    found = []
    for name, proof in sorted(proofs.items()):
        record = records.get(name)
        if record is None:
            found.append(f"{name}: its long form was never run; make prove {name} LONG=1")
            continue
        if not record.holds:
            found.append(f"{name}: does not hold: {record.why}")
        changed = [room for room in proof.rooms if record.rooms.get(room) != digest(room, root)]
        if changed:
            found.append(f"{name}: stale, {', '.join(changed)} changed since {record.commit}; make prove {name} LONG=1")
    return found
