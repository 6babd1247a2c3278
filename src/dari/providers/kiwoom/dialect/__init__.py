"""How Kiwoom spells a call, signs in, pages and limits: POST JSON with the api-id in a header, whatever is asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from dari.core.clock import KST, Clock
from dari.core.endpoint import Effect, Endpoint
from dari.core.errors import (
    DariError,
    Hint,
    InvalidInput,
    Malformed,
    MissingCredential,
    OutcomeUnknown,
    SignInRefused,
    Unreachable,
    WrongMode,
)
from dari.core.exchange import Call, Grant, Reply
from dari.core.provider import Credential, Rate, Request, Response
from dari.providers.kiwoom.dialect.asked import check_parameters
from dari.providers.kiwoom.dialect.judged import MOCK_HINT, error_of
from dari.providers.kiwoom.dialect.quotas import Quotas, QuotasInFiles, QuotasInMemory
from dari.providers.kiwoom.spec import SPEC, hosts, limits, platform
from dari.providers.kiwoom.spec.platform_facts import quota_in

__all__ = ["Hosts", "KiwoomDialect", "Quotas", "QuotasInFiles", "QuotasInMemory"]

SIMULATOR_HEADER: Final = "x-dari-simulator"
"""A simulator names itself in every reply; the real Kiwoom does not know the header."""

SIMULATED: Final = "simulated"
"""The mark of a grant that a simulator gave: its websocket is one as well."""

PREFIXES: Final[Mapping[str, str]] = MappingProxyType({"real": "real", "paper": "mock"})
"""Where each mode lies below another origin: Kiwoom's own word for paper trading is mock."""

ISSUE: Final = "au10001"
TOTAL_REFUSED: Final = "1701"
GROUP_REFUSED: Final = "1702"
Transport = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where each mode is asked, over HTTP and over the websocket."""

    rest: Mapping[str, str]
    websocket: Mapping[str, str]

    @classmethod
    def of(cls, origin: str | None) -> Hosts:
        """The real hosts, or another origin (a simulator, a proxy) with `/real` and `/mock`."""
        path = platform()["websocket_path"]
        if origin:
            base = origin.rstrip("/")
            socket = "ws" + base.removeprefix("http")
            return cls(
                MappingProxyType({mode: f"{base}/{told}" for mode, told in PREFIXES.items()}),
                MappingProxyType({mode: f"{socket}/{told}{path}" for mode, told in PREFIXES.items()}),
            )
        real, paper = hosts("real"), hosts("paper")
        return cls(
            MappingProxyType({"real": real["rest"], "paper": paper["rest"]}),
            MappingProxyType({"real": real["websocket"] + path, "paper": paper["websocket"] + path}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KiwoomDialect:
    """The innermost Sender for Kiwoom.

    `credentials` are keyed by (profile, mode); their parts are `appkey` and `secretkey`. A key belongs to one mode
    and one account, so no account number is ever sent. `quotas` remembers what 1700, 1701 and 1702 tell.
    """

    name: str = "kiwoom"
    send: Transport = field(repr=False)
    clock: Clock
    credentials: Mapping[tuple[str, str], Credential] = field(repr=False)
    hosts: Hosts
    quotas: Quotas = field(default_factory=QuotasInMemory)

    # --- who we are ------------------------------------------------------------------------------------------------

    def credential(self, profile: str, mode: str) -> Credential:
        """The key set of a profile and mode. Raises MissingCredential before any network call."""
        found = self.credentials.get((profile, mode))
        if found is None:
            asked = "real" if mode == "real" else "mock"
            raise MissingCredential(
                f"no {asked} key pair for Kiwoom (profile {profile})",
                hint=Hint(
                    f"KIWOOM_MODE={asked}용 KIWOOM_APP_KEY와 KIWOOM_SECRET_KEY를 설정하세요: dari doctor",
                    f"Set KIWOOM_APP_KEY and KIWOOM_SECRET_KEY for KIWOOM_MODE={asked}, then: dari doctor",
                ),
            )
        return found

    def key_name(self, profile: str, mode: str) -> str:
        """A name the holders of one key share, which tells nothing of the key."""
        appkey = self.credential(profile, mode).parts["appkey"]
        return f"kiwoom {mode} {hashlib.sha256(appkey.encode()).hexdigest()[:16]}"

    def grant_name(self, profile: str, mode: str) -> str | None:
        return self.key_name(profile, mode)

    def lane(self, call: Call) -> str:
        """One circuit a key and family of endpoints: an api-id that is down takes its path with it, not the others."""
        return f"{self.key_name(call.profile, call.mode)} {_family(call.endpoint)}"

    def limits(self, call: Call) -> tuple[tuple[str, Rate], ...]:
        """The api-id's own limit, and those of its family and of the whole key once a refusal has told them."""
        key = self.key_name(call.profile, call.mode)
        own = f"{key} {call.endpoint.id}"
        told = self.quotas.told(own)
        counted = [(own, _default(call.mode) if told is None else _rate(told))]
        shared = (f"{key} {_family(call.endpoint)}", f"{key} all")
        return (*counted, *((name, _rate(told)) for name in shared if (told := self.quotas.told(name))))

    def check(self, call: Call) -> None:
        row = call.endpoint
        self.credential(call.profile, call.mode)
        if row.transport == "websocket":
            raise InvalidInput(
                f"{row.id} ({row.title}) is served by the websocket",
                hint=Hint("collect_realtime 또는 run_condition을 쓰세요.", "Use collect_realtime or run_condition."),
            )
        if not row.codes.get(call.mode):
            raise WrongMode(f"Kiwoom does not offer {row.id} ({row.title}) in mock mode", hint=MOCK_HINT)
        check_parameters(call)

    # --- signing in ------------------------------------------------------------------------------------------------

    async def sign_in(self, profile: str, mode: str) -> Grant:
        parts = self.credential(profile, mode).parts
        row = SPEC.endpoint(ISSUE)
        payload = {
            "grant_type": platform()["sign_in"]["grant_type"],
            "appkey": parts["appkey"],
            "secretkey": parts["secretkey"],
        }
        url = self.hosts.rest[mode] + row.path
        response = await self.send(Request("POST", url, {"api-id": row.id}, payload=payload))
        body = self._judged(response, row)
        try:
            # Read, never reckoned: a second sign-in inside a token's life gives the same token with what is left.
            ends = datetime.strptime(str(body["expires_dt"]), "%Y%m%d%H%M%S").replace(tzinfo=KST)
            token = str(body["token"])
        except (KeyError, ValueError):
            raise Malformed("Kiwoom's sign-in reply is not as documented") from None
        if not token:
            raise SignInRefused("Kiwoom signed in without giving a token")
        return Grant(token, ends, {SIMULATED: "yes"} if SIMULATOR_HEADER in response.headers else {})

    # --- one call --------------------------------------------------------------------------------------------------

    async def __call__(self, call: Call, /) -> Reply:
        row = call.endpoint
        if call.grant is None:
            raise MissingCredential(f"{row.id} was to be sent without a grant")
        headers = {
            "api-id": str(row.codes[call.mode]),
            "authorization": f"Bearer {call.grant.token}",
            "cont-yn": "N" if call.cursor is None else "Y",
            "next-key": call.cursor or "",
        }
        request = Request("POST", self.hosts.rest[call.mode] + row.path, headers, payload=dict(call.parameters))
        response = await self.send(request)
        try:
            body = self._judged(response, row)
        except DariError as error:
            self._learn(call, error)
            raise
        return Reply(
            body=body,
            fetched_at=self.clock.now(),
            cursor=_cursor(response),
            simulated=SIMULATOR_HEADER in response.headers,
        )

    def _learn(self, call: Call, error: DariError) -> None:
        """Remember the quota a refusal tells, under the limit that its code speaks of."""
        quota = quota_in(error.upstream_text or "")
        if not quota or not error.retryable:
            return
        key = self.key_name(call.profile, call.mode)
        whose = {TOTAL_REFUSED: "all", GROUP_REFUSED: _family(call.endpoint)}
        self.quotas.learn(f"{key} {whose.get(error.upstream_code or '', call.endpoint.id)}", quota)

    def _judged(self, response: Response, row: Endpoint) -> dict[str, Any]:
        """The body of a success; raises the DariError that the reply stands for."""
        read = row.effect is not Effect.COMMIT
        try:
            body = json.loads(response.content)
        except ValueError:
            raise _not_json(response, read=read) from None
        if not isinstance(body, dict):
            raise Malformed("Kiwoom answered with something that is not an object")
        # The vendor's own examples of some APIs write returnCode and returnMsg.
        code = str(body.get("return_code", body.get("returnCode", ""))).strip()
        said = str(body.get("return_msg", body.get("returnMsg", ""))).strip()
        if code == "0" and response.status < HTTPStatus.BAD_REQUEST:
            return body
        if not code and response.status < HTTPStatus.BAD_REQUEST:
            raise Malformed(f"Kiwoom answered {row.id} without a return code")
        raise error_of(code, said, status=response.status, signing_in=row.scope == "auth", read=read)


def _family(row: Endpoint) -> str:
    """What 1702 calls a group: Kiwoom does not publish it; we take the path, the coarsest grouping it shows."""
    return row.path.rpartition("/")[2]


def _default(mode: str) -> Rate:
    """What to begin with. Mock permits 1/s with a burst of 2, which is never more than two calls in any two seconds."""
    facts = limits("real" if mode == "real" else "paper")
    return Rate(facts["burst"], facts["burst"] / facts["per_second"])


def _rate(per_second: int) -> Rate:
    return Rate(per_second)


def _cursor(response: Response) -> str | None:
    """Kiwoom pages by response headers; the body knows nothing of it."""
    if response.headers.get("cont-yn", "").strip().upper() != "Y":
        return None
    return response.headers.get("next-key", "").strip() or None


def _not_json(response: Response, *, read: bool) -> DariError:
    told = response.content[:200].decode("utf-8", "replace")
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        executed = False if read else None
        return Unreachable(f"Kiwoom answered HTTP {response.status}", executed=executed, upstream_text=told)
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        return error_of("", told, status=response.status)
    if not read:
        return OutcomeUnknown("Kiwoom answered an order with something that is not JSON", upstream_text=told)
    return Malformed(f"Kiwoom answered HTTP {response.status} with something that is not JSON", upstream_text=told)
