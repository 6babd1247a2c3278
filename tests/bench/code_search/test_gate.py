"""The quality of the search does not drop: the visible half, the hand's own set and the official titles are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from dari.providers.kis.search import find
from tests.bench.code_search.score import Report, load, score

HERE = Path(__file__).parent


def report(name: str) -> Report:
    def ask(question: str, limit: int) -> tuple[list[str], bool]:
        answered = find(question, limit)
        return [one.id for one in answered.found], answered.abstained

    return score(ask, load(HERE / f"{name}.jsonl"))


def floors(told: Report) -> dict[str, float]:
    whole = told.overall
    figures = {"hit1": whole.hit1, "hit5": whole.hit5, "mrr10": whole.mrr10, "english_hit5": told.english_hit5}
    figures |= {"right_abstention": whole.right_abstention}
    return {name: figure for name, figure in figures.items() if figure is not None}


@pytest.mark.parametrize(
    ("name", "least", "most_wrong"),
    [
        ("dev", {"hit1": 0.93, "hit5": 0.98, "mrr10": 0.95, "english_hit5": 0.96, "right_abstention": 0.96}, 0.01),
        ("tuning", {"hit1": 0.82, "hit5": 0.97, "mrr10": 0.89, "english_hit5": 0.97, "right_abstention": 0.96}, 0.02),
    ],
)
def test_a_change_that_makes_it_worse_fails(name: str, least: dict[str, float], most_wrong: float) -> None:
    told = report(name)
    found = floors(told)
    assert {figure: found[figure] for figure, floor in least.items() if found[figure] < floor} == {}
    assert told.overall.wrong_abstention is not None
    assert told.overall.wrong_abstention <= most_wrong


def test_the_official_titles_are_found() -> None:
    told = report("official_titles")
    lost = [one.question.q for one in told.outcomes if one.rank is None or one.rank > 5]
    assert len(told.outcomes) == 334
    assert len(lost) <= 3, lost
