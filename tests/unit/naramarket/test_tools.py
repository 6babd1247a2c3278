"""The tools over the simulator, asked as a client asks: what people ask, and the original's names and parameters."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from dari.app.naramarket import desk_of
from dari.app.runtime import Runtime
from dari.app.servers import chosen_toolsets, narrowed, server
from dari.core.clock import KST
from dari.core.endpoint import Effect
from dari.core.errors import InvalidInput
from dari.providers.naramarket.tools import TOOLS
from dari.serving.callers import Caller
from dari.serving.schemas import listed
from dari.settings import resolve
from dari.worlds.procurement import World
from scripts.reference import weight
from tests.support import Asker, settings, simulated

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
GOODS = "BidPublicInfoService.getBidPblancListInfoThng"
NUMBERS = ["plan", "prespec", "request", "notice", "notice with revision", "contract"]


@pytest.fixture
async def asker(tmp_path: Path) -> AsyncIterator[Asker]:
    async with simulated("naramarket", tmp_path, now=NOON, DARI_REACH="change") as one:
        yield one


async def done(asker: Asker, crawl: str) -> dict[str, Any]:
    """The status of a crawl once it has ended."""
    for _ in range(500):
        told = await asker.answer("crawl_status", crawl_id=crawl)
        if told["state"] != "running":
            return dict(told)
        await asyncio.sleep(0.05)
    raise AssertionError("the crawl never ended")


def test_they_are_few_and_weigh_little() -> None:
    weights = {}
    for tool in TOOLS:
        told = listed(tool)
        told.pop("outputSchema")
        weights[tool.name] = (tool.toolset, weight(told))
    assert len(TOOLS) <= 35
    assert sum(size for _, size in weights.values()) <= 15_000
    for toolset in ("search", "crawl", "files"):
        assert sum(size for name, size in weights.values() if name == toolset) <= 6_500


def test_what_writes_is_no_reader() -> None:
    writing = {"crawl_to_csv", "start_crawl", "resume_crawl", "cancel_crawl", "save_results", "export_store",
               "convert_json_to_parquet", "merge_csv_files", "watch_search"}  # fmt: skip
    assert {tool.name for tool in TOOLS if tool.effect is not Effect.READ} == writing


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("search_notices", "notice_number"), ("search_prespecs", "prespec_number"),
        ("search_order_plans", "plan_number"),
        ("search_awards", "winner_business_number"), ("search_contracts", "contract_number"),
    ],
)  # fmt: skip
async def test_a_search_gives_rows_pages_and_provenance(asker: Asker, tool: str, name: str) -> None:
    told = await asker.answer(tool, start="20261101", end="2026-11-07", limit=8)
    assert told["rows"]
    assert all(row[name] for row in told["rows"])
    assert told["period"] == {"start": "2026-11-01", "end": "2026-11-07"}
    assert told["simulated"]
    assert told["truncated"] == (told["next_page"] is not None) == (told["total"] > len(told["rows"]))
    second = await asker.answer(tool, start="20261101", end="2026-11-07", limit=8, page=told["next_page"])
    assert not {row[name] for row in told["rows"]} & {row[name] for row in second["rows"]}
    assert not [row for row in told["rows"] for value in row.values() if value == "***"]


async def test_words_and_prices_narrow(asker: Asker) -> None:
    told = await asker.answer("search_notices", words="데스크톱", business="goods", min_price=10_000_000)
    assert told["rows"]
    assert all("데스크톱" in row["notice_title"] and row["estimated_price"] >= 10_000_000 for row in told["rows"])


async def test_a_question_too_wide_is_refused_before_it_costs(asker: Asker) -> None:
    outcome = await asker.outcome("search_notices", start="2026-01-01", end="2026-11-20")
    assert outcome.error == "invalid_input"
    assert (await asker.answer("quota_status"))["rows"] == []


async def test_calls_are_counted_where_crawls_count_theirs(asker: Asker) -> None:
    await asker.answer("search_notices", business="goods")
    await asker.answer("search_notices", business="goods")  # told again: costs nothing
    (row,) = (await asker.answer("quota_status"))["rows"]
    assert (row["spent"], row["left"]) == (1, 999)


@pytest.fixture(scope="module")
def chain() -> dict[str, str]:
    """A purchase that has every number."""
    world = World(1)
    start, end = datetime(2026, 6, 1, tzinfo=KST), datetime(2026, 6, 30, tzinfo=KST)
    for ref in world.window("goods", "notice.posted", start, end):
        found = world.purchase(ref.source, ref.day, ref.nth)
        numbers = {
            "plan": found.plan_number, "prespec": found.prespec_number, "request": found.request_number,
            "notice": found.notice_number, "contract": found.contract_number,
        }  # fmt: skip
        if all(numbers.values()):
            return {**numbers, "notice with revision": f"{found.notice_number}-000"}
    raise AssertionError("no purchase has every number")


@pytest.mark.parametrize("start", NUMBERS)
async def test_a_purchase_is_traced_from_any_of_its_numbers(asker: Asker, chain: dict[str, str], start: str) -> None:
    told = await asker.answer("trace_procurement", number=chain[start])
    assert told["business"] == "goods"
    for stage in ("plan", "prespec", "request", "notice", "contract"):
        assert told["numbers"][stage] == [chain[stage]], stage
        assert told["chain"][stage], stage
    assert told["chain"]["opening"]
    assert told["chain"]["award"][0]["winning_amount"] > 0


async def test_a_number_nobody_has_is_not_found(asker: Asker) -> None:
    assert (await asker.outcome("trace_procurement", number="R26BK99999999")).error == "not_found"
    assert (await asker.outcome("get_notice", number="R26BK99999999")).error == "not_found"


async def test_a_notice_comes_with_all_that_hangs_on_it(asker: Asker, chain: dict[str, str]) -> None:
    told = await asker.answer("get_notice", number=chain["notice"])
    assert told["notice"]["notice_number"] == chain["notice"]
    assert told["basis_amounts"]
    assert told["items"]
    assert told["documents"]
    opening = await asker.answer("get_opening", number=chain["notice"])
    assert opening["bidders"][0]["opening_rank"]
    assert opening["reserve_prices"]
    read = await asker.answer("read_attachment", url=told["documents"][0]["url"])
    assert chain["notice"] in read["untrusted_text"]


@pytest.mark.parametrize("url", ["http://169.254.169.254/x", "file:///etc/passwd", "https://g2b.go.kr.evil.com/a.txt",
                                 "https://user@www.g2b.go.kr/a", "https://localhost/a.txt"])  # fmt: skip
async def test_attachments_come_from_the_procurement_systems_alone(asker: Asker, url: str) -> None:
    assert (await asker.outcome("read_attachment", url=url)).error == "invalid_input"


async def test_a_company_by_its_checked_number(asker: Asker) -> None:
    world = World(1)
    number = world.company_of(world.company_ref(77)).business_number
    told = await asker.answer("company_profile", business_number=number)
    assert told["company"]["business_number"] == number
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert (await asker.outcome("company_profile", business_number=wrong)).error == "invalid_input"


async def test_the_long_tail_is_searched_described_and_called(asker: Asker) -> None:
    found = await asker.answer("search_operations", query="부정당 제재 업체")
    assert found["operations"][0]["id"] == "UsrInfoService02.getUnptRsttCorpInfo02"
    told = await asker.answer("describe_operation", operation="getUnptRsttCorpInfo02")
    assert "sanctioned" in told["by"]
    rows = await asker.answer("call_operation", operation="getUnptRsttCorpInfo02", start="2026-01-01", end="2026-01-31",
                              by="sanctioned")  # fmt: skip
    assert rows["total"] > 0
    near = await asker.outcome("describe_operation", operation="getUnptRsttCorpInfo")
    assert near.error == "not_found"
    assert (await asker.answer("get_statistics", subject="기업구분별 조달 현황"))["rows"]


# --- crawls ---


async def test_a_crawl_is_planned_run_told_exported_and_asked(asker: Asker) -> None:
    asked = {"operation": GOODS, "start": "2026-10-01", "end": "2026-10-05"}
    plan = await asker.answer("plan_crawl", **asked)
    assert plan["windows"] == 1
    started = await asker.answer("start_crawl", **asked)
    status = await done(asker, started["crawl"]["id"])
    assert status["success"]
    assert status["calls"]["page"] <= plan["calls_estimate"] + 1
    (receipt,) = status["receipts"]
    assert receipt["expected"] == receipt["distinct"] == status["rows"]
    asked_store = await asker.answer("query_store", operation=GOODS, sql="SELECT count(*), min(bidNtceDt) FROM rows")
    assert asked_store["rows"][0][0] == status["rows"]
    for form in ("csv", "jsonl", "parquet", "ocds"):
        told = await asker.answer("export_store", operation=GOODS, output=f"goods.{form}", format=form)
        assert told["rows"] == status["rows"]
    text = (desk_of(asker.runtime.client_of("naramarket")).folder.root / "goods.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    "sql",
    ["SELECT * FROM read_csv('/etc/passwd')", "SELECT 1; ATTACH '/tmp/x.db'", "SET lock_configuration=false",
     "COPY rows TO '/tmp/x.csv'", "SELECT * FROM '/etc/passwd'", "WITH a AS (SELECT 1) SELECT * FROM glob('/*')"],
)  # fmt: skip
async def test_the_store_reaches_nothing_outside(asker: Asker, sql: str) -> None:
    started = await asker.answer("start_crawl", operation=GOODS, start="2026-10-01", end="2026-10-01")
    await done(asker, started["crawl"]["id"])
    assert (await asker.outcome("query_store", operation=GOODS, sql=sql)).error == "invalid_input"


async def test_crawl_to_csv_keeps_the_originals_shape_and_says_what_is_left(asker: Asker) -> None:
    asked = {"category": "운영체제", "output_csv": "os.csv", "window_days": 10, "total_days": 30, "append": True}
    part = await asker.answer("crawl_to_csv", **asked, max_windows_per_call=1)
    assert part["incomplete"]
    assert (part["remaining_days"], part["covered_days"], part["next_anchor_end_date"]) == (20, 10, "20261110")
    rest = await asker.answer(
        "crawl_to_csv", **{**asked, "total_days": 20}, anchor_end_date=part["next_anchor_end_date"]
    )
    assert rest["success"]
    assert rest["remaining_days"] == 0
    whole = await asker.answer("crawl_to_csv", **{**asked, "append": False, "output_csv": "whole.csv"})
    folder = desk_of(asker.runtime.client_of("naramarket")).folder
    keys = []
    for name in ("os.csv", "whole.csv"):
        with (folder.root / name).open(encoding="utf-8-sig", newline="") as file:
            keys.append({(row["shopngCntrctNo"], row["shopngCntrctSno"]) for row in csv.DictReader(file)})
    assert keys[0] == keys[1]
    assert len(keys[1]) == whole["rows"] > 0
    again = await asker.answer("crawl_to_csv", **{**asked, "output_csv": "whole.csv"})
    assert again["rows"] == whole["rows"]  # appended twice is there once


async def test_crawl_list_and_attributes(asker: Asker) -> None:
    told = await asker.answer("crawl_list", category="데스크톱컴퓨터", num_rows=3, days_back=30)
    assert told["success"]
    assert len(told["items"]) == 3
    assert told["total_count"] > 3
    attributes = await asker.answer("get_detailed_attributes", api_item={"prdctIdntNo": "20000012"})
    assert isinstance(attributes["attributes"], dict)
    assert (await asker.outcome("get_detailed_attributes", api_item={})).error == "invalid_input"


# --- files ---


@pytest.mark.parametrize("name", ["../x.json", "/etc/x.json", "a/../../x.json", "x\0.json", "~/x.json", "C:\\x.json",
                                  "link/x.json", ""])  # fmt: skip
async def test_files_stay_in_their_folder(asker: Asker, tmp_path: Path, name: str) -> None:
    folder = desk_of(asker.runtime.client_of("naramarket")).folder
    folder.root.mkdir(parents=True)
    (folder.root / "link").symlink_to(tmp_path)
    for tool, arguments in (
        ("save_results", {"products": [], "filename": name}),
        ("merge_csv_files", {"input_pattern": "*.csv", "output_csv": name}),
        ("summarize_csv", {"csv_path": name}),
        ("convert_json_to_parquet", {"json_path": name, "output_parquet": "a.parquet"}),
        ("crawl_to_csv", {"category": "x", "output_csv": name}),
    ):
        assert (await asker.outcome(tool, **arguments)).error == "invalid_input", tool
    assert (await asker.outcome("list_saved_json", directory="..")).error == "invalid_input"
    assert (await asker.outcome("list_saved_json", pattern="../*")).error == "invalid_input"


async def test_a_folder_is_not_written_over(asker: Asker) -> None:
    rows = [{"a": "1"}]
    assert (await asker.answer("save_results", products=rows, filename="p.json", directory="out"))["count"] == 1
    outcome = await asker.outcome("save_results", products=rows, filename="out")
    assert outcome.error == "invalid_input"
    assert "is a folder" in outcome.structured["message"]
    listed = (await asker.answer("list_saved_json", directory="out"))["files"]
    assert [file["name"] for file in listed] == ["out/p.json"]


async def test_saved_files_are_listed_converted_merged_and_summarized(asker: Asker) -> None:
    rows = [{"a": "1", "attributes": {"b": "=cmd"}}]
    assert (await asker.answer("save_results", products=rows, filename="p.json", directory="out"))["count"] == 1
    (file,) = (await asker.answer("list_saved_json", directory="out"))["files"]
    assert file["name"] == "out/p.json"
    told = await asker.answer(
        "convert_json_to_parquet", json_path="out/p.json", output_parquet="p.parquet", explode_attributes=True
    )
    assert (told["rows_converted"], told["columns"]) == (1, 2)
    folder = desk_of(asker.runtime.client_of("naramarket")).folder
    (folder.root / "1.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (folder.root / "2.csv").write_text("a,c\n3,4\n", encoding="utf-8")
    merged = await asker.answer("merge_csv_files", input_pattern="?.csv", output_csv="m.csv")
    assert (merged["rows"], merged["headers"]) == (2, ["a", "b", "c"])
    summary = await asker.answer("summarize_csv", csv_path="m.csv", max_rows_preview=1)
    assert (summary["rows"], summary["preview"]) == (2, [{"a": "1", "b": "2", "c": ""}])


async def test_to_the_person_here_dari_s_own_folders_are_open_and_to_nobody_else(tmp_path: Path) -> None:
    """With the default reach a CSV can be asked for; who signed in over HTTP needs CHANGE for the same."""
    async with simulated("naramarket", tmp_path, now=NOON) as asker:
        assert (await asker.answer("save_results", products=[]))["count"] == 0
        started = await asker.answer("start_crawl", operation=GOODS, start="2026-10-01", end="2026-10-01")
        assert (await done(asker, started["crawl"]["id"]))["success"]
        stranger = Caller(name="kim", tenant="acme")
        outcome = await asker.dispatch.call("save_results", {"products": []}, stranger)
        assert outcome.error == "not_allowed"
        assert (await asker.answer("health"))["status"] == "ok"
        info = await asker.answer("server_info")
        assert (info["operations"], info["simulated"]) == (237, True)


def test_toolsets_narrow_a_server_and_an_unknown_one_is_named() -> None:
    offer = server("naramarket").tools()
    chosen = chosen_toolsets(["naramarket"], "search, files")
    names = {tool.toolset for _, tool in narrowed(offer, chosen)}
    assert names == {"search", "files"}
    assert narrowed(offer, frozenset()) == offer
    assert narrowed(server("kiwoom").tools(), chosen) == server("kiwoom").tools()
    with pytest.raises(InvalidInput, match="magic") as told:
        chosen_toolsets(["naramarket"], "search,magic")
    assert "crawl, files, search" in told.value.hint.en


async def test_a_narrowed_server_neither_lists_nor_answers_the_rest(tmp_path: Path) -> None:
    found = resolve(environment=settings(tmp_path), home=tmp_path)
    async with Runtime(found, simulated=True, toolsets=frozenset({"search"})) as runtime:
        _, dispatch = runtime.server("naramarket")
        assert {one.tool.toolset for one in dispatch.offered.values()} == {"search"}
        assert (await dispatch.call("crawl_status", {}, runtime.caller())).error == "not_found"


async def test_a_key_of_nobody_is_named_as_such(tmp_path: Path) -> None:
    async with simulated("naramarket-mcp", tmp_path, now=NOON) as asker:
        told = json.dumps((await asker.outcome("search_notices", start=date(2030, 1, 1).isoformat())).structured)
        assert "simulated+key" not in told
