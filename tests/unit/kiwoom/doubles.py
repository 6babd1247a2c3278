"""A Kiwoom made of a dictionary: replies by api-id, written from the facts; and what most tests start from."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from dari.core.clock import KST, ManualClock
from dari.core.errors import Unreachable
from dari.core.events import Events
from dari.core.provider import Credential, Request, Response
from dari.core.shared_state import FileState
from dari.providers.kiwoom.dialect import Hosts, KiwoomDialect, Quotas, QuotasInMemory
from dari.providers.kiwoom.live import KiwoomFrames
from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools import TOOLS
from dari.serving.audit import Audit
from dari.serving.callers import Caller
from dari.serving.dispatch import Dispatch, Offered, Outcome
from dari.serving.metrics import Metrics
from dari.upstream.client import Client, Pushes, Rules
from dari.upstream.pacing import FileRing
from tests.unit.kiwoom.pushing import PushingKiwoom

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
OK = {"return_code": 0, "return_msg": "정상적으로 처리되었습니다"}
TOKEN = {**OK, "token": "T1", "token_type": "bearer", "expires_dt": "20261121120000"}
Say = Mapping[str, Any] | Exception | Callable[[Request], Any]


def refusal(code: str, return_code: int, more: str = "") -> dict[str, Any]:
    return {"return_code": return_code, "return_msg": f"요청이 거절되었습니다[{code}:{more or '사유'}]"}


def response(body: Any, status: int = 200, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


class RealClock(ManualClock):
    """A clock at noon whose waits take their time."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Kiwoom:
    """Answers by api-id; a list is said one after another, its last item again and again."""

    def __init__(self, clock: ManualClock, **said: Any) -> None:
        self.clock = clock
        self.said: dict[str, Any] = {"au10001": TOKEN, **said}
        self.asked: list[Request] = []
        self.times: list[float] = []

    def bodies(self, api_id: str) -> list[Mapping[str, Any]]:
        return [dict(one.payload or {}) for one in self.asked if one.headers["api-id"] == api_id]

    async def send(self, request: Request) -> Response:
        self.asked.append(request)
        self.times.append(self.clock.monotonic())
        api_id = request.headers["api-id"]
        say: Any = self.said.get(api_id, Unreachable("down", executed=False))
        if isinstance(say, list):
            say = say.pop(0) if len(say) > 1 else say[0]
        if callable(say) and not isinstance(say, type):
            say = say(request)
        if isinstance(say, Exception):
            raise say
        return say if isinstance(say, Response) else response({**OK, **say})


class Rig:
    """The whole way of a call over a Kiwoom double: dispatch → tool → policies → dialect."""

    opened: ClassVar[list[Rig]] = []
    """Closed after each test (conftest.py)."""

    def __init__(
        self,
        folder: Path,
        *,
        mode: str = "paper",
        rules: Rules | None = None,
        samples: bool = False,
        quotas: Quotas | None = None,
        pushing: PushingKiwoom | None = None,
        **said: Any,
    ) -> None:
        # A session that is kept alive sleeps for ever, which a clock that jumps would turn into a busy loop.
        self.clock = ManualClock(NOON) if pushing is None else RealClock(NOON)
        self.clock.advance(100.0)
        self.kiwoom = Kiwoom(self.clock, **said)
        self.dialect = KiwoomDialect(
            send=self.kiwoom.send,
            clock=self.clock,
            credentials=MappingProxyType({("default", mode): credential(mode)}),
            hosts=Hosts.of(None),
            quotas=quotas or QuotasInMemory(),
        )
        self.events = Events()
        self.client = Client(
            spec=SPEC,
            dialect=self.dialect,
            state=FileState(folder / "state", self.clock),
            ring=FileRing(folder / "rings", self.clock),
            clock=self.clock,
            events=self.events,
            rules=rules,
            default_mode=lambda _: mode,
            pushes=Pushes(KiwoomFrames(self.dialect), pushing.connect) if pushing else None,
        )
        offered = {tool.name: Offered(tool, self.client.asking, samples=samples) for tool in TOOLS}
        self.audit = Audit(folder / "audit")
        self.opened.append(self)
        self.dispatch = Dispatch(offered, clock=self.clock, audit=self.audit, metrics=Metrics(), deadline=1000.0)

    async def outcome(self, tool: str, **arguments: Any) -> Outcome:
        return await self.dispatch.call(tool, arguments, Caller())

    async def answer(self, tool: str, **arguments: Any) -> Mapping[str, Any]:
        outcome = await self.outcome(tool, **arguments)
        assert outcome.error is None, outcome.text
        return outcome.structured


def credential(mode: str = "paper") -> Credential:
    return Credential(mode=mode, parts=MappingProxyType({"appkey": f"key-{mode}", "secretkey": "s" * 40}))


def quote(code: str = "005930", **more: str) -> dict[str, str]:
    """One row of ka10095, as Kiwoom writes one that fell: every price carries a minus, which is its direction."""
    return {
        "stk_cd": code,
        "stk_nm": "삼성전자",
        "cur_prc": "-70100",
        "base_pric": "70900",
        "pred_pre": "-800",
        "pred_pre_sig": "5",
        "flu_rt": "-1.13",
        "trde_qty": "12345678",
        "trde_prica": "865432",
        "open_pric": "+71000",
        "high_pric": "+71200",
        "low_pric": "-70000",
        "upl_pric": "+92100",
        "lst_pric": "-49700",
        "sel_bid": "-70200",
        "buy_bid": "-70100",
        "mac": "4184823",
        "stkcnt": "5969783",
        "dt": "20261120",
        "cntr_tm": "115958",
        **more,
    }
