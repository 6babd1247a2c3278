"""The simulator as one ASGI origin: both modes, the master files, the switches and the truth."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from dari.core.clock import Clock, SystemClock
from dari.providers.kis.simulator import oauth
from dari.providers.kis.simulator.accounts.desk import DESKS
from dari.providers.kis.simulator.accounts.opening import open_ledger
from dari.providers.kis.simulator.accounts.statements import statement
from dari.providers.kis.simulator.answers import HANDLERS
from dari.providers.kis.simulator.answers.plain import plain
from dari.providers.kis.simulator.exchange import SPACE, Ask, Outcome, Refusal, as_json, meaning
from dari.providers.kis.simulator.faults import Faults, Trouble
from dari.providers.kis.simulator.files import master_file
from dari.providers.kis.simulator.gateway import LEDGER_PER_SECOND, Arrival, Gateway
from dari.providers.kis.simulator.keys import STANDARD_KEYS, Key, Keyring
from dari.providers.kis.simulator.streams.session import Streams
from dari.providers.kis.simulator.truth import TELLERS
from dari.providers.kis.simulator.windows import Windows
from dari.worlds.market import Market

_HTML_502: Final = Outcome(
    502, b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>", kind="text/html"
)
_KEPT_STAMPS: Final = 100_000
SIMULATOR_HEADER: Final = "x-dari-simulator"
"""Every reply says that it is not KIS's: who shows it can say so."""


class Simulator:
    """A KIS that is not there. Call it as an ASGI app; `faults`, `keyring` and `stats` are open to tests."""

    tells_time = True
    """Its replies carry a Date of their own: a server around it adds none."""

    def __init__(
        self, market: Market, clock: Clock, world: Clock, keys: Iterable[Key], *, ledger_per_second: int
    ) -> None:
        self.market = market
        self.clock = clock
        self.world = world
        self.faults = Faults()
        self.keyring = Keyring(keys, clock)
        keys = tuple(self.keyring.keys.values())
        self.ledger = open_ledger(market, keys)
        self.streams = Streams(market, world, self.keyring, self.ledger, self.faults)
        self.gateway = Gateway(self.keyring, Windows(), world, market, ledger_per_second)
        self.calls: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.stamps: list[tuple[str, float, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (or the lifespan of the server)."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] == "websocket":
            await self._stream(scope, receive, send)
            return
        stamp = self.clock.monotonic()
        request = Request(scope, receive)
        area, _, rest = request.url.path.lstrip("/").partition("/")
        if area in {"real", "paper"}:
            await self._upstream(request, send, stamp, area, "/" + rest)
        elif area == "master":
            await _reply(send, self._master(rest), self._date())
        elif area == "__truth__":
            await _reply(send, self._truth(rest, request.query_params), self._date())
        elif area == "__sim__":
            await _reply(send, await self._switchboard(rest, request), self._date())
        else:
            await _reply(send, as_json({"error": "not a path of this simulator"}, 404), self._date())

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`/ws/real` and `/ws/paper`, whatever follows (KIS takes /tryitout/<tr_id> there)."""
        parts = scope["path"].strip("/").split("/")
        if parts[:1] == ["ws"] and parts[1:2] in (["real"], ["paper"]):
            await self.streams.serve(scope, receive, send, "real" if parts[1] == "real" else "paper")
        else:
            await send({"type": "websocket.close", "code": 1008})

    # ── the KIS side ──

    async def _upstream(self, request: Request, send: Send, stamp: float, area: str, path: str) -> None:
        arrival = Arrival(
            "real" if area == "real" else "paper",
            request.method,
            path,
            {name.lower(): value for name, value in request.headers.items()},
            dict(request.query_params),
            await request.body(),
            stamp,
        )
        tr_id = arrival.headers.get("tr_id", "")
        self.calls[tr_id or path] += 1
        if len(self.stamps) < _KEPT_STAMPS:
            self.stamps.append((arrival.headers.get("appkey", "")[-8:], stamp, tr_id or path))
        trouble = self.faults.strike(path, read=arrival.method == "GET") if path not in oauth.PATHS else None
        if trouble == "hang":
            await self._hang(request)
            return
        if trouble == "reset":
            await _broken(send)
            return
        order = arrival.method == "POST" and path not in oauth.PATHS and self.faults.only in path
        if order and self.faults.spend("order_error_before"):
            await _reply(send, self._answer(arrival, "server_error"), self._date())
            return
        outcome = self._answer(arrival, trouble)
        if order and self.faults.spend("order_drop_after"):
            await _broken(send)
            return
        if order and self.faults.spend("order_error_after"):
            outcome = self._answer(arrival, "server_error")
        elif order and self.faults.spend("order_delay_after"):
            await self._hang(request)
        await _reply(send, outcome, self._date())

    async def _hang(self, request: Request) -> None:
        """Keep the caller waiting, until it gives up (the server may then be stopped) or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.faults.hang_seconds):
                while (await request.receive())["type"] != "http.disconnect":
                    pass

    def _answer(self, arrival: Arrival, trouble: Trouble | None) -> Outcome:
        if trouble == "html_502":
            return _HTML_502
        try:
            _befall(trouble)
            if arrival.path in oauth.PATHS:
                return oauth.answer(arrival, self.keyring, self.faults)
            ask = self.gateway.admit(arrival)
            return self._success(ask)
        except oauth.Denied as denied:
            self.refusals[denied.code] += 1
            return as_json(denied.body(), 403)
        except Refusal as refusal:
            self.refusals[refusal.code] += 1
            return as_json(refusal.body(), refusal.status)

    def _success(self, ask: Ask) -> Outcome:
        more = False
        handler = HANDLERS.get(ask.endpoint.id)
        if ask.endpoint.id in DESKS:
            blocks = DESKS[ask.endpoint.id](ask, self.ledger)
        elif ask.endpoint.scope == "account":
            blocks, more = statement(ask, self.ledger)
        else:
            blocks = (handler or plain)(ask)
        code = "MCA05762" if more else str(blocks.get("msg_cd", "MCA00000"))
        body = {**blocks, "rt_cd": "0", "msg_cd": code, "msg1": meaning(code) + SPACE}
        cont = "M" if more else "D" if ask.endpoint.wire["paging"]["mode"] == "tr_cont" else ""
        return as_json(body, headers={"tr_id": ask.tr_id, "tr_cont": cont, "gt_uid": f"{len(self.stamps):032d}"})

    # ── beside KIS ──

    def _date(self) -> Mapping[str, str]:
        now = self.clock.now() + timedelta(seconds=self.faults.clock_offset)
        return {"date": format_datetime(now.astimezone(UTC), usegmt=True), SIMULATOR_HEADER: "kis"}

    def _master(self, name: str) -> Outcome:
        content = master_file(name, self.market, self.world.now())
        self.calls[f"master/{name}"] += 1
        if content is None:
            return Outcome(404, b"<html>404 Not Found</html>", kind="text/html")
        return Outcome(200, content, kind="application/zip")

    def _truth(self, name: str, query: Mapping[str, str]) -> Outcome:
        if name == "ledger":
            return as_json(self.ledger.told(query.get("account")))
        teller = TELLERS.get(name)
        if teller is None:
            return as_json({"error": f"no such truth; there are: {', '.join(TELLERS)}"}, 404)
        at = datetime.fromisoformat(query["at"]) if "at" in query else self.world.now()
        try:
            return as_json(teller(self.market, at, query))
        except ValueError as error:
            return as_json({"error": str(error)}, 400)

    def stats(self) -> dict[str, Any]:
        """Calls per tr_id (or path), refusals per code, tokens issued per key's end, arrival stamps in seconds."""
        return {
            "calls": dict(self.calls),
            "refusals": dict(self.refusals),
            "tokens_issued": {key[-8:]: count for key, count in self.keyring.issued.items() if count},
            "arrivals": [{"key": key, "at": stamp, "what": what} for key, stamp, what in self.stamps],
            "sessions": {
                "opened": self.streams.opened,
                "open": len(self.streams.sessions),
                "pongs": self.streams.pongs,
            },
            "now": self.world.now().isoformat(),
        }

    async def _switchboard(self, name: str, request: Request) -> Outcome:
        if name == "stats":
            told = self.stats()
            if request.method == "DELETE":
                self.calls.clear()
                self.refusals.clear()
                self.stamps.clear()
            return as_json(told)
        if name == "expire-tokens" and request.method == "POST":
            return as_json({"expired": self.keyring.spoil_all()})
        if name == "keys":
            return as_json({"keys": [_key_told(key) for key in self.keyring.keys.values()]})
        if name == "faults":
            try:
                if request.method == "POST":
                    self.faults.set(json.loads(await request.body()))
                elif request.method == "DELETE":
                    self.faults.clear()
            except (ValueError, TypeError) as error:
                return as_json({"error": str(error)}, 400)
            return as_json(self.faults.told())
        return as_json({"error": "there are: stats, faults, expire-tokens, keys"}, 404)


def _befall(trouble: Trouble | None) -> None:
    if trouble is not None:
        raise Refusal({"rate": "EGW00201", "ledger_rate": "EGW00215"}.get(trouble, "EGW00001"))


def _key_told(key: Key) -> dict[str, Any]:
    return {
        "appkey": key.appkey,
        "appsecret": key.appsecret,
        "mode": key.mode,
        "per_second": key.per_second,
        "accounts": [list(account) for account in key.accounts],
    }


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _reply(send: Send, outcome: Outcome, extra: Mapping[str, str]) -> None:
    headers = {
        "content-type": outcome.kind,
        "content-length": str(len(outcome.body)),
        **extra,
        **outcome.headers,
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": outcome.status, "headers": raw})
    await send({"type": "http.response.body", "body": outcome.body})


async def _broken(send: Send) -> None:
    """Promise more than is sent, then break: a server drops the connection, a caller in this process gets the error."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"rt_cd":"0",', "more_body": True})
    raise ConnectionResetError("a fault that was asked for")


def create_app(
    market: Market,
    *,
    clock: Clock | None = None,
    world: Clock | None = None,
    keys: Iterable[Key] = STANDARD_KEYS,
    ledger_per_second: int = LEDGER_PER_SECOND,
) -> Simulator:
    """The simulator of a world.

    `clock` is the machine's: limits count its seconds, tokens live by it, the Date header shows it (default: the
    system's). `world` tells the market's time and may start elsewhere, run faster or stand still (default: `clock`).
    Real mode is served under `/real`, paper under `/paper`, master files under `/master/<file name>`, switches under
    `/__sim__`, right answers under `/__truth__`.
    """
    running = clock or SystemClock()
    return Simulator(market, running, world or running, keys, ledger_per_second=ledger_per_second)
