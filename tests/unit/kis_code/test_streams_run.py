"""Every websocket example receives a record and decodes it, in Python; a few in JavaScript."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx2
import pytest

from dari.providers.kis.examples import build
from dari.providers.kis.spec import SPEC
from scripts.provision import node_tools
from tests.unit.kis_code.serving import Served, run_here, served

TODAY = date(2026, 11, 20)
STREAMS = [row.id for row in SPEC if row.transport == "websocket" and not row.wire["rest"]]
MARKET = [name for name in STREAMS if not SPEC.endpoint(name).wire["encrypted"]]
NOTICES = [name for name in STREAMS if SPEC.endpoint(name).wire["encrypted"]]
NODE = (str((node_tools() or ("node",))[0]), "--experimental-websocket", "--no-warnings")
"""Node 20 has its WebSocket behind a flag; 22 takes the flag and needs it not."""
KEYS = {"elw": "510A00", "domestic_bond": "KR2033022D33", "overseas_futureoption": "ESZ26"}
BLANK = frozenset({"domestic_stock.market_status_total"})
"""Streams whose fields the simulator leaves empty."""


@pytest.fixture(scope="module")
def kis() -> Iterator[Served]:
    with served() as one:
        yield one


def key_of(name: str) -> str:
    """An issue that trades in the simulated world."""
    row = SPEC.endpoint(name)
    if row.category == "overseas_stock":
        return "DHKS00700" if "asia" in name else "DNASAAPL"
    if row.category == "domestic_futureoption":
        return "201W12350" if "option" in name else "101W12"
    return "0001" if ".index_" in name else KEYS.get(row.category, "005930")


def environment(kis: Served, name: str, mode: str) -> dict[str, str]:
    return {**kis.environment(mode), "KIS_TR_KEY": key_of(name)}


@pytest.mark.parametrize("name", MARKET)
def test_a_record_arrives(kis: Served, name: str) -> None:
    example = build(name, {}, TODAY, "python", "httpx2")
    lines, stopped = run_here(example.code, environment(kis, name, example.recipe.mode))
    assert not stopped, stopped
    row = json.loads(lines[0])
    assert len(row) == len({one.english or one.name.lower() for one in SPEC.endpoint(name).blocks[0].fields})
    assert any(value not in (None, "") for value in row.values()) or name in BLANK


def test_every_stream_is_run() -> None:
    assert len(MARKET) + len(NOTICES) == 60  # the portal lists one more, which is asked over REST: its sheet says how
    assert [one[0] for one in OWN] == NOTICES


STOCK = {"PDNO": "005930", "ORD_DVSN": "01", "ORD_QTY": "1", "ORD_UNPR": "0"}
ABROAD = {"OVRS_EXCG_CD": "NASD", "PDNO": "AAPL", "ORD_QTY": "1", "OVRS_ORD_UNPR": "999", "ORD_DVSN": "00"}
FUTURE = {
    "ORD_PRCS_DVSN_CD": "02",
    "SLL_BUY_DVSN_CD": "02",
    "SHTN_PDNO": "101W12",
    "ORD_QTY": "1",
    "UNIT_PRICE": "0",
    "ORD_DVSN_CD": "02",
}
OVERSEAS_FUTURE = {
    "OVRS_FUTR_FX_PDNO": "ESZ26",
    "SLL_BUY_DVSN_CD": "02",
    "PRIC_DVSN_CD": "2",
    "FM_ORD_QTY": "1",
    "CCLD_CNDT_CD": "2",
    "CPLX_ORD_DVSN_CD": "0",
}
OWN = [
    ("domestic_stock.ccnl_notice", "domestic_stock.order_cash", "VTTC0012U", STOCK),
    ("domestic_futureoption.fuopt_ccnl_notice", "domestic_futureoption.order", "VTTO1101U", FUTURE),
    ("domestic_futureoption.krx_ngt_option_notice", "domestic_futureoption.order", "STTN1101U", FUTURE),
    ("domestic_futureoption.krx_ngt_futures_ccnl_notice", "domestic_futureoption.order", "STTN1101U", FUTURE),
    ("overseas_stock.ccnl_notice", "overseas_stock.order", "VTTT1002U", ABROAD),
    ("overseas_futureoption.order_notice", "overseas_futureoption.order", "OTFM3001U", OVERSEAS_FUTURE),
    ("overseas_futureoption.ccnl_notice", "overseas_futureoption.order", "OTFM3001U", OVERSEAS_FUTURE),
]


@pytest.mark.parametrize(("notice", "order", "tr_id", "values"), OWN, ids=[one[0] for one in OWN])
def test_a_notice_of_an_own_order_is_opened(  # noqa: PLR0917 -- one row of the table above
    kis: Served, tmp_path: Path, notice: str, order: str, tr_id: str, values: dict[str, str]
) -> None:
    example = build(notice, {}, TODAY, "python", "httpx2")
    file = tmp_path / example.file
    file.write_text(example.code, encoding="utf-8")
    mode = example.recipe.mode
    env = {**os.environ, **kis.environment(mode)}
    with subprocess.Popen([sys.executable, str(file)], env=env, stdout=subprocess.PIPE, text=True) as running:
        try:
            for _ in range(100):  # an order before the registration is not told: one is sent until one is
                _order(kis, order, tr_id, values, mode)
                if running.poll() is not None:
                    break
                time.sleep(0.2)
            told, _ = running.communicate(timeout=5)
        finally:
            running.kill()
    assert running.returncode == 0
    row = json.loads(told.splitlines()[0])
    assert any(name.endswith("order_number") and value for name, value in row.items())


def _order(kis: Served, order: str, tr_id: str, values: dict[str, str], mode: str) -> None:
    row, env = SPEC.endpoint(order), kis.environment(mode)
    account, product = env["KIS_ACCOUNT"], {"domestic_futureoption": "03", "overseas_futureoption": "08"}
    body = {one.name: one.fixed or "" for one in row.parameters if one.required}
    body |= {"CANO": account, "ACNT_PRDT_CD": product.get(row.category, "01"), **values}
    keys = [value for name, value in env.items() if name.startswith("KOREA_INVESTMENT")]
    headers = {
        "authorization": f"Bearer {env['KIS_TOKEN']}",
        "appkey": keys[0],
        "appsecret": keys[1],
        "tr_id": tr_id,
        "custtype": "P",
    }
    reply = httpx2.post(env["KIS_HOST"] + row.path, json=body, headers=headers)
    assert reply.json()["rt_cd"] == "0", reply.text


@pytest.mark.parametrize(
    "name", ["domestic_stock.ccnl_krx", "domestic_stock.index_ccnl", "overseas_stock.delayed_ccnl"]
)
@pytest.mark.needs("node")
def test_a_record_arrives_in_javascript(kis: Served, name: str, tmp_path: Path) -> None:
    example = build(name, {}, TODAY, "javascript", "httpx2")
    file = tmp_path / example.file
    file.write_text(example.code, encoding="utf-8")
    env = {**os.environ, **environment(kis, name, example.recipe.mode)}
    done = subprocess.run([*NODE, str(file)], env=env, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])
