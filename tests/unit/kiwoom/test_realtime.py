"""Realtime as tools: bounded, ordered, every type decoded, gaps said; and the screens saved in the HTS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import pytest

from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools.realtime import WITHOUT_ITEM, Kind
from dari.serving.dispatch import Outcome
from tests.unit.kiwoom.doubles import Rig
from tests.unit.kiwoom.pushing import PushingKiwoom

TYPES = [one for one in get_args(Kind) if one != "screen"]


@asynccontextmanager
async def pushed(folder: Path, **more: Any) -> AsyncIterator[tuple[Rig, PushingKiwoom]]:
    server = PushingKiwoom(**more)
    rig = Rig(folder, pushing=server)
    yield rig, server
    await rig.client.close()


async def collected(rig: Rig, server: PushingKiwoom, push: Callable[[], None], **query: Any) -> Outcome:
    """What is collected while `push` pushes, once everything is registered."""
    asking = asyncio.ensure_future(rig.outcome("collect_realtime", **{"seconds": 0.3, **query}))
    async with asyncio.timeout(3):
        while not any(server.frames(name) for name in ("REG", "CNSRREQ")) and not asking.done():  # noqa: ASYNC110 -- a double tells nobody
            await asyncio.sleep(0.005)
    if not asking.done():
        push()
    return await asking


async def test_trades_come_in_order_with_their_numbers_and_units(tmp_path: Path) -> None:
    async with pushed(tmp_path, simulated=True) as (rig, server):

        def push() -> None:
            for price in ("-70100", "+70200"):
                server.push("0B", "005930", f10=price, f11="-800", f20="120001", f14="5", f15="-3")

        outcome = await collected(rig, server, push, items=["005930"])
    told = outcome.structured
    assert outcome.error is None, outcome.text
    assert told["data"]["columns"][:5] == ["at", "item", "number", "trade_time", "price"]
    assert [row[1:7] for row in told["data"]["rows"]] == [
        ["005930", 1, "12:00:01", 70100, -800, None],
        ["005930", 2, "12:00:01", 70200, -800, None],
    ]
    assert told["simulated"] is True
    assert [line["endpoint"] for line in told["provenance"]] == ["0B"]
    assert told["data"]["venue"] == "KRX"


@pytest.mark.parametrize("kind", TYPES)
async def test_every_type_is_decoded_by_its_sheet(tmp_path: Path, kind: str) -> None:
    fields = SPEC.endpoint(kind).blocks[0].fields
    values = {f"f{one.name}": next(iter(one.codes), "12") for one in fields}
    item = "" if kind in WITHOUT_ITEM else "005930"
    async with pushed(tmp_path) as (rig, server):
        query = {
            "kind": kind,
            "items": [item] if item else [],
            "fields": [one.english for one in fields][:40],
            "limit": 1,
        }
        outcome = await collected(rig, server, lambda: server.push(kind, item, **values), **query)
    assert outcome.error is None, outcome.text
    (row,) = outcome.structured["data"]["rows"]
    assert all(value is not None for value in row)
    assert "is_sample" not in outcome.structured


async def test_a_limit_ends_it_early_and_says_so(tmp_path: Path) -> None:
    async with pushed(tmp_path) as (rig, server):

        def push() -> None:
            for _ in range(5):
                server.push("0B", "005930", f10="1")

        outcome = await collected(rig, server, push, items=["005930"], limit=3, seconds=30)
    data = outcome.structured["data"]
    assert (data["count"], data["truncated"]) == (3, True)


async def test_a_cut_is_a_gap(tmp_path: Path) -> None:
    async with pushed(tmp_path) as (rig, server):

        def push() -> None:
            server.link.to_client.put_nowait("nonsense")

        outcome = await collected(rig, server, push, items=["005930"], seconds=1.5)
    assert "nothing could be received" in outcome.structured["gaps"][0]["reason"]


async def test_a_venue_goes_out_with_the_code_and_is_not_told_back(tmp_path: Path) -> None:
    async with pushed(tmp_path) as (rig, server):
        push = lambda: server.push("0B", "005930_AL", f10="1")  # noqa: E731 -- one line of pushing
        outcome = await collected(rig, server, push, items=["005930"], venue="unified")
    assert server.frames("REG")[0]["data"] == [{"item": ["005930_AL"], "type": ["0B"]}]
    assert outcome.structured["data"]["rows"][0][1] == "005930"
    assert outcome.structured["data"]["venue"] == "unified"


@pytest.mark.parametrize(
    ("query", "said"),
    [({"kind": "0B"}, "watched for items"), ({"items": ["005930"], "fields": ["nope"]}, "no field of 0B")],
)
async def test_a_question_that_cannot_be_answered_is_refused(tmp_path: Path, query: dict[str, Any], said: str) -> None:
    async with pushed(tmp_path) as (rig, server):
        outcome = await collected(rig, server, lambda: None, **query)
    assert outcome.error == "invalid_input"
    assert said in outcome.structured["error"]
    assert server.links == []


async def test_hits_of_a_live_screen(tmp_path: Path) -> None:
    async with pushed(tmp_path) as (rig, server):
        push = lambda: server.push("02", "005930", f841="4", f9001="005930", f843="I", f20="120000")  # noqa: E731 -- one line of pushing
        outcome = await collected(rig, server, push, kind="screen", items=["4"])
    data = outcome.structured["data"]
    row = dict(zip(data["columns"], data["rows"][0], strict=True))
    assert (row["item"], row["code"], row["insert_or_delete"]) == ("4", "005930", "I")


async def test_screens_are_listed_and_run_with_all_their_pages(tmp_path: Path) -> None:
    async with pushed(tmp_path) as (rig, server):
        listed = await rig.answer("list_conditions")
        found = await rig.answer("run_condition", seq="4")
    assert listed["data"]["rows"] == [["0", "골든크로스"], ["4", "급등"]]
    assert [row[:3] for row in found["data"]["rows"]] == [["005930", "이름", 70100], ["000660", "이름", 70100]]
    names = [frame["trnm"] for frame in server.link.sent]
    assert names.index("CNSRLST") < names.index("CNSRREQ")


async def test_the_holder_of_the_session_is_named(tmp_path: Path) -> None:
    async with pushed(tmp_path) as (rig, server):
        name = rig.dialect.key_name("default", "paper")
        value = {"holder": "process 7 on there", "since": "now"}
        await rig.client.state.put(f"live {name}", value, seconds=60.0)
        outcome = await rig.outcome("collect_realtime", items=["005930"])
    assert outcome.error == "not_allowed"
    assert "process 7 on there" in outcome.structured["error"]
    assert server.links == []


async def test_a_client_without_pushes_says_so(tmp_path: Path) -> None:
    assert (await Rig(tmp_path).outcome("collect_realtime", items=["005930"])).error == "not_found"
