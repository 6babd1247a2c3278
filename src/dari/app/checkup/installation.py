"""The installation itself: Python, the package's files, what it requires, its extras, uv, the port of the gateway."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from importlib.metadata import Distribution, PackageNotFoundError, version
from importlib.util import find_spec
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from dari.app.checkup.findings import Check, faulty
from dari.app.servers import GATEWAY_PORT
from dari.upstream.wire import listens

LOWEST: Final = (3, 11)
EXTRAS: Final = {"http": "fastmcp", "payments": "sqlalchemy", "naramarket": "duckdb", "keyring": "keyring"}
"""A module that tells whether an extra is installed."""


async def installation_checks(python: tuple[int, int] | None = None, port: int = GATEWAY_PORT) -> AsyncIterator[Check]:
    """What the guide calls problems of the virtual environment and of imports."""
    told = python or sys.version_info[:2]
    shown = ".".join(map(str, told))
    if told < LOWEST:
        yield faulty("python_old", subject="machine", what="python", found=shown, expected="3.11 or later")
    else:
        yield Check(subject="machine", what="python", state="ok", found=f"{shown} ({sys.executable})")
    for check in package_checks():
        yield check
    for extra, module in EXTRAS.items():
        there = find_spec(module) is not None
        found = "installed" if there else f"not installed: pip install 'dari[{extra}]' when you need it"
        yield Check(subject="machine", what=f"extra {extra}", state="ok" if there else "absent", found=found)
    yield _environment()
    yield _uv()
    if await listens(port):
        yield faulty(
            "port_taken", subject="machine", what=f"port {port}", found="something listens there", expected="free",
            state="warning", port=port,
        )  # fmt: skip
    else:
        yield Check(subject="machine", what=f"port {port}", state="ok", found="free")


def _environment() -> Check:
    """Where packages come from, and whether `dari` alone starts this one: the guide's "activate the environment"."""
    kind = "environment" if sys.prefix != sys.base_prefix else "no environment of its own"
    found = shutil.which("dari")
    where = f"{sys.prefix} ({kind})"
    if found is None:
        return Check(subject="machine", what="dari on PATH", state="absent", found=f"no; this one is of {where}")
    return Check(subject="machine", what="dari on PATH", state="ok", found=f"{found}; this one is of {where}")


def _uv() -> Check:
    found = shutil.which("uv")
    if found is None:
        return Check(subject="machine", what="uv", state="absent", found="not on PATH (only uvx needs it)")
    try:
        asked = [found, "--version"]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True).stdout.strip()  # noqa: S603 -- uv of the PATH, fixed words
    except (OSError, subprocess.SubprocessError):
        said = "does not say its version"
    return Check(subject="machine", what="uv", state="ok", found=f"{said} ({found})")


def package_checks(name: str = "dari") -> Iterator[Check]:
    """Whether the files are those of the release, and whether what they require is there."""
    try:
        package = Distribution.from_name(name)
    except PackageNotFoundError:
        yield Check(subject="machine", what="package", state="ok", found="run from its source")
        return
    changed = [str(one) for one in _changed(package)]
    if changed:
        yield faulty(
            "package_changed", subject="machine", what="package", found=f"changed: {', '.join(changed[:3])}",
            expected="the released files",
        )  # fmt: skip
    else:
        yield Check(subject="machine", what="package", state="ok", found=f"{name} {package.version}")
    missing = list(_missing(package))
    if missing:
        yield faulty(
            "package_missing", subject="machine", what="requirements", found=", ".join(missing),
            expected="installed", said=", ".join(missing),
        )  # fmt: skip
    else:
        yield Check(subject="machine", what="requirements", state="ok", found="all installed")


def _changed(package: Distribution) -> Iterator[str]:
    for one in package.files or ():
        if one.hash is None or one.suffix not in {".py", ".jsonl", ".json", ".tsv"}:
            continue
        try:
            digest = hashlib.new(one.hash.mode, one.read_binary()).digest()
        except OSError:
            yield f"{one} (missing)"
            continue
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != one.hash.value:
            yield str(one)


def _missing(package: Distribution) -> Iterator[str]:
    for row in package.requires or ():
        with suppress(InvalidRequirement):
            wanted = Requirement(row)
            if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
                continue
            try:
                there = version(wanted.name)
            except PackageNotFoundError:
                yield f"{wanted.name} (missing)"
                continue
            if not wanted.specifier.contains(there, prereleases=True):
                yield f"{wanted.name} {there} (wanted {wanted.specifier})"
