"""docs/reference/performance.md: what `dari bench all --write` found, and whether a later run is worse than it."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from os import cpu_count
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import dari
from dari.cli.bench import promises
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

FIGURES: Final = 8
"""How many figures of a proof are told beside its name."""
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

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
What takes minutes or breaks things on purpose (kills, chaos, endurance) is recorded by proofs
([acceptance](acceptance.md)), and only told here:

| proof | claim | held | figures | date, commit |
|---|---|---|---|---|
"""
NONE: Final = "| none is recorded yet | | | | |\n"
PROMISED: Final = """
## What was promised

{met} of {all} figures are met. By a figure above, a proof, or tests of `make test`; each that is not says why.

| | promised | met | by |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Regression:
    """One figure that is worse than the committed one."""

    name: str
    was: float
    ratio: float

    def __str__(self) -> str:
        return f"{self.name}: ratio {self.ratio:g}, committed {self.was:g}"


def written(found: Iterable[Measured], root: Path = ROOT, *, failed: Mapping[str, str] = NOTHING) -> str:
    """The page. `failed` maps each bench that ended without a figure to what it said."""
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
    lost = (f"| {name} | not measured: {_cell(why)} | | | | **no** |\n" for name, why in failed.items())
    records = recorded(root)
    proofs = "".join(
        f"| {one['name']} | {_cell(one['title'])} | {'yes' if one['holds'] else '**no**: ' + _cell(one['why'])} "
        f"| {_told(one)} | {one.get('date', '')}, {one['commit']} |\n"
        for one in records
    )
    kept = json.dumps({**about, "figures": [one.as_dict() for one in figures]}, ensure_ascii=False, sort_keys=True)
    above = f"{HEAD.format(worse=WORSE, **about)}{''.join(rows)}{''.join(lost)}{BELOW}{proofs or NONE}"
    return f"{above}{_promised(root, figures, records)}\n<!-- figures {kept} -->\n"


def _promised(root: Path, figures: list[Measured], records: list[dict[str, Any]]) -> str:
    """Every promise and what came of it; nothing where the repository lists none."""
    by_name, by_proof = {one.name: one for one in figures}, {one["name"]: one for one in records}
    judged = promises.judged(promises.kept(root), by_name, by_proof)
    rows = (
        f"| {one.of} | {_cell(one.claim)} | {'yes' if one.met else '**missed**: ' + _cell(one.why)} "
        f"| {_cell(one.by)} |\n"
        for one in judged
    )
    head = PROMISED.format(met=sum(one.met for one in judged), all=len(judged))
    return head + "".join(rows) if judged else ""


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def _told(record: Mapping[str, Any]) -> str:
    """The figures of a proof in one line; of many the first, since the record has them all."""
    told = [f"{name} {value}" for name, value in record.get("figures", {}).items()]
    return _cell("; ".join(told[:FIGURES]) + ("; …" if len(told) > FIGURES else ""))


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
