"""The simulator as an ASGI app: the services under their real paths, its controls, its truth, its attachments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dari.core.clock import Clock
from dari.core.endpoint import Endpoint
from dari.core.errors import NotFound
from dari.providers.naramarket.simulator import envelopes
from dari.providers.naramarket.simulator.asked import Refusal
from dari.providers.naramarket.simulator.attachments import attachment
from dari.providers.naramarket.simulator.engine import Engine, Limits
from dari.providers.naramarket.simulator.envelopes import Spelled
from dari.providers.naramarket.simulator.faults import SCRIPTS
from dari.providers.naramarket.simulator.gate import SIMULATED_KEY, Account, Gate, Speed, key_of
from dari.providers.naramarket.spec import SPEC, retired_paths
from dari.worlds.procurement import World

MARK: Final = {"x-dari-simulated": "true"}
BREAK_AFTER: Final = 40
"""How much of a body is sent before the connection breaks off."""


class Broken(Response):
    """A reply whose connection breaks off in its midst."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[:BREAK_AFTER], "more_body": True})
        raise ConnectionResetError("simulated reset")


class Door:
    """What stands before the engine, one call at a time."""

    def __init__(self, engine: Engine, gate: Gate) -> None:
        self._engine, self._gate = engine, gate
        self._paths = {SPEC.endpoint(name).path: name for name in SPEC.ids()}
        self._speeds: dict[tuple[float, float], Speed] = {}

    async def __call__(self, request: Request) -> Response:
        engine, stats = self._engine, self._engine.stats
        stats.received += 1
        call = stats.received
        query = dict(request.query_params)
        spelled = self._turned_away(request, call)
        if spelled is not None:
            return _response(spelled)
        if engine.faults.strikes("reset", call):
            stats.struck["reset"] += 1
            return Broken(b'{"response":{"header":{"resultCode":"00","resultMsg":""}}}', headers=MARK)
        stats.at_once += 1
        stats.most_at_once = max(stats.most_at_once, stats.at_once)
        try:
            endpoint = SPEC.endpoint(self._paths[request.url.path])
            as_json = query.get("type", "").lower() == "json" and "json" in endpoint.wire["answers"]
            rows = 0
            failed = engine.passing_failure(call, as_json=as_json)
            if failed is None:
                spelled, rows = engine.page(endpoint, query, call)
                stats.answered += 1
                stats.rows += rows
                if engine.faults.strikes("truncated", call):
                    stats.struck["truncated"] += 1
                    spelled = spelled._replace(body=spelled.body[: len(spelled.body) * 2 // 3])
            else:
                spelled = failed
            stats.bytes += len(spelled.body)
            wait = engine.seconds(rows)
            stats.seconds += wait
            if wait:
                await engine.clock.sleep(wait)
        finally:
            stats.at_once -= 1
        return _response(spelled)

    def _turned_away(self, request: Request, call: int) -> Spelled | None:
        """What the gateway says before the service hears of the call."""
        stats, faults = self._engine.stats, self._engine.faults
        as_json = faults.get("gateway_json") is not None

        def no(code: str) -> Spelled:
            stats.refused[code] += 1
            return envelopes.gateway_error(code, as_json=as_json)

        path = request.url.path
        name = self._paths.get(path)
        if name is None:
            return no(_retired(path))
        stats.operations[name] += 1
        key = key_of(request.scope["query_string"])
        refusal = self._gate.refusal(key, name.rpartition(".")[0])
        if refusal or key is None:
            return no(refusal or "20")
        expire = faults.get("expire")
        if expire and call > expire["after"]:
            return no("31")
        fast = self._too_fast()
        if fast is not None:
            return fast if isinstance(fast, Spelled) else no("23")
        endpoint = SPEC.endpoint(name)
        few = faults.get("quota")
        quota = few["calls"] if few else self._engine.limits.quota
        if not self._gate.spend(key, name, endpoint.wire["quota"] if quota is None else quota):
            stats.after_quota[name] += 1
            return no("22")
        return None

    def _too_fast(self) -> Spelled | bool | None:
        """A 429, or True for code 23, or None where there is room."""
        stats, faults, limits = self._engine.stats, self._engine.faults, self._engine.limits
        once = faults.get("concurrency")
        most = once["calls"] if once else limits.concurrency
        if most is not None and stats.at_once >= most:
            stats.refused["http429"] += 1
            return envelopes.plain(429, "API rate limit exceeded")
        soft, hard = faults.get("rate_23"), faults.get("rate")
        if soft and not self._speed(soft["rate"], soft["burst"]).lets():
            return True
        rate, burst = (hard["rate"], hard["burst"]) if hard else (limits.rate, limits.burst)
        if rate is not None and not self._speed(rate, burst).lets():
            stats.refused["http429"] += 1
            return envelopes.plain(429, "API rate limit exceeded")
        return None

    def _speed(self, rate: float, burst: float) -> Speed:
        return self._speeds.setdefault((rate, burst), Speed(self._engine.clock, rate, burst))


def _retired(path: str) -> str:
    for old, row in retired_paths().items():
        if path == old or path.startswith(f"{old}/"):
            return str(row["code"])
    return "12"


def _response(spelled: Spelled) -> Response:
    return Response(spelled.body, spelled.status, headers={**MARK, "content-type": spelled.content_type})


class Controls:
    """`/__sim__/…` and `/__truth__/…`: for tests, benches and people; they cost no quota and no time."""

    def __init__(self, engine: Engine, gate: Gate) -> None:
        self._engine, self._gate = engine, gate

    async def faults(self, request: Request) -> Response:
        """GET lists the scripts and what is on; PUT {name: figures} lets exactly those be on; DELETE lets none be."""
        if request.method == "DELETE":
            self._engine.faults.put({})
        elif request.method in ("PUT", "POST"):
            try:
                self._engine.faults.put(await request.json())
            except (ValueError, AttributeError) as error:
                return JSONResponse({"error": str(error)}, 400)
        known = {name: {"tells": s.tells, "figures": dict(s.figures)} for name, s in SCRIPTS.items()}
        return JSONResponse({"on": {n: dict(f) for n, f in self._engine.faults.on().items()}, "scripts": known})

    async def limits(self, request: Request) -> Response:
        """GET tells the limits; PUT changes those it names (rate, burst, concurrency, base, row, quota)."""
        limits = self._engine.limits
        if request.method == "PUT":
            for name, value in (await request.json()).items():
                if name not in Limits.__slots__:
                    return JSONResponse({"error": f"no limit {name}"}, 400)
                setattr(limits, name, value)
        return JSONResponse({name: getattr(limits, name) for name in Limits.__slots__})

    async def stats(self, request: Request) -> Response:
        """GET tells what has been asked; DELETE starts counting anew."""
        if request.method == "DELETE":
            self._engine.forget()
        told = self._engine.stats.told()
        told["quota_used"] = {name: self._gate.used(name) for name in told["operations"]}
        return JSONResponse(told)

    async def truth(self, request: Request) -> Response:
        """The distinct natural keys behind a query, straight from the world; `?only=count` for their number alone.

        A window may be as wide as one likes here.
        """
        asked = dict(request.query_params)
        only = asked.pop("only", "")

        def told(endpoint: Endpoint) -> dict[str, Any]:
            keys = self._engine.keys(self._engine.question(endpoint, asked))
            return {"count": len(keys)} if only == "count" else {"count": len(keys), "keys": keys}

        return self._of(request, told)

    async def warm(self, request: Request) -> Response:
        """Spell every row of a query beforehand, so that the simulator is not what is measured."""
        asked = dict(request.query_params)
        return self._of(request, lambda e: {"rows": self._engine.warm(self._engine.question(e, asked))})

    async def floor(self, request: Request) -> Response:
        """The least calls and seconds for a query, at `numOfRows` a page (999 if not told)."""
        asked = dict(request.query_params)
        size = int(asked.pop("numOfRows", "999"))
        return self._of(request, lambda e: self._engine.floor(self._engine.question(e, asked), size))

    def _of(self, request: Request, told: Callable[[Endpoint], Mapping[str, Any]]) -> Response:
        name = f"{request.path_params['service']}.{request.path_params['operation']}"
        try:
            return JSONResponse(dict(told(SPEC.endpoint(name))))
        except NotFound as error:
            return JSONResponse({"error": error.message}, 404)
        except Refusal as refusal:
            return JSONResponse({"error": refusal.code}, 400)


async def _file(request: Request) -> Response:
    found = attachment(request.path_params["number"], int(request.path_params["place"]))
    if found is None:
        return PlainTextResponse("없는 파일입니다.", 404)
    name, content = found
    return Response(
        content,
        headers={**MARK, "content-disposition": f'attachment; filename="{name}"'},
        media_type="application/octet-stream",
    )


def create_app(
    world: World,
    *,
    clock: Clock,
    accounts: Mapping[str, Account] | None = None,
    limits: Limits | None = None,
    faults: Mapping[str, Mapping[str, Any] | None] | None = None,
    origin: str = "https://www.g2b.go.kr",
) -> Starlette:
    """data.go.kr for procurement, over a world.

    `accounts` maps decoding keys to what they may do (default: `SIMULATED_KEY`, everything). Without `limits` it is as
    fast as it can be, and only the daily quota of each operation's sheet holds. Attachments are told as files of
    `origin`: give the address the app is served under. `app.state.engine` is its inside.
    """
    engine = Engine(world, clock, limits or Limits(), origin)
    engine.faults.put(faults or {})
    gate = Gate(clock, {SIMULATED_KEY: Account()} if accounts is None else accounts)
    controls = Controls(engine, gate)
    door: Callable[[Request], Awaitable[Response]] = Door(engine, gate)

    async def service(request: Request) -> Response:
        return await door(request)

    named = "/{service}/{operation}"
    app = Starlette(
        routes=[
            Route("/__sim__/faults", controls.faults, methods=["GET", "PUT", "POST", "DELETE"]),
            Route("/__sim__/limits", controls.limits, methods=["GET", "PUT"]),
            Route("/__sim__/stats", controls.stats, methods=["GET", "DELETE"]),
            Route("/__sim__/warm" + named, controls.warm, methods=["POST"]),
            Route("/__sim__/floor" + named, controls.floor, methods=["GET"]),
            Route("/__truth__" + named, controls.truth, methods=["GET"]),
            Route("/files/{number}/{place:int}", _file, methods=["GET"]),
            Route("/{path:path}", service, methods=["GET"]),
        ]
    )
    app.state.engine = engine
    return app
