"""The loader of KIS's sheets, its platform facts and its master file layouts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dari.core.endpoint import Effect
from dari.core.errors import NotFound
from dari.core.provider import Spec
from dari.providers.kis.spec import SPEC, ErrorCode, Sheets, error_code, master_files, platform_facts, tr_ids
from tests.contract.facts import facts_file, needs

ROOT = Path(__file__).parents[2]
FACTS = facts_file("kis_api.json")
needs_facts = needs(FACTS)
COLD = """
import time
from dari.providers.kis.spec import SPEC
start = time.perf_counter()
SPEC.endpoint("domestic_stock.inquire_price")
print(time.perf_counter() - start)
"""


def test_it_is_a_spec() -> None:
    spec: Spec = SPEC
    assert len(spec.ids()) == len(set(spec.ids())) == 339
    assert spec.ids()[0].startswith("auth.")


def test_an_endpoint_reads_as_its_line_says() -> None:
    row = SPEC.endpoint("domestic_stock.volume_rank")
    assert (row.title, row.title_en) == ("거래량순위", "Stock ranking by volume or trading value")
    assert (row.effect, row.scope, row.lane, row.max_rows, row.cache_seconds) == (
        Effect.READ,
        "market",
        "quote",
        30,
        None,
    )
    assert dict(row.codes) == {"real": "FHPST01710000", "paper": None}
    by_name = {p.name: p for p in row.parameters}
    assert by_name["FID_COND_SCR_DIV_CODE"].fixed == "20171"
    assert by_name["FID_BLNG_CLS_CODE"].codes["3"] == "거래금액순"
    assert by_name["FID_BLNG_CLS_CODE"].closed
    assert not by_name["FID_INPUT_ISCD"].closed
    assert not by_name["FID_INPUT_DATE_1"].required
    value = next(field for field in row.blocks[0].fields if field.name == "acml_tr_pbmn")
    assert (value.english, value.unit) == ("trading_value", "KRW")
    assert row.wire["screen"] == "0171"
    assert "portal" in row.source
    assert row.checked == "2026-07-09"


def test_an_order_commits_and_names_its_variants() -> None:
    row = SPEC.endpoint("overseas_stock.order")
    assert row.effect is Effect.COMMIT
    american_sale = next(v for v in row.wire["variants"] if v["when"]["market"] == "US" and v["when"]["side"] == "sell")
    assert (american_sale["real"], american_sale["paper"]) == ("TTTT1006U", "VTTT1001U")
    assert "VTTT1006U" not in tr_ids(row)


def test_rows_of_a_mode_stand_beside_the_real_ones() -> None:
    row = SPEC.endpoint("domestic_stock.inquire_balance")
    assert row.max_rows == 50
    assert row.wire["rows"] == {"real": 50, "paper": 20}


def test_codes_of_a_response_field_stand_at_the_field() -> None:
    frame = SPEC.endpoint("domestic_stock.ccnl_krx").blocks[0]
    assert frame.kind == "frame"
    sign = next(field for field in frame.fields if field.name == "PRDY_VRSS_SIGN")
    assert sign.codes == {"1": "상한", "2": "상승", "3": "보합", "4": "하한", "5": "하락"}


def test_it_is_found_by_tr_id_and_path() -> None:
    assert SPEC.by_tr_id("FHPST01710000").id == "domestic_stock.volume_rank"
    assert SPEC.by_tr_id("VTTT1001U").id == "overseas_stock.order"
    assert SPEC.by_path("/oauth2/tokenP").id == "auth.auth_token"
    assert SPEC.by_path("/tryitout/H0STCNT0").id == "domestic_stock.ccnl_krx"
    retired = SPEC.by_tr_id("TTTC0802U")
    assert retired.wire["retired"]["TTTC0802U"] == "TTTC0012U"


@pytest.mark.parametrize("tr_id", ["TTTN1103U", "FHPST0171000", "", "20171"])
def test_what_is_no_tr_id_is_not_found(tr_id: str) -> None:
    with pytest.raises(NotFound):
        SPEC.by_tr_id(tr_id)


def test_every_endpoint_is_found_by_what_it_sends() -> None:
    for row in SPEC:
        assert SPEC.by_path(row.path) is row
        assert all(SPEC.by_tr_id(tr_id) is row for tr_id in tr_ids(row))


def test_an_unknown_path_is_not_found() -> None:
    with pytest.raises(NotFound):
        SPEC.by_path("/uapi/domestic-stock/v1/ranking/volume-rank")


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("domestic_stock.volumerank", "domestic_stock.volume_rank"),
        ("volume_rank", "domestic_stock.volume_rank"),
        ("stock.inquire_balance", "domestic_stock.inquire_balance"),
        ('domestic_stock.volume_rank","x', "domestic_stock.volume_rank"),
    ],
)
def test_a_wrong_id_names_the_nearest(wrong: str, near: str) -> None:
    with pytest.raises(NotFound) as caught:
        SPEC.endpoint(wrong)
    assert near in caught.value.details["near"]
    assert near in caught.value.message


def test_nothing_near_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        Sheets(tmp_path).endpoint("domestic_stock.volume_rank")
    assert caught.value.details["near"] == []


def test_the_first_endpoint_is_there_at_once() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    told = [
        subprocess.run([sys.executable, "-c", COLD], capture_output=True, text=True, env=env, check=True) for _ in "123"
    ]
    assert min(float(one.stdout) for one in told) <= 0.005


def test_a_known_endpoint_costs_nothing() -> None:
    SPEC.endpoint("domestic_stock.volume_rank")
    start = time.perf_counter()
    for _ in range(1000):
        SPEC.endpoint("domestic_stock.volume_rank")
    assert time.perf_counter() - start < 0.05


# --- platform ---------------------------------------------------------------------------------------------------------


def test_an_error_code_says_what_it_asks() -> None:
    assert error_code("EGW00201") == ErrorCode(
        "EGW00201", "초당 거래건수 초과(게이트웨이)", "too many calls in this second (gateway)", "retry"
    )
    assert error_code(" EGW00123 ") is not None
    assert error_code("EGW99999") is None


def test_every_error_code_is_told_in_both_languages() -> None:
    for code, (ko, en, kind) in platform_facts()["errors"].items():
        told = error_code(code)
        assert told is not None
        assert (ko, en, kind) == (told.ko, told.en, told.kind)
        assert ko
        assert en.isascii()


def the_facts() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8"))
    return told


@needs_facts
def test_the_platform_tells_the_facts() -> None:
    wanted, told = the_facts()["platform"], platform_facts()
    assert {code: row[0] for code, row in told["errors"].items()} == wanted["error_codes"]
    hosts = told["hosts"]
    assert (hosts["real"]["rest"], hosts["paper"]["rest"]) == (
        wanted["hosts"]["real_rest"],
        wanted["hosts"]["demo_rest"],
    )
    assert hosts["real"]["websocket"] == wanted["hosts"]["real_ws"]
    assert hosts["paper"]["websocket"] == wanted["hosts"]["demo_ws"]
    limits = told["rate_limits"]
    assert limits["real"] == wanted["rate_limits"]["real_rest_per_sec"]
    assert limits["paper"] == wanted["rate_limits"]["demo_rest_per_sec"]
    assert limits["new_customer"]["per_second"] == wanted["rate_limits"]["new_customer_first_3_days_per_sec"]
    assert told["websocket"]["registrations_per_session"] == wanted["websocket"]["registrations_per_session"]
    for ours, theirs in {
        "market_div": "market_div_code",
        "index": "index_code",
        "rank_market": "rank_market_code",
        "change_sign": "prdy_vrss_sign",
        "account_product": "account_product_code",
        "overseas_order_exchange": "overseas_order_exchange",
        "overseas_quote_exchange": "overseas_quote_exchange",
    }.items():
        assert told[ours] == wanted[theirs]


@needs_facts
def test_what_a_code_asks_follows_the_facts() -> None:
    wanted = the_facts()["platform"]["retry_policy_facts"]
    kinds = {
        "retry_same_request": "retry",
        "reissue_token_once": "reissue",
        "never_retry_order_blindly": "unknown_outcome",
        "unsupported_in_demo": "mode",
        "wrong_key_for_host": "mode",
    }
    for group, kind in kinds.items():
        for code in set(wanted[group]) - {"timeout"}:
            told = error_code(code)
            assert told is not None
            assert told.kind == kind, code


# --- master files -----------------------------------------------------------------------------------------------------


def test_a_layout_names_each_column_once() -> None:
    for name, layout in master_files()["layouts"].items():
        columns = [
            column[1] for column in (*layout.get("head", ()), *layout.get("tail", ()), *layout.get("columns", ()))
        ]
        assert len(columns) == len(set(columns)), name
    assert all(one.get("layout", "kospi") in master_files()["layouts"] for one in master_files()["files"].values())


@needs_facts
def test_the_layouts_tell_the_facts() -> None:
    wanted, told = the_facts()["master_files"], master_files()
    for name in ("kospi", "kosdaq"):
        layout, facts = told["layouts"][name], wanted[f"{name}_layout"]
        assert [[ko, width] for ko, _, width in layout["tail"]] == facts["tail"]
        assert (
            layout["tail_width"] == sum(width for _, width in facts["tail"]) == facts["tail_bytes"] - 1
        )  # the newline
        assert [ko for ko, *_ in layout["head"]] == [ko for ko, _ in facts["head"]]
    assert [[ko, width] for ko, _, width in told["layouts"]["sector"]["head"]] == wanted["sector_layout"]
    assert len(told["layouts"]["overseas"]["columns"]) == len(wanted["overseas_columns"])
    assert told["group_codes"] == wanted["group_codes"]
    urls = {url for one in wanted["files"].values() for url in (one.values() if isinstance(one, dict) else [one])}
    assert {one["url"] for one in told["files"].values()} == urls


def test_thousands_of_shares_are_counted_in_domestic_indices_only() -> None:
    """Contracts of an index are pieces: what a sector index counts in thousands, its futures do not."""
    thousands = {row.id for row in SPEC for block in row.blocks for one in block.fields if one.unit == "share_1000"}
    assert {one.partition(".")[0] for one in thousands} == {"domestic_stock"}
    assert "domestic_stock.index_ccnl" in thousands
