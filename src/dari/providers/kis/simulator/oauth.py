"""Signing in: tokenP, revokeP, Approval and hashkey, with refusals in OAuth's own shape."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dari.providers.kis.simulator.exchange import Outcome, as_json, meaning
from dari.providers.kis.simulator.faults import Faults
from dari.providers.kis.simulator.gateway import Arrival
from dari.providers.kis.simulator.keys import Key, Keyring


@dataclass(frozen=True, slots=True)
class Denied(Exception):
    """A sign-in that is declined: HTTP 403."""

    code: str

    def body(self) -> dict[str, str]:
        """The OAuth error shape."""
        return {"error_description": meaning(self.code), "error_code": self.code}


def _sent(arrival: Arrival) -> Mapping[str, str]:
    if arrival.method != "POST":
        raise Denied("EGW00101")
    try:
        body = json.loads(arrival.body)
    except ValueError:
        raise Denied("EGW00101") from None
    if not isinstance(body, dict):
        raise Denied("EGW00101")
    return {str(name): str(value) for name, value in body.items()}


def _key(arrival: Arrival, sent: Mapping[str, str], keyring: Keyring, secret_name: str) -> Key:
    if not sent.get("appkey"):
        raise Denied("EGW00102")
    key = keyring.keys.get(sent["appkey"])
    if key is None or key.mode != arrival.mode:
        raise Denied("EGW00103")
    if not sent.get(secret_name):
        raise Denied("EGW00104")
    if sent[secret_name] != key.appsecret:
        raise Denied("EGW00105")
    return key


def _grant(sent: Mapping[str, str]) -> None:
    if "grant_type" not in sent:
        raise Denied("EGW00115")
    if sent["grant_type"] != "client_credentials":
        raise Denied("EGW00116")


def _token(arrival: Arrival, keyring: Keyring, faults: Faults) -> Outcome:
    sent = _sent(arrival)
    _grant(sent)
    key = _key(arrival, sent, keyring, "appsecret")
    token = None if faults.spend("token_refusals") else keyring.issue(key)
    if token is None:
        raise Denied("EGW00133")
    expires = token.expires + timedelta(seconds=faults.clock_offset)
    left = int((token.expires - keyring.clock.now()).total_seconds())
    return as_json(
        {
            "access_token": token.text,
            "access_token_token_expired": f"{expires:%Y-%m-%d %H:%M:%S}",
            "token_type": "Bearer",
            "expires_in": min(86_400, max(left, 0)),
        }
    )


def _revoke(arrival: Arrival, keyring: Keyring, _: Faults) -> Outcome:
    sent = _sent(arrival)
    key = _key(arrival, sent, keyring, "appsecret")
    token = keyring.find(sent.get("token", ""))
    if token is None or token.key is not key:
        raise Denied("EGW00121")
    token.revoked = True
    return as_json({"code": 200, "message": "접근토큰 폐기에 성공하였습니다"})


def _approval(arrival: Arrival, keyring: Keyring, _: Faults) -> Outcome:
    sent = _sent(arrival)
    _grant(sent)
    key = _key(arrival, sent, keyring, "secretkey")
    return as_json({"approval_key": approval_of(key)})


def approval_of(key: Key) -> str:
    """The websocket key of an app key."""
    text = hashlib.sha256(f"approval/{key.appkey}".encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def _hashkey(arrival: Arrival, keyring: Keyring, _: Faults) -> Outcome:
    _key(arrival, arrival.headers, keyring, "appsecret")
    sent = _sent(arrival)
    digest = hashlib.sha256(arrival.body).hexdigest()
    return as_json({"BODY": dict(sent), "HASH": digest})


PATHS: Final[Mapping[str, Callable[[Arrival, Keyring, Faults], Outcome]]] = {
    "/oauth2/tokenP": _token,
    "/oauth2/revokeP": _revoke,
    "/oauth2/Approval": _approval,
    "/uapi/hashkey": _hashkey,
}


def answer(arrival: Arrival, keyring: Keyring, faults: Faults) -> Outcome:
    """The reply to a sign-in. Raises Denied."""
    return PATHS[arrival.path](arrival, keyring, faults)
