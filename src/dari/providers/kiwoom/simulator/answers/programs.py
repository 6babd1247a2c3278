"""프로그램매매: of a stock, of a market, by time and by day. A market's past days add up its 120 most traded issues."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from dari.core import krx
from dari.providers.kiwoom.simulator.answers.charts import wanted
from dari.providers.kiwoom.simulator.answers.history import as_told, days_of, part
from dari.providers.kiwoom.simulator.answers.quotes import stock_of
from dari.providers.kiwoom.simulator.answers.ranks import CANDIDATES, largest, traded
from dari.providers.kiwoom.simulator.days import index_days
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers, ranked
from dari.providers.kiwoom.simulator.stocks import Stock
from dari.providers.kiwoom.simulator.writing import Value
from dari.worlds.market import percent
from dari.worlds.market.flows import NOTHING, Program, Side, program

MARKET_DAYS: Final = 20
MOMENTS: Final = 30


def _add(one: Program, two: Program) -> Program:
    return Program(one.arbitrage + two.arbitrage, one.other + two.other)


NONE: Final = Program(NOTHING, NOTHING)


def biggest(ask: Ask, board: str, at: datetime) -> list[Stock]:
    """The most traded issues of a board at a moment."""
    quotes = sorted(ask.market.snapshot(at).of(board), key=lambda quote: (-quote.value, quote.code))
    return [Stock(ask.market, quote) for quote in quotes[:CANDIDATES]]


def of_market(ask: Ask, board: str, at: datetime) -> Program:
    """A market's program trading until a moment: of every issue in its index."""
    return ask.market.index_program("0001" if board == "KOSPI" else "1001", at)


def of_day(ask: Ask, board: str, day: date) -> Program:
    """A market's program trading of a whole past day, of the issues most traded now."""
    total = NONE
    for stock in biggest(ask, board, ask.now):
        path = ask.market.paths.day(stock.issue, day)
        value = path.volume * (path.prices[0] + path.prices[-1]) // 2
        total = _add(total, program(ask.market.seed, stock.issue.code, f"{day:%Y%m%d}", path.volume, value))
    return total


def board_of(ask: Ask) -> str:
    """The board a 시장구분 names (P00101, P101_NX02, 0, 1)."""
    return "KOSPI" if ask["mrkt_tp"].startswith(("P001", "0")) else "KOSDAQ"


def columns(told: Program) -> dict[str, Value]:
    """The columns of ka90005 and ka90010."""
    whole = told.whole
    return {
        "dfrt_trde_sel": told.arbitrage.sold_value,
        "dfrt_trde_buy": told.arbitrage.bought_value,
        "dfrt_trde_netprps": told.arbitrage.net_value,
        "ndiffpro_trde_sel": told.other.sold_value,
        "ndiffpro_trde_buy": told.other.bought_value,
        "ndiffpro_trde_netprps": told.other.net_value,
        "dfrt_trde_sell_qty": told.arbitrage.sold,
        "dfrt_trde_buy_qty": told.arbitrage.bought,
        "dfrt_trde_netprps_qty": told.arbitrage.net,
        "ndiffpro_trde_sell_qty": told.other.sold,
        "ndiffpro_trde_buy_qty": told.other.bought,
        "ndiffpro_trde_netprps_qty": told.other.net,
        "all_sel": whole.sold_value,
        "all_buy": whole.bought_value,
        "all_netprps": whole.net_value,
        "basis": Decimal("0.00"),
    }


@answers("ka90005")
def by_time(ask: Ask) -> Told:
    """프로그램매매추이 by time; here KOSPI200 comes ×100, without its point."""
    board = krx.board(ask.now)
    times = krx.session(board.day)
    assert times is not None  # the board's day is a trading day
    step = timedelta(minutes=10 if ask["min_tic_tp"] == "1" else 1)
    rows: list[Row] = []
    moment = board.as_of
    while moment > times.opens and len(rows) < MOMENTS:
        level = ask.market.index("2001", moment)
        told = columns(of_market(ask, board_of(ask), moment))
        hundredfold = int(level.level * 100)
        sign = "+" if level.change > 0 else "-" if level.change < 0 else ""
        rows.append(Row(told, cntr_tm=f"{moment:%H%M%S}", kospi200=f"{sign}{hundredfold}"))
        moment -= step
    return Told(rows=rows)


@answers("ka90010")
def by_day(ask: Ask) -> Told:
    """프로그램매매추이 by day; here KOSPI200 comes with its point."""
    days = index_days(ask.market, "2001", ask.now, MARKET_DAYS)
    rows = []
    for one in days:
        text = str(one["day"])
        day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
        told = of_market(ask, board_of(ask), ask.now) if day == ask.day else of_day(ask, board_of(ask), day)
        level, base = Decimal(str(one["level"])), Decimal(str(one["base"]))
        sign = "+" if level > base else "-" if level < base else ""
        rows.append(Row(columns(told), cntr_tm=f"{text}000000", kospi200=f"{sign}{level}"))
    return Told(rows=rows)


@answers("ka90006")
def arbitrage_balance(ask: Ask) -> Told:
    """차익잔고추이: twenty times the day's arbitrage, and how it changed."""
    rows: list[Row] = []
    days = krx.trading_days(ask.day, MARKET_DAYS + 1)
    sides = [of_day(ask, "KOSPI", day).arbitrage for day in days]
    for day, side, before in zip(days, sides, sides[1:], strict=False):
        rows.append(
            Row(
                {
                    "dt": f"{day:%Y%m%d}",
                    "buy_dfrt_trde_qty": side.bought * 20,
                    "buy_dfrt_trde_amt": side.bought_value * 20,
                    "buy_dfrt_trde_irds_amt": (side.bought_value - before.bought_value) * 20,
                    "sel_dfrt_trde_qty": side.sold * 20,
                    "sel_dfrt_trde_amt": side.sold_value * 20,
                    "sel_dfrt_trde_irds_amt": (side.sold_value - before.sold_value) * 20,
                },
            ),
        )
    return Told(rows=rows)


@answers("ka90007")
def accumulated(ask: Ask) -> Told:
    """프로그램매매누적추이: the day's net and the sum since the first day told."""
    amount = ask["amt_qty_tp"] == "1"
    days = index_days(ask.market, "2001", ask.now, MARKET_DAYS)
    held = [0, 0]
    rows: list[Row] = []
    for one in reversed(days):
        text = str(one["day"])
        told = of_day(ask, board_of(ask), date(int(text[:4]), int(text[4:6]), int(text[6:])))
        nets = [part(side, "0", amount=amount) for side in (told.arbitrage, told.other)]
        held = [before + net for before, net in zip(held, nets, strict=True)]

        def write(name: str, figure: int) -> Value:
            return as_told(ask.endpoint, name, figure, amount=amount, unit=1_000)

        level, base = Decimal(str(one["level"])), Decimal(str(one["base"]))
        rows.append(
            Row(
                {
                    "dt": text,
                    "kospi200": f"{'+' if level > base else '-' if level < base else ''}{level}",
                    "basis": Decimal("0.00"),
                    "dfrt_trde_tdy": write("dfrt_trde_tdy", nets[0]),
                    "dfrt_trde_acc": write("dfrt_trde_acc", held[0]),
                    "ndiffpro_trde_tdy": write("ndiffpro_trde_tdy", nets[1]),
                    "ndiffpro_trde_acc": write("ndiffpro_trde_acc", held[1]),
                    "all_tdy": write("all_tdy", sum(nets)),
                    "all_acc": write("all_acc", sum(held)),
                },
            ),
        )
    return Told(rows=rows[::-1])


def stock_columns(whole: Side, before: Side) -> dict[str, Value]:
    """The columns of ka90008 and ka90013."""
    return {
        "prm_sell_amt": whole.sold_value,
        "prm_buy_amt": whole.bought_value,
        "prm_netprps_amt": whole.net_value,
        "prm_netprps_amt_irds": whole.net_value - before.net_value,
        "prm_sell_qty": whole.sold,
        "prm_buy_qty": whole.bought,
        "prm_netprps_qty": whole.net,
        "prm_netprps_qty_irds": whole.net - before.net,
    }


@answers("ka90008")
def stock_by_time(ask: Ask) -> Told:
    """종목 프로그램매매 by time, every ten minutes."""
    stock = stock_of(ask)
    times = krx.session(stock.quote.as_of.date())
    assert times is not None  # a quote's moment lies in a session
    moments: list[datetime] = []
    moment = stock.quote.as_of
    while moment > times.nxt_pre and len(moments) <= MOMENTS:
        moments.append(moment)
        moment -= timedelta(minutes=10)
    views = [Stock.at(ask.market, stock.issue.code, at, stock.quote.venue) for at in moments]
    rows = []
    for at, view, earlier in zip(moments, views, views[1:], strict=False):
        if view.quote.volume:
            figures = stock_columns(view.program.whole, earlier.program.whole)
            rows.append(view.row.given(**figures, tm=f"{at:%H%M%S}", stex_tp=stock.quote.venue))
    return Told(rows=rows)


@answers("ka90013")
def stock_by_day(ask: Ask) -> Told:
    """종목 프로그램매매 by day."""
    days = days_of(ask, min(wanted(ask), 250) + 1, until=ask.date("date"))
    return Told(
        rows=[
            day.row.given(**stock_columns(day.program.whole, before.program.whole), stex_tp="KRX")
            for day, before in pairwise(days)
        ],
    )


@answers("ka90003")
def top_fifty(ask: Ask) -> Told:
    """프로그램순매수상위50: 1 net sales, 2 net purchases; by amount (1) or quantity (2)."""
    selling, amount = ask["trde_upper_tp"] == "1", ask["amt_qty_tp"] == "1"
    rows = [(part(stock.program.whole, "0", amount=amount), stock) for stock in traded(ask)]
    rows = [one for one in rows if one[0] and (one[0] < 0) == selling]
    rows.sort(key=lambda one: one[0], reverse=not selling)
    return Told(rows=ranked(stock.row.given(**_plain(stock.program.whole)) for _, stock in rows[:50]))


def _plain(whole: Side) -> dict[str, Value]:
    return {
        "prm_sell_amt": whole.sold_value,
        "prm_buy_amt": whole.bought_value,
        "prm_netprps_amt": whole.net_value,
    }


@answers("ka90004")
def every_stock(ask: Ask) -> Told:
    """종목별프로그램매매현황 with the sums of the rows told."""
    rows, total = [], NOTHING
    for stock in sorted(largest(ask), key=lambda one: one.issue.code):
        whole = stock.program.whole
        total += whole
        rows.append(
            stock.row.given(
                buy_cntr_qty=whole.bought,
                buy_cntr_amt=whole.bought_value,
                sel_cntr_qty=whole.sold,
                sel_cntr_amt=whole.sold_value,
                netprps_prica=whole.net_value,
                all_trde_rt=percent(whole.bought + whole.sold, 2 * stock.quote.volume),
            ),
        )
    top = Row(
        {
            "tot_1": total.bought,
            "tot_2": total.bought_value,
            "tot_3": total.sold,
            "tot_4": total.sold_value,
            "tot_5": total.net_value,
            "tot_6": "",
        },
    )
    return Told(top, rows)


@answers("ka10010")
def sector_program(ask: Ask) -> Told:
    """업종프로그램 of the sector that a stock belongs to (the parameter is a stock code)."""
    stock = stock_of(ask)
    quotes = ask.snapshot("KRX").quotes
    total = NONE
    for issue in ask.market.members.get(stock.issue.sector, (stock.issue,)):
        total = _add(total, Stock(ask.market, quotes[issue.code]).program)
    values: dict[str, Value] = {}
    sides = (("dfrt", total.arbitrage), ("ndiffpro", total.other), ("all_dfrt", total.whole))
    for prefix, side in sides:
        for name, figure in (
            ("sell_qty", side.sold),
            ("sell_amt", side.sold_value),
            ("buy_qty", side.bought),
            ("buy_amt", side.bought_value),
            ("netprps_qty", side.net),
            ("netprps_amt", side.net_value),
        ):
            values[f"{prefix}_trst_{name}"] = figure
    return Told(Row(values))
