"""How Kiwoom's websocket is spoken: LOGIN first, REG and REMOVE, REAL pushes, PING echoed, SYSTEM ends."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dari.core.errors import DariError, InvalidInput, Malformed, Refused
from dari.core.exchange import Call, Grant
from dari.core.live import Answered, Asked, Beat, Ended, Meaning, Pushed, Tick, Topic
from dari.providers.kiwoom.dialect import SIMULATED, SIMULATOR_HEADER, KiwoomDialect
from dari.providers.kiwoom.dialect.asked import check_parameters
from dari.providers.kiwoom.dialect.judged import error_of, refusal_of
from dari.providers.kiwoom.spec import SPEC, platform

GROUP: Final = "1"
KEEP_OTHERS: Final = "1"
SCREEN: Final = "screen"
"""Our kind for hits of a saved screen (조건검색), whose item is the screen's number."""
SCREEN_NUMBER: Final = "841"
SILENT_SECONDS: Final = 90.0
"""Kiwoom pings, at an interval it does not publish; five missed echoes end a session. This long is certainly dead."""


@dataclass(frozen=True, slots=True)
class KiwoomFrames:
    """Kiwoom's dialect of frames (dari.core.live.FrameDialect), over the keys and hosts of its REST dialect."""

    dialect: KiwoomDialect
    name: str = "kiwoom"
    silence: float = SILENT_SECONDS

    @property
    def budget(self) -> int:
        """Items of one session; how many types an item is watched for costs nothing."""
        most: int = platform()["websocket"]["items_per_session"]
        return most

    def session_name(self, profile: str, mode: str) -> str:
        return self.dialect.key_name(profile, mode)

    def url(self, mode: str) -> str:
        return self.dialect.hosts.websocket[mode]

    def simulated(self, headers: Mapping[str, str], grant: Grant | None) -> bool:
        return SIMULATOR_HEADER in headers or (grant is not None and SIMULATED in grant.parts)

    def cost(self, topics: Collection[Topic]) -> int:
        return len({topic.item for topic in topics if topic.item and topic.kind != SCREEN})

    def opening(self, grant: Grant | None) -> Asked | None:
        return Asked(_text({"trnm": "LOGIN", "token": grant.token if grant else ""}), "LOGIN")

    def register(self, topics: Collection[Topic], grant: Grant | None) -> tuple[Asked, ...]:  # noqa: ARG002  # the session is signed in
        watched, screens = _grouped(topics)
        frames = []
        if watched:
            frames.append(
                Asked(_text({"trnm": "REG", "grp_no": GROUP, "refresh": KEEP_OTHERS, "data": watched}), "REG")
            )
        for seq in screens:
            live = {"trnm": "CNSRREQ", "seq": seq, "search_type": "1", "stex_tp": "K"}
            frames += [Asked(_text({"trnm": "CNSRLST"}), "CNSRLST"), Asked(_text(live), "CNSRREQ")]
        return tuple(frames)

    def remove(self, topics: Collection[Topic], grant: Grant | None) -> tuple[Asked, ...]:  # noqa: ARG002  # the session is signed in
        watched, screens = _grouped(topics)
        frames = []
        if watched:
            frames.append(Asked(_text({"trnm": "REMOVE", "grp_no": GROUP, "data": watched}), "REMOVE"))
        frames += [Asked(_text({"trnm": "CNSRCLR", "seq": seq}), "CNSRCLR") for seq in screens]
        return tuple(frames)

    def question(self, call: Call) -> Asked:
        row = call.endpoint
        self.dialect.credential(call.profile, call.mode)
        asked = {one.name: one.fixed for one in row.parameters if one.fixed is not None} | dict(call.parameters)
        if "trnm" not in asked or row.category != SPEC.endpoint("ka10171").category:
            raise InvalidInput(f"{row.id} is watched, not asked")
        if call.cursor is not None:
            asked |= {"cont_yn": "Y", "next_key": call.cursor}
        check_parameters(Call(row, asked, call.profile, call.mode))
        return Asked(_text(asked), asked["trnm"])

    def read(self, frame: str, at: datetime) -> Meaning:
        try:
            told = json.loads(frame)
            name = told["trnm"]
        except (ValueError, KeyError, TypeError):
            raise Malformed("Kiwoom pushed a frame that is not as documented", upstream_text=frame) from None
        if name == "REAL":
            return Pushed(tuple(_tick(one, at) for one in told.get("data") or ()))
        if name == "PING":
            return Beat(frame)  # verbatim
        if name == "SYSTEM":
            return _ended(told)
        more = str(told.get("cont_yn", "N")).strip().upper() == "Y"
        return Answered(
            name, told, _refused(told), cursor=str(told.get("next_key", "")).strip() or None if more else None
        )


def _text(frame: Mapping[str, Any]) -> str:
    return json.dumps(frame, ensure_ascii=False)


def _grouped(topics: Collection[Topic]) -> tuple[list[dict[str, list[str]]], list[str]]:
    """The `data` of REG and REMOVE, one entry a type; and the screens, which have frames of their own."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for topic in sorted(topics):
        kinds[topic.kind].append(topic.item)
    screens = kinds.pop(SCREEN, [])
    return [{"item": items, "type": [kind]} for kind, items in kinds.items()], screens


def _tick(one: Mapping[str, Any], at: datetime) -> Tick:
    values = one.get("values")
    if not isinstance(values, Mapping) or "type" not in one:
        raise Malformed("Kiwoom pushed a record that is not as documented", upstream_text=str(one))
    if SCREEN_NUMBER in values:
        return Tick(Topic(SCREEN, str(values[SCREEN_NUMBER]).strip()), values, at)
    kind = str(one["type"])
    ignores = kind in SPEC.ids() and SPEC.endpoint(kind).wire["ignores_item"]
    return Tick(Topic(kind, "" if ignores else str(one.get("item", ""))), values, at)


def _ended(told: Mapping[str, Any]) -> Ended:
    code, said = str(told.get("code", "")), str(told.get("message", told.get("return_msg", "")))
    known = refusal_of(said, code)
    meaning = known.meaning if known else "the session was ended"
    return Ended(
        Refused(f"Kiwoom: {meaning} ({code})", upstream_code=code or None, upstream_text=said or None),
        again=known is None or known.retry != "never",
    )


def _refused(told: Mapping[str, Any]) -> DariError | None:
    code = str(told.get("return_code", "0")).strip()
    if code == "0":
        return None
    return error_of(code, str(told.get("return_msg", "")), frame=code)
