"""The words of the field: which of them stand in a text, in Korean and English, also misspelt or written together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from dari.providers.kis.search.text import Text, fold, near, slip, stem, syllable_parts

DATA: Final = Path(__file__).with_name("data")
FUZZY_FROM: Final = 3
"""Syllables a Korean word must have to be recognised with a slip in one of them."""
LATIN_FUZZY_FROM: Final = 4
TAILS: Final = frozenset(
    [
        "은",
        "는",
        "이",
        "가",
        "을",
        "를",
        "에",
        "의",
        "도",
        "만",
        "로",
        "와",
        "과",
        "랑",
        "나",
        "요",
        "좀",
        "들",
        "별",
        "으로",
        "에서",
        "까지",
        "부터",
        "이랑",
        "하고",
        "한테",
        "에게",
        "보다",
        "처럼",
        "마다",
        "이나",
        "이야",
        "인지",
        "임",
        "냐",
        "야",
        "지",
        "다",
        "네",
        "에는",
        "에도",
        "으로는",
        "에서는",
        "이고",
        "인데",
        "해",
        "한",
        "할",
        "하는",
        "하기",
        "됨",
        "된",
        "되는",
        "중",
        "용",
        "쪽",
        "것",
        "거",
        "게",
        "기",
    ]
)
"""Particles and endings that follow a word."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something people ask for that KIS does not offer, and how to say so.

    It does not hold where one of the tags of `unless` stands in the question too.
    """

    id: str
    ko: str
    en: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands in a text.

    `tags` maps c:concept, n:name, x:not-offered and u:unless to how surely it stands there.
    `unknown` are the words that mean nothing here. `spans` are the known stretches of the flat text.
    """

    tags: Mapping[str, float]
    unknown: tuple[str, ...]
    spans: tuple[tuple[int, int, str], ...] = ()
    words: tuple[str, ...] = ()


@dataclass(slots=True)
class Lexicon:
    """Forms of concepts, names and of what is not offered; `axes` maps a concept to its (axis, value) pairs."""

    hangul: dict[str, tuple[str, ...]] = field(default_factory=dict)
    latin: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    axes: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    stops: set[str] = field(default_factory=set)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    _slips: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _refused: set[str] = field(default_factory=set)
    _common: set[str] = field(default_factory=set)
    _vowelless: dict[tuple[tuple[int, int], ...], list[str]] = field(default_factory=lambda: defaultdict(list))
    _by_shape: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    _lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)

    # --- filling ---------------------------------------------------------------------------------------------------

    def add(self, tag: str, forms: Iterable[str]) -> None:
        """Let each form mean `tag`; a form may mean several."""
        for form in filter(None, (fold(one.strip()) for one in forms)):
            if not form.isascii():
                flat = form.replace(" ", "")
                self.hangul[flat] = (*self.hangul.get(flat, ()), tag)
            else:
                key = tuple(map(stem, form.split()))
                self.latin[key] = (*self.latin.get(key, ()), tag)
                self.words.update(key)

    def close(self, more_words: Iterable[str]) -> None:
        """Make ready for misspelt words; `more_words` are further English words that are spelt rightly."""
        more = tuple(more_words)
        self.words.update(map(stem, more))
        lengths: dict[str, set[int]] = defaultdict(set)
        for form in self.hangul:
            lengths[form[0]].add(len(form))
        self._lengths = {first: tuple(sorted(those, reverse=True)) for first, those in lengths.items()}
        self._refused = {form for form, tags in self.hangul.items() if all(tag[0] == "x" for tag in tags)}
        for form, tags in self.hangul.items():
            if len(form) == FUZZY_FROM - 1 and all(tag[0] == "c" for tag in tags):
                self._vowelless[_consonants(form)].append(form)
            if len(form) >= FUZZY_FROM and all(tag[0] in "cn" for tag in tags):
                for at in range(len(form)):
                    self._slips[f"{form[:at]}*{form[at + 1 :]}"].append(form)
        shapes: dict[tuple[str, int], list[str]] = defaultdict(list)
        self._common = set(map(stem, more))
        rightly = {word for form, tags in self.latin.items() if tags[0][0] in "cn" for word in form}
        for word in (*sorted(self._common), *sorted(rightly - self._common)):
            shapes[word[:1], len(word)].append(word)
            shapes[word[1:2], -len(word)].append(word)
        self._by_shape = dict(shapes)

    # --- reading ---------------------------------------------------------------------------------------------------

    def see(self, text: Text, *, slips: bool = True) -> Seen:
        """The known and the unknown words of a text; with `slips`, also those that are misspelt."""
        tags: dict[str, float] = {}
        spans = tuple(self._spans(text, slips=slips)) if text.hangul else ()
        for _, _, form in spans:
            tags.update(dict.fromkeys(self.hangul[form], 1.0))
        words, unknown = self._latin_words(text, slips=slips)
        self._phrases(words, tags)
        tags.pop("s:", None)
        if text.hangul:
            left = _left(text, spans)
            unknown += [word for word in left if not (slips and self._by_consonants(word, tags))]
        return Seen(tags, tuple(unknown), spans, tuple(words))

    def _spans(self, text: Text, *, slips: bool) -> Iterator[tuple[int, int, str]]:
        flat, at, size = text.flat, 0, len(text.flat)
        lengths = self._lengths
        while at < size:
            form = None
            for length in lengths.get(flat[at], ()):
                window = flat[at : at + length]
                if window not in self.hangul or at + length > size or not self._whole(text, at, at + length):
                    continue
                if length > 2 or at in text.starts or window not in self._refused:  # noqa: PLR2004 -- 이사 in 특이사항
                    form = window
                    break
            if slips and (likely := self._likely(text, at, len(form) if form else 0)):
                yield at, at + len(likely), likely
                at += len(likely)
            elif form:
                yield at, at + len(form), form
                at += len(form)
            else:
                at += 1

    def _likely(self, text: Text, at: int, standing: int) -> str | None:
        """A form that stands at `at` but for a slip in one syllable, longer than the one that stands there rightly.

        Of a form of `standing` syllables that stands there rightly the slip must be a part: what comes after it is
        another word.
        """
        end = min((place for place in text.starts if place > at), default=len(text.flat))
        for length in range(min(8, end - at), max(FUZZY_FROM, standing + 1) - 1, -1):
            window = text.flat[at : at + length]
            for place in range(standing or length):
                for form in self._slips.get(f"{window[:place]}*{window[place + 1 :]}", ()):
                    if slip(form[place], window[place]) <= (1 if length < 5 else 2):  # noqa: PLR2004 -- longer is surer
                        return form
        return None

    @staticmethod
    def _whole(text: Text, start: int, end: int) -> bool:
        """Whether a stretch may be one word: it does not run over a space unless it fills the words it touches."""
        crosses = any(start < place < end for place in text.starts)
        if end - start > 1 and not crosses:
            return True
        if start not in text.starts:
            return False
        next_end = min((place for place in text.ends if place >= end), default=end)
        return text.flat[end:next_end] in TAILS or next_end == end

    def _by_consonants(self, word: str, tags: dict[str, float]) -> bool:
        """Take a word of two syllables whose vowels alone are wrong, where only one word can be meant: 채건 is 채권."""
        meant = self._vowelless.get(_consonants(word), ()) if len(word) == FUZZY_FROM - 1 else ()
        if not any(tag[0] == "c" for tag in tags):  # alone it would be a guess: 도커 is not 도쿄
            return False
        if len(meant) != 1 or sum(slip(a, b) for a, b in zip(word, meant[0], strict=True)) != 1:
            return False
        tags.update({tag: 0.7 for tag in self.hangul[meant[0]] if tag not in tags})
        return True

    def _latin_words(self, text: Text, *, slips: bool) -> tuple[list[str], list[str]]:
        words: list[str] = []
        unknown: list[str] = []
        for word in text.latin:
            for part in [word] if stem(word) in self.words else _pieces(word):
                known = stem(part)
                if part.isdigit() or part in self.stops or known in self.words or not slips:
                    words.append(known)
                elif mended := self._mended(known) or self._mended(part):
                    words.append(mended)
                elif taken := self._taken_apart(part):
                    words += [stem(one) for one in taken]
                else:
                    words.append(known)
                    unknown.append(part)
        return words, unknown

    def _phrases(self, words: list[str], tags: dict[str, float]) -> None:
        at = 0
        while at < len(words):
            for length in range(min(5, len(words) - at), 0, -1):
                known = self.latin.get(tuple(words[at : at + length]))
                if known:
                    for tag in known:
                        tags[tag] = 1.0
                    at += length - 1
                    break
            at += 1

    def _mended(self, word: str) -> str | None:
        if len(word) < LATIN_FUZZY_FROM or not word.isalpha():
            return None
        found = [
            other
            for length in (len(word), len(word) + 1, len(word) - 1)
            for key in ((word[:1], length), (word[1:2], -length))
            for other in self._by_shape.get(key, ())
            if len(other) >= LATIN_FUZZY_FROM and near(word, other)
        ]
        return next((one for one in found if one in self._common), found[0] if found else None)

    def _taken_apart(self, word: str) -> list[str] | None:
        """`stockminutechart` as its words; None where it is not made of known words of three letters or more."""
        if not 7 <= len(word) <= 40 or not word.isalpha():  # noqa: PLR2004 -- two short words at least
            return None
        best: list[list[str] | None] = [[]] + [None] * len(word)
        for end in range(3, len(word) + 1):
            for start in range(max(0, end - 14), end - 2):
                before = best[start]
                if before is not None and stem(word[start:end]) in self.words:
                    found = [*before, word[start:end]]
                    current = best[end]
                    if current is None or len(found) < len(current):
                        best[end] = found
        return best[-1]


def _pieces(word: str) -> list[str]:
    """The words between the signs of a Latin word."""
    return _GLUED.sub(r"\1 \2", word.translate(_SIGNS)).split()


_GLUED: Final = re.compile(r"([0-9]{4,})([a-z]{3,})")
"""A number of a screen and a word: 0245ETF."""
_SIGNS: Final = str.maketrans(dict.fromkeys("/-+&._'", " "))


def _consonants(word: str) -> tuple[tuple[int, int], ...]:
    return tuple((lead, coda) for lead, _, coda in map(syllable_parts, word))


def _left(text: Text, spans: Iterable[tuple[int, int, str]]) -> list[str]:
    """The Hangul stretches of two syllables or more that no form covers, without particles."""
    covered = [False] * len(text.flat)
    for start, end, _ in spans:
        covered[start:end] = [True] * (end - start)
    left: list[str] = []
    run = ""
    for at, letter in enumerate([*text.flat, " "]):
        if run and (letter < "가" or (at < len(covered) and covered[at]) or at in text.starts):
            if run not in TAILS and len(run) > 1:
                left.append(run)
            run = ""
        if letter >= "가" and at < len(covered) and not covered[at]:
            run += letter
    return left


def _rows(name: str, width: int) -> Iterator[list[str]]:
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield (line.split("\t") + [""] * width)[:width]


def load() -> Lexicon:
    """The lexicon of the data files; not yet closed: the sheets' own English words are still to come."""
    lexicon = Lexicon()
    for concept, axes, korean, english in _rows("lexicon.tsv", 4):
        lexicon.add(f"c:{concept}", [*korean.split("|"), *english.split("|")])
        pairs = [pair.split("=") for pair in axes.split(";") if pair]
        lexicon.axes[concept] = tuple((axis, value) for axis, values in pairs for value in values.split("+"))
    for name, forms in _rows("names.tsv", 2):
        lexicon.add(f"n:{name}", forms.split("|"))
    for refusal, korean, english, unless, ko, en in _rows("not_offered.tsv", 6):
        lexicon.add(f"x:{refusal}", [*korean.split("|"), *english.split("|")])
        lexicon.add(f"u:{refusal}", unless.split("|"))
        lexicon.refusals[refusal] = Refusal(refusal, ko, en)
    korean, english = (row[0] for row in _rows("stop.tsv", 1))
    lexicon.add("s:", korean.split("|"))
    lexicon.stops = set(english.split("|"))
    return lexicon


@cache
def sayings() -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """How people ask for each endpoint, in Korean and in English."""
    return {
        endpoint: (tuple(korean.split("|")), tuple(english.split("|")))
        for endpoint, korean, english in _rows("sayings.tsv", 3)
    }
