"""Who buys what: rankings of issues by foreigners, institutions, other groups and member firms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from dari.core import krx
from dari.providers.kiwoom.simulator.answers.history import GROUP_FIELDS, as_told, part
from dari.providers.kiwoom.simulator.answers.ranks import LONGEST, largest, traded
from dari.providers.kiwoom.simulator.days import Day, bars, end_of
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers, ranked
from dari.providers.kiwoom.simulator.stocks import Stock
from dari.worlds.market import percent
from dari.worlds.market.flows import FOREIGN_MEMBERS, MEMBERS, NOTHING, Side

INVESTOR_CODES: Final[Mapping[str, str]] = {
    "8000": "individual",
    "9000": "foreigner",
    "9100": "foreigner",
    "1000": "financial_investment",
    "3000": "investment_trust",
    "3100": "private_fund",
    "5000": "other_finance",
    "4000": "bank",
    "2000": "insurance",
    "6000": "pension_fund",
    "7000": "state",
    "7100": "other_corporation",
    "9999": "institution",
}
SESSION_INVESTORS: Final[Mapping[str, str]] = {
    "6": "foreigner",
    "7": "institution",
    "1": "investment_trust",
    "0": "insurance",
    "2": "bank",
    "3": "pension_fund",
    "4": "state",
    "5": "other_corporation",
}


def history(ask: Ask, stock: Stock, count: int, until: date | None = None) -> list[Day]:
    """The last days of a stock, newest first."""
    at = end_of(until or ask.day, ask.now)
    found = bars(ask.market, stock.issue.code, at, max(1, count), stock.quote.venue)
    return [Day(ask.market, stock.issue, bar) for bar in found]


def between(ask: Ask, stock: Stock) -> list[Day]:
    """The days from `strt_dt` to `end_dt`, at most 60."""
    until = ask.date("end_dt")
    since = ask.date("strt_dt", until)
    count = 1 if since == until else min(60, max(1, (until - since).days * 5 // 7 + 3))
    return [day for day in history(ask, stock, count, until) if day.bar.day >= f"{since:%Y%m%d}"]


def summed(days: list[Day], group: str) -> Side:
    """A group's side of several days."""
    return sum((day.sides[group] for day in days), NOTHING)


def period_days(ask: Ask, stock: Stock) -> list[Day]:
    """The days of a 기간 code: 0 today, 1 yesterday alone, N the last N days."""
    count = int(ask["dt"] or "0")
    if count == 0:
        return history(ask, stock, 1)
    days = history(ask, stock, count + 1)
    return days[1:2] if count == 1 else days[:count]


@answers("ka10034")
def foreign_period(ask: Ask) -> Told:
    """외인기간별매매상위: 1 net sales, 2 net purchases, 3 either way."""
    kind = ask["trde_tp"]
    rows = [(stock, summed(period_days(ask, stock), "foreigner").net) for stock in largest(ask)]
    if kind == "3":
        rows.sort(key=lambda one: -abs(one[1]))
    else:
        rows = [one for one in rows if (one[1] < 0) == (kind == "1") and one[1]]
        rows.sort(key=lambda one: one[1], reverse=kind == "2")
    return Told(rows=ranked(stock.row.given(netprps_qty=net) for stock, net in rows))


@answers("ka10035")
def foreign_streaks(ask: Ask) -> Told:
    """외인연속순매매상위: three days in a row one way."""
    selling, start = ask["trde_tp"] == "1", int(ask["base_dt_tp"])
    rows = []
    for stock in largest(ask):
        nets = [day.sides["foreigner"].net for day in history(ask, stock, start + 3)][start : start + 3]
        if len(nets) == 3 and all((net < 0) == selling and net for net in nets):
            rows.append(
                stock.row.given(
                    dm1=nets[0], dm2=nets[1], dm3=nets[2], tot=sum(nets), pred_pre_1="", pred_pre_2="", pred_pre_3=""
                )
            )
    rows.sort(key=lambda row: int(str(row.get("tot"))), reverse=not selling)
    return Told(rows=rows)


@answers("ka10036")
def foreign_limits(ask: Ask) -> Told:
    """외인한도소진율증가상위: by the net purchases of the period against the shares listed."""
    rows = []
    for stock in largest(ask):
        net = summed(period_days(ask, stock), "foreigner").net
        now = percent(stock.issue.foreign_held, stock.issue.shares)
        before = percent(stock.issue.foreign_held - net, stock.issue.shares)
        rows.append(stock.row.given(base_limit_exh_rt=before, limit_exh_rt=now, exh_rt_incrs=now - before))
    rows.sort(key=lambda row: -float(str(row.get("exh_rt_incrs"))))
    return Told(rows=ranked(rows))


def firm_side(days: list[Day], firms: frozenset[str]) -> Side:
    """The side of several member firms over several days."""
    return sum((day.firms[firm] for day in days for firm in firms), NOTHING)


@answers("ka10037")
def foreign_houses(ask: Ask) -> Told:
    """외국계창구매매상위: 1 net purchases, 2 net sales, 3 purchases, 4 sales; by amount (1) or quantity (2)."""
    kind, amount = ask["trde_tp"], ask["sort_tp"] == "1"
    rows = []
    for stock in largest(ask):
        side = firm_side(period_days(ask, stock), FOREIGN_MEMBERS)
        figure = part(side, {"1": "0", "2": "0", "3": "1", "4": "2"}[kind], amount=amount)
        rows.append((-figure if kind != "2" else figure, stock, side))
    rows.sort(key=lambda one: (one[0], one[1].issue.code))
    return Told(
        rows=ranked(
            stock.row.given(
                sel_trde_qty=-side.sold,
                buy_trde_qty=side.bought,
                netprps_trde_qty=side.net,
                netprps_prica=side.net_value,
            )
            for _, stock, side in rows
        ),
    )


@answers("ka10039")
def firm_stocks(ask: Ask) -> Told:
    """증권사별매매상위: the stocks a member firm traded most on one side."""
    firm = ask["mmcm_cd"]
    if firm not in MEMBERS:
        return Told()
    rows = []
    for stock in largest(ask):
        days = period_days(ask, stock)
        side = firm_side(days, frozenset({firm}))
        change = days[0].bar.close - days[-1].bar.base
        row = stock.row.given(
            prid_stkpc_flu=change,
            flu_rt=percent(change, days[-1].bar.base),
            prid_trde_qty=sum(day.bar.volume for day in days),
            netprps=side.net,
            buy_trde_qty=side.bought,
            sel_trde_qty=-side.sold,
            netprps_amt=side.net_value,
            buy_amt=side.bought_value,
            sell_amt=-side.sold_value,
        )
        rows.append((side.net_value, row))
    selling = ask["trde_tp"] == "2"
    rows = [one for one in rows if (one[0] < 0) == selling]
    rows.sort(key=lambda one: one[0], reverse=not selling)
    return Told(rows=ranked(row for _, row in rows))


@answers("ka10044", "ka10058")
def group_stocks(ask: Ask) -> Told:
    """일별기관매매종목, 투자자별일별매매종목: what a group sold (1) or bought (2) on balance between two days.

    One day is told of every issue, a longer time of the most traded ones.
    """
    group = INVESTOR_CODES[ask["invsr_tp"] or "9999"]
    selling = ask["trde_tp"] == "1"
    one_day = ask.date("strt_dt") == ask.date("end_dt")
    rows = []
    for stock in traded(ask) if one_day else largest(ask):
        days = between(ask, stock)
        side = summed(days, group)
        if (side.net < 0) != selling or not side.net:
            continue
        shares = side.sold if selling else side.bought
        average = (side.sold_value if selling else side.bought_value) // shares if shares else 0
        row = stock.row.given(
            netprps_qty=side.net,
            netprps_amt=side.net_value,
            netslmt_qty=side.net,
            netslmt_amt=side.net_value,
            prsm_avg_pric=average,
            avg_pric_pre=stock.quote.price - average,
            pre_rt=percent(stock.quote.price - average, average),
            dt_trde_qty=sum(day.bar.volume for day in days),
        )
        rows.append((abs(side.net_value), row))
    rows.sort(key=lambda one: -one[0])
    return Told(rows=[row for _, row in rows])


@answers("ka10062")
def same_side(ask: Ask) -> Told:
    """동일순매매순위: stocks that institutions and foreigners both bought (1) or both sold (2)."""
    selling, unit = ask["trde_tp"] == "2", int(ask["unit_tp"])
    rows = []
    for stock in largest(ask):
        days = between(ask, stock)
        ours, theirs = summed(days, "institution"), summed(days, "foreigner")
        if not (ours.net and theirs.net and (ours.net < 0) == (theirs.net < 0) == selling):
            continue
        row = stock.row.given(
            orgn_nettrde_qty=ours.net // unit,
            orgn_nettrde_amt=ours.net_value,
            orgn_nettrde_avg_pric=abs(ours.net_value // ours.net),
            for_nettrde_qty=theirs.net // unit,
            for_nettrde_amt=theirs.net_value,
            for_nettrde_avg_pric=abs(theirs.net_value // theirs.net),
            nettrde_qty=(ours.net + theirs.net) // unit,
            nettrde_amt=ours.net_value + theirs.net_value,
        )
        figure = ours.net + theirs.net if ask["sort_cnd"] == "1" else ours.net_value + theirs.net_value
        rows.append((-abs(figure), row))
    rows.sort(key=lambda one: one[0])
    return Told(rows=ranked(row for _, row in rows))


@answers("ka10063")
def session_investors(ask: Ask) -> Told:
    """장중투자자별매매: one group now and half an hour before."""
    group = SESSION_INVESTORS[ask["invsr"]]
    rows = []
    for stock in largest(ask):
        quote = stock.quote
        then = Stock.at(ask.market, quote.code, quote.as_of - timedelta(minutes=30), quote.venue).sides[group]
        now = stock.sides[group]
        rows.append(
            stock.row.given(
                netprps_amt=now.net_value,
                prev_netprps_amt=then.net_value,
                netprps_amt_irds=now.net_value - then.net_value,
                buy_amt=now.bought_value,
                buy_amt_irds=now.bought_value - then.bought_value,
                sell_amt=now.sold_value,
                sell_amt_irds=now.sold_value - then.sold_value,
                netprps_qty=now.net,
                prev_pot_netprps_qty=then.net,
                netprps_irds=now.net - then.net,
                buy_qty=now.bought,
                buy_qty_irds=now.bought - then.bought,
                sell_qty=now.sold,
                sell_qty_irds=now.sold - then.sold,
            ),
        )
    return Told(rows=sorted(rows, key=lambda row: str(row.get("stk_cd"))))


@answers("ka10065")
def session_tops(ask: Ask) -> Told:
    """장중투자자별매매상위: 1 net purchases, 2 net sales of a group, in million won (1) or shares (2)."""
    group, amount = INVESTOR_CODES[ask["orgn_tp"]], (ask["amt_qty_tp"] or "1") == "1"
    selling = ask["trde_tp"] == "2"
    rows = [(part(stock.sides[group], "0", amount=amount), stock) for stock in traded(ask)]
    rows = [one for one in rows if one[0] and (one[0] < 0) == selling]
    rows.sort(key=lambda one: one[0], reverse=not selling)

    def told(stock: Stock, name: str, which: str) -> int | str | None:
        figure = part(stock.sides[group], which, amount=amount)
        return as_told(ask.endpoint, name, -figure if which == "2" else figure, amount=amount)  # type: ignore[return-value]  # a figure stays one

    return Told(
        rows=[
            stock.row.given(
                sel_qty=told(stock, "sel_qty", "2"),
                buy_qty=told(stock, "buy_qty", "1"),
                netslmt=told(stock, "netslmt", "0"),
            )
            for _, stock in rows
        ],
    )


@answers("ka10066")
def closed_investors(ask: Ask) -> Told:
    """장마감후투자자별매매 of every issue, in code order."""
    amount = ask["amt_qty_tp"] == "1"
    rows = []
    for stock in traded(ask):
        figures = {
            name: as_told(ask.endpoint, name, part(stock.sides[group], ask["trde_tp"], amount=amount), amount=amount)
            for name, group in GROUP_FIELDS.items()
            if name != "natfor"
        }
        rows.append(stock.row.given(**figures))
    return Told(rows=rows)


def streak(nets: list[int]) -> int:
    """How many days in a row, from the newest, bought (positive) or sold (negative)."""
    days = 0
    for net in nets:
        if net == 0 or (net > 0) != (nets[0] > 0):
            break
        days += 1
    return days if nets and nets[0] > 0 else -days


@answers("ka10131")
def streaks(ask: Ask) -> Told:
    """기관·외국인 연속매매: nets of the period and how long each has bought in a row."""
    rows = []
    by_amount = ask["amt_qty_tp"] == "0"
    for stock in largest(ask):
        days = between(ask, stock) if ask["dt"] == "0" else history(ask, stock, int(ask["dt"]))
        values: dict[str, int] = {}
        sums = [NOTHING, NOTHING]
        for group, prefix in (("institution", "orgn"), ("foreigner", "frgnr")):
            total = summed(days, group)
            run = streak([day.sides[group].net for day in days])
            held = summed(days[: abs(run)], group)
            sums[0], sums[1] = sums[0] + total, sums[1] + held
            values[f"{prefix}_nettrde_amt"] = total.net_value
            values[f"{prefix}_nettrde_qty"] = total.net
            values[f"{prefix}_cont_netprps_dys"] = run
            values[f"{prefix}_cont_netprps_qty"] = held.net
            values[f"{prefix}_cont_netprps_amt"] = held.net_value
        values["nettrde_qty"], values["nettrde_amt"] = sums[0].net, sums[0].net_value
        values["tot_cont_netprps_dys"] = values["orgn_cont_netprps_dys"] + values["frgnr_cont_netprps_dys"]
        values["tot_cont_nettrde_qty"], values["tot_cont_netprps_amt"] = sums[1].net, sums[1].net_value
        change = days[0].bar.close - days[-1].bar.base
        row = stock.row.given(prid_stkpc_flu_rt=percent(change, days[-1].bar.base), **values)
        rows.append((-(values["nettrde_amt"] if by_amount else values["nettrde_qty"]), row))
    rows.sort(key=lambda one: one[0])
    return Told(rows=ranked(row for _, row in rows))


@answers("ka90009")
def foreign_and_institution(ask: Ask) -> Told:
    """외국인·기관매매상위: four rankings side by side, of a day."""
    amount = ask["amt_qty_tp"] == "1"
    day = ask.date("date") if ask["qry_dt_tp"] == "1" else ask.day
    day = krx.trading_day_on_or_before(day)
    lists: dict[str, list[tuple[int, Stock, Side]]] = {}
    chosen = [(stock, history(ask, stock, 1, day)[0].sides) for stock in largest(ask)]
    for group, prefix in (("foreigner", "for"), ("institution", "orgn")):
        rows = [(part(sides[group], "0", amount=amount), stock, sides[group]) for stock, sides in chosen]
        rows.sort(key=lambda one: (one[0], one[1].issue.code))
        lists[f"{prefix}_netslmt"] = [one for one in rows if one[0] < 0]
        lists[f"{prefix}_netprps"] = [one for one in reversed(rows) if one[0] > 0]
    length = min(LONGEST, max(len(rows) for rows in lists.values()))
    told = []
    for place in range(length):
        values: dict[str, int | str] = {}
        for name, rows in lists.items():
            if place < len(rows):
                _, stock, side = rows[place]
                values[f"{name}_stk_cd"], values[f"{name}_stk_nm"] = stock.issue.code, stock.issue.name
                values[f"{name}_amt"], values[f"{name}_qty"] = side.net_value, side.net
        told.append(Row(values))
    return Told(rows=told)
