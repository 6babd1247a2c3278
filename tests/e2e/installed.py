"""The package as people get it: a wheel, put into an empty environment whose path has spaces and Korean letters."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import requires, version
from pathlib import Path

from filelock import FileLock
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
UV = (sys.executable, "-m", "uv")


@dataclass(frozen=True, slots=True)
class Installed:
    """The wheel and the environment that holds it."""

    wheel: Path
    environment: Path

    @property
    def scripts(self) -> Path:
        return self.environment / ("Scripts" if sys.platform == "win32" else "bin")

    def python(self, *words: str, env: dict[str, str]) -> str:
        """What the environment's Python prints."""
        return run(str(self.scripts / "python"), *words, env=env, cwd=Path(env["HOME"]))

    @property
    def dari(self) -> Path:
        return self.scripts / "dari"


def built_and_installed(shared: Path) -> Installed:
    """Build and install once for all processes of a test run; two seconds where the packages are in uv's cache."""
    environment = shared / "빈 환경 empty"
    wheels = shared / "wheels"
    with FileLock(shared / "installed.lock"):
        if not (shared / "installed.done").exists():
            run(*UV, "build", "-q", "--wheel", "--no-build-isolation", "--offline", "-o", str(wheels), str(ROOT))
            run(*UV, "venv", "-q", "--python", sys.executable, str(environment))
            (wheel,) = wheels.glob("*.whl")
            install(environment, str(wheel))
            (shared / "installed.done").touch()
    (wheel,) = wheels.glob("*.whl")
    return Installed(wheel, environment)


def install(environment: Path, wheel: str) -> None:
    """The wheel with what it requires, in the versions that are at hand here, else from the index."""
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    command = (*UV, "pip", "install", "-q", "--python", str(python))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = [f"{name}=={version(name)}" for name in sorted(_closure(project["dependencies"], {""}, set()))]
    try:
        run(*command, "--offline", "--no-deps", wheel, *pinned)
    except subprocess.CalledProcessError:
        run(*command, wheel)


def _closure(rows: Iterable[str], extras: set[str], seen: set[tuple[str, str]]) -> set[str]:
    """Every distribution that the requirements bring to this machine."""
    found = set()
    for wanted in map(Requirement, rows):
        applies = wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras)
        asked = {"", *wanted.extras}
        key = (wanted.name, ",".join(sorted(asked)))
        if applies and key not in seen:
            seen.add(key)
            found |= {wanted.name} | _closure(requires(wanted.name) or (), asked, seen)
    return found


def run(*command: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run to its end; what it printed."""
    told = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"} if env is None else env
    done = subprocess.run(command, env=told, cwd=cwd or ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()
    return done.stdout
