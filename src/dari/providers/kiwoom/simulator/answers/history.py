"""One stock day by day: prices with flows, foreigners, institutions, credit, short selling, member firms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from dari.core import krx
from dari.core.endpoint import Endpoint
from dari.providers.kiwoom.simulator.answers.charts import wanted
from dari.providers.kiwoom.simulator.answers.quotes import stock_of, trades_of
from dari.providers.kiwoom.simulator.days import Day, bars, end_of, trade_row
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers, ranked
from dari.providers.kiwoom.simulator.stocks import Stock
from dari.providers.kiwoom.simulator.writing import DIVISORS, Value, units_of
from dari.worlds.market import percent
from dari.worlds.market.flows import MEMBERS, NOTHING, Side

GROUP_FIELDS: Final[Mapping[str, str]] = {
    "ind_invsr": "individual",
    "frgnr_invsr": "foreigner",
    "orgn": "institution",
    "fnnc_invt": "financial_investment",
    "insrnc": "insurance",
    "invtrt": "investment_trust",
    "etc_fnnc": "other_finance",
    "bank": "bank",
    "penfnd_etc": "pension_fund",
    "samo_fund": "private_fund",
    "natn": "state",
    "etc_corp": "other_corporation",
    "natfor": "resident_foreigner",
}
"""Field names of investor groups, and the world's names of them."""


def part(side: Side, which: str, *, amount: bool) -> int:
    """A side's net (0), bought (1) or sold (2), in won or in shares."""
    net, bought, sold = (
        (side.net_value, side.bought_value, side.sold_value) if amount else (side.net, side.bought, side.sold)
    )
    return {"0": net, "1": bought, "2": sold}[which]


def as_told(endpoint: Endpoint, name: str, figure: int, *, amount: bool, unit: int = 1) -> Value:
    """A figure for a field whose unit depends on the question: shares fill the place that the sheet gives in won.

    Amounts are in millions of won, quantities in `unit` shares. Fields without a told unit get the digits themselves.
    """
    unit_told = units_of(endpoint.id)[name]
    divisor = DIVISORS.get(unit_told, 1)
    if amount:
        return figure if unit_told.startswith("KRW") else figure // 10**6 if figure >= 0 else -(-figure // 10**6)
    whole = figure // unit if figure >= 0 else -(-figure // unit)
    return whole * divisor if unit_told else whole


def day_of(ask: Ask, name: str) -> date:
    """A day parameter."""
    return ask.date(name)


def days_of(ask: Ask, count: int, *, until: date | None = None, since: date | None = None) -> list[Day]:
    """Days of the asked stock, newest first, until a day, not before another."""
    code, venue = ask.split(ask["stk_cd"])
    issue = ask.market.by_code[code]
    at = end_of(until or ask.day, ask.now)
    found = [Day(ask.market, issue, bar) for bar in bars(ask.market, code, at, count, venue)]
    return [one for one in found if since is None or one.bar.day >= f"{since:%Y%m%d}"]


def span(ask: Ask, begin: str = "strt_dt", end: str = "end_dt") -> list[Day]:
    """The days between two parameters, newest first, no more than a year."""
    until = ask.date(end)
    since = max(ask.date(begin, until - timedelta(days=30)), until - timedelta(days=366))
    count = max(1, (until - since).days * 5 // 7 + 5)
    return days_of(ask, min(count, 300), until=until, since=since)


def with_flows(day: Day, *, amount: bool = False) -> Row:
    """A day with its investor columns."""
    sides = day.sides

    def net(group: str) -> int:
        return part(sides[group], "0", amount=amount)

    program = day.program.whole
    members = day.firms
    house = sum((members[firm] for firm in ("033", "036", "045")), NOTHING)
    return day.row.given(
        for_netprps=net("foreigner"),
        orgn_netprps=net("institution"),
        ind_netprps=net("individual"),
        ind=net("individual"),
        orgn=net("institution"),
        for_qty=net("foreigner"),
        frgn=part(house, "0", amount=amount),
        prm=part(program, "0", amount=amount),
    )


@answers("ka10005")
def recent(ask: Ask) -> Told:
    """일주월시분: the last days."""
    return Told(rows=[with_flows(day) for day in days_of(ask, wanted(ask))])


@answers("ka10015")
def detail(ask: Ask) -> Told:
    """일별거래상세 since a day."""
    return Told(rows=[with_flows(day) for day in days_of(ask, 300, since=day_of(ask, "strt_dt"))])


@answers("ka10086")
def daily_price(ask: Ask) -> Told:
    """일별주가 up to a day. `indc_tp`: 0 the flow columns in shares, 1 in million won."""
    amount = ask["indc_tp"] == "1"
    flows = ("ind", "orgn", "for_qty", "frgn", "prm", "for_netprps", "orgn_netprps", "ind_netprps")
    rows = []
    for day in days_of(ask, wanted(ask), until=day_of(ask, "qry_dt")):
        row = with_flows(day, amount=amount)
        if not amount:  # shares in the place of million won
            row = row.given(**{name: int(str(row.get(name))) * 10**6 for name in flows})
        rows.append(row.given(pred_rt=day.bar.close - day.bar.base))
    return Told(rows=rows)


@answers("ka10008")
def foreigners(ask: Ask) -> Told:
    """외국인 보유와 변동."""
    return Told(rows=[day.row for day in days_of(ask, wanted(ask))])


@answers("ka10047")
def strengths(ask: Ask) -> Told:
    """체결강도 by day, with the averages of 5, 20 and 60 days."""
    days = days_of(ask, min(wanted(ask), 200) + 60)

    def mean(place: int, length: int) -> Decimal:
        chosen = days[place : place + length]
        return sum((day.strength for day in chosen), Decimal(0)) / len(chosen)

    return Told(
        rows=[
            day.row.given(cntr_str_5min=mean(place, 5), cntr_str_20min=mean(place, 20), cntr_str_60min=mean(place, 60))
            for place, day in enumerate(days[:-60] or days)
        ],
    )


@answers("ka10013")
def credit(ask: Ask) -> Told:
    """신용매매동향 up to a day: a fixed part of the day's trade is bought on credit and as much paid back next day."""
    days = days_of(ask, wanted(ask) + 1, until=day_of(ask, "dt"))
    rows = []
    for day, before in pairwise(days):
        new, repaid = day.bar.value // 50, before.bar.value // 50
        held = day.issue.shares * day.bar.close // 100 * int(day.issue.credit)
        rows.append(
            day.row.given(
                new=new,
                rpya=repaid,
                remn=held,
                amt=held,
                pre=new - repaid,
                shr_rt=Decimal(2),
                remn_rt=Decimal(int(day.issue.credit)),
            ),
        )
    return Told(rows=rows)


@answers("ka10014")
def short_selling(ask: Ask) -> Told:
    """공매도추이 between two days: one to four percent of the day's volume."""
    rows: list[Row] = []
    total = 0
    for day in reversed(span(ask)):
        shares = day.bar.volume * (1 + int(day.bar.day) % 4) // 100
        total += shares
        average = day.bar.value // day.bar.volume if day.bar.volume else day.bar.close
        rows.append(
            day.row.given(
                shrts_qty=shares,
                ovr_shrts_qty=total,
                trde_wght=percent(shares, day.bar.volume),
                shrts_trde_prica=shares * average,
                shrts_avg_pric=average,
            ),
        )
    return Told(rows=rows[::-1])


@answers("ka10045")
def institutions(ask: Ask) -> Told:
    """기관매매추이 between two days, with the sums since the first of them."""
    days = span(ask)
    rows: list[Row] = []
    held = {"institution": 0, "foreigner": 0}
    for day in reversed(days):
        for group in held:
            held[group] += day.sides[group].net
        rows.append(
            day.row.given(
                orgn_dt_acc=_signed(held["institution"]),
                orgn_daly_nettrde_qty=day.sides["institution"].net,
                for_dt_acc=_signed(held["foreigner"]),
                for_daly_nettrde_qty=day.sides["foreigner"].net,
            ),
        )

    def average(group: str, which: str) -> int:
        side = sum((day.sides[group] for day in days), NOTHING)
        shares = side.bought if which == "1" else side.sold
        return (side.bought_value if which == "1" else side.sold_value) // shares if shares else 0

    top = Row(
        {
            "orgn_prsm_avg_pric": average("institution", ask["orgn_prsm_unp_tp"]),
            "for_prsm_avg_pric": average("foreigner", ask["for_prsm_unp_tp"]),
        },
    )
    return Told(top, rows[::-1])


def _signed(number: int) -> str:
    return f"+{number}" if number > 0 else str(number)


def group_values(ask: Ask, sides: Mapping[str, Side]) -> dict[str, Value]:
    """The investor columns as the question wants them (amount or quantity, net or side, unit)."""
    amount = ask["amt_qty_tp"] == "1"
    unit = int(ask["unit_tp"] or "1")
    names = {one.name for block in ask.endpoint.blocks for one in block.fields}
    return {
        name: as_told(ask.endpoint, name, part(sides[group], ask["trde_tp"], amount=amount), amount=amount, unit=unit)
        for name, group in GROUP_FIELDS.items()
        if name in names
    }


@answers("ka10059", "ka10060")
def groups(ask: Ask) -> Told:
    """투자자·기관별 up to a day."""
    days = days_of(ask, min(wanted(ask), 300), until=day_of(ask, "dt"))
    return Told(rows=[day.row.given(**group_values(ask, day.sides)) for day in days])


@answers("ka10061")
def groups_total(ask: Ask) -> Told:
    """투자자·기관별 합계 between two days; a negative figure comes with two signs."""
    days = span(ask)
    summed = {
        group: sum((day.sides[group] for day in days), NOTHING) for group in (*GROUP_FIELDS.values(), "institution")
    }
    return Told(rows=[Row(group_values(ask, summed))])


@answers("ka10064")
def groups_today(ask: Ask) -> Told:
    """장중 투자자별, every half hour of the day so far."""
    stock = stock_of(ask)
    board = krx.board(ask.now, stock.quote.venue)
    times = krx.session(board.day)
    assert times is not None  # the board's day is a trading day
    moments = [board.as_of]
    moment = board.as_of.replace(minute=board.as_of.minute // 30 * 30, second=0)
    while moment > times.opens:
        if moment < board.as_of:
            moments.append(moment)
        moment -= timedelta(minutes=30)
    rows = []
    for at in moments:
        then = type(stock).at(ask.market, stock.issue.code, at, stock.quote.venue)
        rows.append(then.row.given(**group_values(ask, then.sides), tm=f"{at:%H%M%S}"))
    return Told(rows=rows)


@answers("ka10078")
def one_firm(ask: Ask) -> Told:
    """One member firm in a stock between two days."""
    firm = ask["mmcm_cd"]
    if firm not in MEMBERS:
        return Told()
    rows = []
    for day in span(ask):
        side = day.firms[firm]
        rows.append(day.row.given(netprps_qty=side.net, buy_qty=side.bought, sell_qty=side.sold))
    return Told(rows=rows)


@answers("ka10043")
def firm_profile(ask: Ask) -> Told:
    """거래원매물대: one member firm in a stock, by day, sorted by close or by day."""
    firm, days = ask["mmcm_cd"], _chosen_days(ask)
    rows = []
    for day in days:
        side = day.firms.get(firm, NOTHING)
        both = side.bought + side.sold
        rows.append(
            day.row.given(
                sel_qty=side.sold,
                buy_qty=side.bought,
                netprps_qty=side.net,
                trde_qty_sum=both,
                trde_wght=percent(both, 2 * day.bar.volume),
            ),
        )
    if ask["sort_base"] == "1":
        rows.sort(key=lambda row: -int(str(row.get("close_pric"))))
    return Told(rows=rows)


def _chosen_days(ask: Ask) -> list[Day]:
    if ask["qry_dt_tp"] == "1":
        return span(ask)
    days = days_of(ask, int(ask["dt"] or "5") + 1)
    return days[1:] if ask["pot_tp"] == "1" else days[:-1]


@answers("ka10042")
def net_buyers(ask: Ask) -> Told:
    """순매수거래원순위 over a period."""
    totals = _firm_totals(_chosen_days(ask))
    order = sorted(totals, key=lambda firm: (-totals[firm].net, firm))
    return Told(rows=ranked(Row({"mmcm_cd": firm, "mmcm_nm": MEMBERS[firm]}) for firm in order))


def _firm_totals(days: list[Day]) -> dict[str, Side]:
    return {firm: sum((day.firms[firm] for day in days), NOTHING) for firm in MEMBERS}


@answers("ka10038")
def firms_of_stock(ask: Ask) -> Told:
    """종목별증권사순위 over a period. `qry_tp`: 1 by net sales, 2 by net purchases."""
    days = span(ask) if ask["strt_dt"] else days_of(ask, int(ask["dt"] or "0") + 1)
    totals = _firm_totals(days)
    sign = 1 if ask["qry_tp"] == "1" else -1
    order = sorted(totals, key=lambda firm: (sign * totals[firm].net, firm))
    rows = ranked(
        Row(
            {
                "mmcm_nm": MEMBERS[firm],
                "buy_qty": totals[firm].bought,
                "sell_qty": -totals[firm].sold,
                "acc_netprps_qty": totals[firm].net,
            },
        )
        for firm in order
    )
    bought = sum(side.bought for side in totals.values())
    sold = sum(side.sold for side in totals.values())
    top = Row(
        {
            "rank_1": bought,
            "rank_2": -sold,
            "rank_3": bought - sold,
            "prid_trde_qty": sum(day.bar.volume for day in days),
        },
    )
    return Told(top, rows)


@answers("ka10052")
def firm_moments(ask: Ask) -> Told:
    """거래원 순간거래량: the firm's part of the last trades of a stock (the largest one where none is named)."""
    code, venue = ask.split(ask["stk_cd"] or "005930")
    stock = Stock.at(ask.market, code, ask.now, venue)
    firm = ask["mmcm_cd"]
    side = stock.firms.get(firm, NOTHING)
    rows = []
    for trade in trades_of(ask, stock, stock.quote.as_of, 50):
        moment = trade.volume * side.bought // max(1, stock.quote.volume)
        rows.append(
            trade_row(trade, stock.quote.base, bought=True, venue=venue).given(
                stk_cd=code,
                stk_nm=stock.issue.name,
                trde_ori_nm=MEMBERS.get(firm, ""),
                tp="매수",
                mont_trde_qty=moment,
                acc_netprps=side.net,
            ),
        )
    return Told(rows=rows)


@answers("ka10053")
def departed(ask: Ask) -> Told:
    """당일상위이탈원: nobody leaves the top five in this world."""
    stock_of(ask)
    return Told()
