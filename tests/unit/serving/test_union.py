"""Three tools lead to all the others: found by a question, described, called; what changes something is not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dari.app.runtime import Runtime
from dari.app.servers import SERVERS
from dari.serving.schemas import listed
from dari.serving.union import Union
from dari.settings import resolve
from tests.support import settings


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime(resolve(environment=settings(tmp_path), home=tmp_path), simulated=True) as one:
        yield one


@pytest.fixture
def union(runtime: Runtime) -> Union:
    return Union({name: runtime.server(name)[1] for name in ("volume-ranking", "kiwoom", "kis-trade")})


def test_the_list_is_short_whatever_stands_behind_it(union: Union) -> None:
    told = [listed(offered.tool) for offered in union.offered.values()]
    for one in told:
        one.pop("outputSchema")
    assert len(json.dumps(told, ensure_ascii=False)) <= 6_000


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("오늘 거래대금 상위 20개", "volume-ranking__get_volume_ranking"),
        ("업종별 거래대금", "volume-ranking__get_sector_volume_ranking"),
        ("unusual volume", "volume-ranking__get_unusual_volume"),
        ("키움 현재가", "kiwoom__get_stock_price"),
    ],
)
async def test_a_question_finds_its_tool(union: Union, runtime: Runtime, question: str, name: str) -> None:
    found = await union.call("search_tools", {"question": question}, runtime.caller())
    assert name in [one["name"] for one in found.structured["tools"]][:5]


async def test_described_and_called(union: Union, runtime: Runtime) -> None:
    name = "volume-ranking__get_volume_ranking"
    described = await union.call("describe_tool", {"name": name}, runtime.caller())
    assert "count" in described.structured["inputSchema"]["properties"]
    arguments = {"count": 2, "include_details": False}
    told = await union.call("call_tool", {"name": name, "arguments": arguments}, runtime.caller())
    assert len(told.structured["ranking"]) == 2
    wrong = await union.call("call_tool", {"name": name, "arguments": {"count": 99}}, runtime.caller())
    assert wrong.error == "invalid_input"


@pytest.mark.parametrize(
    ("tool", "arguments", "error"),
    [
        ("search_tools", {"question": ""}, "invalid_input"),
        ("search_tools", None, "invalid_input"),
        ("describe_tool", {"name": "nobody__nothing"}, "not_found"),
        ("call_tool", {"name": "kiwoom__apply_plan", "arguments": {"plan_id": "x", "fingerprint": "y"}}, "not_allowed"),
        ("get_volume_ranking", {}, "not_found"),
    ],
)
async def test_what_is_refused(
    union: Union, runtime: Runtime, tool: str, arguments: dict[str, object] | None, error: str
) -> None:
    assert (await union.call(tool, arguments, runtime.caller())).error == error


async def test_nothing_fits_is_said(union: Union, runtime: Runtime) -> None:
    found = await union.call("search_tools", {"question": "ㅁ"}, runtime.caller())
    assert found.structured["tools"] == []


def test_every_name_fits_every_client() -> None:
    names = [f"{name}__{tool.name}" for name, server in SERVERS.items() for _, tool in server.tools()]
    assert max(map(len, names)) <= 64
    assert len(set(names)) == len(names)
