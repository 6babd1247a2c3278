"""How data.go.kr spells a procurement call: GET with the service key in the query, encoded exactly once."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, unquote

from dari.core.clock import Clock
from dari.core.errors import Hint, InvalidInput, Malformed, MissingCredential
from dari.core.exchange import Call, Grant, Reply
from dari.core.provider import Credential, Rate, Request, Response
from dari.providers.naramarket.dialect.envelopes import read
from dari.providers.naramarket.dialect.refusals import error_of
from dari.providers.naramarket.spec import error_codes
from dari.providers.naramarket.spec.sheets import MOST_ROWS

__all__ = ["HOST", "NaramarketDialect", "decoded_key"]

HOST: Final = "https://apis.data.go.kr"
SIMULATED_HEADER: Final = "x-dari-simulated"
DEFAULT_ROWS: Final = 100
PAGING: Final = ("pageNo", "numOfRows")
FORMS: Final = {"YYYYMM": 6, "YYYYMMDD": 8, "YYYYMMDDHHMM": 12}
REMOVED: Final = "[key]"
Transport = Callable[[Request], Awaitable[Response]]


def decoded_key(key: str) -> str:
    """The decoding key, whichever of the two the portal shows was configured: only the encoding one has a %."""
    return unquote(key) if "%" in key else key


@dataclass(frozen=True, slots=True, kw_only=True)
class NaramarketDialect:
    """The innermost Sender for data.go.kr's procurement services.

    `credentials` are keyed by (profile, mode) with one part, `servicekey`. There is one mode, "real", and nothing to
    sign in to. A reply's body is `{rows: [{name: text}], total, size, page}`; its cursor is the next page's number.
    """

    name: str = "naramarket"
    send: Transport = field(repr=False)
    clock: Clock
    credentials: Mapping[tuple[str, str], Credential] = field(repr=False)
    host: str = HOST
    per_second: int = 30

    def key(self, call: Call) -> str:
        """The decoding key of a call's profile. Raises MissingCredential before any network call."""
        return self._key(call.profile, call.mode)

    def _key(self, profile: str, mode: str) -> str:
        found = self.credentials.get((profile, mode))
        if found is None:
            raise MissingCredential(
                f"no service key for Naramarket (profile {profile})",
                hint=Hint(
                    "NARAMARKET_SERVICE_KEY를 설정하세요 (data.go.kr에서 무료, 자동 승인): dari doctor",
                    "Set NARAMARKET_SERVICE_KEY (free and granted at once on data.go.kr), then: dari doctor",
                ),
            )
        return decoded_key(found.parts["servicekey"])

    def _key_name(self, call: Call) -> str:
        return f"naramarket {hashlib.sha256(self.key(call).encode()).hexdigest()[:16]}"

    def grant_name(self, profile: str, mode: str) -> str | None:
        self._key(profile, mode)  # there is nothing to sign in to, but without a key nothing can be asked
        return None

    async def sign_in(self, profile: str, mode: str) -> Grant:
        raise MissingCredential(f"data.go.kr has no sign-in ({profile}, {mode})")

    def lane(self, call: Call) -> str:
        """One circuit a key and operation: operations fail, slow down and run out on their own."""
        return f"{self._key_name(call)} {call.endpoint.lane}"

    def limits(self, call: Call) -> tuple[tuple[str, Rate], ...]:
        """What is documented for every operation: 30 a second. That real ones refuse earlier, the crawler learns."""
        return ((self.lane(call), Rate(self.per_second)),)

    def check(self, call: Call) -> None:
        """Refuse before a call is spent: no key, a parameter the sheet lacks, one that is missing, a date's form."""
        self.key(call)
        row, given = call.endpoint, call.parameters
        known = {one.name: one for one in row.parameters}
        if strange := sorted(set(given) - set(known) - set(PAGING)):
            raise _wrong(call, f"{', '.join(strange)} is not a parameter of it; it takes {', '.join(known) or 'none'}")
        if missing := [one.name for one in row.parameters if one.required and not given.get(one.name)]:
            raise _wrong(call, f"{', '.join(missing)} is missing")
        for name in PAGING:
            value = given.get(name, "1")
            if not value.isdigit() or not 1 <= int(value) <= (MOST_ROWS if name == "numOfRows" else 10**7):
                raise _wrong(call, f"{name} is a whole number from 1" + (f" to {MOST_ROWS}" * (name == "numOfRows")))
        forms = {
            way[edge]: way["format"] for way in row.wire["by"].values() if "from" in way for edge in ("from", "to")
        }
        for name, form in forms.items():
            value = given.get(name, "")
            if value and (not value.isdigit() or len(value) not in FORMS.values()):
                raise _wrong(call, f"{name} is written {form}, not {value[:20]!r}")

    # --- one call --------------------------------------------------------------------------------------------------

    async def __call__(self, call: Call, /) -> Reply:
        row = call.endpoint
        key = self.key(call)
        query = {"serviceKey": key, **({"type": "json"} if "json" in row.wire["answers"] else {})}
        query |= {"pageNo": call.cursor or "1", "numOfRows": str(DEFAULT_ROWS)}
        query |= {name: value for name, value in call.parameters.items() if value != ""}
        if call.cursor:
            query["pageNo"] = call.cursor
        response = await self.send(Request("GET", self.host.rstrip("/") + row.path, query=query))
        told = read(response)
        known = error_codes().get(told.code)
        kind = known.kind if known else ""
        if kind not in ("ok", "empty"):
            said = told.said.replace(key, REMOVED).replace(quote(key, safe=""), REMOVED)
            raise error_of(told, row, self.clock.now(), said=said, retry_after=_retry_after(response))
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise Malformed(f"{row.id}: HTTP {response.status} with code {told.code}")
        page, size = int(query["pageNo"]), told.size or int(query["numOfRows"])
        more = bool(told.rows) and told.total is not None and page * size < told.total
        return Reply(
            body={"rows": told.rows, "total": told.total, "size": told.size, "page": page},
            fetched_at=self.clock.now(),
            cursor=str(page + 1) if more else None,
            simulated=SIMULATED_HEADER in response.headers,
        )


def _retry_after(response: Response) -> float | None:
    told = response.headers.get("retry-after", "")
    return float(told) if told.isdigit() else None


def _wrong(call: Call, fault: str) -> InvalidInput:
    row = call.endpoint
    return InvalidInput(
        f"{row.id} ({row.title}): {fault}",
        hint=Hint(f"describe_operation으로 {row.id}의 인자를 확인하세요.", f"describe_operation tells of {row.id}."),
    )
