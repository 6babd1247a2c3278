"""The curated questions: one symbol of any kind, an account, the days, the names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dari.app.simulators import market_of
from dari.providers.kis.tools.trade.issues import issue_of
from dari.providers.kis.tools.trade.market import initials
from tests.support import MORNING, Asker, simulated


@pytest.fixture
async def trade(tmp_path: Path) -> AsyncIterator[Asker]:
    async with simulated("kis-trade", tmp_path) as asker:
        yield asker


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [
        ("005930", "stock"),
        ("0001A0", "stock"),
        ("0001", "index"),
        ("101W12", "future"),
        ("A01612", "future"),
        ("201W12350", "option"),
        ("KR2033022D33", "bond"),
        ("510A00", "elw"),
        ("aapl", "overseas"),
        ("BRK.B", "overseas"),
        ("ESZ26", "overseas_future"),
        ("OESZ26 C6000", "overseas_option"),
    ],
)
def test_a_symbol_says_what_it_is(symbol: str, kind: str) -> None:
    assert issue_of(symbol).kind == kind


def test_an_exchange_may_be_named() -> None:
    assert (issue_of("TKSE:7203").exchange, issue_of("TSE:7203").code) == ("TSE", "7203")


@pytest.mark.parametrize(
    ("symbol", "endpoint", "venue"),
    [
        ("005930", "domestic_stock.inquire_price", "KRX"),
        ("101W12", "domestic_futureoption.inquire_price", "KRX"),
        ("201W12350", "domestic_futureoption.inquire_price", "KRX"),
        ("KR2033022D33", "domestic_bond.inquire_price", "KRX"),
        ("0001", "domestic_stock.inquire_index_price", "KRX"),
        ("510A00", "domestic_stock.inquire_elw_price", "KRX"),
        ("JPM", "overseas_stock.price", "NYS"),
        ("TSE:7203", "overseas_stock.price", "TSE"),
        ("ESZ26", "overseas_futureoption.inquire_price", None),
        ("OESZ26 C6000", "overseas_futureoption.opt_price", None),
    ],
)
async def test_anything_is_quoted(trade: Asker, symbol: str, endpoint: str, venue: str | None) -> None:
    told = await trade.answer("get_quote", symbol=symbol)
    assert (told["endpoint"], told["venue"]) == (endpoint, venue)
    assert isinstance(told["price"], int | float)
    assert told["price"] > 0


async def test_a_quote_is_the_worlds(trade: Asker) -> None:
    told = await trade.answer("get_quote", symbol="005930")
    true = market_of(1).quote("005930", MORNING)
    assert (told["price"], told["volume"], told["open"]) == (true.price, true.volume, true.open)
    book = await trade.answer("get_order_book", symbol="005930")
    assert len(book["asks"]) == len(book["bids"]) == 10
    assert book["bids"][0][0] < book["asks"][0][0]
    assert book["asks"] == sorted(book["asks"])


@pytest.mark.parametrize("symbol", ["101W12", "KR2033022D33", "AAPL", "ESZ26"])
async def test_books_of_other_kinds(trade: Asker, symbol: str) -> None:
    book = await trade.answer("get_order_book", symbol=symbol)
    assert book["asks"][0][0] > book["bids"][0][0] > 0


@pytest.mark.parametrize(
    ("symbol", "interval", "count"),
    [
        ("005930", "day", 100),
        ("005930", "week", 10),
        ("005930", "month", 5),
        ("005930", "minute", 20),
        ("0001", "day", 20),
        ("101W12", "day", 20),
        ("JPM", "day", 20),
        ("KR2033022D33", "day", 20),
        ("ESZ26", "day", 5),
        ("0001", "minute", 1),  # its sheet tells one object where others tell a list
        ("ESZ26", "minute", 20),
        ("OESZ26 C6000", "minute", 20),
        ("OESZ26 C6000", "day", 5),
        ("ESZ26", "week", 5),
        ("OESZ26 C6000", "month", 3),
    ],
)
async def test_candles_come_newest_first(trade: Asker, symbol: str, interval: str, count: int) -> None:
    told = await trade.answer("get_candles", symbol=symbol, interval=interval, count=count)
    rows = [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]
    assert len(rows) == count
    assert all(row["low"] <= row["close"] <= row["high"] for row in rows)
    when = [f"{row['date']}{row.get('time', '')}" for row in rows]
    assert when == sorted(when, reverse=True)


@pytest.mark.parametrize(
    ("tool", "arguments", "error"),
    [
        ("get_quote", {"symbol": "999999"}, "not_found"),
        ("get_quote", {"symbol": "XX:7203"}, "invalid_input"),
        ("get_quote", {"symbol": "005930", "kind": "coin"}, "invalid_input"),
        ("get_order_book", {"symbol": "0001"}, "not_found"),
        ("get_candles", {"symbol": "510A00"}, "not_found"),
        ("get_orders", {"product": "coins"}, "invalid_input"),
        ("get_account", {"product": "bond"}, "wrong_mode"),
        ("get_account", {"product": "overseas_future"}, "wrong_mode"),
        ("get_market_calendar", {"start": "tomorrow"}, "invalid_input"),
    ],
)
async def test_what_cannot_be_answered_says_so(trade: Asker, tool: str, arguments: dict[str, Any], error: str) -> None:
    outcome = await trade.outcome(tool, **arguments)
    assert outcome.error in {error, "refused"} if arguments.get("symbol") == "999999" else outcome.error == error


async def test_an_account_adds_up_and_hides_its_number(tmp_path: Path) -> None:
    for mode, product in (("paper", "stock"), ("real", "stock"), ("real", "overseas"), ("real", "future")):
        async with simulated("kis-trade", tmp_path / f"{mode}{product}", KIS_MODE=mode) as trade:
            told = await trade.answer("get_account", product=product)
            assert told["mode"] == mode
            assert not {"50001234", "60005678"} & set(str(told).replace("'", " ").replace(",", " ").split())
            if product == "stock":
                table = told["tables"]["output1"]
                rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
                assert rows[0]["valuation_amount"] == rows[0]["price"] * rows[0]["holding_quantity"]


async def test_the_calendar_knows_the_exchange(trade: Asker) -> None:
    told = await trade.answer("get_market_calendar", start="20261224", days=5)
    assert [(one["date"], one["open"]) for one in told["days"]] == [
        ("2026-12-24", True), ("2026-12-25", False), ("2026-12-26", False), ("2026-12-27", False), ("2026-12-28", True),
    ]  # fmt: skip
    assert told["status"]["KRX"] == "open"


async def test_news_has_headlines(trade: Asker) -> None:
    told = await trade.answer("get_news", symbol="005930", limit=5)
    assert len(told["news"]) == 5
    assert all("삼성전자" in one["title"] for one in told["news"])


@pytest.mark.parametrize(
    ("query", "market", "first"),
    [
        ("삼성전자", "KR", "005930"),
        ("ㅅㅅㅈㅈ", "KR", "005930"),
        ("005930", "all", "005930"),
        ("apple", "US", "NAS:AAPL"),
    ],
)
async def test_names_lead_to_symbols(trade: Asker, query: str, market: str, first: str) -> None:
    told = await trade.answer("find_symbol", query=query, market=market)
    assert told["rows"][0][0] == first


def test_initials_of_a_name() -> None:
    assert initials("삼성전자 LG3") == "ㅅㅅㅈㅈLG3"
