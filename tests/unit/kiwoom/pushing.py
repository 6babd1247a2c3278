"""A Kiwoom websocket made of queues, written from the facts: LOGIN, REG, REMOVE, REAL, PING, SYSTEM, screens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from dari.core.errors import Unreachable

END = object()


class Link:
    """One connection, the client's end and the server's."""

    def __init__(self, server: PushingKiwoom) -> None:
        self.server = server
        self.headers: Mapping[str, str] = {"x-dari-simulator": "1"} if server.simulated else {}
        self.to_client: asyncio.Queue[Any] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.closed = False

    async def send(self, text: str) -> None:
        if self.closed:
            raise Unreachable("closed", executed=None)
        self.sent.append(json.loads(text))
        self.server.heard(self, self.sent[-1])

    async def receive(self) -> str:
        told = await self.to_client.get()
        if told is END or self.closed:
            self.closed = True
            raise Unreachable("cut", executed=None)
        return str(told)

    async def close(self) -> None:
        self.closed = True
        self.to_client.put_nowait(END)

    def say(self, **frame: Any) -> None:
        self.to_client.put_nowait(json.dumps(frame, ensure_ascii=False))


class PushingKiwoom:
    """Sessions in the order they came; `down` refuses that many connections."""

    def __init__(self, *, simulated: bool = False) -> None:
        self.simulated = simulated
        self.links: list[Link] = []
        self.down = 0
        self.refuse: dict[str, dict[str, Any]] = {}
        self.mute: set[str] = set()

    async def connect(self, url: str) -> Link:
        assert url == "wss://mockapi.kiwoom.com:10000/api/dostk/websocket"
        if self.down:
            self.down -= 1
            raise Unreachable("no connection", executed=False)
        self.links.append(Link(self))
        return self.links[-1]

    @property
    def link(self) -> Link:
        return self.links[-1]

    def heard(self, link: Link, frame: dict[str, Any]) -> None:
        name = frame["trnm"]
        if name in self.mute or name == "PING":
            return
        said = self.refuse.pop(name, None) or {"return_code": 0, "return_msg": ""}
        if name == "CNSRLST":
            said = {**said, "data": [["0", "골든크로스"], ["4", "급등"]]}
        if name == "CNSRREQ" and frame["search_type"] == "0":
            page = frame.get("next_key", "")
            said = {**said, "seq": frame["seq"], "cont_yn": "N" if page else "Y", "next_key": "" if page else "k1"}
            said["data"] = [
                {"9001": "A000660" if page else "A005930", "302": "이름", "10": "-000070100", "12": "-1.13"}
            ]
        link.say(trnm=name, **said)

    def push(self, kind: str, item: str, **values: str) -> None:
        fids = {name.removeprefix("f"): value for name, value in values.items()}
        self.link.say(trnm="REAL", data=[{"type": kind, "name": "", "item": item, "values": fids}])

    def frames(self, name: str) -> list[dict[str, Any]]:
        return [frame for link in self.links for frame in link.sent if frame["trnm"] == name]
