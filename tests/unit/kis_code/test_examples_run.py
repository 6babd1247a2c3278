"""Every example is run against the simulator and brings decoded rows: what is handed out works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import httpx2
import pytest

from dari.core.endpoint import Effect
from dari.providers.kis.examples import build
from dari.providers.kis.spec import SPEC
from tests.unit.kis_code.serving import NOON, Served, run_here, served

TODAY = date(2026, 11, 20)
REST = [row.id for row in SPEC if row.transport == "rest" or row.wire["rest"]]
PLACING = [
    row.id
    for row in SPEC
    if row.effect is Effect.COMMIT and "rvsecncl" not in row.id and row.id != "overseas_stock.order_resv_ccnl"
]
CHANGING = [row.id for row in SPEC if row.effect is Effect.COMMIT and row.id not in PLACING]
ALONE = ("auth.revokep", "auth.auth_token")
"""What ends or takes the token of the others: run by themselves."""
READING = [one for one in REST if one not in PLACING and one not in CHANGING and one not in ALONE]
BLANK = {
    "domestic_stock.intgr_margin",
    "etfetn.inquire_asking_price",
    "domestic_futureoption.margin_rate",
    "domestic_futureoption.display_board_option_list",
    "overseas_futureoption.market_time",
}
"""Endpoints whose fields the simulator leaves empty, at least those an example shows."""
NOTHING_TO_TELL = {
    "domestic_stock.inquire_vi_status": "005930 is not interrupted",
    "domestic_stock.frgnmem_trade_trend": "the simulator tells it as the stream of the portal's list",
    "overseas_stock.order_resv_list": "the reserved order of the example is on paper; this asks the real account",
    "overseas_stock.countries_holiday": "the world has no foreign calendar",
    "overseas_stock.brknews_title": "the world has no foreign news",
    "overseas_futureoption.inquire_ccld": "the example asks for what is filled",
    "overseas_futureoption.inquire_daily_order": "the example asks for what is filled",
    "domestic_bond.inquire_balance": "the order of the example is not filled",
    "overseas_futureoption.inquire_unpd": "the order of the example is not filled",
    "etfetn.nav_comparison_daily_trend": "the world's funds have no past NAV",
    "etfetn.nav_comparison_time_trend": "the world's funds have no past NAV",
    "domestic_stock.invest_opinion": "nobody has an opinion on it in the world",
}
"""Endpoints whose rows are rightly none here, and why."""


@pytest.fixture(scope="module")
def kis() -> Iterator[Served]:
    with served() as one:
        yield one


@pytest.fixture(scope="module")
def placed(kis: Served) -> dict[str, dict[str, str]]:
    """The reply to every example that places an order."""
    return {name: row for name in PLACING if (row := _place(kis, name, {}))}


def _place(kis: Served, name: str, values: dict[str, str]) -> dict[str, str]:
    lines, stopped = _run(kis, name, values)
    if name == "domestic_bond.sell":  # what is bought is not there to be sold before it is filled
        assert "APBK1234" in stopped or lines
        return {}
    assert not stopped, stopped
    told: dict[str, str] = {}
    for line in lines:
        told |= json.loads(line)
    return told


def _run(kis: Served, name: str, values: dict[str, str]) -> tuple[list[str], str]:
    example = build(name, values, TODAY, "python", "httpx2")
    return run_here(example.code, kis.environment(example.recipe.mode))


@pytest.mark.parametrize("name", PLACING)
def test_an_order_is_placed(placed: dict[str, dict[str, str]], name: str) -> None:
    if name == "domestic_bond.sell":
        assert name not in placed
    else:
        assert any("number" in key or "sequence" in key for key in placed[name])


@pytest.mark.parametrize("name", READING)
@pytest.mark.usefixtures("placed")
def test_rows_come_back(kis: Served, name: str) -> None:
    lines, stopped = _run(kis, name, {})
    assert not stopped, stopped
    rows = [json.loads(line) for line in lines]
    assert all(isinstance(row, dict) for row in rows)
    if name in NOTHING_TO_TELL:
        return
    assert rows, "no rows"
    assert any(value not in (None, "") for row in rows for value in row.values()) or name in BLANK


CHANGED = {
    "domestic_stock.order_rvsecncl": {
        "ORGN_ODNO": "order_number",
        "KRX_FWDG_ORD_ORGNO": "krx_forwarding_office_number",
    },
}


def _floor(kis: Served) -> str:
    """The lowest price of the day: an order at it stays open."""
    row = SPEC.endpoint("domestic_stock.inquire_price")
    env = kis.environment("real")
    headers = {
        "authorization": f"Bearer {env['KIS_TOKEN']}",
        "appkey": env["KOREA_INVESTMENT_APP_KEY"],
        "appsecret": env["KOREA_INVESTMENT_APP_SECRET"],
        "tr_id": row.codes["real"] or "",
        "custtype": "P",
    }
    asked = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
    reply = httpx2.get(env["KIS_HOST"] + row.path, params=asked, headers=headers)
    return str(reply.json()["output"]["stck_llam"])


def test_an_open_order_is_cancelled(kis: Served) -> None:
    order = _place(kis, "domestic_stock.order_cash", {"PDNO": "005930", "ORD_UNPR": _floor(kis)})
    values = {upstream: order[ours] for upstream, ours in CHANGED["domestic_stock.order_rvsecncl"].items()}
    lines, stopped = _run(kis, "domestic_stock.order_rvsecncl", {**values, "RVSE_CNCL_DVSN_CD": "02", "ORD_QTY": "3"})
    assert not stopped, stopped
    assert json.loads(lines[0])["order_number"] > order["order_number"]


@pytest.mark.parametrize("name", CHANGING)
def test_a_change_of_no_order_is_understood_and_declined(kis: Served, name: str) -> None:
    """The sheet's sample names an order that is not there: KIS's own refusal, not a fault of the request."""
    _, stopped = _run(kis, name, {})
    assert stopped.startswith("APBK0918"), stopped


def test_every_rest_endpoint_is_run() -> None:
    assert len(REST) == 279
    assert set(PLACING) | set(CHANGING) | set(READING) | set(ALONE) == set(REST)
    assert NOON.date() == TODAY


def test_an_order_without_a_paper_version_stops_unless_armed(kis: Served) -> None:
    example = build("domestic_stock.order_resv", {}, TODAY, "python", "httpx2")
    environment = {**kis.environment("real"), "KIS_REAL_ORDER": ""}
    lines, stopped = run_here(example.code, environment)
    assert (lines, example.recipe.mode) == ([], "real")
    assert "KIS_REAL_ORDER" in stopped


def test_a_token_is_issued() -> None:
    with served() as kis:
        httpx2.post(f"{kis.origin}/__sim__/expire-tokens")
        lines, stopped = _run(kis, "auth.auth_token", {})
        assert not stopped
        assert json.loads(lines[0])["access_token"]


def test_a_token_is_revoked() -> None:
    with served() as kis:
        lines, stopped = _run(kis, "auth.revokep", {})
        assert not stopped
        assert lines
        _, refused = _run(kis, "domestic_stock.inquire_price", {})
        assert "EGW00121" in refused
