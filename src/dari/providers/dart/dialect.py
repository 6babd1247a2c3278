"""How OpenDART is asked: GET with the key in the query; errors stand inside HTTP 200, in XML for an archive."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from xml.etree import ElementTree as ET  # the one file read with it is checked for entities first

from dari.core.clock import Clock, midnight_after
from dari.core.endpoint import Endpoint
from dari.core.errors import (
    DariError,
    Hint,
    InvalidInput,
    Malformed,
    MissingCredential,
    QuotaSpent,
    Refused,
    SignInRefused,
    Unreachable,
    WrongMode,
)
from dari.core.exchange import Call, Grant, Reply
from dari.core.provider import Credential, Rate, Request, Response
from dari.providers.dart.spec import platform, statuses

SIMULATOR_HEADER: Final = "x-dari-simulator"
"""A simulator names itself in every reply; DART does not know the header."""
OK, EMPTY, SERVER_ERROR = "000", "013", "900"
UNPACKED_LIMIT: Final = 256 * 1024 * 1024
"""The archive of every company unpacks to about 25 MB; ten times as much is not it."""
REMOVED: Final = "[key]"
Transport = Callable[[Request], Awaitable[Response]]

KEY_HINT: Final = Hint(
    "opendart.fss.or.kr에서 받은 40자 인증키를 DART_API_KEY에 넣으세요.",
    "Put the key of 40 characters from opendart.fss.or.kr into DART_API_KEY.",
)
ADDRESS_HINT: Final = Hint(
    "이 주소(IP)에서는 쓸 수 없는 키입니다. opendart.fss.or.kr의 오픈API 이용현황을 확인하세요.",
    "The key may not be used from this address: look at its usage page on opendart.fss.or.kr.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DartDialect:
    """The innermost Sender for OpenDART.

    `credentials` are keyed by (profile, mode) with one part, `crtfc_key`. A reply's body is `{list: [{name: text}]}`
    with `total` where it is paged; its cursor is the next page's number. Nothing there is an empty list.
    """

    name: str = "dart"
    send: Transport = field(repr=False)
    clock: Clock
    credentials: Mapping[tuple[str, str], Credential] = field(repr=False)
    host: str = ""
    per_minute: int = 600

    def _key(self, profile: str, mode: str) -> str:
        found = self.credentials.get((profile, mode))
        if found is None:
            raise MissingCredential(f"no key for OpenDART (profile {profile})", hint=KEY_HINT)
        return found.parts["crtfc_key"]

    def grant_name(self, profile: str, mode: str) -> str | None:
        self._key(profile, mode)  # there is nothing to sign in to, but without a key nothing can be asked
        return None

    async def sign_in(self, profile: str, mode: str) -> Grant:
        raise MissingCredential(f"OpenDART has no sign-in ({profile}, {mode})")

    def _key_name(self, call: Call) -> str:
        return f"dart {hashlib.sha256(self._key(call.profile, call.mode).encode()).hexdigest()[:16]}"

    def lane(self, call: Call) -> str:
        """One circuit a key."""
        return self._key_name(call)

    def limits(self, call: Call) -> tuple[tuple[str, Rate], ...]:
        """Well under the minute's limit: who passes it is shut out for a day."""
        return ((self._key_name(call), Rate(self.per_minute, 60.0)),)

    def check(self, call: Call) -> None:
        """Refuse before a call is spent: no key, another mode, an unknown or missing parameter."""
        row, given = call.endpoint, call.parameters
        if row.codes.get(call.mode) is None:
            raise WrongMode(f"OpenDART has no mode {call.mode!r}")
        self._key(call.profile, call.mode)
        known = {one.name: one for one in row.parameters if one.name != platform().key_parameter}
        if strange := sorted(set(given) - set(known)):
            raise InvalidInput(f"{row.id} ({row.title}) has no parameter {', '.join(strange)}")
        if missing := [name for name, one in known.items() if one.required and not given.get(name)]:
            raise InvalidInput(f"{row.id} ({row.title}) needs {', '.join(missing)}")
        for name, one in known.items():
            if one.closed and given.get(name, "") and given[name] not in one.codes:
                raise InvalidInput(f"{name} of {row.id} is one of {', '.join(one.codes)}")

    async def __call__(self, call: Call, /) -> Reply:
        row, told = call.endpoint, platform()
        key = self._key(call.profile, call.mode)
        query = {told.key_parameter: key, **{name: value for name, value in call.parameters.items() if value}}
        paging = row.wire["paging"]
        if call.cursor and paging:
            query[paging["page"]] = call.cursor
        host = (self.host or told.host).rstrip("/")
        response = await self.send(Request("GET", host + row.path, query=query))
        simulated = SIMULATOR_HEADER in response.headers
        if row.wire["archive"] and response.content[:2] == b"PK":
            rows = unpacked(response.content, row)
            return Reply(body={"list": rows}, fetched_at=self.clock.now(), simulated=simulated)
        body = _read(row, response)
        status = str(body.get("status", ""))
        if status == EMPTY:
            return Reply(body={"list": [], "total": 0}, fetched_at=self.clock.now(), simulated=simulated)
        if status != OK or response.status != HTTPStatus.OK:
            said = str(body.get("message", "")).replace(key, REMOVED)
            raise self._refusal(row, status, said, response.status)
        listed = body.get("list", [])
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise Malformed(f"{row.id}: the reply has no list of rows")
        return Reply(
            body={"list": listed, "total": _count(body, paging["total"] if paging else "")},
            fetched_at=self.clock.now(),
            cursor=_next(body, paging) if paging else None,
            simulated=simulated,
        )

    def _refusal(self, row: Endpoint, status: str, said: str, http: int) -> DariError:
        known = statuses().get(status)
        kind = known.kind if known else "server" if http >= HTTPStatus.INTERNAL_SERVER_ERROR else "request"
        what = f"{row.id} ({row.title}): {known.meaning if known else 'refused'}"
        more: dict[str, Any] = {"upstream_code": status or str(http), "upstream_text": said}
        if kind == "key":
            return SignInRefused(what, hint=KEY_HINT, **more)
        if kind == "address":
            return SignInRefused(what, hint=ADDRESS_HINT, **more)
        if kind == "quota":
            now = self.clock.now()
            again = midnight_after(now)
            return QuotaSpent(what, retry_after=(again - now).total_seconds(), **more)
        if kind == "server":
            return Unreachable(what, executed=None, **more)
        return Refused(what, **more)


def unpacked(archive: bytes, row: Endpoint) -> list[dict[str, str]]:
    """The rows of a zipped XML file that have a stock code: the other hundred thousand companies are on no market.

    Raises Malformed.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            info = file.getinfo(row.wire["archive"])
            if info.file_size > UNPACKED_LIMIT:
                raise Malformed(f"{row.id}: the archive unpacks to {info.file_size} bytes")
            content = file.read(info)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise Malformed(f"{row.id}: the archive cannot be read ({type(error).__name__})") from None
    root = _tree(content, row)
    rows = ({cell.tag: (cell.text or "").strip() for cell in one} for one in root.iter("list"))
    return [one for one in rows if one.get("stock_code")]


def _tree(content: bytes, row: Endpoint) -> ET.Element:
    if b"<!ENTITY" in content or b"<!DOCTYPE" in content:
        raise Malformed(f"{row.id}: the XML declares entities, which no reply of OpenDART does")
    try:
        return ET.fromstring(content)  # noqa: S314 -- without entities, checked one line above
    except ET.ParseError:
        raise Malformed(f"{row.id}: the reply is not XML") from None


def _read(row: Endpoint, response: Response) -> dict[str, Any]:
    """The body as an object, whichever of the two notations it comes in."""
    if response.content.lstrip()[:1] == b"<" and row.wire["archive"]:
        return {cell.tag: (cell.text or "").strip() for cell in _tree(response.content, row)}
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return {"status": SERVER_ERROR}
    raise Malformed(f"{row.id}: the reply is not a JSON object", upstream_code=str(response.status))


def _count(body: Mapping[str, Any], name: str) -> int | None:
    told = str(body.get(name, ""))
    return int(told) if told.isdigit() else None


def _next(body: Mapping[str, Any], paging: Mapping[str, Any]) -> str | None:
    page, pages = _count(body, paging["page"]), _count(body, paging["pages"])
    return str(page + 1) if page is not None and pages is not None and page < pages else None
