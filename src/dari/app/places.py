"""Where Dari keeps things: the platform's user folders, or one folder named by DARI_HOME. Private to the user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True, slots=True)
class Places:
    """config (settings) · data (stores) · state (pacing, grants, plans, caps, leases, audit) · cache."""

    config: Path
    data: Path
    state: Path
    cache: Path

    @classmethod
    def of(cls, home: str) -> Places:
        """Below `home` where it is given, else where the platform keeps such things."""
        if home:
            base = Path(home).expanduser()
            return cls(base / "config", base / "data", base / "state", base / "cache")
        dirs = platformdirs.PlatformDirs("dari", appauthor=False)
        return cls(dirs.user_config_path, dirs.user_data_path, dirs.user_state_path, dirs.user_cache_path)
