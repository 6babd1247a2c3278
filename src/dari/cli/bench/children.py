"""The processes that are measured: `python -m dari.cli.bench.children ROLE …`, each saying its address first."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

TRADING = "2026-11-20T10:30:00+09:00"
SERVER = "volume-ranking"
TOOL = "get_volume_ranking"
ARGUMENTS: dict[str, Any] = {"market": "ALL", "count": 20}


def say(address: str) -> None:
    """Tell the parent where we are."""
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


def with_cpu(app: Any) -> Any:
    """The app, and at /cpu the seconds of CPU this process has used."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/cpu":
            body = json.dumps(time.process_time()).encode()
            headers = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await app(scope, receive, send)

    return wrapped


# The bare SDK server is measured in this module too: whatever of ours a role needs it imports itself.


async def answered() -> tuple[dict[str, Any], dict[str, Any], str]:
    """The tool as it is listed, and its answer from the simulator, for the bare server to repeat."""
    from dari.app.runtime import Runtime  # noqa: PLC0415 -- each role pays for its own imports
    from dari.app.setting_up import settings_of  # noqa: PLC0415
    from dari.serving.schemas import listed  # noqa: PLC0415

    async with Runtime(settings_of(), simulated=True) as runtime:
        _, dispatch = runtime.server(SERVER)
        outcome = await dispatch.call(TOOL, ARGUMENTS, runtime.caller())
        return listed(dispatch.offered[TOOL].tool), dict(outcome.structured), outcome.text


async def bare_http(answer: tuple[Any, ...]) -> None:
    """The SDK's low-level server over HTTP with one tool and a ready answer."""
    from dari.serving.mcp_door import bare, listening  # noqa: PLC0415 -- each role pays for its own imports

    app = bare.bare_web_app(bare.bare_server(*answer))
    await listening.serve(with_cpu(app), "127.0.0.1", 0, told=say)


async def bare_stdio(answer: tuple[Any, ...]) -> None:
    """The SDK's low-level server over stdio with one tool and a ready answer."""
    from dari.serving.mcp_door import bare  # noqa: PLC0415

    await bare.bare_stdio(bare.bare_server(*answer))


async def ours_http(tools: int) -> None:
    """Our gateway with `tools` tools, one of them real, answering from what it keeps (which lives long here)."""
    from dari import __version__  # noqa: PLC0415
    from dari.app.runtime import Runtime  # noqa: PLC0415
    from dari.app.setting_up import settings_of  # noqa: PLC0415
    from dari.serving.mcp_door import listening, web  # noqa: PLC0415

    settings = settings_of({"CACHE_L1_TTL_SECONDS": "3600", "CACHE_L2_TTL_SECONDS": "3600"})
    async with Runtime(settings, simulated=True) as runtime:
        named, dispatch = runtime.server(SERVER)
        real = dispatch.offered[TOOL]
        for number in range(tools - len(dispatch.offered)):
            name = f"{TOOL}_{number}"
            dispatch.offered[name] = replace(real, tool=replace(real.tool, name=name))
        front = web.front(SERVER, dispatch, runtime.caller(), version=__version__, instructions=named.about)
        app = web.web_app({SERVER: front}, root=front)
        await listening.serve(with_cpu(app), "127.0.0.1", 0, told=say)


class Window(asyncio.Protocol):
    """A strict limiter: a request is refused when `limit` others arrived in the second before it."""

    def __init__(self, limit: int, seen: deque[float], told: dict[str, Any]) -> None:
        self._limit = limit
        self._seen = seen
        self._told = told
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        for head in data.split(b"\r\n\r\n")[:-1]:
            self._answer(head, now)

    def _answer(self, head: bytes, now: float) -> None:
        if head.startswith(b"GET /told"):
            body = json.dumps(self._told).encode()
        elif len(self._seen) == self._limit and now - self._seen[0] < 1.0:
            self._told["refused"] += 1
            self._told["short_by_ms"].append(round(1000 * (1.0 - now + self._seen[0]), 2))
            body = b'{"rt_cd":"1","msg_cd":"EGW00201","msg1":""}'
        else:
            self._seen.append(now)
            self._told["arrivals"].append(now)
            body = b'{"rt_cd":"0","msg_cd":"MCA00000","msg1":"","output":{}}'
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


async def window(limit: int) -> None:
    """Serve the strict limiter; /told gives the arrivals and the refusals."""
    seen: deque[float] = deque(maxlen=limit)
    told: dict[str, Any] = {"refused": 0, "short_by_ms": [], "arrivals": []}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Window(limit, seen, told), "127.0.0.1", 0)
    say(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await server.serve_forever()


def hog() -> None:
    """Burn one core until stopped."""
    say("burning")
    while True:
        pass


def main(role: str, *rest: str) -> None:
    """Play the role until stopped."""
    if role == "hog":
        hog()
    if role == "store":
        from dari.cli.bench.parquet import store  # noqa: PLC0415 -- each role pays for its own imports

        say(json.dumps(store(rest[0], int(rest[1]))))
        return
    roles: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "bare-http": lambda: bare_http(json.loads(Path(rest[0]).read_bytes())),
        "bare-stdio": lambda: bare_stdio(json.loads(Path(rest[0]).read_bytes())),
        "ours-http": lambda: ours_http(int(rest[0])),
        "window": lambda: window(int(rest[0])),
        "worker": lambda: worker(rest[0], float(rest[1])),
        "simulator": lambda: simulator(rest[0]),
        "memory": lambda: remembered(json.loads(rest[0])),
        "payments": payments,
        "bare-payments": lambda: bare_payments(Path(rest[0]).read_bytes()),
        "console": lambda: console(int(rest[0])),
        "static": lambda: static(json.loads(Path(rest[0]).read_bytes())),
    }
    asyncio.run(roles[role]())


async def worker(address: str, seconds: float) -> None:
    """One process of a key: calls as fast as its whole policy chain lets it, then tells what pacing cost the loop."""
    from dari.cli.bench.pacing import work  # noqa: PLC0415

    say(json.dumps(await work(address, seconds)))


async def simulator(provider: str) -> None:
    """A simulated upstream whose market stands still, served until stopped."""
    from dari.app.simulators import simulator as made  # noqa: PLC0415 -- each role pays for its own imports
    from dari.serving.mcp_door import listening  # noqa: PLC0415

    app = made(provider, seed=1, now=datetime.fromisoformat(TRADING), speed=0.0)
    await listening.serve(app, "127.0.0.1", 0, told=say)


async def remembered(flags: dict[str, str]) -> None:
    """The process whose memory is measured."""
    from dari.cli.bench.memory import called  # noqa: PLC0415 -- each role pays for its own imports

    say(json.dumps(await called(flags)))


async def payments() -> None:
    """The payment platform, whole in this process."""
    from dari.cli.bench.payment_load import platform  # noqa: PLC0415 -- each role pays for its own imports
    from dari.serving.mcp_door import listening  # noqa: PLC0415

    async with platform() as app:
        await listening.serve(with_cpu(app), "127.0.0.1", 0, told=say)


async def bare_payments(answer: bytes) -> None:
    """FastAPI with a ready answer to an authorization."""
    from dari.cli.bench.payment_load import bare  # noqa: PLC0415 -- each role pays for its own imports
    from dari.serving.mcp_door import listening  # noqa: PLC0415

    await listening.serve(with_cpu(bare(answer)), "127.0.0.1", 0, told=say)


async def console(calls: int) -> None:
    """A gateway whose console has many calls to show."""
    from dari.cli.bench.console import busy  # noqa: PLC0415 -- each role pays for its own imports
    from dari.serving.mcp_door import listening  # noqa: PLC0415

    async with busy(calls) as app:
        await listening.serve(app, "127.0.0.1", 0, told=say)


async def static(pages: dict[str, str]) -> None:
    """The console's bytes as files."""
    from dari.cli.bench import console as overview  # noqa: PLC0415 -- each role pays for its own imports
    from dari.serving.mcp_door import listening  # noqa: PLC0415

    await listening.serve(overview.static(pages), "127.0.0.1", 0, told=say)


if __name__ == "__main__":
    main(*sys.argv[1:])
