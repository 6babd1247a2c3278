"""From a sentence to ranked endpoints, with what matched, how sure it is, and what KIS does not offer."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import Final

from dari.providers.kis.search.index import Index, build
from dari.providers.kis.search.lexicon import TAILS, Lexicon, Refusal, Seen
from dari.providers.kis.search.slots import Slots, Weights, agreement, of_question
from dari.providers.kis.search.text import LIMIT, Text, bigrams, read, stem
from dari.providers.kis.search.tuning import GENERIC, TUNING, Tuning
from dari.providers.kis.spec import error_code

_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9]*(?:[_.][a-z0-9]+)+|[a-z]+[0-9][a-z0-9]{4,}|[a-z]{5,}")
_NAMED: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+", re.IGNORECASE)
_PATH: Final = re.compile(r"[a-z0-9_-]+(?:/[a-z0-9_.-]+)+|/[a-z0-9_.-]+")
_NUMBER: Final = re.compile(r"(?<![0-9a-z])[0-9]{4}(?![0-9])")
_ERROR: Final = re.compile(r"(?<![a-z0-9])(?:[a-z]{3,4}[0-9]{4,5}|[0-9]{8})(?![a-z0-9])")
_STOCK_CODE: Final = re.compile(r"(?<![0-9a-z])(?:[0-9]{6}|a[0-9]{6})(?![0-9a-z])")
_PHRASES: Final = (
    ("view", re.compile(r"조회.{0,4}(?:상위|top|순위|많)|많이.{0,4}(?:보는|찾|본|검색)")),
    (
        "possible",
        re.compile(r"how (?:many|much)\b.*\bcan\b|(?:몇|얼마).{0,12}(?:살|팔|들어갈|주문할|넣을) ?수|까지 ?(?:살|팔)"),
    ),
    ("rank", re.compile(r"\b(?!interest|request|invest|latest|test|rest|forest|honest|protest|midwest)[a-z]{3,}est\b")),
    ("orderbook", re.compile(r"\bbid\b.*\bask\b|\bask\b.*\bbid\b")),
)
"""Meanings that stand in no fixed form: words with something in between, superlatives."""


@dataclass(frozen=True, slots=True)
class Found:
    """One endpoint: its id, its score (comparable within one answer), what matched and how well (0 to 1)."""

    id: str
    score: float
    why: tuple[str, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The endpoints, best first; whether nothing fits; and what was asked for that KIS does not offer."""

    found: tuple[Found, ...]
    abstained: bool
    refusal: Refusal | None = None


@cache
def ready() -> tuple[Lexicon, Index]:
    """The lexicon and the index, made at the first question."""
    return build()


class _Asked:
    """One question against the index."""

    def __init__(self, question: str, tuning: Tuning, weights: Weights) -> None:
        question = question[:LIMIT]
        self.lexicon, self.index = ready()
        self.tuning, self.weights = tuning, weights
        self.spelt = {name for name in _NAMED.findall(question.lower()) if name in self.index.exact}
        self.text: Text = read(_without(question, self.spelt))
        self.seen: Seen = self.lexicon.see(self.text)
        self.scores: dict[int, float] = defaultdict(float)
        self.why: dict[int, list[tuple[float, str]]] = defaultdict(list)
        self.pinned: dict[int, float] = defaultdict(float)
        self._labelled: list[tuple[int, int]] = []
        self._spelt: set[tuple[str, ...]] = set()
        self._span_starts = {start for start, _, _ in self.seen.spans}
        self.tokens = self._tokens()
        self.names = {tag[2:] for tag in self.seen.tags if tag.startswith("n:")}
        if _STOCK_CODE.search(self.text.clean):
            self.names.add("korean_stock")
        concepts = {token[2:]: sure for token, sure in self.tokens.items() if token.startswith("c:")}
        self.wanted: Slots = of_question(concepts, self.names, self.lexicon.axes)

    def _tokens(self) -> dict[str, float]:
        found = {tag: sure for tag, sure in self.seen.tags.items() if tag.startswith("c:")}
        for word in self.seen.words:
            if word not in self.lexicon.stops and not word.isdigit():
                found[f"w:{word}"] = 0.6
        for word in self.seen.unknown:
            if word >= "가":
                found[f"h:{word}"] = 0.8
        for concept, pattern in _PHRASES:
            if pattern.search(self.text.clean):
                found[f"c:{concept}"] = 1.0
        for code in _ERROR.findall(self.text.clean):
            found.pop(f"w:{code}", None)
            found = self._meant(code) | found
        return found

    def _meant(self, code: str) -> dict[str, float]:
        """The concepts in the known meaning of an error code."""
        known = error_code(code.upper())
        tags = self.lexicon.see(read(f"{known.ko} {known.en}")).tags if known else ()
        return {tag: self.tuning.error for tag in tags if tag.startswith("c:")}

    def add(self, doc: int, points: float, why: str) -> None:
        self.scores[doc] += points
        self.why[doc].append((points, why))

    # --- evidence --------------------------------------------------------------------------------------------------

    def words(self) -> None:
        idf, postings = self.index.idf, self.index.postings
        for token, sure in self.tokens.items():
            for doc, weight in postings.get(token, {}).items():
                self.add(doc, self.tuning.union * idf[token] * sure * weight / (weight + 1.0) * 1.4, token[2:])
        mass = sum(idf.get(token, 4.0) * sure for token, sure in self.tokens.items()) or 1.0
        touched: dict[int, float] = defaultdict(float)
        for token, sure in self.tokens.items():
            for number in self.index.lines_with.get(token, ()):
                touched[number] += idf[token] * sure
        best: dict[int, float] = {}
        for number, shared in touched.items():
            line = self.index.lines[number]
            alike = 2 * shared / (mass + line.weight)
            if alike > best.get(line.doc, 0.0):
                best[line.doc] = alike
        for doc, alike in best.items():
            self.scores[doc] += self.tuning.line * alike

    def hangul_pairs(self) -> None:
        for pair in bigrams(self.text.flat):
            there = self.index.pairs.get(pair)
            if there:
                points = self.tuning.pairs * self.index.rarity(there)
                for doc, weight in there.items():
                    self.scores[doc] += points * weight

    def labels(self) -> None:
        self._korean_labels()
        self._english_labels()

    def _korean_labels(self) -> None:
        flat, index = self.text.flat, self.index
        taken = -1
        for at in range(len(flat)):
            if flat[at] < "가" and at not in self.text.starts:
                continue
            for length in range(min(index.longest_label, len(flat) - at), 2, -1):
                label = flat[at : at + length]
                there = index.labels.get(label)
                if not there or at + length <= taken or label.isascii() or not self._ends_word(at + length):
                    continue
                taken = at + length
                self._labelled.append((at, taken))
                points = self.tuning.label * index.rarity(there) * min(1.8, length / 5)
                if length >= 0.8 * len(flat):  # the question is the label
                    points *= self.tuning.whole_label
                elif label in self.lexicon.hangul:  # already counted as a concept
                    points *= self.tuning.known_label
                for doc, weight in there.items():
                    self.add(doc, points * weight, self.text.plain[at:taken])
                break

    def _english_labels(self) -> None:
        index, at = self.index, 0
        words = [stem(word) for word in self.text.latin]
        while at < len(words):
            for length in range(min(index.longest_english, len(words) - at), 1, -1):
                phrase = tuple(words[at : at + length])
                there = index.english.get(phrase)
                if not there:
                    continue
                self._spelt.add(phrase)
                points = self.tuning.english * index.rarity(there) * min(1.8, length / 2)
                if length >= 0.8 * len(words):  # the question is the name
                    points *= self.tuning.whole_label
                elif length == 2 and all(word in self.lexicon.words for word in phrase):  # noqa: PLR2004 -- cash balance
                    points *= self.tuning.known_label
                for doc, weight in there.items():
                    self.add(doc, points * weight, " ".join(phrase))
                at += length - 1
                break
            at += 1

    def _ends_word(self, place: int) -> bool:
        """Whether a word, or a known form, ends here; a particle may follow."""
        end = min((one for one in self.text.ends if one >= place), default=place)
        return end == place or self.text.flat[place:end] in TAILS or place in self._span_starts

    def exact(self) -> None:
        clean, index = self.text.clean, self.index
        spelt = self.spelt | {found.strip(".") for found in _IDENTIFIER.findall(clean)} | set(_NUMBER.findall(clean))
        alone = len(self.text.latin) == 1 and not self.text.hangul
        if alone:
            spelt.add(self.text.latin[0])
        for name in spelt:
            there = index.exact.get(name) or index.nearly(name)
            if (
                not there
                or ((not alone or name.isalpha()) and stem(name) in self.lexicon.words)
                or name in self.lexicon.stops
            ):
                continue
            points = self.tuning.exact * index.rarity(there) / 2
            for doc, weight in there.items():
                self.add(doc, points * weight, name)
                self.pinned[doc] += weight
        for path in _PATH.findall(clean):
            known = [doc for doc, one in enumerate(index.paths) if _stands(path, one)]
            for doc in known if len(known) < index.size / 4 else ():
                self.add(doc, self.tuning.path, path)
                self.pinned[doc] += 3.0

    # --- judging ---------------------------------------------------------------------------------------------------

    def ranked(self) -> list[tuple[float, int]]:
        self.words()
        self.hangul_pairs()
        self.labels()
        self.exact()
        for doc in self.scores:
            self.scores[doc] += agreement(self.wanted, self.index.slots[doc], self.weights)
        return sorted(((score, doc) for doc, score in self.scores.items()), key=lambda one: (-one[0], one[1]))

    def refusal(self) -> Refusal | None:
        if any(points >= 1.0 for points in self.pinned.values()):
            return None
        for tag in self.seen.tags:
            if tag.startswith("x:") and f"u:{tag[2:]}" not in self.seen.tags and not self._is_label(tag):
                return self.lexicon.refusals[tag[2:]]
        return None

    def _is_label(self, tag: str) -> bool:
        """Whether every place where this stands is a part of a longer name of a field: 펀드환매대금 asks no fund."""
        spans = [(start, end) for start, end, form in self.seen.spans if tag in self.lexicon.hangul[form]]
        if spans:
            return all(
                any(low <= start and end <= high and high - low > end - start for low, high in self._labelled)
                for start, end in spans
            )
        forms = [set(form) for form, tags in self.lexicon.latin.items() if tag in tags]
        return any(form < set(phrase) for phrase in self._spelt for form in forms)

    def covered(self, doc: int) -> float:
        """The share of what the question says that this endpoint knows of, 0 to 1."""
        if self.pinned.get(doc, 0.0) >= 1.0:
            return 1.0
        known = total = rare = 0.0
        topical = False
        for token, sure in self.tokens.items():
            there = self.index.postings.get(token)
            mass = self.index.idf.get(token, 4.5) * sure
            total += mass
            if there and doc in there:
                known += mass
                if token not in GENERIC:
                    topical = True
                    rare += mass
        said = sum(points for points, why in self.why[doc] if len(why) > 3 and why in self.text.plain)  # noqa: PLR2004 -- a label
        strange = sum(1 for word in self.seen.unknown if f"h:{word}" not in self.tokens)
        known += 1.5 * bool(self.names) + min(said, 4.0)
        total += 1.5 * bool(self.names) + min(said, 4.0) + 2.5 * strange
        share = max(known / total if total else 0.0, rare / (rare + 5.0))
        return share if topical or self.names or said else share * 0.75


def _without(question: str, names: set[str]) -> str:
    """The question without names of fields: crbr_aply_mxpr says nothing as words."""
    return _NAMED.sub(lambda found: " " if found[0].lower() in names else found[0], question) if names else question


def _stands(path: str, whole: str) -> bool:
    """Whether a path, or its end or middle, is what was written."""
    return whole == path or whole.endswith("/" + path.strip("/")) or (path.count("/") > 1 and path in whole)


def find(question: str, limit: int = 5, *, tuning: Tuning = TUNING, weights: Weights | None = None) -> Answered:
    """The endpoints that answer a question, best first. Takes any text; raises nothing.

    `abstained` says that nothing fits: the found ones, if any, are near misses.
    """
    asked = _Asked(question, tuning, weights or Weights())
    ranked = asked.ranked()[: max(limit, 10)]
    best = ranked[0][0] if ranked else 1.0
    lead = min(1.0, (best - ranked[1][0]) / 2) if len(ranked) > 1 else 1.0
    found = tuple(
        Found(
            asked.index.ids[doc],
            round(score, 2),
            _reasons(asked, doc),
            _confidence(asked.covered(doc), score / best if best > 0 else 0.0, lead if place == 0 else 0.0),
        )
        for place, (score, doc) in enumerate(ranked[:limit])
    )
    refusal = asked.refusal()
    sure = max((asked.covered(doc) for _, doc in ranked[:3]), default=0.0)
    strong = bool(ranked) and ranked[0][0] >= tuning.strong
    return Answered(found, refusal is not None or (sure < tuning.enough and not strong), refusal)


def _confidence(covered: float, beside_best: float, lead: float) -> float:
    """0 to 0.99: how much of the question is understood, how near to the best, and by how far the best leads."""
    return round(min(0.99, covered * max(beside_best, 0.0) * (0.7 + 0.3 * lead)), 2)


def _reasons(asked: _Asked, doc: int) -> tuple[str, ...]:
    best = sorted(asked.why[doc], reverse=True)
    return tuple(dict.fromkeys(why for _, why in best))[:4]
