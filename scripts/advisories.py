"""`make audit`: known advisories against everything that the locks pin, by pip-audit; what was not asked is not clean.

Exit code 0: every locked requirement was looked up and none has an advisory that is not accepted here; 1: there is one,
or an acceptance has run out; 2: some could not be looked up (no network, an index that tells no advisories).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
LOCKS: Final = ("run", "dev")


@dataclass(frozen=True, slots=True)
class Accepted:
    """An advisory we live with: why, and until when (after that day it counts again)."""

    why: str
    until: date


ACCEPTED: Final[Mapping[str, Accepted]] = {}
"""By id, as pip-audit tells it. Each was read, and does not reach us."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an audit of one lock said. `advisories` are (package, version, id, versions that mend it)."""

    asked: int
    unasked: tuple[str, ...]
    advisories: tuple[tuple[str, str, str, str], ...]


def audited(lock: str) -> Found:
    """Look up everything of one lock. Raises ValueError where the auditor says nothing that can be read."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / "requirements" / f"{lock}.txt"),
        "--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        raise ValueError(done.stderr.strip()[-300:] or "pip-audit said nothing")
    return read(json.loads(done.stdout))


def read(told: Mapping[str, Any]) -> Found:
    """What pip-audit's JSON says."""
    rows = told["dependencies"]
    unasked = tuple(sorted(row["name"] for row in rows if "skip_reason" in row))
    advisories = tuple(
        (row["name"], row["version"], one["id"], ", ".join(one["fix_versions"]) or "none yet")
        for row in rows
        for one in row.get("vulns", ())
    )
    return Found(len(rows) - len(unasked), unasked, advisories)


def judged(found: Iterable[Found], today: date, accepted: Mapping[str, Accepted] = ACCEPTED) -> tuple[int, list[str]]:
    """The exit code, and a line for each thing a person has to know."""
    told, lines = list(found), []
    bad = sorted({one for each in told for one in each.advisories})
    for name, version, advisory, mended in bad:
        lived = accepted.get(advisory)
        if lived is None or today > lived.until:
            late = "" if lived is None else f" (accepted until {lived.until}: {lived.why})"
            lines.append(f"{name} {version}: {advisory}, mended in {mended}{late}")
    gone = accepted.keys() - {one[2] for one in bad}
    lines += [f"{advisory} is accepted, but nothing has it any more" for advisory in sorted(gone)]
    if lines:
        return 1, lines
    unasked = sorted({name for each in told for name in each.unasked})
    if unasked:
        first = ", ".join(unasked[:5]) + (", …" if len(unasked) > 5 else "")  # noqa: PLR2004 -- enough to know where
        return 2, [f"{len(unasked)} requirements could not be looked up: {first}"]
    return 0, [f"{max(one.asked for one in told)} requirements looked up, no advisory"]


def main() -> int:
    """Audit both locks."""
    try:
        found = [audited(lock) for lock in LOCKS]
    except ValueError as error:
        print(f"pip-audit failed: {error}")
        return 2
    code, lines = judged(found, date.today())  # noqa: DTZ011 -- an acceptance ends with the day where it is read
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
