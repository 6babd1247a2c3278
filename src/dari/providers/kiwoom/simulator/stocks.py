"""One issue on one venue at one moment, told in the upstream's field names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Final

from dari.core import krx
from dari.providers.kiwoom.simulator.exchange import SUFFIX_OF_VENUE, Row
from dari.providers.kiwoom.simulator.writing import Value
from dari.worlds.market import Market, Quote, percent
from dari.worlds.market.depth import Depth, depth
from dari.worlds.market.flows import Program, Side, investors, members, program, strength
from dari.worlds.market.sectors import SECTORS
from dari.worlds.market.tape import Tape, Trade

_LEVEL: Final = re.compile(
    r"^(?P<side>sel|buy)_(?P<place>\d+)"
    r"(?:bid|th_bid|th_pre_bid|bid_req|th_pre_req|bid_jub_pre|th_pre_req_pre|bid_cnt)$",
)
CALM: Final = "3"


def direction(
    price: float | Decimal, base: float | Decimal, high: float | None = None, low: float | None = None
) -> str:
    """대비기호: 1 상한, 2 상승, 3 보합, 4 하한, 5 하락."""
    if high is not None and price == high:
        return "1"
    if low is not None and price == low:
        return "4"
    return "2" if price > base else "5" if price < base else CALM


def sector_code(world: str) -> str:
    """The upstream's three places of a world's sector code: 0001 → 001, 1028 → 128, 2001 → 201."""
    return world[0] + world[2:]


class Stock:
    """The view. Figures in won, shares and percent; nothing is computed before it is asked for."""

    def __init__(self, market: Market, quote: Quote, *, suffix: bool = True) -> None:
        self.market = market
        self.quote = quote
        self.issue = quote.issue
        self.suffix = SUFFIX_OF_VENUE[quote.venue] if suffix else ""

    @classmethod
    def at(cls, market: Market, code: str, moment: datetime, venue: krx.Venue = "KRX") -> Stock:
        """The issue at a moment."""
        return cls(market, market.quote(code, moment, venue))

    @property
    def row(self) -> Row:
        """As a record."""
        return Row(self.get, self.quote.base)

    @cached_property
    def book(self) -> Depth:
        """The order book."""
        return depth(self.market.seed, self.quote)

    @cached_property
    def day(self) -> str:
        """The board's day."""
        return f"{self.quote.as_of:%Y%m%d}"

    @cached_property
    def sides(self) -> Mapping[str, Side]:
        """Investor groups of the day so far."""
        return investors(self.market.seed, self.issue.code, self.day, self.quote.volume, self.quote.value)

    @cached_property
    def program(self) -> Program:
        """Program trading of the day so far."""
        return program(self.market.seed, self.issue.code, self.day, self.quote.volume, self.quote.value)

    @cached_property
    def firms(self) -> Mapping[str, Side]:
        """Member firms of the day so far."""
        return members(self.market.seed, self.issue.code, self.day, self.quote.volume, self.quote.value)

    @cached_property
    def last_trade(self) -> Trade | None:
        """The last second that traded."""
        tape = Tape(self.market.paths, self.issue, self.quote.as_of.date(), self.quote.venue)
        return next(iter(tape.trades(self.quote.as_of, 1)), None)

    @cached_property
    def strength(self) -> Decimal:
        """체결강도, percent."""
        return Decimal(str(round(strength(self.market.seed, self.issue.code, self.day), 2)))

    @cached_property
    def year(self) -> tuple[int, str, int, str]:
        """(high, day, low, day) of 250 trading days, as far as a year of them."""
        return self.market.range(self.issue.code, self.quote.as_of, 365)

    @property
    def mark(self) -> str:
        """대비기호 of the last price."""
        quote = self.quote
        return direction(quote.price, quote.base, quote.high_limit, quote.low_limit)

    @property
    def credit_ratio(self) -> Decimal:
        """신용비율: percent of the shares bought on credit; fixed for an issue."""
        return Decimal(int(self.issue.code, 36) % 300 if self.issue.credit else 0) / 100

    @property
    def foreign_room(self) -> int:
        """Shares foreigners may still buy: no issue of this world has a limit below all its shares."""
        return self.issue.shares - self.issue.foreign_held

    def level(self, side: str, place: int) -> tuple[int, int, int]:
        """(price, quantity, orders) of a level, 1 the best."""
        levels = self.book.asks if side == "sel" else self.book.bids
        one = levels[place - 1]
        return one.price, one.quantity, one.orders

    def get(self, name: str) -> Value:
        """A field by its name, or None where the world does not know it."""
        known = FIELDS.get(name)
        if known is not None:
            return known(self)
        match = _LEVEL.match(name)
        if match is None:
            return None
        price, quantity, orders = self.level(match["side"], int(match["place"]))
        if name.endswith(("_cnt",)):
            return orders
        if name.endswith(("jub_pre", "req_pre")):
            return 0
        return quantity if "req" in name else price


def _expected(stock: Stock) -> int:
    """예상체결가: where an auction gathers now, the last price; otherwise none is formed and the last one stands."""
    return stock.quote.price


FIELDS: Final[Mapping[str, Callable[[Stock], Value]]] = {
    # 종목 the issue
    "stk_cd": lambda s: s.issue.code + s.suffix,
    "code": lambda s: s.issue.code,
    "stk_nm": lambda s: s.issue.name,
    "name": lambda s: s.issue.name,
    "stk_cls": lambda s: "0" if s.issue.counted else "8",
    "stk_infr": lambda _: "0",
    "regDay": lambda s: s.issue.listed_on,
    "fav": lambda s: s.issue.face_value,
    "fav_unit": lambda _: "원",
    "setl_mm": lambda s: f"{s.issue.settles_in:02d}",
    "cap": lambda s: s.issue.face_value * s.issue.shares,
    "flo_stk": lambda s: s.issue.shares,
    "flo_stkcnt": lambda s: s.issue.shares,
    "stkcnt": lambda s: s.issue.shares,
    "listCount": lambda s: s.issue.shares,
    "dstr_stk": lambda s: s.issue.shares * 7 // 10,
    "dstr_rt": lambda s: percent(s.issue.shares * 7 // 10, s.issue.shares, 1),
    "eps": lambda s: s.issue.eps,
    "bps": lambda s: s.issue.bps,
    "per": lambda s: s.quote.per,
    "pbr": lambda s: s.quote.pbr,
    "cup_nga": lambda s: s.issue.eps * s.issue.shares,
    "mac_wght": lambda s: str(
        percent(
            s.quote.market_cap, s.market.index("0001" if s.issue.board == "KOSPI" else "1001", s.quote.as_of).market_cap
        )
    ),
    "roe": lambda s: percent(s.issue.eps, s.issue.bps),
    "mac": lambda s: s.quote.market_cap,
    "crd_rt": lambda s: s.credit_ratio,
    "crd_remn_rt": lambda s: s.credit_ratio,
    "repl_pric": lambda s: s.quote.base * (100 - s.issue.margin) // 100 // 10 * 10,
    "auditInfo": lambda s: "거래정지" if s.issue.halted else "관리종목" if s.issue.administered else "정상",
    "state": lambda s: f"증거금{s.issue.margin}%" + ("|거래정지" if s.issue.halted else ""),
    "marketCode": lambda s: "8" if s.issue.etp else "0" if s.issue.board == "KOSPI" else "10",
    "marketName": lambda s: "ETF" if s.issue.etp else "거래소" if s.issue.board == "KOSPI" else "코스닥",
    "upName": lambda s: "" if s.issue.etp else SECTORS[s.issue.sector].name,
    "upSizeName": lambda s: (
        "대형주" if s.quote.market_cap > 2 * 10**12 else "중형주" if s.quote.market_cap > 4 * 10**11 else "소형주"
    ),
    "companyClassName": lambda s: "" if s.issue.board == "KOSPI" else "벤처기업부",
    "orderWarning": lambda s: (
        "2" if s.issue.liquidation else "3" if s.issue.overheated else "4" if s.issue.warning > 2 else "0"
    ),
    "nxtEnable": lambda s: "Y" if s.issue.nxt_share else "",
    # 시세 the quote
    "cur_prc": lambda s: s.quote.price,
    "close_pric": lambda s: s.quote.price,
    "tdy_close_pric": lambda s: s.quote.price,
    "past_curr_prc": lambda s: s.quote.price,
    "open_pric": lambda s: s.quote.open,
    "high_pric": lambda s: s.quote.high,
    "low_pric": lambda s: s.quote.low,
    "tdy_high_pric": lambda s: s.quote.high,
    "tdy_low_pric": lambda s: s.quote.low,
    "base_pric": lambda s: s.quote.base,
    "pred_close_pric": lambda s: s.quote.base,
    "lastPrice": lambda s: s.quote.base,
    "upl_pric": lambda s: s.quote.high_limit,
    "lst_pric": lambda s: s.quote.low_limit,
    "pred_pre": lambda s: s.quote.change,
    "pre": lambda s: s.quote.change,
    "flu_rt": lambda s: s.quote.change_rate,
    "pre_rt": lambda s: s.quote.change_rate,
    "tdy_close_pric_flu_rt": lambda s: s.quote.change_rate,
    "base_comp_chgr": lambda s: s.quote.change_rate,
    "prev_base_chgr": lambda _: Decimal(0),
    "pre_sig": lambda s: s.mark,
    "pred_pre_sig": lambda s: s.mark,
    "flu_sig": lambda s: s.mark,
    "flu_smbol": lambda s: s.mark,
    "smbol": lambda s: s.mark,
    "sign": lambda s: s.mark,
    "base_comp_sign": lambda s: s.mark,
    "prev_base_sign": lambda _: CALM,
    "open_pric_pre": lambda s: percent(s.quote.price - s.quote.open, s.quote.open),
    "open_pric_pre_flu_rt": lambda s: percent(s.quote.price - s.quote.open, s.quote.open),
    "date": lambda s: s.day,
    "dt": lambda s: s.day,
    "tm": lambda s: f"{s.quote.as_of:%H%M%S}",
    "cntr_tm": lambda s: f"{s.quote.as_of:%H%M%S}",
    "bid_tm": lambda s: f"{s.quote.as_of:%H%M%S}",
    "bid_req_base_tm": lambda s: f"{s.quote.as_of:%H%M%S}",
    # 거래량 volume and value
    "trde_qty": lambda s: s.quote.volume,
    "now_trde_qty": lambda s: s.quote.volume,
    "acc_trde_qty": lambda s: s.quote.volume,
    "opmr_trde_qty": lambda s: s.quote.volume,
    "dt_trde_qty": lambda s: s.quote.volume,
    "trde_prica": lambda s: s.quote.value,
    "acc_trde_prica": lambda s: s.quote.value,
    "trde_amt": lambda s: s.quote.value,
    "opmr_trde_amt": lambda s: s.quote.value // 10**6,
    "opmr_trde_prica": lambda s: s.quote.value,
    "amt_mn": lambda s: s.quote.value,
    "bf_mkrt_trde_qty": lambda _: 0,
    "af_mkrt_trde_qty": lambda _: 0,
    "bf_mkrt_trde_amt": lambda _: 0,
    "af_mkrt_trde_amt": lambda _: 0,
    "pred_trde_qty": lambda s: s.quote.previous_volume,
    "prev_trde_qty": lambda s: s.quote.previous_volume,
    "pred_trde_prica": lambda s: s.quote.previous_value,
    "pred_trde_qty_pre": lambda s: s.quote.volume - s.quote.previous_volume,
    "pred_trde_qty_pre_rt": lambda s: percent(s.quote.volume, s.quote.previous_volume),
    "trde_pre": lambda s: percent(s.quote.volume, s.quote.previous_volume),
    "pred_rt": lambda s: percent(s.quote.volume, s.quote.previous_volume),
    "opmr_pred_rt": lambda s: percent(s.quote.volume, s.quote.previous_volume),
    "trde_tern_rt": lambda s: s.quote.turnover,
    "opmr_trde_rt": lambda s: s.quote.turnover,
    "cntr_str": lambda s: s.strength,
    "cntr_qty": lambda s: s.last_trade.volume if s.last_trade else 0,
    "exp_cntr_pric": _expected,
    "exp_cntr_qty": lambda s: s.last_trade.volume if s.last_trade else 0,
    "exp_sel_pri_bid": lambda s: s.level("sel", 1)[0],
    "exp_buy_pri_bid": lambda s: s.level("buy", 1)[0],
    # 호가 the book
    "sel_bid": lambda s: s.level("sel", 1)[0],
    "buy_bid": lambda s: s.level("buy", 1)[0],
    "sel_fpr_bid": lambda s: s.level("sel", 1)[0],
    "buy_fpr_bid": lambda s: s.level("buy", 1)[0],
    "fpr_sel_bid": lambda s: s.level("sel", 1)[0],
    "fpr_buy_bid": lambda s: s.level("buy", 1)[0],
    "pri_sel_bid_unit": lambda s: s.level("sel", 1)[0],
    "pri_buy_bid_unit": lambda s: s.level("buy", 1)[0],
    "sel_req": lambda s: s.level("sel", 1)[1],
    "buy_req": lambda s: s.level("buy", 1)[1],
    "sel_fpr_req": lambda s: s.level("sel", 1)[1],
    "buy_fpr_req": lambda s: s.level("buy", 1)[1],
    "pri_sel_req": lambda s: s.level("sel", 1)[1],
    "pri_buy_req": lambda s: s.level("buy", 1)[1],
    "pri_sel_cnt": lambda s: s.level("sel", 1)[2],
    "pri_buy_cnt": lambda s: s.level("buy", 1)[2],
    "tot_sel_req": lambda s: s.book.ask_total,
    "tot_buy_req": lambda s: s.book.bid_total,
    "sel_tot_req": lambda s: s.book.ask_total,
    "buy_tot_req": lambda s: s.book.bid_total,
    "tot_buy_qty": lambda s: s.book.bid_total,
    "netprps_req": lambda s: s.book.bid_total - s.book.ask_total,
    "buy_rt": lambda s: percent(s.book.bid_total, s.book.ask_total),
    "tot_sel_cnt": lambda s: sum(level.orders for level in s.book.asks),
    "tot_buy_cnt": lambda s: sum(level.orders for level in s.book.bids),
    "tot_sel_req_jub_pre": lambda _: 0,
    "tot_buy_req_jub_pre": lambda _: 0,
    # 기간 ranges
    "oyr_hgst": lambda s: s.year[0],
    "oyr_lwst": lambda s: s.year[2],
    "250hgst": lambda s: s.year[0],
    "250lwst": lambda s: s.year[2],
    "250hgst_pric_dt": lambda s: s.year[1],
    "250lwst_pric_dt": lambda s: s.year[3],
    "250hgst_pric_pre_rt": lambda s: percent(s.quote.price - s.year[0], s.year[0]),
    "250lwst_pric_pre_rt": lambda s: percent(s.quote.price - s.year[2], s.year[2]),
    "hgst_pric": lambda s: s.year[0],
    "lwst_pric": lambda s: s.year[2],
    "hgst_pric_dt": lambda s: s.year[1],
    "lwst_pric_dt": lambda s: s.year[3],
    # 외국인·기관 foreigners and institutions
    "poss_stkcnt": lambda s: s.issue.foreign_held,
    "for_poss": lambda s: s.quote.foreign_ratio,
    "for_wght": lambda s: s.quote.foreign_ratio,
    "for_exh_rt": lambda s: s.quote.foreign_ratio,
    "limit_exh_rt": lambda s: s.quote.foreign_ratio,
    "gain_pos_stkcnt": lambda s: s.foreign_room,
    "frgnr_limit": lambda s: s.issue.shares,
}
