from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from dari.services.monitoring.filters import Asked, Reading, Understood, lexicon, read, understand
from tests.branches import branches
from tests.unit.services_monitoring import filter_fuzz
from tests.unit.services_monitoring.filter_fuzz import NOW

SHORT = {
    "AUTH_FAILED": "AF", "CAPTURE_FAILED": "CF", "REFUND_FAILED": "RF", "REFUND_REQUESTED": "RR", "REFUNDED": "RD",
    "CAPTURED": "CD", "CAPTURE_REQUESTED": "CR", "CANCELLED": "X", "AUTHORIZED": "AD",
}  # fmt: skip
LINES = [
    line.split(" ⇒ ")
    for file in sorted(Path(__file__).parent.glob("filter_phrases*.txt"))
    for line in file.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def compact(reading: Reading) -> str:
    told, parts = reading.understood, []
    if told.statuses:
        parts.append(",".join(SHORT.get(status, status) for status in told.statuses))
    if told.min_amount is not None or told.max_amount is not None:
        parts.append(f"[{told.min_amount}..{told.max_amount}]")
    if told.since or told.until:
        since, until = (moment.strftime("%y%m%d %H:%M") if moment else "*" for moment in (told.since, told.until))
        parts.append(f"({since} → {until})")
    names = ("merchant_id", "payment_id", "idempotency_key", "order", "limit")
    parts.extend(f"{name}={getattr(told, name)}" for name in names if getattr(told, name) is not None)
    return " ".join(parts) or "everything"


@pytest.mark.parametrize(("phrase", "reading"), LINES, ids=[line[0] for line in LINES])
def test_every_phrase_is_read_rightly_or_refused(phrase: str, reading: str) -> None:
    got = read(phrase, NOW)
    assert (compact(got) if got.runs else "refused") == reading, got.problems


def test_the_table_is_large_and_has_both_languages() -> None:
    korean = [phrase for phrase, _ in LINES if any("가" <= sign <= "힣" for sign in phrase)]
    assert len(LINES) >= 150
    assert len(korean) >= 60
    assert len(LINES) - len(korean) >= 60
    assert sum(reading == "refused" for _, reading in LINES) >= 50


def test_5000_random_sentences_never_widen() -> None:
    """What runs says exactly what was put in; a trap always stops it; nothing is ever dropped in silence."""
    dice = random.Random(20261120)
    wrong, ran = [], 0
    for _ in range(5_000):
        made = filter_fuzz.sentence(dice)
        said, fault = filter_fuzz.judged(made, dice)
        ran += said == "ok"
        wrong += [fault] if fault else []
    assert not wrong, wrong[:5]
    assert ran >= 2_500  # of 3,000 without a trap: a grammar that refuses everything proves nothing


def test_the_fuzz_takes_nine_branches_of_ten_of_the_grammar(record_property: Callable[[str, object], None]) -> None:
    """Fewer sentences of the same generators, alone in a process of their own."""
    found = branches(f"{filter_fuzz.__name__}:some", *filter_fuzz.GRAMMAR)
    record_property("figure", f"filters: the fuzz takes {found} of the grammar")
    assert found.percent >= 90, found.missed


@pytest.mark.parametrize("seed", range(5))
def test_random_words_of_the_lexicon_never_lose_a_figure_or_a_condition(seed: int) -> None:
    """Salad of known words: if it runs, every number and every condition word was consumed by some phrase."""
    dice = random.Random(seed)
    harmless = {"FILL", "PART", "PUNCT", "AND", "SLASH"}
    for _ in range(600):
        text = filter_fuzz.salad(dice)
        got = read(text, NOW)
        if not got.runs:
            continue
        for word in got.ignored:
            kinds = {kind for kind, _ in lexicon.TABLE.get(word.lower(), ())}
            assert kinds & harmless or word.lower() in {"krw", "한"}, (text, word)
        empty = got.understood == Understood()
        assert empty is (not got.consumed), text


def test_spaces_particles_and_decomposed_hangul_do_not_matter() -> None:
    import unicodedata  # noqa: PLC0415 — loaded only when it is needed

    plain = read("지난 1시간 동안 30만원 이상 실패한 결제", NOW)
    glued = read("지난1시간동안30만원이상실패한결제", NOW)
    decomposed = read(unicodedata.normalize("NFD", "지난 1시간 동안 30만원 이상 실패한 결제"), NOW)
    full_width = read("지난 １시간 동안 ３０만원 이상 실패한 결제", NOW)
    assert plain.runs
    assert plain.understood == glued.understood == decomposed.understood == full_width.understood


def test_a_too_long_sentence_is_not_read() -> None:
    assert read("결제 " * 200, NOW).problems[0].code == "too_long"


def test_parameters_come_first_and_a_sentence_only_adds() -> None:
    both = understand(Asked(filter="실패한 결제", merchant_id="M-1", min_amount=10), NOW)
    assert both.status == "ok"
    assert both.understood.merchant_id == "M-1"
    assert both.understood.min_amount == 10
    assert both.understood.statuses == ("AUTH_FAILED", "CAPTURE_FAILED", "REFUND_FAILED")
    contradiction = understand(Asked(filter="30만원 이상", min_amount=10), NOW)
    assert contradiction.status == "needs_clarification"
    assert contradiction.problems[0].code == "conflict"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Asked(statuses=("FAILED",)), "status"), (Asked(order="random"), "order"), (Asked(limit=0), "limit"),
        (Asked(min_amount=5, max_amount=4), "empty"),
        (Asked(since=datetime(2026, 11, 2), until=datetime(2026, 11, 1)), "empty"),  # noqa: DTZ001 — naive is the point
    ],
)  # fmt: skip
def test_parameters_are_checked(asked: Asked, code: str) -> None:
    outcome = understand(asked, NOW)
    assert outcome.status == "needs_clarification"
    assert outcome.problems[0].code == code


def test_a_naive_time_is_seouls_and_the_reply_says_so() -> None:
    outcome = understand(Asked(since=datetime(2026, 11, 1), filter=" "), NOW)  # noqa: DTZ001 — naive is the point
    said = outcome.as_dict()
    assert said["understood"]["since"] == "2026-11-01T00:00:00+09:00"
    assert said["understood"]["statuses"] == []
    assert set(said["understood"]) == {
        "statuses", "merchant_id", "payment_id", "idempotency_key", "min_amount", "max_amount", "since", "until",
        "order", "limit",
    }  # fmt: skip
    refused = understand(Asked(filter="서울 결제"), NOW).as_dict()
    assert refused["status"] == "needs_clarification"
    assert refused["needs_clarification"][0]["words"] == "서울"
