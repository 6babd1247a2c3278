"""Pushed data over MCP as its clients of both eras see it: read, subscribe, hear of news, leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client, MCPError
from mcp.shared.memory import create_client_server_memory_streams
from mcp.shared.subscriptions import ResourceUpdated

from dari.app.runtime import Runtime
from dari.cli.gateway import gateway
from dari.core.clock import RunningClock
from dari.core.errors import NotAllowed
from dari.providers.kis.simulator.app import Simulator
from dari.serving.callers import Caller
from dari.serving.mcp_door import listening, stdio
from dari.settings import resolve
from tests.support import MORNING, settings

TRADES = {"kis-trade": "kis://realtime/trade/005930", "kiwoom": "kiwoom://realtime/0B/005930"}
OLD = pytest.mark.filterwarnings("ignore:resources/:mcp.shared.exceptions.MCPDeprecationWarning")
"""That era is what is tested."""
WAYS = (("kis-trade", "http"), ("kis-trade", "stdio"), ("kiwoom", "stdio"))
MODERN, LEGACY = "auto", "legacy"


class Served:
    """A server behind one door, and how its clients connect."""

    def __init__(self, runtime: Runtime, name: str, where: Any) -> None:
        self.runtime, self.name, self._where = runtime, name, where
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def _told(self, message: Any) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            self.heard.put_nowait(str(message.params.uri))

    def client(self, mode: str) -> Client:
        return Client(self._where(), mode=mode, message_handler=self._told)

    async def news(self) -> str:
        async with asyncio.timeout(8):
            return await self.heard.get()


@asynccontextmanager
async def served(name: str, door: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    found = resolve(environment=settings(folder, KIS_MODE="paper"), home=folder)
    async with Runtime(found, simulated=True, clock=RunningClock(MORNING)) as runtime:
        if name == "kis-trade":
            wire: Any = runtime.client_of("kis").dialect
            app: Any = wire.send.__self__._transport.app
            assert isinstance(app, Simulator)
            app.streams.interval = 0.05
        if door == "http":
            async with listening.serving(gateway(runtime, [name])) as address:
                yield Served(runtime, name, lambda: f"{address}/mcp")
            return
        named, dispatch = runtime.server(name)
        async with create_client_server_memory_streams() as (ours, theirs):

            @asynccontextmanager
            async def streams() -> AsyncIterator[Any]:
                yield theirs

            @asynccontextmanager
            async def transport() -> AsyncIterator[Any]:
                yield ours

            monkeypatch.setattr(stdio, "stdio_server", streams)
            about: dict[str, Any] = {"version": "1", "instructions": "", "shelf": named.shelf()}
            serving = asyncio.ensure_future(
                stdio.serve(name, dispatch, runtime.caller(), **about, boards=runtime.boards(name))
            )
            yield Served(runtime, name, transport)
            await asyncio.wait_for(serving, 5)


def document(result: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(result.contents[0].text)
    return told


@pytest.mark.parametrize(("name", "door"), WAYS)
async def test_the_stateless_era_listens(name: str, door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = TRADES[name]
    async with served(name, door, tmp_path, monkeypatch) as one, one.client(MODERN) as client:
        assert client.session.protocol_version == "2026-07-28"
        async with client.listen(resource_subscriptions=[uri, "kis://api/no-news"]) as stream:
            assert stream.honored.resource_subscriptions == [uri]
            async with asyncio.timeout(8):
                assert await anext(stream) == ResourceUpdated(uri)
            first = document(await client.read_resource(uri))
            async with asyncio.timeout(8):
                assert await anext(stream) == ResourceUpdated(uri)
            later = document(await client.read_resource(uri))
    assert later["count"] > first["count"] > 0
    assert later["simulated"] is True
    assert later["latest"][0]["price"] > 0
    assert later["provenance"][0]["mode"] in {"real", "paper"}


@pytest.mark.parametrize(("name", "door"), WAYS)
@OLD
async def test_the_session_era_subscribes_and_leaves(
    name: str, door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = TRADES[name]
    async with served(name, door, tmp_path, monkeypatch) as one, one.client(LEGACY) as client:
        assert (await client.session.subscribe_resource(uri)) is not None
        assert await one.news() == uri
        assert document(await client.read_resource(uri))["count"] > 0
        await client.session.unsubscribe_resource(uri)
        await asyncio.sleep(0.1)
        while not one.heard.empty():
            one.heard.get_nowait()
        await asyncio.sleep(0.8)
        assert one.heard.empty()


@OLD
@pytest.mark.parametrize("mode", [MODERN, LEGACY])
async def test_who_leaves_gives_back_what_he_subscribed_to(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = TRADES["kiwoom"]
    async with served("kiwoom", "http", tmp_path, monkeypatch) as one:
        boards = one.runtime.boards("kiwoom")
        assert boards is not None
        async with one.client(mode) as client:
            listed = await client.list_resource_templates()
            assert "kiwoom://alert/{item}/{figure}/{side}/{number}" in [
                t.uri_template for t in listed.resource_templates
            ]
            if mode == LEGACY:
                await client.session.subscribe_resource(uri)
                assert boards.listeners(uri) == 1
            else:
                async with client.listen(resource_subscriptions=[uri]):
                    assert boards.listeners(uri) == 1
        async with asyncio.timeout(5):
            while boards.listeners(uri):  # noqa: ASYNC110 -- a count tells nobody
                await asyncio.sleep(0.02)


@OLD
async def test_what_is_not_there_is_refused_on_both_eras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served("kis-trade", "http", tmp_path, monkeypatch) as one:
        async with one.client(LEGACY) as client:
            for uri in ("kis://nothing/1", "kis://realtime/nothing/005930"):
                with pytest.raises(MCPError):
                    await client.session.subscribe_resource(uri)
            assert await client.session.subscribe_resource("kis://apis") is not None  # it never changes
            await client.session.unsubscribe_resource("kis://apis")
        async with one.client(MODERN) as client:
            with pytest.raises(MCPError, match="one of price, change, volume"):
                async with client.listen(resource_subscriptions=["kis://alert/005930/colour/above/1"]):
                    pass
            with pytest.raises(MCPError, match="no resource"):
                await client.read_resource("kis://nothing/1")


async def test_who_may_not_collect_may_not_watch(tmp_path: Path) -> None:
    async with Runtime(resolve(environment=settings(tmp_path), home=tmp_path), simulated=True) as runtime:
        boards = runtime.boards("kiwoom")
        assert boards is not None
        assert runtime.boards("naramarket") is None
        for stranger in (Caller(permits=()), Caller(deny=("kiwoom/collect_realtime",)), Caller(profiles=())):
            with pytest.raises(NotAllowed):
                await boards.read(TRADES["kiwoom"], stranger)
