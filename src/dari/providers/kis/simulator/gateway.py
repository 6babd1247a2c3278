"""The gateway's checks in its order: key, rate, token, mode, transaction, parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dari.core.clock import Clock
from dari.core.endpoint import Effect, Endpoint
from dari.core.errors import NotFound
from dari.providers.kis.simulator.exchange import Ask, Refusal, wrong
from dari.providers.kis.simulator.keys import Key, Keyring, Mode
from dari.providers.kis.simulator.windows import Windows
from dari.providers.kis.spec import SPEC, tr_ids
from dari.worlds.market import Market

LEDGER_PER_SECOND: Final = 1
_BEARER: Final = "Bearer "


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it came in: header names in lower case, `stamp` in monotonic seconds."""

    mode: Mode
    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    stamp: float


def endpoint_at(path: str) -> Endpoint:
    """The sheet of a path. Raises Refusal for a path KIS does not have."""
    try:
        return SPEC.by_path(path)
    except NotFound:
        raise Refusal("EGW00300", 404) from None


def payload(arrival: Arrival) -> Mapping[str, str]:
    """The JSON body of a POST, values as strings. Raises Refusal for one KIS would not read."""
    if "content-length" not in arrival.headers:
        raise Refusal("EGW00202")
    if not arrival.headers.get("content-type", "").startswith("application/json"):
        raise Refusal("EGW00132")
    try:
        body = json.loads(arrival.body)
    except ValueError:
        raise Refusal("OPSQ9997", 200, "2") from None
    if not isinstance(body, dict):
        raise Refusal("OPSQ9997", 200, "2")
    return {str(name): value if isinstance(value, str) else str(value) for name, value in body.items()}


class Gateway:
    """Lets a request through as an Ask, or refuses it as KIS does."""

    def __init__(self, keyring: Keyring, windows: Windows, world: Clock, market: Market, ledger_limit: int) -> None:
        self.keyring = keyring
        self.windows = windows
        self.world = world
        self.market = market
        self.ledger_limit = ledger_limit

    def admit(self, arrival: Arrival) -> Ask:
        """The Ask of an arrival. Raises Refusal."""
        endpoint = endpoint_at(arrival.path)
        key = self._key(arrival)
        if not self.windows.admit(key.appkey, key.per_second, arrival.stamp):
            raise Refusal("EGW00201")
        ledger = endpoint.scope == "account" or endpoint.effect is Effect.COMMIT
        if ledger and not self.windows.admit(f"ledger/{key.appkey}", self.ledger_limit, arrival.stamp):
            raise Refusal("EGW00215")
        if arrival.method != endpoint.method:
            raise Refusal("EGW00101", 405)
        self._token(arrival, key)
        tr_id = self._transaction(arrival, endpoint, key)
        sent = arrival.query if endpoint.method == "GET" else payload(arrival)
        return Ask(
            endpoint,
            checked(endpoint, sent),
            arrival.mode,
            key,
            tr_id,
            arrival.headers.get("tr_cont", "").strip(),
            self.market,
            self.world.now(),
        )

    def _key(self, arrival: Arrival) -> Key:
        appkey, secret = arrival.headers.get("appkey"), arrival.headers.get("appsecret")
        if not appkey:
            raise Refusal("EGW00102")
        key = self.keyring.keys.get(appkey)
        if key is None:
            raise Refusal("EGW00103")
        if not secret:
            raise Refusal("EGW00104")
        if secret != key.appsecret:
            raise Refusal("EGW00105")
        if arrival.headers.get("custtype") not in {"P", "B"}:
            raise Refusal("EGW00208")
        if key.mode != arrival.mode:
            # KIS names the paper key on the real host; the other way round the paper host does not know the key
            raise Refusal("EGW02004" if key.mode == "paper" else "EGW00103")
        return key

    def _token(self, arrival: Arrival, key: Key) -> None:
        sent = arrival.headers.get("authorization", "")
        if not sent:
            raise Refusal("EGW00122")
        if not sent.startswith(_BEARER):
            raise Refusal("EGW00205")
        token = self.keyring.find(sent.removeprefix(_BEARER))
        if token is None or token.revoked or token.key is not key:
            raise Refusal("EGW00121")
        if self.keyring.expired(token):
            raise Refusal("EGW00123")

    def _transaction(self, arrival: Arrival, endpoint: Endpoint, key: Key) -> str:
        tr_id = arrival.headers.get("tr_id", "").strip()
        if not tr_id:
            raise Refusal("OPSQ9999", 200, "2")
        mine, other = ("real", "paper") if key.mode == "real" else ("paper", "real")
        told = [endpoint.codes, *endpoint.wire["variants"]]
        if tr_id in {row.get(mine) for row in told}:
            return tr_id
        if tr_id in {row.get(other) for row in told}:
            raise Refusal("EGW02005" if mine == "real" else "EGW02006")
        raise Refusal("EGW00310" if tr_id not in tr_ids(endpoint) else "EGW00101")


def checked(endpoint: Endpoint, sent: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters by the sheet: required ones there (names are exact), fixed ones right, closed codes known."""
    known = {}
    for one in endpoint.parameters:
        value = sent.get(one.name)
        if value is None:
            if one.required:
                raise wrong(f"ERROR INPUT FIELD NOT FOUND [{one.name}]")
            known[one.name] = ""
            continue
        if one.fixed is not None and value != one.fixed:
            raise wrong(f"ERROR INVALID {one.name}")
        if one.closed and value not in one.codes and (value or one.required):
            raise wrong(f"ERROR INVALID {one.name}")
        if one.length is not None and len(value) > one.length and one.length < 100:
            raise Refusal("OPSQ2002", 200, "2", f"ERROR INPUT FIELD SIZE [{one.name}]")
        known[one.name] = value
    return known
