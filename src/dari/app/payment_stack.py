"""Where a stack lives, and what of it the platform and its monitor are told."""

from __future__ import annotations

from pathlib import Path

from dari.app.places import Places
from dari.services.stack.stack import Stack
from dari.settings import Settings


def stack_of(settings: Settings, folder: Path | None = None, brokers: int | None = None) -> Stack:
    """The stack in `folder` (or in Dari's data folder); jars are kept in the cache folder. Raises StackError."""
    places = Places.of(settings.text("DARI_HOME"))
    return Stack((folder or places.data / "stack").resolve(), places.cache / "stack", brokers=brokers)
