"""The sheets as a search sees them: words of titles and sayings, labels, codes, names, paths, screens."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from dari.core.endpoint import Endpoint
from dari.providers.kis.search.lexicon import Lexicon, load, sayings
from dari.providers.kis.search.slots import Slots, of_endpoint
from dari.providers.kis.search.text import bigrams, fold, near, read, stem
from dari.providers.kis.spec import SPEC, tr_ids

TITLE: Final = 3.0
SAYING: Final = 1.6
GROUP: Final = 0.5
NAME: Final = 0.8
LONG_NAME: Final = 7
"""Characters a name must have to be recognised with a slip."""
_CODED: Final = re.compile(r"[0-9_]")
_LABEL_SPLIT: Final = re.compile(r"[\s()\[\]/,·:]+")
_WORD: Final = re.compile(r"[a-z]{3,}")


@dataclass(frozen=True, slots=True)
class Line:
    """One text that stands for an endpoint (its title, or a way to ask for it) as tokens with their sum of idf."""

    doc: int
    tokens: frozenset[str]
    weight: float


@dataclass(slots=True)
class Index:
    """Everything a question is compared with. Documents are numbered in sheet order."""

    ids: list[str] = field(default_factory=list)
    slots: list[Slots] = field(default_factory=list)
    postings: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    idf: dict[str, float] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    lines_with: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    pairs: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    """Hangul bigrams of titles and sayings."""
    labels: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    """Whole labels and meanings of codes, folded and without spaces."""
    english: dict[tuple[str, ...], dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    """English names of fields, of two words or more."""
    exact: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    """Names of parameters and fields, tr_ids, screens, ids: as they are written, in lower case."""
    paths: list[str] = field(default_factory=list)
    longest_label: int = 0
    longest_english: int = 0

    @property
    def size(self) -> int:
        """How many endpoints there are."""
        return len(self.ids)

    def nearly(self, name: str) -> dict[int, float] | None:
        """Where a long name stands that is one slip away: FHKST0101010 is FHKST01010100."""
        if len(name) < LONG_NAME or not _CODED.search(name):
            return None
        close = [known for known in self.exact if abs(len(known) - len(name)) <= 1 and near(name, known)]
        return self.exact[close[0]] if len(close) == 1 else None

    def rarity(self, among: Mapping[int, float]) -> float:
        """The idf of something that stands in `among`."""
        return math.log(1 + (self.size - len(among) + 0.5) / (len(among) + 0.5))


def build(rows: Iterable[Endpoint] = SPEC) -> tuple[Lexicon, Index]:
    """Read every sheet once. About 0.25 s: done when the first question comes."""
    lexicon, index = load(), Index()
    said = sayings()
    texts: list[list[tuple[str, float]]] = []
    words: set[str] = set()
    for doc, row in enumerate(rows):
        index.ids.append(row.id)
        index.slots.append(of_endpoint(row))
        index.paths.append(row.path.lower())
        korean, english = said.get(row.id, ((), ()))
        mine = [(row.title, TITLE), (row.title_en, TITLE)]
        mine += [(one, SAYING) for one in (*korean, *english)]
        mine += [(row.wire["group"], GROUP), (row.id.partition(".")[2].replace("_", " "), NAME)]
        texts.append(mine)
        for text, _ in mine:
            words.update(_WORD.findall(text.lower()))
        _fields(index, doc, row)
    lexicon.close(words)
    for doc, mine in enumerate(texts):
        for text, weight in mine:
            _line(lexicon, index, doc, text, weight)
    _close(index)
    return lexicon, index


def tokens(lexicon: Lexicon, text: str) -> dict[str, float]:
    """The concepts of a text, its English words that are no concept, and its Hangul that no form covers."""
    seen = lexicon.see(read(text), slips=False)
    found = {tag: sure for tag, sure in seen.tags.items() if tag.startswith("c:")}
    found |= {f"w:{word}": 0.6 for word in seen.words if word not in lexicon.stops and not word.isdigit()}
    return found | {f"h:{word}": 0.8 for word in seen.unknown if word >= "가"}


def _line(lexicon: Lexicon, index: Index, doc: int, text: str, weight: float) -> None:
    mine = tokens(lexicon, text)
    for token in mine:
        there = index.postings[token]
        there[doc] = max(there.get(doc, 0.0), weight)
    if weight in {TITLE, SAYING}:
        for token in mine:
            index.lines_with[token].append(len(index.lines))
        index.lines.append(Line(doc, frozenset(mine), 0.0))
        for pair in bigrams(fold(text).replace(" ", "")):
            there = index.pairs[pair]
            there[doc] = max(there.get(doc, 0.0), weight / TITLE)


def _fields(index: Index, doc: int, row: Endpoint) -> None:
    codes = {tr.lower() for tr in tr_ids(row)} | {old.lower() for old in row.wire["retired"]}
    screen = row.wire["screen"]
    for code in (*codes, row.id, row.id.partition(".")[2], *([screen] if screen else ())):
        index.exact[code][doc] = 3.0
    if row.wire["api_id"]:
        index.exact[row.wire["api_id"].lower()][doc] = 3.0
    for parameter in row.parameters:
        _name(index, doc, parameter.name, 1.1)
        _label(index, doc, parameter.label, 0.9)
        for meaning in parameter.codes.values():
            _label(index, doc, meaning, 0.45)
    for block in row.blocks:
        for one in block.fields:
            _name(index, doc, one.name, 1.0)
            _label(index, doc, one.label, 1.0)
            for meaning in one.codes.values():
                _label(index, doc, meaning, 0.35)
            spelt = _spelt(one.english)
            if len(spelt) > 1:
                index.english[spelt][doc] = 1.0
                index.longest_english = max(index.longest_english, len(spelt))


def _name(index: Index, doc: int, name: str, weight: float) -> None:
    there = index.exact[name.lower()]
    there[doc] = max(there.get(doc, 0.0), weight)


def _label(index: Index, doc: int, label: str, weight: float) -> None:
    for part in _label_parts(label):
        there = index.labels[part]
        if there.get(doc, 0.0) < weight:
            there[doc] = weight


@cache
def _label_parts(label: str) -> tuple[str, ...]:
    folded = fold(label)
    return tuple({part for part in (folded.replace(" ", ""), *_LABEL_SPLIT.split(folded)) if len(part) > 1})


@cache
def _spelt(english: str) -> tuple[str, ...]:
    return tuple(map(stem, english.split("_")))


def _close(index: Index) -> None:
    index.idf = {token: index.rarity(there) for token, there in index.postings.items()}
    index.lines = [Line(line.doc, line.tokens, sum(index.idf[token] for token in line.tokens)) for line in index.lines]
    index.longest_label = min(22, max(map(len, index.labels)))
