"""The simulator on a loopback port, for what needs a real connection: broken replies and websockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dari.providers.kiwoom.simulator import Key, Simulator


@asynccontextmanager
async def served(simulator: Simulator) -> AsyncIterator[str]:
    """Serve on a free port; gives the origin."""
    config = uvicorn.Config(
        simulator,
        host="127.0.0.1",
        port=0,
        log_level="critical",
        lifespan="off",
        ws="websockets-sansio",
        ws_ping_interval=None,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by an attribute
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        await task


async def token_of(origin: str, key: Key) -> str:
    """A token from the served simulator."""
    async with httpx2.AsyncClient() as http:
        body = {"grant_type": "client_credentials", "appkey": key.app_key, "secretkey": key.secret_key}
        told = (await http.post(f"{origin}/{key.mode}/oauth2/token", json=body)).json()
    token: str = told["token"]
    return token


class Line:
    """A websocket client: frames in, frames out."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.kept: list[dict[str, Any]] = []

    async def say(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def hear(self, seconds: float = 5.0) -> dict[str, Any]:
        """The next frame."""
        frame: dict[str, Any] = json.loads(await asyncio.wait_for(self.connection.recv(), seconds))
        return frame

    async def until(self, trnm: str, seconds: float = 5.0) -> dict[str, Any]:
        """The next frame of a kind; others are kept."""
        while True:
            frame = await self.hear(seconds)
            if frame["trnm"] == trnm:
                return frame
            self.kept.append(frame)

    async def register(self, *items: str, kind: str = "0B", group: str = "1", refresh: str = "1") -> dict[str, Any]:
        await self.say(trnm="REG", grp_no=group, refresh=refresh, data=[{"item": list(items), "type": [kind]}])
        return await self.until("REG")

    async def closed(self, seconds: float = 5.0) -> bool:
        """Whether the other side hangs up, frames in between aside."""
        try:
            while True:
                self.kept.append(await self.hear(seconds))
        except ConnectionClosed:
            return True
        except TimeoutError:
            return False


@asynccontextmanager
async def line(origin: str, key: Key, token: str | None = None) -> AsyncIterator[Line]:
    """A connected and (with a token) signed-in websocket."""
    address = f"{origin.replace('http', 'ws')}/{key.mode}/api/dostk/websocket"
    async with connect(address, ping_interval=None, max_queue=None) as connection:
        one = Line(connection)
        if token is not None:
            await one.say(trnm="LOGIN", token=token)
            told = await one.until("LOGIN")
            assert told["return_code"] == 0, told
        yield one
