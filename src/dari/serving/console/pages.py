"""The console's pages: each shows what tools and the journal tell, asked as the person who looks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from dari.core.endpoint import Effect
from dari.serving.callers import Caller
from dari.serving.console import doorway, feed, looks
from dari.serving.console.forms import arguments, fields, typed
from dari.serving.console.pictures import Pictures
from dari.serving.console.sections import HEALTH, Sections, Telling
from dari.serving.console.words import words
from dari.serving.dispatch import Dispatch, visible
from dari.serving.gate import Guard, caller_of
from dari.serving.journal import Entry, Journal
from dari.serving.schemas import input_schema

AUDIT_LINES: Final = 200
ROWS: Final = 100
Fault = Callable[[], Awaitable[object]]
"""Breaks or mends a part of the demo."""


@dataclass(frozen=True, kw_only=True)
class Around:
    """What the console is told of its process.

    `upstreams` and `settings` are shaped as dari.app.looking says; `audit` gives the newest lines, of one tenant if
    named.
    """

    journal: Journal
    upstreams: Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]
    settings: Callable[[], Sequence[Mapping[str, Any]]]
    firing: Callable[[], Sequence[str]]
    audit: Callable[[int, str | None], Sequence[Mapping[str, Any]]]
    faults: Mapping[str, Fault] = field(default_factory=dict)


class Console:
    """The routes over the dispatches of one process, for whom the gate lets in."""

    def __init__(self, servers: Mapping[str, Dispatch], around: Around, guard: Guard) -> None:
        self._servers, self._around = dict(servers), around
        secure = any(one.startswith("https://") for one in guard.origins)
        self._entrance = doorway.Entrance(guard.gate, guard.sign_in, issuer=guard.issuer, secure=secure)
        self._telling = Telling(self._servers)
        self._sections = Sections(self._telling)
        self._pictures = Pictures(self._telling)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route("/", self._overview),
            Route("/console/calls", self._calls),
            Route("/console/calls/{number:int}", self._call),
            Route("/console/market", self._market),
            Route("/console/procurement", self._procurement),
            Route("/console/payments", self._payments),
            Route("/console/faults/{name}", self._break, methods=["POST"]),
            Route("/console/audit", self._audit),
            Route("/console/settings", self._settings),
            Route("/console/playground", self._playground, methods=["GET", "POST"]),
            Route("/console/parts/upstreams", self._upstreams),
            Route("/console/events", self._events),
            Route("/console/assets/{name}", self._asset),
            Route(doorway.LOGIN, self._entrance.show),
            Route(doorway.LOGIN, self._entrance.enter, methods=["POST"]),
            Route("/console/logout", self._entrance.leave, methods=["POST"]),
            *self._sections.routes(),
            *self._pictures.routes(),
        ]

    # --- pages ---

    def _page(self, request: Request, name: str, caller: Caller, *, status: int = 200, **told: Any) -> Response:
        signed_in = caller.name if caller.tenant else ""
        return looks.page(request, name, status=status, language=caller.language, signed_in=signed_in, **told)

    async def _overview(self, request: Request) -> Response:
        caller, journal = caller_of(request), self._around.journal
        sums = journal.sums(caller.tenant)
        entries = journal.last(caller.tenant, ROWS)
        servers = [
            {"name": name, "tools": len(seen), "calls": sums.by_server[name], "errors": sums.errors[name]}
            for name, seen in self._seen(caller).items()
        ]
        return self._page(
            request, "overview", caller, sums=sums, servers=servers, entries=entries, firing=self._around.firing(),
            live=True, **await self._asked_upstreams(entries),
        )  # fmt: skip

    async def _upstreams(self, request: Request) -> Response:
        caller = caller_of(request)
        told = await self._asked_upstreams(self._around.journal.last(caller.tenant, ROWS))
        return looks.page(request, "upstreams", language=caller.language, **told)

    async def _asked_upstreams(self, entries: Sequence[Entry]) -> dict[str, Any]:
        """`upstreams` with the mode and the time of their newest answer; `moving`: a call was sent just now."""
        newest: dict[str, str] = {}
        simulated = set()
        for source in (one for entry in entries for one in entry.sources):
            name, at = str(source.get("provider", "")), str(source.get("fetched_at", ""))
            newest[name] = max(newest.get(name, ""), at)
            if source.get("simulated"):
                simulated.add(name)
        upstreams = [
            {
                **one,
                "modes": [*one["modes"], *(["simulated"] if one["name"] in simulated else [])],
                "newest": newest.get(one["name"], "")[11:19],
            }
            for one in await self._around.upstreams()
        ]
        return {"upstreams": upstreams, "moving": any(pace["used"] for one in upstreams for pace in one["paces"])}

    async def _calls(self, request: Request) -> Response:
        caller = caller_of(request)
        tool, errors = request.query_params.get("tool", "")[:60], request.query_params.get("errors") == "1"
        entries = self._around.journal.last(caller.tenant, ROWS, tool=tool, errors=errors)
        return self._page(
            request, "calls", caller, entries=entries, tool=tool, errors=errors, live=not (tool or errors)
        )

    async def _call(self, request: Request) -> Response:
        caller = caller_of(request)
        entry = self._around.journal.entry(caller.tenant, request.path_params["number"])
        return self._page(request, "call", caller, status=200 if entry else 404, entry=entry)

    async def _market(self, request: Request) -> Response:
        caller, symbol = caller_of(request), request.query_params.get("symbol", "005930")[:12]
        return self._page(request, "market", caller, symbol=symbol, charts="kis-trade" in self._servers)

    async def _procurement(self, request: Request) -> Response:
        caller = caller_of(request)
        quota = await self._telling.told("naramarket", "quota_status", {}, caller)
        crawls = await self._sections.crawls(caller)
        return self._page(request, "procurement", caller, quota=quota, **crawls)

    async def _payments(self, request: Request) -> Response:
        caller = caller_of(request)
        there = HEALTH in self._seen(caller)
        return self._page(request, "payments", caller, faults=list(self._around.faults), there=there)

    async def _break(self, request: Request) -> Response:
        caller_of(request)
        fault = self._around.faults.get(request.path_params["name"])
        if fault is None:
            return Response(status_code=404)
        await fault()
        return RedirectResponse("/console/payments", 303)

    async def _audit(self, request: Request) -> Response:
        caller = caller_of(request)
        lines = await asyncio.to_thread(self._around.audit, AUDIT_LINES, caller.tenant or None)
        return self._page(request, "audit", caller, lines=list(reversed(lines)))

    async def _settings(self, request: Request) -> Response:
        caller = caller_of(request)
        whole = caller.permits is None or any((one.server, one.name) == ("*", "*") and one.reach is Effect.COMMIT
                                              for one in caller.permits)  # fmt: skip
        rows = self._around.settings() if whole else None
        return self._page(request, "settings", caller, status=200 if whole else 403, rows=rows)

    # --- the playground ---

    def _seen(self, caller: Caller) -> dict[str, list[str]]:
        """The tools a caller is told of, by server."""
        told = {
            server: [name for name, one in dispatch.offered.items() if visible(one.tool, server, caller)]
            for server, dispatch in self._servers.items()
        }
        return {server: names for server, names in told.items() if names}

    async def _playground(self, request: Request) -> Response:
        caller = caller_of(request)
        offered = self._seen(caller)
        server, _, name = request.query_params.get("at", "").partition("/")
        asked: dict[str, Any] = {"server": server, "tool": name, "offered": offered}
        if name not in offered.get(server, ()):
            return self._page(request, "playground", caller, schema=None, answered=None, **asked)
        tool = self._servers[server].offered[name].tool
        form = fields(input_schema(tool.query))
        given = await typed(request) if request.method == "POST" else dict(request.query_params)
        answered = None
        if request.method == "POST":
            outcome = await self._servers[server].call(name, arguments(given, form), caller)
            whole = json.dumps(outcome.structured, ensure_ascii=False, indent=2, default=str)
            plan = str(outcome.structured.get("plan_id") or "") if "apply_plan" in offered[server] else ""
            answered = {"error": outcome.error, "text": outcome.text, "json": whole, "plan": plan}
        return self._page(
            request, "playground", caller, schema=form, given=given, about=tool.description, effect=tool.effect.name,
            plans=name.startswith("plan_") and name != "plan_status", answered=answered, **asked,
        )  # fmt: skip

    # --- what is no page ---

    async def _events(self, request: Request) -> Response:
        caller = caller_of(request)
        said = words(looks.language_of(request, caller.language))
        return feed.stream(self._around.journal, caller.tenant, said)

    async def _asset(self, request: Request) -> Response:
        return looks.asset(request.path_params["name"])
