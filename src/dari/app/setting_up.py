"""Settings for commands: the only way to them from outside the composition root."""

from __future__ import annotations

from collections.abc import Mapping

from dari.settings import Settings, resolve


def settings_of(flags: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process, `flags` winning. Raises BadSetting."""
    return resolve(flags=flags)
