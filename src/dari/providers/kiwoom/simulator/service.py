"""One call from arrival to reply: checks in the upstream's order, the answer, its pages, and what was counted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dari.core.clock import Clock
from dari.core.endpoint import Endpoint
from dari.providers.kiwoom.simulator import answers as _answers
from dari.providers.kiwoom.simulator import contract
from dari.providers.kiwoom.simulator.accounts_book import Account, open_account
from dari.providers.kiwoom.simulator.exchange import ANSWERS, Ask, Row, Told
from dari.providers.kiwoom.simulator.faults import Faults
from dari.providers.kiwoom.simulator.keys import Key, KeyRing, Mode
from dari.providers.kiwoom.simulator.limiter import Limiter
from dari.providers.kiwoom.simulator.refusals import Refused
from dari.providers.kiwoom.simulator.writing import spell
from dari.providers.kiwoom.spec import SPEC
from dari.worlds.market import Market

PAGE: Final = 100
"""Rows of a page where the sheet tells no number."""
OK: Final = "정상적으로 처리되었습니다"
TEXT_CODE_PATHS: Final = ("/thme", "/slb", "/elw")
"""Here `return_code` comes as text, as the upstream sometimes sends it."""
KEPT_STAMPS: Final = 100_000

assert _answers  # importing the answers declares them


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply before it travels."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request as it came in; header names in lower case."""

    mode: Mode
    path: str
    headers: Mapping[str, str]
    content: bytes
    client: str = ""

    @property
    def api_id(self) -> str:
        """The endpoint it names; of the two sign-in paths it need not name one."""
        named = self.headers.get("api-id", "").strip()
        return named or {"/oauth2/token": "au10001", "/oauth2/revoke": "au10002"}.get(self.path, "")


@dataclass(frozen=True, slots=True)
class _Cursor:
    offset: int
    moment: datetime


def _print_of(api_id: str, body: Mapping[str, str]) -> str:
    text = json.dumps([api_id, dict(sorted(body.items()))])
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _cursor_text(cursor: _Cursor, api_id: str, body: Mapping[str, str]) -> str:
    text = json.dumps([cursor.offset, cursor.moment.isoformat(), _print_of(api_id, body)])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _cursor_of(text: str, api_id: str, body: Mapping[str, str]) -> _Cursor:
    """Read a next-key. Refuses 1517 for one that was not given for this question."""
    try:
        offset, moment, mark = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, binascii.Error):
        raise Refused("1517", "next-key") from None
    if mark != _print_of(api_id, body):
        raise Refused("1517", "next-key")
    return _Cursor(offset, datetime.fromisoformat(moment))


class Service:
    """A Kiwoom that is not there, without its network. `faults`, `limiter`, `ring` and counters are open to tests."""

    def __init__(self, market: Market, clock: Clock, world: Clock, keys: Iterable[Key]) -> None:
        self.market, self.clock, self.world = market, clock, world
        self.ring = KeyRing(tuple(keys), clock)
        self.limiter = Limiter(clock)
        self.faults = Faults()
        self.accounts: dict[str, Account] = {}
        self.calls: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.stamps: list[tuple[float, str, str]] = []

    def account(self, key: Key) -> Account:
        """The account of a key, opened when first needed."""
        if key.app_key not in self.accounts:
            self.accounts[key.app_key] = open_account(key, self.market, self.world)
        return self.accounts[key.app_key]

    def receive(self, arrival: Arrival) -> Answered:
        """Answer, or refuse, one call."""
        api_id = arrival.api_id
        self.calls[f"{arrival.mode} {api_id}"] += 1
        try:
            if arrival.path.startswith("/oauth2/"):
                return self._sign_in(arrival)
            return self._answer(arrival)
        except Refused as refused:
            self.refusals[refused.code] += 1
            return Answered(refused.status, refused.body(), {"api-id": api_id})

    def _stamp(self, api_id: str, outcome: str) -> None:
        if len(self.stamps) < KEPT_STAMPS:
            self.stamps.append((self.clock.monotonic(), api_id, outcome))

    def _sign_in(self, arrival: Arrival) -> Answered:
        body = contract.body_of(arrival.content, arrival.headers.get("content-type", ""))
        endpoint = SPEC.endpoint("au10001" if arrival.path == "/oauth2/token" else "au10002")
        if endpoint.path != arrival.path:
            raise Refused("1504", f"URI={arrival.path}")
        known = {one.name for one in endpoint.parameters}
        for name in body:
            if name not in known:
                raise Refused("1517", f"파라미터={name}, 실패사유=없는 항목")
        if endpoint.id == "au10002":
            self.ring.revoke(body, arrival.mode)
            return Answered(200, {"return_code": 0, "return_msg": OK}, {"api-id": endpoint.id})
        grant = self.ring.issue(body, arrival.mode, arrival.client)
        values = {
            "expires_dt": f"{grant.expires:%Y%m%d%H%M%S}",
            "token_type": "bearer",
            "token": grant.token,
            "return_code": 0,
            "return_msg": OK,
        }
        return Answered(200, values, {"api-id": endpoint.id})

    def _answer(self, arrival: Arrival) -> Answered:
        endpoint = contract.endpoint_of(arrival.api_id, arrival.path)
        key = self.ring.holder(contract.token_of(arrival.headers.get("authorization")), arrival.mode)
        try:
            self.limiter.take(key.app_key, endpoint.id, arrival.mode)
        except Refused:
            self._stamp(endpoint.id, "1700")
            raise
        self._stamp(endpoint.id, "passed")
        if arrival.mode == "mock" and endpoint.codes["paper"] is None:
            raise Refused(str(endpoint.wire["mock_refusal"]), f"API ID={endpoint.id}")
        body = contract.body_of(arrival.content, arrival.headers.get("content-type", ""))
        contract.check(endpoint, body)
        cursor = _Cursor(0, self.world.now())
        if arrival.headers.get("cont-yn", "N").upper() == "Y":
            cursor = _cursor_of(arrival.headers.get("next-key", ""), endpoint.id, body)
        size = endpoint.max_rows or PAGE
        ask = Ask(
            endpoint=endpoint,
            body=body,
            mode=arrival.mode,
            market=self.market,
            now=cursor.moment,
            desk=self.account(key),
            extra={"need": cursor.offset + size + 1},
        )
        told = ANSWERS[endpoint.id](ask)
        rows = told.rows[cursor.offset : cursor.offset + size]
        more = len(told.rows) > cursor.offset + size
        headers = {"api-id": endpoint.id, "cont-yn": "Y" if more else "N", "next-key": ""}
        if more:
            headers["next-key"] = _cursor_text(_Cursor(cursor.offset + size, cursor.moment), endpoint.id, body)
        return Answered(200, written(endpoint, Told(told.top, rows)), headers)

    def stats(self) -> dict[str, Any]:
        """Calls per mode and api-id, refusals per code, passed and refused calls with their times, orders taken."""
        return {
            "calls": dict(self.calls),
            "refusals": dict(self.refusals),
            "arrivals": [{"at": at, "api_id": api_id, "outcome": outcome} for at, api_id, outcome in self.stamps],
            "orders": {
                account.key.app_key: len(account.stock.orders) + len(account.gold.orders)
                for account in self.accounts.values()
            },
            "now": self.world.now().isoformat(),
        }


def written(endpoint: Endpoint, told: Told) -> dict[str, Any]:
    """The body: every field of the sheet, spelled; an unknown value is an empty string."""

    def record(row: Row, fields: Iterable[Any]) -> dict[str, str]:
        return {one.name: spell(endpoint.id, one, row.get(one.name), row.base) for one in fields}

    body: dict[str, Any] = {}
    for block in endpoint.blocks:
        if block.name is None:
            body |= record(told.top, block.fields)
        else:
            body[block.name] = [record(row, block.fields) for row in told.rows]
    text = endpoint.path.endswith(TEXT_CODE_PATHS)
    return {**body, "return_code": "0" if text else 0, "return_msg": OK}
