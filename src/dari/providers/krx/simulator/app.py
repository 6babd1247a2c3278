"""The simulator as an ASGI app: the eight services under their real paths, its switches, and the truth beside them."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dari.core import krx
from dari.core.clock import KST, Clock, SystemClock
from dari.providers.krx.simulator.rows import TELLERS, closed_funds, listed
from dari.providers.krx.spec import SPEC, platform, refusals
from dari.worlds.market import Market
from dari.worlds.market.closed import closed_days

SIMULATED_KEY: Final = "51D0A1E0DA41BEEFCAFE00001111222233334444"
MARK: Final = {"x-dari-simulator": "krx", "x-dari-simulated": "true"}
KIND: Final = "application/json;charset=UTF-8"
_KEPT_BODIES: Final = 140
_KEPT_CALLS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Account:
    """What a key may do: `services` None means all were applied for; `per_day` replaces the published figure."""

    services: frozenset[str] | None = None
    expires: datetime | None = None
    per_day: int | None = None


@dataclass(slots=True)
class Switches:
    """What may be wrong with the service.

    `seconds` every call takes, `fail` how many calls are still answered with HTTP 500, `cut` how many bodies still end
    early, `html` how many calls still get a page instead, `per_second` above how many calls a second it says 429.
    """

    seconds: float = 0.0
    fail: int = 0
    cut: int = 0
    html: int = 0
    per_second: int = 0

    def spend(self, name: str) -> bool:
        """Whether a call is struck, counting it."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


@dataclass(slots=True)
class Stats:
    """What was asked: calls by service, by service and day (of those answered with rows or none), and refusals."""

    calls: Counter[str] = field(default_factory=Counter)
    days: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)


class Refused(Exception):
    """A call that is not answered with rows."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Simulator:
    """The exchange over one market. `clock` counts calls, `world` tells the market's time."""

    def __init__(self, market: Market, clock: Clock, world: Clock, accounts: Mapping[str, Account]) -> None:
        self.market, self.clock, self.world, self.accounts = market, clock, world, accounts
        self.switches, self.stats = Switches(), Stats()
        self._paths = {SPEC.endpoint(one).path: one for one in SPEC.ids()}
        self._used: Counter[tuple[str, date]] = Counter()
        self._recent: deque[float] = deque(maxlen=_KEPT_CALLS)
        self._body = lru_cache(maxsize=_KEPT_BODIES)(self._make_body)

    # ── the service ──

    async def serve(self, request: Request) -> Response:
        """One call of a service."""
        stamp = self.clock.monotonic()
        if self.switches.seconds:
            await self.clock.sleep(self.switches.seconds)
        try:
            service, day = await self._admitted(request, stamp)
        except Refused as refused:
            self.stats.refusals[refused.code] += 1
            row = refusals()[refused.code]
            told = {platform().error_message: row.code, platform().error_code: str(row.http)}
            return JSONResponse(told, row.http, headers=MARK)
        if self.switches.spend("html"):
            return Response("<html><body>점검중입니다.</body></html>", 200, headers=MARK, media_type="text/html")
        body = self.body(service, day)
        self.stats.days[f"{service} {day:%Y%m%d}"] += 1
        if self.switches.spend("cut"):
            body = body[: len(body) * 2 // 3]
        return Response(body, headers={**MARK, "content-type": KIND})

    async def _admitted(self, request: Request, stamp: float) -> tuple[str, date]:
        service = self._paths.get(request.url.path)
        if service is None:
            raise Refused("Not Found")
        self.stats.calls[service] += 1
        self._recent.append(stamp)
        key = request.headers.get(platform().key_header, "")
        account = self.accounts.get(key)
        if account is None or (account.expires is not None and account.expires <= self.clock.now()):
            raise Refused("Unauthorized Key")
        if account.services is not None and service not in account.services:
            raise Refused("Unauthorized API Call")
        self._count(key, account, stamp)
        if self.switches.spend("fail"):
            raise Refused("Internal Server Error")
        return service, _asked_day(await _asked(request))

    def _count(self, key: str, account: Account, stamp: float) -> None:
        slot = (key, self.clock.now().astimezone(KST).date())
        self._used[slot] += 1
        most = platform().per_day if account.per_day is None else account.per_day
        if self._used[slot] > most:
            raise Refused("Too Many Requests")
        fast = self.switches.per_second
        if fast and sum(stamp - one < 1.0 for one in self._recent) > fast:
            raise Refused("Too Many Requests")

    def out(self, day: date) -> bool:
        """Whether a day's figures are published: from 08:00 of the next trading day."""
        hour, minute = map(int, platform().published_at.split(":"))
        moment = datetime.combine(krx.next_trading_day(day), time(hour, minute), KST)
        return moment <= self.world.now() and f"{day:%Y%m%d}" >= platform().history_since

    def body(self, service: str, day: date) -> bytes:
        """The reply for a day as it stands now."""
        if not self.out(day):
            return _spelled([])
        return self._body(service, day)

    def _make_body(self, service: str, day: date) -> bytes:
        if krx.is_trading_day(day):
            return _spelled(TELLERS[service](self.market, day))
        weekday = day.weekday() < krx.SATURDAY
        told = weekday and SPEC.endpoint(service).wire["closed_day"] == "rows_without_prices"
        return _spelled(closed_funds(self.market, day) if told else [])

    # ── beside the service ──

    async def control(self, request: Request) -> Response:
        """`/__sim__/stats` (GET, DELETE) and `/__sim__/switches` (GET, PUT, DELETE)."""
        if request.path_params["name"] == "stats":
            if request.method == "DELETE":
                self.stats = Stats()
            used = {f"{key[-4:]} {day:%Y%m%d}": count for (key, day), count in self._used.items()}
            told = {name: dict(getattr(self.stats, name)) for name in ("calls", "days", "refusals")}
            return JSONResponse({**told, "used": used, "now": self.world.now().isoformat()})
        if request.method == "DELETE":
            self.switches = Switches()
        elif request.method == "PUT":
            for name, value in (await request.json()).items():
                if name not in Switches.__slots__:
                    return JSONResponse({"error": f"there are: {', '.join(Switches.__slots__)}"}, 400)
                setattr(self.switches, name, value)
        return JSONResponse({name: getattr(self.switches, name) for name in Switches.__slots__})

    async def truth(self, request: Request) -> Response:
        """`/__truth__/day?day=&market=KOSPI|KOSDAQ|ETF`: a closed day straight from the world, published or not.

        Rows by code: [base, open, high, low, close, volume, value, shares]; won and shares.
        """
        market = request.query_params.get("market", "KOSPI")
        if market not in {"KOSPI", "KOSDAQ", "ETF"}:
            return JSONResponse({"error": "market is KOSPI, KOSDAQ or ETF"}, 400)
        try:
            day = datetime.strptime(request.query_params["day"], "%Y%m%d").replace(tzinfo=KST).date()
            bars = closed_days(self.market).bars(day)
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        issues = listed(self.market, "KOSPI" if market == "ETF" else market, funds=market == "ETF")
        rows = {}
        for issue in issues:
            bar = bars[issue.code]
            prices = [bar.base, bar.open, bar.high, bar.low, bar.close]
            rows[issue.code] = [*prices, bar.volume, bar.value, issue.shares]
        return JSONResponse({"seed": self.market.seed, "day": f"{day:%Y%m%d}", "market": market, "rows": rows})


def _spelled(rows: list[dict[str, str]]) -> bytes:
    return json.dumps({platform().rows: rows}, ensure_ascii=False, separators=(",", ":")).encode()


async def _asked(request: Request) -> Mapping[str, Any]:
    if request.method == "GET":
        return dict(request.query_params)
    try:
        told = json.loads(await request.body())
    except ValueError:
        raise Refused("Bad Request") from None
    if not isinstance(told, dict):
        raise Refused("Bad Request")
    return told


def _asked_day(asked: Mapping[str, Any]) -> date:
    text = asked.get("basDd")
    if set(asked) != {"basDd"} or not isinstance(text, str) or len(text) != 8 or not text.isascii():
        raise Refused("Bad Request")
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=KST).date()
    except ValueError:
        raise Refused("Bad Request") from None


def create_app(
    market: Market,
    *,
    clock: Clock | None = None,
    world: Clock | None = None,
    accounts: Mapping[str, Account] | None = None,
) -> Starlette:
    """The KRX Open API over a market.

    `accounts` maps keys to what they may do (default: `SIMULATED_KEY`, everything). `clock` counts the calls of a day
    (default: the system's), `world` tells the market's time (default: `clock`). `app.state.simulator` is its inside.
    """
    running = clock or SystemClock()
    known = {SIMULATED_KEY: Account()} if accounts is None else accounts
    simulator = Simulator(market, running, world or running, known)
    app = Starlette(
        routes=[
            Route("/__sim__/{name}", simulator.control, methods=["GET", "PUT", "DELETE"]),
            Route("/__truth__/day", simulator.truth, methods=["GET"]),
            Route("/{path:path}", simulator.serve, methods=["GET", "POST"]),
        ]
    )
    app.state.simulator = simulator
    return app
