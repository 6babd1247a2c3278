"""A plain HTTP client of the simulator, written from the facts: paths and headers are spelled out here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import httpx2

from dari.core.clock import KST
from dari.core.endpoint import Endpoint, Parameter
from dari.providers.kiwoom.simulator import Key, Simulator

NOON: Final = datetime(2026, 11, 20, 12, 0, 7, tzinfo=KST)
STKINFO: Final = "/api/dostk/stkinfo"
MRKCOND: Final = "/api/dostk/mrkcond"
CHART: Final = "/api/dostk/chart"
ACNT: Final = "/api/dostk/acnt"
ORDR: Final = "/api/dostk/ordr"
RKINFO: Final = "/api/dostk/rkinfo"
SECT: Final = "/api/dostk/sect"


class Asker:
    """Asks one host with one key."""

    def __init__(self, http: httpx2.AsyncClient, simulator: Simulator, key: Key) -> None:
        self.http, self.simulator, self.key = http, simulator, key
        self.token = ""

    async def sign_in(self) -> dict[str, Any]:
        reply = await self.http.post(
            f"/{self.key.mode}/oauth2/token",
            json={
                "grant_type": "client_credentials",
                "appkey": self.key.app_key,
                "secretkey": self.key.secret_key,
            },
        )
        body: dict[str, Any] = reply.json()
        self.token = body.get("token", "")
        return body

    async def send(self, api_id: str, path: str, body: Any, **headers: str) -> httpx2.Response:
        return await self.http.post(
            f"/{self.key.mode}{path}",
            json=body,
            headers={"api-id": api_id, "authorization": f"Bearer {self.token}", **headers},
        )

    async def ask(self, api_id: str, path: str, **body: str) -> dict[str, Any]:
        """The body of a success."""
        told: dict[str, Any] = (await self.send(api_id, path, body)).json()
        assert told["return_code"] in (0, "0"), told
        return told

    async def refused(self, api_id: str, path: str, body: Any, **headers: str) -> tuple[int, str]:
        """(return_code, message) of a refusal."""
        told = (await self.send(api_id, path, body, **headers)).json()
        assert told["return_code"] not in (0, "0"), told
        return told["return_code"], told["return_msg"]

    async def truth(self, name: str, **query: str) -> Any:
        return (await self.http.get(f"/__truth__/{name}", params=query)).json()

    async def switch(self, name: str, **wanted: Any) -> Any:
        reply = await self.http.post(f"/__sim__/{name}", json=wanted)
        assert reply.status_code == 200, reply.text
        return reply.json()


SAMPLES: Final = {
    "stk_cd": "005930",
    "mmcm_cd": "050",
    "arn_grp_id": "001",
    "thema_grp_cd": "113",
    "rank_strt": "1",
    "rank_end": "50",
    "tm": "5",
    "tm_tp": "5",
    "inds_cd": "001",
    "prps_cnctr_rt": "10",
    "prpscnt": "10",
    "skip_stk": "000000000",
    "date_tp": "10",
    "uv": "60000",
    "mngmcomp": "0000",
    "etfobjt_idex_cd": "207",
}
WARRANT: Final = "576000"
GOLD: Final = "M04020000"
FIRST_DAY: Final = {"strt_dt", "start_dt", "fr_dt"}


def value_for(one: Parameter) -> str | None:
    """A value that a sheet allows; None where the parameter may be left out."""
    if one.fixed is not None:
        return one.fixed
    if one.closed:
        return next(iter(one.codes))
    if "YYYYMMDD" in one.note:
        return "20261102" if one.name in FIRST_DAY else f"{NOON:%Y%m%d}"
    return (SAMPLES.get(one.name) or next(iter(one.codes), "1")) if one.required else None


def sample(endpoint: Endpoint, fund: str) -> dict[str, str]:
    """Parameters that a sheet allows, for any read."""
    found = {one.name: value_for(one) for one in endpoint.parameters}
    body = {name: value for name, value in found.items() if value is not None}
    tail = endpoint.path.rsplit("/", 1)[-1]
    if "stk_cd" in body:
        if endpoint.id.startswith(("ka50", "kt5")):
            body["stk_cd"] = GOLD
        else:
            body["stk_cd"] = {"elw": WARRANT, "etf": fund}.get(tail, body["stk_cd"])
    if endpoint.id == "ka30003":
        body["bsis_aset_cd"] = WARRANT
    return body
