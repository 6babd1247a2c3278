"""How the monitoring service is asked: plain GET with a query, acts as POST with the operator's token; no sign-in."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from dari.core.acts import Holder, holder_name
from dari.core.clock import Clock
from dari.core.endpoint import NOTHING, Effect, Endpoint
from dari.core.errors import (
    DariError,
    Hint,
    InvalidInput,
    Malformed,
    NotAllowed,
    NotFound,
    PlanRefused,
    Refused,
    SetupError,
    Unreachable,
)
from dari.core.exchange import Call, Grant, Reply
from dari.core.provider import Rate, Request, Response

SIMULATOR_HEADER: Final = "x-dari-simulator"
"""The service says so itself where the platform it looks at lives in a process of Dari's own."""

START_HINT: Final = Hint(
    "모니터링 서비스가 필요합니다. 실행: dari service monitoring (주소 설정: API_BASE_URL)",
    "The monitoring service is needed. Start it: dari service monitoring (its address: API_BASE_URL)",
)
GROUP_HINT: Final = Hint("이름을 확인하세요: 목록 도구를 먼저 부르세요.", "Check the name: ask the list first.")
POLICY: Final = "operator.policy"
Transport = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringDialect:
    """The innermost Sender for the monitoring service.

    `base` is its address, `token` the operator's (only acts carry it), `policy` what this process may do, told by
    `show_policy` beside the service's own. A failed probe (503 with a component) is a reply, not a failure: which part
    could not be read is what was asked.
    """

    name: str = "payments"
    send: Transport = field(repr=False)
    clock: Clock
    base: str
    token: str = field(default="", repr=False)
    policy: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def holder(self, call: Call) -> Holder:
        """Acts are done for the system behind one address: its host and port."""
        del call
        where = urlsplit(self.base).netloc
        return Holder("operator", where, holder_name(where))

    def check(self, call: Call) -> None:
        """Refuse a page asked without what it needs."""
        missing = [one.name for one in call.endpoint.parameters if one.required and one.name not in call.parameters]
        if missing:
            raise InvalidInput(f"{call.endpoint.id} needs {', '.join(missing)}")

    def lane(self, call: Call) -> str:
        """One circuit for the service, one for its acts."""
        return f"payments {urlsplit(self.base).netloc} {call.endpoint.effect.name}"

    def limits(self, call: Call) -> tuple[tuple[str, Rate], ...]:
        """The service counts nothing."""
        del call
        return ()

    async def sign_in(self, profile: str, mode: str) -> Grant:
        """There is nothing to sign in to."""
        raise SetupError(f"the monitoring service has no sign-in ({profile}, {mode})")

    def grant_name(self, profile: str, mode: str) -> str | None:
        """No grant is needed."""
        del profile, mode
        return None

    async def __call__(self, call: Call, /) -> Reply:
        """Spell, send, judge."""
        row = call.endpoint
        try:
            response = await self.send(self._spelled(call))
        except Unreachable as error:
            if error.executed is False:
                raise _not_there(self.base) from error
            raise
        body = self._judged(response, row)
        if row.id == POLICY:
            body = {**body, "server": dict(self.policy)}
        return Reply(body=body, fetched_at=self.clock.now(), simulated=SIMULATOR_HEADER in response.headers)

    def _spelled(self, call: Call) -> Request:
        row, headers = call.endpoint, {"accept": "application/json"}
        url = self.base.rstrip("/") + row.path
        if row.method == "GET":
            lists = row.wire["lists"]
            asked = {name: text.split(",") if name in lists else text for name, text in call.parameters.items()}
            return Request("GET", f"{url}?{urlencode(asked, doseq=True)}" if asked else url, headers)
        data = row.wire["data"]
        payload = {name: json.loads(text) if name in data else text for name, text in call.parameters.items()}
        return Request("POST", url, {**headers, "authorization": f"Bearer {self.token}"}, payload=payload)

    def _judged(self, response: Response, row: Endpoint) -> dict[str, Any]:
        """The body of an answer, or of a failed probe; raises the DariError that anything else stands for."""
        try:
            body = json.loads(response.content)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise _strange(response, row, self.base)
        if response.status < HTTPStatus.BAD_REQUEST:
            return body
        if response.status == HTTPStatus.SERVICE_UNAVAILABLE and "component" in body and row.effect is Effect.READ:
            return body
        raise _refused(response.status, body, row)


def _not_there(base: str) -> SetupError:
    return SetupError(f"no monitoring service answers at {base}", hint=START_HINT, details={"API_BASE_URL": base})


def _strange(response: Response, row: Endpoint, base: str) -> DariError:
    told = response.content[:200].decode("utf-8", "replace")
    if response.status == HTTPStatus.NOT_FOUND:
        return _not_there(base)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        executed = False if row.effect is Effect.READ else None
        return Unreachable(
            f"the monitoring service answered HTTP {response.status}", executed=executed, upstream_text=told
        )
    return Malformed(f"{base} answered {row.id} with something that is not JSON", hint=START_HINT, upstream_text=told)


def _refused(status: int, body: Mapping[str, Any], row: Endpoint) -> DariError:
    said = body.get("message") or body.get("detail") or f"HTTP {status}"
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    code = str(body.get("code") or status)
    if status == HTTPStatus.NOT_FOUND and said == "Not Found" and row.wire["added"]:
        return SetupError(
            f"this monitoring service has no {row.path}: it is not Dari's own", hint=START_HINT, upstream_code=code
        )
    kinds: dict[int, type[DariError]] = {
        HTTPStatus.NOT_FOUND: NotFound,
        HTTPStatus.BAD_REQUEST: InvalidInput,
        HTTPStatus.UNPROCESSABLE_ENTITY: InvalidInput,
        HTTPStatus.FORBIDDEN: NotAllowed,
    }
    if status == HTTPStatus.CONFLICT:
        return PlanRefused("what the plan stood on has changed", reason="changed", upstream_text=text)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        executed = False if row.effect is Effect.READ or body.get("executed") is False else None
        return Unreachable(f"the monitoring service answered HTTP {status}", executed=executed, upstream_text=text)
    kind = kinds.get(status, Refused)
    hint = GROUP_HINT if kind is NotFound else Hint("", "")
    return kind(text[:300], hint=hint, upstream_code=code)
