"""One websocket session: registers, refuses as KIS does, and pushes frames until it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from dari.core.clock import Clock
from dari.core.endpoint import Endpoint
from dari.core.errors import NotFound
from dari.providers.kis.simulator.accounts.ledger import Fill, Ledger, Order
from dari.providers.kis.simulator.exchange import meaning
from dari.providers.kis.simulator.faults import Faults
from dari.providers.kis.simulator.keys import Key, Keyring, Mode
from dari.providers.kis.simulator.oauth import approval_of
from dari.providers.kis.simulator.streams.frames import (
    cipher_of,
    frame,
    market_records,
    notice_record,
    stream_subject,
    wants,
)
from dari.providers.kis.spec import SPEC
from dari.worlds.market import Market

LIMIT: Final = 41
"""Registrations a session may hold, over all products and notices."""
_MOST_RECORDS: Final = 4


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """A message the session declines."""

    code: str


@dataclass(slots=True)
class Streams:
    """What all sessions share. `interval` seconds between pushes, `heartbeat` between PINGPONGs."""

    market: Market
    world: Clock
    keyring: Keyring
    ledger: Ledger
    faults: Faults
    interval: float = 1.0
    heartbeat: float = 30.0
    sessions: dict[str, Session] = field(default_factory=dict)
    opened: int = 0
    pongs: int = 0

    def __post_init__(self) -> None:
        self.ledger.listeners.append(self._heard)

    def _heard(self, _what: str, order: Order, fill: Fill | None) -> None:
        for session in self.sessions.values():
            session.hear(order, fill)

    async def serve(self, scope: Scope, receive: Receive, send: Send, mode: Mode) -> None:
        """Run one connection to its end."""
        self.opened += 1
        session = Session(self, mode, WebSocket(scope, receive, send))
        await session.run()


class Session:
    """One connection."""

    def __init__(self, shared: Streams, mode: Mode, socket: WebSocket) -> None:
        self.shared = shared
        self.mode = mode
        self.socket = socket
        self.key: Key | None = None
        self.registered: dict[tuple[str, str], Endpoint] = {}
        self.round = 0
        self._waiting: asyncio.Queue[str] = asyncio.Queue()

    async def run(self) -> None:
        """Listen and push until the other side goes, or a fault says so."""
        await self.socket.accept()
        workers = [asyncio.ensure_future(work) for work in (self._listen(), self._push(), self._beat(), self._write())]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for worker in workers:
                worker.cancel()
            for worker in workers:
                with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                    await worker
            if self.key and self.shared.sessions.get(self.key.appkey) is self:
                del self.shared.sessions[self.key.appkey]
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self.socket.close()

    def say(self, text: str) -> None:
        """Put a text on its way; order is kept."""
        self._waiting.put_nowait(text)

    async def _write(self) -> None:
        while True:
            await self.socket.send_text(await self._waiting.get())

    async def _listen(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                self._take(await self.socket.receive_text())

    def _take(self, text: str) -> None:
        try:
            message = json.loads(text)
            header = message["header"]
        except (ValueError, KeyError, TypeError):
            self._answer({}, "OPSQ9997", accepted=False)
            return
        if header.get("tr_id") == "PINGPONG":
            self.shared.pongs += 1
            return
        given = message.get("body", {}).get("input", {})
        try:
            code, output = self._register(header, str(given.get("tr_id", "")), str(given.get("tr_key", "")))
        except Refused as refused:
            self._answer(given, refused.code, accepted=False)
            return
        self._answer(given, code, accepted=True, output=output)

    def _sign_in(self, approval: str) -> Key:
        found = next((key for key in self.shared.keyring.keys.values() if approval_of(key) == approval), None)
        if found is None:
            raise Refused("OPSP0011")
        if found.mode != self.mode:
            raise Refused("OPSP0010")
        if self.shared.sessions.setdefault(found.appkey, self) is not self:
            raise Refused("OPSP8996")
        return found

    def _register(self, header: Mapping[str, Any], tr_id: str, tr_key: str) -> tuple[str, dict[str, str]]:
        self.key = self._sign_in(str(header.get("approval_key", "")))
        if header.get("custtype") not in {"P", "B"}:
            raise Refused("OPSP8998")
        endpoint = self._endpoint(tr_id)
        place = (tr_id, tr_key)
        if header.get("tr_type") == "2":
            if self.registered.pop(place, None) is None:
                raise Refused("OPSP0003")
            return "OPSP0001", {}
        if header.get("tr_type") != "1":
            raise Refused("OPSP8997")
        if place in self.registered:
            raise Refused("OPSP0002")
        if len(self.registered) >= LIMIT:
            raise Refused("OPSP0008")
        if not endpoint.wire["encrypted"] and self._subject(endpoint, tr_key) is None:
            raise Refused("OPSP8992")
        self.registered[place] = endpoint
        key, iv = cipher_of(f"{self.key.appkey}/{tr_id}")
        return "OPSP0000", {"iv": iv, "key": key}

    def _endpoint(self, tr_id: str) -> Endpoint:
        try:
            endpoint = SPEC.by_tr_id(tr_id)
        except NotFound:
            raise Refused("OPSP8991") from None
        if endpoint.transport != "websocket" or endpoint.codes.get(self.mode) != tr_id:
            raise Refused("OPSP8991")
        return endpoint

    def _subject(self, endpoint: Endpoint, tr_key: str) -> Any:
        return stream_subject(self.shared.market, endpoint, tr_key, self.shared.world.now())

    def _answer(
        self, given: Mapping[str, Any], code: str, *, accepted: bool, output: Mapping[str, str] | None = None
    ) -> None:
        tr_id, tr_key = str(given.get("tr_id", "(null)")), str(given.get("tr_key", ""))
        secret = any(one.wire["encrypted"] for (name, _), one in self.registered.items() if name == tr_id)
        header = {"tr_id": tr_id, "tr_key": tr_key, "encrypt": "Y" if secret else "N"}
        body: dict[str, Any] = {"rt_cd": "0" if accepted else "1", "msg_cd": code, "msg1": meaning(code)}
        if output:
            body["output"] = dict(output)
        self.say(json.dumps({"header": header, "body": body}, ensure_ascii=False))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.shared.heartbeat)
            now = self.shared.world.now()
            self.say(json.dumps({"header": {"tr_id": "PINGPONG", "datetime": f"{now:%Y%m%d%H%M%S}"}}))

    async def _push(self) -> None:
        while True:
            await asyncio.sleep(self.shared.interval)
            self.round += 1
            for (tr_id, tr_key), endpoint in list(self.registered.items()):
                if endpoint.wire["encrypted"]:
                    continue
                if self.shared.faults.stream_drop and self.shared.faults.spend("stream_drop"):
                    return
                subject = self._subject(endpoint, tr_key)
                records = market_records(endpoint, subject, 1 + self.round % _MOST_RECORDS)
                extra = ["0"] * self.shared.faults.stream_extra_columns
                self.say(frame(tr_id, [[*one, *extra] for one in records]))
                await asyncio.sleep(0)

    def hear(self, order: Order, fill: Fill | None) -> None:
        """Tell of an order of this session's accounts on the notice streams it registered."""
        if self.key is None or order.account not in {number for number, _ in self.key.accounts}:
            return
        for (tr_id, user), endpoint in self.registered.items():
            if endpoint.wire["encrypted"] and wants(endpoint, order, fill):
                records = [notice_record(endpoint, user, order, fill)]
                self.say(frame(tr_id, records, secret=cipher_of(f"{self.key.appkey}/{tr_id}")))
