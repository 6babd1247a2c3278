from __future__ import annotations

from typing import Any

import pytest

from dari.cli.bench.shared import Measured
from tests.prove.measured import told, within
from tests.prove.proofs import cold_start, overhead, pacing


def figure(**more: Any) -> Measured:
    facts = {"name": "x", "figure": 13.0, "unit": "s", "floor": 10.0, "ratio": 1.3, "limit": 1.5, "within": True}
    return Measured(**{**facts, **more})


def test_an_outcome_tells_figure_floor_ratio_and_limit() -> None:
    found = told([figure(more={"rounds": 3, "what": "words"})], within, "load")
    assert found.holds
    assert found.figures == {"x (s)": 13.0, "x floor": 10.0, "x ratio": 1.3, "x limit": 1.5, "x rounds": 3}


def test_one_figure_outside_breaks_it() -> None:
    found = told([figure(), figure(name="y", within=False)], within, "load")
    assert not found.holds
    assert found.why == "y: 13 s, ratio 1.3, limit 1.5"


def test_nothing_measured_proves_nothing() -> None:
    assert not told([], within, "load").holds


@pytest.mark.parametrize("proof", [overhead, cold_start])
def test_slack_ends_somewhere(proof: Any) -> None:
    assert proof.nearly(figure(ratio=1.5 * 1.5, within=False))
    assert not proof.nearly(figure(ratio=1.5 * 1.5 + 0.01))


@pytest.mark.parametrize(("share", "refused", "holds"), [(0.9, 3, True), (0.89, 0, False), (1.0, 4, False)])
def test_pacing_with_slack(share: float, refused: int, *, holds: bool) -> None:
    one = figure(figure=18 * share, ratio=share, more={"seconds": 4.0, "refused": refused})
    assert pacing.nearly(one) is holds
