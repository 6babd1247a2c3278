"""One world: the same quantity through every endpoint that tells it, in a realtime frame, and in the world itself."""

from collections.abc import Mapping
from datetime import datetime

import pytest

from dari.core.clock import KST, ManualClock
from dari.providers.kiwoom.simulator.frames import frame_values
from tests.unit.kiwoom_simulator.client import ACNT, CHART, MRKCOND, NOON, RKINFO, SECT, STKINFO, Asker

ISSUES = 200
SUFFIX = {"KRX": "", "NXT": "_NX", "UN": "_AL"}


def size(text: str) -> int:
    """A price or quantity: the sign before a price is its direction."""
    return abs(int(text))


def codes_of(asker: Asker, count: int = ISSUES, *, nxt: bool = False) -> list[str]:
    issues = [one for one in asker.simulator.service.market.issues if one.nxt_share or not nxt]
    step = max(1, len(issues) // count)
    return [one.code for one in issues[::step]][:count]


def agrees(row: Mapping[str, str], names: Mapping[str, str], truth: Mapping[str, object]) -> None:
    for name, fact in names.items():
        assert size(row[name]) == truth[fact], (name, row[name], fact, truth[fact], truth["code"])


QUOTE = {"cur_prc": "price", "open_pric": "open", "high_pric": "high", "low_pric": "low", "trde_qty": "volume"}
LIMITS = {"upl_pric": "limit_up", "lst_pric": "limit_down"}


async def test_two_hundred_issues_say_the_same_everywhere(real: Asker) -> None:
    codes = codes_of(real)
    truths = await real.truth("quote", codes=",".join(codes))
    many: dict[str, dict[str, str]] = {}
    for place in range(0, ISSUES, 100):
        told = await real.ask("ka10095", STKINFO, stk_cd="|".join(codes[place : place + 100]))
        many |= {row["stk_cd"]: row for row in told["atn_stk_infr"]}
    assert list(many) == codes
    market = real.simulator.service.market
    for code in codes:
        truth = truths[code]
        basics = await real.ask("ka10001", STKINFO, stk_cd=code)
        board = await real.ask("ka10007", MRKCOND, stk_cd=code)
        chart = await real.ask("ka10086", MRKCOND, stk_cd=code, qry_dt=f"{NOON:%Y%m%d}", indc_tp="0")
        today = chart["daly_stkpc"][0]
        agrees(basics, {**QUOTE, **LIMITS, "base_pric": "base"}, truth)
        assert int(basics["pred_pre"]) == truth["change"]
        agrees(board, {**QUOTE, **LIMITS, "pred_close_pric": "base", "pred_trde_qty": "previous_volume"}, truth)
        agrees(many[code], {**QUOTE, **LIMITS, "base_pric": "base"}, truth)
        agrees({**today, "cur_prc": today["close_pric"]}, QUOTE, truth)
        assert today["date"] == truth["as_of"][:10].replace("-", "")
        assert {float(row["flu_rt"]) for row in (basics, board, many[code])} == {float(truth["change_pct"])}
        assert {size(row["trde_prica"]) for row in (board, many[code])} == {truth["value"] // 10**6}
        assert size(today["amt_mn"]) == truth["value"] // 10**6
        assert size(basics["mac"]) == truth["market_cap"] // 10**8
        assert size(basics["flo_stk"]) == size(many[code]["stkcnt"]) == truth["shares"] // 1_000
        tick = frame_values(market, "0B", code, NOON)
        assert tick is not None
        agrees(tick, {"10": "price", "13": "volume", "16": "open", "17": "high", "18": "low"}, truth)
        assert tick["14"] == board["trde_prica"]
        assert (tick["27"], tick["28"]) == (board["sel_1bid"], board["buy_1bid"])


async def test_the_sign_of_a_price_is_its_direction(real: Asker) -> None:
    seen = set()
    for code in codes_of(real):
        row = await real.ask("ka10001", STKINFO, stk_cd=code)
        base = int(row["base_pric"])
        for name in ("cur_prc", "open_pric", "high_pric", "low_pric", "250hgst", "250lwst"):
            price = size(row[name])
            if price:
                sign = "+" if price > base else "-" if price < base else ""
                assert row[name] == f"{sign}{price}"
                seen.add(sign)
        assert row["pre_sig"] in "12345"
        assert int(row["pred_pre"]) == size(row["cur_prc"]) - base
    assert seen == {"+", "-", ""}


@pytest.mark.parametrize("venue", ["KRX", "NXT", "UN"])
async def test_every_venue_has_its_own_board(real: Asker, world: ManualClock, venue: str) -> None:
    world.advance(6 * 3600)  # the evening: NXT still trades
    for code in codes_of(real, 30, nxt=True):
        truth = await real.truth("quote", code=code, venue=venue)
        row = await real.ask("ka10001", STKINFO, stk_cd=code + SUFFIX[venue])
        agrees(row, QUOTE, truth)
        assert row["stk_cd"] == code + SUFFIX[venue]


async def test_krx_alone_is_less_than_both_together(real: Asker) -> None:
    krx = await real.ask("ka10001", STKINFO, stk_cd="005930")
    both = await real.ask("ka10001", STKINFO, stk_cd="005930_AL")
    nxt = await real.ask("ka10001", STKINFO, stk_cd="005930_NX")
    assert size(both["trde_qty"]) == size(krx["trde_qty"]) + size(nxt["trde_qty"])


async def test_books_and_the_two_exceptions_to_the_suffix(real: Asker) -> None:
    krx = await real.ask("ka10004", MRKCOND, stk_cd="005930")
    assert await real.ask("ka10004", MRKCOND, stk_cd="005930_AL") == krx
    board = await real.ask("ka10007", MRKCOND, stk_cd="005930")
    assert (krx["sel_fpr_bid"], krx["buy_fpr_req"]) == (board["sel_1bid"], board["buy_1bid_req"])
    assert krx["sel_10th_pre_bid"] == board["sel_10bid"]
    assert await real.ask("ka10007", MRKCOND, stk_cd="005930_AL") != board
    shell = await real.ask("ka10087", MRKCOND, stk_cd="005930_AL")
    assert {value for name, value in shell.items() if not name.startswith("return")} == {""}
    assert (await real.ask("ka10087", MRKCOND, stk_cd="005930"))["ovt_sigpric_cur_prc"]


async def test_minutes_add_up_to_the_day(real: Asker) -> None:
    told = await real.ask("ka10080", CHART, stk_cd="005930", tic_scope="1", upd_stkpc_tp="1")
    today = [row for row in told["stk_min_pole_chart_qry"] if row["cntr_tm"].startswith(f"{NOON:%Y%m%d}")]
    truth = await real.truth("quote", code="005930")
    assert sum(size(row["trde_qty"]) for row in today) == truth["volume"]
    assert max(size(row["high_pric"]) for row in today) == truth["high"]
    assert min(size(row["low_pric"]) for row in today) == truth["low"]
    assert (size(today[0]["cur_prc"]), size(today[-1]["open_pric"])) == (truth["price"], truth["open"])


async def test_weeks_and_months_are_made_of_days(real: Asker) -> None:
    body = {"stk_cd": "000660", "base_dt": f"{NOON:%Y%m%d}", "upd_stkpc_tp": "1"}
    days = (await real.ask("ka10081", CHART, **body))["stk_dt_pole_chart_qry"]
    month = (await real.ask("ka10083", CHART, **body))["stk_mth_pole_chart_qry"][1]
    members = [row for row in days if row["dt"].startswith(month["dt"][:6])]
    assert sum(int(row["trde_qty"]) for row in members) == int(month["trde_qty"])
    assert max(int(row["high_pric"]) for row in members) == int(month["high_pric"])
    assert (month["dt"], month["cur_prc"], month["open_pric"]) == (
        members[-1]["dt"],
        members[0]["cur_prc"],
        members[-1]["open_pric"],
    )


async def test_a_past_day_is_the_same_from_every_side(real: Asker) -> None:
    rows = (await real.ask("ka10081", CHART, stk_cd="035420", base_dt="20261113", upd_stkpc_tp="1"))[
        "stk_dt_pole_chart_qry"
    ]
    flows = (await real.ask("ka10086", MRKCOND, stk_cd="035420", qry_dt="20261113", indc_tp="0"))["daly_stkpc"]
    assert rows[0]["dt"] == flows[0]["date"] == "20261113"
    for chart, daily in zip(rows[:20], flows[:20], strict=True):
        assert (size(daily["close_pric"]), size(daily["trde_qty"])) == (int(chart["cur_prc"]), int(chart["trde_qty"]))


async def test_investors_of_a_day_add_up_and_agree(real: Asker) -> None:
    truth = await real.truth("flows", code="005930")
    body = {"dt": f"{NOON:%Y%m%d}", "stk_cd": "005930", "trde_tp": "0", "unit_tp": "1"}
    shares = (await real.ask("ka10059", STKINFO, **body, amt_qty_tp="2"))["stk_invsr_orgn"][0]
    groups = ("ind_invsr", "frgnr_invsr", "fnnc_invt", "insrnc", "invtrt", "etc_fnnc", "bank", "penfnd_etc")
    others = ("samo_fund", "natn", "etc_corp", "natfor")
    assert sum(int(shares[name]) for name in (*groups, *others)) == 0
    assert int(shares["frgnr_invsr"]) == truth["foreigner"]["net"]
    assert int(shares["orgn"]) == truth["institution"]["net"]
    daily = (await real.ask("ka10086", MRKCOND, stk_cd="005930", qry_dt=body["dt"], indc_tp="0"))["daly_stkpc"][0]
    assert int(daily["for_netprps"]) == truth["foreigner"]["net"]
    money = (await real.ask("ka10059", STKINFO, **body, amt_qty_tp="1"))["stk_invsr_orgn"][0]
    assert abs(int(money["frgnr_invsr"])) == abs(truth["foreigner"]["net_value"]) // 10**6


async def test_a_total_of_investors_comes_with_two_signs(real: Asker) -> None:
    body = {"stk_cd": "005930", "strt_dt": "20261102", "end_dt": "20261120", "amt_qty_tp": "1", "trde_tp": "0"}
    row = (await real.ask("ka10061", STKINFO, **body, unit_tp="1"))["stk_invsr_orgn_tot"][0]
    figures = [text for text in row.values() if text.strip("0")]
    assert any(text.startswith("--") for text in figures)
    assert not any(text.startswith("-") and not text.startswith("--") for text in figures)


async def test_an_index_is_the_same_with_and_without_its_point(real: Asker) -> None:
    truth = await real.truth("index", code="0001")
    now = await real.ask("ka20001", SECT, mrkt_tp="0", inds_cd="001")
    day = (await real.ask("ka20006", CHART, inds_cd="001", base_dt=f"{NOON:%Y%m%d}"))["inds_dt_pole_qry"][0]
    listed = (await real.ask("ka20003", SECT, inds_cd="001"))["all_inds_idex"][0]
    assert now["cur_prc"].lstrip("+-") == listed["cur_prc"].lstrip("+-") == truth["level"]
    assert day["cur_prc"] == truth["level"].replace(".", "")
    tick = frame_values(real.simulator.service.market, "0J", "001", NOON)
    assert tick is not None
    assert tick["10"].lstrip("+-") == truth["level"]


async def test_rankings_are_the_truth_in_order(real: Asker) -> None:
    every = {
        **dict.fromkeys(("mang_stk_incls", "crd_tp", "trde_qty_tp", "pric_tp", "trde_prica_tp", "mrkt_open_tp"), "0"),
        "mrkt_tp": "000",
        "stex_tp": "1",
    }
    rows = (await real.ask("ka10030", RKINFO, **every, sort_tp="1"))["tdy_trde_qty_upper"]
    truth = await real.truth("ranking", by="volume", count="100")
    assert [row["stk_cd"] for row in rows] == [one["code"] for one in truth]
    assert [size(row["trde_qty"]) for row in rows] == [one["volume"] for one in truth]
    rows = (await real.ask("ka10032", RKINFO, mrkt_tp="101", mang_stk_incls="1", stex_tp="3"))["trde_prica_upper"]
    truth = await real.truth("ranking", by="value", market="KOSDAQ", count="100", venue="UN")
    assert [row["stk_cd"].removesuffix("_AL") for row in rows] == [one["code"] for one in truth]


async def test_filters_are_kept(real: Asker) -> None:
    market = real.simulator.service.market.by_code
    body = {"mrkt_tp": "000", "trde_qty_cnd": "0100", "stk_cnd": "16", "crd_cnd": "0", "updown_incls": "0"}
    more = {"pric_cnd": "5", "trde_prica_cnd": "10", "stex_tp": "1", "sort_tp": "1"}
    rows = (await real.ask("ka10027", RKINFO, **body, **more))["pred_pre_flu_rt_upper"]
    assert rows
    assert all(size(row["now_trde_qty"]) >= 100_000 and size(row["cur_prc"]) >= 10_000 for row in rows)
    assert not any(market[row["stk_cd"]].etp for row in rows)
    assert [float(row["flu_rt"]) for row in rows] == sorted((float(row["flu_rt"]) for row in rows), reverse=True)


async def test_figures_stand_still_when_the_market_is_closed(real: Asker, world: ManualClock) -> None:
    world.advance(10 * 3600)
    first = await real.ask("ka10001", STKINFO, stk_cd="005930")
    world.advance(3600)
    assert await real.ask("ka10001", STKINFO, stk_cd="005930") == first
    assert (await real.ask("ka00001", ACNT))["acctNo"]
    assert datetime(2026, 11, 20, 23, 0, 7, tzinfo=KST) == world.now()
