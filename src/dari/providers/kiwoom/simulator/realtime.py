"""The websocket side: sessions that sign in, register, are told, are pinged and are kicked out."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from dari.core import krx
from dari.providers.kiwoom.simulator import screens
from dari.providers.kiwoom.simulator.frames import frame_values
from dari.providers.kiwoom.simulator.keys import Key, Mode
from dari.providers.kiwoom.simulator.ledger import Execution, Order
from dari.providers.kiwoom.simulator.own_frames import (
    balance_values,
    order_values,
    session_events,
    session_values,
)
from dari.providers.kiwoom.simulator.refusals import Refused
from dari.providers.kiwoom.simulator.service import Service
from dari.providers.kiwoom.spec import REFUSALS_OF_FRAMES, SPEC

ITEMS: Final = 200
MISSED_PINGS: Final = 5
ACCOUNT_TYPES: Final = frozenset({"00", "04"})
SCREEN_TYPE: Final = "02"
Registration = tuple[str, str]
"""(item, type)."""


@cache
def realtime_types() -> frozenset[str]:
    """Every type that may be subscribed to: the two-letter ids of the sheets."""
    return frozenset(one for one in SPEC.ids() if len(one) == 2)


def compact(frame: dict[str, Any]) -> str:
    """A frame as it travels."""
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def real(kind: str, item: str, values: dict[str, str]) -> str:
    """A REAL frame with one event."""
    event = {"type": kind, "name": SPEC.endpoint(kind).title, "item": item, "values": values}
    return compact({"trnm": "REAL", "data": [event]})


class Session:
    """One connection. Frames leave in the order they are put."""

    def __init__(self, websocket: WebSocket, mode: Mode) -> None:
        self.websocket, self.mode = websocket, mode
        self.key: Key | None = None
        self.groups: dict[str, set[Registration]] = {}
        self.listed_screens = False
        self.live_screens: dict[str, set[str]] = {}
        self.missed = 0
        self.last: dict[Registration, dict[str, str]] = {}
        self.sent: Counter[str] = Counter()
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self.closed = asyncio.Event()

    @property
    def registered(self) -> set[Registration]:
        """Everything registered in any group."""
        return set().union(*self.groups.values()) if self.groups else set()

    def put(self, frame: str) -> None:
        """Queue a frame."""
        self._queue.put_nowait(frame)

    def say(self, **frame: Any) -> None:
        """Queue a frame given as its parts."""
        self.put(compact(frame))

    def system(self, code: str) -> None:
        """Queue a SYSTEM frame, then the end of the session."""
        self.say(trnm="SYSTEM", code=code, message=REFUSALS_OF_FRAMES[code].korean)
        self.end()

    def end(self) -> None:
        """Close once everything queued has left."""
        self._queue.put_nowait(None)

    async def write(self) -> None:
        """Send what is queued until the end."""
        try:
            while (frame := await self._queue.get()) is not None:
                await self.websocket.send_text(frame)
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            self.closed.set()
            if self.websocket.client_state is WebSocketState.CONNECTED:
                await self.websocket.close()


class Exchange:
    """All sessions of one simulator.

    `tick_seconds` is how often the world is looked at for news, `ping_seconds` how often a session is pinged (both
    real seconds). `screens_as_pairs`: the screen list as pairs instead of records.
    """

    def __init__(self, service: Service, *, tick_seconds: float = 1.0, ping_seconds: float = 30.0) -> None:
        self.service = service
        self.tick_seconds, self.ping_seconds = tick_seconds, ping_seconds
        self.screens_as_pairs = False
        self.sessions: dict[str, Session] = {}
        self.everyone: set[Session] = set()
        self.counts: Counter[str] = Counter()
        self.streamed: dict[str, dict[str, int]] = {}

    # ── life of a session ──

    async def serve(self, websocket: WebSocket, mode: Mode) -> None:
        """One connection from accept to close."""
        await websocket.accept()
        session = Session(websocket, mode)
        self.everyone.add(session)
        self.counts["connections"] += 1
        writer = asyncio.create_task(session.write())
        watchers = [asyncio.create_task(self._tick(session)), asyncio.create_task(self._ping(session))]
        try:
            await self._read(session)
        except WebSocketDisconnect:
            pass
        finally:
            self.everyone.discard(session)
            if session.key and self.sessions.get(session.key.app_key) is session:
                del self.sessions[session.key.app_key]
            for watcher in watchers:
                watcher.cancel()
            session.end()
            await asyncio.gather(*watchers, return_exceptions=True)
            await writer

    async def _read(self, session: Session) -> None:
        while not session.closed.is_set():
            text = await self._next(session)
            if text is None:
                return
            try:
                frame = json.loads(text)
            except ValueError:
                frame = None
            if not isinstance(frame, dict):
                session.say(trnm="", return_code=1, return_msg="JSON 형식이 아닙니다")
                continue
            if session.key is None and frame.get("trnm") != "LOGIN":
                session.system("R10004")
                continue
            self._handle(session, frame)

    async def _next(self, session: Session) -> str | None:
        """The next frame, or None when the session has been closed from this side."""
        reading = asyncio.ensure_future(session.websocket.receive_text())
        closing = asyncio.ensure_future(session.closed.wait())
        done, _ = await asyncio.wait({reading, closing}, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if reading in done:
            return reading.result()
        reading.cancel()
        return None

    def _handle(self, session: Session, frame: dict[str, Any]) -> None:
        handlers: dict[str, Callable[[Session, dict[str, Any]], None]] = {
            "LOGIN": self._login,
            "REG": self._register,
            "REMOVE": self._remove,
            "PING": self._pong,
            "CNSRLST": self._list_screens,
            "CNSRREQ": self._ask_screen,
            "CNSRCLR": self._stop_screen,
        }
        handler = handlers.get(str(frame.get("trnm")))
        if handler is None:
            session.say(trnm=str(frame.get("trnm", "")), return_code=1, return_msg="없는 서비스명입니다")
            return
        handler(session, frame)

    def _login(self, session: Session, frame: dict[str, Any]) -> None:
        try:
            key = self.service.ring.holder(str(frame.get("token", "")), session.mode)
        except Refused as refused:
            self.counts["logins refused"] += 1
            message = f"로그인 인증에 실패하였습니다. CODE={refused.code}"
            session.say(trnm="LOGIN", return_code=805004, return_msg=message)
            session.end()
            return
        older = self.sessions.get(key.app_key)
        if older is not None and older is not session:
            self.counts["kicked"] += 1
            older.system("R10001")
        session.key = key
        self.sessions[key.app_key] = session
        desk = self.service.account(key).stock
        if self._tell_orders not in desk.listeners:
            desk.listeners.append(self._tell_orders)
        session.say(trnm="LOGIN", return_code=0, return_msg="", sor_yn="Y" if session.mode == "real" else "N")

    def _pong(self, session: Session, _: dict[str, Any]) -> None:
        session.missed = 0
        self.counts["pongs"] += 1

    async def _ping(self, session: Session) -> None:
        while True:
            await asyncio.sleep(self.ping_seconds)
            if session.missed >= MISSED_PINGS:
                session.system("R10002")
                return
            session.missed += 1
            session.say(trnm="PING")

    # ── registering ──

    def _wanted(self, frame: dict[str, Any]) -> set[Registration] | None:
        """The registrations a frame names; None where one of its types does not exist."""
        wanted: set[Registration] = set()
        for entry in frame.get("data") or []:
            kinds, items = entry.get("type") or [], entry.get("item") or [""]
            kinds = [kinds] if isinstance(kinds, str) else kinds
            items = [items] if isinstance(items, str) else items
            for kind in kinds:
                if kind not in realtime_types():
                    return None
                for item in [""] if kind in ACCOUNT_TYPES else items:
                    wanted.add((item, kind))
        return wanted

    def _register(self, session: Session, frame: dict[str, Any]) -> None:
        wanted = self._wanted(frame)
        if not wanted or "grp_no" not in frame or "refresh" not in frame:
            self._refuse(session, "REG", "105111")
            return
        group = str(frame["grp_no"])
        kept = session.groups.get(group, set()) if str(frame["refresh"]) != "0" else set()
        others = set().union(*(rows for name, rows in session.groups.items() if name != group))
        items = {item for item, _ in kept | others | wanted if item}
        if len(items) > ITEMS:
            self._refuse(session, "REG", "105115")
            return
        session.groups[group] = kept | wanted
        session.say(trnm="REG", return_code=0, return_msg="")
        for registration in sorted(wanted):
            self._news(session, registration, self.service.world.now())

    def _remove(self, session: Session, frame: dict[str, Any]) -> None:
        wanted, group = self._wanted(frame), str(frame.get("grp_no", ""))
        if wanted is None or group not in session.groups:
            self._refuse(session, "REMOVE", "105111")
            return
        session.groups[group] -= wanted or session.groups[group]
        for registration in wanted:
            session.last.pop(registration, None)
        session.say(trnm="REMOVE", return_code=0, return_msg="")

    def _refuse(self, session: Session, name: str, code: str) -> None:
        self.counts[f"refused {code}"] += 1
        known = REFUSALS_OF_FRAMES[code]
        session.say(trnm=name, return_code=known.return_code, return_msg=f"[{code}] {known.korean}")

    # ── telling ──

    def _news(self, session: Session, registration: Registration, now: datetime) -> None:
        item, kind = registration
        if kind in ACCOUNT_TYPES or kind == "0s":
            return
        values = frame_values(self.service.market, kind, item, now)
        if values is None or session.last.get(registration) == values:
            return
        session.last[registration] = values
        session.sent[kind] += 1
        session.put(real(kind, item, values))

    async def _tick(self, session: Session) -> None:
        before = self.service.world.now()
        while True:
            await asyncio.sleep(self.tick_seconds)
            now = self.service.world.now()
            if session.key is None:
                continue
            for registration in sorted(session.registered):
                self._news(session, registration, now)
            self._sessions_of_day(session, before, now)
            self._screens_now(session, now)
            before = now

    def _sessions_of_day(self, session: Session, before: datetime, now: datetime) -> None:
        asked = [item for item, kind in session.registered if kind == "0s"]
        times = krx.session(now.date()) if asked else None
        for moment, code in session_events(times) if times else []:
            if before < moment <= now:
                for item in asked:
                    session.put(real("0s", item, session_values(code, moment, times.opens if times else moment)))

    def _tell_orders(self, what: str, order: Order, fill: Execution | None) -> None:
        for session in list(self.sessions.values()):
            if session.key is None:
                continue
            desk = self.service.account(session.key).stock
            if desk.orders.get(order.number) is not order:
                continue
            kinds = {kind for _, kind in session.registered}
            if "00" in kinds:
                price = desk.price(order.code)
                session.put(real("00", order.code, order_values(desk.number, what, order, fill, price)))
            if "04" in kinds and what == "filled":
                session.put(real("04", order.code, balance_values(desk, order.code)))

    # ── screens ──

    def _list_screens(self, session: Session, _: dict[str, Any]) -> None:
        session.listed_screens = True
        rows: list[Any] = list(screens.listed())
        if self.screens_as_pairs:
            rows = [[row["seq"], row["name"]] for row in rows]
        session.say(trnm="CNSRLST", return_code=0, return_msg="", data=rows)

    def _ask_screen(self, session: Session, frame: dict[str, Any]) -> None:
        seq, live = str(frame.get("seq", "")).strip(), str(frame.get("search_type")) == "1"
        if seq not in screens.SCREENS or frame.get("stex_tp") != "K" or (live and not session.listed_screens):
            self._refuse(session, "CNSRREQ", "105111")
            return
        found = screens.hits(self.service.market, seq, self.service.world.now())
        head = {"trnm": "CNSRREQ", "seq": seq, "return_code": 0, "return_msg": ""}
        if live:
            session.live_screens[seq] = {quote.code for quote in found}
            session.say(**head, data=[{"jmcode": f"A{quote.code}"} for quote in found])
            return
        offset = int(str(frame.get("next_key") or "0")) if frame.get("cont_yn") == "Y" else 0
        page, more = found[offset : offset + screens.PAGE], len(found) > offset + screens.PAGE
        rows = screens.records(self.service.market, page)
        key = str(offset + screens.PAGE) if more else ""
        session.say(**head, cont_yn="Y" if more else "N", next_key=key, data=rows)

    def _stop_screen(self, session: Session, frame: dict[str, Any]) -> None:
        seq = str(frame.get("seq", "")).strip()
        session.live_screens.pop(seq, None)
        session.say(trnm="CNSRCLR", return_code=0, return_msg="", seq=seq)

    def _screens_now(self, session: Session, now: datetime) -> None:
        for seq, known in session.live_screens.items():
            current = {quote.code for quote in screens.hits(self.service.market, seq, now)}
            for code, mark in [*((one, "I") for one in current - known), *((one, "D") for one in known - current)]:
                values = {
                    "841": seq,
                    "9001": code,
                    "843": mark,
                    "20": f"{now:%H%M%S}",
                    "907": "2" if mark == "I" else "1",
                }
                event = {"type": SCREEN_TYPE, "name": "조건검색", "item": code, "values": values}
                session.put(compact({"trnm": "REAL", "data": [event]}))
            session.live_screens[seq] = current

    # ── on demand ──

    def cut(self, app_key: str | None = None) -> int:
        """Break connections without a word, all or one key's. Returns how many."""
        chosen = [one for one in self.everyone if app_key in (None, one.key.app_key if one.key else None)]
        for session in chosen:
            session.end()
        return len(chosen)

    def stats(self) -> dict[str, Any]:
        """Counters, and what each signed-in session has registered and been sent."""
        return {
            "counts": dict(self.counts),
            "open": len(self.everyone),
            "sessions": {
                app_key: {
                    "items": len({item for item, _ in session.registered if item}),
                    "registrations": len(session.registered),
                    "sent": dict(session.sent),
                }
                for app_key, session in self.sessions.items()
            },
        }
