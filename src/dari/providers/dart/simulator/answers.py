"""The rows of each operation, spelled as OpenDART spells them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from xml.sax.saxutils import escape

from dari.core.clock import KST
from dari.providers.dart.simulator.asked import Refused, Search
from dari.providers.dart.spec import platform
from dari.worlds.market.companies import Company
from dari.worlds.market.filings import Disclosures, Filing
from dari.worlds.market.treasury import Holding, Report, holdings, report

Row = dict[str, str]

NONE: Final = "-"
_CLASSES: Final = {"KOSPI": "Y", "KOSDAQ": "K", None: "E"}
_PADDED: Final = 30
"""The exchange's titles come with blanks behind them."""
_ORDERS: Final = {
    "date": lambda one: one.receipt,
    "crp": lambda one: (one.company.name, one.receipt),
    "rpt": lambda one: (one.title, one.receipt),
}
_DIRECT: Final = ("배당가능이익범위 이내 취득", "직접취득")
_TRUST: Final = ("배당가능이익범위 이내 취득", "신탁계약에 의한취득")
_TRUST_PART: Final = 30


def market_class(company: Company) -> str:
    """법인구분."""
    return _CLASSES[company.board]


# ── disclosures ───────────────────────────────────────────────────────────────────────────────────────────────────


def found(told: Disclosures, search: Search, at: datetime) -> list[Filing]:
    """Every disclosure a search finds by `at`, in its order."""
    if search.corp_code and search.corp_code not in told.by_corp:
        return []
    filed = [
        one
        for one in told.told(at, search.start, search.end, search.corp_code)
        if (not search.kind or one.detail[0] == search.kind)
        and (not search.detail or one.detail == search.detail)
        and (not search.market or market_class(one.company) == search.market)
        and not (search.final_only and one.corrected(at))
    ]
    return sorted(filed, key=_ORDERS[search.order], reverse=not search.rising)


def disclosed(told: Disclosures, search: Search, at: datetime) -> dict[str, Any]:
    """The reply of `list`. Raises Refused (013) where nothing is found, also beyond the last page."""
    filed = found(told, search, at)
    page = filed[(search.page - 1) * search.size : search.page * search.size]
    if not page:
        raise Refused("013")
    return {
        "page_no": search.page,
        "page_count": search.size,
        "total_count": len(filed),
        "total_page": -(-len(filed) // search.size),
        "list": [_filing(one, at) for one in page],
    }


def _filing(one: Filing, at: datetime) -> Row:
    return {
        "corp_code": one.company.corp_code,
        "corp_name": one.company.name,
        "stock_code": one.company.code,
        "corp_cls": market_class(one.company),
        "report_nm": one.title.ljust(_PADDED) if one.detail[0] == "I" else one.title,
        "rcept_no": one.receipt,
        "flr_nm": one.filer,
        "rcept_dt": f"{one.day:%Y%m%d}",
        "rm": one.remarks(at),
    }


def archive(told: Disclosures) -> bytes:
    """`CORPCODE.xml` in its ZIP; the 종목코드 of an unlisted company is one blank."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n<result>\n']
    for one in told.companies:
        fields = {
            "corp_code": one.corp_code,
            "corp_name": one.name,
            "corp_eng_name": one.english,
            "stock_code": one.code or " ",
            "modify_date": one.changed_on,
        }
        rows = "".join(f"        <{name}>{escape(value)}</{name}>\n" for name, value in fields.items())
        parts.append(f"    <list>\n{rows}    </list>\n")
    parts.append("</result>\n")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(zipfile.ZipInfo("CORPCODE.xml"), "".join(parts), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


# ── own shares ────────────────────────────────────────────────────────────────────────────────────────────────────


def report_of(told: Disclosures, asked: Mapping[str, str], at: datetime) -> Report:
    """The report a query names. Raises Refused (013) where there is none, or none yet."""
    company = told.by_corp.get(asked["corp_code"])
    year = int(asked["bsns_year"])
    if company is None or not company.issues or not platform().reports_since <= year <= at.year:
        raise Refused("013")
    named = report(told.seed, company, year, asked["reprt_code"])
    if named.received_at > at.astimezone(KST):
        raise Refused("013")
    return named


def receipt_of(told: Disclosures, named: Report) -> str:
    """접수번호 of a report."""
    day = named.received_at.date()
    filed = told.told(named.received_at + timedelta(seconds=1), day, day, named.company.corp_code)
    return next(one.receipt for one in filed if one.detail[0] == "A" and not one.corrects)


def _head(told: Disclosures, named: Report) -> Row:
    return {
        "rcept_no": receipt_of(told, named),
        "corp_cls": market_class(named.company),
        "corp_code": named.company.corp_code,
        "corp_name": named.company.name,
    }


def _shares(count: int) -> str:
    """A quantity as reports write it: separators, and a dash for none."""
    return f"{count:,}" if count else NONE


def totals(told: Disclosures, named: Report) -> list[Row]:
    """`stockTotqySttus`: each share class, 합계 and 비고."""
    head, rows = _head(told, named), holdings(told.seed, named)
    settled = f"{named.settled_on:%Y-%m-%d}"
    figures = {row.name: _total(row) for row in rows}
    names = list(next(iter(figures.values())))
    figures["합계"] = {name: sum(one[name] for one in figures.values()) for name in names}
    told_rows = [
        {**head, "se": se, **{name: _shares(one[name]) for name in names}, "stlm_dt": settled}
        for se, one in figures.items()
    ]
    return [*told_rows, {**head, "se": "비고", **dict.fromkeys(names, NONE), "stlm_dt": settled}]


def _total(row: Holding) -> dict[str, int]:
    return {
        "isu_stock_totqy": -(-row.issued * 4 // 10_000_000) * 10_000_000,
        "now_to_isu_stock_totqy": row.issued + row.retired_before,
        "now_to_dcrs_stock_totqy": row.retired_before,
        "redc": 0,
        "profit_incnr": row.retired_before,
        "rdmstk_repy": 0,
        "etc": 0,
        "istc_totqy": row.issued,
        "tesstk_co": row.closing,
        "distb_stock_co": row.floating,
    }


def treasury(told: Disclosures, named: Report) -> list[Row]:
    """`tesstkAcqsDspsSttus`: leaves, subtotals and the total of each share class, side by side."""
    head = _head(told, named)
    settled = f"{named.settled_on:%Y-%m-%d}"
    rows: list[Row] = []
    for one in holdings(told.seed, named):
        whole = (one.opening, one.acquired, one.disposed, one.retired, one.closing)
        trust = _in_trust(one)
        direct = tuple(all_of - part for all_of, part in zip(whole, trust, strict=True))
        nothing = (0,) * len(whole)
        for ways, figures in (
            ((*_DIRECT, "장내직접취득"), direct),
            ((*_DIRECT, "장외직접취득"), nothing),
            ((*_DIRECT, "공개매수"), nothing),
            ((*_DIRECT, "소계"), direct),
            ((*_TRUST, "수탁자보유물량"), trust),
            ((*_TRUST, "현물보유량"), nothing),
            ((*_TRUST, "소계"), trust),
            (("기타취득", "기타취득", "기타취득"), nothing),
            (("총계", "총계", "총계"), whole),
        ):
            rows.append(
                {
                    **head,
                    **dict(zip(("acqs_mth1", "acqs_mth2", "acqs_mth3"), ways, strict=True)),
                    "stock_knd": one.name,
                    **dict(zip(_CHANGES, map(_shares, figures), strict=True)),
                    "rm": NONE,
                    "stlm_dt": settled,
                }
            )
    return rows


_CHANGES: Final = ("bsis_qy", "change_qy_acqs", "change_qy_dsps", "change_qy_incnr", "trmend_qy")


def _in_trust(one: Holding) -> tuple[int, int, int, int, int]:
    """The part a trustee holds; what it bought and sold is what its holding changed by."""
    begins, ends = one.opening * _TRUST_PART // 100, one.closing * _TRUST_PART // 100
    return begins, max(ends - begins, 0), max(begins - ends, 0), 0, ends
