"""The short form of every proof, in every test run."""

from __future__ import annotations

import time

import pytest

from tests.prove.proof import SHORT_SECONDS, Proof, outcome_of, registry

CASES = [
    pytest.param(proof, id=proof.name, marks=[pytest.mark.serial] if proof.serial else [])
    for proof in registry().values()
]


@pytest.mark.parametrize("proof", CASES)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # proofs drop what runs on purpose
def test_short_form(proof: Proof) -> None:
    start = time.monotonic()
    outcome = outcome_of(proof.short)
    seconds = time.monotonic() - start
    assert outcome.figures, "a proof without a figure proves nothing"
    assert outcome.holds, f"{outcome.why} {dict(outcome.figures)}"
    assert seconds <= SHORT_SECONDS, f"{seconds:.1f} s"
