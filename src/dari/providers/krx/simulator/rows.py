"""The rows of each service, spelled as the exchange spells them: text everywhere, no separators, "-" for no figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from dari.worlds.market import SECTORS, Bar, Issue, Market, percent
from dari.worlds.market.closed import IndexClose, closed_days
from dari.worlds.market.companies import romanised
from dari.worlds.market.funds import TRACKED, nav
from dari.worlds.market.noise import draw

Row = dict[str, str]
Teller = Callable[[Market, date], list[Row]]

NONE: Final = "-"
_DEPARTMENTS: Final = ("우량기업부", "벤처기업부", "중견기업부", "기술성장기업부")
_NAMES: Final[Mapping[str, str]] = {
    "0001": "코스피",
    "0002": "코스피 대형주",
    "0003": "코스피 중형주",
    "0004": "코스피 소형주",
    "1001": "코스닥",
    "2001": "코스피 200",
}
"""KRX tells index names and no codes; where a name is not the sector's own, it stands here."""
_SPELLED: Final[Mapping[str, str]] = {"전기·전자": "전기전자"}
"""Names that KRX spells without the dot that brokers put there."""
_FIRST: Final[Mapping[str, tuple[str, ...]]] = {"KOSPI": ("0001", "2001"), "KOSDAQ": ("1001",)}
_SECURITY: Final[Mapping[str, tuple[str, str]]] = {
    "common": ("주권", "보통주"),
    "preferred": ("주권", "구형우선주"),
    "spac": ("주권", "보통주"),
    "reit": ("부동산투자회사", "보통주"),
}


def department(seed: int, issue: Issue) -> str:
    """소속부: KOSDAQ has them, KOSPI has none."""
    if issue.board == "KOSPI":
        return NONE
    if issue.kind == "spac":
        return "SPAC(소속부없음)"
    if issue.administered:
        return "관리종목(소속부없음)"
    return _DEPARTMENTS[draw(seed, "department", issue.code) % len(_DEPARTMENTS)]


def index_name(code: str) -> str:
    """지수명 of an 업종코드."""
    name = _NAMES.get(code, SECTORS[code].name)
    return _SPELLED.get(name, name)


def _moved(bar: Bar) -> Row:
    return {
        "TDD_CLSPRC": str(bar.close),
        "CMPPREVDD_PRC": str(bar.close - bar.base),
        "FLUC_RT": str(percent(bar.close - bar.base, bar.base)),
    }


def _traded(bar: Bar, shares: int) -> Row:
    """An issue that did not trade has zeros here."""
    return {
        "TDD_OPNPRC": str(bar.open),
        "TDD_HGPRC": str(bar.high),
        "TDD_LWPRC": str(bar.low),
        "ACC_TRDVOL": str(bar.volume),
        "ACC_TRDVAL": str(bar.value),
        "MKTCAP": str(bar.close * shares),
    }


def listed(market: Market, board: str, *, funds: bool = False) -> list[Issue]:
    """The issues of a board, or its funds, by name."""
    rows = (one for one in market.issues if one.board == board and one.etp == funds)
    return sorted(rows, key=lambda one: (one.name, one.code))


def _stocks(board: str) -> Teller:
    def tell(market: Market, day: date) -> list[Row]:
        bars, told = closed_days(market).bars(day), f"{day:%Y%m%d}"
        return [
            {
                "BAS_DD": told,
                "ISU_CD": issue.code,
                "ISU_NM": issue.name,
                "MKT_NM": board,
                "SECT_TP_NM": department(market.seed, issue),
                **_moved(bars[issue.code]),
                **_traded(bars[issue.code], issue.shares),
                "LIST_SHRS": str(issue.shares),
            }
            for issue in listed(market, board)
        ]

    return tell


def _funds(market: Market, day: date) -> list[Row]:
    days = closed_days(market)
    bars, tracked, told = days.bars(day), days.index(TRACKED, day), f"{day:%Y%m%d}"
    rows = []
    for issue in listed(market, "KOSPI", funds=True):
        bar = bars[issue.code]
        worth = nav(bar.close, issue.code)
        rows.append(
            {
                "BAS_DD": told,
                "ISU_CD": issue.code,
                "ISU_NM": issue.name,
                **_moved(bar),
                "NAV": str(worth),
                **_traded(bar, issue.shares),
                "INVSTASST_NETASST_TOTAMT": str(int(worth * issue.shares)),
                "LIST_SHRS": str(issue.shares),
                "IDX_IND_NM": index_name(TRACKED),
                "OBJ_STKPRC_IDX": str(tracked.close),
                "CMPPREVDD_IDX": str(tracked.close - tracked.base),
                "FLUC_RT_IDX": _rate(tracked),
            }
        )
    return rows


def closed_funds(market: Market, day: date) -> list[Row]:
    """What was seen of ETF on a weekday without trading: every fund, and no figure but its name."""
    kept = {"BAS_DD": f"{day:%Y%m%d}"}
    fields = _funds_fields()
    return [
        {**dict.fromkeys(fields, ""), **kept, "ISU_CD": issue.code, "ISU_NM": issue.name}
        for issue in listed(market, "KOSPI", funds=True)
    ]


def _funds_fields() -> tuple[str, ...]:
    moved, traded = ("TDD_CLSPRC", "CMPPREVDD_PRC", "FLUC_RT"), ("TDD_OPNPRC", "TDD_HGPRC", "TDD_LWPRC")
    sums = ("ACC_TRDVOL", "ACC_TRDVAL", "MKTCAP", "INVSTASST_NETASST_TOTAMT", "LIST_SHRS")
    index = ("IDX_IND_NM", "OBJ_STKPRC_IDX", "CMPPREVDD_IDX", "FLUC_RT_IDX")
    return ("BAS_DD", "ISU_CD", "ISU_NM", *moved, "NAV", *traded, *sums, *index)


def _rate(index: IndexClose) -> str:
    if not index.base:
        return "0.00"
    return str(percent(int((index.close - index.base) * 100), int(index.base * 100)))


def _index_row(day: date, series: str, name: str, index: IndexClose) -> Row:
    return {
        "BAS_DD": f"{day:%Y%m%d}",
        "IDX_CLSS": series,
        "IDX_NM": name,
        "CLSPRC_IDX": str(index.close),
        "CMPPREVDD_IDX": str(index.close - index.base),
        "FLUC_RT": _rate(index),
        "OPNPRC_IDX": str(index.open),
        "HGPRC_IDX": str(index.high),
        "LWPRC_IDX": str(index.low),
        "ACC_TRDVOL": str(index.volume),
        "ACC_TRDVAL": str(index.value),
        "MKTCAP": str(index.market_cap),
    }


def _series(board: str) -> Teller:
    first = _FIRST[board]
    codes = (*first, *(one.code for one in SECTORS.values() if one.board == board and one.code not in first))
    levels = ("CLSPRC_IDX", "CMPPREVDD_IDX", "FLUC_RT", "OPNPRC_IDX", "HGPRC_IDX", "LWPRC_IDX")

    def tell(market: Market, day: date) -> list[Row]:
        days = closed_days(market)
        rows = [_index_row(day, board, index_name(code), days.index(code, day)) for code in codes]
        whole = {**rows[0], "IDX_NM": f"{rows[0]['IDX_NM']} (외국주포함)", **dict.fromkeys(levels, NONE)}
        return [whole, *rows]

    return tell


def _krx_series(market: Market, day: date) -> list[Row]:
    """The series over both markets; of KRX TMI only the close is told."""
    days = closed_days(market)
    blank = ("OPNPRC_IDX", "HGPRC_IDX", "LWPRC_IDX", "ACC_TRDVOL", "ACC_TRDVAL", "MKTCAP")
    whole = _index_row(day, "KRX", "KRX TMI", days.index("KRX TMI", day)) | dict.fromkeys(blank, NONE)
    return [whole, _index_row(day, "KRX", "KRX 300", days.index("KRX 300", day))]


def _basics(board: str) -> Teller:
    def tell(market: Market, day: date) -> list[Row]:
        del day  # nothing of an issue changes while this world lasts
        return [_basic(market.seed, issue) for issue in listed(market, board)]

    return tell


def _basic(seed: int, issue: Issue) -> Row:
    group, kind = _SECURITY[issue.kind]
    full = {"KOSPI": f"{issue.name.removesuffix('우')}1우선주" if kind != "보통주" else f"{issue.name}보통주"}
    return {
        "ISU_CD": issue.isin,
        "ISU_SRT_CD": issue.code,
        "ISU_NM": full.get(issue.board, f"(주){issue.name}"),
        "ISU_ABBRV": issue.name,
        "ISU_ENG_NM": f"{romanised(issue.name)} Co.,Ltd.",
        "LIST_DD": issue.listed_on,
        "MKT_TP_NM": issue.board,
        "SECUGRP_NM": group,
        "SECT_TP_NM": department(seed, issue),
        "KIND_STKCERT_TP_NM": kind,
        "PARVAL": str(issue.face_value),
        "LIST_SHRS": str(issue.shares),
    }


TELLERS: Final[Mapping[str, Teller]] = {
    "stk_bydd_trd": _stocks("KOSPI"),
    "ksq_bydd_trd": _stocks("KOSDAQ"),
    "etf_bydd_trd": _funds,
    "krx_dd_trd": _krx_series,
    "kospi_dd_trd": _series("KOSPI"),
    "kosdaq_dd_trd": _series("KOSDAQ"),
    "stk_isu_base_info": _basics("KOSPI"),
    "ksq_isu_base_info": _basics("KOSDAQ"),
}
"""Service id → its rows on a trading day."""
