"""The parts of pages that renew themselves: a tool's answer as a table, with what the tool says where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dari.serving.callers import Caller
from dari.serving.charts import operating
from dari.serving.charts.figures import sector_map
from dari.serving.console import looks
from dari.serving.dispatch import Dispatch, Outcome
from dari.serving.gate import caller_of

RANKED: Final = 10
FOLLOWED: Final = 4
"""So many of the newest crawls are told with their receipts."""
MINUTES: Final = 30
"""How far back the payments are drawn."""

HEALTH: Final = "payment-system-health"
MARKET: Final = "volume-ranking"
CRAWLS: Final = "naramarket"


@dataclass(frozen=True, slots=True)
class Told:
    """A tool's answer: its structured content, and the code of what went wrong."""

    told: Mapping[str, Any]
    error: str | None


class Telling:
    """Asks tools by their own path, for a caller."""

    def __init__(self, servers: Mapping[str, Dispatch]) -> None:
        self._servers = servers

    async def told(self, server: str, tool: str, arguments: Mapping[str, Any], caller: Caller) -> Told | None:
        """The answer; None where this address has no such tool."""
        outcome = await self.outcome(server, tool, arguments, caller)
        return None if outcome is None else Told(outcome.structured, outcome.error)

    async def outcome(self, server: str, tool: str, arguments: Mapping[str, Any], caller: Caller) -> Outcome | None:
        """The same with its text."""
        dispatch = self._servers.get(server)
        if dispatch is None or tool not in dispatch.offered:
            return None
        return await dispatch.call(tool, arguments, caller)


class Sections:
    """The parts, each at its own address below /console/parts/."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route("/console/parts/ranking", self._ranking),
            Route("/console/parts/sectors", self._sectors),
            Route("/console/parts/unusual", self._unusual),
            Route("/console/parts/crawls", self._crawls),
            Route("/console/parts/payments", self._payments),
        ]

    def _part(self, request: Request, name: str, caller: Caller, **told: Any) -> Response:
        return looks.page(request, name, language=caller.language, **told)

    async def _ranking(self, request: Request) -> Response:
        caller = caller_of(request)
        ranking = await self._telling.told(MARKET, "get_volume_ranking", {"count": RANKED}, caller)
        charts = request.query_params.get("charts") == "yes"
        return self._part(request, "ranking", caller, ranking=ranking, charts=charts)

    async def _sectors(self, request: Request) -> Response:
        caller = caller_of(request)
        sectors = await self._telling.told(MARKET, "get_sector_volume_ranking", {}, caller)
        drawn = looks.markup(sector_map(sectors.told).inline()) if sectors and not sectors.error else ""
        return self._part(request, "sectors", caller, sectors=sectors, drawn=drawn)

    async def _unusual(self, request: Request) -> Response:
        caller = caller_of(request)
        unusual = await self._telling.told(MARKET, "get_unusual_volume", {"count": RANKED}, caller)
        return self._part(request, "unusual", caller, unusual=unusual)

    async def _crawls(self, request: Request) -> Response:
        caller = caller_of(request)
        return self._part(request, "crawls", caller, **await self.crawls(caller))

    async def crawls(self, caller: Caller) -> dict[str, Any]:
        """`crawls` as crawl_status tells the newest, `followed` those with their receipts, `moving`: one still runs."""
        crawls = await self._telling.told(CRAWLS, "crawl_status", {}, caller)
        followed = []
        if crawls is not None and not crawls.error:
            ids = [str(one["id"]) for one in crawls.told["crawls"][:FOLLOWED]]
            found = [await self._telling.told(CRAWLS, "crawl_status", {"crawl_id": one}, caller) for one in ids]
            followed = [one.told for one in found if one is not None and not one.error]
        return {
            "crawls": crawls, "followed": followed,
            "moving": any(one["state"] == "running" for one in followed),
        }  # fmt: skip

    async def _payments(self, request: Request) -> Response:
        caller = caller_of(request)
        return self._part(request, "flow", caller, **await self.payments(caller))

    async def payments(self, caller: Caller) -> dict[str, Any]:
        """What the payment servers say now: parts, overview, diagnosis, incident, breaker history, ledger; and drawn.

        `drawn` has a picture of each that answered, `spans` the breakers' states that the timeline shows.
        """
        asked: dict[str, tuple[str, str, dict[str, Any]]] = {
            "services": (HEALTH, "check_all_services", {}),
            "overview": (HEALTH, "get_system_overview", {}),
            "diagnosis": (HEALTH, "diagnose_issues", {}),
            "incident": (HEALTH, "incident_snapshot", {"minutes": MINUTES}),
            "history": ("payment-circuit-breaker", "breaker_history", {}),
            "ledger": ("payment-database", "reconciliation_check", {}),
        }
        # one after the other: who looks at a system in trouble should not be a part of the trouble
        found = {
            name: await self._telling.told(server, tool, arguments, caller)
            for name, (server, tool, arguments) in asked.items()
        }
        well = {name: one.told for name, one in found.items() if one is not None and not one.error}
        drawn, spans = {}, []
        if "history" in well and "overview" in well:
            spans = operating.breaker_spans(well["history"], well["overview"])
            drawn["breakers"] = operating.breaker_timeline(spans)
        if "incident" in well:
            drawn["outbox"] = operating.waiting_line(well["incident"])
        if "overview" in well:
            drawn["lag"] = operating.lag_bars(well["overview"].get("lag") or {})
        if "ledger" in well:
            drawn["ledger"] = operating.ledger_bars(well["ledger"])
        pictures = {name: looks.markup(one.inline()) for name, one in drawn.items()}
        return {**found, "drawn": pictures, "spans": spans}
