"""시세: one stock now (ka10001–10007, 10046, 10055, 10084, 10087, 10095)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from dari.core import krx
from dari.providers.kiwoom.simulator.days import trade_row
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers
from dari.providers.kiwoom.simulator.stocks import Stock
from dari.worlds.market import percent
from dari.worlds.market.flows import FOREIGN_MEMBERS, MEMBERS, Side
from dari.worlds.market.tape import Tape, Trade

TRADES: Final = 300
"""How many trades of a day can be leafed through."""
SINGLE_PRICE_LEVELS: Final = 5


def stock_of(ask: Ask, name: str = "stk_cd") -> Stock:
    """The stock a parameter names, on the venue its suffix names."""
    code, venue = ask.split(ask[name])
    return Stock.at(ask.market, code, ask.now, venue)


@answers("ka10001", "ka10006")
def one_stock(ask: Ask) -> Told:
    """The quote itself."""
    return Told(stock_of(ask).row)


@answers("ka10007")
def board(ask: Ask) -> Told:
    """The quote board; with _AL this is the unified order book."""
    stock = stock_of(ask)
    return Told(stock.row.given(exec_pric=None, trde_strt_dt=stock.issue.listed_on))


@answers("ka10004")
def book(ask: Ask) -> Told:
    """The ten-level book: always KRX, whatever the suffix says."""
    code, _ = ask.split(ask["stk_cd"])
    return Told(Stock.at(ask.market, code, ask.now).row)


@answers("ka10087")
def single_price(ask: Ask) -> Told:
    """시간외단일가: an empty shell when the code carries a suffix."""
    stock = stock_of(ask)
    if stock.suffix:
        return Told()
    values: dict[str, int | str] = {}
    for place in range(1, SINGLE_PRICE_LEVELS + 1):
        for side in ("sel", "buy"):
            price, quantity, _ = stock.level(side, place)
            values[f"ovt_sigpric_{side}_bid_{place}"] = price
            values[f"ovt_sigpric_{side}_bid_qty_{place}"] = quantity
            values[f"ovt_sigpric_{side}_bid_jub_pre_{place}"] = 0
    asks = sum(stock.level("sel", place)[1] for place in range(1, SINGLE_PRICE_LEVELS + 1))
    bids = sum(stock.level("buy", place)[1] for place in range(1, SINGLE_PRICE_LEVELS + 1))
    return Told(
        Row(
            {
                **values,
                "bid_req_base_tm": f"{stock.quote.as_of:%H%M%S}",
                "ovt_sigpric_sel_bid_tot_req": asks,
                "ovt_sigpric_buy_bid_tot_req": bids,
                "sel_bid_tot_req": stock.book.ask_total,
                "buy_bid_tot_req": stock.book.bid_total,
                "sel_bid_tot_req_jub_pre": 0,
                "buy_bid_tot_req_jub_pre": 0,
                "ovt_sel_bid_tot_req": 0,
                "ovt_buy_bid_tot_req": 0,
                "ovt_sel_bid_tot_req_jub_pre": 0,
                "ovt_buy_bid_tot_req_jub_pre": 0,
                "ovt_sigpric_cur_prc": stock.quote.price,
                "ovt_sigpric_pred_pre_sig": stock.mark,
                "ovt_sigpric_pred_pre": stock.quote.change,
                "ovt_sigpric_flu_rt": stock.quote.change_rate,
                "ovt_sigpric_acc_trde_qty": 0,
            },
            stock.quote.base,
        ),
    )


@answers("ka10095")
def many(ask: Ask) -> Told:
    """Up to 100 codes at once, `A|B|C`; a code that is not listed is left out, as the upstream leaves it out."""
    rows = []
    for text in ask["stk_cd"].split("|"):
        code = text.partition("_")[0]
        if code in ask.market.by_code:
            rows.append(stock_of_text(ask, text).row)
    return Told(rows=rows)


def stock_of_text(ask: Ask, text: str) -> Stock:
    """The stock a text names."""
    code, venue = ask.split(text)
    return Stock.at(ask.market, code, ask.now, venue)


def trades_of(ask: Ask, stock: Stock, at: datetime, count: int = TRADES) -> list[Trade]:
    """The last trades of the day that `at` belongs to."""
    day = krx.board(at, stock.quote.venue).day
    return Tape(ask.market.paths, stock.issue, day, stock.quote.venue).trades(at, count)


def _bought(trade: Trade) -> bool:
    return trade.total % 2 == 0


@answers("ka10003", "ka10084", "ka10046", "ka10055")
def trades(ask: Ask) -> Told:
    """The trades of today, or of the day before (`tdy_pred` 2)."""
    stock = stock_of(ask)
    if ask["tdy_pred"] == "2":
        before = krx.previous_trading_day(krx.board(ask.now, stock.quote.venue).day)
        times = krx.session(before)
        assert times is not None  # a previous trading day is one
        stock = Stock.at(ask.market, stock.issue.code, times.nxt_closes, stock.quote.venue)
    found = trades_of(ask, stock, stock.quote.as_of)
    if ask["tic_min"] == "1":
        found = found[::60]
    strength = stock.strength
    book = {"pri_sel_bid_unit": stock.level("sel", 1)[0], "pri_buy_bid_unit": stock.level("buy", 1)[0]}
    return Told(
        rows=[
            trade_row(one, stock.quote.base, bought=_bought(one), venue=stock.quote.venue).given(
                cntr_str=strength, cntr_str_5min=strength, cntr_str_20min=strength, cntr_str_60min=strength, **book
            )
            for one in found
        ],
    )


def top_firms(stock: Stock, *, bought: bool) -> list[tuple[str, Side]]:
    """The five member firms that bought (or sold) most."""
    firms = stock.firms.items()
    return sorted(firms, key=lambda one: (-(one[1].bought if bought else one[1].sold), one[0]))[:5]


@answers("ka10002")
def brokers(ask: Ask) -> Told:
    """거래원: five member firms a side."""
    stock = stock_of(ask)
    values: dict[str, int | str] = {}
    for side, bought in (("sel", False), ("buy", True)):
        for place, (firm, traded) in enumerate(top_firms(stock, bought=bought), 1):
            values[f"{side}_trde_ori_nm_{place}"] = MEMBERS[firm]
            values[f"{side}_trde_ori_{place}"] = firm
            values[f"{side}_trde_qty_{place}"] = traded.bought if bought else -traded.sold
    return Told(stock.row.given(**values))


@answers("ka10040")
def main_brokers(ask: Ask) -> Told:
    """당일주요거래원; nobody has left the top five in this world, so the list is empty."""
    stock = stock_of(ask)
    values: dict[str, int | str] = {}
    for side, bought in (("sel", False), ("buy", True)):
        for place, (firm, traded) in enumerate(top_firms(stock, bought=bought), 1):
            values[f"{side}_trde_ori_{place}"] = MEMBERS[firm]
            values[f"{side}_trde_ori_cd_{place}"] = firm
            values[f"{side}_trde_ori_qty_{place}"] = traded.bought if bought else -traded.sold
            values[f"{side}_trde_ori_irds_{place}"] = 0
    foreign = [stock.firms[firm] for firm in FOREIGN_MEMBERS]
    values["frgn_sel_prsm_sum"] = -sum(side.sold for side in foreign)
    values["frgn_buy_prsm_sum"] = sum(side.bought for side in foreign)
    values["frgn_sel_prsm_sum_chang"] = values["frgn_buy_prsm_sum_chang"] = 0
    return Told(Row(values))


@answers("ka00198")
def searched(ask: Ask) -> Told:
    """실시간 조회 순위: the issues with the most trades by value are the most looked for."""
    quotes = sorted(ask.snapshot("KRX").of(), key=lambda quote: (-quote.value, quote.code))[:20]
    moment = ask.now - timedelta(seconds=ask.now.second % 30)
    return Told(
        rows=[
            Stock(ask.market, quote).row.given(
                bigd_rank=str(place),
                rank_chg="0",
                rank_chg_sign="",
                dt=f"{moment:%Y%m%d}",
                tm=f"{moment:%H%M%S}",
                base_comp_chgr=percent(quote.change, quote.base),
            )
            for place, quote in enumerate(quotes, 1)
        ],
    )
