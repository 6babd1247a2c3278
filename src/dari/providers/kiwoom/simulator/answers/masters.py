"""종목정보: lists of issues, sectors and member firms, credit, watchlists, one issue's master row."""

from __future__ import annotations

from typing import Final

from dari.providers.kiwoom.simulator.answers.quotes import stock_of
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers
from dari.providers.kiwoom.simulator.stocks import Stock, sector_code
from dari.worlds.market import Issue, percent
from dari.worlds.market.flows import FOREIGN_MEMBERS, MEMBERS
from dari.worlds.market.sectors import SECTORS

WATCHLISTS: Final = {"001": ("관심1", ("005930", "000660", "035420")), "002": ("반도체", ("005930", "000660"))}


def _of_market(issue: Issue, market: str) -> bool:
    if market == "0":
        return issue.board == "KOSPI" and issue.kind in {"common", "preferred"}
    if market == "10":
        return issue.board == "KOSDAQ"
    return (market == "8" and issue.etp) or (market == "6" and issue.kind == "reit")


@answers("ka10099")
def every_issue(ask: Ask) -> Told:
    """Every issue of a market, in code order; markets the world lacks (ELW, K-OTC …) are empty."""
    quotes = ask.market.snapshot(ask.now).quotes
    chosen = [issue for issue in ask.market.issues if _of_market(issue, ask["mrkt_tp"])]
    return Told(rows=[Stock(ask.market, quotes[issue.code]).row for issue in chosen])


@answers("ka10100")
def one_issue(ask: Ask) -> Told:
    """One issue's master row."""
    return Told(stock_of(ask).row)


@answers("ka10101")
def sectors(ask: Ask) -> Told:
    """업종코드 of a market."""
    market = ask["mrkt_tp"]
    rows = [
        Row({"marketCode": market, "code": sector_code(one.code), "name": one.name, "group": one.kind})
        for one in SECTORS.values()
        if (market == "0" and one.board == "KOSPI" and one.kind != "theme")
        or (market == "1" and one.board == "KOSDAQ")
        or (market == "2" and one.code == "2001")
    ]
    return Told(rows=rows)


@answers("ka10102")
def firms(_: Ask) -> Told:
    """회원사 codes."""
    return Told(
        rows=[
            Row({"code": code, "name": name, "gb": "1" if code in FOREIGN_MEMBERS else "0"})
            for code, name in MEMBERS.items()
        ],
    )


def _credit_group(issue: Issue) -> str:
    return {20: "A", 30: "A", 40: "B", 50: "C", 60: "D"}.get(issue.margin, "E")


@answers("kt20016")
def credit_issues(ask: Ask) -> Told:
    """Which issues may be bought on credit."""
    market, group, code = ask["mrkt_deal_tp"], ask["crd_stk_grde_tp"] or "%", ask["stk_cd"]
    boards = {"%": ("KOSPI", "KOSDAQ"), "1": ("KOSPI",), "0": ("KOSDAQ",)}[market]
    quotes = ask.market.snapshot(ask.now).quotes
    rows = [
        Stock(ask.market, quotes[issue.code]).row.given(
            crd_assr_rt=f"{_credit_group(issue)}군 {max(45, issue.margin)}%",
            crd_limit_over_yn="N",
            crd_limit_over_txt="N",
        )
        for issue in ask.market.issues
        if issue.credit and issue.board in boards and group in ("%", _credit_group(issue)) and code in ("", issue.code)
    ]
    return Told(Row({"crd_loan_able": "Y" if rows else "N"}), rows)


@answers("kt20017")
def credit_question(ask: Ask) -> Told:
    """Whether one issue may be bought on credit."""
    code, _ = ask.split(ask["stk_cd"])
    return Told(Row({"crd_alow_yn": "신용가능" if ask.market.by_code[code].credit else "신용불가"}))


@answers("ka01300")
def watchlists(_: Ask) -> Told:
    """The groups a user keeps in the trading program."""
    rows = [Row({"gcod": code, "name": name}) for code, (name, _) in WATCHLISTS.items()]
    return Told(Row({"rtcd": "S"}), rows)


@answers("ka01301")
def watchlist(ask: Ask) -> Told:
    """The members of one group."""
    _, codes = WATCHLISTS.get(ask["arn_grp_id"], ("", ()))
    return Told(
        Row({"rtcd": "S" if codes else "F"}), [Row({"cod2": f"A{code}", "bgb": "0", "bgb_clr": "0"}) for code in codes]
    )


@answers("ka10054")
def interruptions(ask: Ask) -> Told:
    """변동성완화장치 of the day so far, newest first; this world knows static ones alone."""
    venue = ask.venue()
    quotes = ask.snapshot(venue).quotes
    boards = {"000": ("KOSPI", "KOSDAQ"), "001": ("KOSPI",), "101": ("KOSDAQ",)}[ask["mrkt_tp"]]
    rows = []
    for one in sorted(ask.market.interruptions(ask.now), key=lambda each: (each.at, each.issue.code), reverse=True):
        up = one.price > one.base
        wanted = ask["motn_drc"] in ("0", "1" if up else "2") and ask["motn_tp"] in ("0", "1", "3")
        if not wanted or one.issue.board not in boards or ask["stk_cd"] not in ("", one.issue.code):
            continue
        rows.append(
            Stock(ask.market, quotes[one.issue.code]).row.given(
                motn_pric=one.price,
                static_stdpc=one.base,
                static_dispty_rt=percent(one.price - one.base, one.base),
                dynm_stdpc=0,
                dynm_dispty_rt=0,
                trde_cntr_proc_time=f"{one.at:%H%M%S}",
                virelis_time=f"{one.until:%H%M%S}",
                viaplc_tp="정적",
                vimotn_cnt=str(one.count),
                stex_tp=venue,
            ),
        )
    return Told(rows=rows)
