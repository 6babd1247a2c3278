"""A dialect over the simulated upstream, and a plain way to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Any

import httpx2
import pytest

from dari.core.clock import ManualClock
from dari.core.exchange import Call, Reply
from dari.core.provider import Credential, Request, Response
from dari.providers.naramarket.dialect import NaramarketDialect
from dari.providers.naramarket.simulator import SIMULATED_KEY, create_app
from dari.providers.naramarket.spec import SPEC
from dari.upstream.wire import Wire
from dari.worlds.procurement import World
from tests.unit.naramarket_simulator.conftest import NOW, key_of

GOODS = "BidPublicInfoService.getBidPblancListInfoThng"
MONTH = {"inqryDiv": "1", "inqryBgnDt": "202609010000", "inqryEndDt": "202609302359"}
DAYS = {"inqryDiv": "1", "inqryBgnDt": "202609010000", "inqryEndDt": "202609042359"}


def keys(key: str = SIMULATED_KEY) -> Mapping[tuple[str, str], Credential]:
    credential = Credential(mode="real", parts=MappingProxyType({"servicekey": key}))
    return MappingProxyType({("default", "real"): credential})


class Sim:
    """A simulator with a dialect in front of it."""

    def __init__(self, world: World, *, key: str = SIMULATED_KEY, **options: Any) -> None:
        self.world = world
        self.clock = ManualClock(NOW)
        self.app = create_app(world, clock=self.clock, **options)
        self.wire = Wire.to_app(self.app)
        self.dialect = self.over(self.wire.send, key)
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://simulated")

    def over(self, send: Callable[[Request], Any], key: str = SIMULATED_KEY) -> NaramarketDialect:
        return NaramarketDialect(send=send, clock=self.clock, credentials=keys(key), host="http://simulated")

    async def ask(self, endpoint: str, parameters: Mapping[str, str], *, cursor: str | None = None) -> Reply:
        call = Call(SPEC.endpoint(endpoint), parameters, cursor=cursor)
        self.dialect.check(call)
        return await self.dialect(call)

    async def faults(self, **scripts: Any) -> None:
        reply = await self.http.put("/__sim__/faults", json=scripts)
        assert reply.status_code == 200, reply.text

    async def truth(self, endpoint: str, query: Mapping[str, str]) -> list[str]:
        service, _, operation = endpoint.rpartition(".")
        reply = await self.http.get(f"/__truth__/{service}/{operation}", params=dict(query))
        assert reply.status_code == 200, reply.text
        told: list[str] = reply.json()["keys"]
        return told

    async def stats(self) -> dict[str, Any]:
        told: dict[str, Any] = (await self.http.get("/__sim__/stats")).json()
        return told


@pytest.fixture(scope="session")
def world() -> World:
    return World(7, scale=0.1)


Make = Callable[..., Sim]


@pytest.fixture
async def make(world: World) -> AsyncIterator[Make]:
    """Makes simulators over the one world and closes their clients."""
    made: list[Sim] = []

    def one(**options: Any) -> Sim:
        made.append(Sim(world, **options))
        return made[-1]

    yield one
    for sim in made:
        await sim.wire.close()
        await sim.http.aclose()


@pytest.fixture
async def sim(make: Make) -> Sim:
    return make()


def answering(status: int, content: str | bytes, headers: Mapping[str, str] | None = None) -> Any:
    """A network that always answers this."""

    async def send(_: Request) -> Response:
        body = content.encode() if isinstance(content, str) else content
        return Response(status, dict(headers or {}), body)

    return send


__all__ = ["DAYS", "GOODS", "MONTH", "NOW", "Make", "Sim", "answering", "key_of", "keys"]
