"""docs/reference/performance.md: what `dari bench all --write` found, and whether a later run is worse than it."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from os import cpu_count
from pathlib import Path
from typing import Any, Final

import dari
from dari.cli.bench.shared import Measured
from dari.core.clock import KST
from dari.core.errors import Hint, NotFound

ROOT: Final = Path(dari.__file__).parents[2]
PAGE: Final = "docs/reference/performance.md"
ACCEPTANCE: Final = "docs/reference/acceptance.md"
COMMAND: Final = "python -m dari bench all --write"
WORSE: Final = 0.10
"""How much worse a figure may be than the committed one."""
TIMES: Final = 3
"""How often what looks worse is measured in all, before it is called so."""

Again = Callable[[str], Any]

_FIGURES: Final = re.compile(r"^<!-- figures (\{.*\}) -->$", re.MULTILINE)
_PROOF: Final = re.compile(r"^<!-- proof (\{.*\}) -->$", re.MULTILINE)

HEAD: Final = """# Performance

Every figure beside its floor, both measured in the same run on the same machine: the bare SDK server, the simulator's
own reply, PyArrow alone, the quota's arithmetic. Written by `{command}` and by nothing else. `dari bench all --compare`
measures again and fails where the ratio of a figure to its floor is more than {worse:.0%} worse, three times in a row.

| | |
|-|-|
| date | {date} |
| commit | {commit} |
| machine | {machine} |
| command | `{command}` |

| figure | ours | floor | ratio | limit | held |
|---|---|---|---|---|---|
"""
BELOW: Final = """
What takes minutes or breaks things on purpose is recorded by proofs ([acceptance](acceptance.md)), and only told here:

| proof | claim | held | commit |
|---|---|---|---|
"""
NONE: Final = "| none is recorded yet | | | |\n"


@dataclass(frozen=True, slots=True)
class Regression:
    """One figure that is worse than the committed one."""

    name: str
    was: float
    ratio: float

    def __str__(self) -> str:
        return f"{self.name}: ratio {self.ratio:g}, committed {self.was:g}"


def written(found: Iterable[Measured], root: Path = ROOT) -> str:
    """The page."""
    figures = list(found)
    load = Path("/proc/loadavg")
    beside = f"load {load.read_text().split()[0]} at the end, " if load.exists() else ""
    about = {
        "date": f"{datetime.now(KST):%Y-%m-%d}",
        "commit": _commit(root),
        "machine": f"{platform.system()} {platform.machine()}, {cpu_count()} cores, {beside}"
        f"CPython {platform.python_version()}",
        "command": COMMAND,
    }
    rows = (
        f"| {one.name} | {one.figure:g} {one.unit} | {one.floor:g} | {one.ratio:g} | {one.limit:g} "
        f"| {'yes' if one.within else '**no**'} |\n"
        for one in figures
    )
    proofs = "".join(
        f"| {one['name']} | {one['title']} | {'yes' if one['holds'] else '**no**: ' + one['why']} | {one['commit']} |\n"
        for one in recorded(root)
    )
    kept = json.dumps({**about, "figures": [one.as_dict() for one in figures]}, ensure_ascii=False, sort_keys=True)
    head = HEAD.format(worse=WORSE, **about)
    return f"{head}{''.join(rows)}{BELOW}{proofs or NONE}\n<!-- figures {kept} -->\n"


def recorded(root: Path = ROOT) -> list[dict[str, Any]]:
    """What docs/reference/acceptance.md says of each proof."""
    page = root / ACCEPTANCE
    return [json.loads(one) for one in _PROOF.findall(page.read_text("utf-8"))] if page.exists() else []


def committed(root: Path = ROOT) -> Mapping[str, Mapping[str, Any]]:
    """The figures of the page by name. Raises NotFound where there is no page with figures."""
    page = root / PAGE
    found = _FIGURES.search(page.read_text("utf-8")) if page.exists() else None
    if found is None:
        raise NotFound(
            f"{PAGE} has no figures to compare with",
            hint=Hint(f"먼저 {COMMAND} (저장소에서)", f"First {COMMAND}, in the repository"),
        )
    return {one["name"]: one for one in json.loads(found[1])["figures"]}


def worse(found: Iterable[Measured], than: Mapping[str, Mapping[str, Any]]) -> list[Regression]:
    """Figures whose ratio to the floor of the same run is more than a tenth worse than the committed ratio.

    Ratios and not figures: the machine that measures now need not be the one that measured then.
    """
    told = []
    for one in found:
        if one.name not in than:
            continue
        was = float(than[one.name]["ratio"])
        lost = was - one.ratio if one.rising else one.ratio - was
        if lost > WORSE * abs(was):
            told.append(Regression(one.name, was, one.ratio))
    return told


def _commit(root: Path) -> str:
    """The commit of the source; `+changes` where the source differs from it; `unknown` outside a repository."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)  # noqa: S603, S607 -- fixed words, git of the PATH
        return done.stdout.strip()

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        return f"{commit}{'+changes' if git('status', '--porcelain', 'src') else ''}" if commit else "unknown"
    except OSError:
        return "unknown"
