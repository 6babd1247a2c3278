"""Every stream is decoded by its sheet; one's own executions are opened; the key's one session is kept and counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dari.app.runtime import Runtime
from dari.core.clock import RunningClock
from dari.core.errors import GrantStale, InvalidInput, Malformed, MissingCredential, NotAllowed, Refused, WrongMode
from dari.core.exchange import Call, Grant
from dari.core.live import Answered, Beat, Ended, Pushed, Topic
from dari.core.provider import Credential
from dari.providers.kis.dialect import Hosts, KisDialect
from dari.providers.kis.dialect.frames import KisFrames
from dari.providers.kis.spec import SPEC
from dari.settings import resolve
from tests.support import MORNING, Asker, settings
from tests.unit.kis_trade.trading import FREE, done, simulator_of

STREAMS = [row for row in SPEC if row.transport == "websocket"]


@asynccontextmanager
async def running(folder: Path, **more: str) -> AsyncIterator[Asker]:
    """A server whose clock runs: heartbeats and pushes need real seconds."""
    told = {**FREE, "KIS_MODE": "paper", "DARI_ORDER_ACCOUNT": "60005678-01", **more}
    found = resolve(environment=settings(folder, **told), home=folder)
    async with Runtime(found, simulated=True, clock=RunningClock(MORNING)) as runtime:
        _, dispatch = runtime.server("kis-trade")
        asker = Asker(runtime, dispatch, None)  # type: ignore[arg-type]  # nobody moves this clock by hand
        simulator_of(asker).streams.interval = 0.02
        yield asker


def keys(row: Any) -> str:
    """A key under which the simulated world trades something of this stream."""
    samples = {
        "domestic_bond": "KR2033022D33",
        "elw": "510A00",
        "etfetn": "005930",
        "overseas_futureoption": "ESZ26",
        "overseas_stock": "RNASAAPL" if row.id == "overseas_stock.asking_price" else "DNASAAPL",
    }
    if row.id == "domestic_bond.bond_index_ccnl":
        return "국고채 3년"
    if row.category == "domestic_futureoption":
        return "201W12350" if "option" in row.id else "101W12"
    if row.id.startswith("domestic_stock.index_"):
        return "0001"
    return samples.get(row.category, "005930")


async def test_every_market_stream_delivers_decoded_records(tmp_path: Path) -> None:
    silent = []
    async with running(tmp_path) as trade:
        for row in STREAMS:
            if row.wire["encrypted"]:
                continue
            told = await trade.answer(
                "collect_realtime", kind=row.id, symbols=[keys(row)], seconds=2, limit=2, columns=["all"]
            )
            table = told["tables"][row.id]
            if not table["rows"]:
                silent.append(row.id)
            assert len(table["columns"]) == 3 + len(row.blocks[0].fields)
    assert silent == []


async def test_prices_are_the_quotes(tmp_path: Path) -> None:
    async with running(tmp_path) as trade:
        told = await trade.answer("collect_realtime", symbols=["005930", "000660"], seconds=2, limit=6)
        table = told["tables"]["domestic_stock.ccnl_krx"]
        place = table["columns"].index("price")
        assert {row[1] for row in table["rows"]} == {"005930", "000660"}
        assert told["simulated"] is True
        for code in ("005930", "000660"):
            numbers = [row[2] for row in table["rows"] if row[1] == code]
            assert numbers == list(range(1, len(numbers) + 1))
            assert all(isinstance(row[place], int) for row in table["rows"])


async def test_own_executions_are_opened_and_hide_the_account(tmp_path: Path) -> None:
    async with running(tmp_path) as trade:
        watching = asyncio.ensure_future(trade.answer("collect_realtime", kind="notice", seconds=8, limit=2))
        await asyncio.sleep(0.5)
        found = await done(trade, "plan_order", side="buy", symbol="005930", quantity=1)
        told = await watching
        table = told["tables"]["domestic_stock.ccnl_notice"]
        row = dict(zip(table["columns"], table["rows"][0], strict=True))
        assert row["order_number"] == found["order_number"]
        assert row["account_number"].startswith("****")
        assert told["provenance"][0]["mode"] == "paper"


async def test_columns_to_come_are_tolerated(tmp_path: Path) -> None:
    async with running(tmp_path) as trade:
        simulator_of(trade).faults.set({"stream_extra_columns": 3})
        told = await trade.answer("collect_realtime", symbols=["005930"], seconds=2, limit=3)
        assert len(told["tables"]["domestic_stock.ccnl_krx"]["rows"]) == 3


async def test_a_session_that_breaks_is_opened_again_and_the_gap_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as trade:
        simulator_of(trade).streams.interval = 0.2
        watching = asyncio.ensure_future(trade.answer("collect_realtime", symbols=["005930"], seconds=3, limit=2000))
        await asyncio.sleep(0.4)
        simulator_of(trade).faults.set({"stream_drop": 1})
        told = await watching
        assert any("nothing could be received" in one["reason"] for one in told["gaps"])
        assert simulator_of(trade).streams.opened == 2
        assert len(told["tables"]["domestic_stock.ccnl_krx"]["rows"]) > 5


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"symbols": []}, "invalid_input"),
        ({"symbols": ["005930"], "kind": "tick"}, "invalid_input"),
        ({"symbols": ["005930"], "kind": "domestic_stock.inquire_price"}, "invalid_input"),
        ({"symbols": ["0001"], "kind": "book"}, "invalid_input"),
        ({"symbols": ["005930"], "columns": ["colour"]}, "invalid_input"),
        ({"symbols": [f"{number:06}" for number in range(42)]}, "invalid_input"),
        ({"kind": "overseas_futureoption.ccnl_notice"}, "wrong_mode"),
    ],
)
async def test_what_cannot_be_watched_is_refused(tmp_path: Path, arguments: dict[str, Any], error: str) -> None:
    async with running(tmp_path) as trade:
        assert (await trade.outcome("collect_realtime", **{"seconds": 1, **arguments})).error == error


# --- frames, without a server ---------------------------------------------------------------------------------------


async def nowhere(*_: Any) -> Any:
    raise AssertionError("nothing is sent here")


def frames(**parts: str) -> KisFrames:
    key = Credential(mode="paper", parts={"appkey": "k", "appsecret": "secret", **parts})
    dialect = KisDialect(
        send=nowhere,
        clock=RunningClock(MORNING),
        credentials={("default", "paper"): key},
        hosts=Hosts.of("http://127.0.0.1:1"),
    )
    return KisFrames(dialect)


GRANT = Grant("approved", MORNING, {"profile": "default", "mode": "paper"})


def test_a_registration_names_the_stream_of_the_mode() -> None:
    spoken = frames(htsid="me")
    (asked,) = spoken.register([Topic("domestic_stock.ccnl_notice")], GRANT)
    told = json.loads(asked.text)
    assert told["body"]["input"] == {"tr_id": "H0STCNI9", "tr_key": "me"}
    assert (told["header"]["approval_key"], told["header"]["tr_type"]) == ("approved", "1")
    (removed,) = spoken.remove([Topic("domestic_stock.ccnl_notice")], GRANT)
    assert json.loads(removed.text)["header"]["tr_type"] == "2"
    with pytest.raises(MissingCredential):
        frames().register([Topic("domestic_stock.ccnl_notice")], GRANT)
    with pytest.raises(MissingCredential):
        spoken.register([Topic("domestic_stock.ccnl_krx", "005930")], None)
    with pytest.raises(WrongMode) as caught:
        spoken.register([Topic("domestic_stock.member_krx", "005930")], GRANT)
    assert "domestic_stock.ccnl_krx" in caught.value.details["paper_can"]
    assert (spoken.opening(GRANT), spoken.budget, spoken.url("paper")) == (None, 41, "ws://127.0.0.1:1/ws/paper")
    with pytest.raises(InvalidInput):
        spoken.question(Call(SPEC.endpoint("domestic_stock.ccnl_krx"), {}))


def reply(code: str, tr_id: str = "H0STCNT0") -> str:
    return json.dumps({"header": {"tr_id": tr_id, "tr_key": "005930"}, "body": {"rt_cd": "1", "msg_cd": code}})


def test_replies_are_judged() -> None:
    spoken = frames()
    beat = json.dumps({"header": {"tr_id": "PINGPONG", "datetime": "20261120103000"}})
    assert spoken.read(beat, MORNING) == Beat(beat)
    for code in ("OPSP0000", "OPSP0001", "OPSP0002", "OPSP0003"):
        assert spoken.read(reply(code), MORNING) == Answered("H0STCNT0 005930", {"rt_cd": "1", "msg_cd": code}, None)
    stale = spoken.read(reply("OPSP0011"), MORNING)
    assert isinstance(stale, Answered)
    assert isinstance(stale.error, GrantStale)
    over = spoken.read(reply("OPSP0008"), MORNING)
    assert isinstance(over, Answered)
    assert isinstance(over.error, Refused)
    elsewhere = spoken.read(reply("OPSP8996"), MORNING)
    assert isinstance(elsewhere, Ended)
    assert (isinstance(elsewhere.error, NotAllowed), elsewhere.again) == (True, False)
    nameless = spoken.read(reply("OPSP8997", "(null)"), MORNING)
    assert isinstance(nameless, Ended)


@pytest.mark.parametrize(
    "frame",
    ["{", "[]", '{"header": {}}', "0|H0STCNT0|001", "0|H0STCNT0|x|1^2", "0|H0STCNT0|001|1^2", "1|H0STCNI9|001|AAAA",
     "0|FHKST01010100|001|1"],
)  # fmt: skip
def test_nonsense_is_called_so(frame: str) -> None:
    with pytest.raises(Malformed):
        frames().read(frame, MORNING)


def test_several_records_stand_in_one_frame() -> None:
    row = SPEC.endpoint("domestic_stock.ccnl_krx")
    width = len(row.blocks[0].fields)
    one = ["005930", *map(str, range(1, width))]
    meaning = frames().read("0|H0STCNT0|002|" + "^".join([*one, "new", *one, "new"]), MORNING)
    assert isinstance(meaning, Pushed)
    assert len(meaning.ticks) == 2
    assert all(tick.topic == Topic(row.id, "005930") and len(tick.values) == width for tick in meaning.ticks)


def test_a_record_that_names_no_issue_belongs_to_the_only_one_watched() -> None:
    row = SPEC.endpoint("domestic_stock.market_status_total")
    spoken = frames()
    spoken._watched[row.id].add("005930")
    meaning = spoken.read("0|H0UNMKO0|001|" + "^".join(["N"] * len(row.blocks[0].fields)), MORNING)
    assert isinstance(meaning, Pushed)
    assert meaning.ticks[0].topic.item == "005930"
