"""How the KRX Open API is asked: GET for one day with the key in a header; a refusal is a JSON object of two words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from dari.core.clock import Clock, midnight_after
from dari.core.endpoint import Endpoint
from dari.core.errors import (
    DariError,
    Hint,
    InvalidInput,
    Malformed,
    MissingCredential,
    QuotaSpent,
    RateLimited,
    Refused,
    SignInRefused,
    Unreachable,
    WrongMode,
)
from dari.core.exchange import Call, Grant, Reply
from dari.core.provider import Credential, Rate, Request, Response
from dari.providers.krx.spec import platform, refusals

SIMULATOR_HEADER: Final = "x-dari-simulator"
"""A simulator names itself in every reply; the exchange does not know the header."""
PORTAL: Final = "openapi.krx.co.kr"
Transport = Callable[[Request], Awaitable[Response]]

KEY_HINT: Final = Hint(
    f"{PORTAL}에서 받은 인증키를 KRX_AUTH_KEY에 넣으세요. 키는 1년 뒤 만료됩니다.",
    f"Put the key of {PORTAL} into KRX_AUTH_KEY. A key lives for a year.",
)
SERVICE_HINT: Final = Hint(
    f"{PORTAL}에서 이 서비스의 이용을 신청하고 승인을 기다리세요 (서비스마다 따로 신청).",
    f"Apply for this service on {PORTAL} and wait for approval: each service is applied for on its own.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KrxDialect:
    """The innermost Sender for the exchange.

    `credentials` are keyed by (profile, mode) with one part, `auth_key`. There is one mode, "real", and no sign-in.
    A reply's body is `{OutBlock_1: [{name: text}]}`. How many calls a second are allowed is not documented: `limits`
    keeps to `per_second`.
    """

    name: str = "krx"
    send: Transport = field(repr=False)
    clock: Clock
    credentials: Mapping[tuple[str, str], Credential] = field(repr=False)
    host: str = ""
    per_second: int = 5

    def _key(self, profile: str, mode: str) -> str:
        found = self.credentials.get((profile, mode))
        if found is None:
            raise MissingCredential(f"no key for the KRX Open API (profile {profile})", hint=KEY_HINT)
        return found.parts["auth_key"]

    def grant_name(self, profile: str, mode: str) -> str | None:
        self._key(profile, mode)  # there is nothing to sign in to, but without a key nothing can be asked
        return None

    async def sign_in(self, profile: str, mode: str) -> Grant:
        raise MissingCredential(f"the KRX Open API has no sign-in ({profile}, {mode})")

    def _key_name(self, call: Call) -> str:
        return f"krx {hashlib.sha256(self._key(call.profile, call.mode).encode()).hexdigest()[:16]}"

    def lane(self, call: Call) -> str:
        """One circuit a key: the services are one program."""
        return self._key_name(call)

    def limits(self, call: Call) -> tuple[tuple[str, Rate], ...]:
        return ((self._key_name(call), Rate(self.per_second)),)

    def check(self, call: Call) -> None:
        """Refuse before a call is spent: no key, another mode, a day that is none."""
        row = call.endpoint
        if row.codes.get(call.mode) is None:
            raise WrongMode(f"the KRX Open API has no mode {call.mode!r}")
        self._key(call.profile, call.mode)
        day = call.parameters.get("basDd", "")
        if set(call.parameters) != {"basDd"} or not _is_day(day):
            raise InvalidInput(f"{row.id} ({row.title}) takes basDd, a day as YYYYMMDD")

    async def __call__(self, call: Call, /) -> Reply:
        row, told = call.endpoint, platform()
        host = (self.host or told.host).rstrip("/")
        headers = {told.key_header: self._key(call.profile, call.mode)}
        response = await self.send(Request("GET", host + row.path, headers=headers, query=dict(call.parameters)))
        body = _read(row, response)
        if response.status != HTTPStatus.OK or told.error_code in body:
            raise self._refusal(row, response.status, str(body.get(told.error_message, "")))
        listed = body.get(told.rows)
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise Malformed(f"{row.id}: the reply has no rows under {told.rows}")
        return Reply(
            body={told.rows: listed}, fetched_at=self.clock.now(), simulated=SIMULATOR_HEADER in response.headers
        )

    def _refusal(self, row: Endpoint, status: int, said: str) -> DariError:
        known = refusals().get(said)
        kind = known.kind if known else _kind(status)
        more: dict[str, Any] = {"upstream_code": str(status), "upstream_text": said}
        what = f"{row.id} ({row.title})"
        if kind == "key":
            return SignInRefused(f"{what}: the exchange does not know the key", hint=KEY_HINT, **more)
        if kind == "service":
            return SignInRefused(f"{what}: this service is not granted to the key", hint=SERVICE_HINT, **more)
        if kind == "quota":
            return self._spent(what, more)
        if kind == "server":
            return Unreachable(f"{what}: the exchange's server failed", executed=None, **more)
        return Refused(f"{what}: the exchange refused", **more)

    def _spent(self, what: str, more: Mapping[str, Any]) -> DariError:
        """429 is not documented: taken for the day's quota where the server says so, else for a moment's haste."""
        if more["upstream_text"] not in refusals():
            return RateLimited(f"{what}: too many calls", **more)
        now = self.clock.now()
        again = midnight_after(now)
        hint = Hint(
            f"하루 {platform().per_day:,}회를 모두 썼습니다. 자정(KST) 이후 이어서 하세요.",
            f"The {platform().per_day:,} calls of the day are spent; go on after midnight KST.",
        )
        seconds = (again - now).total_seconds()
        return QuotaSpent(f"{what}: the calls of today are spent", hint=hint, retry_after=seconds, **more)


def _is_day(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 -- a day, not a moment
    except ValueError:
        return False
    return len(text) == len("YYYYMMDD")


def _kind(status: int) -> str:
    """What a refusal in words we do not know is, by its status."""
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return "key"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "quota"
    return "server" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "request"


def _read(row: Endpoint, response: Response) -> dict[str, Any]:
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    if response.status >= HTTPStatus.BAD_REQUEST:
        return {}
    raise Malformed(f"{row.id}: the reply is not a JSON object", upstream_code=str(response.status))
