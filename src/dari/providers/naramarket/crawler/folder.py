"""The one folder that file tools read and write: nothing outside it, whatever a name says."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from dari.core.errors import Hint, InvalidInput, NotFound
from dari.core.shared_state import private_folder

MOST_BYTES = 1_024
MOST_NAME_BYTES = 200
"""Of one part of a path: a file system takes 255, and a name is lengthened while the file is written."""

HINT = Hint("OUTPUT_DIR 아래의 상대 경로만 쓸 수 있습니다.", "Only relative paths below OUTPUT_DIR are possible.")


class Folder:
    """A root and the paths below it. Made when first written to, private to the user."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()

    def inside(self, name: str) -> Path:
        """The path of a relative name. Raises InvalidInput for `..`, absolute names, NUL, and links on the way."""
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if (
            not name.strip()
            or any(ord(sign) < 32 for sign in name)  # noqa: PLR2004 -- control characters, NUL among them
            or PurePosixPath(name).is_absolute()
            or PureWindowsPath(name).drive
            or name.startswith(("/", "\\", "~"))
            or ".." in parts
            or len(name.encode(errors="replace")) > MOST_BYTES
            or any(len(part.encode(errors="replace")) > MOST_NAME_BYTES for part in parts)
        ):
            raise InvalidInput(f"{name[:80]!r} is not a path inside the output folder", hint=HINT)
        path = self.root
        for part in parts:
            path /= part
            if path.is_symlink():
                raise InvalidInput(f"{name[:80]!r} leads over a link", hint=HINT)
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise InvalidInput(f"{name[:80]!r} leaves the output folder", hint=HINT)
        return path

    def existing(self, name: str) -> Path:
        """A file that is there. Raises NotFound."""
        path = self.inside(name)
        if not path.is_file():
            raise NotFound(f"there is no file {name[:80]!r} in the output folder", hint=HINT)
        return path

    def found(self, pattern: str, folder: str = "") -> list[Path]:
        """Files that match a pattern, below `folder`, by name; links are not followed."""
        if pattern.startswith(("/", "~")) or ".." in PurePosixPath(pattern).parts or "\0" in pattern:
            raise InvalidInput(f"{pattern[:80]!r} is not a pattern inside the output folder", hint=HINT)
        base = self.inside(folder) if folder else self.root
        if not base.is_dir():
            return []
        try:
            found = [path for path in base.glob(pattern) if path.is_file() and not path.is_symlink()]
        except (ValueError, NotImplementedError, IndexError, OSError):  # what no file can match, in pathlib's words
            raise InvalidInput(f"{pattern[:80]!r} is not a pattern", hint=HINT) from None
        return sorted(path for path in found if path.resolve().is_relative_to(self.root.resolve()))

    def told(self, path: Path) -> str:
        """A path as the caller may name it."""
        return path.relative_to(self.root).as_posix()

    @contextmanager
    def writing(self, path: Path, *, encoding: str | None = "utf-8", newline: str | None = "") -> Iterator[IO[str]]:
        """A text file that is whole or not there at all."""
        with self.replacing(path) as beside, beside.open("w", encoding=encoding, newline=newline) as file:
            yield file

    @contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """A path beside `path` that takes its place when all went well. Raises InvalidInput where a folder stands."""
        if path.is_dir():
            raise InvalidInput(f"{self.told(path)[:80]!r} is a folder, not a file", hint=HINT)
        private_folder(path.parent)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            yield beside
            os.replace(beside, path)  # noqa: PTH105 -- atomic on every platform
        finally:
            beside.unlink(missing_ok=True)
