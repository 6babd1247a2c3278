"""The sheets of the KRX Open API and of OpenDART keep their rules and say what the upstreams' own pages say.

The facts below are written out a second time, from the manuals and from published sample replies, in another form than
the sheets: client and simulator read the same sheets and would otherwise agree on the same mistake.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from dari.core.endpoint import Effect, Endpoint
from dari.core.errors import NotFound
from dari.core.provider import Spec
from dari.providers.dart import spec as dart
from dari.providers.dart.spec import sheets as dart_sheets
from dari.providers.krx import spec as krx
from dari.providers.krx.spec import sheets as krx_sheets

Rows = dict[str, dict[str, Any]]
Rule = Callable[[Rows], list[str]]

STOCK_DAY = (
    "BAS_DD ISU_CD ISU_NM MKT_NM SECT_TP_NM TDD_CLSPRC CMPPREVDD_PRC FLUC_RT TDD_OPNPRC TDD_HGPRC TDD_LWPRC "
    "ACC_TRDVOL ACC_TRDVAL MKTCAP LIST_SHRS"
)
INDEX_DAY = (
    "BAS_DD IDX_CLSS IDX_NM CLSPRC_IDX CMPPREVDD_IDX FLUC_RT OPNPRC_IDX HGPRC_IDX LWPRC_IDX "
    "ACC_TRDVOL ACC_TRDVAL MKTCAP"
)
FUND_DAY = (
    "BAS_DD ISU_CD ISU_NM TDD_CLSPRC CMPPREVDD_PRC FLUC_RT NAV TDD_OPNPRC TDD_HGPRC TDD_LWPRC ACC_TRDVOL ACC_TRDVAL "
    "MKTCAP INVSTASST_NETASST_TOTAMT LIST_SHRS IDX_IND_NM OBJ_STKPRC_IDX CMPPREVDD_IDX FLUC_RT_IDX"
)
ISSUE = (
    "ISU_CD ISU_SRT_CD ISU_NM ISU_ABBRV ISU_ENG_NM LIST_DD MKT_TP_NM SECUGRP_NM SECT_TP_NM KIND_STKCERT_TP_NM PARVAL "
    "LIST_SHRS"
)
KRX_FACTS = {
    # id: (path, fields in the manual's order)
    "stk_bydd_trd": ("/svc/apis/sto/stk_bydd_trd", STOCK_DAY),
    "ksq_bydd_trd": ("/svc/apis/sto/ksq_bydd_trd", STOCK_DAY),
    "etf_bydd_trd": ("/svc/apis/etp/etf_bydd_trd", FUND_DAY),
    "krx_dd_trd": ("/svc/apis/idx/krx_dd_trd", INDEX_DAY),
    "kospi_dd_trd": ("/svc/apis/idx/kospi_dd_trd", INDEX_DAY),
    "kosdaq_dd_trd": ("/svc/apis/idx/kosdaq_dd_trd", INDEX_DAY),
    "stk_isu_base_info": ("/svc/apis/sto/stk_isu_base_info", ISSUE),
    "ksq_isu_base_info": ("/svc/apis/sto/ksq_isu_base_info", ISSUE),
}
LIST_ASKS = (
    "crtfc_key! corp_code bgn_de end_de last_reprt_at pblntf_ty pblntf_detail_ty corp_cls sort sort_mth page_no "
    "page_count"
)
REPORT_ASKS = "crtfc_key! corp_code! bsns_year! reprt_code!"
TOTALS = (
    "rcept_no corp_cls corp_code corp_name se isu_stock_totqy now_to_isu_stock_totqy now_to_dcrs_stock_totqy redc "
    "profit_incnr rdmstk_repy etc istc_totqy tesstk_co distb_stock_co stlm_dt"
)
TREASURY = (
    "rcept_no corp_cls corp_code corp_name acqs_mth1 acqs_mth2 acqs_mth3 stock_knd bsis_qy change_qy_acqs "
    "change_qy_dsps change_qy_incnr trmend_qy rm stlm_dt"
)
DART_FACTS = {
    # id: (path, parameters, ! marks the required, fields)
    "list": (
        "/api/list.json",
        LIST_ASKS,
        "corp_cls corp_name corp_code stock_code report_nm rcept_no flr_nm rcept_dt rm",
    ),
    "corpCode": ("/api/corpCode.xml", "crtfc_key!", "corp_code corp_name corp_eng_name stock_code modify_date"),
    "stockTotqySttus": ("/api/stockTotqySttus.json", REPORT_ASKS, TOTALS),
    "tesstkAcqsDspsSttus": ("/api/tesstkAcqsDspsSttus.json", REPORT_ASKS, TREASURY),
}
STATUS_KINDS = {
    "ok": "000",
    "key": "010 011 901",
    "address": "012",
    "empty": "013 014",
    "quota": "020",
    "request": "021 100 101",
    "server": "800 900",
}
MONEY = {"TDD_CLSPRC", "CMPPREVDD_PRC", "ACC_TRDVAL", "MKTCAP", "NAV", "INVSTASST_NETASST_TOTAMT", "PARVAL"}
SHARES = {"ACC_TRDVOL", "LIST_SHRS", "istc_totqy", "tesstk_co", "distb_stock_co", "trmend_qy", "change_qy_acqs"}
RATES = {"FLUC_RT", "FLUC_RT_IDX"}
UNITS = {"", "KRW", "share", "percent", "index_point"}
FORMATS = {"", "YYYYMMDD", "YYYY-MM-DD", ".2"}


def written(room: Any) -> Rows:
    lines = (room.ROOM / "endpoints.jsonl").read_text("utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def names(endpoint: Endpoint) -> str:
    return " ".join(field.name for field in endpoint.blocks[0].fields)


def asks(endpoint: Endpoint) -> str:
    return " ".join(one.name + "!" * one.required for one in endpoint.parameters)


# ── rules, each with a change that it must notice ─────────────────────────────────────────────────────────────────


def says_what_the_krx_manual_says(rows: Rows) -> list[str]:
    found = {one: krx_sheets.endpoint(row) for one, row in rows.items()}
    told = {one: (row.path, names(row)) for one, row in found.items()}
    return [one for one in KRX_FACTS.keys() | told.keys() if KRX_FACTS.get(one) != told.get(one)]


def krx_asks_for_one_day(rows: Rows) -> list[str]:
    return [one for one, row in rows.items() if asks(krx_sheets.endpoint(row)) != "basDd!"]


def says_what_the_dart_guide_says(rows: Rows) -> list[str]:
    found = {one: dart_sheets.endpoint(row) for one, row in rows.items()}
    told = {one: (row.path, asks(row), names(row)) for one, row in found.items()}
    return [one for one in DART_FACTS.keys() | told.keys() if DART_FACTS.get(one) != told.get(one)]


def every_figure_has_its_unit(rows: Rows) -> list[str]:
    wrong = []
    for one, row in rows.items():
        for name, _, _, unit, *more in (field + [""] * (4 - len(field)) for field in row["fields"]):
            due = "KRW" if name in MONEY else "share" if name in SHARES else "percent" if name in RATES else unit
            due = "index_point" if name in {"CLSPRC_IDX", "OBJ_STKPRC_IDX", "CMPPREVDD_IDX"} else due
            shape = (more[0] if more else {}).get("format", "")
            if unit != due or unit not in UNITS or shape not in FORMATS:
                wrong.append(f"{one}.{name}: {unit!r} {shape!r}")
    return wrong


def words_are_words(rows: Rows) -> list[str]:
    wrong = [
        one for one, row in rows.items() if not re.search("[가-힣]", row["title"]) or not row["title_en"].isascii()
    ]
    for one, row in rows.items():
        english = Counter(field[2] for field in row["fields"])
        wrong += [f"{one}: {word}" for word, n in english.items() if n > 1 or not re.fullmatch("[a-z][a-z_]*", word)]
        wrong += [f"{one}: {field[0]} without a label" for field in row["fields"] if not field[1]]
    return wrong


def nothing_is_kept_for_long(rows: Rows) -> list[str]:
    """An empty answer is the same success as a full one: kept for long, it would hide the day's publication.

    The day store keeps the stocks' whole days itself, so that nothing else does.
    """
    stored = {"stk_bydd_trd", "ksq_bydd_trd"}
    longest = {"corpCode": 86_400, "stockTotqySttus": 21_600, "tesstkAcqsDspsSttus": 21_600}
    return [
        one
        for one, row in rows.items()
        if (row["cache"] if one in stored else not 0 < row["cache"] <= longest.get(one, 600))
    ]


def dart_pages_by_a_hundred(rows: Rows) -> list[str]:
    paging = rows["list"].get("paging")
    due = {"page": "page_no", "size": "page_count", "most": 100, "pages": "total_page", "total": "total_count"}
    return [] if paging == due and rows["list"]["rows"] == 100 else ["list"]


def closed_lists_are_closed(rows: Rows) -> list[str]:
    own = {"last_reprt_at", "pblntf_ty", "pblntf_detail_ty", "corp_cls", "sort", "sort_mth", "reprt_code"}
    return [
        f"{one}.{asked['name']}"
        for one, row in rows.items()
        for asked in row["parameters"]
        if (asked["name"] in own) != bool(asked.get("closed") and asked.get("codes"))
    ]


def change(one: str, key: str, value: Any) -> Callable[[Rows], None]:
    def mutate(rows: Rows) -> None:
        rows[one][key] = value

    return mutate


def rename(one: str, place: int, to: str, *, part: int = 0) -> Callable[[Rows], None]:
    def mutate(rows: Rows) -> None:
        rows[one]["fields"][place][part] = to

    return mutate


def swap(one: str) -> Callable[[Rows], None]:
    def mutate(rows: Rows) -> None:
        fields = rows[one]["fields"]
        fields[3], fields[4] = fields[4], fields[3]

    return mutate


def lose(one: str) -> Callable[[Rows], None]:
    def mutate(rows: Rows) -> None:
        del rows[one]

    return mutate


def free(one: str, place: int) -> Callable[[Rows], None]:
    def mutate(rows: Rows) -> None:
        rows[one]["parameters"][place].pop("closed", None)
        rows[one]["parameters"][place]["required"] = False

    return mutate


CHECKS: list[tuple[Any, Rule, Callable[[Rows], None]]] = [
    (krx_sheets, says_what_the_krx_manual_says, rename("stk_bydd_trd", 5, "TDD_CLSPRICE")),
    (krx_sheets, says_what_the_krx_manual_says, swap("etf_bydd_trd")),
    (krx_sheets, says_what_the_krx_manual_says, change("krx_dd_trd", "group", "sto")),
    (krx_sheets, says_what_the_krx_manual_says, lose("ksq_bydd_trd")),
    (krx_sheets, every_figure_has_its_unit, rename("ksq_bydd_trd", 11, "KRW", part=3)),
    (krx_sheets, words_are_words, rename("ksq_bydd_trd", 11, "value", part=2)),
    (krx_sheets, words_are_words, change("krx_dd_trd", "title", "KRX")),
    (krx_sheets, nothing_is_kept_for_long, change("stk_bydd_trd", "cache", 86_400)),
    (dart_sheets, says_what_the_dart_guide_says, rename("tesstkAcqsDspsSttus", 10, "change_qy_acq")),
    (dart_sheets, says_what_the_dart_guide_says, free("stockTotqySttus", 1)),
    (dart_sheets, says_what_the_dart_guide_says, change("list", "path", "/api/search.json")),
    (dart_sheets, every_figure_has_its_unit, rename("stockTotqySttus", 13, "KRW", part=3)),
    (dart_sheets, words_are_words, rename("list", 4, "", part=1)),
    (dart_sheets, nothing_is_kept_for_long, change("list", "cache", 3_600)),
    (dart_sheets, dart_pages_by_a_hundred, change("list", "rows", 1_000)),
    (dart_sheets, closed_lists_are_closed, free("list", 5)),
]


@pytest.mark.parametrize(("room", "rule"), {(room, rule): None for room, rule, _ in CHECKS})
def test_the_sheets_keep_the_rule(room: Any, rule: Rule) -> None:
    assert rule(written(room)) == []


def test_every_service_of_krx_asks_for_one_day() -> None:
    assert krx_asks_for_one_day(written(krx_sheets)) == []


@pytest.mark.parametrize(("room", "rule", "mutate"), CHECKS)
def test_a_broken_sheet_is_caught(room: Any, rule: Rule, mutate: Callable[[Rows], None]) -> None:
    rows = copy.deepcopy(written(room))
    mutate(rows)
    assert rule(rows)


# ── the loaders ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sheets", [krx.SPEC, dart.SPEC])
def test_every_row_reads_has_a_source_and_is_real_only(sheets: Spec) -> None:
    for one in sheets.ids():
        row = sheets.endpoint(one)
        assert row.effect is Effect.READ
        assert (row.method, row.place, row.scope) == ("GET", "query", "market")
        assert len(row.source) > 20
        assert re.fullmatch(r"2026-\d\d-\d\d", row.checked)
        assert row.codes == {"real": one, "paper": None}
        assert row.lane == one


@pytest.mark.parametrize("sheets", [krx.SPEC, dart.SPEC])
def test_an_unknown_id_names_its_neighbours(sheets: Spec) -> None:
    known = sheets.ids()[0]
    with pytest.raises(NotFound) as caught:
        sheets.endpoint(known + "x")
    assert known in caught.value.details["nearest"]
    with pytest.raises(NotFound, match="zzz"):
        sheets.endpoint("zzz")


@pytest.mark.parametrize("room", [krx_sheets, dart_sheets])
def test_a_key_that_nobody_reads_is_refused(room: Any) -> None:
    row = next(iter(written(room).values()))
    with pytest.raises(ValueError, match="cahce"):
        room.endpoint({**row, "cahce": 60})


def test_what_holds_for_all_of_krx() -> None:
    whole = krx.platform()
    assert (whole.host, whole.key_header, whole.rows) == ("https://data-dbg.krx.co.kr", "AUTH_KEY", "OutBlock_1")
    assert (whole.error_code, whole.error_message) == ("respCode", "respMsg")
    assert (whole.per_day, whole.history_since, whole.published_at) == (10_000, "20100104", "08:00")
    assert whole.blanks == ("", "-")


def test_how_krx_refuses_and_how_surely_that_is_known() -> None:
    probed = {row.code: (row.http, row.kind) for row in krx.refusals().values() if row.basis == "probed"}
    assert probed == {"Unauthorized Key": (401, "key"), "Unauthorized API Call": (401, "service")}
    assert {row.kind for row in krx.refusals().values()} == {"key", "service", "quota", "request", "path", "server"}
    assert len(krx.refusals()) == 6


def test_a_day_without_trading_differs_for_funds() -> None:
    closed: Mapping[str, str] = {one: krx.SPEC.endpoint(one).wire["closed_day"] for one in krx.SPEC.ids()}
    assert {one for one, told in closed.items() if told != "no_rows"} == {"etf_bydd_trd"}


def test_what_holds_for_all_of_dart() -> None:
    whole = dart.platform()
    assert (whole.host, whole.key_parameter, whole.key_length) == ("https://opendart.fss.or.kr", "crtfc_key", 40)
    assert (whole.per_day, whole.per_minute, whole.blocked_hours) == (20_000, 1_000, 24)
    assert (whole.months_without_company, whole.reports_since) == (3, 2015)
    assert whole.viewer.format(rcept_no="20260310002820").endswith("rcpNo=20260310002820")
    assert "3개월" in whole.too_long
    assert whole.page_without_key == "/error1.html"


def test_the_thirteen_statuses_of_dart() -> None:
    kinds = {code: kind for kind, codes in STATUS_KINDS.items() for code in codes.split()}
    assert {code: row.kind for code, row in dart.statuses().items()} == kinds
    assert len(dart.statuses()) == 13


def test_the_code_lists_of_dart() -> None:
    tables = dart.code_tables()
    assert tables["reprt_code"] == {
        "11013": "1분기보고서",
        "11012": "반기보고서",
        "11014": "3분기보고서",
        "11011": "사업보고서",
    }
    assert "".join(tables["corp_cls"]) == "YKNE"
    assert "".join(tables["pblntf_ty"]) == "ABCDEFGHIJ"
    counts = Counter(code[0] for code in tables["pblntf_detail_ty"])
    assert counts == {"A": 5, "B": 3, "C": 11, "D": 5, "E": 9, "F": 5, "G": 3, "H": 6, "I": 6, "J": 7}


def test_the_archive_is_a_file_and_the_rest_is_not() -> None:
    assert {one: dart.SPEC.endpoint(one).transport for one in dart.SPEC.ids()} == {
        "list": "rest",
        "corpCode": "file",
        "stockTotqySttus": "rest",
        "tesstkAcqsDspsSttus": "rest",
    }
    assert dart.SPEC.endpoint("corpCode").wire["archive"] == "CORPCODE.xml"
    assert dart.SPEC.endpoint("list").wire["defaults"]["page_count"] == "10"
