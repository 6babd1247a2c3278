"""Companies, disclosures, own shares and whole closed days of the market world."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import pytest

from dari.app.simulators import market_of
from dari.core import krx
from dari.core.clock import KST
from dari.worlds.market import Issue, Market
from dari.worlds.market.closed import closed_days
from dari.worlds.market.companies import Company, romanised
from dari.worlds.market.filings import Disclosures, disclosures
from dari.worlds.market.treasury import KINDS, due_in, holdings, latest, report, reports_until, settled_on

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=KST)
DAY = NOW.date()


@pytest.fixture(scope="module")
def market() -> Market:
    return market_of(3)


@pytest.fixture(scope="module")
def told(market: Market) -> Disclosures:
    return disclosures(market)


# ── companies ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_share_has_one_company_and_funds_have_none(told: Disclosures, market: Market) -> None:
    assert len({one.corp_code for one in told.companies}) == len(told.companies)
    assert all(len(one.corp_code) == 8 and one.corp_code.isdigit() for one in told.companies)
    for issue in market.issues:
        company = told.by_code.get(issue.code)
        assert (company is None) == (issue.kind == "etf"), issue
        if company is not None:
            assert company.issues[0].kind != "preferred"
            assert company.board == issue.board
    assert sum(not one.issues for one in told.companies) == 400


def test_a_preferred_share_is_its_common_shares_company(told: Disclosures) -> None:
    samsung = told.by_code["005935"]
    assert (samsung.corp_code, samsung.code, samsung.name) == ("00126380", "005930", "삼성전자")
    assert [issue.code for issue in samsung.issues] == ["005930", "005935"]


def test_names_are_spelled_in_latin_letters(told: Disclosures) -> None:
    assert romanised("한국전력") == "Hangukjeonryeok"
    assert romanised("KT&G 바이오") == "KT&G baio"
    assert all(one.english.isascii() for one in told.companies)


# ── disclosures ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_disclosures_are_their_seed_whoever_asks_first(told: Disclosures) -> None:
    again = Disclosures(Market(3))
    again.told(NOW, DAY - timedelta(days=5), DAY - timedelta(days=2))
    assert again.of_day(DAY) == told.of_day(DAY)
    assert disclosures(market_of(3)) is told


def test_receipts_are_numbered_over_the_day(told: Disclosures) -> None:
    filed = told.of_day(DAY)
    assert len({one.receipt for one in filed}) == len(filed) > 300
    assert all(one.receipt.startswith("20261120") and len(one.receipt) == 14 for one in filed)
    for letter, board, start in (("I", "KOSPI", 800_000), ("I", "KOSDAQ", 900_000)):
        numbers = [int(one.receipt[8:]) for one in filed if one.detail[0] == letter and one.company.board == board]
        assert numbers == list(range(start + 1, start + 1 + len(numbers)))
    assert [one.at for one in filed] == sorted(one.at for one in filed)


def test_nothing_is_told_before_it_is_filed_and_nothing_on_a_day_of_rest(told: Disclosures) -> None:
    by_noon = told.told(NOW.replace(hour=12), DAY, DAY)
    by_night = told.told(NOW.replace(hour=23), DAY, DAY)
    assert 0 < len(by_noon) < len(by_night) == len(told.of_day(DAY))
    assert by_night[-len(by_noon) :] == by_noon
    assert told.told(NOW, DAY + timedelta(days=1), DAY + timedelta(days=9)) == []
    assert told.of_day(date(2026, 11, 15)) == ()
    assert told.told(NOW, date(2026, 11, 14), date(2026, 11, 15)) == []


def test_one_companys_are_the_same_ones(told: Disclosures) -> None:
    everything = told.told(NOW, DAY - timedelta(days=30), DAY)
    busiest, count = Counter(one.company.corp_code for one in everything).most_common(1)[0]
    own = told.told(NOW, DAY - timedelta(days=30), DAY, busiest)
    assert own == [one for one in everything if one.company.corp_code == busiest]
    assert len(own) == count > 5
    code = told.by_corp[busiest].code
    assert told.count(code, DAY, NOW) == sum(one.day == DAY for one in own)
    assert told.count("069500", DAY, NOW) == 0


def test_an_unusual_day_is_asked_about_and_answered(told: Disclosures, market: Market) -> None:
    asked = [one for one in told.of_day(DAY) if one.detail == "I003"]
    assert len(asked) > 5
    jumping = market.paths.jumping(DAY)
    assert all(market.paths.jumps(one.company.issues[0], jumping) for one in asked)
    assert {one.filer for one in asked} == {"유가증권시장본부", "코스닥시장본부"}
    following = told.of_day(krx.next_trading_day(DAY))
    answering = {one.company.corp_code for one in following if "답변" in one.title and not one.corrects}
    assert {one.company.corp_code for one in asked} == answering


def test_a_correction_names_what_it_corrects_and_marks_it(told: Disclosures) -> None:
    later = NOW + timedelta(days=20)
    corrections = [one for one in told.told(later, DAY, later.date()) if one.corrects]
    assert corrections
    for one in corrections:
        day = datetime.strptime(one.corrects[:8], "%Y%m%d").replace(tzinfo=KST).date()
        (old,) = (other for other in told.of_day(day) if other.receipt == one.corrects)
        assert old.company == one.company
        assert one.title == f"[기재정정]{old.title}"
        assert old.corrected_at == one.at
        assert old.corrected(one.at)
        assert not old.corrected(one.at - timedelta(seconds=1))
        assert old.remarks(one.at).endswith("정")
        assert not old.remarks(one.at - timedelta(seconds=1)).endswith("정")


# ── own shares ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def usual(told: Disclosures) -> Company:
    """A company that settles in December."""
    return next(one for one in told.companies if one.issues and one.settles_in == 12)


def test_reports_come_in_their_season(told: Disclosures, usual: Company) -> None:
    settled = [settled_on(usual, 2026, kind).isoformat() for kind in KINDS]
    assert settled == ["2026-03-31", "2026-06-30", "2026-09-30", "2026-12-31"]
    for kind, latest_day in zip(KINDS, ("2026-05-15", "2026-08-14", "2026-11-16", "2027-03-31"), strict=True):
        received = report(told.seed, usual, 2026, kind).received_at
        assert received.date().isoformat() <= latest_day
        assert received.date() > settled_on(usual, 2026, kind)
        assert krx.is_trading_day(received.date())
    assert sorted(due_in(usual, 2026)) == [(2025, "11011"), (2026, "11012"), (2026, "11013"), (2026, "11014")]


def test_a_company_that_settles_in_march_names_the_year_it_began(told: Disclosures) -> None:
    march = next(one for one in told.companies if one.issues and one.settles_in == 3)
    assert settled_on(march, 2025, "11011") == date(2026, 3, 31)
    assert settled_on(march, 2025, "11013") == date(2025, 6, 30)


def test_the_latest_report_is_the_latest_received(told: Disclosures, usual: Company) -> None:
    third = report(told.seed, usual, 2026, "11014")
    before = latest(told.seed, usual, third.received_at - timedelta(seconds=1))
    assert before is not None
    assert (before.year, before.kind) == (2026, "11012")
    assert latest(told.seed, usual, third.received_at) == third
    ahead = list(itertools.islice(reports_until(told.seed, usual, NOW), 12))
    assert [one.settled_on for one in ahead] == sorted((one.settled_on for one in ahead), reverse=True)
    assert all(one.received_at <= NOW for one in ahead)
    assert latest(told.seed, usual, datetime(2014, 1, 1, tzinfo=KST)) is None


def test_every_report_of_the_day_is_filed_once(told: Disclosures) -> None:
    day = date(2026, 11, 16)
    regular = [one for one in told.of_day(day) if one.detail[0] == "A" and not one.corrects]
    assert len(regular) > 300
    assert {one.title for one in regular} <= {
        "분기보고서 (2026.09)",
        "사업보고서 (2026.06)",
        "반기보고서 (2026.09)",
    } | {f"{name} ({month})" for name in ("분기보고서", "반기보고서") for month in ("2026.09",)}
    assert len({one.company.corp_code for one in regular}) == len(regular)


def test_own_shares_add_up_from_report_to_report(told: Disclosures) -> None:
    companies = [one for one in told.companies if one.issues][:300]
    some = 0
    for company in companies:
        for kind in KINDS[:3]:
            now = holdings(told.seed, report(told.seed, company, 2026, kind))
            year_before = holdings(told.seed, report(told.seed, company, 2025, "11011"))
            assert len(now) == len(company.issues)
            for row, before, issue in zip(now, year_before, company.issues, strict=True):
                assert row.opening == before.closing
                assert row.opening + row.acquired - row.disposed - row.retired == row.closing
                assert (row.issued, row.floating) == (issue.shares, issue.shares - row.closing)
                assert 0 <= row.closing < issue.shares // 4
                some += row.closing > 0
    assert 200 < some < 900


def test_own_shares_are_those_of_the_latest_report_and_class(told: Disclosures, market: Market) -> None:
    common, preferred = told.holding("005930", NOW), told.holding("005935", NOW)
    assert common is not None
    assert preferred is not None
    assert (common.name, common.issued) == ("보통주", market.by_code["005930"].shares)
    assert (preferred.name, preferred.issued) == ("우선주", market.by_code["005935"].shares)
    assert told.holding("069500", NOW) is None
    assert told.report("069500", NOW) is None
    assert told.holding("005930", datetime(2014, 1, 1, tzinfo=KST)) is None


# ── whole days ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_closed_day_is_every_bar_and_every_index(market: Market) -> None:
    day, days = date(2026, 11, 18), closed_days(market)
    bars = days.bars(day)
    assert list(bars) == [issue.code for issue in market.issues]
    for issue in market.issues[::7]:
        assert bars[issue.code] == market.bar(issue.code, day)
    for code in ("0001", "1001", "2001", "0013", "1024", "0002"):
        told, whole = days.index(code, day), market.index_day(code, day)
        assert (told.base, told.open, told.high, told.low) == (whole.base, whole.open, whole.high, whole.low)
        assert (told.close, told.volume, told.value) == (whole.level, whole.volume, whole.value)
        members = market.members[code]
        assert told.market_cap == sum(bars[one.code].close * one.shares for one in members)
    assert days.index("KRX 300", day).value < days.index("KRX TMI", day).value
    assert closed_days(market) is days
    with pytest.raises(ValueError, match="not a trading day"):
        days.bars(date(2026, 11, 15))
    with pytest.raises(KeyError):
        days.index("9999", day)


def test_a_jump_is_where_the_price_jumps(market: Market) -> None:
    places = market.paths.jumping(DAY)
    jumping = [one for one in market.issues if market.paths.jumps(one, places)]
    assert 20 < len(jumping) < 200
    assert all(one.kind in {"common", "preferred"} and not one.halted for one in jumping)
    before, after = (closed_days(market).bars(day) for day in (date(2026, 11, 19), DAY))

    def moved(issues: Iterable[Issue]) -> float:
        rises = [abs(after[one.code].close / before[one.code].close - 1) for one in issues]
        return sum(rises) / len(rises)

    assert moved(jumping) > 2 * moved(market.issues)
