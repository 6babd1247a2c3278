"""The websocket side, driven without a network."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from dari.providers.kis.simulator import PAPER, REAL, Key, Simulator
from dari.providers.kis.simulator.oauth import approval_of
from dari.providers.kis.spec import SPEC
from dari.worlds.market import Market
from tests.unit.kis_simulator.client import NOON, Client

STREAMS = [one.id for one in SPEC if one.transport == "websocket" and not one.wire["encrypted"]]


class Socket:
    """The far side of one ASGI websocket."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def text(self) -> str:
        while True:
            message = await asyncio.wait_for(self.outbox.get(), 5)
            if message["type"] == "websocket.send":
                return str(message["text"])
            if message["type"] == "websocket.close":
                raise ConnectionError("closed")

    async def until_closed(self) -> None:
        """Read on; ends only with ConnectionError."""
        while True:
            await self.text()

    async def answer(self) -> dict[str, Any]:
        """The next message that is not data."""
        while True:
            text = await self.text()
            if text.startswith("{") and "PINGPONG" not in text:
                return dict(json.loads(text))

    async def frame(self) -> list[str]:
        """[encrypted, tr_id, count, data] of the next data frame."""
        while True:
            text = await self.text()
            if not text.startswith("{"):
                return text.split("|", 3)

    async def register(
        self, tr_id: str, tr_key: str, *, key: Key = REAL, tr_type: str = "1", **header: str
    ) -> dict[str, Any]:
        told = {
            "approval_key": approval_of(key),
            "custtype": "P",
            "tr_type": tr_type,
            "content-type": "utf-8",
            **header,
        }
        message = {"header": told, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}}
        await self.inbox.put({"type": "websocket.receive", "text": json.dumps(message)})
        return await self.answer()


@asynccontextmanager
async def connected(simulator: Simulator, mode: str = "real") -> AsyncIterator[Socket]:
    simulator.streams.interval = 0.01
    socket = Socket()
    await socket.inbox.put({"type": "websocket.connect"})
    scope = {
        "type": "websocket",
        "path": f"/ws/{mode}/tryitout",
        "headers": [],
        "query_string": b"",
        "subprotocols": [],
    }
    run = asyncio.create_task(simulator(scope, socket.inbox.get, socket.outbox.put))  # type: ignore[arg-type] # dicts are messages
    try:
        assert (await asyncio.wait_for(socket.outbox.get(), 5))["type"] == "websocket.accept"
        yield socket
    finally:
        await socket.inbox.put({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(run, 5)


def key_for(name: str) -> str:
    sheet = SPEC.endpoint(name)
    if sheet.category == "overseas_stock":
        return "DHKS00700" if "asia" in name else "DNASAAPL"
    table = {"elw": "510A00", "domestic_bond": "KR2033022D33", "overseas_futureoption": "ESZ26"}
    if sheet.category == "domestic_futureoption":
        return "201W12350" if "option" in name else "101W12"
    if ".index_" in name:
        return "0001"
    return table.get(sheet.category, "005930")


@pytest.mark.parametrize("name", STREAMS)
async def test_every_market_stream_delivers_records_of_its_sheets_width(simulator: Simulator, name: str) -> None:
    sheet = SPEC.endpoint(name)
    tr_id = sheet.codes["real"] or ""
    async with connected(simulator) as socket:
        reply = await socket.register(tr_id, key_for(name))
        assert (reply["body"]["rt_cd"], reply["body"]["msg_cd"]) == ("0", "OPSP0000")
        secret, told, count, data = await socket.frame()
        assert (secret, told) == ("0", tr_id)
        fields = len(sheet.blocks[0].fields)
        assert len(data.split("^")) == fields * int(count)


async def test_a_trade_is_what_the_board_shows(simulator: Simulator, market: Market) -> None:
    fields = [one.name for one in SPEC.endpoint("domestic_stock.ccnl_krx").blocks[0].fields]
    async with connected(simulator) as socket:
        await socket.register("H0STCNT0", "005930")
        counts = set()
        for _ in range(8):
            _, _, count, data = await socket.frame()
            counts.add(int(count))
            values = data.split("^")
            last = dict(zip(fields, values[-len(fields) :], strict=True))
            quote = market.quote("005930", NOON)
            assert int(last["STCK_PRPR"]) == quote.price
            assert int(last["ACML_VOL"]) == quote.volume
            assert int(last["ACML_TR_PBMN"]) == quote.value
            times = values[fields.index("STCK_CNTG_HOUR") :: len(fields)]
            assert times == sorted(times)
    assert max(counts) > 1


def decrypted(data: str, secret: dict[str, str]) -> str:
    cipher = Cipher(algorithms.AES(secret["key"].encode()), modes.CBC(secret["iv"].encode())).decryptor()
    plain = cipher.update(base64.b64decode(data)) + cipher.finalize()
    return plain[: -plain[-1]].decode()


NOTICES = [
    ("H0STCNI0", "domestic_stock.ccnl_notice", "domestic_stock.order_cash", "TTTC0012U", "01"),
    ("H0GSCNI0", "overseas_stock.ccnl_notice", "overseas_stock.order", "TTTT1002U", "01"),
    ("H0IFCNI0", "domestic_futureoption.fuopt_ccnl_notice", "domestic_futureoption.order", "TTTO1101U", "03"),
    ("H0MFCNI0", "domestic_futureoption.krx_ngt_futures_ccnl_notice", "domestic_futureoption.order", "STTN1101U", "03"),
    ("H0EUCNI0", "domestic_futureoption.krx_ngt_option_notice", "domestic_futureoption.order", "STTN1101U", "03"),
    ("HDFFF1C0", "overseas_futureoption.order_notice", "overseas_futureoption.order", "OTFM3001U", "08"),
    ("HDFFF2C0", "overseas_futureoption.ccnl_notice", "overseas_futureoption.order", "OTFM3001U", "08"),
]
ORDERS = {
    "domestic_stock.order_cash": {"PDNO": "005930", "ORD_DVSN": "01", "ORD_QTY": "1", "ORD_UNPR": "0"},
    "overseas_stock.order": {
        "OVRS_EXCG_CD": "NASD",
        "PDNO": "AAPL",
        "ORD_QTY": "1",
        "OVRS_ORD_UNPR": "999",
        "ORD_DVSN": "00",
    },
    "domestic_futureoption.order": {
        "ORD_PRCS_DVSN_CD": "02",
        "SLL_BUY_DVSN_CD": "02",
        "SHTN_PDNO": "101W12",
        "ORD_QTY": "1",
        "UNIT_PRICE": "0",
        "ORD_DVSN_CD": "02",
    },
    "overseas_futureoption.order": {
        "OVRS_FUTR_FX_PDNO": "ESZ26",
        "SLL_BUY_DVSN_CD": "02",
        "PRIC_DVSN_CD": "2",
        "FM_ORD_QTY": "1",
        "CCLD_CNDT_CD": "2",
        "CPLX_ORD_DVSN_CD": "0",
    },
}


@pytest.mark.parametrize(("tr_id", "notice", "order", "order_tr", "product"), NOTICES)
async def test_own_executions_come_encrypted(  # noqa: PLR0917 - one row of the table above
    client: Client, tr_id: str, notice: str, order: str, order_tr: str, product: str
) -> None:
    sheet, stream = SPEC.endpoint(order), SPEC.endpoint(notice)
    async with connected(client.simulator) as socket:
        secret = (await socket.register(tr_id, "myhtsid"))["body"]["output"]
        body = {one.name: one.fixed or "" for one in sheet.parameters if one.required}
        body |= {"CANO": "50001234", "ACNT_PRDT_CD": product, **ORDERS[order]}
        reply = await client.http.post(f"/real{sheet.path}", json=body, headers=client.headers(order_tr))
        assert reply.json()["rt_cd"] == "0", reply.text
        number = {name.lower(): value for name, value in reply.json()["output"].items()}["odno"]
        names = [one.name for one in stream.blocks[0].fields]
        both = "FFF" not in tr_id
        seen = []
        for _ in range(2 if both else 1):
            flag, told, count, data = await socket.frame()
            assert (flag, told, count) == ("1", tr_id, "001")
            record = dict(zip(names, decrypted(data, secret).split("^"), strict=True))
            assert number in {record.get("ODER_NO"), record.get("ODNO")}
            seen.append(record.get("CNTG_YN"))
        assert seen == (["1", "2"] if both else [None])


async def test_paper_has_its_own_notice(client: Client) -> None:
    async with connected(client.simulator, "paper") as socket:
        assert (await socket.register("H0STCNI9", "id", key=PAPER))["body"]["rt_cd"] == "0"
        assert (await socket.register("H0STCNI0", "id", key=PAPER))["body"]["msg_cd"] == "OPSP8991"


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda socket: socket.register("H0STCNT0", "005930", approval_key="x"), "OPSP0011"),
        (lambda socket: socket.register("H0STCNT0", "005930", key=PAPER), "OPSP0010"),
        (lambda socket: socket.register("H0NOTHIN", "005930"), "OPSP8991"),
        (lambda socket: socket.register("FHKST01010100", "005930"), "OPSP8991"),
        (lambda socket: socket.register("H0STCNT0", "999999"), "OPSP8992"),
        (lambda socket: socket.register("H0STCNT0", "005930", tr_type="9"), "OPSP8997"),
        (lambda socket: socket.register("H0STCNT0", "005930", custtype="X"), "OPSP8998"),
        (lambda socket: socket.register("H0STCNT0", "005930", tr_type="2"), "OPSP0003"),
    ],
)
async def test_declined_registrations(simulator: Simulator, ask: Callable[[Socket], Any], code: str) -> None:
    async with connected(simulator) as socket:
        body = (await ask(socket))["body"]
        assert (body["rt_cd"], body["msg_cd"]) == ("1", code)


async def test_forty_one_registrations_and_no_more(simulator: Simulator, market: Market) -> None:
    simulator.streams.interval = 60
    async with connected(simulator) as socket:
        simulator.streams.interval = 60
        codes = [issue.code for issue in market.issues[:42]]
        replies = [(await socket.register("H0STCNT0", code))["body"]["msg_cd"] for code in codes]
        assert replies == ["OPSP0000"] * 41 + ["OPSP0008"]
        assert (await socket.register("H0STCNT0", codes[0]))["body"]["msg_cd"] == "OPSP0002"
        assert (await socket.register("H0STCNT0", codes[0], tr_type="2"))["body"]["msg_cd"] == "OPSP0001"
        assert (await socket.register("H0STCNT0", codes[41]))["body"]["msg_cd"] == "OPSP0000"


async def test_one_session_a_key(simulator: Simulator) -> None:
    async with connected(simulator) as first:
        await first.register("H0STCNT0", "005930")
        async with connected(simulator) as second:
            assert (await second.register("H0STCNT0", "000660"))["body"]["msg_cd"] == "OPSP8996"
    async with connected(simulator) as third:
        assert (await third.register("H0STCNT0", "005930"))["body"]["msg_cd"] == "OPSP0000"


async def test_pingpong_extra_columns_and_a_dropped_connection(simulator: Simulator) -> None:
    simulator.streams.heartbeat = 0.01
    simulator.faults.stream_extra_columns = 3
    async with connected(simulator) as socket:
        await socket.register("H0STASP0", "005930")
        _, _, _, data = await socket.frame()
        assert len(data.split("^")) == len(SPEC.endpoint("domestic_stock.asking_price_krx").blocks[0].fields) + 3
        while "PINGPONG" not in (text := await socket.text()):
            pass
        await socket.inbox.put({"type": "websocket.receive", "text": text})
        await asyncio.sleep(0.05)
        assert simulator.streams.pongs == 1
        simulator.faults.stream_drop = 1
        with pytest.raises(ConnectionError):
            await socket.until_closed()
