"""Every figure that Dari promises, and whether a bench, a proof or a test says that it is met."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dari.cli.bench.shared import Measured
from dari.core.errors import Malformed

PLACE: Final = "tests/bench/promises.toml"
"""It lives with the tests, which it names, and is not a part of the package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A claim, and who judges it: figures of `dari bench`, proofs, tests (`file::name`, held by every `make test`).

    `short` says what is missing however these end: then it is not met. A promise without a judge has one.
    """

    of: str
    claim: str
    bench: tuple[str, ...] = ()
    proof: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    short: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A promise as it stands. `why` tells what was missed."""

    of: str
    claim: str
    by: str
    why: str

    @property
    def met(self) -> bool:
        """Whether nothing was missed."""
        return not self.why


def kept(root: Path) -> list[Promise]:
    """The promises of a repository; none where it has no list. Raises Malformed."""
    page = root / PLACE
    rows = tomllib.loads(page.read_text("utf-8"))["promise"] if page.exists() else []
    try:
        told = [_promise(row) for row in rows]
    except TypeError as error:
        raise Malformed(f"{PLACE}: {error}") from None
    for one in told:
        if not (one.bench or one.proof or one.test or one.short):
            raise Malformed(f"{PLACE}: nothing judges {one.claim[:80]!r}, and no reason stands beside it")
    return told


def _promise(row: Mapping[str, Any]) -> Promise:
    told: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in row.items()}
    return Promise(**told)


def judged(
    told: Iterable[Promise], figures: Mapping[str, Measured], records: Mapping[str, Mapping[str, Any]]
) -> list[Judged]:
    """Each promise held against the figures of this run and the records of the proofs."""
    return [_judged(one, figures, records) for one in told]


def _judged(promise: Promise, figures: Mapping[str, Measured], records: Mapping[str, Mapping[str, Any]]) -> Judged:
    missed, by = [], []
    for name in promise.bench:
        figure = figures.get(name)
        if figure is None:
            missed.append(f"{name} was not measured")
            by.append(name)
            continue
        by.append(f"{name}: {figure.figure:g} {figure.unit}")
        if not figure.within:
            missed.append(f"{figure.figure:g} {figure.unit}, ratio {figure.ratio:g}, limit {figure.limit:g}")
    for name in promise.proof:
        by.append(f"proof {name}")
        record = records.get(name)
        if record is None:
            missed.append(f"the long form of {name} is not on record")
        elif not record["holds"]:
            missed.append(f"{name}: {record['why']}")
    by += [f"`{one.split('::')[-1]}`" for one in promise.test]
    if promise.short:
        missed.append(promise.short)
    return Judged(promise.of, promise.claim, ", ".join(by), "; ".join(missed))
