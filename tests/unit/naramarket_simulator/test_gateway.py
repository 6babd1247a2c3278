"""Keys, quota, speed and midnight, as the gateway keeps them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from urllib.parse import quote

import pytest

from dari.core.clock import KST, SystemClock
from dari.providers.naramarket.simulator import SIMULATED_KEY, Account, Limits
from dari.providers.naramarket.simulator.gate import key_of
from dari.providers.naramarket.spec import SPEC, retired_paths
from dari.worlds.procurement import World
from tests.unit.naramarket_simulator.conftest import GOODS, MONTH, NOW, Make, Upstream, read

QUERY = "type=json&inqryDiv=1&inqryBgnDt=202609010000&inqryEndDt=202609302359"
ONCE = quote(SIMULATED_KEY, safe="")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (f"serviceKey={ONCE}", "00"),
        (f"ServiceKey={ONCE}", "00"),
        (f"SERVICEKEY={ONCE}", "00"),
        (f"serviceKey={quote(ONCE, safe='')}", "30"),  # the Encoding key through an encoder
        (f"serviceKey={SIMULATED_KEY}", "30"),  # a bare + is a blank
        ("serviceKey=unknown", "30"),
        ("serviceKey=", "20"),
        ("nothing=1", "20"),
    ],
)
async def test_the_key_must_be_encoded_once(upstream: Upstream, key: str, code: str) -> None:
    heard = await upstream.raw(GOODS, f"{key}&{QUERY}")
    assert heard.code == code
    assert heard.envelope == ("ok" if code == "00" else "gateway_xml")
    assert heard.status == 200


def test_a_key_is_decoded_once() -> None:
    assert key_of(b"a=1&serviceKEY=a%2Bb%2Fc%3D%3D") == "a+b/c=="
    assert key_of(b"serviceKey=a%252Bb") == "a%2Bb"
    assert key_of(b"a=1") is None


async def test_a_key_expires_and_reaches_only_what_was_applied_for(make: Make) -> None:
    upstream = make(
        accounts={
            "old": Account(expires=datetime(2026, 11, 20, 13, 0, tzinfo=KST)),
            "narrow": Account(services=frozenset({"ScsbidInfoService"})),
        }
    )
    assert (await upstream.ask(GOODS, MONTH, key="old")).code == "00"
    upstream.clock.advance(3600)
    assert (await upstream.ask(GOODS, MONTH, key="old")).code == "31"
    assert (await upstream.ask(GOODS, MONTH, key="narrow")).code == "20"
    awards = {"inqryDiv": "1", "inqryBgnDt": "202609010000", "inqryEndDt": "202609302359"}
    assert (await upstream.ask("ScsbidInfoService.getScsbidListSttusThng", awards, key="narrow")).code == "00"


async def test_quota_is_per_operation_and_starts_again_at_midnight(make: Make) -> None:
    upstream = make(accounts={"dev": Account(quota=3)}, start=datetime(2026, 11, 20, 23, 50, tzinfo=KST))
    services = GOODS.replace("Thng", "Servc")
    codes = [(await upstream.ask(GOODS, MONTH, key="dev")).code for _ in range(5)]
    assert codes == ["00", "00", "00", "22", "22"]
    assert (await upstream.ask(services, MONTH, key="dev")).code == "00"
    stats = await upstream.stats()
    assert stats["after_quota"] == {GOODS: 2}
    assert stats["quota_used"] == {GOODS: 3, services: 1}
    upstream.clock.advance(11 * 60)
    assert (await upstream.ask(GOODS, MONTH, key="dev")).code == "00"


async def test_quota_is_that_of_the_sheet(upstream: Upstream) -> None:
    codes = "D2B.CodeInqireService.getOrntCodeList"
    assert SPEC.endpoint(codes).wire["quota"] == 100
    heard = [(await upstream.ask(codes, {})).code for _ in range(101)]
    assert heard == ["00"] * 100 + ["22"]


async def test_quota_is_spent_on_refused_questions_but_not_on_429(make: Make) -> None:
    upstream = make(accounts={"dev": Account(quota=2)}, limits=Limits(rate=0.001, burst=2))
    assert (await upstream.ask(GOODS, {"inqryDiv": "9"}, key="dev")).code == "10"
    assert (await upstream.ask(GOODS, MONTH, key="dev")).code == "00"
    assert (await upstream.ask(GOODS, MONTH, key="dev")).status == 429
    assert (await upstream.stats())["quota_used"] == {GOODS: 2}


async def test_speed_is_a_bucket(make: Make) -> None:
    upstream = make(limits=Limits(rate=10, burst=5))
    codes = [(await upstream.ask(GOODS, MONTH)).code for _ in range(7)]
    assert codes == ["00"] * 5 + ["http429"] * 2
    upstream.clock.advance(0.2)
    codes = [(await upstream.ask(GOODS, MONTH)).code for _ in range(3)]
    assert codes == ["00", "00", "http429"]


async def test_too_many_at_once_is_429(world: World) -> None:
    upstream = Upstream(world, limits=Limits(concurrency=3, base=0.05))
    upstream.app.state.engine.clock = SystemClock()
    heard = await asyncio.gather(*(upstream.ask(GOODS, MONTH) for _ in range(8)))
    assert sorted(one.code for one in heard) == ["00"] * 3 + ["http429"] * 5
    stats = await upstream.stats()
    assert stats["most_at_once"] == 3
    assert (await upstream.ask(GOODS, MONTH)).code == "00"
    await upstream.http.aclose()


async def test_latency_grows_with_rows(make: Make) -> None:
    upstream = make(limits=Limits(base=0.16, row=0.001))
    before = upstream.clock.monotonic()
    heard = await upstream.ask(GOODS, MONTH, numOfRows=100)
    assert upstream.clock.monotonic() - before == pytest.approx(0.16 + 0.1)
    assert len(heard.rows) == 100


async def test_unknown_and_retired_paths(upstream: Upstream) -> None:
    async def code(path: str) -> str:
        return read(await upstream.http.get(f"{path}?serviceKey={ONCE}")).code

    assert await code("/1230000/ad/BidPublicInfoService/getNothing") == "12"
    assert await code("/1230000/ao/UsrInfoService/getDminsttInfo") == "12"
    assert await code("/1230000/ao/ThngListInfoService/getPrdctClsfcNoUnit2Info") == "30"
    for path, row in retired_paths().items():
        assert await code(path) == row["code"]


async def test_limits_and_stats_may_be_changed_while_it_runs(upstream: Upstream) -> None:
    reply = await upstream.http.put("/__sim__/limits", json={"quota": 1, "rate": 30})
    assert reply.json()["quota"] == 1
    assert [(await upstream.ask(GOODS, MONTH)).code for _ in range(2)] == ["00", "22"]
    assert (await upstream.http.put("/__sim__/limits", json={"speed": 1})).status_code == 400
    assert (await upstream.http.get("/__sim__/limits")).json()["rate"] == 30
    stats = await upstream.stats()
    assert (stats["received"], stats["answered"], stats["refused"]) == (2, 1, {"22": 1})
    await upstream.http.delete("/__sim__/stats")
    assert (await upstream.stats())["received"] == 0


async def test_every_reply_says_it_is_simulated(upstream: Upstream) -> None:
    for heard in (await upstream.ask(GOODS, MONTH), await upstream.raw(GOODS, "")):
        assert heard.headers["x-dari-simulated"] == "true"
    assert upstream.clock.now() == NOW
