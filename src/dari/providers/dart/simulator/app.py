"""The simulator as an ASGI app: the four operations under their real paths, its switches, and the truth beside them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dari.core.clock import KST, Clock, SystemClock
from dari.core.endpoint import Endpoint
from dari.providers.dart.simulator import answers
from dari.providers.dart.simulator.asked import Refused, checked, search_of
from dari.providers.dart.spec import SPEC, platform, statuses
from dari.worlds.market import Market
from dari.worlds.market.filings import Disclosures, disclosures

SIMULATED_KEY: Final = "51d0a1e0da41beefcafe00001111222233334444"
MARK: Final = {"x-dari-simulator": "dart", "x-dari-simulated": "true"}
_MINUTE: Final = 60.0
_KEPT_CALLS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Account:
    """What a key may do. `stopped` is status 011, `lapsed` 901; `per_day` replaces the published figure."""

    stopped: bool = False
    lapsed: bool = False
    per_day: int | None = None


@dataclass(slots=True)
class Switches:
    """What may be wrong with the service.

    `seconds` every call takes, `fail` how many calls are still answered 900, `closed` how many 800, `html` how many
    calls still get a page instead, `cut` how many bodies still end early; `per_minute` replaces the published figure.
    """

    seconds: float = 0.0
    fail: int = 0
    closed: int = 0
    html: int = 0
    cut: int = 0
    per_minute: int = 0

    def spend(self, name: str) -> bool:
        """Whether a call is struck, counting it."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


@dataclass(slots=True)
class Stats:
    """What was asked: calls by operation, and statuses that were not 000."""

    calls: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)


class Simulator:
    """OpenDART over one market. `clock` counts calls, `world` tells the market's time."""

    def __init__(self, market: Market, clock: Clock, world: Clock, accounts: Mapping[str, Account]) -> None:
        self.market, self.clock, self.world, self.accounts = market, clock, world, accounts
        self.switches, self.stats = Switches(), Stats()
        self._paths = {SPEC.endpoint(one).path: SPEC.endpoint(one) for one in SPEC.ids()}
        self._used: Counter[tuple[str, date]] = Counter()
        self._recent: deque[float] = deque(maxlen=_KEPT_CALLS)
        self._blocked_until: datetime | None = None

    @cached_property
    def told(self) -> Disclosures:
        """The world's disclosures, made when first asked for."""
        return disclosures(self.market)

    @cached_property
    def _archive(self) -> bytes:
        return answers.archive(self.told)

    # ── the service ──

    async def serve(self, request: Request) -> Response:
        """One call of an operation."""
        endpoint = self._paths.get(request.url.path)
        if endpoint is None:
            return HTMLResponse("<html><body>404</body></html>", 404, headers=MARK)
        self.stats.calls[endpoint.id] += 1
        if self.switches.seconds:
            await self.clock.sleep(self.switches.seconds)
        query = dict(request.query_params)
        key = query.pop(platform().key_parameter, "")
        if not key:
            return RedirectResponse(platform().page_without_key, 302, headers=MARK)
        try:
            self._admit(key)
            if self.switches.spend("html"):
                return HTMLResponse("<html><body>점검중입니다.</body></html>", headers=MARK)
            response = self._answer(endpoint, checked(endpoint, {**query, platform().key_parameter: key}))
        except Refused as refused:
            self.stats.refusals[refused.code] += 1
            return _status(endpoint, refused.code, refused.message)
        if self.switches.spend("cut"):
            whole = bytes(response.body)
            return Response(whole[: len(whole) * 2 // 3], headers=MARK, media_type=response.media_type)
        return response

    def _admit(self, key: str) -> None:
        """Raises Refused for a key, an address or a quota that does not do."""
        now = self.clock.now()
        if self._blocked_until is not None and now < self._blocked_until:
            raise Refused("012")
        self._recent.append(self.clock.monotonic())
        fast = self.switches.per_minute or platform().per_minute
        while self._recent and self._recent[-1] - self._recent[0] >= _MINUTE:
            self._recent.popleft()
        if len(self._recent) > fast:
            self._blocked_until = now + timedelta(hours=platform().blocked_hours)
            raise Refused("012")
        account = self.accounts.get(key)
        if account is None or len(key) != platform().key_length:
            raise Refused("010")
        if account.stopped or account.lapsed:
            raise Refused("011" if account.stopped else "901")
        slot = (key, now.astimezone(KST).date())
        self._used[slot] += 1
        most = platform().per_day if account.per_day is None else account.per_day
        if self._used[slot] > most:
            raise Refused("020")
        for name, code in (("closed", "800"), ("fail", "900")):
            if self.switches.spend(name):
                raise Refused(code)

    def _answer(self, endpoint: Endpoint, asked: Mapping[str, str]) -> Response:
        at = self.world.now().astimezone(KST)
        if endpoint.id == "corpCode":
            headers = {**MARK, "content-disposition": 'attachment; filename="CORPCODE.zip"'}
            return Response(self._archive, headers=headers, media_type="application/x-msdownload")
        body: dict[str, Any]
        if endpoint.id == "list":
            body = answers.disclosed(self.told, search_of(asked, at.date()), at)
        else:
            tell = answers.totals if endpoint.id == "stockTotqySttus" else answers.treasury
            body = {"list": tell(self.told, answers.report_of(self.told, asked, at))}
        return JSONResponse({"status": "000", "message": statuses()["000"].label, **body}, headers=MARK)

    async def page(self, request: Request) -> Response:
        """The page for calls without a key."""
        del request
        return HTMLResponse("<html><body>인증키가 필요합니다.</body></html>", headers=MARK)

    # ── beside the service ──

    async def control(self, request: Request) -> Response:
        """`/__sim__/stats` (GET, DELETE) and `/__sim__/switches` (GET, PUT, DELETE, which also opens the address)."""
        if request.path_params["name"] == "stats":
            if request.method == "DELETE":
                self.stats = Stats()
            told = {"calls": dict(self.stats.calls), "refusals": dict(self.stats.refusals)}
            return JSONResponse({**told, "now": self.world.now().isoformat()})
        if request.method == "DELETE":
            self.switches, self._blocked_until = Switches(), None
            self._recent.clear()
        elif request.method == "PUT":
            for name, value in (await request.json()).items():
                if name not in Switches.__slots__:
                    return JSONResponse({"error": f"there are: {', '.join(Switches.__slots__)}"}, 400)
                setattr(self.switches, name, value)
        return JSONResponse({name: getattr(self.switches, name) for name in Switches.__slots__})

    async def truth(self, request: Request) -> Response:
        """`/__truth__/issue?code=[&day=YYYYMMDD&at=]`: what there is to know of an issue, straight from the world.

        Its company's 고유번호, the receipts filed on the day by then, and its own shares by the latest report.
        """
        query = request.query_params
        try:
            at = datetime.fromisoformat(query["at"]) if "at" in query else self.world.now()
            day = datetime.strptime(query["day"], "%Y%m%d").date() if "day" in query else at.date()  # noqa: DTZ007 -- a day, not a moment
            issue = self.market.by_code[query["code"]]
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        company = self.told.by_code.get(issue.code)
        if company is None:
            return JSONResponse({"code": issue.code, "corp_code": None, "receipts": [], "own_shares": None})
        named, own = self.told.report(issue.code, at), self.told.holding(issue.code, at)
        filed = self.told.told(at, day, day, company.corp_code)
        shares = None
        if named is not None and own is not None:
            shares = {
                "held": own.closing,
                "issued": own.issued,
                "settled_on": named.settled_on.isoformat(),
                "receipt": answers.receipt_of(self.told, named),
                "year": named.year,
                "kind": named.kind,
            }
        receipts = [one.receipt for one in filed]
        return JSONResponse(
            {"code": issue.code, "corp_code": company.corp_code, "receipts": receipts, "own_shares": shares}
        )


def _status(endpoint: Endpoint, code: str, message: str) -> Response:
    """A status without rows: JSON, or XML where a file was asked for; HTTP 200 either way."""
    if endpoint.transport == "file":
        head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        body = f"{head}<result><status>{code}</status><message>{escape(message)}</message></result>"
        return Response(body, headers=MARK, media_type="application/xml")
    return JSONResponse({"status": code, "message": message}, headers=MARK)


def create_app(
    market: Market,
    *,
    clock: Clock | None = None,
    world: Clock | None = None,
    accounts: Mapping[str, Account] | None = None,
) -> Starlette:
    """OpenDART over a market.

    `accounts` maps keys to what they may do (default: `SIMULATED_KEY`, everything). `clock` counts calls (default: the
    system's), `world` tells the market's time (default: `clock`). `app.state.simulator` is its inside.
    """
    running = clock or SystemClock()
    known = {SIMULATED_KEY: Account()} if accounts is None else accounts
    simulator = Simulator(market, running, world or running, known)
    app = Starlette(
        routes=[
            Route("/__sim__/{name}", simulator.control, methods=["GET", "PUT", "DELETE"]),
            Route("/__truth__/issue", simulator.truth, methods=["GET"]),
            Route(platform().page_without_key, simulator.page, methods=["GET"]),
            Route("/{path:path}", simulator.serve, methods=["GET"]),
        ]
    )
    app.state.simulator = simulator
    return app
