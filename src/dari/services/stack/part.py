"""What one part of the stack is: which programs it needs, how it is prepared, started, and known to be well."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part lives: its folder, its port, and the ports of all (by part) for those that look at others."""

    folder: Path
    port: int
    ports: Mapping[str, int]
    facts: Mapping[str, str] = field(default_factory=dict)


Words = Callable[[Place], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One program. `prepare` runs once before every start and must be quick when nothing is to be done."""

    name: str
    programs: tuple[str, ...]
    how: str
    command: Words
    well: Callable[[Place], bool]
    prepare: Callable[[Place], None] = lambda _: None
    places: Callable[[Place], Mapping[str, str]] = lambda _: {}
    after: tuple[str, ...] = ()
    """Parts that must be well before this one starts."""


SEARCHED: Final = ("/usr/sbin", "/usr/local/sbin", "/sbin")
"""Where Debian keeps servers, which is not on everybody's PATH."""


def program(name: str) -> str | None:
    """The path of a program."""
    return shutil.which(name) or shutil.which(name, path=":".join(SEARCHED))


def missing(part: Part) -> list[str]:
    """Programs that are not installed."""
    return [name for name in part.programs if program(name) is None]
