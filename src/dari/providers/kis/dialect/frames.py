"""How KIS's websocket is spoken: an approval key, one registration a stream and item, frames of ^-separated records.

Two facts of a session are kept here, because KIS tells them once: the cipher of each stream of one's own executions,
and what is registered, for the streams whose records do not say which issue they are about.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from dari.core.endpoint import Endpoint
from dari.core.errors import (
    DariError,
    GrantStale,
    Hint,
    InvalidInput,
    Malformed,
    MissingCredential,
    NotAllowed,
    Refused,
    WrongMode,
)
from dari.core.exchange import Call, Grant
from dari.core.live import Answered, Asked, Beat, Ended, Meaning, Pushed, Tick, Topic
from dari.core.provider import Request
from dari.providers.kis.dialect import SIMULATOR_HEADER, KisDialect
from dari.providers.kis.spec import SPEC, error_code, platform_facts

REGISTER, REMOVE = "1", "2"
PLAIN, SECRET = "0", "1"
PARTS: Final = 4
"""encrypted | tr_id | how many records | the records"""
SILENT_SECONDS: Final = 75.0
"""KIS sends PINGPONG, about every half minute as observed; two missed and one half means nobody is there."""
KEPT_CIPHERS: Final = 4
FINE: Final = frozenset({"OPSP0000", "OPSP0001", "OPSP0002", "OPSP0003"})
"""Registered, removed; registered already, removed already: as we wanted it either way."""
NOT_OURS: Final = frozenset({"OPSP0011"})
ELSEWHERE: Final = frozenset({"OPSP8996"})


@dataclass(frozen=True, slots=True)
class Approvals:
    """Where approval keys come from: a grant of its own beside the access token (dari.core.provider.Granting)."""

    dialect: KisDialect

    def grant_name(self, profile: str, mode: str) -> str | None:
        return f"{self.dialect.key_name(profile, mode)} approval"

    async def sign_in(self, profile: str, mode: str) -> Grant:
        """An approval key; its parts say whose it is. Raises what the dialect's judgement raises."""
        parts = self.dialect.credential(profile, mode).parts
        row = SPEC.endpoint("auth.auth_ws_token")
        body = {"grant_type": "client_credentials", "appkey": parts["appkey"], "secretkey": parts["appsecret"]}
        response = await self.dialect.send(Request("POST", self.dialect.hosts.rest[mode] + row.path, payload=body))
        told = self.dialect.judged(response, row)
        life = float(platform_facts()["approval"]["life_seconds"])
        whose = {"profile": profile, "mode": mode}
        if SIMULATOR_HEADER in response.headers:
            whose["simulated"] = "yes"
        return Grant(str(told["approval_key"]), self.dialect.clock.now() + timedelta(seconds=life), whose)


@dataclass(frozen=True, slots=True)
class KisFrames:
    """KIS's dialect of frames (dari.core.live.FrameDialect), over the keys and hosts of its REST dialect."""

    dialect: KisDialect
    name: str = "kis"
    silence: float = SILENT_SECONDS
    _ciphers: dict[str, deque[tuple[bytes, bytes]]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=KEPT_CIPHERS)), repr=False
    )
    _watched: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set), repr=False)

    @property
    def budget(self) -> int:
        """Registrations of one session, over all products and notices."""
        return int(platform_facts()["websocket"]["registrations_per_session"])

    def session_name(self, profile: str, mode: str) -> str:
        return self.dialect.key_name(profile, mode)

    def url(self, mode: str) -> str:
        return self.dialect.hosts.websocket[mode]

    def simulated(self, headers: Mapping[str, str], grant: Grant | None) -> bool:
        return SIMULATOR_HEADER in headers or (grant is not None and "simulated" in grant.parts)

    def cost(self, topics: Collection[Topic]) -> int:
        return len(topics)

    def opening(self, grant: Grant | None) -> Asked | None:  # noqa: ARG002  # KIS wants no first frame
        return None

    def register(self, topics: Collection[Topic], grant: Grant | None) -> tuple[Asked, ...]:
        """One frame a topic. Raises WrongMode for a stream this mode lacks, MissingCredential without an HTS id."""
        asked = tuple(self._asked(topic, REGISTER, grant) for topic in sorted(topics))
        for topic in topics:
            self._watched[topic.kind].add(topic.item)
        return asked

    def remove(self, topics: Collection[Topic], grant: Grant | None) -> tuple[Asked, ...]:
        for topic in topics:
            self._watched[topic.kind].discard(topic.item)
        return tuple(self._asked(topic, REMOVE, grant) for topic in sorted(topics))

    def _asked(self, topic: Topic, what: str, grant: Grant | None) -> Asked:
        if grant is None:
            raise MissingCredential("a stream was to be watched without an approval key")
        row, mode = SPEC.endpoint(topic.kind), grant.parts["mode"]
        tr_id = row.codes.get(mode)
        if not tr_id:
            can = [one.id for one in SPEC if one.transport == "websocket" and one.codes.get(mode)]
            raise WrongMode(
                f"KIS pushes no {row.id} ({row.title}) in {mode} mode",
                hint=Hint(f"{mode}에서 되는 것: {', '.join(can)}", f"In {mode}: {', '.join(can)}"),
                details={f"{mode}_can": can},
            )
        item = self._user(grant) if row.wire["encrypted"] else topic.item
        header = {"approval_key": grant.token, "custtype": "P", "tr_type": what, "content-type": "utf-8"}
        frame = {"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": item}}}
        return Asked(json.dumps(frame, ensure_ascii=False), f"{tr_id} {item}")

    def _user(self, grant: Grant) -> str:
        htsid = self.dialect.credential(grant.parts["profile"], grant.parts["mode"]).parts.get("htsid", "")
        if not htsid:
            raise MissingCredential(
                "no HTS id: notices of one's own executions are registered by it",
                hint=Hint("KOREA_INVESTMENT_HTS_ID를 설정하세요.", "Set KOREA_INVESTMENT_HTS_ID."),
            )
        return htsid

    def question(self, call: Call) -> Asked:
        raise InvalidInput(f"{call.endpoint.id} is watched, not asked")

    # --- what a frame means ----------------------------------------------------------------------------------------

    def read(self, frame: str, at: datetime) -> Meaning:
        if frame[:1] in {PLAIN, SECRET}:
            return self._records(frame, at)
        try:
            told = json.loads(frame)
            header = told["header"]
            tr_id = str(header["tr_id"])
        except (ValueError, KeyError, TypeError):
            raise Malformed("KIS pushed a frame that is not as documented", upstream_text=frame) from None
        if tr_id == "PINGPONG":
            return Beat(frame)  # verbatim
        body = told.get("body") or {}
        output = body.get("output") or {}
        if output.get("key") and output.get("iv"):
            self._ciphers[tr_id].append((str(output["key"]).encode(), str(output["iv"]).encode()))
        error = _refused(str(body.get("msg_cd", "")).strip(), str(body.get("msg1", "")).strip())
        if isinstance(error, NotAllowed) or (error is not None and tr_id in {"", "(null)"}):
            return Ended(error, again=False)
        return Answered(f"{tr_id} {header.get('tr_key', '')}", body, error)

    def _records(self, frame: str, at: datetime) -> Pushed:
        """A frame of records, in the sheet's field order; columns the sheet does not know yet are left out."""
        parts = frame.split("|", PARTS - 1)
        if len(parts) != PARTS or not parts[2].strip().isdigit():
            raise Malformed("KIS pushed a frame that is not as documented", upstream_text=frame)
        secret, tr_id, count, data = parts
        row = _row(tr_id)
        values = (self._opened(tr_id, data) if secret == SECRET else data).split("^")
        records = max(int(count), 1)
        width = len(values) // records
        names = [one.name for one in row.blocks[0].fields]
        if width * records != len(values) or width < len(names):
            raise Malformed(f"KIS pushed {len(values)} values for {records} records of {row.id}", upstream_text=frame)
        ticks = []
        for place in range(records):
            told = dict(zip(names, values[place * width :], strict=False))
            ticks.append(Tick(Topic(row.id, self._item(row, told)), told, at))
        return Pushed(tuple(ticks))

    def _item(self, row: Endpoint, told: Mapping[str, str]) -> str:
        """What a record is about: its first field, or the only item watched where the records do not say."""
        if row.wire["encrypted"]:
            return ""
        said, watched = next(iter(told.values())).strip(), self._watched[row.id]
        return next(iter(watched)) if said not in watched and len(watched) == 1 else said

    def _opened(self, tr_id: str, data: str) -> str:
        """AES-256-CBC, by the key and iv that the registration was answered with."""
        from cryptography.hazmat.primitives import padding  # noqa: PLC0415 -- only who hears of executions pays for it
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 -- as above

        for key, iv in reversed(self._ciphers[tr_id]):
            try:
                decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
                padded = decryptor.update(base64.b64decode(data)) + decryptor.finalize()
                unpadder = padding.PKCS7(algorithms.AES.block_size).unpadder()
                return (unpadder.update(padded) + unpadder.finalize()).decode("utf-8")
            except ValueError:
                continue
        raise Malformed(f"a notice of {tr_id} does not open with the keys of this session")


def _row(tr_id: str) -> Endpoint:
    row = SPEC.by_tr_id(tr_id)
    if row.transport != "websocket":
        raise Malformed(f"KIS pushed records of {tr_id}, which is no stream")
    return row


def _refused(code: str, said: str) -> DariError | None:
    """The error a reply stands for. NotAllowed: another session holds the key, and nothing here can change that."""
    if code in FINE:
        return None
    known = error_code(code)
    meaning = f"KIS: {known.en if known else 'refused'} ({code})"
    rest: dict[str, Any] = {"upstream_code": code or None, "upstream_text": said or None}
    if code in NOT_OURS:
        return GrantStale(meaning, **rest)
    if code in ELSEWHERE:
        hint = Hint("같은 앱키의 다른 실시간 접속을 끊으세요.", "End the other session of the same app key.")
        return NotAllowed(meaning, hint=hint, **rest)
    return Refused(meaning, **rest)
