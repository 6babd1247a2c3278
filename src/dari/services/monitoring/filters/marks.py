"""Small steps over words that every phrase shares: skipping particles, reading a number, refusing what is unclear."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from dari.services.monitoring.filters import numerals
from dari.services.monitoring.filters.reading import Problem
from dari.services.monitoring.filters.tokens import Word

Words = Sequence[Word]


class Unclear(Exception):
    """A phrase was recognised, but has two readings or none: the sentence is not run."""

    def __init__(self, code: str, words: Words, ko: str, en: str) -> None:
        super().__init__(en)
        self.length = len(words)
        self.problem = Problem(code, " ".join(word.text for word in words), ko, en)


def kind(words: Words, index: int) -> str:
    """The kind at `index`, or "" beyond the end."""
    return words[index].kind if 0 <= index < len(words) else ""


def said(words: Words, index: int) -> str:
    """The lower-case text at `index`, or ""."""
    return words[index].text.lower() if 0 <= index < len(words) else ""


def past(words: Words, index: int, *texts: str) -> int:
    """`index` after any of these words in a row; particles may always be passed."""
    while kind(words, index) == "PART" or (texts and said(words, index) in texts):
        index += 1
    return index


def number(words: Words, index: int) -> tuple[int, Decimal] | None:
    """A plain count or figure at `index`: digits, 한/두/세, one/two, a/an. Returns (next index, value)."""
    here = kind(words, index)
    if here in {"NUM", "ORDINAL"}:
        word = words[index]
        return index + 1, word.value[0] if isinstance(word.value, tuple) else Decimal(word.value)
    text = said(words, index)
    if here == "NATIVE":
        return index + 1, Decimal(numerals.NATIVE[text])
    if here == "ENGNUM":
        return index + 1, Decimal(numerals.ENGLISH[text])
    if text in {"a", "an"}:
        return index + 1, Decimal(1)
    return None


def whole(words: Words, index: int) -> tuple[int, int] | None:
    """A whole number at `index`, or None."""
    found = number(words, index)
    if found is None or found[1] != found[1].to_integral_value():
        return None
    return found[0], int(found[1])
