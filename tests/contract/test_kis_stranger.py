"""A client that knows nothing of ours passes the KIS simulator: plain httpx2 and websockets, by KIS's documentation.

Nothing of `dari.providers` is imported here. Where the facts are given (DARI_FACTS), every reading API is walked from
them alone: path, tr_id, parameters with their samples and codes; the reply must carry the fields they tell.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from websockets.asyncio.client import ClientConnection, connect

from dari.app.simulators import kis_simulator
from dari.core.clock import KST, ManualClock, RunningClock
from dari.serving.mcp_door import listening
from tests.contract.facts import facts_file, needs

NOON = datetime(2026, 11, 20, 11, 0, tzinfo=KST)
KEY = "PSsimulatedRealKey000000000000000001"
SECRET = hashlib.shake_256(KEY.encode()).hexdigest(90)
"""The simulator's key for everybody, as `dari simulate kis` documents it."""
ACCOUNT = {"CANO": "50001234", "ACNT_PRDT_CD": "01"}
FACTS = facts_file("kis_api.json")
SYMBOL = {
    "elw": "510A00", "etfetn": "069500", "domestic_bond": "KR2033022D33", "domestic_futureoption": "101W12",
    "overseas_stock": "AAPL", "overseas_futureoption": "ESZ26",
}  # fmt: skip


class Stranger:
    """What a programmer writes after reading KIS's pages."""

    def __init__(self, http: httpx2.AsyncClient, clock: ManualClock) -> None:
        self.http, self.clock, self.token = http, clock, ""

    async def sign_in(self) -> None:
        body = {"grant_type": "client_credentials", "appkey": KEY, "appsecret": SECRET}
        told = (await self.http.post("/real/oauth2/tokenP", json=body)).json()
        assert told["token_type"] == "Bearer"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", told["access_token_token_expired"])
        self.token = told["access_token"]

    def headers(self, tr_id: str) -> dict[str, str]:
        told = {"authorization": f"Bearer {self.token}", "appkey": KEY, "appsecret": SECRET}
        return {**told, "tr_id": tr_id, "custtype": "P", "content-type": "application/json; charset=utf-8"}

    async def get(self, path: str, tr_id: str, **query: str) -> dict[str, Any]:
        self.clock.advance(1.0)
        reply = await self.http.get(f"/real{path}", params=query, headers=self.headers(tr_id))
        told: dict[str, Any] = reply.json()
        assert (reply.status_code, told["rt_cd"]) == (200, "0"), (path, told)
        return told

    async def post(self, path: str, tr_id: str, **body: str) -> dict[str, Any]:
        self.clock.advance(1.0)
        reply = await self.http.post(f"/real{path}", json=body, headers=self.headers(tr_id))
        told: dict[str, Any] = reply.json()
        assert (reply.status_code, told["rt_cd"]) == (200, "0"), (path, told)
        return told

    async def approval(self) -> str:
        body = {"grant_type": "client_credentials", "appkey": KEY, "secretkey": SECRET}
        told = (await self.http.post("/real/oauth2/Approval", json=body)).json()
        return str(told["approval_key"])


def simulator(clock: ManualClock) -> Any:
    """The simulator, its limits counted by a clock that each call moves on."""
    return kis_simulator(world=RunningClock(NOON, speed=0), seed=3, clock=clock)


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Stranger, str]]:
    """Over loopback."""
    clock = ManualClock(NOON)
    app = simulator(clock)
    async with listening.serving(app) as origin, httpx2.AsyncClient(base_url=origin, timeout=30) as http:
        stranger = Stranger(http, clock)
        await stranger.sign_in()
        yield stranger, origin


@asynccontextmanager
async def in_process() -> AsyncIterator[Stranger]:
    """Without a socket, for many questions."""
    clock = ManualClock(NOON)
    transport = httpx2.ASGITransport(app=simulator(clock))
    async with httpx2.AsyncClient(transport=transport, base_url="http://kis") as http:
        stranger = Stranger(http, clock)
        await stranger.sign_in()
        yield stranger


def test_nothing_of_a_provider_is_imported_here() -> None:
    text = Path(__file__).read_text("utf-8")
    assert not re.search(r"^\s*(from|import) dari\.providers", text, re.MULTILINE)


DOMESTIC = "/uapi/domestic-stock/v1"
QUOTE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}


async def test_a_quote_a_chart_and_a_ranking() -> None:
    async with served() as (one, _):
        now = (await one.get(f"{DOMESTIC}/quotations/inquire-price", "FHKST01010100", **QUOTE))["output"]
        days = {"FID_INPUT_DATE_1": "20261101", "FID_INPUT_DATE_2": "20261120", "FID_PERIOD_DIV_CODE": "D"}
        chart = await one.get(
            f"{DOMESTIC}/quotations/inquire-daily-itemchartprice",
            "FHKST03010100",
            **QUOTE,
            **days,
            FID_ORG_ADJ_PRC="0",
        )
        assert chart["output2"][0]["stck_clpr"] == now["stck_prpr"]
        assert chart["output2"][0]["acml_vol"] == now["acml_vol"]
        asked = {
            "FID_COND_MRKT_DIV_CODE": "J", "FID_COND_SCR_DIV_CODE": "20171", "FID_INPUT_ISCD": "0000",
            "FID_DIV_CLS_CODE": "0", "FID_BLNG_CLS_CODE": "3", "FID_TRGT_CLS_CODE": "111111111",
            "FID_TRGT_EXLS_CLS_CODE": "0000000000", "FID_INPUT_PRICE_1": "", "FID_INPUT_PRICE_2": "",
            "FID_VOL_CNT": "", "FID_INPUT_DATE_1": "",
        }  # fmt: skip
        rows = (await one.get(f"{DOMESTIC}/quotations/volume-rank", "FHPST01710000", **asked))["output"]
        assert len(rows) == 30
        values = [int(row["acml_tr_pbmn"]) for row in rows]
        assert values == sorted(values, reverse=True)


async def test_an_order_is_taken_found_and_cancelled() -> None:
    order = {**ACCOUNT, "PDNO": "005930", "ORD_DVSN": "00", "ORD_QTY": "2"}
    async with served() as (one, _):
        now = (await one.get(f"{DOMESTIC}/quotations/inquire-price", "FHKST01010100", **QUOTE))["output"]
        low = now["stck_llam"]
        told = await one.post(f"{DOMESTIC}/trading/order-cash", "TTTC0012U", **order, ORD_UNPR=low)
        number, branch = told["output"]["ODNO"], told["output"]["KRX_FWDG_ORD_ORGNO"]
        empty = {"CTX_AREA_FK100": "", "CTX_AREA_NK100": "", "INQR_DVSN_1": "0", "INQR_DVSN_2": "0"}
        path = f"{DOMESTIC}/trading/inquire-psbl-rvsecncl"
        rows = (await one.get(path, "TTTC0084R", **ACCOUNT, **empty))["output"]
        assert [(row["odno"], row["psbl_qty"]) for row in rows] == [(number, "2")]
        cancel = {
            **ACCOUNT, "KRX_FWDG_ORD_ORGNO": branch, "ORGN_ODNO": number, "ORD_DVSN": "00", "RVSE_CNCL_DVSN_CD": "02",
            "ORD_QTY": "0", "ORD_UNPR": "0", "QTY_ALL_ORD_YN": "Y",
        }  # fmt: skip
        await one.post(f"{DOMESTIC}/trading/order-rvsecncl", "TTTC0013U", **cancel)
        assert (await one.get(path, "TTTC0084R", **ACCOUNT, **empty))["output"] == []


async def registered(line: ClientConnection, approval: str, tr_id: str, item: str) -> dict[str, Any]:
    header = {"approval_key": approval, "custtype": "P", "tr_type": "1", "content-type": "utf-8"}
    await line.send(json.dumps({"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": item}}}))
    while True:
        text = str(await line.recv())
        if text.startswith("{") and "PINGPONG" not in text:
            told: dict[str, Any] = json.loads(text)
            return told


async def record(line: ClientConnection, tr_id: str) -> tuple[str, list[str]]:
    while True:
        text = str(await line.recv())
        secret, _, rest = text.partition("|")
        if rest.startswith(f"{tr_id}|"):
            return secret, rest.split("|", 2)[2].split("^")


async def test_a_tick_is_the_quote_and_a_notice_opens() -> None:
    async with served() as (one, origin):
        now = (await one.get(f"{DOMESTIC}/quotations/inquire-price", "FHKST01010100", **QUOTE))["output"]
        async with connect(f"{origin.replace('http', 'ws')}/ws/real/tryitout") as line:
            approval = await one.approval()
            told = await registered(line, approval, "H0STCNT0", "005930")
            assert told["body"]["rt_cd"] == "0"
            secret, values = await record(line, "H0STCNT0")
            assert (secret, values[0], values[2]) == ("0", "005930", now["stck_prpr"])
            told = await registered(line, approval, "H0STCNI0", "simuser1")
            key, iv = (told["body"]["output"][name].encode() for name in ("key", "iv"))
            buy = {**ACCOUNT, "PDNO": "005930", "ORD_DVSN": "01", "ORD_QTY": "1", "ORD_UNPR": "0"}
            number = (await one.post(f"{DOMESTIC}/trading/order-cash", "TTTC0012U", **buy))["output"]["ODNO"]
            secret, values = await record(line, "H0STCNI0")
            assert secret == "1"
            opener = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
            plain = opener.update(base64.b64decode(values[0])) + opener.finalize()
            assert plain[: -plain[-1]].decode().split("^")[2] == number


# --- every reading API, from the facts alone --------------------------------------------------------------------------


FIRST_DAYS = re.compile(r"date_1|^(inqr_)?strt_d|^f_dt|^start_date")
LAST_DAYS = re.compile(r"date_2|end_dt|t_dt|bass_dt|trad_dt|end_date|bymd")
SYMBOLS = {"fid_input_iscd", "mksc_shrn_iscd", "sht_cd", "symb", "srs_cd", "pdno"}
WRITTEN = re.compile(r"\b([A-Z]|\d{5})\b|\"(\d)\"")
"""A value that a note gives: W 입력, 시장구분(W), "1" 입력, 화면번호(11510)."""
BLANK = re.compile(r"공란|공백|ctx_area|_nk|_fk")


def value(one: Mapping[str, Any], category: str, division: str) -> str:
    """A parameter, by what the facts say of it: fixed, a code, a day, a symbol, the note, the sample."""
    low, codes, note = one["name"].lower(), one.get("codes") or {}, str(one.get("note", "")).replace("으로", " ")
    known = next(iter(codes.items()), ("", ""))
    code = known[0] if len(known[0]) <= one.get("len", 10) else known[1]  # some tables stand the other way round
    said = WRITTEN.search(note)
    told = (
        (one.get("fixed") is not None, one.get("fixed")),
        (bool(codes), one.get("ex") if one.get("ex") in codes else code),
        (bool(BLANK.search(low + note)), ""),
        (bool(FIRST_DAYS.search(low)), "20261101"),
        (bool(LAST_DAYS.search(low)), "20261120"),
        (low in SYMBOLS, "0001" if division == "U" else SYMBOL.get(category, "005930")),
        (one.get("ex") is not None, one.get("ex")),
        (said is not None, said and (said[1] or said[2])),
    )
    return next((str(value) for fits, value in told if fits), "")


def asked(entry: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of an entry; `EXCD_01 ~ 10` is one of ten."""
    query: dict[str, str] = {}
    for one in entry["request"]["params"]:
        division = next((told for name, told in query.items() if name.lower() == "fid_cond_mrkt_div_code"), "")
        name = one["name"].partition(" ~")[0]
        told = value(one, entry["category"], division)
        query[name] = told or ("AAPL" if name == "SYMB_01" else "")
    return query


@needs(FACTS)
async def test_every_market_reading_answers_a_client_that_read_only_the_facts() -> None:
    entries = json.loads(FACTS.read_text("utf-8"))["entries"]
    reads = [one for one in entries if one["transport"] == "rest" and one["access"] == "market"]
    failed: dict[str, str] = {}
    fields: Counter[str] = Counter()
    async with in_process() as one:
        for entry in reads:
            one.clock.advance(1.0)
            place = "params" if entry["method"] == "GET" else "json"
            headers = one.headers(entry["tr_id"]["real"])
            asking: dict[str, Any] = {place: asked(entry), "headers": headers}
            told = (await one.http.request(entry["method"], f"/real{entry['path']}", **asking)).json()
            if told.get("rt_cd") != "0":
                failed[entry["id"]] = f"{told.get('msg_cd')} {told.get('msg1')}"
                continue
            for block in entry["response"]["blocks"]:
                rows = told.get(block["name"] or "output")
                row = rows[0] if isinstance(rows, list) and rows else rows
                if isinstance(row, dict):
                    fields["told"] += len(block["fields"])
                    fields["missing"] += sum(field["name"] not in row for field in block["fields"])
    assert not failed, json.dumps(failed, ensure_ascii=False)
    assert fields["told"] > 3_500
    assert fields["missing"] == 0
