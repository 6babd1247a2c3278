"""Random questions about one metric with the truth they were made from, and traps that must be asked back."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from dari.services.monitoring.metrics.catalogue import CATALOGUE
from dari.services.monitoring.metrics.question import understood
from tests.unit.services_monitoring.filter_fuzz import ASIDE, NOW, STATUS, TIMES, amounts, identified, limited
from tests.unit.services_monitoring.filter_traps import TIMES as BAD_TIMES
from tests.unit.services_monitoring.filter_traps import WORDS

TALK = (
    "추이 보여줘",
    "어때?",
    "얼마나",
    "trend",
    "over time",
    "그래프로 보여줘",
    "how much",
    "현재",
    "show me the",
    "",
)
OTHERS = (
    "결제",
    "거래의",
    "payments",
    "상태",
    "서버별",
    "p99",
    "node1",
    "환불",
    "왜",
    "80%",
    "합계",
    "내일",
    "tomorrow",
    "minus",
)
QUESTIONS = ("dari.services.monitoring.metrics.question",)


class Made(NamedTuple):
    """A question, the metric and the window it must be read as, and whether a trap must stop it."""

    text: str
    metric: str
    since: datetime
    until: datetime
    trapped: bool


def question(dice: random.Random) -> Made:
    """A name, a window or none, some talk, a trap in one of three."""
    metric = dice.choice(CATALOGUE)
    parts = [dice.choice([*metric.ko, *metric.en])]
    told: dict[str, Any] = {}
    if dice.random() < 0.75:
        words, told = dice.choice(TIMES)(dice)
        parts.append(words)
    dice.shuffle(parts)
    parts.append(dice.choice(TALK))
    trapped = dice.random() < 0.35
    if trapped:
        another = dice.choice([one for one in CATALOGUE if one is not metric])
        trap = dice.choice([
            dice.choice(WORDS), dice.choice(BAD_TIMES), dice.choice(OTHERS), dice.choice(list(STATUS)),
            dice.choice([*another.ko, *another.en]), dice.choice((amounts, identified, limited))(dice)[0],
        ])  # fmt: skip
        if "percentile" in metric.unit:
            trap = dice.choice([trap, "최대", "maximum"])
        parts.insert(dice.randint(0, len(parts)), ASIDE.format(trap))
    until = min(told.get("until", NOW), NOW)
    since = told.get("since", until - timedelta(hours=1))
    return Made(" ".join(parts), metric.id, since, until, trapped)


def judged(made: Made) -> tuple[bool, str]:
    """(answered, what is wrong or ""): it may ask back, never answer another question."""
    said = understood(made.text, NOW)
    if said.problem is not None or said.metric is None:
        return False, ""
    got = (said.metric.id, said.since, said.until)
    if made.trapped:
        return True, f"answered with a trap: {made.text!r} as {got}"
    return True, "" if got == made[1:4] else f"{made.text!r}: {got} is not {made[1:4]}"


def some() -> None:
    """Enough questions to count the branches they take; a few are no question at all."""
    dice = random.Random(20261120)
    for _ in range(200):
        judged(question(dice))
    for text in ("", "달나라 수치", "12"):
        understood(text, NOW)
