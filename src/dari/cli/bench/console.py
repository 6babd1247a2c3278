"""How long the console's overview takes with 10,000 calls in the journal, with all it needs to be painted."""

from __future__ import annotations

import json
import re
import statistics
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dari.cli.bench.shared import Connection, Measured, child
from dari.core.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROLE: Final = "dari.cli.bench.children"
CALLS: Final = 10_000
ROUNDS: Final = 40
MILLISECONDS: Final = 1000.0
BYTES: Final = 500_000
OK: Final = 200
_NEEDED: Final = re.compile(rb'(?:href|src)="(/[^"]+\.(?:css|js|woff2|svg))[^"]*"')


async def measure(*, long: bool) -> list[Measured]:
    """The page, then its styles and scripts, over one line; the same bytes as static files, in turns."""
    rounds = 5 * ROUNDS if long else ROUNDS
    ours, static = list[float](), list[float]()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        console = await stack.enter_async_context(child(ROLE, "console", str(CALLS), DARI_HOME=str(folder / "home")))
        _, pages = await painted(console)
        if f"{CALLS:,}".encode() not in pages["/"]:
            raise Malformed("the overview does not show the recorded calls")
        kept = folder / "pages.json"
        kept.write_text(json.dumps({path: page.decode() for path, page in pages.items()}), encoding="utf-8")
        floor = await stack.enter_async_context(child(ROLE, "static", str(kept)))
        for turn in range(rounds + 1):
            mine, _ = await painted(console)
            other, _ = await painted(floor)
            if turn:  # the first round warms up
                ours.append(mine)
                static.append(other)
    told, least = 1000 * statistics.median(ours), 1000 * statistics.median(static)
    size = sum(map(len, pages.values()))
    return [
        Measured(
            name="console",
            figure=round(told, 1),
            unit="ms to the last byte",
            floor=round(least, 1),
            ratio=round(told / least, 3),
            limit=MILLISECONDS,
            within=max(ours) <= MILLISECONDS / 1000 and size <= BYTES,
            more={
                "what": f"overview with {CALLS} calls, styles and scripts; painting itself: the browser's tests",
                "slowest_ms": round(1000 * max(ours), 1),
                "bytes": size,
                "rounds": rounds,
            },
        )
    ]


async def painted(address: str) -> tuple[float, dict[str, bytes]]:
    """Seconds until everything the overview needs has come, and what came. Raises Malformed."""
    start, line = time.perf_counter(), await Connection.to(address)

    async def got(path: str) -> bytes:
        status, page = await line.request("GET", path, {"accept": "text/html,*/*"})
        if status != OK:
            raise Malformed(f"{path} answered {status}")
        return page

    pages = {"/": await got("/")}
    for path in dict.fromkeys(one.decode() for one in _NEEDED.findall(pages["/"])):
        pages[path] = await got(path)
    taken = time.perf_counter() - start
    line.close()
    return taken, pages


@asynccontextmanager
async def busy(calls: int) -> AsyncIterator[Any]:
    """The app of two servers, and their console with so many finished calls."""
    from dari.app.runtime import Runtime  # noqa: PLC0415 -- only the child pays for it
    from dari.app.setting_up import settings_of  # noqa: PLC0415 -- as above
    from dari.cli.gateway import gateway  # noqa: PLC0415 -- as above

    sources = [{"provider": "kis", "endpoint": "domestic_stock.inquire_price", "simulated": True, "calls": 2}]
    async with Runtime(settings_of(), simulated=True) as runtime:
        app = gateway(runtime, ("kis-code", "volume-ranking"))
        for number in range(calls):
            runtime.journal.wrote(
                at=runtime.clock.now(), server="kis-code", tool="find_api", caller="local", tenant="",
                seconds=0.01, error=None if number % 50 else "invalid_input", arguments={"question": 1},
                structured={"provenance": sources},
            )  # fmt: skip
        yield app


def static(pages: dict[str, str]) -> Any:
    """The same bytes, ready: Starlette and nothing else."""
    from starlette.applications import Starlette  # noqa: PLC0415 -- an extra
    from starlette.responses import Response  # noqa: PLC0415 -- as above
    from starlette.routing import Route  # noqa: PLC0415 -- as above

    def route(path: str, page: bytes) -> Any:
        async def told(_: Any) -> Response:
            return Response(page, media_type="text/html")

        return Route(path, told)

    return Starlette(routes=[route(path, page.encode()) for path, page in pages.items()])
