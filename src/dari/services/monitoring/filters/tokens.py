"""A sentence cut into known words: spaces are a hint, a Korean word is cut further, and what is unknown stays whole."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from dari.services.monitoring.filters import lexicon, numerals

_FIGURES: Final = frozenset({"NUM", "WON", "SCALE"})
MAX_LENGTH: Final = 300
"""A longer filter is not read at all."""

_FIELD_VALUE: Final = r"(?P<quote>[\"'“‘`]?)(?P<value>[A-Za-z0-9][A-Za-z0-9_.:\-]*)[\"'”’`]?"
_CLAIMS: Final = (
    (
        "MERCHANT",
        re.compile(
            r"(?<![A-Za-z0-9_\-])(?P<word>merchant[ _]?ids?|merchantid|merchant|가맹점|머천트|상점|판매자)"
            r"(?P<mark>(?:\s*(?:아이디|번호|코드|id|named|called))?(?:\s*(?:==|=|:|is(?=\s)|은(?=\s)|는(?=\s)|이(?=\s)|가(?=\s)))?\s*)"
            + _FIELD_VALUE,
            re.IGNORECASE,
        ),
    ),
    (
        "IDEMPOTENCY",
        re.compile(
            r"(?<![A-Za-z0-9_\-])(?P<word>idempotency[ _\-]?key|idempotencykey|idem[ _\-]?key|멱등성?\s*키)"
            r"(?P<mark>(?:\s*(?:==|=|:|is(?=\s)|은(?=\s)|는(?=\s)|이(?=\s)|가(?=\s)))?\s*)" + _FIELD_VALUE,
            re.IGNORECASE,
        ),
    ),
    (
        "PAYMENT",
        re.compile(
            r"(?<![A-Za-z0-9_\-])(?P<word>payment[ _]?ids?|paymentid|payment\s*(?:number|no\.?)|payment\s*#|"
            r"결제\s*(?:번호|아이디|id)|"
            r"결제\s*#|#|pid)(?P<mark>(?:\s*(?:==|=|:|is(?=\s)|은(?=\s)|는(?=\s)|이(?=\s)|가(?=\s)))?\s*#?)"
            r"(?P<quote>)(?P<value>\d+)(?![\d,.]*\d|[A-Za-z_\-])",
            re.IGNORECASE,
        ),
    ),
)
_STAMP: Final = re.compile(
    r"(?<![\w.\-])(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})\.?"
    r"(?:[T ](?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:\.\d+)?)?"
    r"(?P<z>Z|\+\d{2}:?\d{2}|(?<=T\d\d:\d\d:\d\d)-\d{2}:?\d{2})?"
    r"(?!\s*[ap]\.?m))?(?![\d\-/:])",
    re.IGNORECASE,
)
_SHORT: Final = re.compile(r"(?:(?<![\w.\-/])|(?<=\d/\d-)|(?<=\d/\d\d-))(?P<m>\d{1,2})/(?P<d>\d{1,2})(?![\d/:])")
_TIME: Final = re.compile(
    r"(?<![\w.:])(?P<h>\d{1,2})(?::(?P<m>\d{2}))?(?::(?P<s>\d{2}))?\s*(?P<half>[ap]\.?m\.?)(?![a-z])|"
    r"(?<![\w.:])(?P<h2>\d{1,2}):(?P<m2>\d{2})(?::(?P<s2>\d{2}))?(?![\d:])",
    re.IGNORECASE,
)
_STATUS_MARK: Final = re.compile(r"(?:(?<![A-Za-z_])status|상태)\s*(?:=|:)\s*", re.IGNORECASE)
_DIGITS: Final = re.compile(
    r"\d[\d,]*(?:\.\d+)?(?:[십백천만억조]+(?:\d[\d,]*(?:\.\d+)?[십백천만억조]+)*(?:\d[\d,]*)?)?"
)
_HANGUL_NUMBER: Final = re.compile(r"[일이삼사오육칠팔구영십백천만억조]+")
_ID: Final = re.compile(r"[A-Za-z0-9]+(?:[_\-.][A-Za-z0-9]+)*")
_ASCII: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_ORDINAL: Final = re.compile(r"(\d{1,2})(st|nd|rd|th)(?![a-z])")
_NOT_IDS: Final = re.compile(r"(?:\d[\d,.]*[a-z]+)+|\d[\d.]*(?:k|mil)-\d[\d.]*(?:k|mil)")
"""Figures with a unit (1h30m) and ranges of them (10k-20k)."""
_KILO: Final = re.compile(r"(\d[\d,]*(?:\.\d+)?)(k|mil)(?![a-z])")


@dataclass(frozen=True, slots=True)
class Word:
    """One known word, or one that is not (`UNKNOWN`); `text` as it was written."""

    kind: str
    value: Any
    text: str
    start: int
    end: int
    glued: bool = False
    """No space between it and the word before."""


def cut(text: str) -> list[Word]:
    """The words of `text` (already normalised by `normal`)."""
    words: list[Word] = []
    claimed = sorted(_claims(text), key=lambda word: word.start)
    position = 0
    for claim in [*claimed, None]:
        until = claim.start if claim else len(text)
        for chunk in re.finditer(r"\S+", text[position:until]):
            start = position + chunk.start()
            words.extend(_segment(chunk.group(), start, glued=start > 0 and not text[start - 1].isspace()))
        if claim:
            words.append(claim)
            position = claim.end
    return _phrases(words)


def normal(text: str) -> str:
    """NFC first (decomposed Hangul), then full-width signs as plain ones; the case stays."""
    return "".join(unicodedata.normalize("NFKC", sign) for sign in unicodedata.normalize("NFC", text)).replace(
        "￦", "₩"
    )


def _claims(text: str) -> list[Word]:
    """What is recognised before the words: field values, dates and clock times. Never overlapping."""
    found: list[Word] = []

    def take(kind: str, value: Any, start: int, end: int) -> None:
        if all(end <= one.start or start >= one.end for one in found):
            glued = start > 0 and not text[start - 1].isspace()
            found.append(Word(kind, value, text[start:end], start, end, glued))

    for kind, pattern in _CLAIMS:
        for match in pattern.finditer(text):
            value = match["value"].rstrip(".:-")
            end = match.start("value") + len(value) + (1 if match["quote"] else 0)
            marked = "=" in match["mark"] or ":" in match["mark"] or bool(match["quote"])
            if kind == "PAYMENT":
                take(kind, int(value), match.start(), match.end("value"))
            elif marked or _looks_like_id(value, text[match.end("value") :]):
                take(kind, value, match.start(), end)
    for match in _STATUS_MARK.finditer(text):
        take("FILL", None, match.start(), match.end())
    for match in _STAMP.finditer(text):
        take("STAMP", match.groupdict(), match.start(), match.end())
    for match in _SHORT.finditer(text):
        take("STAMP", {"y": None, **match.groupdict()}, match.start(), match.end())
    for match in _TIME.finditer(text):
        groups = match.groupdict()
        hour, minute, second = (int(groups[n] or groups[n + "2"] or 0) for n in ("h", "m", "s"))
        half = (groups["half"] or "").replace(".", "").lower()
        take("TIME", (hour, minute, second, half), match.start(), match.end())
    return found


def _looks_like_id(value: str, after: str) -> bool:
    """A merchant or key without `=`: it has a digit, a sign or a capital, and is not a known word or an amount."""
    if value.lower() in {*lexicon.TABLE, "id", "ids"} or re.match(
        r"\s*(원|만|천|억|won|krw|건|%)", after, re.IGNORECASE
    ):
        return False
    if value.isdigit():
        return not re.match(r"\s*(?:이상|이하|초과|미만|시간|분|일|번)", after)
    return any(c.isdigit() or c in "_-" or c.isupper() for c in value)


def _segment(chunk: str, offset: int, *, glued: bool) -> list[Word]:
    """The cheapest way to write a chunk wholly in known words; otherwise it is one UNKNOWN word."""
    lead = re.match(r"[.?!()\"'“”‘’\[\]…;:]+", chunk)
    parts = _cheapest(chunk, glued)
    if parts is None:
        trimmed = chunk.strip(".?!()\"'“”‘’[]…;:,")
        start = offset + (len(lead.group()) if lead and trimmed else 0)
        return [Word("UNKNOWN", None, trimmed or chunk, start, start + len(trimmed or chunk), glued)]
    return [
        Word(kind, value, chunk[start:end], offset + start, offset + end, glued if start == 0 else True)
        for kind, value, start, end in parts
    ]


@lru_cache(maxsize=4096)
def _cheapest(chunk: str, glued: bool) -> tuple[tuple[str, Any, int, int], ...] | None:  # noqa: FBT001 — one private call
    best: list[tuple[float, tuple[tuple[str, Any, int, int], ...]] | None] = [None] * (len(chunk) + 1)
    best[0] = (0.0, ())
    for position in range(len(chunk)):
        here = best[position]
        if here is None:
            continue
        before = here[1][-1][0] if here[1] else ("CLAIM" if glued else "")
        for end, kind, value, cost in _options(chunk, position, before):
            total = here[0] + cost
            known = best[end]
            if known is None or total < known[0] - 1e-9:
                best[end] = (total, (*here[1], (kind, value, position, end)))
    final = best[len(chunk)]
    return final[1] if final else None


def _options(chunk: str, at: int, before: str) -> list[tuple[int, str, Any, float]]:
    """Every known word that starts at `at`: (end, kind, value, cost); a longer word is a little cheaper."""
    lower = chunk.lower()
    found: list[tuple[int, str, Any, float]] = []
    for length in range(1, min(lexicon.LONGEST, len(chunk) - at) + 1):
        surface = lower[at : at + length]
        if surface in lexicon.TABLE and _whole(lower, at, at + length):
            for kind, value in lexicon.TABLE[surface]:
                cost = 1.0 - 0.02 * length
                if kind in {"PART", "THAN"} and not before:
                    continue  # a particle follows something
                if kind in {"COUNT", "BAND", "EACH"} and at == 0:
                    cost += 0.6
                if kind == "NOT" and surface in {"미", "비", "안", "못", "외"} and at > 0:
                    continue
                found.append((at + length, kind, value, cost))
    for pattern, kind in ((_KILO, "NUM"), (_ORDINAL, "ORDINAL"), (_DIGITS, "NUM")):
        match = pattern.match(lower, at)
        if match and not (at and lower[at - 1].isdigit()):
            value = _number(match, kind)
            if value is not None:
                cost = 1.0 - 0.02 * len(match.group())
                found.append((match.end(), kind, (value, match.group()), cost))
    match = _HANGUL_NUMBER.match(lower, at)
    if match and (at == 0 or before in {"LAST", "ROLL", "FILL", "THIS"}):
        for end in range(match.end(), at, -1):
            value = numerals.korean(lower[at:end])
            if value is not None and value > 0:
                cost = (1.3 if end - at > 1 or lower[at] in "만천백억십" else 1.9) - 0.02 * (end - at)
                found.append((end, "NUM", (value, lower[at:end]), cost))
    identity = _ID.match(chunk, at)
    if identity and (at == 0 or not re.match(r"[A-Za-z0-9]", chunk[at - 1])):
        text = identity.group()
        letters = any(c.isalpha() for c in text)
        signs = any(c.isdigit() or c in "_-" for c in text)
        if letters and signs and not _NOT_IDS.fullmatch(text.lower()):
            sure = text[0].isalpha() and any(c.isdigit() for c in text) and any(c in "_-" for c in text)
            found.append((identity.end(), "ID", text, 1.8 if sure else 2.2))
    return found


def _number(match: re.Match[str], kind: str) -> Decimal | None:
    if kind == "ORDINAL":
        return Decimal(match.group(1))
    if match.re is _KILO:
        value = numerals.korean(match.group(1))
        return None if value is None else value * (1_000 if match.group(2) == "k" else 1_000_000)
    return numerals.korean(match.group().rstrip(","))


def _whole(text: str, start: int, end: int) -> bool:
    """Latin words stand alone (no letter of theirs on either side); Korean ones may be glued."""
    first, last = text[start], text[end - 1]
    left = not (
        first.isascii() and first.isalpha() and start and text[start - 1].isascii() and text[start - 1].isalpha()
    )
    right = not (
        last.isascii()
        and last.isalpha()
        and end < len(text)
        and text[end].isascii()
        and (text[end].isalpha() or text[end] == "_")
    )
    return left and right


def _phrases(words: list[Word]) -> list[Word]:
    """Join words that mean something together (more than, 안 넘는), longest first."""
    longest = max(len(phrase.split()) for phrase in lexicon.PHRASES)
    out: list[Word] = []
    index = 0
    while index < len(words):
        for count in range(min(longest, len(words) - index), 0, -1):
            span = words[index : index + count]
            phrase = " ".join(word.text.lower() for word in span)
            entry = lexicon.PHRASES.get(phrase)
            follows = words[index + count].kind if index + count < len(words) else ""
            if (
                entry
                and phrase.startswith(("or ", "and "))
                and (not out or out[-1].kind not in _FIGURES or follows in _FIGURES)
            ):
                entry = None  # failed or over 5,000: the "or" joins two conditions
            if entry:
                text = " ".join(word.text for word in span)
                out.append(Word(entry[0], entry[1], text, span[0].start, span[-1].end, span[0].glued))
                index += count
                break
        else:
            out.append(words[index])
            index += 1
    return out
