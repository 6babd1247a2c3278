"""One sentence to one reading: the longest phrase wins at each word, and a content word left over stops everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from dari.core.clock import KST
from dari.services.monitoring.filters import statuses
from dari.services.monitoring.filters.amounts import amount
from dari.services.monitoring.filters.choices import identifier, limit, order, status
from dari.services.monitoring.filters.marks import Unclear, Words, kind, past, said
from dari.services.monitoring.filters.reading import STATUSES, Problem, Reading, Understood
from dari.services.monitoring.filters.tokens import MAX_LENGTH, Word, cut, normal
from dari.services.monitoring.filters.windows import window

_HARMLESS: Final = frozenset({"FILL", "PART", "PUNCT", "AND"})
_WHY: Final = {
    "NOT": (
        "negation",
        "부정·제외는 조회하지 않습니다. 원하는 상태를 적어 주세요.",
        "Negation is not run: name what you want.",
    ),
    "OR": ("or", "서로 다른 조건의 '또는'은 조회하지 않습니다.", "'or' across different conditions is not run."),
    "FOREIGN": ("currency", "원화(KRW)만 조회합니다.", "Only KRW can be filtered."),
}
_UNREAD: Final = ("unread", "이 말을 이해하지 못했습니다.", "This was not understood.")


def read(text: str, now: datetime) -> Reading:
    """Read `text` at `now`. Never raises: whatever is not wholly understood comes back with problems."""
    plain = normal(text)
    at = now.astimezone(KST)
    if len(plain) > MAX_LENGTH:
        problem = Problem(
            "too_long", plain[:40], f"{MAX_LENGTH}자까지 읽습니다.", f"At most {MAX_LENGTH} signs are read."
        )
        return Reading(text=text, now=at, understood=Understood(), problems=(problem,))
    words = [_literal(word) for word in cut(plain)]
    reader = _Reader(words, at)
    try:
        reader.run()
    except OverflowError:
        reader.problems.append(Problem("date", plain[:40], "없는 날짜입니다.", "There is no such date."))
    return Reading(
        text=text,
        now=at,
        understood=Understood(**reader.fields),
        consumed=tuple(reader.consumed),
        ignored=tuple(reader.ignored),
        problems=tuple(reader.problems),
    )


def _literal(word: Word) -> Word:
    """A status code in capitals is the code itself (COMPLETED), whatever the lower-case word means."""
    return replace(word, kind="UPPER", value=word.text) if word.text in STATUSES else word


def _windowed(words: Words, index: int, now: datetime) -> tuple[int, dict[str, Any]] | None:
    at = past(words, index + 1, "the") if said(words, index) == "over" else index
    if at != index and kind(words, at) not in {"LAST", "ROLL"}:
        return None
    found = window(words, at, now)
    return (found[0], {"since": found[1].since, "until": found[1].until, "bare": found[1].bare}) if found else None


def _amounted(words: Words, index: int, _: datetime) -> tuple[int, dict[str, Any]] | None:
    found = amount(words, index)
    return (found[0], {"min_amount": found[1].low, "max_amount": found[1].high}) if found else None


def _timeless(parser: Callable[[Words, int], tuple[int, dict[str, Any]] | None]) -> Parser:
    return lambda words, index, _: parser(words, index)


Parser = Callable[[Words, int, datetime], "tuple[int, dict[str, Any]] | None"]
_PARSERS: Final[tuple[Parser, ...]] = (
    _windowed,
    _amounted,
    _timeless(status),
    _timeless(identifier),
    _timeless(limit),
    _timeless(order),
)


class _Reader:
    def __init__(self, words: list[Word], now: datetime) -> None:
        self.words, self.now = words, now
        self.fields: dict[str, Any] = {}
        self.consumed: list[str] = []
        self.ignored: list[str] = []
        self.problems: list[Problem] = []
        self.leaning: list[bool] = []

    def run(self) -> None:
        index = 0
        while index < len(self.words):
            index = self._step(index)
        low, high = self.fields.get("min_amount"), self.fields.get("max_amount")
        if low is not None and high is not None and low > high:
            self._object("empty", f"{low}–{high}", "최소가 최대보다 큽니다.", "The least is above the most.")
        since, until = self.fields.get("since"), self.fields.get("until")
        if since and until and since >= until:
            self._object("empty", f"{since}–{until}", "끝이 시작보다 빠릅니다.", "The window ends before it begins.")

    def _step(self, index: int) -> int:
        best: tuple[int, dict[str, Any]] | None = None
        unclear: Unclear | None = None
        for parser in _PARSERS:
            try:
                found = parser(self.words, index, self.now)
            except Unclear as why:
                unclear = unclear or why
                continue
            if found and found[0] > index and (best is None or found[0] > best[0]):
                best = found
        # A phrase that reaches as far as the unclear one read it wholly: 최근 5건 is a count, not an unclear time.
        if best is None or (unclear is not None and best[0] < index + unclear.length):
            return self._unread(index, unclear)
        after, told = best
        span = " ".join(word.text for word in self.words[index:after])
        self.consumed.append(span)
        if "bare" in told:
            self.leaning.append(told.pop("bare"))
            if len(set(self.leaning)) > 1:  # 어제 오전 9시 이후 오전 11시 이전: whose 11시?
                self._object("clock", span, "어느 날의 시각인지 적어 주세요.", "Say of which day.")
        for name, value in told.items():
            if value is None:
                continue
            if name in self.fields and self.fields[name] != value:
                self._object(
                    "conflict",
                    span,
                    "같은 조건이 두 번 다르게 나왔습니다.",
                    "One condition is said twice, differently.",
                )
            self.fields[name] = value
        return after

    def _unread(self, index: int, unclear: Unclear | None) -> int:
        word = self.words[index]
        if unclear is not None:
            self.problems.append(unclear.problem)
            return index + max(1, unclear.length)
        if (
            word.text == "!"
            and index + 1 < len(self.words)
            and self.words[index + 1].glued
            and kind(self.words, index + 1) != "PUNCT"
        ):  # !captured
            self._object(_WHY["NOT"][0], word.text, *_WHY["NOT"][1:])
            return index + 1
        spaced = word.text == "한" and kind(self.words, index - 1) in {"QUALITY", "NOUN"}  # 환불 한
        if (
            spaced
            or word.kind in _HARMLESS
            or word.text.lower() == "krw"
            or (word.kind == "SLASH" and word.text in {",", "·", "ㆍ"})
        ):
            self.ignored.append(word.text)
        else:
            self._object(_WHY.get(word.kind, _UNREAD)[0], word.text, *_WHY.get(word.kind, _UNREAD)[1:])
        return index + 1

    def _object(self, code: str, words: str, ko: str, en: str) -> None:
        self.problems.append(Problem(code, words, ko, en))


assert set(statuses.MADE) <= set(STATUSES)
