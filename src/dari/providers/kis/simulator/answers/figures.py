"""What several answers share: venues by market code, and the figures of a quote in KIS's own field names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dari.core import krx
from dari.providers.kis.simulator.exchange import Ask, wrong
from dari.providers.kis.simulator.writing import EOK, Value, sign_of
from dari.worlds.market import SECTORS, Issue, Quote

VENUES: Final[Mapping[str, krx.Venue]] = {"J": "KRX", "NX": "NXT", "UN": "UN"}
MARKETS: Final = {"0001": "KOSPI", "1001": "KOSDAQ"}


def venue_of(ask: Ask, name: str = "FID_COND_MRKT_DIV_CODE") -> krx.Venue:
    """The venue a market code names. Raises Refusal for one this endpoint does not serve."""
    venue = VENUES.get(ask[name])
    if venue is None:
        raise wrong(f"ERROR INVALID {name}")
    return venue


def issue_of(ask: Ask, name: str = "FID_INPUT_ISCD") -> Issue | None:
    """The issue a parameter names; None for a code that is not listed (KIS answers those with zeros)."""
    return ask.market.by_code.get(ask[name].strip())


def status_code(issue: Issue) -> str:
    """종목 상태 구분 코드."""
    if issue.administered:
        return "51"
    if issue.halted:
        return "58"
    if issue.warning:
        return {1: "54", 2: "53", 3: "52"}[issue.warning]
    if issue.overheated:
        return "59"
    return "55" if issue.credit else "57"


def yes(condition: object) -> str:
    """Y or N."""
    return "Y" if condition else "N"


def market_name(ask: Ask, issue: Issue) -> str:
    """대표 시장 한글 명: the index a member belongs to, else its market."""
    if issue.kind == "etf":
        return "ETF"
    if issue in ask.market.members["2001"]:
        return "KOSPI200"
    return issue.board if issue.board == "KOSPI" else "KSQ150" if issue.shares % 11 == 0 else "KOSDAQ"


def sector_name(issue: Issue) -> str:
    """업종 한글 종목명."""
    return "ETF" if issue.kind == "etf" else SECTORS[issue.sector].name


def figures(quote: Quote) -> dict[str, Value]:
    """The figures of a quote under the names most endpoints use for them. Won, shares; 시가총액 in 억원."""
    issue = quote.issue
    return {
        "stck_prpr": quote.price,
        "prdy_vrss": quote.change,
        "prdy_vrss_sign": sign_of(quote),
        "prdy_ctrt": quote.change_rate,
        "acml_vol": quote.volume,
        "acml_tr_pbmn": quote.value,
        "prdy_vol": quote.previous_volume,
        "stck_oprc": quote.open,
        "stck_hgpr": quote.high,
        "stck_lwpr": quote.low,
        "stck_mxpr": quote.high_limit,
        "stck_llam": quote.low_limit,
        "stck_sdpr": quote.base,
        "stck_prdy_clpr": quote.base,
        "lstn_stcn": issue.shares,
        "hts_avls": quote.market_cap // EOK,
        "per": quote.per,
        "pbr": quote.pbr,
        "eps": f"{issue.eps}.00",
        "bps": f"{issue.bps}.00",
        "vol_tnrt": quote.turnover,
        "hts_kor_isnm": issue.name,
        "mksc_shrn_iscd": issue.code,
        "stck_shrn_iscd": issue.code,
        "stck_fcam": issue.face_value,
        "cpfn": issue.face_value * issue.shares // EOK,
    }
