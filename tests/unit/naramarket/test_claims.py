"""What the source document claimed and its program did not do: one test a claim, named after it."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest

from dari.app.naramarket import desk_of
from dari.core.clock import KST
from dari.core.errors import NotFound
from dari.providers.naramarket import crawler, dialect
from dari.providers.naramarket.crawler import planned, whole
from dari.providers.naramarket.simulator import Limits
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools.lists import MALL
from dari.serving.exposing import exposed
from tests.support import simulated
from tests.unit.naramarket.conftest import GOODS, Make, Sim
from tests.unit.naramarket.crawling import crawl, truth

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
MONTH = date(2026, 9, 1), date(2026, 9, 30)


async def test_async_tenfold_calls_overlap(make: Make, tmp_path: Path) -> None:
    """The original's asynchronous crawler was imported by no tool."""
    sim = make(limits=Limits(base=0.2, quota=10**6))
    await sim.faults(cap={"rows": 50})
    told = await crawl(sim, tmp_path, GOODS, *MONTH)
    assert (await sim.stats())["most_at_once"] >= 8
    assert sim.clock.monotonic() < 0.2 * told.calls / 4


async def test_complete_bulk_crawl_beyond_twenty_pages(sim: Sim, tmp_path: Path) -> None:
    """It stopped at 20 pages a window and said success; totalCount was never read."""
    await sim.faults(cap={"rows": 20})
    told = await crawl(sim, tmp_path, GOODS, *MONTH)
    assert told.calls > 40
    assert told.success
    assert told.keys == await truth(sim, GOODS, *MONTH)


@pytest.mark.parametrize("days", [1, 29, 30, 31, 32, 365])
def test_windows_leave_no_day_out(days: int) -> None:
    """A last window of exactly one day was skipped."""
    end = date(2026, 11, 20)
    span = whole(date.fromordinal(end.toordinal() - days + 1), end)
    for way in (SPEC.endpoint(GOODS).wire["by"]["registered"], SPEC.endpoint(MALL).wire["by"]["registered"]):
        told = {
            date.fromordinal(at)
            for one in planned(span, way)
            for at in range(one.start.date().toordinal(), one.end.date().toordinal() + 1)
        }
        assert len(told) == days


async def test_retry_waits_longer_each_time_and_a_lost_page_is_no_success(sim: Sim, tmp_path: Path) -> None:
    """Waits became shorter, and a page that failed was dropped in silence."""
    await sim.faults(http_5xx={"share": 1.0})
    told = await crawl(sim, tmp_path, GOODS, *MONTH)
    assert not told.success
    assert "failed" in told.receipts[0]["gap"]
    waits = sim.clock.monotonic()
    assert waits >= sum(0.1 * 2**n for n in range(1, 5))


async def test_quota_no_call_after_22_and_no_success(make: Make, tmp_path: Path) -> None:
    """After code 22 it made 42 more calls and said success."""
    sim = make(limits=Limits(quota=2))
    await sim.faults(cap={"rows": 100})
    told = await crawl(sim, tmp_path, GOODS, *MONTH)
    assert not told.success
    assert told.last.resume_not_before
    assert (await sim.stats())["received"] - 2 <= 4  # those in flight


async def test_quota_is_not_burnt_twentyfold(sim: Sim, tmp_path: Path) -> None:
    """Pages of 100 rows and calls after the last page."""
    told = await crawl(sim, tmp_path, GOODS, *MONTH)
    assert told.calls == -(-len(told.keys) // 999)


def test_oauth_no_passwords_are_built_in() -> None:
    """admin/admin123 stood in the code, behind routes that were never mounted; sign-in is the door's matter here."""
    for path in Path(crawler.__file__).parents[1].rglob("*.py"):
        names = {node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)}
        assert not [one for one in names if isinstance(one, str) and "admin123" in one]


async def test_security_files_stay_inside_and_https_is_used(tmp_path: Path) -> None:
    """files/save followed ../, files/list took /etc, and the key went over http."""
    assert dialect.HOST.startswith("https://")
    async with simulated("naramarket", tmp_path, now=NOON, DARI_REACH="change") as asker:
        for name in ("../../x.json", "/tmp/x.json"):
            assert (await asker.outcome("save_results", products=[], filename=name)).error == "invalid_input"
        assert (await asker.outcome("list_saved_json", directory="/etc")).error == "invalid_input"
        assert not desk_of(asker.runtime.client_of("naramarket")).folder.root.exists()


async def test_progress_is_told_while_it_happens(sim: Sim, tmp_path: Path) -> None:
    """One data line came after the whole crawl."""
    await sim.faults(cap={"rows": 50})
    told = await crawl(sim, tmp_path, GOODS, *MONTH)
    assert told.last.pages_left == 0
    assert told.last.rows >= len(told.keys)


def test_full_tests_every_test_module_can_be_imported() -> None:
    """Three of four test modules could not be imported, and none touched crawling."""
    tests = Path(__file__).parent
    told = [path for path in sorted(tests.glob("test_*.py")) if importlib.import_module(f"{__package__}.{path.stem}")]
    assert {"test_crawl_completeness.py", "test_crawl_stops.py"} <= {path.name for path in told}


def test_it_starts_as_a_program(tmp_path: Path) -> None:
    """`python src/main.py` ended in an ImportError."""
    told = subprocess.run(
        [sys.executable, "-m", "dari", "tools", "naramarket", "--toolsets", "crawl", "--json"],
        capture_output=True,
        check=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "DARI_HOME": str(tmp_path / "home")},
    )
    assert {"crawl_list", "crawl_to_csv"} <= {one["name"] for one in json.loads(told.stdout)["tools"]}


async def test_prometheus_counts_what_was_called(tmp_path: Path) -> None:
    """The compose file named images; there was no metric."""
    async with simulated("naramarket", tmp_path, now=NOON) as asker:
        await asker.answer("crawl_list", category="운영체제")
        told = exposed(asker.runtime.metrics, firing={}, version="1")
        assert 'dari_tool_calls_total{tool="crawl_list"} 1' in told


async def test_attributes_come_by_product_number(tmp_path: Path) -> None:
    """Twelve empty strings were posted to the shop's own pages."""
    async with simulated("naramarket", tmp_path, now=NOON) as asker:
        listed = await asker.answer("crawl_list", category="데스크톱컴퓨터", num_rows=1, days_back=30)
        told = await asker.answer("get_detailed_attributes", api_item=listed["items"][0])
        assert {one["endpoint"] for one in told["provenance"]} == {"ThngListInfoService02.getPrdctIndvAtrbInfoList02"}


async def test_crawl_list_asks_what_its_sheet_says(tmp_path: Path) -> None:
    """At HEAD it sent inqryBgnDate="inqryBgnDt", no type and no inqryDiv."""
    async with simulated("naramarket", tmp_path, now=NOON) as asker:
        told = await asker.answer(
            "crawl_list", category="운영체제", inqry_bgn_date="20261001", inqry_end_date="20261031"
        )
        assert told["success"]
        assert all("20261001" <= one["rgstDt"] <= "20261031" for one in told["items"])
        assert "simulated+key" not in json.dumps(told, ensure_ascii=False)


@pytest.mark.parametrize("old", ["UsrInfoService.getDminsttInfo", "ThngListInfoService.getPrdctClsfcNoUnit2Info"])
def test_retired_operations_name_their_successor(old: str) -> None:
    """12 of 38 names are no longer documented."""
    with pytest.raises(NotFound) as told:
        SPEC.endpoint(old)
    assert "02" in str(told.value.details)


def test_awards_are_asked_a_day_at_a_time_where_a_day_is_the_limit() -> None:
    """A range of 30 days was the default of an operation that permits one."""
    row = SPEC.endpoint("PubDataOpnStdService.getDataSetOpnStdScsbidInfo")
    windows = planned(whole(*MONTH), row.wire["by"]["opened"])
    assert len(windows) == 30
    assert all(one.days == 1 for one in windows)


async def test_the_output_folder_is_named_and_its_own(tmp_path: Path) -> None:
    async with simulated(
        "naramarket", tmp_path, now=NOON, OUTPUT_DIR=str(tmp_path / "out"), DARI_REACH="change"
    ) as asker:
        await asker.answer("save_results", products=[{"a": 1}])
        assert desk_of(asker.runtime.client_of("naramarket")).folder.root == tmp_path / "out"
        assert (tmp_path / "out" / "products.json").is_file()
