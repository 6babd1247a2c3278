"""A question about one metric in Korean or English: its name, its window, and nothing left over."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from dari.services.monitoring.filters import Understood, read
from dari.services.monitoring.metrics.catalogue import CATALOGUE, Metric

DEFAULT: Final = timedelta(hours=1)
_NAMES: Final = sorted(
    ((name.lower(), metric) for metric in CATALOGUE for name in (*metric.ko, *metric.en)),
    key=lambda one: -len(one[0]),
)
_TALK: Final = re.compile(
    r"(?<![가-힣A-Za-z])(?:추이|추세|변화|그래프|시계열|평균|최대|최소|현황|통계|어때|어떄|어떻게|얼마나|얼마|몇|수치|지표|"
    r"trends?|over time|graph|average|maximum|minimum|chart|how|much|many|metrics?)"
    r"(?:은|는|이|가|을|를|의|도|야|인가요|인가|였어|돼|되나|되나요|됐어)?(?![가-힣A-Za-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was understood; with `problem` nothing is asked of Prometheus, and `leftover` says what was not read."""

    metric: Metric | None
    since: datetime | None
    until: datetime | None
    assumed_window: bool = False
    leftover: tuple[str, ...] = ()
    problem: str | None = None


def understood(text: str, now: datetime) -> Question:
    """One question at `now`. Two metrics, an unknown word or a condition of payments is not answered."""
    rest, metric = _named(text)
    nothing = Question(metric=metric, since=None, until=None)
    if metric is None:
        return replace(nothing, problem="metric", leftover=tuple(text.split()[:20]))
    other, second = _named(rest)
    if second is not None:
        return replace(nothing, problem="two_metrics", leftover=(second.ko[0],))
    del other
    reading = read(_TALK.sub(" ", rest), now)
    if not reading.runs:
        return replace(nothing, problem="words", leftover=tuple(one.words for one in reading.problems))
    told = reading.understood
    if told != Understood(since=told.since, until=told.until):
        return replace(nothing, problem="condition", leftover=reading.consumed)
    until = min(told.until or now, now)
    since = told.since or until - DEFAULT
    if since >= until:
        return replace(nothing, problem="window", leftover=reading.consumed)
    return Question(metric=metric, since=since, until=until, assumed_window=told.since is None)


def _named(text: str) -> tuple[str, Metric | None]:
    """The longest name in the text, and the text without it and the particle that clings to it."""
    for name, metric in _NAMES:
        pattern = r"\s*".join(re.escape(part) for part in name.split())
        edges = rf"(?<![A-Za-z0-9가-힣]){pattern}(?:은|는|이|가|을|를|의|도)?(?![A-Za-z0-9가-힣])"
        found = re.search(edges, text, re.IGNORECASE)
        if found:
            return f"{text[: found.start()]} {text[found.end() :]}", metric
    return text, None
