"""The simulator as one ASGI origin: hosts `/mock` and `/real`, switches `/__sim__`, the world `/__truth__`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from dari.core.clock import Clock, SystemClock
from dari.providers.kiwoom.simulator import stream, truth
from dari.providers.kiwoom.simulator.contract import text
from dari.providers.kiwoom.simulator.faults import ACTS, Fault
from dari.providers.kiwoom.simulator.keys import DEFAULT_KEYS, Key, Mode
from dari.providers.kiwoom.simulator.limiter import Quota
from dari.providers.kiwoom.simulator.realtime import Exchange
from dari.providers.kiwoom.simulator.refusals import Refused
from dari.providers.kiwoom.simulator.service import Answered, Arrival, Service
from dari.worlds.market import Market

SIMULATOR_HEADER: Final = "x-dari-simulator"
"""Every reply says that it is not Kiwoom's."""
PAGE_502: Final = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
FOREVER: Final = 3600.0


class Broken(Response):
    """A reply whose connection ends before its body does: the server hangs up on the client."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise a body and send none."""
        del scope, receive
        headers = [(b"content-length", b"64"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class Simulator(Starlette):
    """A Kiwoom that is not there. `service` (REST) and `exchange` (websocket) are open to tests."""

    def __init__(
        self,
        market: Market,
        clock: Clock,
        world: Clock,
        keys: Iterable[Key],
        *,
        tick_seconds: float,
        ping_seconds: float,
    ) -> None:
        self.service = Service(market, clock, world, keys)
        self.exchange = Exchange(self.service, tick_seconds=tick_seconds, ping_seconds=ping_seconds)
        self._streams: set[asyncio.Task[Any]] = set()
        super().__init__(
            routes=[
                Route("/__sim__/{name}", self._switch, methods=["GET", "POST", "DELETE"]),
                Route("/__truth__/{name}", self._truth, methods=["GET"]),
                WebSocketRoute("/{mode}/api/dostk/websocket", self._websocket),
                Route("/{mode}/{rest:path}", self._upstream, methods=["GET", "POST", "PUT", "DELETE"]),
            ],
        )

    # ── the upstream ──

    async def _upstream(self, request: Request) -> Response:
        mode = request.path_params["mode"]
        if mode not in ("mock", "real"):
            return JSONResponse({"error": "not a path of this simulator; hosts are /mock and /real"}, 404)
        if request.method != "POST":
            refused = Refused("1504", f"Method={request.method}")
            return _reply(Answered(405, refused.body()))
        arrival = Arrival(
            mode=mode,
            path=f"/{request.path_params['rest']}",
            headers={name.lower(): value for name, value in request.headers.items()},
            content=await request.body(),
            client=request.client.host if request.client else "",
        )
        fault = self.service.faults.next(arrival.api_id, mode)
        if fault is None:
            return _reply(self.service.receive(arrival))
        return await self._befallen(fault, arrival)

    async def _befallen(self, fault: Fault, arrival: Arrival) -> Response:
        """Act or not, then go wrong as planned."""
        reply = _reply(self.service.receive(arrival)) if fault.kind in ACTS else None
        if fault.kind in ("delay", "hang_before", "hang_after"):
            await asyncio.sleep(fault.seconds or (FOREVER if fault.kind != "delay" else 1.0))
            return reply if fault.kind == "delay" and reply else Broken()
        if fault.kind in ("drop", "reset"):
            return Broken()
        if fault.kind in ("error_before", "error_after"):
            return JSONResponse({"return_code": 1, "return_msg": "서버 오류"}, fault.status)
        if fault.kind == "html":
            return HTMLResponse(PAGE_502, 200)
        if fault.kind == "unauthorized":
            return _reply(Answered(401, Refused("8005").body()))
        return _reply(Answered(200, Refused(fault.code).body()))

    async def _websocket(self, websocket: WebSocket) -> None:
        mode: Mode | None = {"mock": "mock", "real": "real"}.get(websocket.path_params["mode"])  # type: ignore[assignment]  # a dict of literals is a dict of str to mypy
        if mode is None:
            await websocket.close()
            return
        await self.exchange.serve(websocket, mode)

    # ── beside the upstream ──

    async def _truth(self, request: Request) -> Response:
        name, query = request.path_params["name"], request.query_params
        if name == "account":
            key = next((one for one in self.service.ring.keys if one.app_key == query.get("app_key")), None)
            return JSONResponse(truth.account(self.service.account(key))) if key else _none("account")
        if name == "stream":
            return JSONResponse(self.exchange.streamed)
        teller = truth.TELLERS.get(name)
        if teller is None:
            return _none(f"{name}; there are: {', '.join(truth.TELLERS)}, account, stream")
        at = datetime.fromisoformat(query["at"]) if "at" in query else self.service.world.now()
        try:
            return JSONResponse(teller(self.service.market, at, query))
        except KeyError as error:
            return JSONResponse({"error": f"unknown or missing: {error}"}, 400)

    async def _switch(self, request: Request) -> Response:
        name, method = request.path_params["name"], request.method
        wanted: Mapping[str, Any] = await request.json() if method == "POST" and await request.body() else {}
        turns: Mapping[str, Callable[[str, Mapping[str, Any]], Any]] = {
            "stats": self._stats,
            "faults": self._turn_faults,
            "limits": self._turn_limits,
            "grants": self._turn_grants,
            "keys": self._turn_keys,
            "realtime": self._turn_realtime,
            "stream": self._start_stream,
        }
        if name not in turns:
            return _none(f"{name}; there are: {', '.join(turns)}")
        try:
            return JSONResponse(turns[name](method, wanted))
        except (TypeError, ValueError, KeyError) as error:
            return JSONResponse({"error": str(error)}, 400)

    def _stats(self, _: str, __: Mapping[str, Any]) -> Any:
        """What was asked, refused, taken, planned and told."""
        return {**self.service.stats(), "faults": self.service.faults.told(), "websocket": self.exchange.stats()}

    def _turn_faults(self, method: str, wanted: Mapping[str, Any]) -> Any:
        """POST plans a fault (`faults.Fault`), DELETE forgets all."""
        if method == "POST":
            self.service.faults.plan(wanted)
        elif method == "DELETE":
            self.service.faults.clear()
        return self.service.faults.told()

    def _turn_limits(self, _: str, wanted: Mapping[str, Any]) -> Any:
        """`{mode: {per_second, burst, told, lifts_to}}`, or `{"off": true}`; what was counted is forgotten."""
        limiter = self.service.limiter
        limiter.off = bool(wanted.get("off", limiter.off))
        for mode in ("mock", "real"):
            if mode in wanted:
                limiter.quotas[mode] = Quota(**wanted[mode])
        if wanted:
            limiter.reset()
        return {"off": limiter.off, **{mode: asdict(quota) for mode, quota in limiter.quotas.items()}}

    def _turn_grants(self, _: str, wanted: Mapping[str, Any]) -> Any:
        """`reissue`: "same" or "replace"; `forget`: an app key whose tokens end, as if another process signed in."""
        ring = self.service.ring
        if wanted.get("reissue", ring.reissue) not in ("same", "replace"):
            raise ValueError("reissue is same or replace")
        ring.reissue = wanted.get("reissue", ring.reissue)
        return {"reissue": ring.reissue, "ended": ring.forget(wanted["forget"]) if "forget" in wanted else 0}

    def _turn_keys(self, method: str, wanted: Mapping[str, Any]) -> Any:
        """POST `{app_key, secret_key, mode, account}` lets another key in; GET shows them all."""
        if method == "POST":
            self.service.ring.add(Key(**wanted))
        return [
            {"app_key": one.app_key, "secret_key": one.secret_key, "mode": one.mode, "account": one.account}
            for one in self.service.ring.keys
        ]

    def _turn_realtime(self, _: str, wanted: Mapping[str, Any]) -> Any:
        """`tick_seconds`, `ping_seconds`, `screens_as_pairs`, and `cut` (an app key, or true for every connection)."""
        known = {"tick_seconds", "ping_seconds", "screens_as_pairs", "cut"}
        if strange := set(wanted) - known:
            raise ValueError(f"no such switch: {', '.join(sorted(strange))}; there are: {', '.join(sorted(known))}")
        exchange = self.exchange
        exchange.tick_seconds = wanted.get("tick_seconds", exchange.tick_seconds)
        exchange.ping_seconds = wanted.get("ping_seconds", exchange.ping_seconds)
        exchange.screens_as_pairs = wanted.get("screens_as_pairs", exchange.screens_as_pairs)
        cut = wanted.get("cut")
        ended = exchange.cut(None if cut is True else str(cut)) if cut else 0
        return {
            "tick_seconds": exchange.tick_seconds,
            "ping_seconds": exchange.ping_seconds,
            "screens_as_pairs": exchange.screens_as_pairs,
            "cut": ended,
        }

    def _start_stream(self, _: str, wanted: Mapping[str, Any]) -> Any:
        """`{app_key, rate, seconds}`: begin to send that many events a second to a key's session."""
        session = self.exchange.sessions[wanted["app_key"]]
        work = stream.run(self.exchange, session, rate=wanted["rate"], seconds=wanted["seconds"])
        task = asyncio.create_task(work)
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)
        return {"items": len({item for item, kind in session.registered if kind == stream.KIND})}


def _none(what: str) -> Response:
    return JSONResponse({"error": f"no such thing: {what}"}, 404)


def _reply(answered: Answered) -> Response:
    headers = {**answered.headers, SIMULATOR_HEADER: "kiwoom"}
    return Response(text(answered.body), answered.status, headers, "application/json;charset=UTF-8")


def create_app(
    market: Market,
    *,
    clock: Clock | None = None,
    world: Clock | None = None,
    keys: Iterable[Key] = DEFAULT_KEYS,
    tick_seconds: float = 1.0,
    ping_seconds: float = 30.0,
) -> Simulator:
    """A simulated Kiwoom over `market`.

    `clock` measures limits and token lives, `world` tells the market's time (both the machine's own by default).
    Hosts: `<origin>/mock` and `<origin>/real`, each with its REST paths and `/api/dostk/websocket`.
    """
    machine = SystemClock()
    return Simulator(
        market, clock or machine, world or clock or machine, keys, tick_seconds=tick_seconds, ping_seconds=ping_seconds
    )
