"""Disclosures (공시) of the world's companies: pure functions of (seed, company, day), told as far as they were filed.

Receipts are numbered over the whole day, so a day is made at once: what companies file by chance, what an unusual day
draws from the exchange, the regular reports that are due, and corrections of what was filed some days before.
"""

from __future__ import annotations

from collections.abc import Mapping
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
_CORRECTED: Final = 0.03
_LATER: Final = 9
_FILES: Final = 0.14
_FILES_LARGE: Final = 0.55
_UNLISTED_FILE: Final = 0.01
_LARGE: Final = 2_000_000_000_000


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
        rows = len(self.companies)
        lots = columns(self.seed, "filing", day.toordinal(), rows, 2)
        yesterday = krx.previous_trading_day(day)
        made: list[Filing] = []
        for place, company in enumerate(self.companies):
            chance, more = lots[0][place] / SCALE, lots[1][place]
            if not company.issues:
                if chance < _UNLISTED_FILE:
                    made.append(self._filed(company, day, _AUDIT, 0))
                continue
            issue = company.issues[0]
            usual = _FILES_LARGE if issue.price * issue.shares > _LARGE else _FILES
            if chance < usual:
                count = 1 + (more % 4 == 0) + (more % 16 == 0)
                sorts = [_LOTS[draw(self.seed, "sort", company.corp_code, day, n) % len(_LOTS)] for n in range(count)]
                made += [self._filed(company, day, sort, n) for n, sort in enumerate(sorts)]
            if self.market.paths.jump(issue, day) is not None and more % 10 < 7:
                made.append(self._filed(company, day, _ASKED, 10))
            if self.market.paths.jump(issue, yesterday) is not None and self._was_asked(place, yesterday):
                made.append(self._filed(company, day, _ANSWERED, 11))
        for told in self._due(day.year).get(day, ()):
            detail, name = _REGULAR[told.kind]
            title = f"{name} ({told.settled_on:%Y.%m})"
            made.append(Filing("", told.received_at, told.company, title, detail, told.company.name, "연"))
        return tuple(replace(one, corrected_at=self._correction(one, place)) for place, one in enumerate(made))

    def _was_asked(self, place: int, day: date) -> bool:
        return columns(self.seed, "filing", day.toordinal(), len(self.companies), 2)[1][place] % 10 < 7

    def _filed(self, company: Company, day: date, sort: Sort, number: int) -> Filing:
        lot = draw(self.seed, "filed", company.corp_code, day, number)
        exchange = sort.detail[0] == "I"
        seconds = lot % (39_600 if sort is not _ASKED else 7_200)
        begins = time(7, 30) if sort is not _ASKED else time(14)
        board = company.board
        filer = company.name
        if sort is _ASKED:
            filer = "유가증권시장본부" if board == "KOSPI" else "코스닥시장본부"
        elif sort.detail == "D001":
            filer = _HOLDERS[(lot >> 32) % len(_HOLDERS)]
        remarks = ("유" if board == "KOSPI" else "코") if exchange else ""
        at = datetime.combine(day, begins, KST) + timedelta(seconds=seconds)
        return Filing("", at, company, sort.title, sort.detail, filer, remarks)

    def _correction(self, draft: Filing, place: int) -> datetime | None:
        """When a draft is corrected, if it ever is."""
        lot = draw(self.seed, "corrected", draft.company.corp_code, draft.day, place)
        if lot % SCALE >= _CORRECTED * SCALE or draft.detail == "I003":
            return None
        day = draft.day
        for _ in range(1 + (lot >> 20) % _LATER):
            day = krx.next_trading_day(day)
        return datetime.combine(day, draft.at.timetz())

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
        counts = {"": 0, "KOSPI": 800_000, "KOSDAQ": 900_000}
        numbered = []
        for draft, origin, place in entries:
            series = (draft.company.board or "") if draft.detail[0] == "I" else ""
            counts[series] += 1
            numbered.append((replace(draft, receipt=f"{day:%Y%m%d}{counts[series]:06d}"), origin, place))
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
