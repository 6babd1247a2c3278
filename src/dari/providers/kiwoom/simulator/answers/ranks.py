"""순위정보: issues of a market in some order (rankings of price, volume, value, book, credit)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from dari.core import krx
from dari.providers.kiwoom.simulator.days import bars, end_of
from dari.providers.kiwoom.simulator.exchange import Ask, Told, answers, ranked
from dari.providers.kiwoom.simulator.filters import passing
from dari.providers.kiwoom.simulator.stocks import Stock
from dari.worlds.market import Bar, Quote, percent

LONGEST: Final = 200
"""How many places a ranking tells."""
CANDIDATES: Final = 120
"""How many issues, largest value first, are looked at where each costs a look at its history."""

Key = Callable[[Quote], Any]


def stocks(ask: Ask, quotes: Iterable[Quote]) -> list[Stock]:
    """Views of quotes."""
    return [Stock(ask.market, quote) for quote in quotes]


def ordered(ask: Ask, key: Key, quotes: Iterable[Quote] | None = None) -> list[Stock]:
    """The first LONGEST of the passing issues by a key, ties in code order."""
    rows = sorted(passing(ask) if quotes is None else quotes, key=lambda quote: (key(quote), quote.code))
    return stocks(ask, rows[:LONGEST])


def largest(ask: Ask, *, market: str = "mrkt_tp") -> list[Stock]:
    """The passing issues with the most trade by value."""
    rows = sorted(passing(ask, market=market), key=lambda quote: (-quote.value, quote.code))
    return stocks(ask, rows[:CANDIDATES])


def traded(ask: Ask) -> list[Stock]:
    """Every passing issue, in code order: what is asked of the whole market is not cut to its largest part."""
    return stocks(ask, passing(ask))


def turn_count(quote: Quote) -> str:
    """횟수 at a limit in a row: no limit follows another in this world."""
    return "1" if quote.price in (quote.low_limit, quote.high_limit) else "0"


@answers("ka10030")
def volume_today(ask: Ask) -> Told:
    """당일거래량상위. `sort_tp`: 1 volume, 2 turnover, 3 value."""
    keys: dict[str, Key] = {
        "1": lambda quote: -quote.volume,
        "2": lambda quote: -quote.turnover,
        "3": lambda quote: -quote.value,
    }
    return Told(rows=[stock.row for stock in ordered(ask, keys[ask["sort_tp"]])])


@answers("ka10031")
def volume_yesterday(ask: Ask) -> Told:
    """전일거래량상위, from one place to another. `qry_tp`: 1 volume, 2 value."""
    by_value = ask["qry_tp"] == "2"
    first, last = int(ask["rank_strt"] or "1"), int(ask["rank_end"] or "100")
    rows = ordered(ask, lambda quote: -(quote.previous_value if by_value else quote.previous_volume))
    return Told(
        rows=[stock.row.given(trde_qty=stock.quote.previous_volume) for stock in rows[max(0, first - 1) : last]]
    )


@answers("ka10032")
def value_today(ask: Ask) -> Told:
    """거래대금상위, with yesterday's place."""
    quotes = passing(ask)
    before = sorted(quotes, key=lambda quote: (-quote.previous_value, quote.code))
    places = {quote.code: str(place) for place, quote in enumerate(before, 1)}
    rows = ordered(ask, lambda quote: -quote.value, quotes)
    return Told(
        rows=[
            stock.row.given(now_rank=str(place), pred_rank=places[stock.issue.code])
            for place, stock in enumerate(rows, 1)
        ],
    )


def change_key(sort: str, order: str) -> Key:
    """A key for 상승률 상승폭 하락률 하락폭 보합, whose codes come in `order`."""
    keys: tuple[Key, ...] = (
        lambda quote: -quote.change_rate,
        lambda quote: -quote.change,
        lambda quote: quote.change_rate,
        lambda quote: quote.change,
        lambda quote: abs(quote.change),
    )
    return keys[order.index(sort)] if sort in order else keys[0]


def right_way(sort: str, order: str) -> Callable[[Quote], bool]:
    """Only risers in a ranking of rises, only fallers in one of falls."""
    place = order.index(sort) if sort in order else 0
    if place < 2:
        return lambda quote: quote.change > 0
    return (lambda quote: quote.change < 0) if place < 4 else (lambda quote: quote.change == 0)


@answers("ka10027", "ka10098")
def by_change(ask: Ask) -> Told:
    """전일대비등락률상위; 시간외단일가 등락율 tells the closing prices, for nothing trades there in this world."""
    sort, order = ask["sort_tp"] or ask["sort_base"], "12345"
    quotes = [quote for quote in passing(ask) if right_way(sort, order)(quote)]
    rows = ordered(ask, change_key(sort, order), quotes)
    return Told(rows=ranked(stock.row.given(cnt=turn_count(stock.quote)) for stock in rows))


@answers("ka10029")
def by_expected(ask: Ask) -> Told:
    """예상체결등락률상위: outside an auction the last price stands for the expected one."""
    sort = ask["sort_tp"]
    if sort == "6":
        rows = ordered(ask, lambda quote: -quote.volume)
    elif sort in ("7", "8"):
        edge: Key = (lambda q: q.price != q.high_limit) if sort == "7" else (lambda q: q.price != q.low_limit)
        rows = ordered(ask, edge, [quote for quote in passing(ask) if not edge(quote)])
    else:
        order = "12453"
        rows = ordered(ask, change_key(sort, order), [q for q in passing(ask) if right_way(sort, order)(q)])
    return Told(rows=[stock.row for stock in rows])


@answers("ka10028")
def by_open(ask: Ask) -> Told:
    """시가대비등락률: how far from the open, high, low or base. `flu_cnd`: 1 the top, 2 the bottom."""
    sign = -1 if ask["flu_cnd"] == "1" else 1
    marks: dict[str, Key] = {
        "1": lambda quote: quote.open,
        "2": lambda quote: quote.high,
        "3": lambda quote: quote.low,
        "4": lambda quote: quote.base,
    }
    mark = marks[ask["sort_tp"]]
    rows = ordered(ask, lambda quote: sign * percent(quote.price - mark(quote), mark(quote)))
    return Told(rows=[stock.row for stock in rows])


def unbeaten(ask: Ask, quote: Quote, count: int, figure: Callable[[Bar], int]) -> list[Bar] | None:
    """The days before today among the last `count`, newest first; None when today's figure is not above all of theirs.

    Near days are looked at first: most issues are told after a few, so that a whole market can be asked.
    """
    days: list[Bar] = []
    top = 0
    for reach in sorted({min(one, count) for one in (3, 10, 40, count)}):
        seen = len(days)
        today, *days = bars(ask.market, quote.code, end_of(ask.day, ask.now), reach, quote.venue)
        top = figure(today)
        if any(figure(day) >= top for day in days[seen:]):
            return None
    return days or None


def beyond_closes(ask: Ask, quote: Quote, count: int, *, highest: bool) -> bool:
    """Whether today's range goes beyond the last KRX closes: quick, and whoever does not, set no extreme there."""
    if quote.venue != "KRX":
        return True
    before = krx.trading_days(krx.previous_trading_day(quote.as_of.date()), count - 1)
    listed = quote.issue.listed_on
    closes = (ask.market.paths.close(quote.issue, day) for day in before if f"{day:%Y%m%d}" >= listed)
    return all(close < quote.high for close in closes) if highest else all(close > quote.low for close in closes)


@answers("ka10016")
def extremes(ask: Ask) -> Told:
    """신고저가 of 5 … 250 days, over the whole market, the most traded first."""
    count, highest = int(ask["dt"]), ask["ntl_tp"] == "1"
    by_close = ask["high_low_close_tp"] == "2"

    def figure(bar: Bar) -> int:
        if highest:
            return bar.close if by_close else bar.high
        return -(bar.close if by_close else bar.low)

    found = [
        quote
        for quote in passing(ask)
        if beyond_closes(ask, quote, count, highest=highest) and unbeaten(ask, quote, count, figure)
    ]
    return Told(rows=[stock.row for stock in ordered(ask, lambda quote: -quote.value, found)])


@answers("ka10017")
def limits(ask: Ask) -> Told:
    """상하한가: 1 상한 2 상승 3 보합 4 하한 5 하락 6 전일상한 7 전일하한."""
    kind = ask["updown_tp"]
    tests: dict[str, Callable[[Quote], bool]] = {
        "1": lambda quote: quote.price == quote.high_limit,
        "2": lambda quote: quote.change > 0,
        "3": lambda quote: quote.change == 0,
        "4": lambda quote: quote.price == quote.low_limit,
        "5": lambda quote: quote.change < 0,
        "6": lambda quote: _at_limit_yesterday(ask, quote, up=True),
        "7": lambda quote: _at_limit_yesterday(ask, quote, up=False),
    }
    quotes = passing(ask)
    if kind in ("6", "7"):
        quotes = [stock.quote for stock in largest(ask)]
    quotes = [quote for quote in quotes if tests[kind](quote)]
    key: Key = {"1": lambda quote: quote.code, "2": lambda quote: quote.code, "3": lambda quote: -quote.change_rate}[
        ask["sort_tp"]
    ]
    return Told(rows=[stock.row.given(cnt=turn_count(stock.quote)) for stock in ordered(ask, key, quotes)])


def _at_limit_yesterday(ask: Ask, quote: Quote, *, up: bool) -> bool:
    before = ask.market.paths.day(quote.issue, krx.previous_trading_day(quote.as_of.date()))
    return before.prices[-1] == (before.high_limit if up else before.low_limit)


@answers("ka10018")
def near(ask: Ask) -> Told:
    """고저가근접: within 0.5 … 3 percent of the day's high or low."""
    width = Decimal(ask["alacc_rt"]) / 10
    high = ask["high_low_tp"] == "1"
    quotes = [
        quote
        for quote in passing(ask)
        if abs(percent(quote.price - (quote.high if high else quote.low), quote.high if high else quote.low)) <= width
    ]
    return Told(rows=[stock.row for stock in ordered(ask, lambda quote: -quote.value, quotes)])


@answers("ka10019")
def jumps(ask: Ask) -> Told:
    """가격급등락 over minutes (`tm_tp` 1) or days (2) before."""
    up, count = ask["flu_tp"] == "1", int(ask["tm"] or "1")
    rows = []
    for stock in largest(ask):
        then = _price_before(ask, stock.quote, count, days=ask["tm_tp"] == "2")
        rate = percent(stock.quote.price - then, then)
        if (rate > 0) == up and rate:
            rows.append(stock.row.given(base_pric=then, base_pre=stock.quote.price - then, jmp_rt=rate))
    rows.sort(key=lambda row: Decimal(str(row.get("jmp_rt"))), reverse=up)
    return Told(rows=rows)


def _price_before(ask: Ask, quote: Quote, count: int, *, days: bool) -> int:
    if days:
        found = bars(ask.market, quote.code, end_of(ask.day, ask.now), count + 1, quote.venue)
        return found[-1].close
    earlier = ask.market.quote(quote.code, quote.as_of - timedelta(minutes=count), quote.venue)
    return earlier.price


@answers("ka10020")
def resting(ask: Ask) -> Told:
    """호가잔량상위: 1 순매수잔량 2 순매도잔량 3 매수비율 4 매도비율."""
    rows = largest(ask)
    keys: dict[str, Callable[[Stock], Any]] = {
        "1": lambda stock: stock.book.ask_total - stock.book.bid_total,
        "2": lambda stock: stock.book.bid_total - stock.book.ask_total,
        "3": lambda stock: -percent(stock.book.bid_total, stock.book.ask_total),
        "4": lambda stock: percent(stock.book.bid_total, stock.book.ask_total),
    }
    rows.sort(key=keys[ask["sort_tp"]])
    return Told(rows=[stock.row for stock in rows])


@answers("ka10021", "ka10022")
def resting_surge(ask: Ask) -> Told:
    """호가잔량급증, 잔량율급증: the book now against the book `tm_tp` minutes before."""
    minutes = int(ask["tm_tp"] or "1")
    rows = []
    for stock in largest(ask):
        quote = stock.quote
        then = Stock.at(ask.market, quote.code, quote.as_of - timedelta(minutes=minutes), quote.venue)
        if ask.endpoint.id == "ka10021":
            buys = ask["trde_tp"] == "1"
            before = then.book.bid_total if buys else then.book.ask_total
            now = stock.book.bid_total if buys else stock.book.ask_total
            rows.append(
                stock.row.given(int=before, now=now, sdnin_qty=now - before, sdnin_rt=percent(now - before, before))
            )
            continue
        old, new = _ratio(then, ask["rt_tp"]), _ratio(stock, ask["rt_tp"])
        rows.append(stock.row.given(int=old, now_rt=new, sdnin_rt=new - old))
    by_amount = ask.endpoint.id == "ka10021" and ask["sort_tp"] == "1"
    rows.sort(key=lambda row: -Decimal(str(row.get("sdnin_qty" if by_amount else "sdnin_rt"))))
    return Told(rows=[row for row in rows if Decimal(str(row.get("sdnin_rt"))) > 0])


def _ratio(stock: Stock, kind: str) -> Decimal:
    bids, asks = stock.book.bid_total, stock.book.ask_total
    return percent(bids, asks) if kind == "1" else percent(asks, bids)


@answers("ka10023", "ka10024")
def volume_surge(ask: Ask) -> Told:
    """거래량급증 against yesterday or minutes before; 거래량갱신: more than on any of the last 5 … 250 days."""
    if ask.endpoint.id == "ka10024":
        count = int(ask["cycle_tp"])
        rows = []
        for quote in passing(ask):
            days = unbeaten(ask, quote, count, lambda bar: bar.volume)
            if days:
                most = max(bar.volume for bar in days)
                rows.append(Stock(ask.market, quote).row.given(prev_trde_qty=most))
        return Told(rows=rows)
    rows = []
    earlier = None
    if ask["tm_tp"] == "1":
        board = ask.snapshot(ask.venue()).board
        earlier = ask.market.snapshot(board.as_of - timedelta(minutes=int(ask["tm"] or "1")), ask.venue()).quotes
    for stock in traded(ask):
        quote = stock.quote
        before = earlier[quote.code].volume if earlier is not None else quote.previous_volume
        more = quote.volume - before
        rows.append(stock.row.given(prev_trde_qty=before, sdnin_qty=more, sdnin_rt=percent(more, before)))
    by_rate, down = ask["sort_tp"] in ("2", "4"), ask["sort_tp"] in ("3", "4")
    rows.sort(key=lambda row: Decimal(str(row.get("sdnin_rt" if by_rate else "sdnin_qty"))), reverse=not down)
    return Told(rows=rows[:LONGEST])


@answers("ka10025")
def profiles(ask: Ask) -> Told:
    """매물대집중: the price band in which most of the period's volume changed hands."""
    count, bands = int(ask["cycle_tp"]), max(1, int(ask["prpscnt"] or "1"))
    least = Decimal(ask["prps_cnctr_rt"] or "0")
    rows = []
    for stock in largest(ask)[:60]:
        days = bars(ask.market, stock.issue.code, end_of(ask.day, ask.now), min(count, 120), stock.quote.venue)
        low, high = min(bar.low or bar.close for bar in days), max(bar.high or bar.close for bar in days)
        width = max(1, (high - low) // bands)
        sums: dict[int, int] = {}
        for bar in days:
            place = min(bands - 1, (bar.close - low) // width)
            sums[place] = sums.get(place, 0) + bar.volume
        place = max(sums, key=lambda one: (sums[one], -one))
        begin, end = low + place * width, low + (place + 1) * width
        rate = percent(sums[place], sum(sums.values()))
        inside = begin <= stock.quote.price <= end
        if rate >= least and (ask["cur_prc_entry"] == "1" or not inside):
            rows.append(stock.row.given(pric_strt=begin, pric_end=end, prps_qty=sums[place], prps_rt=rate))
    return Told(rows=rows)


@answers("ka10026")
def valuations(ask: Ask) -> Told:
    """고저PER: 1 저PBR 2 고PBR 3 저PER 4 고PER 5 저ROE 6 고ROE; the figure asked for stands in `per`."""
    kind = ask["pertp"]
    figures: dict[str, Key] = {
        "1": lambda quote: quote.pbr,
        "3": lambda quote: quote.per,
        "5": lambda quote: percent(quote.issue.eps, quote.issue.bps),
    }
    figure = figures[str((int(kind) - 1) // 2 * 2 + 1)]
    quotes = [quote for quote in ask.snapshot().of() if quote.issue.kind == "common" and figure(quote) > 0]
    sign = -1 if kind in ("2", "4", "6") else 1
    rows = ordered(ask, lambda quote: sign * figure(quote), quotes)
    return Told(rows=[stock.row.given(per=figure(stock.quote)) for stock in rows])


@answers("ka10033")
def credit_ratios(ask: Ask) -> Told:
    """신용비율상위."""
    rows = stocks(ask, passing(ask))
    rows.sort(key=lambda stock: (-stock.credit_ratio, stock.issue.code))
    return Told(rows=[row.row for row in rows[:LONGEST]])
