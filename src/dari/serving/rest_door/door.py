"""The REST door: routes over the dispatches and the jobs of one process."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dari.core.clock import Clock
from dari.core.endpoint import Effect
from dari.core.errors import DariError
from dari.core.exchange import DEFAULT_PROFILE
from dari.core.shared_state import file_name
from dari.serving.callers import Caller
from dari.serving.dispatch import Dispatch, failed
from dari.serving.gate import Challenge, caller_of
from dari.serving.jobs import Jobs, Standing
from dari.serving.rest_door.aliases import ALIASES, SERVER, Alias
from dari.serving.rest_door.describing import openapi
from dari.serving.rest_door.pages import ASSETS, pages
from dari.serving.rest_door.reading import Unreadable, arguments_of
from dari.serving.rest_door.replying import document, problem, reply
from dari.serving.rest_door.streaming import CALL, call, caller_told, owner_of, place_of, stream
from dari.serving.rest_door.watched import PATHS

Answer = Callable[[Request], Awaitable[Response]]

PUBLIC: Final = frozenset({"/api/v1/health", "/docs", "/redoc", "/openapi.json"})
"""What needs no caller: it tells nothing that the package itself does not."""

NO_SUCH: Final = "there is no such {}"
STREAM: Final = "text/event-stream"


def public(path: str) -> bool:
    """Whether a path needs no caller."""
    return path in PUBLIC | PATHS or path.startswith(ASSETS)


class RestDoor:
    """Everything under /api/v1, the OpenAPI document and its pages; `secured`: requests carry a token."""

    def __init__(
        self,
        servers: Mapping[str, Dispatch],
        *,
        jobs: Jobs,
        clock: Clock,
        version: str,
        secured: bool = False,
        challenge: Challenge | None = None,
    ) -> None:
        """`challenge` makes the 403 of a call that a wider token would allow."""
        self._challenge = challenge
        self._servers, self._jobs, self._clock = dict(servers), jobs, clock
        self._version = version
        self._document = openapi(self._servers, version=version, secured=secured)
        jobs.register(CALL, partial(call, self._servers))

    def routes(self) -> list[BaseRoute]:
        """All routes; fixed paths before those with a name in them."""
        told: list[BaseRoute] = [
            Route("/openapi.json", self._kept(self._described)),
            *pages(),
            Route("/api/v1/health", self._kept(self._health)),
            Route("/api/v1/jobs/{job}", self._kept(self._standing), methods=["GET"]),
            Route("/api/v1/jobs/{job}", self._kept(self._cancel), methods=["DELETE"]),
            Route("/api/v1/jobs/{job}/events", self._kept(self._events)),
        ]
        if SERVER in self._servers:
            told += [Route(one.path, self._kept(self._alias(one)), methods=[one.method]) for one in ALIASES]
            told.append(Route("/api/v1/crawl/{crawl_id}/events", self._kept(self._crawl)))
        told += [Route("/api/v1/{server}/{tool}", self._kept(self._tool), methods=["POST"])]
        return told

    def _kept(self, answer: Answer) -> Answer:
        """`answer`, behind what every request must pass, with its refusals told."""

        async def kept(request: Request) -> Response:
            try:
                return await answer(request)
            except Unreadable as refused:
                return problem(refused.status, "unreadable", refused.why)
            except DariError as error:
                return reply(failed(error, "ko"))

        return kept

    # --- tools ---

    async def _tool(self, request: Request) -> Response:
        server, tool = request.path_params["server"], request.path_params["tool"]
        if server not in self._servers:
            return problem(404, "not_found", NO_SUCH.format("server"))
        if tool not in self._servers[server].offered:
            return problem(404, "not_found", NO_SUCH.format("tool"))
        streams = STREAM in request.headers.get("accept", "")
        if streams and (resumed := await self._resumed(request)):
            return resumed
        return await self._called(request, server, tool, await arguments_of(request), streams=streams)

    def _alias(self, alias: Alias) -> Answer:
        async def answer(request: Request) -> Response:
            if alias.streams and (resumed := await self._resumed(request)):
                return resumed
            if alias.method == "GET":
                arguments: dict[str, Any] = dict(request.query_params)
                arguments |= {name: request.path_params[part] for part, name in alias.renamed}
            else:
                arguments = await arguments_of(request)
            return await self._called(request, SERVER, alias.tool, arguments, streams=alias.streams)

        return answer

    async def _called(
        self, request: Request, server: str, tool: str, arguments: dict[str, Any], *, streams: bool
    ) -> Response:
        dispatch, caller = self._servers[server], caller_of(request)
        if not streams or dispatch.offered[tool].tool.effect is Effect.COMMIT:  # done once, by this process alone
            return self._stepping(request, server, tool, reply(await dispatch.call(tool, arguments, caller)))
        key = f"{CALL}-{secrets.token_hex(12)}"
        told = {"server": server, "tool": tool, "arguments": arguments, "caller": caller_told(caller)}
        await self._jobs.start(CALL, told, key=key, owner=owner_of(caller))
        return stream(self._jobs, key)

    def _stepping(self, request: Request, server: str, tool: str, response: Response) -> Response:
        """A refusal that a wider token would turn names the scopes to ask for."""
        declared, caller = self._servers[server].offered[tool].tool, caller_of(request)
        needed = caller.lacking(server, declared.toolset, declared.name, declared.effect)
        if response.status_code == 403 and needed is not None and self._challenge is not None:  # noqa: PLR2004 -- HTTP
            denied = self._challenge(request.url.path, needed, caller)
            response.headers["WWW-Authenticate"] = denied.response().headers["WWW-Authenticate"]
        return response

    # --- jobs ---

    async def _resumed(self, request: Request) -> Response | None:
        """The stream that broke, gone on with; None where none is named, or it is not this caller's."""
        key, place = place_of(request.headers.get("last-event-id", ""))
        if not key or await self._own(key, caller_of(request)) is None:
            return None
        return stream(self._jobs, key, place)

    async def _own(self, key: str, caller: Caller) -> Standing | None:
        standing = await self._jobs.standing(key)
        return standing if standing is not None and standing.owner == owner_of(caller) else None

    async def _found(self, request: Request, key: str) -> Standing | None:
        return await self._own(key, caller_of(request))

    async def _standing(self, request: Request) -> Response:
        standing = await self._found(request, request.path_params["job"])
        return document(_told(standing)) if standing else problem(404, "not_found", NO_SUCH.format("job"))

    async def _cancel(self, request: Request) -> Response:
        standing = await self._found(request, request.path_params["job"])
        if standing is None:
            return problem(404, "not_found", NO_SUCH.format("job"))
        await self._jobs.cancel(standing.key)
        return document(_told(await self._jobs.standing(standing.key) or standing))

    async def _events(self, request: Request) -> Response:
        return await self._followed(request, request.path_params["job"])

    async def _crawl(self, request: Request) -> Response:
        """A crawl is its profile's: whoever calls with the profile may follow it."""
        profile = caller_of(request).profile
        before = "" if profile == DEFAULT_PROFILE else f"{file_name(profile)}-"
        key = f"{before}crawl-{request.path_params['crawl_id']}"
        if await self._jobs.standing(key) is None:
            return problem(404, "not_found", NO_SUCH.format("crawl on its way"))
        return self._going_on(request, key)

    async def _followed(self, request: Request, key: str) -> Response:
        if await self._found(request, key) is None:
            return problem(404, "not_found", NO_SUCH.format("job"))
        return self._going_on(request, key)

    def _going_on(self, request: Request, key: str) -> Response:
        last, place = place_of(request.headers.get("last-event-id", ""))
        return stream(self._jobs, key, place if last == key else "")

    # --- about itself ---

    async def _described(self, _: Request) -> Response:
        return document(self._document)

    async def _health(self, _: Request) -> Response:
        at = self._clock.now().isoformat(timespec="seconds")
        return document({"status": "ok", "version": self._version, "servers": sorted(self._servers), "timestamp": at})


def _told(standing: Standing) -> dict[str, Any]:
    told = standing.as_dict()
    return {name: told[name] for name in ("key", "kind", "state", "tries", "progress", "error")}
