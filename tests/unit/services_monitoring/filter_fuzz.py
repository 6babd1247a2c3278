"""Random filter sentences with the truth they were made from, and traps that must stop any sentence they stand in."""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from dari.core.clock import KST
from dari.services.monitoring.filters import Asked, Understood, lexicon, read, understand
from dari.services.monitoring.filters.reading import STATUSES
from tests.unit.services_monitoring.filter_traps import TRAPS

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=KST)
DAY = NOW.replace(hour=0, minute=0)
HOUR, MINUTE, ONE_DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
FAILED = {"AUTH_FAILED", "CAPTURE_FAILED", "REFUND_FAILED"}
REFUNDS = {"REFUND_REQUESTED", "REFUNDED", "REFUND_FAILED"}
Part = tuple[str, dict[str, Any]]


class Made(NamedTuple):
    """A sentence: its words, what it must be read as, and whether a trap in it must stop it."""

    text: str
    truth: Understood
    trapped: bool


STATUS: dict[str, set[str]] = {
    "실패한": FAILED, "failed": FAILED, "환불": REFUNDS, "refunded": {"REFUNDED"}, "환불 완료": {"REFUNDED"},
    "취소된": {"CANCELLED"}, "cancelled": {"CANCELLED"}, "매입 실패": {"CAPTURE_FAILED"}, "captured": {"CAPTURED"},
    "환불 요청": {"REFUND_REQUESTED"}, "failed refunds": {"REFUND_FAILED"}, "매입": {"CAPTURED"},
    "CAPTURED 또는 REFUNDED": {"CAPTURED", "REFUNDED"}, "실패 또는 취소": FAILED | {"CANCELLED"},
    "실패한 결제 또는 취소된": FAILED | {"CANCELLED"},
    "capture_failed, or refund_failed": {"CAPTURE_FAILED", "REFUND_FAILED"},
    "승인 거절": {"AUTH_FAILED"}, "부분환불 완료": {"PARTIAL_REFUNDED"}, "partially refunded": {"PARTIAL_REFUNDED"},
    "환불 처리 완료": {"REFUNDED"}, "매입 요청 중인": {"CAPTURE_REQUESTED"},
    "requested captures": {"CAPTURE_REQUESTED"},
    "REFUND_FAILED": {"REFUND_FAILED"}, "부분환불": {"PARTIAL_REFUNDED"},
    "환불됐거나 취소된": {"REFUNDED", "CANCELLED"},
    "cancelled / captured": {"CANCELLED", "CAPTURED"}, "실패한 매입": {"CAPTURE_FAILED"}, "승인": {"AUTHORIZED"},
}  # fmt: skip


def at(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=KST)


PERIODS: dict[str, tuple[datetime, datetime]] = {
    "이번 주": (at(2026, 11, 16), at(2026, 11, 23)), "지난주": (at(2026, 11, 9), at(2026, 11, 16)),
    "last week": (at(2026, 11, 9), at(2026, 11, 16)), "this month": (at(2026, 11), at(2026, 12)),
    "지난달": (at(2026, 10), at(2026, 11)), "지지난달": (at(2026, 9), at(2026, 10)), "올해": (at(2026), at(2027)),
    "last year": (at(2025), at(2026)), "지난 분기": (at(2026, 7), at(2026, 10)),
    "3분기": (at(2026, 7), at(2026, 10)),
    "Q3": (at(2026, 7), at(2026, 10)), "Q1 2025": (at(2025), at(2025, 4)), "작년 4분기": (at(2025, 10), at(2026)),
    "2025년 2분기": (at(2025, 4), at(2025, 7)), "2025년": (at(2025), at(2026)),
    "2025년 3월": (at(2025, 3), at(2025, 4)),
    "작년 3월": (at(2025, 3), at(2025, 4)), "10월": (at(2026, 10), at(2026, 11)),
    "october": (at(2026, 10), at(2026, 11)),
    "october 2025": (at(2025, 10), at(2025, 11)), "지난 주말": (at(2026, 11, 14), at(2026, 11, 16)),
    "지난주 금요일": (at(2026, 11, 13), at(2026, 11, 14)),
    "this week tuesday": (at(2026, 11, 17), at(2026, 11, 18)),
    "지난달 15일": (at(2026, 10, 15), at(2026, 10, 16)), "지지난 주": (at(2026, 11, 2), at(2026, 11, 9)),
    "previous month": (at(2026, 10), at(2026, 11)), "nov 3-5": (at(2026, 11, 3), at(2026, 11, 6)),
    "week before last": (at(2026, 11, 2), at(2026, 11, 9)),
}  # fmt: skip


PLAIN = ("last week", "this month", "last year", "october", "october 2025", "previous month", "Q3")
"""Of these "from" says the whole: payments from last week."""


def back(months: int) -> datetime:
    """The same clock time that many months earlier, or on the last day that month has."""
    count = NOW.year * 12 + NOW.month - 1 - months
    year, month = divmod(count, 12)
    return NOW.replace(year=year, month=month + 1, day=min(NOW.day, calendar.monthrange(year, month + 1)[1]))


def rolling(dice: random.Random) -> Part:
    """A length of time that ends now."""
    n, m = dice.randint(1, 40), dice.randint(1, 59)
    words, since = dice.choice([
        (f"지난 {n}시간", NOW - n * HOUR), (f"최근 {n}분간", NOW - n * MINUTE), (f"last {n}h", NOW - n * HOUR),
        (f"past {n} days", NOW - n * ONE_DAY), (f"within the last {n} minutes", NOW - n * MINUTE),
        (f"{n}시간 이내", NOW - n * HOUR), (f"지난 {n}시간 {m}분 동안", NOW - n * HOUR - m * MINUTE),
        (f"지난 {n}시간 반 동안", NOW - n * HOUR - 30 * MINUTE), ("last hour", NOW - HOUR),
        ("past week", NOW - 7 * ONE_DAY),
        ("past month", back(1)), ("past year", back(12)), ("최근 이틀", NOW - 2 * ONE_DAY),
        (f"지난 {n}개월", back(n)),
        (f"last {n} years", back(12 * n)), (f"over the last {n} weeks", NOW - 7 * n * ONE_DAY),
        ("지난 한 시간", NOW - HOUR),
        ("last twelve hours", NOW - 12 * HOUR), (f"previous {n} seconds", NOW - timedelta(seconds=n)),
    ])  # fmt: skip
    return words, {"since": since, "until": NOW}


def a_day(dice: random.Random, *, least: int = 0, most: int = 18) -> tuple[str, datetime]:
    """A day of this November, `least` to `most` days ago, in one of many spellings."""
    ago = dice.randint(least, most)
    day = DAY - ago * ONE_DAY
    month = dice.choice(["november", "nov"])
    spelled = [
        f"11월 {day.day}일", f"2026-11-{day.day:02}", f"2026.11.{day.day:02}", f"11/{day.day}",
        f"{month} {day.day}",
        f"{day.day} {month}", f"2026년 11월 {day.day}일", f"{month} {day.day}, 2026", f"이번 달 {day.day}일",
        *([f"{ago}일 전", f"{ago} days ago"] if ago else ["오늘", "today"]),
        *(["어제", "yesterday"] if ago == 1 else []), *(["그제", "day before yesterday"] if ago == 2 else []),
    ]  # fmt: skip
    return dice.choice(spelled), day


def named(dice: random.Random) -> Part:
    """A period or a day by its name, whole, or one half of a day."""
    if dice.random() < 0.5:
        words = dice.choice(list(PERIODS))
        since, until = PERIODS[words]
        said = dice.choice([words, f"{words} 동안", f"in {words}", f"from {words}" if words in PLAIN else words])
        return said, {"since": since, "until": until}
    words, day = a_day(dice)
    noon, end = day + 12 * HOUR, day + ONE_DAY
    if "days ago" in words or "일 전" in words:
        return words, {"since": day, "until": end}
    return dice.choice([
        (words, {"since": day, "until": end}), (f"{words} 오전", {"since": day, "until": noon}),
        (f"{words} 오후", {"since": noon, "until": end}),
        (f"{words} 15시대", {"since": day + 15 * HOUR, "until": day + 16 * HOUR}),
    ])  # fmt: skip


def between(dice: random.Random) -> Part:
    """From one day to another, or one open side; a day as an end is included."""
    (first, start), (second, end) = a_day(dice, least=9, most=17), a_day(dice, most=8)
    both = {"since": start, "until": end + ONE_DAY}
    return dice.choice([
        (f"{first}부터 {second}까지", both), (f"from {first} to {second}", both),
        (f"between {first} and {second}", both),
        (f"{first} ~ {second}", both), (f"{first}에서 {second} 사이", both), (f"{first}과 {second} 사이", both),
        (f"{first} 이후", {"since": start}), (f"since {first}", {"since": start}),
        (f"{first}부터", {"since": start}),
        (f"until {second}", {"until": end + ONE_DAY}), (f"{second}까지", {"until": end + ONE_DAY}),
        (f"before {second}", {"until": end}), (f"after {first}", {"since": start + ONE_DAY}),
        (f"{first}부터 지금까지", {"since": start, "until": NOW}),
        (f"{first}부터 현재까지", {"since": start, "until": NOW}),
        (f"from {first} until now", {"since": start, "until": NOW}),
        (f"since {first} until now", {"since": start, "until": NOW}),
        ("이번 주 so far", {"since": at(2026, 11, 16), "until": NOW}),
        ("since monday", {"since": at(2026, 11, 16)}),
        ("화요일부터", {"since": at(2026, 11, 17)}), ("지난달까지", {"until": at(2026, 11)}),
        ("이번 주 월요일부터 수요일까지", {"since": at(2026, 11, 16), "until": at(2026, 11, 19)}),
        ("11월 3일부터 5일까지", {"since": at(2026, 11, 3), "until": at(2026, 11, 6)}),
        ("nov 3 to nov 5", {"since": at(2026, 11, 3), "until": at(2026, 11, 6)}),
        ("starting nov 3", {"since": at(2026, 11, 3)}),
        ("2시간 전부터 30분 전까지", {"since": NOW - 2 * HOUR, "until": NOW - 30 * MINUTE}),
        ("어제 전", {"until": DAY - ONE_DAY}),
        ("since 2026-11-03T01:00:00Z", {"since": at(2026, 11, 3) + 10 * HOUR}),
        ("2026-11-03 10:00까지", {"until": at(2026, 11, 3) + 10 * HOUR}),
    ])  # fmt: skip


def a_clock(dice: random.Random, hour: int) -> tuple[str, timedelta]:
    """A clock time within that hour, in one of many spellings."""
    minute = dice.choice([0, 0, 30, 15])
    half, twelve = ("오전", "am") if hour < 12 else ("오후", "pm"), (hour - 1) % 12 + 1
    tail = f" {minute}분" if minute else ""
    spelled = [
        f"{half[0]} {twelve}시{tail}", f"{hour:02}:{minute:02}", f"{twelve}:{minute:02}{half[1]}",
        *([f"{hour}시{tail}"] if hour > 12 else [f"0{hour}시{tail}"] if 0 < hour < 10 else []),
        *([f"{half[0]} {twelve}시 반"] if minute == 30 else []), *([f"{twelve}{half[1]}"] if not minute else []),
        *(["정오", "noon"] if hour == 12 and not minute else []),
        *([f"새벽 {hour}시{tail}"] if 1 <= hour <= 5 else []), *([f"밤 {twelve}시{tail}"] if hour >= 20 else []),
    ]  # fmt: skip
    return dice.choice(spelled), timedelta(hours=hour, minutes=minute)


def clocked(dice: random.Random) -> Part:
    """Clock times of one day, or of two; a clock time as an end is not included."""
    words, day = a_day(dice, most=10)
    hours = sorted(dice.sample(range(1, 24), 2))
    (first, one), (second, two) = a_clock(dice, hours[0]), a_clock(dice, hours[1])
    both = {"since": day + one, "until": day + two}
    dated = [
        (f"{words} {first}부터 {second}까지", both), (f"{words} {first} ~ {second}", both),
        (f"between {first} and {second} on {words}", both), (f"{words} {first}에서 {second} 사이", both),
        (f"from {first} to {second} on {words}", both), (f"{words} {first} 이후", {"since": day + one}),
        (f"{words}, between {first} and {second}", both), (f"{words} from {first} to {second}", both),
        (f"{words} {first}부터 {words} {second}까지", both), (f"since {first} {words}", {"since": day + one}),
        (f"{words} after {first}", {"since": day + one, "until": day + ONE_DAY}),
        (f"{words} before {second}", {"since": day, "until": day + two}),
        (f"{words} {second} 이전", {"until": day + two}),
        (f"until {second} on {words}", {"until": day + two}),
        (f"{words} 하루", {"since": day, "until": day + ONE_DAY}),
        (f"{words} at {first} to {second}", both),
    ]  # fmt: skip
    bare = [
        (f"{first}부터 {second}까지", {"since": DAY + one, "until": DAY + two}),
        (f"since {first}", {"since": DAY + one}),
        (f"after {first}", {"since": DAY + one}), (f"before {second}", {"until": DAY + two}),
        (f"{second}까지", {"until": DAY + two}),
        (f"{first}부터 지금까지", {"since": DAY + one, "until": NOW}),
    ]  # fmt: skip
    return dice.choice(dated * 2 + bare)


def amounts(dice: random.Random) -> Part:
    """Bounds in won."""
    won = dice.choice([5_000, 30_000, 300_000, 1_000_000, 12_345])
    man = won % 10_000 == 0
    spelled = dice.choice([f"{won:,}원", f"{won}원", f"₩{won:,}", f"{won} KRW",
                           *([f"{won // 10_000}만원", f"{won // 10_000}만 원"] if man else [])])  # fmt: skip
    step = 10 ** (len(str(won)) - len(str(won).rstrip("0")))
    words, (low, high) = dice.choice([
        (f"{spelled} 이상", (won, None)), (f"{spelled} 초과", (won + 1, None)), (f"{spelled} 이하", (None, won)),
        (f"{spelled} 미만", (None, won - 1)), (f"{spelled}을 넘는", (won + 1, None)),
        (f"{spelled} 안 넘는", (None, won)),
        (f"over {spelled}", (won + 1, None)), (f"at least {spelled}", (won, None)),
        (f"at most {won} won", (None, won)),
        (f"under {won:,}", (None, won - 1)), (f"between {won} and {won * 2} won", (won, won * 2)),
        (f"{won}원에서 {won * 2}원 사이", (won, won * 2)), (f"{spelled}보다 큰", (won + 1, None)),
        (f"{spelled}보다 더 작은", (None, won - 1)), (f"amount >= {won}", (won, None)),
        (f"{spelled} or more", (won, None)),
        (f"정확히 {spelled}", (won, won)), (f"{spelled}짜리", (won, won)), (f"{won}~{won * 2}원", (won, won * 2)),
        ("10~50만원", (100_000, 500_000)), ("30만원대", (300_000, 399_999)), ("30~50만원대", (300_000, 599_999)),
        ("1억 5천만원 이하", (None, 150_000_000)), ("1.5만원 이상", (15_000, None)),
        ("over 50k won", (50_001, None)),
        ("at most 2 million won", (None, 2_000_000)), (f"최소 {spelled} 이상", (won, None)),
        (f"{won:,}원대", (won, won + step - 1)),
        ("삼십오만원 이상", (350_000, None)), (f"{spelled}부터 {won * 2}원까지", (won, won * 2)),
        (f"{spelled}부터", (won, None)),
        (f"{spelled}까지", (None, won)), ("over 2.5mil won", (2_500_001, None)),
        ("payments over 50000", (50_001, None)),
        ("3천 5백원 이하", (None, 3_500)), (f"from {won} to {won * 2} won", (won, won * 2)),
        ("2만3천4백5십6원 이상", (23_456, None)),
        (f"{spelled}", (won, won)),
    ])  # fmt: skip
    return words, {"min_amount": low, "max_amount": high}


def identified(dice: random.Random) -> Part:
    """A merchant, a payment or a key, as people name them."""
    merchant, number, key = (
        dice.choice(["MERCHANT-7", "TEST_123"]),
        dice.randint(1, 99_999),
        dice.choice(["order-77", "k_9"]),
    )
    words, name, value = dice.choice([
        *[(one, "merchant_id", merchant) for one in (
            f"가맹점 {merchant}", f"merchant {merchant}", f"merchant_id={merchant}", f"{merchant} 머천트",
            f"{merchant}에서",
            f"by merchant {merchant}", f"from {merchant}", f'merchant "{merchant}"', f"머천트 {merchant}에서",
            f"{merchant} 가맹점에서")],
        *[(one, "payment_id", number) for one in (
            f"결제 번호 {number}", f"payment_id={number}", f"#{number}", f"payment #{number}번", f"결제 {number}번",
            f"{number}번 결제")],
        *[(one, "idempotency_key", key) for one in (f"멱등키 {key}", f"idempotency key: {key}",
        f"멱등성 키가 {key}")],
    ])  # fmt: skip
    return words, {name: value}


ORDERS = {
    "newest": ("최신순", "newest first", "최근", "날짜 내림차순", "sort by date desc", "가장 최근"),
    "oldest": ("오래된순으로", "oldest first", "시간 오름차순", "가장 오래된", "earliest"),
    "largest": ("금액 큰 순", "금액 내림차순", "sorted by amount desc", "가장 큰", "largest amount first",
    "비싼 순으로 정렬",
                "금액순 내림차순"),
    "smallest": ("작은 금액순", "금액이 작은 순서로", "order by amount asc", "가장 싼", "cheapest"),
}  # fmt: skip


def ordered(dice: random.Random) -> Part:
    """An order of the rows."""
    order = dice.choice(list(ORDERS))
    return dice.choice(ORDERS[order]), {"order": order}


def limited(dice: random.Random) -> Part:
    """How many rows, sometimes with their order."""
    n = dice.randint(2, 50)
    words, order = dice.choice([
        (f"{n}건", None), (f"limit {n}", None), (f"최대 {n}건", None), (f"{n}개만", None), (f"limit = {n}", None),
        (f"상위 {n}건", None),
        (f"최근 {n}건", "newest"), (f"금액 상위 {n}건", "largest"), (f"largest {n} payments", "largest"),

        (f"first {n} rows", None), (f"top {n} largest", "largest"), (f"{n} largest", "largest"),
        (f"{n} most recent", "newest"),
        (f"last {n} transactions", "newest"), ("열 건", None),
    ])  # fmt: skip
    return words, {"limit": 10 if words == "열 건" else n, **({"order": order} if order else {})}


TIMES: tuple[Callable[[random.Random], Part], ...] = (rolling, named, between, clocked)
FILLERS = ["결제", "보여줘", "payments", "the", "조회해줘", "show me", "거래", "can you", "원화", "!"]
ASIDE = ", 내역 {} 내역,"
"""A trap stands between words that lend it nothing."""


def sentence(dice: random.Random) -> Made:
    """Up to six conditions in any order, fillers between them, a trap in two of five."""
    parts: list[str] = []
    truth: dict[str, Any] = {}

    def add(words: str, told: dict[str, Any]) -> None:
        parts.append(words)
        truth.update(told)

    if dice.random() < 0.6:
        words = dice.choice(list(STATUS))
        add(words, {"statuses": tuple(status for status in STATUSES if status in STATUS[words])})
    if dice.random() < 0.75:
        add(*dice.choice(TIMES)(dice))
    if dice.random() < 0.5:
        add(*amounts(dice))
    if dice.random() < 0.3:
        add(*identified(dice))
    if dice.random() < 0.3:
        add(*(ordered if dice.random() < 0.5 else limited)(dice))
    dice.shuffle(parts)
    trapped = dice.random() < 0.4
    if trapped:
        parts.insert(dice.randint(0, len(parts)), ASIDE.format(dice.choice(TRAPS)))
    for _ in range(dice.randint(0, 2)):
        parts.insert(dice.randint(0, len(parts)), dice.choice(FILLERS))
    return Made(" ".join(parts), Understood(**truth), trapped)


def salad(dice: random.Random) -> str:
    """Known words and figures in any order."""
    words = list(lexicon.TABLE)
    return " ".join(
        dice.choice([dice.choice(words), str(dice.randint(1, 90_000)), "만원", "원"]) for _ in range(dice.randint(1, 7))
    )


def split(made: Made, dice: random.Random) -> Asked:
    """The sentence with one of its truths given as a parameter too: it must agree, and change nothing."""
    told = {
        name: value
        for name in Understood.__dataclass_fields__
        if (value := getattr(made.truth, name)) not in (None, ())
    }
    name = dice.choice([*told, ""])
    return Asked(filter=made.text, **({name: told[name]} if name else {}))


def judged(made: Made, dice: random.Random) -> tuple[str, str]:
    """(ok or needs_clarification, what is wrong or ""): a reading may refuse, never say something else."""
    got = understand(split(made, dice), NOW)
    if got.status != "ok":
        return got.status, ""
    if made.trapped:
        return got.status, f"ran with a trap: {made.text!r} as {got.understood}"
    fault = "" if got.understood == made.truth else f"{made.text!r}: {got.understood} is not {made.truth}"
    return got.status, fault


GRAMMAR = tuple(
    f"dari.services.monitoring.filters.{name}"
    for name in ("tokens", "numerals", "marks", "amounts", "extents", "windows", "choices", "sentence")
)
"""The modules that read; the others are tables of words."""


def some() -> None:
    """Enough sentences to count the branches they take."""
    dice = random.Random(20261120)
    for turn in range(500):
        judged(sentence(dice), dice)
        if turn % 3 == 0:
            read(salad(dice), NOW)
