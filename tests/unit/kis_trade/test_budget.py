"""What a client reads before its first question stays within its budget."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dari.app.runtime import Runtime
from dari.app.servers import SERVERS
from dari.cli import calling
from dari.cli.calling import compact
from dari.serving.schemas import listed
from dari.serving.union import Union
from dari.settings import resolve
from tests.support import settings


@pytest.mark.parametrize(("name", "tools", "characters"), [("kis-trade", 20, 9_000), ("kiwoom", 30, 11_000)])
def test_a_server_is_short(name: str, tools: int, characters: int, capsys: pytest.CaptureFixture[str]) -> None:
    calling.tools(name, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert len(told["tools"]) <= tools
    assert told["tools_list_chars"] <= characters


async def test_the_union_of_all_servers_is_short(tmp_path: Path) -> None:
    found = resolve(environment=settings(tmp_path), home=tmp_path)
    async with Runtime(found, simulated=True) as runtime:
        union = Union({name: runtime.server(name)[1] for name in SERVERS})
        told = [listed(one.tool) for one in union.offered.values()]
    assert sum(len(compact(one)) for one in told) <= 6_000
