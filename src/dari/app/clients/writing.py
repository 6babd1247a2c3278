"""Change a client's configuration: only our entries, with a backup, whole or not at all."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from dari.app.clients import Client
from dari.app.clients.entries import Entry, is_ours
from dari.core.errors import BadSetting, Hint, NotAllowed

SHOWN_WHOLE: Final = re.compile(r"\$\{?[A-Za-z_:]+\}?|[\d.]+|[a-z]{1,6}")
"""Values of an old entry that are no secret: references, numbers, short words."""


@dataclass(frozen=True, slots=True)
class Change:
    """What would change in a file. `before` and `after` are its texts; None: no such file."""

    file: Path
    before: str | None
    after: str | None
    told: tuple[str, ...]

    @property
    def needed(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after


def read(file: Path) -> tuple[str | None, dict[str, Any]]:
    """A configuration as text and as data. Raises BadSetting where it is not a JSON object, saying where."""
    if not file.is_file():
        return None, {}
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadSetting(
            f"{file} is not UTF-8",
            hint=Hint("파일을 UTF-8로 다시 저장하세요.", "Save the file as UTF-8."),
        ) from None
    try:
        told = json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        commented = bool(re.search(r"^\s*//|/\*", text, re.MULTILINE))
        what = "주석이 든 JSON" if commented else "문법 오류"
        raise BadSetting(
            f"{file}: line {error.lineno}, column {error.colno}: {'a comment' if commented else error.msg}",
            hint=Hint(
                f"{error.lineno}번째 줄({what})을 고치거나, --dry-run이 보여 주는 항목을 직접 붙여 넣으세요.",
                f"Mend line {error.lineno}, or paste what --dry-run shows; a file with comments is not rewritten.",
            ),
        ) from None
    if not isinstance(told, dict):
        raise BadSetting(f"{file} is not a JSON object")
    return text, told


def installing(client: Client, file: Path, entries: Sequence[Entry]) -> Change:
    """The change that writes the entries. Raises NotAllowed where a name belongs to a server that is not ours."""
    before, document = read(file)
    section = _section(client, document, file)
    told = []
    for one in entries:
        old = section.get(one.name)
        if old is not None and not is_ours(old):
            raise NotAllowed(
                f"{client.title} has another server called {one.name!r}",
                hint=Hint(
                    f"{file} 에서 그 항목의 이름을 바꾼 뒤 다시 하세요.",
                    f"Rename that entry in {file}, then try again.",
                ),
            )
        new = _kept(old, one.value)
        if old != new:
            told += [f"- {one.name}: {_plain(_masked(old))}"] if old is not None else []
            told.append(f"+ {one.name}: {_plain(new)}")
            section[one.name] = new
    if not told:
        return Change(file, before, before, ())
    document[client.section] = section
    return Change(file, before, _written(document, before), tuple(told))


def removing(client: Client, file: Path, names: Sequence[str]) -> Change:
    """The change that takes our entries of these names away; a file that then holds nothing goes too."""
    before, document = read(file)
    section = _section(client, document, file)
    ours = [name for name in names if is_ours(section.get(name))]
    told = [f"- {name}: {_plain(_masked(section.pop(name)))}" for name in ours]
    if not told:
        return Change(file, before, before, ())
    document[client.section] = section
    after = None if document == {client.section: {}} else _written(document, before)
    return Change(file, before, after, tuple(told))


def apply(change: Change, now: datetime) -> Path | None:
    """Write the change, the old file kept beside it; returns the backup's path (None: there was no file)."""
    file = change.file.resolve()  # a dotfile may be a link into somebody's repository
    backup = None
    mode = 0o600
    if change.before is not None:
        mode = stat.S_IMODE(file.stat().st_mode)
        backup = file.with_name(f"{file.name}.dari-{now:%Y%m%d-%H%M%S-%f}.bak")
        _replace(backup, file.read_bytes(), mode)
    if change.after is None:
        file.unlink()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        _replace(file, change.after.encode(), mode)
    return backup


def _replace(file: Path, content: bytes, mode: int) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
    beside.replace(file)


def _section(client: Client, document: Mapping[str, Any], file: Path) -> dict[str, Any]:
    section = document.get(client.section, {})
    if not isinstance(section, dict):
        raise BadSetting(f"{file}: {client.section} is not a JSON object")
    return dict(section)


def _kept(old: object, new: dict[str, Any]) -> dict[str, Any]:
    """The new entry with what a person added to the old one: keys of the client's own, variables of the person's."""
    if not isinstance(old, Mapping):
        return new
    merged = {**old, **new}
    environment = {**(old.get("env") or {}), **(new.get("env") or {})}
    return {**merged, "env": environment} if environment else merged


def _masked(entry: Mapping[str, Any]) -> dict[str, Any]:
    environment = {
        name: value if SHOWN_WHOLE.fullmatch(str(value)) else "…" for name, value in (entry.get("env") or {}).items()
    }
    return {**entry, "env": environment} if environment else dict(entry)


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _written(document: Mapping[str, Any], before: str | None) -> str:
    """JSON as the file was written: its indentation, its line ends, its last line end."""
    indented = re.search(r"^([ \t]+)\S", before or "", re.MULTILINE)
    text = json.dumps(document, ensure_ascii=False, indent=indented[1] if indented else 2)
    if before is None or before.endswith("\n") or not before.strip():
        text += "\n"
    return text.replace("\n", "\r\n") if before and "\r\n" in before else text
