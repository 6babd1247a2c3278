"""금현물 시세 (ka50010–50101, ka52301), on the simulator's own gold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Final

from dari.core import krx
from dari.providers.kiwoom.simulator.answers.charts import joined, wanted
from dari.providers.kiwoom.simulator.bullion import CONTRACTS, GoldDay, GoldTrade, bar_of, days, today
from dari.providers.kiwoom.simulator.days import end_of
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers
from dari.providers.kiwoom.simulator.refusals import Refused
from dari.providers.kiwoom.simulator.stocks import direction
from dari.providers.kiwoom.simulator.writing import Value
from dari.worlds.market import Bar, percent
from dari.worlds.market.flows import investors


def contract(ask: Ask) -> str:
    """The contract a code names. Refuses 1902."""
    if ask["stk_cd"] not in CONTRACTS:
        raise Refused("1902", f"종목코드={ask['stk_cd']}")
    return ask["stk_cd"]


def running(ask: Ask) -> tuple[GoldDay, list[GoldTrade]]:
    """The day of the contract asked for, as far as it is."""
    return today(ask.market.seed, contract(ask), ask.now)


def trade_values(gold: GoldDay, trade: GoldTrade) -> dict[str, Value]:
    """A trade in the upstream's names."""
    change = trade.price - gold.base
    mark = direction(trade.price, gold.base)
    return {
        "cntr_pric": trade.price,
        "cur_prc": trade.price,
        "pred_pre": change,
        "flu_rt": percent(change, gold.base),
        "trde_qty": trade.total,
        "acc_trde_qty": trade.total,
        "acc_trde_prica": trade.total_value,
        "cntr_trde_qty": trade.volume,
        "tm": f"{trade.time:%H%M%S}",
        "cntr_tm": f"{trade.time:%Y%m%d%H%M%S}",
        "dt": f"{trade.time:%Y%m%d%H%M%S}",
        "pre_sig": mark,
        "pred_pre_sig": mark,
        "pri_sel_bid_unit": trade.price + 10,
        "pri_buy_bid_unit": trade.price,
        "trde_pre": Decimal(100),
        "trde_tern_rt": Decimal(100),
        "cntr_str": Decimal(100),
        "open_pric": trade.price,
        "high_pric": trade.price,
        "low_pric": trade.price,
        "stex_tp": "KRX",
    }


@answers("ka50010", "ka50101")
def trades(ask: Ask) -> Told:
    """금현물체결추이, 금현물호가: the last trades with the best prices on each side."""
    gold, found = running(ask)
    return Told(rows=[Row(trade_values(gold, one), gold.base) for one in reversed(found)])


@answers("ka50012")
def by_day(ask: Ask) -> Told:
    """금현물일별추이."""
    rows = []
    for bar in _bars(ask, min(wanted(ask), 250)):
        sides = investors(ask.market.seed, contract(ask), bar.day, bar.volume, bar.value)
        rows.append(
            Row(
                _bar_values(bar),
                bar.base,
                orgn_netprps=sides["institution"].net,
                for_netprps=sides["foreigner"].net,
                ind_netprps=sides["individual"].net,
            ),
        )
    return Told(rows=rows)


def _bars(ask: Ask, count: int) -> list[Bar]:
    return days(ask.market.seed, contract(ask), end_of(ask.date("base_dt"), ask.now), count)


def _bar_values(bar: Bar) -> dict[str, Value]:
    mark = direction(bar.close, bar.base)
    return {
        "dt": bar.day,
        "cur_prc": bar.close,
        "open_pric": bar.open,
        "high_pric": bar.high,
        "low_pric": bar.low,
        "pred_pre": bar.close - bar.base,
        "flu_rt": percent(bar.close - bar.base, bar.base),
        "pre_sig": mark,
        "pred_pre_sig": mark,
        "trde_qty": bar.volume,
        "acc_trde_qty": bar.volume,
        "acc_trde_prica": bar.value,
    }


def _week(bar: Bar) -> str:
    year, week, _ = date(int(bar.day[:4]), int(bar.day[4:6]), int(bar.day[6:])).isocalendar()
    return f"{year}{week:02d}"


PERIODS: Final[dict[str, tuple[Callable[[Bar], str], int]]] = {
    "ka50081": (lambda bar: bar.day, 1),
    "ka50082": (_week, 5),
    "ka50083": (lambda bar: bar.day[:6], 22),
}


@answers("ka50081", "ka50082", "ka50083")
def candles(ask: Ask) -> Told:
    """금현물 일·주·월봉."""
    period, length = PERIODS[ask.endpoint.id]
    count = min(wanted(ask) * length, 250)
    bars = [joined(rows) for _, rows in groupby(_bars(ask, count), key=period)]
    long = "" if ask.endpoint.id == "ka50081" else "000000"
    return Told(rows=[Row(_bar_values(bar), bar.base, dt=bar.day + long) for bar in bars])


@answers("ka50079", "ka50080", "ka50091", "ka50092")
def intraday(ask: Ask) -> Told:
    """금현물 틱·분봉: one trade a minute, joined by the scope asked for."""
    gold, found = running(ask)
    size = int(ask["tic_scope"])
    rows = []
    for place in range(len(found), 0, -size):
        group = found[max(0, place - size) : place]
        bar = bar_of(gold, group)
        rows.append(
            Row(
                trade_values(gold, group[-1]),
                gold.base,
                open_pric=bar.open,
                high_pric=bar.high,
                low_pric=bar.low,
                trde_qty=sum(one.volume for one in group),
            ),
        )
    return Told(rows=rows)


@answers("ka50087")
def expected(ask: Ask) -> Told:
    """금현물예상체결: outside an auction the last trade stands for the expected one."""
    gold, found = running(ask)
    rows = [
        Row(
            {
                "exp_cntr_pric": one.price,
                "exp_pred_pre": one.price - gold.base,
                "exp_flu_rt": percent(one.price - gold.base, gold.base),
                "exp_acc_trde_qty": str(one.total),
                "exp_cntr_trde_qty": str(one.volume),
                "exp_tm": f"{one.time:%H%M%S}",
                "exp_pre_sig": direction(one.price, gold.base),
                "stex_tp": "KRX",
            },
            gold.base,
        )
        for one in found[-1:]
    ]
    return Told(rows=rows)


@answers("ka50100")
def quote(ask: Ask) -> Told:
    """금현물 시세."""
    gold, found = running(ask)
    bar = bar_of(gold, found)
    before = krx.previous_trading_day(gold.day)
    yesterday = days(ask.market.seed, contract(ask), end_of(before, ask.now), 1)[0]
    return Told(
        Row(
            _bar_values(bar),
            bar.base,
            pred_rt=percent(bar.volume, yesterday.volume),
            upl_pric=gold.base * 110 // 100 // 10 * 10,
            lst_pric=gold.base * 90 // 100 // 10 * 10,
            pred_close_pric=gold.base,
        ),
    )


@answers("ka52301")
def groups(ask: Ask) -> Told:
    """금현물투자자현황, both contracts together."""
    bars = [bar_of(*today(ask.market.seed, code, ask.now)) for code in CONTRACTS]
    names = (("8000", "개인", "individual"), ("9000", "외국인", "foreigner"), ("9999", "기관계", "institution"))
    rows = []
    for code, name, group in names:
        sides = [investors(ask.market.seed, "gold", bar.day, bar.volume, bar.value)[group] for bar in bars]
        side = sides[0] + sides[1]
        rows.append(
            Row(
                {
                    "stk_cd": code,
                    "stk_nm": name,
                    "all_dfrt_trst_sell_qty": side.sold,
                    "all_dfrt_trst_sell_amt": side.sold_value,
                    "all_dfrt_trst_buy_qty": side.bought,
                    "all_dfrt_trst_buy_amt": side.bought_value,
                    "all_dfrt_trst_netprps_qty": side.net,
                    "all_dfrt_trst_netprps_amt": side.net_value,
                    "sell_qty_irds": 0,
                    "sell_amt_irds": 0,
                    "buy_qty_irds": 0,
                    "buy_amt_irds": 0,
                    "netprps_qty_irds": 0,
                    "netprps_amt_irds": 0,
                    "acc_netprps_amt": side.net_value,
                    "acc_netprps_qty": side.net,
                    "sell_uv": str(side.sold_value // side.sold if side.sold else 0),
                    "buy_uv": str(side.bought_value // side.bought if side.bought else 0),
                },
            ),
        )
    return Told(rows=rows)
