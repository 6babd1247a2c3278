"""A question about one metric in Korean or English: its name, its window, and nothing left over."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from dari.services.monitoring.filters import Understood, read
from dari.services.monitoring.metrics.catalogue import CATALOGUE, Metric

DEFAULT: Final = timedelta(hours=1)


def _spelled(name: str) -> re.Pattern[str]:
    """A name as a word of its own, spaces or none within it, and the particle that clings to it."""
    within = r"\s*".join(re.escape(part) for part in name.split())
    return re.compile(rf"(?<![A-Za-z0-9가-힣]){within}(?:은|는|이|가|을|를|의|도)?(?![A-Za-z0-9가-힣])", re.IGNORECASE)


_NAMES: Final = [
    (_spelled(name), metric)
    for name, metric in sorted(
        ((name, metric) for metric in CATALOGUE for name in (*metric.ko, *metric.en)), key=lambda one: -len(one[0])
    )
]
_TALK: Final = re.compile(
    r"(?<![가-힣A-Za-z])(?:추이|추세|변화|그래프|시계열|평균|최대|최소|현황|통계|어때|어떄|어떻게|얼마나|얼마|몇|수치|지표|"
    r"지금|현재|(?<!until )(?<!till )(?<!to )now|currently|"
    r"trends?|over time|graph|average|maximum|minimum|chart|how|much|many|metrics?)"
    r"(?:은|는|이|가|을|를|의|도|로|으로|야|인가요|인가|였어|돼|되나|되나요|됐어)?(?![가-힣A-Za-z])",
    re.IGNORECASE,
)
_FIGURE: Final = re.compile(r"평균|최대|최소|average|maximum|minimum", re.IGNORECASE)
"""Told of every series in the reply; of a percentile it would be another metric."""
_PAYMENTS: Final = ("결제", "거래", "금액", "상태", "payment", "transaction", "txn", "amount", "status")
"""Words a filter may pass over; beside a metric they ask for another one: 결제 오류율 is not the share of 5xx."""


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
    _, second = _named(rest)
    if second is not None:
        return replace(nothing, problem="two_metrics", leftover=(second.ko[0],))
    return _windowed(rest, metric, now)


def _windowed(rest: str, metric: Metric, now: datetime) -> Question:
    """What stands beside the name: a window and talk, nothing else."""
    nothing = Question(metric=metric, since=None, until=None)
    figure = _FIGURE.search(rest)
    if figure and "percentile" in metric.unit:
        return replace(nothing, problem="figure", leftover=(figure.group(),))
    reading = read(_TALK.sub(" ", rest), now)
    left = [one.words for one in reading.problems] or [
        word for word in reading.ignored if word.lower().startswith(_PAYMENTS)
    ]
    if left:
        return replace(nothing, problem="words", leftover=tuple(left))
    told = reading.understood
    if told != Understood(since=told.since, until=told.until):
        return replace(nothing, problem="condition", leftover=reading.consumed)
    until = min(told.until or now, now)
    since = told.since or until - DEFAULT
    if since >= until:
        return replace(nothing, problem="window", leftover=reading.consumed)
    return Question(metric=metric, since=since, until=until, assumed_window=told.since is None)


def _named(text: str) -> tuple[str, Metric | None]:
    """The metric of the longest name in the text, and the text without that name."""
    for spelled, metric in _NAMES:
        found = spelled.search(text)
        if found:
            return f"{text[: found.start()]} {text[found.end() :]}", metric
    return text, None
