from pathlib import Path

import pytest

from tests.bench.code_search.score import Question, load, score

PRICE, RANK, ORDER = "domestic_stock.inquire_price", "domestic_stock.volume_rank", "domestic_stock.order_cash"
ASKED = (
    Question("1", "얼마", (PRICE,)),
    Question("2", "순위", (RANK,), manner="screen"),
    Question("3", "buy", (ORDER, PRICE), lang="en"),
    Question("4", "price", (PRICE,), lang="en"),
    Question("5", "날씨", (), manner="not_offered", abstain=True),
    Question("6", "poem", (), lang="en", manner="not_offered", abstain=True),
)
FOUND: dict[str, tuple[list[str], bool]] = {
    "얼마": ([PRICE], False),
    "순위": (["a.b", RANK, "c.d"], False),
    "buy": (["x.1", "x.2", "x.3", "x.4", "x.5", PRICE], False),
    "price": ([PRICE], True),
    "날씨": ([PRICE], True),
    "poem": ([], False),
}


def find(question: str, limit: int) -> tuple[list[str], bool]:
    assert limit == 10
    return FOUND[question]


def test_overall_figures_follow_their_definitions() -> None:
    overall = score(find, ASKED).overall
    assert (overall.answerable, overall.unanswerable) == (4, 2)
    assert overall.hit1 == 1 / 4
    assert overall.hit5 == 2 / 4
    assert overall.mrr10 == pytest.approx((1 + 1 / 2 + 1 / 6 + 0) / 4)
    assert overall.right_abstention == 1 / 2
    assert overall.wrong_abstention == 1 / 4


def test_an_abstained_answer_is_a_miss_even_when_the_right_id_comes_with_it() -> None:
    report = score(find, [ASKED[3]])
    assert report.overall.hit1 == 0
    assert report.overall.mrr10 == 0
    assert report.outcomes[0].rank is None


def test_places_beyond_the_tenth_do_not_count() -> None:
    def long_list(_question: str, _limit: int) -> tuple[list[str], bool]:
        return [f"x.{n}" for n in range(10)] + [PRICE], False

    assert score(long_list, [ASKED[0]]).overall.mrr10 == 0


def test_fifth_place_is_a_hit_and_sixth_is_not() -> None:
    def at(place: int) -> float | None:
        ids = [f"x.{n}" for n in range(place - 1)] + [PRICE]
        return score(lambda _q, _n: (ids, False), [ASKED[0]]).overall.hit5

    assert at(5) == 1
    assert at(6) == 0


def test_groups_by_language_and_manner() -> None:
    report = score(find, ASKED)
    assert set(report.by_lang) == {"ko", "en"}
    assert report.by_lang["ko"].hit5 == 1
    assert report.english_hit5 == 0
    assert report.by_manner["screen"].mrr10 == 1 / 2
    assert report.by_manner["not_offered"].hit1 is None
    assert report.by_manner["not_offered"].right_abstention == 1 / 2


def test_misses_are_those_worth_looking_at() -> None:
    assert [o.question.id for o in score(find, ASKED).misses] == ["2", "3", "4", "6"]


def test_slash_and_dot_name_the_same_endpoint() -> None:
    assert score(lambda _q, _n: (["domestic_stock/inquire_price"], False), [ASKED[0]]).overall.hit1 == 1


def test_nothing_asked_gives_no_figure_instead_of_zero() -> None:
    report = score(find, [])
    assert report.overall.hit1 is None
    assert report.english_hit5 is None


def test_a_crash_of_the_search_is_not_swallowed() -> None:
    def crashes(_question: str, _limit: int) -> tuple[list[str], bool]:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        score(crashes, [ASKED[0]])


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        '["a list"]',
        '{"id": "1", "q": "x"}',
        '{"id": "1", "q": "x", "answers": [], "abstain": false}',
        '{"id": "1", "q": "x", "answers": ["a.b"], "abstain": true}',
        '{"id": "1", "q": "x", "answers": ["a.b"], "unknown": 1}',
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    broken = tmp_path / "set.jsonl"
    broken.write_text('{"id": "0", "q": "ok", "answers": ["a.b"]}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"set\.jsonl:2"):
        load(broken)
