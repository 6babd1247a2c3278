from datetime import datetime

import pytest

from dari.core.clock import KST
from dari.core.krx import Venue
from dari.worlds.market import Market
from dari.worlds.market.depth import NO_LEVEL, depth
from dari.worlds.market.flows import GROUPS, INSTITUTIONS, investors, members, program
from dari.worlds.market.tape import Tape

MORNING = datetime(2026, 11, 20, 11, 0, 7, tzinfo=KST)
NIGHT = datetime(2026, 11, 20, 22, 0, tzinfo=KST)
MARKET = Market(7)
SOME = [issue.code for issue in MARKET.issues[::140]] + ["005930", "000660"]


@pytest.mark.parametrize("code", SOME)
def test_every_share_bought_was_sold(code: str) -> None:
    quote = MARKET.quote(code, MORNING)
    sides = investors(7, code, "20261120", quote.volume, quote.value)
    assert sum(sides[group].net for group in GROUPS) == 0
    assert sum(sides[group].net_value for group in GROUPS) == 0
    assert sum(sides[group].bought for group in GROUPS) == quote.volume
    assert sum(sides[group].sold_value for group in GROUPS) == quote.value
    assert sides["institution"].net == sum(sides[group].net for group in INSTITUTIONS)
    assert all(side.bought >= 0 and side.sold >= 0 for side in sides.values())
    firms = members(7, code, "20261120", quote.volume, quote.value)
    assert sum(side.bought for side in firms.values()) == quote.volume
    assert sum(side.sold for side in firms.values()) == quote.volume
    assert program(7, code, "20261120", quote.volume, quote.value).whole.bought <= quote.volume


@pytest.mark.parametrize("venue", ["KRX", "NXT", "UN"])
@pytest.mark.parametrize("moment", [MORNING, NIGHT])
def test_the_tape_adds_up_to_the_quote(venue: Venue, moment: datetime) -> None:
    for code in SOME:
        quote = MARKET.quote(code, moment, venue)
        bars = Tape(MARKET.paths, MARKET.by_code[code], moment.date(), venue).minutes(moment)
        assert sum(bar.volume for bar in bars) == quote.volume
        assert sum(bar.value for bar in bars) == quote.value
        if bars:
            assert (bars[0].open, bars[-1].close) == (quote.open, quote.price)
            assert (max(bar.high for bar in bars), min(bar.low for bar in bars)) == (quote.high, quote.low)


def test_trades_run_back_from_the_quote() -> None:
    quote = MARKET.quote("005930", MORNING)
    trades = Tape(MARKET.paths, MARKET.by_code["005930"], MORNING.date(), "KRX").trades(MORNING, 50)
    assert (trades[0].price, trades[0].total, trades[0].total_value) == (quote.price, quote.volume, quote.value)
    assert [one.total - one.volume for one in trades[:-1]] == [one.total for one in trades[1:]]


def test_a_book_stands_around_the_price_within_the_limits() -> None:
    for issue in MARKET.issues[::7]:
        quote = MARKET.quote(issue.code, MORNING)
        book = depth(7, quote)
        asks = [level.price for level in book.asks if level is not NO_LEVEL]
        bids = [level.price for level in book.bids if level is not NO_LEVEL]
        if issue.halted:
            assert not asks
            assert not bids
            continue
        assert asks == sorted(set(asks))
        assert bids == sorted(set(bids), reverse=True)
        assert all(quote.low_limit <= price <= quote.high_limit for price in asks + bids)
        assert not asks or not bids or (bids[0] < asks[0] and quote.price in (bids[0], asks[0]))


def test_a_book_is_the_same_for_whoever_asks() -> None:
    assert depth(7, MARKET.quote("005930", NIGHT)) == depth(7, Market(7).quote("005930", NIGHT))
