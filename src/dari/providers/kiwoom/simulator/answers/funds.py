"""ETF: the world's funds, with a net asset value that follows their price closely (ka40001–40010)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from dari.providers.kiwoom.simulator.answers.charts import wanted
from dari.providers.kiwoom.simulator.answers.history import days_of
from dari.providers.kiwoom.simulator.answers.quotes import stock_of, trades_of
from dari.providers.kiwoom.simulator.days import index_days
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers
from dari.providers.kiwoom.simulator.refusals import Refused
from dari.providers.kiwoom.simulator.stocks import Stock
from dari.providers.kiwoom.simulator.writing import Value
from dari.worlds.market import percent
from dari.worlds.market.flows import investors
from dari.worlds.market.funds import TRACKED, nav

_CENT: Final = Decimal("0.01")


def fund_of(ask: Ask) -> Stock:
    """The fund a code names. Refuses 1902 for an issue that is no fund."""
    stock = stock_of(ask)
    if not stock.issue.etp:
        raise Refused("1902", f"종목코드={ask['stk_cd']}")
    return stock


def gap(price: int, code: str) -> Decimal:
    """괴리율: the price against the net asset value, percent."""
    worth = nav(price, code)
    return ((Decimal(price) - worth) * 100 / worth).quantize(_CENT)


@answers("ka40002")
def basics(ask: Ask) -> Told:
    """ETF종목정보."""
    return Told(Row(_facts(fund_of(ask))))


def _facts(stock: Stock) -> dict[str, str]:
    return {
        "stk_nm": stock.issue.name,
        "stk_cls": "8",
        "etfobjt_idex_nm": "KOSPI200",
        "etfobjt_idex_cd": "201",
        "wonju_pric": "10000",
        "etftxon_type": "보유기간과세",
        "etntxon_type": "",
    }


@answers("ka40001")
def returns(ask: Ask) -> Told:
    """ETF수익율 over a week, month, half year or year."""
    stock = fund_of(ask)
    length = {"0": 5, "1": 22, "2": 125, "3": 250}[ask["dt"]]
    days = days_of(ask, length + 1)
    first, last = days[-1].bar.close, days[0].bar.close
    worth, earlier = nav(last, stock.issue.code), nav(first, stock.issue.code)
    values: dict[str, Value] = {
        "etfprft_rt": ((worth - earlier) * 100 / earlier).quantize(_CENT),
        "cntr_prft_rt": percent(last - first, first),
        "for_netprps_qty": str(sum(day.sides["foreigner"].net for day in days)),
        "orgn_netprps_qty": str(sum(day.sides["institution"].net for day in days)),
    }
    return Told(rows=[Row(values)])


@answers("ka40003")
def by_day(ask: Ask) -> Told:
    """ETF일별추이."""
    stock = fund_of(ask)
    days = days_of(ask, min(wanted(ask), 60))
    levels = {str(one["day"]): one for one in index_days(ask.market, TRACKED, ask.now, 60)}
    rows = []
    for day in days:
        level = levels.get(day.bar.day)
        change = Decimal(str(level["level"])) - Decimal(str(level["base"])) if level else Decimal(0)
        rows.append(
            day.row.given(
                nav=nav(day.bar.close, stock.issue.code),
                navetfdispty_rt=gap(day.bar.close, stock.issue.code),
                navidex_dispty_rt=Decimal(0),
                trace_eor_rt=Decimal("0.12"),
                trace_cur_prc=level["level"] if level else None,
                trace_pred_pre=change if level else None,
                trace_pre_sig="2" if change > 0 else "5" if change < 0 else "3",
            ),
        )
    return Told(rows=rows)


@answers("ka40004")
def every_fund(ask: Ask) -> Told:
    """ETF전체시세, in code order. `navpre`: 1 worth more than its price, 2 less."""
    rows = []
    level = ask.market.index(TRACKED, ask.now)
    for quote in ask.snapshot().quotes.values():
        if not quote.issue.etp:
            continue
        worth = nav(quote.price, quote.code)
        if (ask["navpre"] == "1" and worth <= quote.base) or (ask["navpre"] == "2" and worth >= quote.base):
            continue
        rows.append(
            Stock(ask.market, quote).row.given(
                nav=worth,
                trace_eor_rt=Decimal("0.12"),
                txbs="",
                dvid_bf_base="",
                pred_dvida="",
                trace_idex_nm="KOSPI200",
                drng="1.00",
                trace_idex_cd="201",
                trace_idex=str(level.level),
                trace_flu_rt=level.change_rate,
            ),
        )
    return Told(rows=rows)


def _moments(ask: Ask, stock: Stock, minutes: int) -> list[Stock]:
    views = []
    moment = stock.quote.as_of
    for _ in range(min(wanted(ask), 60)):
        view = Stock.at(ask.market, stock.issue.code, moment, stock.quote.venue)
        if not view.quote.volume or view.quote.as_of.date() != stock.quote.as_of.date():
            break
        views.append(view)
        moment -= timedelta(minutes=minutes)
    return views


@answers("ka40006")
def by_time(ask: Ask) -> Told:
    """ETF시간대별추이, every five minutes."""
    stock = fund_of(ask)
    rows = []
    for view in _moments(ask, stock, 5)[:20]:
        level = ask.market.index(TRACKED, view.quote.as_of)
        rows.append(
            view.row.given(
                nav=nav(view.quote.price, view.issue.code),
                navidex=Decimal(0),
                navetf=gap(view.quote.price, view.issue.code),
                trace=Decimal("0.12"),
                trace_idex=level.level,
                trace_idex_pred_pre=level.change,
                trace_idex_pred_pre_sig="2" if level.change > 0 else "5" if level.change < 0 else "3",
            ),
        )
    return Told(Row(_facts(stock)), rows)


@answers("ka40007")
def by_trade(ask: Ask) -> Told:
    """ETF시간대별체결."""
    stock = fund_of(ask)
    rows = [
        Row(
            {
                "cntr_tm": f"{trade.time:%H%M%S}",
                "cur_prc": trade.price,
                "pre_sig": stock.mark,
                "pred_pre": trade.price - stock.quote.base,
                "trde_qty": trade.volume,
                "stex_tp": "KRX",
            },
            stock.quote.base,
        )
        for trade in trades_of(ask, stock, stock.quote.as_of, 100)
    ]
    return Told(Row({**_facts(stock), "objt_idex_pre_rt": ask.market.index(TRACKED, ask.now).change_rate}), rows)


@answers("ka40008")
def by_trading_day(ask: Ask) -> Told:
    """ETF일자별체결."""
    stock = fund_of(ask)
    rows = [
        day.row.given(
            cur_prc_n=day.bar.close,
            pre_sig_n=day.get("pre_sig"),
            pred_pre_n=day.bar.close - day.bar.base,
            for_netprps_qty=day.sides["foreigner"].net,
            orgn_netprps_qty=day.sides["institution"].net,
        )
        for day in days_of(ask, min(wanted(ask), 250))
    ]
    return Told(stock.row, rows)


@answers("ka40009")
def nav_by_time(ask: Ask) -> Told:
    """ETF시간대별NAV; the sheet tells no units, so the figures come as they are."""
    stock = fund_of(ask)
    base = nav(stock.quote.base, stock.issue.code)
    rows = []
    for view in _moments(ask, stock, 5):
        worth = nav(view.quote.price, view.issue.code)
        change = worth - base
        rows.append(
            Row(
                {
                    "nav": str(worth),
                    "navpred_pre": f"{change:+}",
                    "navflu_rt": f"{(change * 100 / base).quantize(_CENT):+}",
                    "trace_eor_rt": "0.12",
                    "dispty_rt": f"{gap(view.quote.price, view.issue.code):+}",
                    "stkcnt": str(view.issue.shares),
                    "base_pric": str(view.quote.base),
                    "for_rmnd_qty": str(view.issue.foreign_held),
                    "repl_pric": str(view.get("repl_pric")),
                    "conv_pric": "",
                    "drstk": "",
                    "wonju_pric": "10000",
                },
            ),
        )
    return Told(rows=rows)


@answers("ka40010")
def flow_by_time(ask: Ask) -> Told:
    """ETF시간대별수급."""
    stock = fund_of(ask)
    rows = []
    for view in _moments(ask, stock, 5):
        quote = view.quote
        sides = investors(ask.market.seed, view.issue.code, view.day, quote.volume, quote.value)
        rows.append(view.row.given(for_netprps=sides["foreigner"].net))
    return Told(rows=rows)
