"""What the package is made of: `docs/reference/licences.md`, the licence of every locked requirement, and an SBOM.

`python -m scripts.supply` writes the page; `--check` compares; `--sbom FILE` writes a CycloneDX bill of materials
(JSON) of requirements/run.txt for a release. Licences are read from the installed packages.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "requirements" / "run.txt"
PAGE: Final = ROOT / "docs" / "reference" / "licences.md"
WRITTEN: Final = "<!-- Written by scripts/supply.py from the lock and the installed packages. -->"
SHORT: Final = 60
CLASSIFIER: Final = "License :: OSI Approved :: "
COPYLEFT: Final = re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|Affero", re.IGNORECASE)
"""Licences that would bind the whole: none may be among the requirements of a run."""


def locked() -> list[tuple[str, str]]:
    """(name, version) of every requirement of a run."""
    return re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", LOCK.read_text("utf-8"), re.MULTILINE)


def licence(name: str) -> str:
    """What an installed package says of its licence; "" where it is not installed here (another platform's)."""
    try:
        told = metadata(name).json
    except PackageNotFoundError:
        return ""
    expression = str(told.get("license_expression") or "")
    classes = [one.removeprefix(CLASSIFIER) for one in told.get("classifier", []) if one.startswith(CLASSIFIER)]
    text = str(told.get("license") or "").strip().splitlines()
    short = text[0] if text and len(text[0]) <= SHORT else ""
    return expression or " AND ".join(sorted(classes)) or short or "see the package"


def page() -> str:
    """The page, with what an earlier page knew of packages that this platform does not install."""
    known = dict(re.findall(r"^\| ([^ ]+) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)) if PAGE.exists() else {}
    lines = ["# Licences of the requirements", "", WRITTEN, "", "| package | licence |", "|---|---|"]
    names = sorted({name for name, _ in locked()})
    lines += [f"| {name} | {licence(name) or known.get(name, 'not installed on this platform')} |" for name in names]
    return "\n".join([*lines, ""])


def faults() -> list[str]:
    """Requirements that the page lacks, and licences that would bind the whole."""
    text = PAGE.read_text("utf-8") if PAGE.exists() else ""
    rows = dict(re.findall(r"^\| ([^ ]+) \| (.+) \|$", text, re.MULTILINE))
    found = [f"{name} is not on licences.md: python -m scripts.supply" for name, _ in locked() if name not in rows]
    return found + [f"{name}: {told}" for name, told in rows.items() if COPYLEFT.search(told)]


def sbom(file: Path) -> None:
    """A CycloneDX bill of materials of what a run installs."""
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "requirements",
        str(LOCK),
        "--pyproject",
        str(ROOT / "pyproject.toml"),
    ]
    subprocess.run([*command, "--output-reproducible", "--of", "JSON", "-o", str(file)], check=True)


def main(arguments: list[str]) -> int:
    """Write or check."""
    if "--sbom" in arguments:
        sbom(Path(arguments[arguments.index("--sbom") + 1]))
        return 0
    if "--check" not in arguments:
        PAGE.write_text(page(), "utf-8")
    found = faults()
    print("\n".join(found) or "every requirement has its licence")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
