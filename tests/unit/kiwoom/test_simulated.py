"""The whole way over the simulator, which knows the facts and nothing of us: where we differ, one of us is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import pytest

from dari.app.simulators import market_of
from dari.core.clock import Clock, ManualClock, RunningClock, SystemClock
from dari.core.endpoint import Effect, Endpoint
from dari.core.errors import InvalidInput, NotAllowed, NotFound, Refused, WrongMode
from dari.core.events import Events
from dari.core.exchange import Call
from dari.core.live import Cut, Tick, Topic
from dari.core.provider import Credential
from dari.core.shared_state import FileState
from dari.providers.kis.models import rows as kis_rows
from dari.providers.kiwoom.dialect import Hosts, KiwoomDialect, QuotasInFiles
from dari.providers.kiwoom.live import KiwoomFrames
from dari.providers.kiwoom.models import head, table
from dari.providers.kiwoom.models.rows import frame
from dari.providers.kiwoom.simulator import MOCK_KEY, REAL_KEY, create_app
from dari.providers.kiwoom.spec import SPEC
from dari.upstream.client import Client, Pushes, Rules
from dari.upstream.live import LiveRules
from dari.upstream.pacing import FileRing
from dari.upstream.wire import Wire
from dari.upstream.wire.in_process import open_app_socket
from tests.support import MORNING, Asker, simulated

READS = [
    one for one in SPEC.ids() if SPEC.endpoint(one).effect is Effect.READ and SPEC.endpoint(one).transport == "rest"
]
ISSUES = 200


@asynccontextmanager
async def kiwoom(folder: Path, mode: str = "real") -> AsyncIterator[tuple[Asker, Client]]:
    async with simulated("kiwoom", folder, seed=7, KIWOOM_MODE=mode) as asker:
        yield asker, asker.runtime.client_of("kiwoom")


DATES = {"strt_dt": "20261101", "fr_dt": "20261101", "strt_tm": "090000", "end_tm": "153000"}
GOLD = "M04020000"
LISTS = {"ELW": "ka30009", "ETF": "ka40004"}
"""Where the code of an ELW and of an ETF of this world is found."""
KNOWN = {
    "ka90002": {"thema_grp_cd": "113"},
    "ka01301": {"grp_cd": "001"},
    "ka10038": {"dt": "1"},
    "ka20068": {"all_tp": "0"},
}


def asked(row: Endpoint, code: str = "005930") -> dict[str, str]:
    """What a sheet says it takes: its fixed value, its first code, a date, or one known stock."""
    found = {}
    for one in row.parameters:
        if not one.required and one.name != "stk_cd":
            continue
        if one.fixed is not None:
            found[one.name] = one.fixed
        elif one.codes:
            found[one.name] = next(iter(one.codes))
        elif one.name in {"stk_cd", "bsis_aset_cd"}:
            found[one.name] = GOLD if "금현물" in row.title else code
        elif "YYYYMMDD" in one.note or one.name.endswith("dt"):
            found[one.name] = DATES.get(one.name, "20261120")
        else:
            found[one.name] = "1"
    return {**found, **{name: value for name, value in KNOWN.get(row.id, {}).items() if name in found}}


async def code_of(client: Client, category: str) -> str:
    if category not in LISTS:
        return "005930"
    row = SPEC.endpoint(LISTS[category])
    reply = await client.asking().ask(row.id, asked(row))
    return str(table(row, reply.body).rows[0]["code"])


@pytest.mark.parametrize("endpoint", READS)
async def test_every_reading_endpoint_answers_its_sheet(tmp_path: Path, endpoint: str) -> None:
    row = SPEC.endpoint(endpoint)
    async with kiwoom(tmp_path) as (asker, client):
        parameters = asked(row, await code_of(client, row.category))
        told = await asker.answer("call_endpoint", endpoint=endpoint, parameters=parameters, limit=900)
    assert told["simulated"] is True
    assert told["data"].get("fields") or "rows" in told["data"]


@pytest.mark.parametrize("endpoint", [one for one in READS if SPEC.endpoint(one).wire["mock_refusal"]])
async def test_what_mock_lacks_the_upstream_refuses_as_we_do(tmp_path: Path, endpoint: str) -> None:
    row = SPEC.endpoint(endpoint)
    async with kiwoom(tmp_path, "mock") as (_, client):
        with pytest.raises(WrongMode):
            await client.asking().ask(endpoint, asked(row))
        with pytest.raises(WrongMode) as refused:  # the sheet's own word left out, the upstream says it
            await unchecked(client, replace(row, codes={"paper": endpoint}), asked(row))
    assert refused.value.upstream_code == row.wire["mock_refusal"]


async def unchecked(client: Client, row: Endpoint, parameters: dict[str, str]) -> Any:
    grant = await client.grants.get("default", client.default_mode("market"))
    return await client.dialect(Call(row, parameters, mode=client.default_mode("market"), grant=grant))


@pytest.mark.parametrize("parameters", [{"stk_cd": "005930", "ord_prc": "1"}, {}, {"stk_cd": "abc"}])
async def test_a_wrong_body_is_refused_there_and_by_us(tmp_path: Path, parameters: dict[str, str]) -> None:
    async with kiwoom(tmp_path) as (_, client):
        with pytest.raises(InvalidInput):
            await client.asking().ask("ka10001", parameters)
        with pytest.raises((InvalidInput, NotFound)) as refused:
            await unchecked(client, SPEC.endpoint("ka10001"), parameters)
    assert refused.value.upstream_code in {"1511", "1517", "1902"}


async def listed(client: Client, count: int) -> list[str]:
    """The first issues of the KOSPI list, over its pages."""
    codes: list[str] = []
    cursor: str | None = None
    while len(codes) < count:
        reply = await client.asking().ask("ka10099", {"mrkt_tp": "0"}, cursor=cursor)
        codes += [str(row["code"]) for row in table(SPEC.endpoint("ka10099"), reply.body).rows]
        cursor = reply.cursor
    return codes[:count]


async def test_one_quantity_is_one_value_through_four_endpoints_a_tick_and_the_other_broker(tmp_path: Path) -> None:
    async with kiwoom(tmp_path) as (asker, client):
        codes = await listed(client, ISSUES)
        batch = await asker.answer("get_stock_prices", stock_codes=codes)
        place = {name: number for number, name in enumerate(batch["data"]["columns"])}
        quotes = {
            row[0]: (row[place["price"]], row[place["volume"]], row[place["change"]]) for row in batch["data"]["rows"]
        }
        basics = {code: await one(client, "ka10001", code) for code in codes}
        boards = {code: await one(client, "ka10007", code) for code in codes}
        async with client.live("default", "real").watching([Topic("0B", code) for code in codes]) as feed:
            ticks: dict[str, Any] = {}
            async with asyncio.timeout(20):
                while len(ticks) < ISSUES:
                    happened = await anext(feed)
                    if isinstance(happened, Tick):
                        ticks[happened.topic.item] = frame(SPEC.endpoint("0B"), happened.values)
        rank = await client.asking().ask("ka10032", {"mrkt_tp": "000", "mang_stk_incls": "1", "stex_tp": "1"})
    for code in codes:
        assert (basics[code]["price"], basics[code]["volume"], basics[code]["change"]) == quotes[code], code
        assert (boards[code]["price"], boards[code]["volume"]) == quotes[code][:2], code
        assert (ticks[code]["price"], ticks[code]["acc_volume"], ticks[code]["change"]) == quotes[code], code
    ranked = {row["code"]: row for row in table(SPEC.endpoint("ka10032"), rank.body).rows}
    shared = set(ranked) & set(codes)
    assert shared
    for code in shared:
        assert (ranked[code]["price"], ranked[code]["volume"]) == quotes[code][:2]
    assert await kis_says(tmp_path, codes) == {code: values[:2] for code, values in quotes.items()}


async def one(client: Client, endpoint: str, code: str) -> dict[str, Any]:
    return head(SPEC.endpoint(endpoint), (await client.asking().ask(endpoint, {"stk_cd": code})).body).rows[0]


async def kis_says(folder: Path, codes: list[str]) -> dict[str, tuple[int, int]]:
    async with simulated("volume-ranking", folder / "kis", seed=7) as asker:
        kis = asker.runtime.client_of("kis")
        found = {}
        for code in codes:
            parameters = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code}
            reply = await kis.asking().ask("domestic_stock.inquire_price", parameters)
            row = kis_rows(reply.body, "output")[0]
            found[code] = (int(row["stck_prpr"]), int(row["acml_vol"]))
    return found


async def test_every_tool_answers_over_the_simulator(tmp_path: Path) -> None:
    from tests.unit.kiwoom.test_tools import ARGUMENTS  # noqa: PLC0415 -- the questions of the unit tests

    async with kiwoom(tmp_path) as (asker, _):
        for tool, offered in asker.dispatch.offered.items():
            if offered.tool.toolset in {"realtime", "plans"}:
                continue
            for arguments in ARGUMENTS.get(tool, [{}]):
                told = await asker.answer(
                    tool, **{**arguments, "theme_code": "113"} if "theme_code" in arguments else arguments
                )
                assert told["success"] is True


async def test_a_price_in_mock_mode_has_its_whole_provenance(tmp_path: Path) -> None:
    async with kiwoom(tmp_path, "mock") as (asker, _):
        told = await asker.answer("get_stock_price", stock_code="005930")
        refused = await asker.outcome("get_stock_price", stock_code="005930", venue="unified")
    (line,) = told["provenance"]
    assert set(line) >= {"provider", "endpoint", "mode", "simulated", "venue", "fetched_at", "as_of", "calls"}
    assert (line["mode"], line["simulated"], line["venue"]) == ("paper", True, "KRX")
    assert refused.error == "wrong_mode"


async def test_the_unified_volume_holds_the_krx_one(tmp_path: Path) -> None:
    async with kiwoom(tmp_path) as (asker, _):
        krx = (await asker.answer("get_stock_price", stock_code="005930"))["data"]
        both = (await asker.answer("get_stock_price", stock_code="005930", venue="unified"))["data"]
    assert both["volume"] > krx["volume"]


# --- realtime, over a websocket to the app itself --------------------------------------------------------------------


def client_of(folder: Path, app: Any, *, key: Any = MOCK_KEY, clock: Clock | None = None) -> Client:
    """A client of a simulator, over HTTP and websocket in this process; in real time unless a clock says otherwise."""
    clock = clock or SystemClock()
    mode = "real" if key.mode == "real" else "paper"
    told = MappingProxyType({"appkey": key.app_key, "secretkey": key.secret_key})
    dialect = KiwoomDialect(
        send=Wire.to_app(app).send,
        clock=clock,
        credentials=MappingProxyType({("default", mode): Credential(mode=mode, parts=told)}),
        hosts=Hosts.of("http://simulator.invalid"),
        quotas=QuotasInFiles(folder / "quotas", clock),
    )
    return Client(
        spec=SPEC,
        dialect=dialect,
        state=FileState(folder / "state", clock),
        ring=FileRing(folder / "rings", clock),
        clock=clock,
        events=Events(),
        default_mode=lambda _: mode,
        rules=Rules(live=LiveRules(first=0.05)),
        pushes=Pushes(KiwoomFrames(dialect), partial(open_app_socket, app)),
    )


@pytest.fixture
def market() -> Any:
    return create_app(market_of(7), clock=SystemClock(), world=RunningClock(MORNING, 1.0), tick_seconds=0.1)


async def switched(app: Any, switch: str, **values: Any) -> Any:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://x") as http:
        return (await http.post(f"/__sim__/{switch}", json=values)).json()


SAMSUNG = Topic("0B", "005930")


async def test_ticks_come_from_the_running_market_and_say_they_are_simulated(tmp_path: Path, market: Any) -> None:
    client = client_of(tmp_path, market)
    async with client.live("default", "paper").watching([SAMSUNG, Topic("0D", "000660")]) as feed:
        assert client.live("default", "paper").simulated is True
        async with asyncio.timeout(5):
            ticks = [await anext(feed) for _ in range(6)]
    assert {one.topic for one in ticks if isinstance(one, Tick)} == {SAMSUNG, Topic("0D", "000660")}
    await client.close()


async def test_a_cut_by_the_upstream_is_marked_and_the_ticks_go_on(tmp_path: Path, market: Any) -> None:
    client = client_of(tmp_path, market)
    async with client.live("default", "paper").watching([SAMSUNG]) as feed:
        async with asyncio.timeout(5):
            await anext(feed)
            await switched(market, "realtime", cut=True)
            kinds: list[type] = []
            while not {Tick, Cut} <= set(kinds) or kinds[-1] is not Tick or Cut not in kinds:
                kinds.append(type(await anext(feed)))
    await client.close()


async def test_the_same_key_elsewhere_takes_the_session_and_we_do_not_take_it_back(tmp_path: Path, market: Any) -> None:
    client = client_of(tmp_path, market)
    stranger = client_of(tmp_path / "elsewhere", market)  # another machine: it knows nothing of our lease
    watched, taken = client.live("default", "paper"), stranger.live("default", "paper")
    async with watched.watching([SAMSUNG]) as feed, taken.watching([SAMSUNG]) as other, asyncio.timeout(5):
        with pytest.raises(Refused) as ended:
            [one async for one in feed]
        assert ended.value.upstream_code == "R10001"
        assert isinstance(await anext(other), Tick)
    await client.close()
    await stranger.close()


async def test_a_second_client_of_the_key_names_the_first_and_does_not_connect(tmp_path: Path, market: Any) -> None:
    client, second = client_of(tmp_path, market), client_of(tmp_path, market)
    async with client.live("default", "paper").watching([SAMSUNG]):
        with pytest.raises(NotAllowed, match="held by process"):
            async with second.live("default", "paper").watching([SAMSUNG]):
                raise AssertionError("two sessions of one key")
        state = (await switched(market, "stats"))["websocket"]
    assert state["counts"]["connections"] == 1
    await client.close()


async def test_more_than_two_hundred_items_are_refused_before_the_upstream_does(tmp_path: Path, market: Any) -> None:
    client = client_of(tmp_path, market)
    with pytest.raises(NotAllowed, match="200"):
        async with client.live("default", "paper").watching([Topic("0B", f"{n:06d}") for n in range(201)]):
            raise AssertionError("the budget was passed")
    assert (await switched(market, "stats"))["websocket"]["open"] == 0
    await client.close()


async def test_screens_are_listed_and_run(tmp_path: Path, market: Any) -> None:
    for pairs in (False, True):
        await switched(market, "realtime", screens_as_pairs=pairs)
        client = client_of(tmp_path / str(pairs), market)
        listed_ = await client.asking().ask("ka10171")
        assert len(listed_.body["data"]) >= 2
        found = await client.asking().ask("ka10172", {"seq": "1", "search_type": "0", "stex_tp": "K"})
        rows = table(SPEC.endpoint("ka10172"), found.body).rows
        assert rows
        assert all(row["price"] > 0 and len(row["code"]) == 6 for row in rows)
        await client.close()


async def test_nothing_pushed_is_lost_or_out_of_order(tmp_path: Path) -> None:
    # The market's own ticks rest, so that what is pushed is the stream and nothing else.
    market = create_app(market_of(7), clock=SystemClock(), world=RunningClock(MORNING, 1.0), tick_seconds=3600.0)
    client = client_of(tmp_path, market)
    codes = [str(row["code"]) for row in (await client.asking().ask("ka10099", {"mrkt_tp": "0"})).body["list"]][:100]
    seen: dict[str, list[int]] = {code: [] for code in codes}
    async with client.live("default", "paper").watching([Topic("0B", code) for code in codes]) as feed:
        await switched(market, "stream", app_key=MOCK_KEY.app_key, rate=2000, seconds=2)
        try:
            while True:
                async with asyncio.timeout(2):
                    happened = await anext(feed)
                assert isinstance(happened, Tick)
                seen[happened.topic.item].append(int(happened.values["13"]))
        except TimeoutError:
            pass
        truth = await sent(market)
    await client.close()
    assert sum(one["sent"] for one in truth.values()) >= 4_000
    for code, one in truth.items():
        assert seen[code][-one["sent"] :] == list(range(one["first"], one["last"] + 1)), code


async def sent(app: Any) -> Any:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://x") as http:
        return (await http.get("/__truth__/stream")).json()


# --- pacing -----------------------------------------------------------------------------------------------------------


async def test_sixty_seconds_use_what_is_permitted_and_nothing_is_refused_after_learning(tmp_path: Path) -> None:
    clock = ManualClock(MORNING)
    clock.advance(100.0)
    app = create_app(market_of(7), clock=clock, world=RunningClock(MORNING, 0.0))
    client = client_of(tmp_path, app, key=REAL_KEY, clock=clock)
    await switched(app, "limits", real={"per_second": 1, "burst": 2, "told": True, "lifts_to": 5})
    balance = {"qry_tp": "1", "dmst_stex_tp": "KRX"}  # account rows are never kept, so that each question is a call
    began = clock.monotonic()
    done: list[float] = []

    async def worker() -> None:
        while clock.monotonic() - began < 60.0:
            await client.asking().ask("kt00018", balance)
            done.append(clock.monotonic() - began)

    await asyncio.gather(*(worker() for _ in range(8)))
    stats = await switched(app, "stats")
    learnt = 3.0
    after = [at for at in done if at > learnt]
    assert 1 <= stats["refusals"]["1700"] <= 3  # the burst that taught the quota; nothing after it
    assert len(after) >= 0.95 * 5 * (max(done) - learnt)
