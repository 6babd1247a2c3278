"""The simulator is not what a crawl waits for, and tells the floor a crawl is measured against."""

from __future__ import annotations

import time

import pytest

from dari.providers.naramarket.simulator import Limits
from dari.providers.naramarket.simulator.bindings import bound
from dari.providers.naramarket.simulator.engine import RowStore
from dari.worlds.procurement import Ref
from tests.unit.naramarket_simulator.conftest import GOODS, MONTH, Make, Upstream

MAS = "ShoppingMallPrdctInfoService.getMASCntrctPrdctInfoList"
REGISTERED = {"inqryDiv": "1", "rgstDtBgnDt": "202609010000", "rgstDtEndDt": "202609302359"}


async def test_warmed_pages_of_999_come_faster_than_thirty_a_second(upstream: Upstream) -> None:
    service, _, operation = MAS.rpartition(".")
    reply = await upstream.http.post(f"/__sim__/warm/{service}/{operation}", params={**REGISTERED, "type": "json"})
    rows = reply.json()["rows"]
    assert rows > 6_000
    pages = [await upstream.ask(MAS, REGISTERED, numOfRows=999, pageNo=1) for _ in range(1)]
    began = time.perf_counter()
    for number in range(1, rows // 999 + 1):
        query = "&".join(f"{name}={value}" for name, value in REGISTERED.items())
        path = f"/1230000/at/{service}/{operation}?serviceKey=simulated%2Bkey%2Fof%3D%3Ddari&type=json&{query}"
        reply = await upstream.http.get(f"{path}&numOfRows=999&pageNo={number}")
        assert reply.content.count(b"shopngCntrctSno") == 999
    each = (time.perf_counter() - began) / (rows // 999)
    assert each < 1 / 30
    assert pages[0].total == rows


async def test_the_floor_is_told(make: Make) -> None:
    upstream = make(limits=Limits(rate=30, burst=1, concurrency=4, base=0.16, row=0.0003))
    truth = await upstream.truth(GOODS, MONTH)
    service, _, operation = GOODS.rpartition(".")
    reply = await upstream.http.get(f"/__sim__/floor/{service}/{operation}", params={**MONTH, "numOfRows": "100"})
    told = reply.json()
    calls = -(-len(truth) // 100)
    one = 0.16 + 0.0003 * 100
    assert (told["rows"], told["calls"]) == (len(truth), calls)
    assert told["seconds_of_a_page"] == pytest.approx(one)
    by_rate = one + (calls - 1) / 30 + one
    by_width = one + one * -(-(calls - 1) // 4)
    assert told["seconds"] == pytest.approx(max(by_rate, by_width), abs=1e-5)


def test_spelled_rows_are_forgotten_oldest_first() -> None:
    store = RowStore(most=30)
    refs = [Ref("goods", 1, nth, 0) for nth in range(4)]
    for ref in refs:
        store.put((GOODS, True, ref), b"0123456789")
    assert [store.get((GOODS, True, ref)) is None for ref in refs] == [True, False, False, False]


def test_an_unknown_operation_is_bound_to_nothing() -> None:
    with pytest.raises(LookupError):
        bound("SomeService.getSomething")
