"""`dari serve` and `dari simulate`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from dari import __version__
from dari.app.listening import may_listen, public_address
from dari.app.runtime import Runtime
from dari.app.servers import GATEWAY_PORT, SERVERS, chosen_toolsets, server
from dari.app.setting_up import settings_of
from dari.app.working import shared_jobs
from dari.core.clock import KST
from dari.core.errors import Hint, InvalidInput, MissingExtra

if TYPE_CHECKING:
    from dari.serving.gate import Guard


async def serve(
    names: tuple[str, ...],
    *,
    http: bool,
    host: str,
    port: int | None,
    toolsets: str | None = None,
    simulated: bool,
    seed: int,
) -> None:
    """Serve one server on stdio, or several over HTTP."""
    chosen = list(SERVERS) if "all" in names else list(dict.fromkeys(names))
    if not chosen:
        raise InvalidInput("name a server", hint=Hint(f"서버: {', '.join(SERVERS)}", f"Servers: {', '.join(SERVERS)}"))
    for name in chosen:
        server(name)
    narrow = chosen_toolsets(chosen, toolsets)
    async with Runtime(settings_of(), simulated=simulated, seed=seed, toolsets=narrow) as runtime:
        if http:
            await _over_http(runtime, chosen, host, port)
            return
        if len(chosen) > 1:
            raise InvalidInput("stdio serves one server; several need --http")
        from dari.serving.mcp_door import stdio  # noqa: PLC0415 -- HTTP has a front of its own

        named, dispatch = runtime.server(chosen[0])
        await stdio.serve(
            named.name,
            dispatch,
            runtime.caller(),
            version=__version__,
            instructions=named.about,
            shelf=runtime.shelf(named),
            boards=runtime.boards(chosen[0]),
        )


async def _over_http(runtime: Runtime, chosen: list[str], host: str, port: int | None) -> None:
    where = port if port is not None else (server(chosen[0]).port if len(chosen) == 1 else GATEWAY_PORT)
    may_listen(runtime.settings, host)
    try:
        from dari.cli.gateway import gateway  # noqa: PLC0415 -- FastMCP is imported only with --http
        from dari.serving.mcp_door import listening  # noqa: PLC0415

        guarded = _guarded(runtime, chosen, host, where)
    except ImportError as error:
        raise MissingExtra(
            f"--http needs the extra dari[http] ({error.name} is missing)",
            hint=Hint("pip install 'dari[http]'", "pip install 'dari[http]'"),
        ) from None
    app = gateway(runtime, chosen, guard=guarded)
    await listening.serve(app, host, where, told=lambda address: _told(chosen, address))


def _guarded(runtime: Runtime, chosen: list[str], host: str, port: int) -> Guard | None:
    if not runtime.settings.text("DARI_AUTH"):
        return None
    from dari.app.guarding import guard  # noqa: PLC0415 -- only who guards pays for it

    return guard(runtime, public_address(runtime.settings, host, port), chosen)


def _told(names: Iterable[str], address: str) -> None:
    for name in names:
        sys.stderr.write(f"{name}: {address}/{name}/mcp\n")
    sys.stderr.write(f"console: {address}/\n")
    sys.stderr.flush()


async def work() -> None:
    """Work on the jobs in Redis until stopped."""
    async with Runtime(settings_of(), working=True) as runtime:
        await shared_jobs(runtime.parts.jobs).work()


async def simulate(provider: str, *, port: int, seed: int, now: str | None, speed: float) -> None:
    """Serve a simulator until stopped; its address is the first line on stdout."""
    from dari.app.simulators import simulator  # noqa: PLC0415 -- worlds are told by simulators only
    from dari.serving.mcp_door import listening  # noqa: PLC0415

    start = None
    if now is not None:
        try:
            start = datetime.fromisoformat(now)
        except ValueError:
            raise InvalidInput(f"--now is an ISO time such as 2026-11-20T10:30:00+09:00, not {now[:40]!r}") from None
        start = start if start.tzinfo else start.replace(tzinfo=KST)
    app = simulator(provider, seed=seed, now=start, speed=speed)
    await listening.serve(app, "127.0.0.1", port, told=lambda address: print(address, flush=True))  # noqa: T201 -- the answer
