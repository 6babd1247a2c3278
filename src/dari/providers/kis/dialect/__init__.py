"""How KIS spells a call, signs in, pages and limits, and what its replies mean (errors hide inside HTTP 200)."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from dari.core.acts import Holder
from dari.core.clock import KST, Clock
from dari.core.endpoint import Effect, Endpoint
from dari.core.errors import (
    DariError,
    GrantStale,
    Hint,
    Malformed,
    MissingCredential,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SignInRefused,
    Unreachable,
    WrongMode,
)
from dari.core.exchange import Call, Grant, Reply
from dari.core.provider import Credential, Rate, Request, Response
from dari.providers.kis.dialect.accounts import account_of, holder_of
from dari.providers.kis.dialect.spelling import continues, cursor, going_on, sent, tr_id
from dari.providers.kis.spec import SPEC, error_code, master_files, platform_facts

SIMULATOR_HEADER: Final = "x-dari-simulator"
"""A simulator names itself in every reply; the real KIS does not know the header."""

UNZIPPED_LIMIT: Final = 64 * 1024 * 1024
_TOLD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "auth.auth_token": "access_token",
        "auth.auth_ws_token": "approval_key",
        "auth.revokep": "code",
        "auth.hashkey": "HASH",
    }
)
"""What a reply without rt_cd carries when it is a success."""
Transport = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where each mode is asked. One origin of another kind (a simulator, a proxy) serves them under fixed prefixes."""

    rest: Mapping[str, str]
    files: str
    websocket: Mapping[str, str]

    @classmethod
    def of(cls, origin: str | None) -> Hosts:
        """The real hosts, or `origin` with `/real`, `/paper`, `/master` and `/ws/real`, `/ws/paper`."""
        if origin:
            base = origin.rstrip("/")
            socket = f"ws{base.removeprefix('http')}/ws"
            return cls(
                MappingProxyType({mode: f"{base}/{mode}" for mode in ("real", "paper")}),
                f"{base}/master",
                MappingProxyType({mode: f"{socket}/{mode}" for mode in ("real", "paper")}),
            )
        hosts = platform_facts()["hosts"]
        return cls(
            MappingProxyType({mode: hosts[mode]["rest"] for mode in ("real", "paper")}),
            "",
            MappingProxyType({mode: hosts[mode]["websocket"] + hosts["websocket_path"] for mode in ("real", "paper")}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KisDialect:
    """The innermost Sender for KIS.

    `credentials` are keyed by (profile, mode); their parts are appkey, appsecret and, for accounts, stock, future,
    overseas_future and pension (`12345678-01`). `per_second` is what a key may send: 18 real, 1 paper, 3 in a new
    customer's first three days.
    """

    name: str = "kis"
    send: Transport = field(repr=False)
    clock: Clock
    credentials: Mapping[tuple[str, str], Credential] = field(repr=False)
    hosts: Hosts
    per_second: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({"real": 18, "paper": 1}))

    # --- who we are ------------------------------------------------------------------------------------------------

    def credential(self, profile: str, mode: str) -> Credential:
        """The key set of a profile and mode. Raises MissingCredential or SignInRefused before any network call."""
        found = self.credentials.get((profile, mode))
        if found is None:
            names = "KOREA_INVESTMENT_APP_KEY" if mode == "real" else "KOREA_INVESTMENT_PAPER_APP_KEY"
            raise MissingCredential(
                f"no {mode} key pair for KIS (profile {profile})",
                hint=Hint(
                    f"{names}와 그 SECRET을 설정한 뒤 dari doctor로 확인하세요.",
                    f"Set {names} and its SECRET, then check with dari doctor.",
                ),
            )
        if len(found.parts["appkey"]) > len(found.parts["appsecret"]):
            raise SignInRefused(
                "the app key and the app secret are swapped (the secret is the long one)",
                hint=Hint("APP_KEY와 APP_SECRET 값을 서로 바꾸세요.", "Swap the values of APP_KEY and APP_SECRET."),
            )
        return found

    def key_name(self, profile: str, mode: str) -> str:
        """The name the holders of a key share: a hash of it, with its mode."""
        appkey = self.credential(profile, mode).parts["appkey"]
        return f"kis {mode} {hashlib.sha256(appkey.encode()).hexdigest()[:16]}"

    def grant_name(self, profile: str, mode: str) -> str | None:
        return None if mode == "files" else self.key_name(profile, mode)

    def lane(self, call: Call) -> str:
        if call.endpoint.transport == "file":
            return "kis files"
        return f"{self.key_name(call.profile, call.mode)} {call.endpoint.lane}"

    def limits(self, call: Call) -> tuple[tuple[str, Rate], ...]:
        if call.endpoint.transport == "file":
            return (("kis files", Rate(5)),)
        key = self.key_name(call.profile, call.mode)
        whole_key = (f"{key} all", Rate(self.per_second[call.mode]))
        if call.endpoint.lane == "ledger":  # EGW00215: the ledger has a limiter of its own behind the gateway's
            return ((f"{key} ledger", Rate(1)), whole_key)
        return (whole_key,)

    async def sign_in(self, profile: str, mode: str) -> Grant:
        parts = self.credential(profile, mode).parts
        row = SPEC.endpoint("auth.auth_token")
        body = {"grant_type": "client_credentials", "appkey": parts["appkey"], "appsecret": parts["appsecret"]}
        request = Request("POST", self.hosts.rest[mode] + row.path, payload=body)
        response = await self.send(request)
        told = self.judged(response, row)
        try:
            ends = datetime.strptime(told["access_token_token_expired"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=KST)
            return Grant(told["access_token"], ends)
        except (KeyError, ValueError):
            raise Malformed("the access token reply is not as documented") from None

    async def revoke(self, profile: str, mode: str, grant: Grant) -> None:
        parts = self.credential(profile, mode).parts
        row = SPEC.endpoint("auth.revokep")
        body = {"appkey": parts["appkey"], "appsecret": parts["appsecret"], "token": grant.token}
        self.judged(await self.send(Request("POST", self.hosts.rest[mode] + row.path, payload=body)), row)

    def check(self, call: Call) -> None:
        if call.endpoint.transport == "file":
            return
        credential = self.credential(call.profile, call.mode)
        if call.endpoint.id == "auth.hashkey":  # both modes have it, and it has no tr_id
            return
        if not call.endpoint.codes.get(call.mode):
            raise WrongMode(
                f"KIS does not offer {call.endpoint.id} ({call.endpoint.title}) in {call.mode} mode",
                hint=_NOT_ON_PAPER[call.endpoint.scope == "market"],
                details={f"{call.mode}_can": _served(call.mode, call.endpoint.category)},
            )
        tr_id(call)
        going_on(call)
        account_of(call.endpoint, credential)

    def holder(self, call: Call) -> Holder:
        """The account the call is for. Raises MissingCredential or WrongMode."""
        return holder_of(call.endpoint, self.credential(call.profile, call.mode))

    # --- one call --------------------------------------------------------------------------------------------------

    async def __call__(self, call: Call, /) -> Reply:
        row = call.endpoint
        if row.transport == "file":
            return await self._file(call)
        response = await self.send(self._spelt(call))
        body = self.judged(response, row)
        return Reply(
            body=body,
            fetched_at=self.clock.now(),
            cursor=cursor(row, response, body),
            simulated=SIMULATOR_HEADER in response.headers,
        )

    def _spelt(self, call: Call) -> Request:
        row = call.endpoint
        if call.grant is None:
            raise MissingCredential(f"{row.id} was to be sent without a grant")
        credential = self.credential(call.profile, call.mode)
        parts = credential.parts
        url = self.hosts.rest[call.mode] + row.path
        headers = {
            "content-type": "application/json; charset=utf-8",
            "appkey": parts["appkey"],
            "appsecret": parts["appsecret"],
        }
        if row.scope == "auth":  # hashkey: the body is hashed as it is
            return Request("POST", url, headers, payload=dict(call.parameters))
        headers |= {
            "authorization": f"Bearer {call.grant.token}",
            "tr_id": tr_id(call),
            "tr_cont": continues(call),
            "custtype": "P",
        }
        asked = sent(call, account_of(row, credential))
        if row.method == "GET":
            return Request("GET", url, headers, query=asked)
        return Request("POST", url, headers, payload=asked)

    # --- what a reply means ----------------------------------------------------------------------------------------

    def judged(self, response: Response, row: Endpoint) -> dict[str, Any]:
        """The body of a success; raises the DariError that the reply stands for."""
        try:
            body = json.loads(response.content)
        except ValueError:
            raise _not_json(response, row) from None
        if not isinstance(body, dict):
            raise Malformed("KIS answered with something that is not an object")
        code = str(body.get("msg_cd") or body.get("error_code") or "").strip()
        said = str(body.get("msg1") or body.get("error_description") or "").strip()
        if body.get("rt_cd") == "0" and response.status < 400:  # noqa: PLR2004 -- HTTP's own border
            return body
        if row.scope == "auth" and _TOLD[row.id] in body and response.status < 400:  # noqa: PLR2004 -- as above
            return body
        raise _error(code, said, response.status)

    # --- master files ----------------------------------------------------------------------------------------------

    async def _file(self, call: Call) -> Reply:
        name = call.endpoint.path
        url = f"{self.hosts.files}/{name.rpartition('/')[2]}" if self.hosts.files else name
        response = await self.send(Request("GET", url))
        if response.status != 200:  # noqa: PLR2004 -- HTTP's own word for success
            raise Unreachable(f"the master file server answered {response.status}", executed=False)
        lines = _unzipped(response.content).decode(master_files()["encoding"], "replace").splitlines()
        return Reply({"lines": lines}, self.clock.now(), simulated=SIMULATOR_HEADER in response.headers)


def _unzipped(content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inside = archive.infolist()[0]
            if inside.file_size > UNZIPPED_LIMIT:
                raise Malformed("the master file is larger than any KIS publishes")
            return archive.read(inside)
    except (zipfile.BadZipFile, IndexError):
        raise Malformed("the master file is not a zip of one file") from None


def _served(mode: str, category: str) -> list[str]:
    """What this mode can do instead, of the same category."""
    return [one.id for one in SPEC if one.category == category and one.transport == "rest" and one.codes.get(mode)]


def _not_json(response: Response, row: Endpoint) -> DariError:
    told = response.content[:200].decode("utf-8", "replace")
    if response.status >= 500:  # noqa: PLR2004 -- HTTP's own border
        executed = False if row.effect is Effect.READ else None
        return Unreachable(f"KIS answered HTTP {response.status}", executed=executed, upstream_text=told)
    if row.effect is Effect.COMMIT:
        return OutcomeUnknown("KIS answered an order with something that is not JSON", upstream_text=told)
    return Malformed(f"KIS answered HTTP {response.status} with something that is not JSON", upstream_text=told)


_KINDS: Final[Mapping[str, tuple[type[DariError], Mapping[str, Any]]]] = MappingProxyType(
    {
        "retry": (Unreachable, {"executed": None}),
        "wait": (RateLimited, {"retry_after": 60.0}),
        "reissue": (GrantStale, {}),
        "unknown_outcome": (Unreachable, {"executed": None}),
        "key": (SignInRefused, {}),
        "mode": (WrongMode, {}),
    }
)
_NOT_ON_PAPER: Final = {
    True: Hint(
        "모의투자 미지원 API입니다. 실전 앱키(KOREA_INVESTMENT_APP_KEY)를 설정하세요.",
        "KIS has no paper version of it: set the real key pair (KOREA_INVESTMENT_APP_KEY).",
    ),
    False: Hint(
        "모의투자 미지원 API입니다. 실전 계좌로 하려면 KIS_MODE=real을 설정하세요.",
        "KIS has no paper version of it: KIS_MODE=real asks the real account.",
    ),
}
_TOO_FAST: Final = frozenset({"EGW00201", "EGW00215"})
_KEY_OF_THE_OTHER_MODE: Final = frozenset({"EGW02004", "EGW02005"})


def _error(code: str, said: str, status: int) -> DariError:
    """The error a reply stands for, by what its code asks of us (`ErrorCode.kind`)."""
    known = error_code(code)
    meaning = f"KIS: {known.en} ({code})" if known else f"KIS: {code or f'HTTP {status}'}"
    rest: dict[str, Any] = {"upstream_code": code or None, "upstream_text": said or None}
    if known is None and status >= 500:  # noqa: PLR2004 -- HTTP's own border
        return Unreachable(meaning, executed=None, **rest)
    if code in _TOO_FAST:
        return RateLimited(meaning, retry_after=1.0, **rest)
    kind, more = _KINDS.get(known.kind if known else "refused", (Refused, {}))
    if kind is WrongMode:
        rest["hint"] = _mode_hint(code)
    elif known:
        rest["hint"] = Hint(known.ko, known.en)
    return kind(meaning, **more, **rest)


def _mode_hint(code: str) -> Hint:
    if code in _KEY_OF_THE_OTHER_MODE:
        return Hint(
            "모의투자 앱키가 실전 자리에 있습니다. KOREA_INVESTMENT_APP_KEY와 …_PAPER_APP_KEY를 확인하세요.",
            "A paper key stands where the real one belongs: check KOREA_INVESTMENT_APP_KEY and …_PAPER_APP_KEY.",
        )
    return Hint(
        "실전과 모의투자의 앱키·도메인·TR이 섞였습니다. KIS_MODE와 키를 확인하세요.",
        "Key, host and operation belong to different modes: check KIS_MODE and the keys.",
    )
