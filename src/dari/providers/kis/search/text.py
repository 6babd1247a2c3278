"""Words of a question: Hangul folded by sound, Latin words stemmed, and where a word begins."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

LIMIT: Final = 400
"""Characters of a question that are read: a sentence, not a document."""

_FIRST: Final = 0xAC00
_LAST: Final = 0xD7A3
_VOWELS: Final = 21
_CODAS: Final = 28
_SOUND: Final = {1: 5, 3: 7, 10: 11, 15: 11}
"""Vowels that sound alike today and are mistaken for one another: ㅐ→ㅔ, ㅒ→ㅖ, ㅙ→ㅚ, ㅞ→ㅚ."""

_PIECE: Final = re.compile(r"[a-z0-9_&.+'/-]+|[가-힣]+")


@dataclass(frozen=True, slots=True)
class Text:
    """A question, read.

    `flat` is folded and without spaces, `plain` the same as it was spelt; `starts` and `ends` are the places in it
    where a word begins or ends.
    `latin` are its Latin words and numbers, in order, not stemmed.
    """

    flat: str
    plain: str
    starts: frozenset[int]
    ends: frozenset[int]
    latin: tuple[str, ...]
    clean: str
    hangul: bool


def _syllable(code: int) -> str:
    index = code - _FIRST
    lead, rest = divmod(index, _VOWELS * _CODAS)
    vowel, coda = divmod(rest, _CODAS)
    return chr(_FIRST + (lead * _VOWELS + _SOUND.get(vowel, vowel)) * _CODAS + coda)


_FOLDS: Final = {code: _syllable(code) for code in range(_FIRST, _LAST + 1)}


def fold(text: str) -> str:
    """Lower case, composed, with vowels that sound alike written alike."""
    return text.lower() if text.isascii() else _composed(text).translate(_FOLDS)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def syllable_parts(syllable: str) -> tuple[int, int, int]:
    """Lead, vowel and coda of one Hangul syllable; another character is all lead."""
    code = ord(syllable)
    if not _FIRST <= code <= _LAST:
        return code, 0, 0
    lead, rest = divmod(code - _FIRST, _VOWELS * _CODAS)
    return (lead, *divmod(rest, _CODAS))


def slip(one: str, other: str) -> int:
    """In how many of lead, vowel and coda two syllables differ."""
    return sum(a != b for a, b in zip(syllable_parts(one), syllable_parts(other), strict=True))


def read(question: str) -> Text:
    """The words of a question. Anything but letters and digits only separates; what is beyond LIMIT is not read."""
    spelt = _composed(question[:LIMIT])
    clean = spelt.translate(_FOLDS)
    flat: list[str] = []
    plain: list[str] = []
    starts, ends, latin = set(), set(), []
    at, last = 0, -1
    for found in _PIECE.finditer(clean):
        piece, before = found[0], found.start()
        if found.start() != last:  # a word begins where something else stood before; ETF구성 is one word
            ends.add(at)
            starts.add(at)
        if piece[0] < "가":
            left = piece.lstrip("_&.+'/-")
            before += len(piece) - len(left)
            piece = left.rstrip("_&.+'/-")
            if piece:
                latin.append(piece)
        flat.append(piece)
        plain.append(spelt[before : before + len(piece)])
        at += len(piece)
        last = found.end()
    ends.add(at)
    whole = "".join(flat)
    return Text(
        whole, "".join(plain), frozenset(starts), frozenset(ends - {0}), tuple(latin), clean, not whole.isascii()
    )


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """An English word without the endings of plurals and verbs."""
    word = word.removesuffix("'s")
    if len(word) <= 3 or not word.isascii() or not word.isalpha():  # noqa: PLR2004 -- gas, bus, its
        return word
    for ending, left in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + left
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:  # noqa: PLR2004 -- keeps bring, need
            word = word[: -len(ending)]
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":  # noqa: PLR2004 -- dropped → drop
                word = word[:-1]
            break
    if len(word) > 3 and word.endswith("e"):  # noqa: PLR2004 -- price and pricing meet at pric
        word = word[:-1]
    return word


def bigrams(flat: str) -> set[str]:
    """Pairs of neighbouring Hangul syllables."""
    return {a + b for a, b in pairwise(flat) if a >= "가" and b >= "가"}


def near(word: str, other: str) -> bool:
    """Whether two Latin words are one slip apart: a letter more, less, other, or two swapped."""
    if abs(len(word) - len(other)) > 1 or word == other:
        return word == other
    at = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    if len(word) == len(other):
        swapped = word[at : at + 2] == other[at : at + 2][::-1] and word[at + 2 :] == other[at + 2 :]
        return swapped or word[at + 1 :] == other[at + 1 :]
    longer, shorter = (word, other) if len(word) > len(other) else (other, word)
    return longer[at + 1 :] == shorter[at:]
