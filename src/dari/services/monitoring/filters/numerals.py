"""Numbers as people write them in Korean and English: 1억 5천만, 1.5만, 삼십, 한, twelve."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

SMALL: Final = {"십": 10, "백": 100, "천": 1_000}
LARGE: Final = {"만": 10_000, "억": 100_000_000, "조": 1_000_000_000_000}
SINO: Final = {"영": 0, "일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}
NATIVE: Final = {
    "한": 1, "하나": 1, "두": 2, "둘": 2, "세": 3, "셋": 3, "네": 4, "넷": 4, "다섯": 5, "여섯": 6, "일곱": 7,
    "여덟": 8, "아홉": 9, "열": 10, "열한": 11, "열두": 12, "열세": 13, "열네": 14, "열다섯": 15, "스무": 20,
}  # fmt: skip
ENGLISH: Final = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
    "ninety": 90, "hundred": 100,
}  # fmt: skip


def korean(text: str) -> Decimal | None:
    """The value of digits and 십백천만억조 in any mixture, or None when it is not one number.

    A unit without a digit counts once (만 = 10,000); 1.5만 = 15,000; larger units must come first.
    1억 2천 is no number: it is said of 120,000,000 and written of 100,002,000.
    """
    total = section = Decimal(0)
    digits = ""
    last_large = max(LARGE.values()) * 10
    last_small = 10_000
    for sign in [*text, ""]:
        if sign.isdigit() or sign in {".", ","}:
            digits += sign
            continue
        if sign in SINO:
            if digits:
                return None
            digits = str(SINO[sign])
            continue
        number = _digits(digits)
        if number is None and digits:
            return None
        digits = ""
        if sign in SMALL:
            if SMALL[sign] >= last_small:
                return None
            last_small = SMALL[sign]
            section += (Decimal(1) if number is None else number) * SMALL[sign]
        elif sign in LARGE:
            if LARGE[sign] >= last_large:
                return None
            last_large, last_small = LARGE[sign], 10_000
            section += number or Decimal(0)
            total += (section or Decimal(1)) * LARGE[sign]
            section = Decimal(0)
        elif sign == "":
            below = last_small if last_small < LARGE["만"] else last_large  # 3천 5백: what follows 천 is less than 천
            dangling = last_small < LARGE["만"] < last_large <= max(LARGE.values())
            if dangling or (number is not None and number >= below):
                return None
            section += number or Decimal(0)
        else:
            return None
    return total + section


def unit_of(text: str) -> int:
    """The multiplier a range's first number inherits: 만 for "50만", 천 for "5천", else 1."""
    for sign in reversed(text):
        if sign in LARGE:
            return LARGE[sign]
        if sign in SMALL:
            larger = next((LARGE[c] for c in text[text.index(sign) + 1 :] if c in LARGE), 1)
            return SMALL[sign] * larger
    return 1


def _digits(text: str) -> Decimal | None:
    if not text:
        return None
    if "," in text:
        head, *groups = text.split(".", maxsplit=1)[0].split(",")
        if not head or len(head) > 3 or any(len(group) != 3 for group in groups):
            return None
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
