from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from dari.services.monitoring.metrics.question import understood
from tests.branches import branches
from tests.unit.services_monitoring import question_fuzz
from tests.unit.services_monitoring.filter_fuzz import NOW

LINES = [
    line.split(" ⇒ ")
    for line in (Path(__file__).parent / "question_phrases.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("text", "reading"), LINES, ids=[line[0] for line in LINES])
def test_every_question_is_of_the_right_metric_or_asked_back(text: str, reading: str) -> None:
    said = understood(text, NOW)
    if said.problem is None and said.metric and said.since and said.until:
        window = f"({said.since:%y%m%d %H:%M} → {said.until:%y%m%d %H:%M})"
        assert f"{said.metric.id} {window}{' assumed' if said.assumed_window else ''}" == reading
    else:
        assert reading == "asked back", (said.problem, said.leftover)


def test_2000_random_questions_are_never_answered_by_another_metric_or_window() -> None:
    dice = random.Random(20261120)
    wrong, answered = [], 0
    for _ in range(2_000):
        said, fault = question_fuzz.judged(question_fuzz.question(dice))
        answered += said
        wrong += [fault] if fault else []
    assert not wrong, wrong[:5]
    assert answered >= 1_200  # of 1,300 without a trap


def test_the_fuzz_takes_nine_branches_of_ten_of_the_questions(record_property: Callable[[str, object], None]) -> None:
    found = branches(f"{question_fuzz.__name__}:some", *question_fuzz.QUESTIONS)
    record_property("figure", f"metric questions: the fuzz takes {found} of their parser")
    assert found.percent >= 90, found.missed
