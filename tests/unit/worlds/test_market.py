import itertools
import time
from collections import Counter
from datetime import datetime, timedelta

import pytest

from dari.core import krx
from dari.core.clock import KST
from dari.worlds.market import SECTORS, Market
from dari.worlds.market.sectors import partition

NOON = datetime(2026, 11, 20, 11, 0, tzinfo=KST)
CLOSED = datetime(2026, 11, 20, 21, 0, tzinfo=KST)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(7)


def test_a_world_is_its_seed(market: Market) -> None:
    again, other = Market(7), Market(8)
    assert again.snapshot(NOON).quotes == market.snapshot(NOON).quotes
    assert other.quote("005930", NOON).value != market.quote("005930", NOON).value


def test_asking_in_another_order_changes_nothing() -> None:
    late, early = Market(7), Market(7)
    early_bars = early.daily("000660", NOON, 40)
    late.snapshot(CLOSED)
    late.quote("005930", NOON)
    assert late.daily("000660", NOON, 40) == early_bars


def test_the_market_is_as_large_as_the_real_one(market: Market) -> None:
    kinds = Counter((issue.board, issue.kind) for issue in market.issues)
    assert len(market.issues) >= 2_500
    assert len({issue.code for issue in market.issues}) == len(market.issues)
    assert len({issue.name for issue in market.issues}) == len(market.issues)
    assert all(krx.is_code(issue.code) for issue in market.issues)
    assert all(len(issue.name.encode("cp949")) <= 40 for issue in market.issues)
    assert kinds["KOSPI", "preferred"] >= 100
    assert kinds["KOSPI", "etf"] >= 100
    assert kinds["KOSDAQ", "spac"] >= 50
    assert any(issue.halted for issue in market.issues)
    assert any(issue.administered for issue in market.issues)
    assert market.by_code["005930"].isin == "KR7005930003"


def test_every_price_is_on_its_tick_and_within_its_limits(market: Market) -> None:
    for quote in market.snapshot(NOON, "UN").quotes.values():
        etp = quote.issue.etp
        shown = [price for price in (quote.price, quote.open, quote.high, quote.low) if price]
        assert all(krx.on_tick(price, etp=etp) for price in shown), quote
        assert all(quote.low_limit <= price <= quote.high_limit for price in shown), quote
        assert (quote.low_limit, quote.high_limit) == krx.price_limits(quote.base, etp=etp)


def test_ranges_hold_the_price_and_values_hold_the_range(market: Market) -> None:
    venues: tuple[krx.Venue, ...] = ("KRX", "NXT", "UN")
    for venue in venues:
        for quote in market.snapshot(NOON, venue).quotes.values():
            if quote.volume:
                assert quote.low <= quote.price <= quote.high, quote
                assert quote.low <= quote.open <= quote.high, quote
                # each stretch between knots is cut to the won, so a few won may be missing
                assert quote.low * quote.volume <= quote.value + 20, quote
                assert quote.value <= quote.high * quote.volume, quote
            else:
                assert quote.value == quote.open == 0


def test_the_day_only_grows(market: Market) -> None:
    opening = datetime(2026, 11, 20, 9, 0, tzinfo=KST)
    venues: tuple[krx.Venue, ...] = ("KRX", "NXT", "UN")
    for venue in venues:
        seen = market.quote("005930", opening, venue)
        for minute in range(5, 700, 5):
            now = market.quote("005930", opening + timedelta(minutes=minute), venue)
            assert now.volume >= seen.volume
            assert now.value >= seen.value
            assert now.high >= seen.high
            assert now.low <= seen.low
            seen = now


def test_a_day_becomes_yesterday(market: Market) -> None:
    before = datetime(2026, 11, 19, 21, 0, tzinfo=KST)
    for code in ("005930", "000660", "035720"):
        ended, now = market.quote(code, before), market.quote(code, NOON)
        assert now.base == ended.price
        assert now.previous_volume == ended.volume
        assert now.previous_value == ended.value
        today, yesterday, *_ = market.daily(code, NOON, 5)
        assert (today.close, today.volume, today.value) == (now.price, now.volume, now.value)
        assert (yesterday.close, yesterday.volume, yesterday.high) == (ended.price, ended.volume, ended.high)


def test_bars_follow_one_another(market: Market) -> None:
    bars = market.daily("086520", NOON, 130)
    assert len(bars) == 130
    assert [bar.day for bar in bars] == [f"{day:%Y%m%d}" for day in krx.trading_days(NOON.date(), 130)]
    for newer, older in itertools.pairwise(bars):
        assert newer.base == older.close
        low, high = krx.price_limits(older.close)
        assert low <= newer.low <= newer.high <= high


def test_closes_never_leave_their_limits(market: Market) -> None:
    days = krx.trading_days(NOON.date(), 60)
    limits = 0
    for issue in market.issues[::13]:
        for day in days:
            path = market.paths.day(issue, day)
            assert path.low_limit <= market.paths.close(issue, day) <= path.high_limit
            limits += not issue.halted and path.prices[-1] in {path.low_limit, path.high_limit}
    assert limits > 0


def test_the_week_end_shows_friday(market: Market) -> None:
    sunday = datetime(2026, 11, 22, 12, 0, tzinfo=KST)
    assert market.snapshot(sunday).quotes == market.snapshot(CLOSED).quotes
    morning = datetime(2026, 11, 23, 8, 30, tzinfo=KST)
    assert market.quote("005930", morning).volume == market.quote("005930", CLOSED).volume


def test_indices_are_sums_of_their_issues(market: Market) -> None:
    quotes = market.snapshot(NOON).quotes
    for code, members in market.members.items():
        index = market.index(code, NOON)
        assert index.value == sum(quotes[one.code].value for one in members)
        assert index.volume == sum(quotes[one.code].volume for one in members)
        assert index.limit_up + index.up + index.flat + index.down + index.limit_down == index.issues == len(members)
        assert index.low <= index.level <= index.high
    assert len(market.members["2001"]) == 200


@pytest.mark.parametrize("market_code", ["0001", "1001"])
def test_industries_partition_their_market(market: Market, market_code: str) -> None:
    whole = market.index(market_code, NOON)
    parts = partition(SECTORS[market_code].board)
    assert sum(market.index(part.code, NOON).value for part in parts) == whole.value
    everything = [one for one in SECTORS.values() if one.board == SECTORS[market_code].board and one.kind != "market"]
    assert sum(market.index(sector.code, NOON).value for sector in everything) > whole.value


def test_an_unknown_code_is_a_key_error(market: Market) -> None:
    with pytest.raises(KeyError):
        market.quote("999999", NOON)
    with pytest.raises(KeyError):
        market.index("9999", NOON)


def test_ties_are_planted_where_they_are_asked_for() -> None:
    def equal_values(world: Market) -> int:
        values = Counter(quote.value for quote in world.snapshot(NOON).quotes.values() if quote.value > 10**9)
        return sum(1 for count in values.values() if count > 1)

    assert equal_values(Market(3)) >= 4
    assert equal_values(Market(4)) == 0
    assert equal_values(Market(4, ties=True)) >= 4


def test_rankings_are_heavy_tailed(market: Market) -> None:
    values = sorted((quote.value for quote in market.snapshot(CLOSED).of("ALL")), reverse=True)
    assert 0.15 < sum(values[:30]) / sum(values) < 0.75


def test_a_snapshot_is_quick() -> None:
    market = Market(11)
    market.snapshot(NOON)
    started = time.process_time()
    market.snapshot(NOON + timedelta(seconds=1))
    assert time.process_time() - started < 0.3


def test_ranges_of_a_year_come_from_its_bars(market: Market) -> None:
    bars = [bar for bar in market.daily("068270", NOON, 262) if bar.day >= "20251120"]
    high, high_day, low, low_day = market.range("068270", NOON)
    assert high == max(bar.high for bar in bars)
    assert low == min(bar.low for bar in bars)
    assert {high_day, low_day} <= {bar.day for bar in bars}
