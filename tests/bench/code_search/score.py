"""Scores a search of the KIS API catalogue against a question set; pure, knows no search."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Find = Callable[[str, int], tuple[list[str], bool]]
"""`find(question, limit)` → (ids, best first; whether the search says that nothing fits)."""

LIMIT = 10  # MRR looks at ten places; hit@1 and hit@5 at the first of them


@dataclass(frozen=True)
class Question:
    """One line of a question set. `answers` are acceptable ids, best first; none when `abstain`."""

    id: str
    q: str
    answers: tuple[str, ...]
    lang: str = "ko"
    manner: str = "plain"
    abstain: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a search made of one question. `rank` counts from 1; None: no acceptable id within ten, or abstained."""

    question: Question
    found: tuple[str, ...]
    abstained: bool
    rank: int | None


@dataclass(frozen=True)
class Figures:
    """Shares between 0 and 1 over a group of questions; None where the group has none of that kind.

    hit1, hit5, mrr10 and wrong_abstention are over the questions that have an answer (`answerable`), right_abstention
    over those that have none (`unanswerable`). An abstained question counts as a miss, whatever ids came with it.
    """

    answerable: int
    unanswerable: int
    hit1: float | None
    hit5: float | None
    mrr10: float | None
    right_abstention: float | None
    wrong_abstention: float | None


@dataclass(frozen=True)
class Report:
    """The figures of a whole set, by language and by manner, and every outcome behind them."""

    overall: Figures
    english_hit5: float | None
    by_lang: dict[str, Figures]
    by_manner: dict[str, Figures]
    outcomes: tuple[Outcome, ...] = field(repr=False)

    @property
    def misses(self) -> tuple[Outcome, ...]:
        """Outcomes to look at: the best place did not go to an acceptable id, or the abstention was wrong."""
        return tuple(o for o in self.outcomes if (not o.abstained if o.question.abstain else o.rank != 1))


def load(path: Path) -> list[Question]:
    """Reads a JSONL question set.

    Raises:
        ValueError: a line is no JSON object, lacks `id`, `q` or `answers`, or has answers although it abstains.
    """
    questions = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            question = Question(**{**row, "answers": tuple(row["answers"])})
        except (TypeError, KeyError, json.JSONDecodeError) as cause:
            raise ValueError(f"{path.name}:{number}: not a question") from cause
        if bool(question.answers) == question.abstain:
            raise ValueError(f"{path.name}:{number}: either answers or abstain, not both, not neither")
        questions.append(question)
    return questions


def score(find: Find, questions: Iterable[Question]) -> Report:
    """Asks every question once with limit 10 and counts. Whatever `find` raises goes through: a crash is no miss."""
    outcomes = tuple(_ask(find, question) for question in questions)
    by_lang = _grouped(outcomes, lambda o: o.question.lang)
    english = by_lang.get("en")
    return Report(
        overall=_figures(outcomes),
        english_hit5=english.hit5 if english else None,
        by_lang=by_lang,
        by_manner=_grouped(outcomes, lambda o: o.question.manner),
        outcomes=outcomes,
    )


def _ask(find: Find, question: Question) -> Outcome:
    found, abstained = find(question.q, LIMIT)
    ids = tuple(_same(i) for i in found[:LIMIT])
    wanted = {_same(i) for i in question.answers}
    rank = None if abstained else next((place for place, i in enumerate(ids, start=1) if i in wanted), None)
    return Outcome(question, ids, abstained, rank)


def _same(endpoint_id: str) -> str:
    """`domestic_stock/inquire_price` is how the upstream's own assistant writes `domestic_stock.inquire_price`."""
    return endpoint_id.replace("/", ".")


def _grouped(outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> dict[str, Figures]:
    return {k: _figures([o for o in outcomes if key(o) == k]) for k in sorted({key(o) for o in outcomes})}


def _figures(outcomes: Sequence[Outcome]) -> Figures:
    answerable = [o for o in outcomes if not o.question.abstain]
    unanswerable = [o for o in outcomes if o.question.abstain]
    return Figures(
        answerable=len(answerable),
        unanswerable=len(unanswerable),
        hit1=_mean([float(o.rank == 1) for o in answerable]),
        hit5=_mean([float(o.rank is not None and o.rank <= 5) for o in answerable]),
        mrr10=_mean([1 / o.rank if o.rank else 0.0 for o in answerable]),
        right_abstention=_mean([float(o.abstained) for o in unanswerable]),
        wrong_abstention=_mean([float(o.abstained) for o in answerable]),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
