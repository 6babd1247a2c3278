"""What a realtime frame carries: for each of the 19 types, the value of every field number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from dari.core import krx
from dari.providers.kiwoom.simulator import bullion
from dari.providers.kiwoom.simulator.answers.funds import gap
from dari.providers.kiwoom.simulator.answers.indexes import level_values
from dari.providers.kiwoom.simulator.answers.quotes import top_firms
from dari.providers.kiwoom.simulator.exchange import VENUE_OF_SUFFIX, Row
from dari.providers.kiwoom.simulator.stocks import Stock, direction
from dari.providers.kiwoom.simulator.warrants import Listed, listed
from dari.providers.kiwoom.simulator.writing import Value, spell
from dari.providers.kiwoom.spec import SPEC
from dari.worlds.market import Market, percent
from dari.worlds.market.flows import FOREIGN_MEMBERS, MEMBERS
from dari.worlds.market.funds import nav

STOCK_FIELDS: Final[Mapping[str, str]] = {
    "10": "cur_prc",
    "11": "pred_pre",
    "12": "flu_rt",
    "13": "trde_qty",
    "14": "trde_prica",
    "16": "open_pric",
    "17": "high_pric",
    "18": "low_pric",
    "20": "cntr_tm",
    "21": "bid_tm",
    "23": "exp_cntr_pric",
    "24": "exp_cntr_qty",
    "25": "pre_sig",
    "26": "pred_trde_qty_pre",
    "27": "sel_bid",
    "28": "buy_bid",
    "30": "trde_pre",
    "31": "trde_tern_rt",
    "121": "tot_sel_req",
    "122": "tot_sel_req_jub_pre",
    "125": "tot_buy_req",
    "126": "tot_buy_req_jub_pre",
    "128": "netprps_req",
    "129": "buy_rt",
    "228": "cntr_str",
    "302": "stk_nm",
    "305": "upl_pric",
    "306": "lst_pric",
    "307": "base_pric",
}
"""Field numbers that say what a named field of the REST side says."""
SESSION_OF: Final = "2"
Values = dict[str, Value]


def _stock_more(stock: Stock) -> Values:
    quote = stock.quote
    last = stock.last_trade
    rising = last is not None and last.total % 2 == 0
    traded = last.volume if last else 0
    bought = int(quote.volume * stock.strength / (100 + stock.strength))
    times = krx.session(quote.as_of.date())
    return {
        "15": f"{'+' if rising else '-'}{traded}",
        "29": quote.value - quote.previous_value,
        "311": str(quote.market_cap // 10**8),
        "290": SESSION_OF,
        "567": "000000",
        "568": "000000",
        "620": str(quote.value // quote.volume if quote.volume else 0),
        "851": str(percent(quote.volume, quote.previous_volume)),
        "1030": str(quote.volume - bought),
        "1031": str(bought),
        "1032": str(percent(bought, quote.volume)),
        "1313": str(traded * quote.price // 10**6),
        "1314": str(2 * bought - quote.volume),
        "1315": "0" if rising else str(traded),
        "1316": str(traded) if rising else "0",
        "1890": f"{times.opens:%H%M%S}" if times else "",
        "9081": {"KRX": "1", "NXT": "2", "UN": "0"}[quote.venue],
        "138": stock.book.ask_total - stock.book.bid_total,
        "139": percent(stock.book.ask_total, stock.book.bid_total),
        "200": str(quote.change),
        "201": str(quote.change_rate),
        "238": stock.mark,
        "215": SESSION_OF,
        "216": "",
        "131": 0,
        "132": 0,
        "135": 0,
        "136": 0,
        "297": "0",
        "592": "0",
        "593": "0",
        "594": "원",
        "382": f"{stock.issue.margin}%",
        "370": "",
        "9001": stock.issue.code,
    }


def _book(stock: Stock) -> Values:
    values: Values = {}
    for place in range(1, 11):
        ask, ask_quantity, _ = stock.level("sel", place)
        bid, bid_quantity, _ = stock.level("buy", place)
        values |= {
            str(40 + place): ask,
            str(50 + place): bid,
            str(60 + place): ask_quantity,
            str(70 + place): bid_quantity,
            str(80 + place): "0",
            str(90 + place): "0",
            str(6043 + place): str(ask_quantity),
            str(6053 + place): str(bid_quantity),
        }
    values["6064"], values["6065"] = str(stock.book.ask_total), str(stock.book.bid_total)
    return values


def _brokers(stock: Stock) -> Values:
    values: Values = {}
    for bought, name, code, figure, change, colour in (
        (False, 141, 146, 161, 166, 271),
        (True, 151, 156, 171, 176, 281),
    ):
        for place, (firm, side) in enumerate(top_firms(stock, bought=bought)):
            values |= {
                str(name + place): MEMBERS[firm],
                str(code + place): firm,
                str(figure + place): side.bought if bought else side.sold,
                str(change + place): 0,
                str(colour + place): "1" if firm in FOREIGN_MEMBERS else "0",
            }
    foreign = [stock.firms[firm] for firm in FOREIGN_MEMBERS]
    sold, bought_ = sum(one.sold for one in foreign), sum(one.bought for one in foreign)
    return {
        **values,
        "261": str(-sold),
        "262": "0",
        "263": str(bought_),
        "264": "0",
        "267": str(bought_ - sold),
        "268": "0",
        "337": "KRX",
    }


def _program(stock: Stock) -> Values:
    whole = stock.program.whole
    return {
        "202": whole.sold,
        "204": whole.sold_value,
        "206": whole.bought,
        "208": str(whole.bought_value),
        "210": str(whole.net),
        "211": "0",
        "212": str(whole.net_value),
        "213": "0",
        "214": "000000",
    }


def _fund(stock: Stock) -> Values:
    price, code = stock.quote.price, stock.issue.code
    worth, base = nav(price, code), nav(stock.quote.base, code)
    return {
        "36": worth,
        "37": worth - base,
        "38": ((worth - base) * 100 / base).quantize(Decimal("0.01")),
        "39": Decimal("0.12"),
        "265": "0.00",
        "266": str(gap(price, code)),
    }


EXTRA: Final[Mapping[str, tuple[Callable[[Stock], Values], ...]]] = {
    "0D": (_book,),
    "0F": (_brokers,),
    "0G": (_fund,),
    "0w": (_program,),
}
STOCK_TYPES: Final = frozenset({"0A", "0B", "0C", "0D", "0E", "0F", "0G", "0H", "0g", "0w"})


def stock_row(market: Market, kind: str, item: str, now: datetime) -> Row | None:
    """A stock's frame; None for a code that is not listed."""
    code, _, suffix = item.partition("_")
    venue = VENUE_OF_SUFFIX.get(f"_{suffix}" if suffix else "")
    if venue is None or code not in market.by_code:
        return None
    stock = Stock.at(market, code, now, venue)
    if kind == "0G" and not stock.issue.etp:
        return None
    more = _stock_more(stock)
    for extra in EXTRA.get(kind, ()):
        more |= extra(stock)

    def known(fid: str) -> Value:
        if fid in more:
            return more[fid]
        return stock.get(STOCK_FIELDS[fid]) if fid in STOCK_FIELDS else None

    return Row(known, stock.quote.base)


INDEX_FIELDS: Final[Mapping[str, str]] = {
    "10": "cur_prc",
    "11": "pred_pre",
    "12": "flu_rt",
    "13": "trde_qty",
    "14": "trde_prica",
    "16": "open_pric",
    "17": "high_pric",
    "18": "low_pric",
    "25": "pre_sig",
    "251": "upl",
    "252": "rising",
    "253": "stdns",
    "254": "lst",
    "255": "fall",
    "256": "trde_frmatn_stk_num",
    "257": "trde_frmatn_rt",
}


def index_row(market: Market, item: str, now: datetime) -> Row | None:
    """A sector's frame (0J, 0U)."""
    code = f"{item[:1]}0{item[1:]}"
    if code not in market.members:
        return None
    quote = market.index(code, now)
    values = level_values(quote)

    def known(fid: str) -> Value:
        value = values.get(INDEX_FIELDS.get(fid, ""))
        if fid == "20":
            return f"{krx.board(now).as_of:%H%M%S}"
        return str(value) if fid in ("251", "252", "253", "254", "255", "256") else value

    return Row(known, quote.base)


def gold_row(market: Market, item: str, now: datetime) -> Row | None:
    """국제금환산가격: MGD in won a gram, MGU in dollars an ounce at a fixed exchange rate of 1,400 won."""
    gold, trades = bullion.today(market.seed, "M04020000", now)
    last = trades[-1].price if trades else gold.base
    if item == "MGD":
        return Row(
            {
                "10": last,
                "11": last - gold.base,
                "12": percent(last - gold.base, gold.base),
                "25": direction(last, gold.base),
            },
            gold.base,
        )
    if item != "MGU":
        return None
    ounce = last * 31_103 // 1_000 // 1_400
    base = gold.base * 31_103 // 1_000 // 1_400
    return Row({"10": ounce, "11": ounce - base, "12": percent(ounce - base, base), "25": direction(ounce, base)}, base)


def warrant_row(market: Market, item: str, now: datetime) -> Row | None:
    """An ELW's frame (0m, 0u)."""
    day = krx.board(now).day
    found = next((one for one in listed(market, day) if one.code == item), None)
    if found is None:
        return None
    view = Listed(market, found, now)
    row = view.row
    names = {
        "10": "cur_prc",
        "20": "cntr_tm",
        "670": "elwtheory_pric",
        "671": "elwinnr_vltl",
        "672": "delta",
        "673": "gam",
        "674": "theta",
        "675": "vega",
        "676": "law",
        "706": "lp",
        "666": "elwprty",
        "667": "elwgear",
        "668": "elwpl_qutr_rt",
    }
    return Row(lambda fid: row.get(names[fid]) if fid in names else None, view.base)


def values_of(kind: str, row: Row) -> dict[str, str]:
    """A row as a frame of its type carries it."""
    endpoint = SPEC.endpoint(kind)
    return {one.name: spell(kind, one, row.get(one.name), row.base) for one in endpoint.blocks[0].fields}


def frame_values(market: Market, kind: str, item: str, now: datetime) -> dict[str, str] | None:
    """The values of a market type's frame now; None where the item does not exist."""
    if kind in STOCK_TYPES:
        row = stock_row(market, kind, item, now)
    elif kind in ("0J", "0U"):
        row = index_row(market, item, now)
    elif kind == "0I":
        row = gold_row(market, item, now)
    elif kind in ("0m", "0u"):
        row = warrant_row(market, item, now)
    elif kind == "1h":
        row = interruption_row(market, item, now)
    else:
        return None
    return None if row is None else values_of(kind, row)


def interruption_row(market: Market, item: str, now: datetime) -> Row | None:
    """VI: the last interruption of a stock today (field 9068: 1 triggered, 2 released)."""
    if item not in market.by_code:
        return None
    quote = market.quote(item, now)
    told = market.interruptions_of(item, now)
    last = told[-1] if told else None
    up = last is not None and last.price > last.base
    values: Values = {
        "9001": item,
        "302": quote.issue.name,
        "13": quote.volume,
        "14": quote.value,
        "9068": "1" if last and last.until > now else "2",
        "9008": "101" if quote.issue.board == "KOSDAQ" else "001",
        "9075": "1",
        "1221": last.price if last else 0,
        "1223": f"{last.at:%H%M%S}" if last else "",
        "1224": f"{last.until:%H%M%S}" if last else "",
        "1225": "정적" if last else "",
        "1236": str(quote.base),
        "1237": "0",
        "1238": str(percent(last.price - last.base, last.base)) if last else "",
        "1239": "0.00",
        "1489": str(percent(last.price - last.base, last.base)) if last else "",
        "1490": str(last.count) if last else "0",
        "9069": ("1" if up else "2") if last else "0",
        "1279": "",
    }
    return Row(values, quote.base)
