"""Each fault script does what it says, and the truth stays what can be seen."""

from __future__ import annotations

import contextlib
import json
import random
from collections import Counter

import httpx2
import pytest

from dari.core.clock import SystemClock
from dari.providers.naramarket.simulator import SCRIPTS
from tests.unit.naramarket_simulator.conftest import GOODS, Heard, Upstream, key_of

SIZE = 100
WEEK = {"inqryDiv": "1", "inqryBgnDt": "202609010000", "inqryEndDt": "202609092359"}
EMPTY = {"inqryDiv": "1", "inqryBgnDt": "202609050000", "inqryEndDt": "202609062359"}


def keys(heard: Heard) -> list[str]:
    return [key_of(GOODS, row) for row in heard.rows]


async def page(upstream: Upstream, number: int, size: int = SIZE) -> Heard:
    return await upstream.ask(GOODS, WEEK, numOfRows=size, pageNo=number)


async def pages(upstream: Upstream, size: int = SIZE) -> list[Heard]:
    """Pages until an empty one."""
    heard = [await page(upstream, 1, size)]
    while heard[-1].rows:
        heard.append(await page(upstream, len(heard) + 1, size))
    return heard[:-1]


def test_there_are_more_than_fifteen_scripts() -> None:
    assert len(SCRIPTS) >= 28
    assert all(script.tells and name == script.name for name, script in SCRIPTS.items())


async def test_scripts_are_switched_by_name(upstream: Upstream) -> None:
    await upstream.faults(total_zero={}, overlap={"rows": 9})
    told = (await upstream.http.get("/__sim__/faults")).json()
    assert told["on"] == {"total_zero": {}, "overlap": {"rows": 9}}
    assert set(told["scripts"]) == set(SCRIPTS)
    wrongs: list[object] = [{"nothing": {}}, {"overlap": {"columns": 1}}, [1]]
    for wrong in wrongs:
        assert (await upstream.http.put("/__sim__/faults", json=wrong)).status_code == 400
    assert (await upstream.http.get("/__sim__/faults")).json()["on"]
    assert (await upstream.http.delete("/__sim__/faults")).json()["on"] == {}


@pytest.mark.parametrize(("name", "compare"), [("total_zero", -1), ("total_high", 1), ("total_low", -1)])
async def test_totals_lie(upstream: Upstream, name: str, compare: int) -> None:
    truth = await upstream.truth(GOODS, WEEK)
    await upstream.faults(**{name: {}})
    heard = await page(upstream, 1)
    assert heard.rows
    assert (heard.total > len(truth)) - (heard.total < len(truth)) == compare
    assert name != "total_zero" or heard.total == 0
    assert await upstream.truth(GOODS, WEEK) == truth
    assert sum(len(one.rows) for one in await pages(upstream)) == len(truth)


async def test_totals_jitter(upstream: Upstream) -> None:
    truth = await upstream.truth(GOODS, WEEK)
    await upstream.faults(total_jitter={"by": 2})
    totals = {(await page(upstream, 1)).total for _ in range(20)}
    assert len(totals) > 2
    assert all(abs(total - len(truth)) <= 2 for total in totals)


async def test_rows_arrive_while_a_window_is_read(upstream: Upstream) -> None:
    every = await upstream.truth(GOODS, WEEK)
    await upstream.faults(arrivals={"share": 0.05, "after": [1, 3]})
    totals = [(await page(upstream, 1)).total for _ in range(5)]
    assert totals[0] < totals[1] == totals[2] < totals[3] == totals[4] == len(every)
    assert await upstream.truth(GOODS, WEEK) == every
    await upstream.http.delete("/__sim__/stats")
    first = await page(upstream, 1)
    assert len(await upstream.truth(GOODS, WEEK)) == first.total < len(every)


async def test_new_rows_push_the_others_over_the_borders(upstream: Upstream) -> None:
    await upstream.faults(arrivals_first={"rows": 10, "after": 1})
    one, two = await page(upstream, 1), await page(upstream, 2)
    assert two.total == one.total + 10
    assert keys(two)[:10] == keys(one)[-10:]


async def test_withdrawn_rows_pull_the_others_over_the_borders(upstream: Upstream) -> None:
    every = await upstream.truth(GOODS, WEEK)
    await upstream.faults(vanish={"share": 0.05, "after": 1})
    read = [key for one in await pages(upstream) for key in keys(one)]
    left = await upstream.truth(GOODS, WEEK)
    assert set(left) < set(every)
    assert set(left) - set(read), "a crawler that only reads on loses rows"


async def test_pages_overlap(upstream: Upstream) -> None:
    truth = await upstream.truth(GOODS, WEEK)
    await upstream.faults(overlap={"rows": 3})
    heard = await pages(upstream)
    assert keys(heard[1])[:3] == keys(heard[0])[-3:]
    read = [key for one in heard for key in keys(one)]
    assert list(dict.fromkeys(read)) == truth
    assert len(read) == len(truth) + 3 * (len(heard) - 1)


async def test_an_unstable_order_hides_a_row_until_it_is_asked_again(upstream: Upstream) -> None:
    truth = await upstream.truth(GOODS, WEEK)
    await upstream.faults(unstable={})
    first = {key for one in await pages(upstream) for key in keys(one)}
    again = {key for one in await pages(upstream) for key in keys(one)}
    assert len(first) < len(truth)
    assert again == set(truth)


@pytest.mark.parametrize("name", ["hollow", "short"])
async def test_a_page_is_not_whole_at_first(upstream: Upstream, name: str) -> None:
    truth = await upstream.truth(GOODS, WEEK)
    await upstream.faults(**{name: {"share": 1}})
    first, again = await page(upstream, 2), await page(upstream, 2)
    assert len(first.rows) == (0 if name == "hollow" else SIZE - 5)
    assert len(again.rows) == SIZE
    assert first.total == again.total == len(truth)


@pytest.mark.parametrize(("name", "told"), [("cap", 40), ("cap_silent", SIZE)])
async def test_pages_are_capped(upstream: Upstream, name: str, told: int) -> None:
    truth = await upstream.truth(GOODS, WEEK)
    await upstream.faults(**{name: {"rows": 40}})
    heard = await pages(upstream)
    assert {len(one.rows) for one in heard[:-1]} == {40}
    assert {one.size for one in heard} == {told}
    assert [key for one in heard for key in keys(one)] == truth


@pytest.mark.parametrize(("name", "code", "envelope"), [("rate", "http429", "plain"), ("rate_23", "23", "gateway_xml")])
async def test_speed_is_refused(upstream: Upstream, name: str, code: str, envelope: str) -> None:
    await upstream.faults(**{name: {"rate": 1, "burst": 2}})
    heard = [await page(upstream, 1) for _ in range(3)]
    assert [one.code for one in heard] == ["00", "00", code]
    assert heard[-1].envelope == envelope
    upstream.clock.advance(1)
    assert (await page(upstream, 1)).code == "00"


async def test_quota_narrow_windows_and_an_expiring_key(upstream: Upstream) -> None:
    await upstream.faults(quota={"calls": 1})
    assert [(await page(upstream, 1)).code for _ in range(2)] == ["00", "22"]
    await upstream.faults(narrow={"days": 7})
    assert (await upstream.ask(GOODS, WEEK)).code == "07"
    assert (await upstream.ask(GOODS, {**WEEK, "inqryEndDt": "202609080000"})).code == "00"
    await upstream.faults(expire={"after": 0})
    assert (await page(upstream, 1)).code == "31"


async def test_slow_and_too_big(upstream: Upstream) -> None:
    await upstream.faults(slow={"base": 1, "row": 0.01})
    before = upstream.clock.monotonic()
    await page(upstream, 1)
    assert upstream.clock.monotonic() - before == pytest.approx(2.0)
    await upstream.faults(big_pages={"rows": 50})
    assert (await page(upstream, 1)).code == "http504"
    assert (await page(upstream, 1, 50)).code == "00"


async def test_failures_in_passing(upstream: Upstream) -> None:
    expected = {
        "http_5xx": ({"http500", "http502", "http503", "http504"}, "plain"),
        "service_error": ({"01", "02", "04", "05"}, "service_error"),
        "gateway_xml": ({"04"}, "gateway_xml"),
        "garbage": ({""}, "garbage"),
    }
    for name, (codes, envelope) in expected.items():
        await upstream.faults(**{name: {"share": 0.5}})
        heard = [await page(upstream, 1, 5) for _ in range(60)]
        struck = [one for one in heard if one.code != "00"]
        assert 10 < len(struck) < 50
        assert {one.code for one in struck} == codes
        assert {one.envelope for one in struck} == {envelope}
    stats = await upstream.stats()
    assert set(stats["struck"]) == set(expected)


async def test_connections_break_and_bodies_end_early(upstream: Upstream) -> None:
    await upstream.faults(reset={"share": 1})
    with pytest.raises(ConnectionResetError):
        await page(upstream, 1)
    await upstream.faults(truncated={"share": 1})
    with pytest.raises(json.JSONDecodeError):
        await page(upstream, 1)


async def test_a_gateway_may_refuse_in_json(upstream: Upstream) -> None:
    await upstream.faults(gateway_json={}, quota={"calls": 0})
    heard = await page(upstream, 1)
    assert (heard.code, heard.envelope, heard.status) == ("22", "gateway_json", 403)


async def test_xml_comes_for_json(upstream: Upstream) -> None:
    plainly = await page(upstream, 1)
    await upstream.faults(xml_for_json={"share": 1})
    heard = await page(upstream, 1)
    assert heard.envelope == "ok_xml"
    assert heard.rows == plainly.rows


async def test_items_come_in_five_shapes(upstream: Upstream) -> None:
    await upstream.faults(shapes={})
    spelled: Counter[str] = Counter()
    for _ in range(10):
        for heard in (await upstream.ask(GOODS, EMPTY), await page(upstream, 1, 1), await page(upstream, 1, 2)):
            assert heard.code == "00"
            body = json.loads(heard.text)["response"]["body"]
            items = body.get("items", "absent")
            inner = items.get("item") if isinstance(items, dict) else None
            spelled[f"{type(items).__name__}:{type(inner).__name__}" if items not in ("", "absent") else items] += 1
    assert set(spelled) == {"list:NoneType", "dict:list", "dict:dict", "", "absent"}


async def test_nothing_may_be_code_03(upstream: Upstream) -> None:
    assert (await upstream.ask(GOODS, EMPTY)).code == "00"
    await upstream.faults(no_data={})
    assert (await upstream.ask(GOODS, EMPTY)).code == "03"
    assert (await page(upstream, 1)).code == "00"


async def test_concurrency_is_refused(upstream: Upstream) -> None:
    import asyncio  # noqa: PLC0415  # only here are calls made at once

    upstream.app.state.engine.clock = SystemClock()
    await upstream.faults(concurrency={"calls": 2}, slow={"base": 0.05, "row": 0})
    heard = await asyncio.gather(*(page(upstream, 1) for _ in range(5)))
    assert sorted(one.code for one in heard) == ["00", "00", "http429", "http429", "http429"]


async def test_the_same_seed_strikes_the_same_calls(upstream: Upstream) -> None:
    await upstream.faults(http_5xx={"share": 0.3})
    first = [(await page(upstream, 1, 2)).code for _ in range(30)]
    await upstream.http.delete("/__sim__/stats")
    assert [(await page(upstream, 1, 2)).code for _ in range(30)] == first


@pytest.mark.parametrize("lot", range(12))
async def test_any_mixture_answers_in_a_documented_way(upstream: Upstream, lot: int) -> None:
    mixture = random.Random(lot).sample(sorted(SCRIPTS), 6)
    await upstream.faults(**{name: {} for name in mixture})
    broken = {"reset", "truncated"} & set(mixture)
    expected = (ConnectionResetError, json.JSONDecodeError, AssertionError) if broken else ()
    envelopes = set()
    for number in (1, 2, 3, 2, 1):
        with contextlib.suppress(*expected):
            heard = await page(upstream, number)
            envelopes.add(heard.envelope)
            assert heard.rows or heard.code not in ("", "00") or {"hollow", "garbage"} & set(mixture)
    assert envelopes <= {"ok", "ok_xml", "gateway_xml", "gateway_json", "service_error", "plain", "garbage"}


async def test_xml_may_be_empty_in_two_ways_and_refuse(upstream: Upstream) -> None:
    defence = "D2B.CntrctInfoService.getDmstcCntrctInfoList"
    weekend = {"cntrctDateBegin": "20260905", "cntrctDateEnd": "20260906"}
    await upstream.faults(shapes={})
    texts = {"<items>" in (await upstream.ask(defence, weekend)).text for _ in range(5)}
    assert texts == {True, False}
    refused = await upstream.ask(defence, {"cntrctDateBegin": "2026", "cntrctDateEnd": "20260906"})
    assert (refused.code, refused.envelope) == ("06", "service_error")


async def test_tables_move_as_well(upstream: Upstream) -> None:
    catalogue = "ThngListInfoService02.getThngPrdnmLocplcAccotListInfoInfoPrdlstSearch02"
    every = (await upstream.ask(catalogue, {})).total
    await upstream.http.delete("/__sim__/stats")
    await upstream.faults(arrivals={"share": 0.2, "after": [1]})
    assert [(await upstream.ask(catalogue, {})).total for _ in range(2)] == [pytest.approx(every * 0.8, rel=0.1), every]


async def test_resets_reach_a_client_over_the_wire_as_a_broken_connection(upstream: Upstream) -> None:
    transport = httpx2.ASGITransport(upstream.app, raise_app_exceptions=False)
    await upstream.faults(reset={"share": 1})
    async with httpx2.AsyncClient(transport=transport, base_url="http://simulated") as http:
        reply = await http.get(upstream_path(), params={"serviceKey": "simulated+key/of==dari"})
    assert reply.status_code == 200
    assert len(reply.content) == 40


def upstream_path() -> str:
    return "/1230000/ad/BidPublicInfoService/getBidPblancListInfoThng"


async def test_what_arrives_after_a_window_was_left_is_not_held_against_the_crawler(upstream: Upstream) -> None:
    first = {**WEEK, "inqryEndDt": "202609042359"}
    second = {**WEEK, "inqryBgnDt": "202609050000"}
    await upstream.faults(arrivals={"share": 0.1, "after": [3]})
    held: set[str] = set()
    for part in (first, second):
        for number in (1, 2, 3, 4):
            heard = await upstream.ask(GOODS, part, numOfRows=SIZE, pageNo=number)
            held |= set(keys(heard))
            if number == 2 and part is first:
                break
    early = await upstream.truth(GOODS, first)
    await upstream.faults()
    every = await upstream.truth(GOODS, WEEK)
    await upstream.faults(arrivals={"share": 0.1, "after": [3]})
    whole = await upstream.truth(GOODS, WEEK)
    assert set(early) < set(await upstream.truth(GOODS, WEEK) + every)
    assert len(early) < len([key for key in every if key in set(early)]) + 1
    assert set(whole) < set(every)
    assert [key for key in every if key in set(whole)] == whole
    late = set(every) - set(whole)
    assert late
    again = await upstream.ask(GOODS, first, numOfRows=999)
    assert late <= set(keys(again))
    assert set(await upstream.truth(GOODS, WEEK)) == set(every)
