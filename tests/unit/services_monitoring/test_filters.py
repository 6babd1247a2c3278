from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dari.core.clock import KST
from dari.services.monitoring.filters import Asked, Reading, Understood, read, understand

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=KST)
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


# --- a generator that knows the truth: whatever runs must say exactly it --------------------------------------------

FAILED = {"AUTH_FAILED", "CAPTURE_FAILED", "REFUND_FAILED"}
REFUNDS = {"REFUND_REQUESTED", "REFUNDED", "REFUND_FAILED"}
STATUS = [
    ("실패한", FAILED), ("failed", FAILED), ("환불", REFUNDS), ("refunded", {"REFUNDED"}), ("환불 완료", {"REFUNDED"}),
    ("취소된", {"CANCELLED"}), ("cancelled", {"CANCELLED"}), ("매입 실패", {"CAPTURE_FAILED"}),
    ("captured", {"CAPTURED"}),
    ("환불 요청", {"REFUND_REQUESTED"}), ("failed refunds", {"REFUND_FAILED"}),
    ("CAPTURED 또는 REFUNDED", {"CAPTURED", "REFUNDED"}), ("실패 또는 취소", FAILED | {"CANCELLED"}),
]  # fmt: skip
DAY = NOW.replace(hour=0, minute=0)
TIME = [
    ("지난 1시간", NOW - timedelta(hours=1), NOW), ("last 24h", NOW - timedelta(days=1), NOW),
    ("어제", DAY - timedelta(days=1), DAY), ("today", DAY, DAY + timedelta(days=1)),
    ("이번 주", DAY - timedelta(days=4), DAY + timedelta(days=3)),
    ("지난주", DAY - timedelta(days=11), DAY - timedelta(days=4)),
    ("last week", DAY - timedelta(days=11), DAY - timedelta(days=4)), ("최근 3일간", NOW - timedelta(days=3), NOW),
    ("어제 오후 2시부터 3시까지", DAY - timedelta(hours=10), DAY - timedelta(hours=9)),
    ("since yesterday", DAY - timedelta(days=1), None), ("11월 3일까지", None, datetime(2026, 11, 4, tzinfo=KST)),
    ("between 9am and 11am today", DAY + timedelta(hours=9), DAY + timedelta(hours=11)),
]  # fmt: skip
MERCHANT = ["MERCHANT-7", "TEST_123"]
NOISE = ["서울", "카드", "vip", "이유", "합계", "아닌", "except", "not", "usd", "달러", "정도", "around", "or", "또는",
         "everything",
         "정산", "제외", "없이", "쯤", "사유별", "고객", "미만의것", "because", "why", "제일큰손"]  # fmt: skip
FILLERS = ["결제", "보여줘", "payments", "the", "조회해줘", "show me", "거래"]


def amounts(dice: random.Random) -> tuple[str, int | None, int | None]:
    won = dice.choice([5_000, 30_000, 300_000, 1_000_000, 12_345])
    spelled = dice.choice([f"{won:,}원", f"{won}원", *([f"{won // 10_000}만원"] if won % 10_000 == 0 else [])])
    forms: list[tuple[str, int | None, int | None]] = [
        (f"{spelled} 이상", won, None), (f"{spelled} 초과", won + 1, None), (f"{spelled} 이하", None, won),
        (f"{spelled} 미만", None, won - 1), (f"{spelled} 넘는", won + 1, None), (f"{spelled} 안 넘는", None, won),
        (f"over {won:,} won", won + 1, None), (f"at least {won}", won, None), (f"at most {won} won", None, won),
        (f"under {won:,}", None, won - 1), (f"between {won} and {won * 2} won", won, won * 2),
        (f"{won}원에서 {won * 2}원 사이", won, won * 2),
    ]  # fmt: skip
    return dice.choice(forms)


def sentence(dice: random.Random) -> tuple[list[str], Understood]:
    parts: list[str] = []
    truth: dict[str, object] = {}
    if dice.random() < 0.7:
        words, statuses = dice.choice(STATUS)
        parts.append(words)
        truth["statuses"] = statuses
    if dice.random() < 0.7:
        words, since, until = dice.choice(TIME)
        parts.append(words)
        truth |= {"since": since, "until": until}
    if dice.random() < 0.6:
        words, low, high = amounts(dice)
        parts.append(words)
        truth |= {"min_amount": low, "max_amount": high}
    if dice.random() < 0.3:
        merchant = dice.choice(MERCHANT)
        parts.append(
            dice.choice([f"가맹점 {merchant}", f"merchant {merchant}", f"merchant_id={merchant}", f"{merchant} 머천트"])
        )
        truth["merchant_id"] = merchant
    if dice.random() < 0.2:
        count = dice.randint(1, 50)
        parts.append(dice.choice([f"{count}건", f"limit {count}", f"최대 {count}건"]))
        truth["limit"] = count
    dice.shuffle(parts)
    order = truth.pop("statuses", set())
    from dari.services.monitoring.filters.statuses import in_order  # noqa: PLC0415 — loaded only when it is needed

    return parts, Understood(statuses=in_order(set(order)), **truth)  # type: ignore[call-overload,arg-type]  # a loose dict of truths


def test_5000_random_sentences_never_widen() -> None:
    """What runs says exactly what was put in; a noise word always stops it; nothing is ever dropped in silence."""
    dice = random.Random(20261120)
    ran = widened = 0
    for _ in range(5_000):
        parts, truth = sentence(dice)
        noisy = dice.random() < 0.4
        if noisy:
            parts.insert(dice.randint(0, len(parts)), dice.choice(NOISE))
        for _ in range(dice.randint(0, 2)):
            parts.insert(dice.randint(0, len(parts)), dice.choice(FILLERS))
        text = " ".join(parts)
        got = read(text, NOW)
        if got.runs:
            ran += 1
            if noisy or got.understood != truth:
                widened += 1
                assert not noisy, (text, compact(got))
                assert got.understood == truth, (text, compact(got))
    assert widened == 0
    assert ran >= 2_000  # a grammar that refuses everything proves nothing


@pytest.mark.parametrize("seed", range(5))
def test_random_words_of_the_lexicon_never_lose_a_figure_or_a_condition(seed: int) -> None:
    """Salad of known words: if it runs, every number and every condition word was consumed by some phrase."""
    from dari.services.monitoring.filters import lexicon  # noqa: PLC0415 — loaded only when it is needed

    dice = random.Random(seed)
    harmless = {"FILL", "PART", "PUNCT", "AND", "SLASH"}
    words = list(lexicon.TABLE)
    for _ in range(600):
        text = " ".join(
            dice.choice([dice.choice(words), str(dice.randint(1, 90_000)), "만원", "원"])
            for _ in range(dice.randint(1, 7))
        )
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
