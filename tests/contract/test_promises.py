"""Every promised figure is judged by something that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dari.cli.bench import promises
from dari.cli.bench.code_search import LEAST, MOST
from dari.cli.bench.parquet import FORMS
from dari.cli.bench.ranking_cost import LEAST as RANKINGS
from dari.cli.measuring import BENCHES
from tests.prove.proof import registry

ROOT = Path(__file__).parents[2]
TOLD = promises.kept(ROOT)
PROOFS = registry()
FIGURES = {
    *BENCHES, "flat", "pacing-idle", "pacing-hogs", "pacing-machines", "payment-load rate", "payment-load p95",
    *(f"code-search {one}" for one in (*LEAST, *MOST)),
    *(f"parquet {one}" for one in FORMS),
    *(f"ranking-cost {one}" for one in RANKINGS),
}  # fmt: skip


def test_the_list_is_as_long_as_what_was_promised() -> None:
    assert len(TOLD) > 50
    assert len({one.claim for one in TOLD}) == len(TOLD)


@pytest.mark.parametrize("promise", TOLD, ids=lambda one: one.claim[:50])
def test_who_judges_it_is_there(promise: promises.Promise) -> None:
    assert set(promise.bench) <= FIGURES
    assert set(promise.proof) <= PROOFS.keys()
    for test in promise.test:
        file, _, name = test.partition("::")
        text = (ROOT / file).read_text("utf-8")
        assert re.search(rf"def {name}\(" if name else r"def test_", text), test


def test_every_bench_judges_something() -> None:
    judges = {name.split()[0] for one in TOLD for name in one.bench}
    assert set(BENCHES) - {"pacing"} <= judges
