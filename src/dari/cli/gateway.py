"""The HTTP address of several servers: each under its name, and one way to all of them under /mcp."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.middleware import Middleware

from dari import __version__
from dari.app.looking import console
from dari.app.runtime import Runtime
from dari.app.servers import streaming
from dari.serving.console import Doorway, Fault, free
from dari.serving.gate import Guard, Open
from dari.serving.mcp_door import web
from dari.serving.rest_door import RestDoor, Watching, public
from dari.serving.union import Union

ABOUT = (
    "Korean brokers (KIS, Kiwoom), public procurement 나라장터 and payment operations. Find a tool with search_tools, "
    "read its arguments with describe_tool, call it with call_tool. Money is won; a null is explained in gaps."
)


def gateway(
    runtime: Runtime, names: Iterable[str], *, guard: Guard | None = None, faults: Mapping[str, Fault] | None = None
) -> Any:
    """The ASGI app. One server alone is also at /mcp; of several, their union is. The console is at /.

    Without a `guard` whoever asks is the person at this machine. `faults` are what the console may break in the demo.
    """
    fronts, dispatches = {}, {}
    traced = bool(runtime.settings.text("DARI_TRACES_URL"))
    secured = guard is not None
    guard = guard or Guard(gate=Open(runtime.caller()))
    for name in names:
        named, dispatches[name] = runtime.server(name)
        fronts[name] = web.front(
            name,
            dispatches[name],
            None,
            version=__version__,
            instructions=named.about,
            shelf=runtime.shelf(named),
            boards=runtime.boards(name),
            traced=traced,
        )
    if len(fronts) == 1:
        root = next(iter(fronts.values()))
    else:
        root = web.front("dari", Union(dispatches), None, version=__version__, instructions=ABOUT, traced=traced)
    tools = {name: {one: offered.tool for one, offered in found.offered.items()} for name, found in dispatches.items()}
    rest = RestDoor(
        dispatches,
        jobs=runtime.parts.jobs,
        clock=runtime.clock,
        version=__version__,
        secured=secured,
        challenge=guard.challenge,
    )
    watching = Watching(
        metrics=runtime.metrics,
        alerts=runtime.watched.alerts,
        version=__version__,
        open_metrics=not secured,
        token=runtime.settings.secret("DARI_METRICS_TOKEN"),
        checks={"redis": runtime.watched.redis_well},
    )
    return web.web_app(
        fronts,
        root=root,
        streaming=streaming(fronts),
        guard=guard,
        tools=tools,
        sessions=runtime.settings.text("DARI_SESSIONS") == "here",
        routes=[*console(runtime, dispatches, guard, faults).routes(), *watching.routes(), *rest.routes()],
        public=lambda path: public(path) or free(path),
        before=[Middleware(Doorway, gate=guard.gate)],
    )
