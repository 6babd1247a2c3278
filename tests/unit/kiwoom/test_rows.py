"""Each field as its sheet says, and the mistakes that other clients of this API have shipped, by name."""

from __future__ import annotations

from typing import Any

import pytest

from dari.core.endpoint import Endpoint
from dari.core.errors import Malformed
from dari.providers.kiwoom.models import rows
from dari.providers.kiwoom.spec import SPEC


def one(endpoint: str, parameters: dict[str, str] | None = None, **fields: str) -> dict[str, Any]:
    row = SPEC.endpoint(endpoint)
    block = rows.list_block(row)
    if block is None or not set(fields) <= {each.name for each in block.fields}:
        return rows.head(row, fields, parameters).rows[0]
    return rows.table(row, {block.name or "": [fields]}, parameters).rows[0]


def test_sign_bug_a_falling_price_is_not_negative() -> None:
    assert one("ka10001", cur_prc="-20800", open_pric="+21000", pre_sig="5")["price"] == 20800
    assert one("ka10095", sel_1th_bid="-70200")["ask_1"] == 70200


def test_sign_bug_a_falling_change_stays_negative() -> None:
    row = one("ka10001", cur_prc="-20800", pred_pre="-200", flu_rt="-0.95", pre_sig="5")
    assert (row["price"], row["change"], row["change_pct"], row["change_sign"]) == (20800, -200, -0.95, "down")


def test_unit_bug_listed_shares_of_ka10001_are_thousands_of_shares() -> None:
    assert one("ka10001", flo_stk="5969783")["listed_shares"] == 5_969_783_000


def test_unit_bug_shares_of_ka10095_are_thousands_of_shares() -> None:
    assert one("ka10095", stkcnt="5969783")["shares"] == 5_969_783_000


def test_unit_bug_the_index_comes_in_hundredths_in_one_api_and_with_a_point_in_another() -> None:
    assert one("ka90005", kospi200="+42153")["kospi200"] == 421.53
    assert one("ka90010", kospi200="+421.53")["kospi200"] == 421.53
    assert one("ka20006", cur_prc="272115")["price"] == 2721.15


def test_unit_bug_a_rate_without_its_point() -> None:
    assert one("ka10059", flu_rt="+698")["change_pct"] == 6.98
    assert one("ka10059", flu_rt="+6.98")["change_pct"] == 6.98


def test_unit_bug_market_cap_of_a_tick_is_in_won_like_everywhere_else() -> None:
    assert rows.frame(SPEC.endpoint("0B"), {"311": "4184823"})["market_cap"] == 418_482_300_000_000


def test_amounts_are_won() -> None:
    assert one("ka10081", trde_prica="865432")["value"] == 865_432_000_000
    assert one("ka10014", shrts_trde_prica="5")["short_selling_value"] == 5_000
    assert one("kt00018", prsm_dpst_aset_amt="-00000000196888")["estimated_assets"] == -196_888
    assert one("ka10061", {"amt_qty_tp": "1"}, ind_invsr="--23722054")["individual"] == -23_722_054_000_000


def test_a_field_that_counts_what_the_parameters_ask_is_told_to_be_unsure() -> None:
    row = SPEC.endpoint("ka10059")
    body = {"stk_invsr_orgn": [{"ind_invsr": "-1000", "acc_trde_prica": "5"}]}
    money = rows.table(row, body, {"amt_qty_tp": "1"})
    shares = rows.table(row, body, {"amt_qty_tp": "2"})
    assert (money.rows[0]["individual"], money.unsure) == (-1_000_000_000, frozenset())
    assert shares.rows[0]["individual"] == -1000
    assert "individual" in shares.unsure
    assert shares.rows[0]["acc_value"] == 5_000_000  # what does not depend keeps its unit


def test_an_account_list_loses_the_letter_before_its_codes() -> None:
    assert one("kt00018", stk_cd="A005930")["code"] == "005930"
    assert one("ka10027", stk_cd="005930_AL")["code"] == "005930"


def test_a_saturated_counter_is_null_and_said() -> None:
    read = rows.table(SPEC.endpoint("ka10095"), {"atn_stk_infr": [{"trde_qty": "4294967295", "cur_prc": "1"}]})
    assert read.rows[0]["volume"] is None
    assert read.saturated == {"volume"}


def test_a_field_without_a_unit_is_a_number_only_where_it_is_one() -> None:
    assert one("ka10001", per="12.3")["per"] == 12.3
    assert one("ka10001", per="N/A")["per"] == "N/A"
    assert one("ka10075", cur_prc="-70100")["price"] == 70100
    assert one("ka10075", ord_no="0000123")["order_no"] == "0000123"


def test_a_promised_number_that_is_none_is_malformed_and_named() -> None:
    with pytest.raises(Malformed, match=r"ka10001\.trde_qty \(volume\)"):
        one("ka10001", trde_qty="many")


def test_a_coded_field_is_told_in_words() -> None:
    assert one("ka00198", bigd_rank="0")["bigdata_rank"] == "순위 변동 없음"
    assert one("ka00198", bigd_rank="7")["bigdata_rank"] == 7
    assert one("ka10075", stex_tp="1")["exchange"] == "KRX"
    assert one("ka10001", pre_sig="1")["change_sign"] == "limit_up"


def test_the_only_list_of_a_reply_is_its_list_whatever_it_is_called() -> None:
    row = SPEC.endpoint("ka10081")
    assert rows.table(row, {"stk_dt_pole_chart_qryy": [{"cur_prc": "1"}]}).rows[0]["price"] == 1
    assert rows.table(row, {"return_code": 0}).rows == ()
    with pytest.raises(Malformed, match="lacks the list"):
        rows.table(row, {"a": [], "b": []})
    with pytest.raises(Malformed, match="lacks the list"):
        rows.table(row, {"stk_cd": "005930"})
    with pytest.raises(Malformed, match="not a list of objects"):
        rows.table(row, {"stk_dt_pole_chart_qry": ["x"]})


def typical(row: Endpoint, name: str) -> str:
    field = next(each for block in row.blocks for each in block.fields if each.name == name)
    dates = {"YYYYMMDD": "20261120", "HHmmss": "153000", "HH:mm:ss": "15:30:00", "YYYYMMDDHHmmss": "20261120153000"}
    if field.format in dates:
        return dates[field.format]
    return next(iter(field.codes), "") or ("-00000000012" if field.sign else "12")


@pytest.mark.parametrize("endpoint", SPEC.ids())
def test_every_sheet_reads_a_reply_of_its_own(endpoint: str) -> None:
    row = SPEC.endpoint(endpoint)
    for block in row.blocks:
        raw = {each.name: typical(row, each.name) for each in block.fields}
        if block.kind == "array":
            read = rows.table(row, {block.name or "": [raw]}).rows[0]
        elif block.kind == "frame":
            read = rows.frame(row, raw)
        else:
            read = rows._table(row, block, [raw], {}).rows[0]
        assert set(read) == {each.english for each in block.fields}
        for each, column in zip(block.fields, rows.columns(row, block), strict=True):
            if each.sign == "direction":
                assert read[each.english] is not None
                assert read[each.english] >= 0, each.name
            elif each.sign == "value" and not each.codes and column.kind == "number":
                assert read[each.english] < 0, each.name


def test_a_sign_without_a_unit_promises_no_number() -> None:
    assert one("ka10100", state="증거금20%|담보대출")["state"] == "증거금20%|담보대출"
