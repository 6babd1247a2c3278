"""Replies, orders and symbols as they are read and spelt, without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from dari.app.kis import _account
from dari.core.clock import KST
from dari.core.endpoint import Field
from dari.core.errors import BadSetting, InvalidInput, Malformed, MissingCredential, NotFound, WrongMode
from dari.core.live import Cut, Overrun
from dari.core.provider import Credential, Response
from dari.providers.kis.dialect.accounts import account_of
from dari.providers.kis.dialect.spelling import cursor
from dari.providers.kis.models.orders import order, plain
from dari.providers.kis.models.tables import as_object, as_rows, hidden, parts, value
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.checks import Standing, check_price
from dari.providers.kis.tools.trade.issues import Issue, candles_of
from dari.providers.kis.tools.trade.realtime import _mark
from dari.providers.kis.tools.trade.shaping import _fitted, cell, text_of
from dari.providers.kis.tools.trade.spelling import Change, Wish, change_order, new_order

TODAY = date(2026, 11, 20)
LISTED = {"odno": "0000000017", "ord_gno_brno": "91252", "pdno": "AAPL", "sll_buy_dvsn_cd": "02", "ord_dt": "20261120"}


@pytest.mark.parametrize(
    ("unit", "written", "read"),
    [
        ("KRW", "1,234", 1234),
        ("KRW_million", "5", 5_000_000),
        ("share_1000", "-2", -2000),
        ("percent", "1.25", 1.25),
        ("KRW", "-", "-"),
        ("KRW", "NaN", "NaN"),
        ("KRW", " ", None),
        ("", "005930", "005930"),
    ],
)
def test_a_value_is_read_by_its_unit(unit: str, written: str, read: Any) -> None:
    assert value(Field(name="x", unit=unit), written) == read


def test_an_account_number_is_hidden_wherever_it_stands() -> None:
    row = SPEC.endpoint("overseas_stock.inquire_balance")
    body = {"output1": [{"cano": "12345678", "acnt_prdt_cd": "01"}], "output2": {}}
    part = next(iter(parts(row, body)))
    columns = [one for one in part.fields if one.name == "cano"]
    assert as_rows(part, columns) == as_rows(part, columns, raw=True) == [["******78"]]
    assert as_object(part, raw=True)["cano"] == hidden("12345678")


def test_a_block_that_holds_no_rows_is_malformed() -> None:
    with pytest.raises(Malformed):
        list(parts(SPEC.endpoint("domestic_stock.volume_rank"), {"output": ["x"]}))


@pytest.mark.parametrize(
    ("row", "status", "left"),
    [
        ({"ord_qty": "10", "tot_ccld_qty": "10", "rmn_qty": "0"}, "filled", 0),
        ({"ord_qty": "10", "tot_ccld_qty": "4"}, "partly", 6),
        ({"ord_qty": "10", "tot_ccld_qty": "0"}, "open", 10),
        ({"ord_qty": "10", "tot_ccld_qty": "0", "rjct_qty": "10"}, "rejected", 0),
        ({"ord_qty": "10", "tot_ccld_qty": "2", "cncl_yn": "Y", "rmn_qty": "0"}, "cancelled", 0),
        ({"ord_qty": "10", "tot_ccld_qty": "2", "rmn_qty": "0"}, "closed", 0),
        ({"ord_qty": "10"}, "unknown", None),
        ({"ord_qty": "ten"}, "unknown", None),
    ],
)
def test_a_listed_order_has_a_status(row: dict[str, str], status: str, left: int | None) -> None:
    read = order({**LISTED, **row})
    assert (read.status, plain(read.left)) == (status, left)
    assert read.told()["status"] == status


def test_figures_are_told_plainly() -> None:
    assert (plain(Decimal("1.50")), plain(Decimal("2.0")), plain(None)) == (1.5, 2, None)
    assert (cell(None), cell(1234.5), cell("x")) == ("–", "1,234.5", "x")


def test_a_long_table_is_cut_until_it_fits_and_long_text_says_so() -> None:
    tables: dict[str, Any] = {"a": {"rows": [["x" * 1000]] * 100, "total": 100}, "b": {"rows": [["y"]], "total": 1}}
    _fitted(tables)
    assert 1 <= len(tables["a"]["rows"]) < 30
    one: dict[str, Any] = {"a": {"rows": [["x" * 60_000]], "total": 1}}
    _fitted(one)
    assert len(one["a"]["rows"]) == 1
    assert "외" in text_of("t", ["x" * 100] * 50).splitlines()[-1]


def test_what_was_missed_is_told() -> None:
    at = datetime(2026, 11, 20, 10, 30, tzinfo=KST)
    assert "10:30:00" in _mark(Cut(at, at, "broke")).reason
    assert "7 records" in _mark(Overrun(7)).reason


# --- accounts -------------------------------------------------------------------------------------------------------


def keys(**parts_: str) -> Credential:
    return Credential(mode="real", parts={"appkey": "k", "appsecret": "s" * 9, **parts_})


def test_each_product_has_an_account_of_its_own() -> None:
    ours = keys(stock="12345678-01", future="22345678-03", overseas_future="22345678-08", pension="32345678-29")
    for name, number, product in (
        ("domestic_stock.inquire_balance", "12345678", "01"),
        ("domestic_futureoption.inquire_balance", "22345678", "03"),
        ("overseas_futureoption.inquire_unpd", "22345678", "08"),
        ("domestic_stock.pension_inquire_balance", "32345678", "29"),
    ):
        assert account_of(SPEC.endpoint(name), ours) == {"CANO": number, "ACNT_PRDT_CD": product}
    assert account_of(SPEC.endpoint("domestic_stock.inquire_price"), ours) == {}
    with pytest.raises(MissingCredential):
        account_of(SPEC.endpoint("domestic_stock.inquire_balance"), keys())
    with pytest.raises(WrongMode):
        account_of(SPEC.endpoint("domestic_stock.pension_inquire_balance"), keys(stock="12345678-01"))


@pytest.mark.parametrize(
    ("number", "usual", "part", "full"),
    [
        ("12345678", "01", "stock", "12345678-01"),
        ("12345678-22", "01", "stock", "12345678-22"),
        ("1234567803", "03", "future", "12345678-03"),
        ("98765", "01", "stock", None),
        ("1234567x", "01", "stock", None),
        ("12345678-03", "01", "stock", None),
        ("12345678-01", "03", "future", None),
    ],
)
def test_an_account_is_written_in_full(number: str, usual: str, part: str, full: str | None) -> None:
    if full is None:
        with pytest.raises(BadSetting) as caught:
            _account(number, usual, part)
        assert number not in str(caught.value)
    else:
        assert _account(number, usual, part) == full


# --- paging, candles, prices ----------------------------------------------------------------------------------------


def test_pages_go_on_as_each_endpoint_says() -> None:
    more = Response(200, {"tr_cont": "M"}, b"")
    balance = SPEC.endpoint("domestic_stock.inquire_balance")
    body = {"ctx_area_fk100": "F", "ctx_area_nk100": "N"}
    assert cursor(balance, more, body) == '{"CTX_AREA_FK100": "F", "CTX_AREA_NK100": "N"}'
    assert cursor(balance, Response(200, {"tr_cont": "D"}, b""), body) is None
    chart = SPEC.endpoint("overseas_futureoption.tick_ccnl")
    told = cursor(chart, Response(200, {}, b""), {"output1": {"index_key": "2026112000123"}, "output2": []})
    assert told == '{"INDEX_KEY": "2026112000123", "QRY_TP": "P"}'
    assert cursor(chart, more, {"output1": {"index_key": " "}}) is None
    fixed = SPEC.endpoint("overseas_futureoption.opt_daily_ccnl")
    assert cursor(fixed, more, {"output1": {"index_key": "5"}}) is None


@pytest.mark.parametrize(
    ("kind", "interval"), [("elw", "day"), ("bond", "week"), ("overseas", "year"), ("bond", "minute")]
)
def test_candles_kis_does_not_offer(kind: str, interval: str) -> None:
    with pytest.raises(NotFound):
        candles_of(Issue(kind, "X", "NAS"), interval, 5, TODAY, "103000")


def test_a_price_fits_its_market() -> None:
    now = Standing(price=Decimal(100), low=Decimal(70), high=Decimal(130), lot=1, etp=False, halted=False, name="")
    check_price("stock", None, now, 0)
    check_price("stock", Decimal(100), now, 0)
    for price in ("0", "100.5", "131", "69"):
        with pytest.raises(InvalidInput):
            check_price("stock", Decimal(price), now, 0)
    with pytest.raises(InvalidInput):
        check_price("stock", Decimal(20_010), replace(now, high=Decimal(30_000)), 0)
    check_price("stock", Decimal(20_005), replace(now, high=Decimal(30_000), etp=True), 0)


# --- spelling -------------------------------------------------------------------------------------------------------


def wish(**more: Any) -> Wish:
    facts: dict[str, Any] = {"product": "overseas", "side": "sell", "symbol": "7203", "quantity": 1}
    return Wish(**{**facts, "price": Decimal(100), "exchange": "TKSE", **more})


@pytest.mark.parametrize(
    ("exchange", "side", "tr_id"),
    [
        ("NYSE", "buy", "TTTT1002U"),
        ("AMEX", "sell", "TTTT1006U"),
        ("TKSE", "sell", "TTTS0307U"),
        ("SEHK", "buy", "TTTS1002U"),
        ("SHAA", "sell", "TTTS1005U"),
        ("SZAA", "buy", "TTTS0305U"),
        ("HASE", "sell", "TTTS0310U"),
    ],
)
def test_each_market_abroad_has_its_tr_id(exchange: str, side: str, tr_id: str) -> None:
    _, sent = new_order(wish(exchange=exchange, side=side), "real", TODAY)
    assert sent["tr_id"] == tr_id


def test_a_place_that_amends_nothing_says_so() -> None:
    original = order({**LISTED, "pdno": "600000", "ovrs_excg_cd": "SHAA", "ft_ord_qty": "5", "nccs_qty": "5"})
    _, sent = change_order(Change(product="overseas", original=original, quantity=5, price=None), "real", TODAY)
    assert (sent["tr_id"], sent["RVSE_CNCL_DVSN_CD"]) == ("TTTS0302U", "02")
    with pytest.raises(InvalidInput):
        change_order(Change(product="overseas", original=original, quantity=5, price=Decimal(9)), "real", TODAY)


def test_a_night_order_on_paper_is_refused() -> None:
    future = wish(product="future_night", symbol="101W12", exchange="")
    with pytest.raises(WrongMode):
        new_order(future, "paper", TODAY)
