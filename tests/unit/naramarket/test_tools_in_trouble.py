"""The tools by number, over upstreams that fail in part, over crawls that are stopped and gone on with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dari.app.naramarket import desk_of
from dari.core.clock import KST
from dari.core.errors import UpstreamError
from dari.providers.naramarket.crawler.attributes import ATTRIBUTES, FEED, Attributes
from dari.providers.naramarket.crawler.reading import Reading
from dari.providers.naramarket.export.hiding import hider
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools import institutions
from dari.worlds.procurement import World
from tests.support import Asker, StillClock, simulated

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
GOODS = "BidPublicInfoService.getBidPblancListInfoThng"


@pytest.fixture
async def asker(tmp_path: Path) -> AsyncIterator[Asker]:
    async with simulated("naramarket", tmp_path, now=NOON, DARI_REACH="change") as one:
        yield one


@pytest.fixture(scope="module")
def numbers() -> dict[str, str]:
    world = World(1)
    start, end = datetime(2026, 6, 1, tzinfo=KST), datetime(2026, 6, 30, tzinfo=KST)
    for ref in world.window("goods", "notice.posted", start, end):
        found = world.purchase(ref.source, ref.day, ref.nth)
        told = {"plan": found.plan_number, "prespec": found.prespec_number, "notice": found.notice_number,
                "contract": found.contract_number}  # fmt: skip
        if all(told.values()):
            return told
    raise AssertionError("no purchase has every number")


@pytest.mark.parametrize(
    ("tool", "kind", "name"),
    [("search_prespecs", "prespec", "prespec_number"), ("search_order_plans", "plan", "plan_number"),
     ("search_awards", "notice", "notice_number"), ("search_contracts", "contract", "contract_number"),
     ("search_contracts", "notice", "notice_number")],
)  # fmt: skip
async def test_lists_are_asked_by_number(
    asker: Asker, numbers: dict[str, str], tool: str, kind: str, name: str
) -> None:
    told = await asker.answer(tool, number=numbers[kind])
    assert {row[name] for row in told["rows"]} == {numbers[kind]}
    assert "period" not in told


async def test_products_and_institutions_are_found(asker: Asker) -> None:
    told = await asker.answer("search_mall_products", name="데스크톱컴퓨터", start="2026-11-01", limit=3)
    assert len(told["rows"]) == 3
    world = World(1)
    institution = world.institution_of(world.institution_ref(9))
    (row,) = (await asker.answer("find_institution", name=institution.business_number))["rows"]
    assert row["demand_institution_name"] == institution.name
    named = await asker.answer("find_institution", name="교육", start="2026-09-01")
    assert named["period"]["start"] == "2026-09-01"
    assert (await asker.outcome("find_institution", name="교육", start="2024-01-01")).error == "invalid_input"
    priced = await asker.answer("search_contracts", institution="교육지원청", business="services")
    assert all("교육지원청" in row["contract_institution_name"] for row in priced["rows"])


async def test_an_institution_is_found_by_name_over_all_years(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service refuses the whole period at once (07): the register is taken once, then the store answers."""
    monkeypatch.setattr(institutions, "FIRST", date(2026, 3, 1))
    before = await asker.answer("find_institution", name="교육")
    (gap,) = before["gaps"]
    assert "start_crawl" in gap["filled_by"]
    started = await asker.answer(
        "start_crawl", operation="getDminsttInfo02", by="registered", start="2026-03-01", end="2026-11-19"
    )
    assert (await ended(asker, started["crawl"]["id"]))["success"]
    desk = desk_of(asker.runtime.client_of("naramarket"))
    there = await desk.on(
        lambda book: {row["dminsttCd"] for row in book.rows(institutions.INSTITUTIONS) if "교육" in row["dminsttNm"]}
    )
    told = await asker.answer("find_institution", name="교육", limit=100)
    assert not told["gaps"]
    assert {row["demand_institution_code"] for row in told["rows"]} >= there
    assert len(told["rows"]) > len(before["rows"])
    second = await asker.answer("find_institution", name="교육", limit=1, page=2)
    assert second["rows"][0] == told["rows"][1]


async def test_attributes_are_kept_until_the_feed_of_changes_names_the_product(asker: Asker) -> None:
    desk = desk_of(asker.runtime.client_of("naramarket"))
    clock = asker.clock
    assert isinstance(clock, StillClock)
    listed = await asker.answer("crawl_list", category="데스크톱컴퓨터", num_rows=1, days_back=30)
    first = await asker.answer("get_detailed_attributes", api_item=listed["items"][0])

    async def asked(operation: str) -> int:
        now = desk.now()
        return (await desk.on(lambda book: book.spent(now))).get(operation, 0)

    assert await asked(ATTRIBUTES) == 1
    again = await asker.answer("get_detailed_attributes", api_item=listed["items"][0])
    assert again["attributes"] == first["attributes"]
    assert (await asked(ATTRIBUTES), await asked(FEED)) == (1, 0)
    clock.at = NOON + timedelta(hours=8)
    clock.advance(8 * 3_600.0)
    await asker.answer("get_detailed_attributes", api_item=listed["items"][0])
    assert await asked(FEED) >= 1
    # a product that the feed names is asked anew
    way = {"inqryDiv": "2", "inqryBgnDt": "202611010000", "inqryEndDt": "202611202359", "numOfRows": "1"}
    reply = await asker.runtime.client_of("naramarket").asking().ask(FEED, way)
    changed = reply.body["rows"][0]["prdctIdntNo"]
    await desk.on(lambda book: Attributes(book).keep(changed, {"old": "1"}, now=NOON))
    await desk.on(lambda book: Attributes(book).changed([], read_to=NOON - timedelta(days=20)))
    told = await asker.answer("get_detailed_attributes", api_item={"prdctIdntNo": changed})
    assert told["attributes"] != {"old": "1"}
    # one left unread for a quarter is not read at all
    clock.at = NOON + timedelta(days=200)
    clock.advance(200 * 86_400.0)
    before = await asked(ATTRIBUTES)
    await asker.answer("get_detailed_attributes", api_item=listed["items"][0])
    assert (await asked(ATTRIBUTES), await asked(FEED)) == (before + 1, 0)


async def test_what_some_lists_do_not_give_is_a_gap_and_none_is_a_failure(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = asker.runtime.client_of("naramarket")
    real = client.send

    async def some(call: Any) -> Any:
        if call.endpoint.id.endswith(failing):
            raise UpstreamError("planted")
        return await real(call)

    monkeypatch.setattr(client, "send", some)
    failing: str | tuple[str, ...] = "ThngPPSSrch"
    told = await asker.answer("search_notices")
    assert [gap["field"] for gap in told["gaps"]] == ["rows[goods]"]
    assert {row["business"] for row in told["rows"]} == {"services", "works", "foreign", "other"}
    failing = "Srch"
    assert (await asker.outcome("search_notices", limit=6)).error == "upstream_error"
    spent = (await asker.answer("quota_status"))["rows"]
    assert sum(one["spent"] for one in spent) >= 9  # failures too


@pytest.mark.parametrize("by", [None, "registered", "notice_number"])
async def test_an_operation_is_called_by_its_ways(asker: Asker, numbers: dict[str, str], by: str | None) -> None:
    parameters = {"bidNtceNo": numbers["notice"]} if by == "notice_number" else {}
    days = {} if parameters else {"start": "2026-09-01", "end": "2026-09-02"}
    told = await asker.answer(
        "call_operation", operation=GOODS, parameters=parameters, **({"by": by} if by else {}), **days
    )
    assert told["rows"]
    assert (await asker.outcome("call_operation", operation=GOODS, by="magic")).error == "invalid_input"
    raw = await asker.answer(
        "call_operation", operation=GOODS, parameters={"inqryDiv": "2", "bidNtceNo": numbers["notice"]}
    )
    assert raw["rows"][0]["notice_number"] == numbers["notice"]


# --- crawls ---


async def ended(asker: Asker, crawl: str) -> dict[str, Any]:
    for _ in range(600):
        told = await asker.answer("crawl_status", crawl_id=crawl)
        if told["state"] != "running":
            return dict(told)
        await asyncio.sleep(0.05)
    raise AssertionError("the crawl never ended")


async def test_a_crawl_is_cancelled_and_resumed(asker: Asker) -> None:
    asked = {"operation": GOODS, "start": "2026-09-20", "end": "2026-10-10"}
    started = await asker.answer("start_crawl", **asked)
    crawl = started["crawl"]["id"]
    assert started["state"] == "running"
    desk = desk_of(asker.runtime.client_of("naramarket"))
    for _ in range(100_000):
        if crawl in desk.progress:
            break
        await asyncio.sleep(0)
    await asker.answer("cancel_crawl", crawl_id=crawl)
    stopped = await ended(asker, crawl)
    assert stopped["state"] == "cancelled"
    assert not stopped["success"]
    assert all(gap["reason"] for gap in stopped["gaps"])
    assert (await asker.answer("start_crawl", **asked))["crawl"]["id"] == crawl  # the same, gone on with
    await asker.answer("resume_crawl", crawl_id=crawl)  # running already: nothing more
    assert (await ended(asker, crawl))["success"]
    assert (await asker.answer("resume_crawl", crawl_id=crawl))["state"] == "done"
    latest = await asker.answer("crawl_status")
    assert latest["crawls"][0]["success"]
    assert latest["stored"][GOODS]["rows"] > 0
    assert (await asker.outcome("crawl_status", crawl_id="nobody")).error == "not_found"


async def test_a_crawl_out_of_quota_is_not_resumed_before_its_time(asker: Asker) -> None:
    desk = desk_of(asker.runtime.client_of("naramarket"))
    plan = await desk.plan(GOODS, None, NOON.date(), NOON.date(), {})
    crawl = await desk.begin(plan)
    desk.book.stand(crawl, "quota", now=NOON, again="2026-11-21T00:00:00+09:00")
    assert (await asker.outcome("resume_crawl", crawl_id=crawl)).error == "invalid_input"


async def test_attributes_are_asked_once_a_product(asker: Asker) -> None:
    told = await asker.answer(
        "crawl_to_csv", category="마그네틱카드판독기", output_csv="a.csv", total_days=3, explode_attributes=True
    )
    assert told["success"]
    spent = {one["operation"]: one["spent"] for one in (await asker.answer("quota_status"))["rows"]}
    asked = spent.get("ThngListInfoService02.getPrdctIndvAtrbInfoList02", 0)
    assert asked == told["success_details"]
    assert asked <= told["total_products"]
    folder = desk_of(asker.runtime.client_of("naramarket")).folder
    (folder.root / "b.csv").write_text("x,y\n", encoding="utf-8")
    outcome = await asker.outcome("crawl_to_csv", category="운영체제", output_csv="b.csv", append=True)
    assert outcome.error == "invalid_input"
    (folder.root / "p.json").write_text(json.dumps({"items": [{"a": {"b": 1}}]}), encoding="utf-8")
    told = await asker.answer("convert_json_to_parquet", json_path="p.json", output_parquet="p.parquet")
    assert told["rows_converted"] == 1
    for wrong in ("{", "[1]"):
        (folder.root / "w.json").write_text(wrong, encoding="utf-8")
        outcome = await asker.outcome("convert_json_to_parquet", json_path="w.json", output_parquet="p.parquet")
        assert outcome.error == "invalid_input"
    assert (await asker.outcome("merge_csv_files", input_pattern="zzz*.csv", output_csv="m.csv")).error == "not_found"
    for tool in ("export_store", "query_store"):
        more = {"output": "x.csv"} if tool == "export_store" else {"sql": "SELECT 1"}
        assert (await asker.outcome(tool, operation="getDminsttInfo02", **more)).error == "not_found"


def test_people_in_packed_strings_are_hidden_in_files() -> None:
    endpoint = SPEC.endpoint("CntrctInfoService.getCntrctInfoListThngPPSSrch")
    told = hider(endpoint)(
        {"corpList": "[1^단독^^가상사^홍길동^한국^100^^김담당^1234567890]", "cntrctInsttOfclNm": "이몽룡"}
    )
    assert told["corpList"] == "[1^단독^^가상사^***^한국^100^^***^1234567890]"
    assert told["cntrctInsttOfclNm"] == "***"


# --- the account of a window ---


def key(*numbers: int) -> tuple[bytes, ...]:
    return tuple(number.to_bytes(8, "big") for number in numbers)


def test_an_empty_window_costs_one_call() -> None:
    one = Reading(10)
    assert one.wants() == [1]
    one.hear(1, 10, 10, 0, ())
    assert one.wants() == []
    assert one.verdict
    assert (one.verdict.gap, one.verdict.distinct) == (None, 0)


def test_a_list_that_never_stands_still_is_a_gap() -> None:
    one, at = Reading(10), 0
    while wanted := one.wants():
        at += 1
        assert at < 100
        one.hear(wanted[0], one.size, one.size, 5, key(at) if wanted[0] == 1 else ())
    assert one.verdict
    assert "no two of 6 readings" in str(one.verdict.gap)
    one.hear(1, 10, 10, 1, key(1))  # too late to change it


def test_a_service_that_ignores_the_page_number_is_not_asked_for_ever() -> None:
    one, at = Reading(10), 0
    while wanted := one.wants():
        at += 1
        assert at < 20
        one.hear(wanted[0], 10, 10, 0, key(*range(10)))
    assert one.verdict
    assert one.verdict.distinct == 10
    assert "unreliable" in one.verdict.note


def test_pages_cut_differently_than_asked_begin_anew() -> None:
    one = Reading(10)
    one.hear(1, 10, 10, 25, key(*range(10)))
    assert one.wants() == [2, 3]
    one.hear(2, 10, 5, 25, key(*range(5, 10)))
    assert (one.size, one.wants()) == (5, [1])
    one.hear(1, 10, 10, 25, key(99))  # of the old size: seen, and no page of this reading
    assert one.wants() == [1]
    one.resize(4)
    assert one.wants() == [1]
