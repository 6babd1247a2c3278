"""The files that settings come from, looked at as files: place, encoding, form, names, example words, who may read."""

from __future__ import annotations

import difflib
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

from dari.app.checkup.findings import Check, faulty
from dari.settings import DEVLP_FILE, EXAMPLE, IN_KEYRING, SETTINGS, devlp_file, own_file

OTHERS: Final = 0o077
QUOTES: Final = re.compile(r"[“”‘’]")
PRODUCTS: Final = frozenset({"01", "03", "08", "22", "29"})
MORE_NAMES: Final = frozenset({"DARI_DOTENV", "prod", "ops", "vps", "vops", "my_token", "my_agent"})
"""Names of KIS's own file, and of our surroundings, that are no settings."""
CLOSE: Final = 0.75
"""How alike two names are for one to be a slip of the other (difflib's measure)."""


def file_checks(environment: Mapping[str, str], home: Path, *, platform: str) -> Iterator[Check]:
    """Every file there is; nothing is told of what is in it but names and lines."""
    guide = devlp_file(home)
    if guide is not None:
        yield from _placed(guide, home)
        yield from _looked_at(guide, platform, _yaml_faults)
    for file in (Path(environment.get("DARI_DOTENV", ".env")), own_file(environment)):
        if file.is_file():
            yield from _looked_at(file, platform, _dotenv_faults)


def _placed(file: Path, home: Path) -> Iterator[Check]:
    right = home / DEVLP_FILE
    if file == right or (right.is_file() and file.samefile(right)):
        yield Check(subject="files", what=file.name, state="ok", found=str(file))
    else:
        yield faulty(
            "misplaced_file", subject="files", what=file.name, found=str(file), expected=str(right), state="warning"
        )


def _looked_at(file: Path, platform: str, look: Any) -> Iterator[Check]:
    mode = stat.S_IMODE(file.stat().st_mode)
    if platform != "win32" and mode & OTHERS:  # Windows keeps a user's folder from others by its own lists
        yield faulty(
            "file_mode", subject="files", what=file.name, found=f"{mode:04o}", expected="0600", file=file, state="wrong"
        )
    raw = file.read_bytes()
    text = _text(raw)
    if text is None:
        yield _encoding(file, raw)
        return
    found = list(look(file, text))
    yield from found
    if not found:
        yield Check(subject="files", what=file.name, state="ok", found="well formed")


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _encoding(file: Path, raw: bytes) -> Check:
    wide = raw[:2] in {b"\xff\xfe", b"\xfe\xff"}
    found, fault = ("UTF-16", "file_utf16") if wide else ("CP949 (ANSI)", "file_cp949")
    return faulty(fault, subject="files", what=file.name, found=found, expected="UTF-8")


def _yaml_faults(file: Path, text: str) -> Iterator[Check]:
    import yaml  # noqa: PLC0415 -- only who has the file pays for reading it

    for number, line in enumerate(text.splitlines(), 1):
        if QUOTES.search(line.partition("#")[0]):
            yield faulty(
                "typographic_quotes", subject="files", what=file.name, found=f"line {number}: curly quotes", line=number
            )
    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        at = mark.line + 1 if mark else 1
        why = getattr(error, "problem", None) or "not YAML"
        yield faulty(
            "yaml_syntax", subject="files", what=file.name, found=f"line {at}: {why}", expected="YAML", line=at
        )
        return
    if told is not None and not isinstance(told, Mapping):
        yield faulty(
            "yaml_syntax", subject="files", what=file.name, found="no `name: value` lines", expected="YAML", line=1
        )
        return
    names = {row.devlp for row in SETTINGS if row.devlp}
    yield from _names(file, {str(name): str(value) for name, value in (told or {}).items()}, names, names)


def _dotenv_faults(file: Path, text: str) -> Iterator[Check]:
    from io import StringIO  # noqa: PLC0415 -- beside dotenv, which wants a stream

    from dotenv import dotenv_values  # noqa: PLC0415 -- only who has the file pays for reading it

    told = {name: value or "" for name, value in dotenv_values(stream=StringIO(text), interpolate=False).items()}
    names = {row.name for row in SETTINGS}
    yield from _names(file, told, names, {row.name for row in SETTINGS if row.secret})


def _names(file: Path, told: Mapping[str, str], known: Iterable[str], personal: Iterable[str]) -> Iterator[Check]:
    known, personal = set(known), set(personal)
    for name, value in told.items():
        if name not in known | MORE_NAMES:
            near = difflib.get_close_matches(name, sorted(known - set(told)), n=1, cutoff=CLOSE)
            if near:
                yield faulty(
                    "unknown_name", subject="files", what=file.name, found=name, expected=near[0], name=name,
                    meant=near[0],
                )  # fmt: skip
        elif name in personal and value and value != IN_KEYRING and EXAMPLE.fullmatch(value):
            yield faulty(
                "example_value", subject="files", what=file.name, found=f"{name}: an example's words", state="warning",
                name=name,
            )  # fmt: skip
        elif name in {"my_prod", "KOREA_INVESTMENT_PRODUCT"} and value.strip("“”‘’ ").zfill(2) not in PRODUCTS:
            yield faulty("product_code", subject="files", what=file.name, found=value, expected="01, 03, 08, 22 or 29")


def writable(folder: Path) -> Check:
    """Whether Dari's state can be kept: by writing, since permissions do not tell of a full or read-only disk."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    try:
        with TemporaryFile(dir=there):
            pass
    except OSError as error:
        return faulty(
            "folder_unwritable", subject="machine", what="state folder", file=there,
            found=f"{there}: {'not a folder' if there.is_file() else error.strerror}",
        )  # fmt: skip
    return Check(subject="machine", what="state folder", state="ok", found=str(folder))
