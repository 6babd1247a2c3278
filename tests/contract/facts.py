"""Where the fact files are that sheets are held against, and the mark of a test that cannot run without one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).parents[2]
_PLACES: Final = (_ROOT.parent / "shared" / "facts", _ROOT.parents[1] / "shared" / "facts")
"""Beside the checkout; a worktree lies one folder deeper."""


def facts_file(name: str) -> Path:
    """A fact file in the folder DARI_FACTS, else in ../shared/facts; it need not be there."""
    if told := os.environ.get("DARI_FACTS"):
        return Path(told) / name
    return next((place / name for place in _PLACES if (place / name).exists()), _PLACES[0] / name)


def absent(file: Path) -> str:
    """What a test says that is skipped without this file."""
    return f"THE FACTS ARE NOT HERE ({file}): the sheets were checked against their own rules only; set DARI_FACTS"


def needs(file: Path) -> pytest.MarkDecorator:
    """Skip where the file is not, and say loudly what was not compared."""
    return pytest.mark.skipif(not file.exists(), reason=absent(file))
