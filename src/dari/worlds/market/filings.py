"""Disclosures (공시) of the world's companies: pure functions of (seed, company, day), told as far as they were filed.

Receipts are numbered over the whole day, so a day is made at once: what companies file by chance, what an unusual day
draws from the exchange, the regular reports that are due, and corrections of what was filed some days before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from dari.core import krx
from dari.core.clock import KST
from dari.worlds.market import treasury
from dari.worlds.market.companies import Company, make_companies
from dari.worlds.market.noise import SCALE, columns, draw
from dari.worlds.market.world import Market


class Sort(NamedTuple):
    """One sort of disclosure: 공시상세유형, 보고서명, and how often it is filed by chance."""

    detail: str
    title: str
    weight: int


_BY_CHANCE: Final = (
    Sort("D002", "임원ㆍ주요주주특정증권등소유상황보고서", 18),
    Sort("I001", "단일판매ㆍ공급계약체결", 8),
    Sort("D001", "주식등의대량보유상황보고서(일반)", 5),
    Sort("D001", "주식등의대량보유상황보고서(약식)", 5),
    Sort("I002", "영업(잠정)실적(공정공시)", 4),
    Sort("I001", "기업설명회(IR)개최(안내공시)", 4),
    Sort("I001", "타법인주식및출자증권취득결정", 2),
    Sort("I001", "현금ㆍ현물배당결정", 2),
    Sort("I001", "풍문또는보도에대한해명(미확정)", 2),
    Sort("B001", "주요사항보고서(자기주식취득결정)", 2),
    Sort("B001", "주요사항보고서(자기주식처분결정)", 2),
    Sort("B001", "주요사항보고서(전환사채권발행결정)", 2),
    Sort("B001", "주요사항보고서(유상증자결정)", 1),
    Sort("E006", "주주총회소집공고", 1),
)
_LOTS: Final = tuple(sort for sort in _BY_CHANCE for _ in range(sort.weight))
_ASKED: Final = Sort("I003", "조회공시요구(현저한시황변동)", 0)
_ANSWERED: Final = Sort("I001", "조회공시요구(현저한시황변동)에대한답변(미확정)", 0)
_AUDIT: Final = Sort("F001", "감사보고서", 0)
_REGULAR: Final = {
    "11011": ("A001", "사업보고서"),
    "11012": ("A002", "반기보고서"),
    "11013": ("A003", "분기보고서"),
    "11014": ("A003", "분기보고서"),
}
_HOLDERS: Final = ("국민연금공단", "한빛자산운용", "가온자산운용", "브이아이피자산운용", "대한투자신탁운용")
_CORRECTED: Final = 0.03 * SCALE
_LATER: Final = 9
_FILES: Final = 0.14 * SCALE
_LARGE_FILES: Final = 0.55 * SCALE
_UNLISTED_FILES: Final = 0.01 * SCALE
_LARGE: Final = 2_000_000_000_000
_ASKED_IN_TEN: Final = 7
_MORNING: Final = time(7, 30)
_AFTERNOON: Final = time(14)


@dataclass(frozen=True, slots=True)
class Filing:
    """One disclosure. `receipt` is 접수번호, `detail` 공시상세유형 (its first letter 공시유형), `filer` who filed it.

    `corrects` is the receipt of the filing it corrects, `corrected_at` when it is itself corrected; `office` is 비고 as
    far as it never changes.
    """

    receipt: str
    at: datetime
    company: Company
    title: str
    detail: str
    filer: str
    office: str
    corrects: str = ""
    corrected_at: datetime | None = None

    def numbered(self, receipt: str) -> Filing:
        """The same with its receipt."""
        told = (self.at, self.company, self.title, self.detail, self.filer, self.office, "", self.corrected_at)
        return Filing(receipt, *told)

    @property
    def day(self) -> date:
        """접수일자."""
        return self.at.date()

    def corrected(self, at: datetime) -> bool:
        """Whether a correction of it was filed by `at`."""
        return self.corrected_at is not None and self.corrected_at <= at

    def remarks(self, at: datetime) -> str:
        """비고 as it reads at a moment: a filing that was corrected since says so (정)."""
        return self.office + "정" * self.corrected(at)


def _corrected_at(at: datetime, lot: int) -> datetime | None:
    """When a filing is corrected, if it ever is: at the same hour some trading days later."""
    if (lot >> 44) % SCALE >= _CORRECTED:
        return None
    day = at.date()
    for _ in range(1 + (lot >> 60) % _LATER):
        day = krx.next_trading_day(day)
    return datetime.combine(day, at.timetz())


class Disclosures:
    """The disclosures of one market's companies."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.seed = market.seed
        self.companies = make_companies(market.seed, market.issues)
        self.by_corp: Mapping[str, Company] = {one.corp_code: one for one in self.companies}
        self.by_code: Mapping[str, Company] = {issue.code: one for one in self.companies for issue in one.issues}
        self._drafts = lru_cache(maxsize=256)(self._make_drafts)
        self._numbered = lru_cache(maxsize=256)(self._make_numbered)
        self._day = lru_cache(maxsize=256)(self._make_day)
        self._due = lru_cache(maxsize=4)(self._make_due)

    # ── a day ──

    def _make_due(self, year: int) -> Mapping[date, list[treasury.Report]]:
        """The regular reports due in a calendar year, by the day they are received; none is due in January."""
        due: dict[date, list[treasury.Report]] = {}
        for company in self.companies:
            if company.issues:
                for business_year, kind in treasury.due_in(company, year):
                    told = treasury.report(self.seed, company, business_year, kind)
                    due.setdefault(told.received_at.date(), []).append(told)
        return due

    def _make_drafts(self, day: date) -> tuple[Filing, ...]:
        """What is filed on a day, without numbers and corrections, in the order of its making."""
        if not krx.is_trading_day(day):
            return ()
        paths, yesterday = self.market.paths, krx.previous_trading_day(day)
        jumping, jumped = paths.jumping(day), paths.jumping(yesterday)
        lots, asked = self._lots(day), self._lots(yesterday)[1]
        made: list[Filing] = []
        for place, company in enumerate(self.companies):
            chance, more = lots[0][place], lots[1][place]
            if not company.issues:
                if chance < _UNLISTED_FILES:
                    made.append(self._filed(company, day, 0, _AUDIT))
                continue
            issue = company.issues[0]
            if chance < (_LARGE_FILES if issue.price * issue.shares > _LARGE else _FILES):
                count = 1 + (more % 4 == 0) + (more % 16 == 0)
                made += [self._filed(company, day, number) for number in range(count)]
            if paths.jumps(issue, jumping) and more % 10 < _ASKED_IN_TEN:
                made.append(self._filed(company, day, 10, _ASKED))
            if paths.jumps(issue, jumped) and asked[place] % 10 < _ASKED_IN_TEN:
                made.append(self._filed(company, day, 11, _ANSWERED))
        return (*made, *(self._regular(told) for told in self._due(day.year).get(day, ())))

    def _lots(self, day: date) -> Sequence[Sequence[int]]:
        return columns(self.seed, "filing", day.toordinal(), len(self.companies), 2)

    def _filed(self, company: Company, day: date, number: int, sort: Sort | None = None) -> Filing:
        """One filing: everything about it comes from one lot."""
        lot = draw(self.seed, "filed", company.corp_code, day.toordinal(), number)
        sort = sort or _LOTS[(lot >> 8) % len(_LOTS)]
        board, filer, office = company.board, company.name, ""
        begins, span = (_AFTERNOON, 7_200) if sort is _ASKED else (_MORNING, 39_600)
        if sort is _ASKED:
            filer = "유가증권시장본부" if board == "KOSPI" else "코스닥시장본부"
        elif sort.detail == "D001":
            filer = _HOLDERS[(lot >> 16) % len(_HOLDERS)]
        if sort.detail[0] == "I":
            office = "유" if board == "KOSPI" else "코"
        at = datetime.combine(day, begins, KST) + timedelta(seconds=(lot >> 24) % span)
        corrected_at = None if sort is _ASKED else _corrected_at(at, lot)
        return Filing("", at, company, sort.title, sort.detail, filer, office, "", corrected_at)

    def _regular(self, told: treasury.Report) -> Filing:
        detail, name = _REGULAR[told.kind]
        lot = draw(self.seed, "regular", told.company.corp_code, told.settled_on.toordinal())
        title = f"{name} ({told.settled_on:%Y.%m})"
        at, company = told.received_at, told.company
        return Filing("", at, company, title, detail, company.name, "연", "", _corrected_at(at, lot))

    def _make_numbered(self, day: date) -> tuple[tuple[Filing, date, int], ...]:
        """The day's filings by time, each with the day and the place of the draft it is, or that it corrects."""
        entries = [(draft, day, place) for place, draft in enumerate(self._drafts(day))]
        if krx.is_trading_day(day):
            for before in krx.trading_days(krx.previous_trading_day(day), _LATER):
                for place, old in enumerate(self._drafts(before)):
                    if old.corrected_at is not None and old.corrected_at.date() == day:
                        title = f"[기재정정]{old.title}"
                        entries.append(
                            (replace(old, at=old.corrected_at, title=title, corrected_at=None), before, place)
                        )
        entries.sort(key=lambda one: (one[0].at, one[0].company.corp_code, one[1], one[2]))
        counts, told = {"": 0, "KOSPI": 800_000, "KOSDAQ": 900_000}, f"{day:%Y%m%d}"
        numbered = []
        for draft, origin, place in entries:
            series = (draft.company.board or "") if draft.detail[0] == "I" else ""
            counts[series] += 1
            numbered.append((draft.numbered(f"{told}{counts[series]:06d}"), origin, place))
        return tuple(numbered)

    def _receipt(self, day: date, place: int) -> str:
        """The receipt of a day's draft."""
        return next(one.receipt for one, origin, own in self._numbered(day) if (origin, own) == (day, place))

    def _make_day(self, day: date) -> Mapping[str, tuple[Filing, ...]]:
        """The day's filings by time, of each company and of all ("")."""
        told: dict[str, list[Filing]] = {"": []}
        for one, origin, place in self._numbered(day):
            filed = one if origin == day else replace(one, corrects=self._receipt(origin, place))
            told[""].append(filed)
            told.setdefault(one.company.corp_code, []).append(filed)
        return {code: tuple(rows) for code, rows in told.items()}

    # ── what is told ──

    def of_day(self, day: date) -> tuple[Filing, ...]:
        """Everything filed on a day, past or to come, in the order of its filing."""
        return self._day(day)[""]

    def told(self, at: datetime, start: date, end: date, corp_code: str = "") -> list[Filing]:
        """What was filed from `start` to `end` and by `at`, newest first; of one company, or of all ("")."""
        at = at.astimezone(KST)
        day, found = min(end, at.date()), []
        while day >= start:
            found += [one for one in reversed(self._day(day).get(corp_code, ())) if one.at <= at]
            day -= timedelta(days=1)
        return found

    def count(self, code: str, day: date, at: datetime) -> int:
        """How many disclosures of an issue's company were filed on a day by `at`; 0 for funds."""
        company = self.by_code.get(code)
        return len(self.told(at, day, day, company.corp_code)) if company else 0

    # ── own shares ──

    def report(self, code: str, at: datetime) -> treasury.Report | None:
        """The latest regular report of an issue's company that was received by `at`; None for funds."""
        company = self.by_code.get(code)
        return treasury.latest(self.seed, company, at.astimezone(KST)) if company else None

    def holding(self, code: str, at: datetime) -> treasury.Holding | None:
        """Own shares of an issue as its company's latest report tells them; None for funds."""
        told = self.report(code, at)
        if told is None:
            return None
        rows = treasury.holdings(self.seed, told)
        return next(row for row, issue in zip(rows, told.company.issues, strict=True) if issue.code == code)


@lru_cache(maxsize=4)
def disclosures(market: Market) -> Disclosures:
    """The disclosures of a market, made once."""
    return Disclosures(market)
