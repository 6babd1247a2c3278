"""Write `requirements/*.txt`, the hashed lock of what is run and developed with, and tell whether it is current.

`python -m scripts.lock` renews it (keeping versions where they still fit; `--upgrade` takes the newest);
`python -m scripts.lock --check` asks no network: the lock carries a digest of the requirements it was made from.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LOCKS: Final = {"run": ["--all-extras", "--group", "install"], "dev": ["--all-extras", "--group", "dev"]}
LOWEST_PYTHON: Final = "3.11"


def inputs(root: Path = ROOT) -> str:
    """A digest of everything in pyproject.toml that decides what is installed."""
    told = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    project = told["project"]
    asked = [
        told["build-system"]["requires"],
        project["requires-python"],
        project.get("dependencies", []),
        project.get("optional-dependencies", {}),
        told.get("dependency-groups", {}),
    ]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def faults(root: Path = ROOT) -> list[str]:
    """Why the lock cannot be trusted: missing, made from other requirements, without hashes, or naming a host."""
    found = []
    for name in LOCKS:
        file = root / "requirements" / f"{name}.txt"
        if not file.exists():
            found.append(f"{file.name} is missing: make lock")
            continue
        text = file.read_text("utf-8")
        if f"# inputs: {inputs(root)}\n" not in text:
            found.append(f"{file.name} was made from other requirements: make lock")
        if "://" in text or "--index" in text:
            found.append(f"{file.name} names a host")
        pins = re.findall(r"^[A-Za-z0-9].*?(?=^[A-Za-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
        found += [f"{file.name}: {pin.split()[0]} is not pinned by hash" for pin in pins if not _pinned(pin)]
    return found


def _pinned(pin: str) -> bool:
    return "==" in pin.splitlines()[0] and "--hash=sha256:" in pin


def renew(*, upgrade: bool, root: Path = ROOT) -> None:
    """Resolve for every platform and Python from 3.11 on, and write both files. Needs `uv` and a package index."""
    (root / "requirements").mkdir(exist_ok=True)
    for name, what in LOCKS.items():
        file = root / "requirements" / f"{name}.txt"
        command = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "compile",
            "pyproject.toml",
            *what,
            "--universal",
            "--generate-hashes",
        ]
        command += ["--python-version", LOWEST_PYTHON, "--no-header", "--no-annotate", "--quiet", "-o", str(file)]
        if name != "run":
            command += ["--constraint", "requirements/run.txt"]
        if upgrade:
            command.append("--upgrade")
        subprocess.run(command, cwd=root, check=True)
        head = f"# Everything `{name}` installs, by hash; renewed by `make lock`.\n# inputs: {inputs(root)}\n"
        file.write_text(head + file.read_text("utf-8"), "utf-8")


def main(arguments: list[str]) -> int:
    """Renew, or with `--check` tell the faults."""
    if "--check" not in arguments:
        renew(upgrade="--upgrade" in arguments)
    found = faults()
    print("\n".join(found) or "the lock is current")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
