import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from dari.core.clock import ManualClock
from dari.providers.kiwoom.simulator import MOCK_KEY, REAL_KEY, Simulator, create_app
from dari.worlds.market import Market
from tests.unit.kiwoom_simulator.client import NOON, ORDR, STKINFO, Asker
from tests.unit.kiwoom_simulator.serving import Line, line, served, token_of


@pytest.fixture
async def lively(market: Market, world: ManualClock) -> AsyncIterator[tuple[str, Simulator]]:
    simulator = create_app(market, world=world, tick_seconds=0.05)
    simulator.service.limiter.off = True
    async with served(simulator) as origin:
        yield origin, simulator


@pytest.fixture
async def signed(lively: tuple[str, Simulator]) -> AsyncIterator[Line]:
    origin, _ = lively
    async with line(origin, REAL_KEY, await token_of(origin, REAL_KEY)) as one:
        yield one


async def test_login_comes_first(lively: tuple[str, Simulator]) -> None:
    origin, _ = lively
    async with line(origin, REAL_KEY) as one:
        await one.say(trnm="REG", grp_no="1", refresh="1", data=[{"item": ["005930"], "type": ["0B"]}])
        assert (await one.hear())["code"] == "R10004"
        assert await one.closed()


async def test_a_wrong_token_is_refused_with_its_code(lively: tuple[str, Simulator]) -> None:
    origin, _ = lively
    async with line(origin, REAL_KEY) as one:
        await one.say(trnm="LOGIN", token="nobody")
        told = await one.hear()
        assert told["return_code"] == 805004
        assert "CODE=8005" in told["return_msg"]
        assert await one.closed()


async def test_a_registration_is_answered_and_told(signed: Line, market: Market) -> None:
    assert (await signed.register("005930", "000660_AL"))["return_code"] == 0
    events = [(await signed.until("REAL"))["data"][0] for _ in range(2)]
    assert {(event["type"], event["item"]) for event in events} == {("0B", "005930"), ("0B", "000660_AL")}
    mine = next(event for event in events if event["item"] == "005930")
    assert int(mine["values"]["10"].lstrip("+-")) == market.quote("005930", NOON).price


async def test_news_come_when_the_world_moves_on(signed: Line, world: ManualClock, market: Market) -> None:
    await signed.register("005930")
    volumes = []
    for _ in range(5):
        volumes.append(int((await signed.until("REAL"))["data"][0]["values"]["13"]))
        world.advance(1)
    assert volumes == sorted(set(volumes))
    assert volumes[-1] <= market.quote("005930", world.now()).volume


async def test_groups_refresh_and_remove(signed: Line, lively: tuple[str, Simulator]) -> None:
    _, simulator = lively
    session = simulator.exchange.sessions[REAL_KEY.app_key]
    await signed.register("005930", "000660")
    await signed.register("035420", group="2")
    assert {item for item, _ in session.registered} == {"005930", "000660", "035420"}
    await signed.register("068270", refresh="0")
    assert {item for item, _ in session.registered} == {"068270", "035420"}
    await signed.say(trnm="REMOVE", grp_no="2", data=[{"item": ["035420"], "type": ["0B"]}])
    assert (await signed.until("REMOVE"))["return_code"] == 0
    assert {item for item, _ in session.registered} == {"068270"}


async def test_two_hundred_items_and_no_more(signed: Line, market: Market) -> None:
    codes = [one.code for one in market.issues[:201]]
    assert (await signed.register(*codes[:200]))["return_code"] == 0
    assert (await signed.register(*codes[:200], kind="0D"))["return_code"] == 0
    assert (await signed.register(codes[200]))["return_code"] == 105115
    assert (await signed.register(codes[200], group="2"))["return_code"] == 105115
    assert (await signed.register(codes[200], refresh="0"))["return_code"] == 0


async def test_a_type_that_does_not_exist_is_refused(signed: Line) -> None:
    assert (await signed.register("005930", kind="H0STCNT0"))["return_code"] == 105111
    await signed.say(trnm="REG", data=[{"item": ["005930"], "type": ["0B"]}])
    assert (await signed.until("REG"))["return_code"] == 105111


async def test_a_second_session_of_a_key_ends_the_first(signed: Line, lively: tuple[str, Simulator]) -> None:
    origin, simulator = lively
    token = await token_of(origin, REAL_KEY)
    async with line(origin, MOCK_KEY, await token_of(origin, MOCK_KEY)), line(origin, REAL_KEY, token) as second:
        assert await signed.closed()
        assert [frame["code"] for frame in signed.kept if frame["trnm"] == "SYSTEM"] == ["R10001"]
        assert (await second.register("005930"))["return_code"] == 0
    assert simulator.exchange.counts["kicked"] == 1


async def test_pings_want_their_echo(lively: tuple[str, Simulator]) -> None:
    origin, simulator = lively
    simulator.exchange.ping_seconds = 0.05
    token = await token_of(origin, REAL_KEY)
    async with line(origin, REAL_KEY, token) as one:
        for _ in range(8):
            assert await one.until("PING") == {"trnm": "PING"}
            await one.say(trnm="PING")
        assert simulator.exchange.counts["pongs"] >= 7
        assert await one.closed()  # now nobody echoes
        assert one.kept[-1]["code"] == "R10002"


async def test_own_orders_and_balance_are_told_whatever_the_item(signed: Line, lively: tuple[str, Simulator]) -> None:
    origin, simulator = lively
    await signed.say(trnm="REG", grp_no="1", refresh="1", data=[{"item": ["ignored"], "type": ["00", "04"]}])
    await signed.until("REG")
    async with httpx2.AsyncClient(base_url=origin) as http:
        asker = Asker(http, simulator, REAL_KEY)
        await asker.sign_in()
        body = {"dmst_stex_tp": "KRX", "stk_cd": "005930", "ord_qty": "2", "ord_uv": "", "trde_tp": "3", "cond_uv": ""}
        told = await asker.ask("kt10000", ORDR, **body)
        quote = await asker.ask("ka10001", STKINFO, stk_cd="005930")
    accepted = (await signed.until("REAL"))["data"][0]["values"]
    filled = (await signed.until("REAL"))["data"][0]["values"]
    balance = (await signed.until("REAL"))["data"][0]
    assert (accepted["9203"], accepted["913"], accepted["902"]) == (told["ord_no"], "접수", "2")
    assert (filled["913"], filled["911"], filled["902"], filled["907"]) == ("체결", "2", "0", "2")
    assert (balance["type"], balance["values"]["930"], balance["values"]["9001"]) == ("04", "22", "A005930")
    assert filled["10"] == quote["cur_prc"]


async def test_the_sessions_of_the_day_are_told_as_they_pass(signed: Line, world: ManualClock) -> None:
    await signed.register("", kind="0s")
    world.advance(3 * 3600 + 21 * 60)  # past the closing auction's beginning
    codes = {(await signed.until("REAL"))["data"][0]["values"]["215"] for _ in range(2)}
    assert codes == {"2", "S"}


async def test_saved_screens_are_listed_asked_watched_and_left(signed: Line, world: ManualClock) -> None:
    ask = {"trnm": "CNSRREQ", "seq": "1", "search_type": "1", "stex_tp": "K"}
    await signed.say(**ask)
    assert (await signed.until("CNSRREQ"))["return_code"] == 105111
    await signed.say(trnm="CNSRLST")
    assert [one["seq"] for one in (await signed.until("CNSRLST"))["data"]] == ["0", "1", "2"]
    await signed.say(**{**ask, "search_type": "0", "seq": "2"})
    once = await signed.until("CNSRREQ")
    assert (len(once["data"]), once["cont_yn"]) == (100, "Y")
    assert once["data"][0]["9001"].startswith("A")
    assert len(once["data"][0]["13"]) == 9 or int(once["data"][0]["13"]) > 999_999_999
    await signed.say(**{**ask, "search_type": "0", "seq": "2", "cont_yn": "Y", "next_key": once["next_key"]})
    assert (await signed.until("CNSRREQ"))["data"][0] not in once["data"]
    await signed.say(**ask)
    before = {one["jmcode"] for one in (await signed.until("CNSRREQ"))["data"]}
    world.advance(3600)
    event = (await signed.until("REAL"))["data"][0]
    assert event["values"]["843"] in "ID"
    assert (f"A{event['item']}" in before) == (event["values"]["843"] == "D")
    await signed.say(trnm="CNSRCLR", seq="1")
    assert (await signed.until("CNSRCLR"))["seq"] == "1"


async def test_a_cut_ends_without_a_word(signed: Line, lively: tuple[str, Simulator]) -> None:
    origin, _ = lively
    async with httpx2.AsyncClient(base_url=origin) as http:
        assert (await http.post("/__sim__/realtime", json={"cut": REAL_KEY.app_key})).json()["cut"] == 1
        assert (await http.post("/__sim__/realtime", json={"speed": 2})).status_code == 400
    assert await signed.closed()
    assert not any(frame["trnm"] == "SYSTEM" for frame in signed.kept)


async def test_two_thousand_events_a_second_arrive_whole_and_in_order(
    signed: Line, lively: tuple[str, Simulator], market: Market
) -> None:
    origin, simulator = lively
    simulator.exchange.tick_seconds = 3600
    codes = [one.code for one in market.issues if not one.halted][:200]
    await signed.register(*codes)
    for _ in codes:
        await signed.until("REAL")
    seconds, rate = 2, 2_000
    async with httpx2.AsyncClient(base_url=origin) as http:
        told = await http.post("/__sim__/stream", json={"app_key": REAL_KEY.app_key, "rate": rate, "seconds": seconds})
        assert told.json() == {"items": 200}
        seen: dict[str, list[int]] = {}
        begun = asyncio.get_running_loop().time()
        for _ in range(rate * seconds):
            event = json.loads(await asyncio.wait_for(signed.connection.recv(), 20))["data"][0]
            seen.setdefault(event["item"], []).append(int(event["values"]["13"]))
        took = asyncio.get_running_loop().time() - begun
        truth = (await http.get("/__truth__/stream")).json()
    assert {item: len(numbers) for item, numbers in seen.items()} == {item: row["sent"] for item, row in truth.items()}
    for item, numbers in seen.items():
        assert numbers == list(range(truth[item]["first"], truth[item]["last"] + 1))
    assert took < 4 * seconds
