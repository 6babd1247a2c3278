"""A client of no cleverness at all: what it is told goes over the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx2

from dari.core.clock import KST, ManualClock
from dari.providers.kis.simulator import REAL, Key, Simulator
from dari.providers.kis.spec import SPEC

NOON = datetime(2026, 11, 20, 11, 0, tzinfo=KST)


class Client:
    """Speaks to a simulator in this process; the clock moves only when told."""

    def __init__(self, http: httpx2.AsyncClient, simulator: Simulator) -> None:
        self.http = http
        self.simulator = simulator
        self.tokens: dict[str, str] = {}

    @property
    def clock(self) -> ManualClock:
        clock = self.simulator.clock
        assert isinstance(clock, ManualClock)
        return clock

    async def sign_in(self, key: Key = REAL) -> httpx2.Response:
        body = {"grant_type": "client_credentials", "appkey": key.appkey, "appsecret": key.appsecret}
        reply = await self.http.post(f"/{key.mode}/oauth2/tokenP", json=body)
        if reply.status_code == 200:
            self.tokens[key.appkey] = reply.json()["access_token"]
        return reply

    def headers(self, tr_id: str, key: Key = REAL, **other: str) -> dict[str, str]:
        return {
            "authorization": f"Bearer {self.tokens.get(key.appkey, '')}",
            "appkey": key.appkey,
            "appsecret": key.appsecret,
            "custtype": "P",
            "tr_id": tr_id,
        } | other

    async def get(
        self,
        name: str,
        parameters: Mapping[str, str] | None = None,
        *,
        key: Key = REAL,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Ask a GET endpoint; what is not told is sent fixed or empty. A second passes afterwards."""
        sheet = SPEC.endpoint(name if "." in name else f"domestic_stock.{name}")
        query = {one.name: one.fixed or "" for one in sheet.parameters if one.required} | dict(parameters or {})
        told = self.headers(sheet.codes[key.mode] or "", key) | dict(headers or {})
        reply = await self.http.get(f"/{key.mode}{sheet.path}", params=query, headers=told)
        self.clock.advance(1.0)
        return reply

    async def rows(self, name: str, parameters: Mapping[str, str] | None = None, block: str = "output") -> Any:
        body = (await self.get(name, parameters)).json()
        assert body["rt_cd"] == "0", body
        return body[block]

    async def truth(self, name: str, **query: str | int) -> Any:
        reply = await self.http.get(f"/__truth__/{name}", params={"at": NOON.isoformat(), **query})
        assert reply.status_code == 200, reply.text
        return reply.json()
