import pytest

from dari.core.clock import ManualClock
from tests.unit.kiwoom_simulator.client import CHART, NOON, STKINFO, Asker

CHART_BODY = {"stk_cd": "005930", "base_dt": f"{NOON:%Y%m%d}", "upd_stkpc_tp": "1"}


async def leaf(real: Asker, api_id: str, path: str, body: dict[str, str], key: str) -> list[list[str]]:
    """Every page's first column."""
    pages, headers = [], {"cont-yn": "N", "next-key": ""}
    for _ in range(40):
        reply = await real.send(api_id, path, body, **headers)
        rows = reply.json()[key]
        pages.append([next(iter(row.values())) for row in rows])
        headers = {"cont-yn": reply.headers["cont-yn"], "next-key": reply.headers["next-key"]}
        if headers["cont-yn"] != "Y":
            assert headers["next-key"] == ""
            break
    return pages


async def test_the_cursor_lives_in_the_headers_and_leads_through_everything(real: Asker) -> None:
    pages = await leaf(real, "ka10099", STKINFO, {"mrkt_tp": "0"}, "list")
    codes = [code for page in pages for code in page]
    issues = real.simulator.service.market.issues
    assert codes == [one.code for one in issues if one.board == "KOSPI" and one.kind in ("common", "preferred")]
    assert {len(page) for page in pages[:-1]} == {100}


async def test_a_daily_chart_has_six_hundred_rows_a_page(real: Asker) -> None:
    first = await real.send("ka10081", CHART, CHART_BODY)
    rows = first.json()["stk_dt_pole_chart_qry"]
    assert (len(rows), first.headers["cont-yn"]) == (600, "Y")
    second = await real.send("ka10081", CHART, CHART_BODY, **{"cont-yn": "Y", "next-key": first.headers["next-key"]})
    more = second.json()["stk_dt_pole_chart_qry"]
    days = [row["dt"] for row in rows + more]
    assert days == sorted(set(days), reverse=True)


@pytest.mark.parametrize(
    ("api_id", "key", "rows"),
    [("ka10079", "stk_tic_chart_qry", 900), ("ka10080", "stk_min_pole_chart_qry", 900)],
)
async def test_tick_and_minute_charts_have_nine_hundred(real: Asker, api_id: str, key: str, rows: int) -> None:
    reply = await real.send(api_id, CHART, {"stk_cd": "005930", "tic_scope": "1", "upd_stkpc_tp": "1"})
    assert len(reply.json()[key]) == rows


async def test_pages_of_one_answer_share_its_moment(real: Asker, world: ManualClock) -> None:
    body = {"mrkt_tp": "0"}
    first = await real.send("ka10099", STKINFO, body)
    world.advance(600)
    second = await real.send("ka10099", STKINFO, body, **{"cont-yn": "Y", "next-key": first.headers["next-key"]})
    assert not {row["code"] for row in first.json()["list"]} & {row["code"] for row in second.json()["list"]}


async def test_a_key_of_another_question_is_refused(real: Asker) -> None:
    first = await real.send("ka10099", STKINFO, {"mrkt_tp": "0"})
    key = {"cont-yn": "Y", "next-key": first.headers["next-key"]}
    assert "[1517:" in (await real.refused("ka10099", STKINFO, {"mrkt_tp": "10"}, **key))[1]
    assert (
        "[1517:" in (await real.refused("ka10099", STKINFO, {"mrkt_tp": "0"}, **{"cont-yn": "Y", "next-key": "x"}))[1]
    )
