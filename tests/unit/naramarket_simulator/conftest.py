"""A simulated procurement upstream, and a plain client that knows nothing but the documented facts."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx2
import pytest

from dari.core.clock import KST, ManualClock
from dari.providers.naramarket.simulator import SIMULATED_KEY, Account, Limits, create_app
from dari.providers.naramarket.spec import SPEC
from dari.worlds.procurement import World

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
GOODS = "BidPublicInfoService.getBidPblancListInfoThng"
MONTH = {"inqryDiv": "1", "inqryBgnDt": "202609010000", "inqryEndDt": "202609302359"}


@dataclass
class Heard:
    """A reply, read by the documented shapes alone."""

    status: int
    text: str
    code: str
    rows: list[dict[str, str]]
    total: int
    size: int = 0
    envelope: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def read(response: httpx2.Response) -> Heard:
    """Which of the five envelopes, and what is in it."""
    text = response.text
    told = Heard(response.status_code, text, "", [], 0, headers=dict(response.headers))
    if response.status_code != 200 and "OpenAPI_ServiceResponse" not in text:
        told.envelope, told.code = "plain", f"http{response.status_code}"
    elif text.lstrip().startswith("{"):
        _read_json(json.loads(text), told)
    elif "<OpenAPI_ServiceResponse>" in text:
        told.envelope = "gateway_xml"
        told.code = _one("returnReasonCode", text)
    elif "ResponseError>" in text:
        told.envelope, told.code = "service_error", _one("resultCode", text)
    elif text.startswith("<?xml"):
        told.envelope, told.code = "ok_xml", _one("resultCode", text)
        tree = ET.fromstring(text)
        told.rows = [{cell.tag: cell.text or "" for cell in item} for item in tree.iter("item")]
        told.total, told.size = int(_one("totalCount", text)), int(_one("numOfRows", text))
    else:
        told.envelope = "garbage"
    return told


def _one(tag: str, text: str) -> str:
    found = re.search(f"<{tag}>([^<]*)</{tag}>", text)
    assert found, (tag, text[:200])
    return found[1]


def _read_json(body: dict[str, Any], told: Heard) -> None:
    (name, inside), *rest = body.items()
    assert not rest
    if name == "OpenAPI_ServiceResponse":
        told.envelope, told.code = "gateway_json", inside["cmmMsgHeader"]["returnReasonCode"]
    elif name.endswith("ResponseError"):
        told.envelope, told.code = "service_error", inside["header"]["resultCode"]
    else:
        told.envelope, told.code = "ok", inside["header"]["resultCode"]
        items = inside["body"].get("items") or []
        if isinstance(items, dict):
            items = items["item"] if isinstance(items["item"], list) else [items["item"]]
        told.rows, told.total, told.size = items, inside["body"]["totalCount"], inside["body"]["numOfRows"]


class Upstream:
    """One simulator with its clock, asked in process."""

    def __init__(self, world: World, *, start: datetime = NOW, **options: Any) -> None:
        self.clock = ManualClock(start)
        self.app = create_app(world, clock=self.clock, **options)
        self.world = world
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://simulated")

    async def raw(self, endpoint_id: str, query: str) -> Heard:
        """Ask with a query string as it is."""
        return read(await self.http.get(f"{SPEC.endpoint(endpoint_id).path}?{query}"))

    async def ask(self, endpoint_id: str, query: Mapping[str, str], *, key: str = SIMULATED_KEY, **more: Any) -> Heard:
        """Ask with the key encoded once."""
        asked = {"type": "json", **query, **{name: str(value) for name, value in more.items()}}
        pairs = "&".join(f"{name}={quote(value)}" for name, value in asked.items())
        return await self.raw(endpoint_id, f"ServiceKey={quote(key, safe='')}&{pairs}")

    async def truth(self, endpoint_id: str, query: Mapping[str, str]) -> list[str]:
        """The keys of a window from the world itself."""
        service, _, operation = endpoint_id.rpartition(".")
        reply = await self.http.get(f"/__truth__/{service}/{operation}", params=dict(query))
        assert reply.status_code == 200, reply.text
        keys: list[str] = reply.json()["keys"]
        return keys

    async def faults(self, **scripts: Any) -> None:
        """Let exactly these scripts be on."""
        reply = await self.http.put("/__sim__/faults", json=scripts)
        assert reply.status_code == 200, reply.text

    async def stats(self) -> dict[str, Any]:
        """What was asked so far."""
        told: dict[str, Any] = (await self.http.get("/__sim__/stats")).json()
        return told


def key_of(endpoint_id: str, row: Mapping[str, str]) -> str:
    """The natural key of a row."""
    return "|".join(row[name] for name in SPEC.endpoint(endpoint_id).wire["key"])


@pytest.fixture(scope="session")
def world() -> World:
    return World(7, scale=0.1)


Make = Callable[..., Upstream]


@pytest.fixture
async def make(world: World) -> AsyncIterator[Make]:
    """Makes simulators over the one world and closes their clients."""
    made: list[Upstream] = []

    def one(**options: Any) -> Upstream:
        made.append(Upstream(world, **options))
        return made[-1]

    yield one
    for upstream in made:
        await upstream.http.aclose()


@pytest.fixture
async def upstream(make: Make) -> Upstream:
    return make()


__all__ = ["GOODS", "MONTH", "NOW", "Account", "Heard", "Limits", "Make", "Upstream", "key_of", "read"]
