"""Settings for commands: the only way to them from outside the composition root."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dari.settings import Settings, own_file, resolve


def settings_of(flags: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process, `flags` winning. Raises BadSetting."""
    return resolve(flags=flags)


def own_file_of() -> Path:
    """Where `dari setup` keeps settings."""
    return own_file(os.environ)
