"""The machine a client runs on: its platform, its folders, and the program that starts a server there."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dari import __version__

PASSING = ("archive-v", "builds-v", "environments-v", str(Path("pipx", ".cache")))
"""Parts of the path of an environment that uvx or pipx run made for one command and may take away again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`platform` as in sys.platform; `prefix` and `executable` are those of the Python that runs Dari."""

    platform: str
    home: Path
    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    prefix: Path
    executable: Path

    @classmethod
    def this(cls) -> Machine:
        """The machine at hand."""
        return cls(
            platform=sys.platform,
            home=Path.home(),
            folder=Path.cwd(),
            environment=os.environ,
            prefix=Path(sys.prefix),
            executable=Path(sys.executable),
        )

    @property
    def roaming(self) -> Path:
        """%APPDATA%."""
        told = self.environment.get("APPDATA", "")
        return Path(told) if told else self.home / "AppData" / "Roaming"

    @property
    def local(self) -> Path:
        """%LOCALAPPDATA%."""
        told = self.environment.get("LOCALAPPDATA", "")
        return Path(told) if told else self.home / "AppData" / "Local"

    def application(self, product: str) -> Path:
        """Where a program of that name keeps its settings."""
        if self.platform == "win32":
            return self.roaming / product
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support" / product
        told = self.environment.get("XDG_CONFIG_HOME", "")
        return (Path(told) if told else self.home / ".config") / product

    def caches(self, product: str) -> Path:
        """Where a program of that name keeps what it can do without."""
        if self.platform == "win32":
            return self.local / product / "Cache"
        if self.platform == "darwin":
            return self.home / "Library" / "Caches" / product
        told = self.environment.get("XDG_CACHE_HOME", "")
        return (Path(told) if told else self.home / ".cache") / product

    def command(self, *, uvx: bool = False) -> tuple[str, list[str]]:
        """The program and its first arguments that start `dari` here, by full path: clients have a PATH of their own.

        An environment that uvx made for one command is gone tomorrow: there, and with `uvx`, uvx itself is written.
        """
        if uvx or any(part in str(self.prefix) for part in PASSING):
            found = shutil.which("uvx", path=self.environment.get("PATH"))
            return found or "uvx", ["--from", _source(), "dari"]
        script = self.executable.with_name("dari.exe" if self.platform == "win32" else "dari")
        if script.is_file():
            return str(script), []
        return str(self.executable), ["-P", "-m", "dari"]  # -P: a client's project may hold a redis.py of its own


def _source() -> str:
    """What uvx is told to take: this version from the index, or the file that this one was installed from."""
    try:
        told = Distribution.from_name("dari").read_text("direct_url.json")
    except PackageNotFoundError:
        told = None
    where = json.loads(told) if told else {}
    url = where.get("url", "")
    if url.startswith("file:") and not where.get("dir_info", {}).get("editable"):
        return _local_path(url)
    return f"dari=={__version__}"


def _local_path(url: str) -> str:
    path = unquote(urlsplit(url).path)
    return path[1:] if path[2:3] == ":" else path  # file:///C:/wheels/…
