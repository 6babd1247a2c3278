"""The question sets themselves: known ids, no question twice, both halves of one shape."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.bench.code_search.score import Question, load

HERE = Path(__file__).parent
HALVES = {name: load(HERE / f"{name}.jsonl") for name in ("dev", "held_out")}
TITLES = load(HERE / "official_titles.jsonl")
BOTH = [question for half in HALVES.values() for question in half]

# Five endpoints of the catalogue that the upstream's own assistant does not know by a title.
UNTITLED = {
    "auth.hashkey",
    "auth.revokep",
    "domestic_futureoption.margin_rate",
    "etfetn.inquire_asking_price",
    "overseas_stock.multprice",
}
KNOWN = {question.answers[0] for question in TITLES} | UNTITLED
CATEGORIES = {i.partition(".")[0] for i in KNOWN}
MANNERS = {
    *("plain", "colloquial", "misspelt", "spacing", "abbreviation", "field_name", "screen", "tr_id", "path"),
    *("error_code", "code_value", "websocket", "order", "near_twin", "not_offered"),
}


def category(question: Question) -> str:
    return question.answers[0].partition(".")[0] if question.answers else "none"


def test_sizes() -> None:
    assert len(TITLES) == 334
    assert len(KNOWN) == 339
    assert len(BOTH) >= 400
    assert len(HALVES["dev"]) == len(HALVES["held_out"])


@pytest.mark.parametrize("question", BOTH, ids=lambda q: q.id)
def test_every_answer_is_an_endpoint_and_named_once(question: Question) -> None:
    assert set(question.answers) <= KNOWN
    assert len(set(question.answers)) == len(question.answers) <= 4
    assert question.manner in MANNERS
    assert question.lang in {"ko", "en", "mixed"}
    assert question.abstain == (question.manner == "not_offered")


def test_no_question_or_id_comes_twice_even_with_other_spaces() -> None:
    assert max(Counter("".join(q.q.casefold().split()) for q in BOTH).values()) == 1
    assert max(Counter(q.id for q in (*BOTH, *TITLES)).values()) == 1


def test_titles_are_not_among_the_questions() -> None:
    assert not {q.q for q in TITLES} & {q.q for q in BOTH}


def test_halves_have_the_same_number_of_every_manner_in_every_language() -> None:
    tables = [Counter((q.manner, q.lang) for q in half) for half in HALVES.values()]
    assert tables[0] == tables[1]
    assert {manner for manner, _ in tables[0]} == MANNERS


def test_halves_cover_every_category_alike() -> None:
    for half in HALVES.values():
        assert {category(q) for q in half} == CATEGORIES | {"none"}
    dev, held = (Counter(category(q) for q in half) for half in HALVES.values())
    assert all(abs(dev[name] - held[name]) <= 5 for name in CATEGORIES), (dev, held)


def test_mostly_korean_a_quarter_english_and_an_eighth_without_answer() -> None:
    lang = Counter(q.lang for q in BOTH)
    assert 0.55 <= lang["ko"] / len(BOTH) <= 0.65
    assert 0.25 <= lang["en"] / len(BOTH) <= 0.35
    assert 0.10 <= sum(q.abstain for q in BOTH) / len(BOTH) <= 0.14


def test_most_of_the_catalogue_is_asked_for() -> None:
    assert len({i for q in BOTH for i in q.answers}) >= 0.9 * len(KNOWN)


def test_lines_carry_exactly_the_agreed_keys() -> None:
    for name in HALVES:
        for line in (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            assert list(json.loads(line)) == ["id", "q", "lang", "manner", "answers", "abstain"]
