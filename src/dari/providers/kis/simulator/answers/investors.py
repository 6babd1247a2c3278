"""Investors (투자자): million won and, for whole markets, thousand shares; everything cut towards zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from dari.core import krx
from dari.providers.kis.simulator.answers.figures import figures, issue_of, venue_of
from dari.providers.kis.simulator.answers.rankings import ROWS, in_market
from dari.providers.kis.simulator.exchange import Ask
from dari.providers.kis.simulator.writing import MILLION, THOUSAND, Value, block_of, direction, known, row
from dari.worlds.market import Flows, Issue, Side
from dari.worlds.market.counts import FOREIGN_TIMES, INSTITUTION_TIMES, last_count

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "frgn": ("foreigner", "resident_foreigner"),
    "prsn": ("individual",),
    "orgn": ("institution",),
    "scrt": ("financial_investment",),
    "ivtr": ("investment_trust",),
    "pe_fund": ("private_fund",),
    "bank": ("bank",),
    "insu": ("insurance",),
    "mrbn": ("other_finance",),
    "fund": ("pension_fund", "state"),
    "etc_orgt": (),
    "etc_corp": ("other_corporation",),
}
"""KIS's investor prefixes out of the exchange's groups: 외국인 with 기타외국인, 기금 with 국가·지자체."""

_AFTER_CLOSE: Final = timedelta(minutes=10)
_DAYS: Final = 30
_VOLUME_NET: Final = ("etc_orgt", "etc_corp", "pe_fund")
"""Groups whose net quantity KIS calls _ntby_vol, not _ntby_qty."""


def cut(amount: int, unit: int) -> int:
    """An amount in a larger unit, cut towards zero."""
    return amount // unit if amount >= 0 else -(-amount // unit)


def side_of(flows: Flows, prefix: str) -> Side:
    """The trade of a KIS investor."""
    whole = Side(0, 0, 0, 0)
    for group in GROUPS[prefix]:
        whole += flows[group]
    return whole


def flow_figures(flows: Flows, *, shares: int) -> dict[str, Value]:
    """All investors' purchases, sales and nets under KIS's names; quantities in `shares`, amounts in million won."""
    told: dict[str, Value] = {}
    for prefix in GROUPS:
        side = side_of(flows, prefix)
        net = "ntby_vol" if prefix in _VOLUME_NET else "ntby_qty"
        told |= {
            f"{prefix}_seln_vol": cut(side.sold, shares),
            f"{prefix}_shnu_vol": cut(side.bought, shares),
            f"{prefix}_{net}": cut(side.net, shares),
            f"{prefix}_seln_tr_pbmn": cut(side.sold_value, MILLION),
            f"{prefix}_shnu_tr_pbmn": cut(side.bought_value, MILLION),
            f"{prefix}_ntby_tr_pbmn": cut(side.net_value, MILLION),
        }
    return told


def inquire_investor(ask: Ask) -> Mapping[str, Any]:
    """주식현재가 투자자 FHKST01010900: thirty days; the running day's investors are blank until ten past the close."""
    venue_of(ask)
    issue = issue_of(ask)
    block = block_of(ask.endpoint, "output")
    if issue is None:
        return {"output": []}
    board = krx.board(ask.at)
    times = krx.session(board.day)
    counted = times is None or ask.at >= times.closes + _AFTER_CLOSE
    rows: list[dict[str, str]] = []
    for bar in ask.market.daily(issue.code, ask.at, _DAYS):
        change = bar.close - bar.base
        values: dict[str, Value] = {
            "stck_bsop_date": bar.day,
            "stck_clpr": bar.close,
            "prdy_vrss": change,
            "prdy_vrss_sign": direction(change),
        }
        if counted or rows:
            values |= flow_figures(ask.market.flows_of_day(issue.code, bar), shares=1)
            rows.append(known(block, values))
        else:
            rows.append({one.name: str(values.get(one.name, "")) for one in block.fields})
    return {"output": rows}


def inquire_investor_time_by_market(ask: Ask) -> Mapping[str, Any]:
    """시장별 투자자매매동향(시세) FHPTJ04030000 of a market or one of its sectors, until now."""
    block = block_of(ask.endpoint, "output")
    market, code = ask["fid_input_iscd"], ask["fid_input_iscd_2"]
    home = {"KSP": "KOSPI", "KSQ": "KOSDAQ"}.get(market)
    sector = {"KSP": "0001", "KSQ": "1001"}.get(code, code)
    known_sectors = {one.code for one in ask.market.sectors() if one.board == home}
    if sector not in known_sectors:
        return {"output": [row(block, {})]}
    return {"output": [known(block, flow_figures(ask.market.index_flows(sector, ask.at), shares=THOUSAND))]}


def foreign_institution_total(ask: Ask) -> Mapping[str, Any]:
    """국내기관_외국인 매매종목가집계 FHPTJ04400000: the last provisional counts, ranked by the shown net figure.

    Amounts are shares × the current price in million won, as KIS estimates them. 기타 (3) is 기타법인.
    """
    block = block_of(ask.endpoint, "output")
    counts = ask.market.estimates(ask.at)
    market = in_market(ask, ask["FID_INPUT_ISCD"])
    wanted = {"0": ("frgn", "orgn"), "1": ("frgn",), "2": ("orgn",), "3": ("etc_corp",)}[ask["FID_ETC_CLS_CODE"]]
    by_amount, lowest = ask["FID_DIV_CLS_CODE"] == "1", ask["FID_RANK_SORT_CLS_CODE"] == "1"
    prices = ask.market.snapshot(ask.at).quotes

    def net(code: str, prefix: str) -> int:
        return sum(counts.net(code, group) for group in GROUPS[prefix])

    def shown(issue: Issue) -> int:
        shares = sum(net(issue.code, prefix) for prefix in wanted)
        return cut(shares * prices[issue.code].price, MILLION) if by_amount else shares

    return {
        block.name or "output": [
            known(block, _counted(prices[issue.code], net, wanted))
            for issue in _ordered(ask, market, shown, lowest=lowest)
        ]
    }


def _ordered(ask: Ask, market: Callable[[Issue], bool], shown: Callable[[Issue], int], *, lowest: bool) -> list[Issue]:
    sign = 1 if lowest else -1
    rows = [(sign * shown(issue), issue.code, issue) for issue in ask.market.issues if market(issue)]
    return [issue for figure, _, issue in sorted(rows, key=lambda one: one[:2])[:ROWS] if figure < 0]


def _counted(quote: Any, net: Callable[[str, str], int], wanted: tuple[str, ...]) -> dict[str, Value]:
    told: dict[str, Value] = {**figures(quote), "ntby_qty": sum(net(quote.code, prefix) for prefix in wanted)}
    for prefix in ("frgn", "orgn", "ivtr", "bank", "insu", "mrbn", "fund", "etc_orgt", "etc_corp"):
        shares = net(quote.code, prefix)
        told[f"{prefix}_ntby_vol" if prefix in _VOLUME_NET else f"{prefix}_ntby_qty"] = shares
        told[f"{prefix}_ntby_tr_pbmn"] = cut(shares * quote.price, MILLION)
    return told


def investor_trend_estimate(ask: Ask) -> Mapping[str, Any]:
    """종목별 외인기관 추정가집계 HHPTJ04160200: an issue's provisional counts, newest first, 18 places."""
    block = block_of(ask.endpoint, "output2")
    issue = issue_of(ask, "MKSC_SHRN_ISCD")
    board = krx.board(ask.at)
    rows: list[dict[str, str]] = []
    moments = sorted({*FOREIGN_TIMES, *INSTITUTION_TIMES})
    for number, moment in enumerate(moments, start=1):
        at = last_count(board.as_of, [moment])
        if issue is None or at is None:
            continue
        counts = ask.market.estimates(at)
        foreign = sum(counts.net(issue.code, group) for group in GROUPS["frgn"])
        institutions = counts.net(issue.code, "institution")
        values: dict[str, Value] = {
            "bsop_hour_gb": number,
            "frgn_fake_ntby_qty": f"{foreign:018d}",
            "orgn_fake_ntby_qty": f"{institutions:018d}",
            "sum_fake_ntby_qty": f"{foreign + institutions:018d}",
        }
        rows.insert(0, row(block, values))
    return {"output2": rows}


HANDLERS: Final = {
    "domestic_stock.investor_trend_estimate": investor_trend_estimate,
    "domestic_stock.inquire_investor": inquire_investor,
    "domestic_stock.inquire_investor_time_by_market": inquire_investor_time_by_market,
    "domestic_stock.foreign_institution_total": foreign_institution_total,
}
