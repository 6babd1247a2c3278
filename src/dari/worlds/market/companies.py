"""The companies behind the issues: the code that disclosures know them by, and some that are not listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dari.worlds.market import names
from dari.worlds.market.issues import Issue
from dari.worlds.market.noise import draw
from dari.worlds.market.sectors import Board

UNLISTED: Final = 400
_KNOWN: Final[Mapping[str, str]] = {"005930": "00126380", "000660": "00164779", "035420": "00266961"}
"""고유번호 of a few companies everybody knows; the others' are drawn."""
_FIRST: Final = 0xAC00
_LAST: Final = 0xD7A3
_ONSETS: Final = "g kk n d tt r m b pp s ss - j jj ch k t p h"
_MIDDLES: Final = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i"
_ENDS: Final = "- k k k n n n t l k m l l l p l m p p t t ng t t k t p t"


@dataclass(frozen=True, slots=True)
class Company:
    """One company: its 고유번호, names, and its issues, the common share first (none where it is not listed).

    `settles_in` is the month its business year ends in.
    """

    corp_code: str
    name: str
    english: str
    issues: tuple[Issue, ...]
    board: Board | None
    settles_in: int
    changed_on: str

    @property
    def code(self) -> str:
        """종목코드 of the common share; empty where the company is not listed."""
        return self.issues[0].code if self.issues else ""


def romanised(name: str) -> str:
    """A Korean name in Latin letters, syllable by syllable; what is not Hangul stays."""
    parts = []
    for sign in name:
        if _FIRST <= ord(sign) <= _LAST:
            onset, rest = divmod(ord(sign) - _FIRST, 588)
            middle, end = divmod(rest, 28)
            letters = (_ONSETS.split()[onset], _MIDDLES.split()[middle], _ENDS.split()[end])
            parts.append("".join(letters).replace("-", ""))
        else:
            parts.append(sign)
    text = "".join(parts)
    return text[:1].upper() + text[1:]


def make_companies(seed: int, issues: Iterable[Issue]) -> tuple[Company, ...]:
    """Every company of the world of `seed`, in the order of their 고유번호. Funds and preferred shares have none."""
    by_code = {issue.code: issue for issue in issues}
    used = set(_KNOWN.values())

    def number(name: str) -> str:
        for turn in range(100):
            found = f"{100_000 + draw(seed, 'corp', name, turn) % 1_800_000:08d}"
            if found not in used:
                used.add(found)
                return found
        raise AssertionError("no number is left")  # 1.8 million numbers for three thousand companies

    def changed(name: str) -> str:
        lot = draw(seed, "corp changed", name)
        return f"{2017 + lot % 9}{1 + (lot >> 8) % 12:02d}{1 + (lot >> 16) % 28:02d}"

    made = []
    for issue in by_code.values():
        if issue.kind in {"common", "spac", "reit"}:
            preferred = by_code.get(issue.code[:-1] + "5")
            classes = (issue,) if preferred is None or preferred.kind != "preferred" else (issue, preferred)
            code = _KNOWN.get(issue.code) or number(issue.code)
            english = f"{romanised(issue.name)} Co.,Ltd."
            made.append(Company(code, issue.name, english, classes, issue.board, issue.settles_in, changed(issue.code)))
    heads, tails = names.HEADS, ("산업", "물산", "개발", "에너지", "테크", "홀딩스")
    for place in range(UNLISTED):
        lot = draw(seed, "unlisted", place)
        name = f"{heads[lot % len(heads)]}{tails[(lot >> 12) % len(tails)]}{place}호"
        made.append(Company(number(name), name, f"{romanised(name)} Co.,Ltd.", (), None, 12, changed(name)))
    return tuple(sorted(made, key=lambda one: one.corp_code))
