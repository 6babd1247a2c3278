"""What a field name or an error code of KIS means, where it occurs and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

from pydantic import Field as Argument

from dari.core.errors import Hint, NotFound
from dari.core.exchange import Answer
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kis.spec import SPEC, error_code, platform_facts

SHOWN_PLACES: Final = 6
SHOWN_CODES: Final = 20
_CODE: Final = re.compile(r"[A-Za-z]{3,4}[0-9]{4,5}|[0-9]{8}")

STEPS: Final[dict[str, tuple[str, str]]] = {
    "ok": ("오류가 아닙니다.", "Not an error."),
    "retry": ("잠시 후 같은 조회를 다시 하세요.", "Ask the same again after a moment (reads only)."),
    "wait": (
        "1분 뒤에 다시 하세요. 받은 토큰을 보관해 다시 쓰세요.",
        "Wait a minute; keep the token and use it again.",
    ),
    "reissue": ("토큰을 한 번 새로 발급받아 다시 하세요.", "Get a new token, once, and ask again."),
    "unknown_outcome": (
        "주문을 다시 보내지 말고 주문 체결 내역에서 결과를 확인하세요.",
        "Do not send the order again: look it up in the order history.",
    ),
    "key": ("앱키, 시크릿, IP 또는 이용 권한을 확인하세요.", "Check app key, secret, address or rights."),
    "mode": ("실전·모의 앱키, 도메인, tr_id가 서로 맞는지 확인하세요.", "Key, host and tr_id must be of one mode."),
    "request": ("요청의 파라미터와 헤더를 확인하세요.", "Check the request's parameters and headers."),
    "refused": ("KIS가 거절했습니다. 메시지의 이유를 해결하세요.", "KIS declined it: mend the reason it gives."),
    "stream": (
        "웹소켓 등록 상태와 세션 수(앱키당 1개, 41건)를 확인하세요.",
        "Check registrations: one session a key, 41 each.",
    ),
}
RELATED: Final[dict[str, tuple[str, ...]]] = {
    "reissue": ("auth.auth_token",),
    "wait": ("auth.auth_token",),
    "unknown_outcome": ("domestic_stock.inquire_daily_ccld",),
    "stream": ("auth.auth_ws_token",),
    "refused": ("domestic_stock.inquire_psbl_order", "domestic_stock.inquire_psbl_sell"),
}


class ExplainField(Query):
    """Arguments of explain_field."""

    name: str = Argument(max_length=200, description="stck_prpr or 누적 거래대금")


class ExplainError(Query):
    """Arguments of explain_error."""

    code: str = Argument(max_length=500, description="EGW00123, or a message with it")


@dataclass(slots=True)
class _Meaning:
    """One upstream name with one label: where it stands, its unit and codes."""

    name: str
    label: str
    english: str = ""
    unit: str = ""
    codes: dict[str, str] = field(default_factory=dict)
    request: dict[str, None] = field(default_factory=dict)
    response: dict[str, None] = field(default_factory=dict)


@cache
def _meanings() -> dict[str, list[_Meaning]]:
    """Every name, label and English name, in lower case without spaces → what it means."""
    found: dict[tuple[str, str], _Meaning] = {}
    for row in SPEC:
        for parameter in row.parameters:
            one = found.setdefault(
                (parameter.name.lower(), _key(parameter.label)), _Meaning(parameter.name, parameter.label)
            )
            one.request[row.id] = None
            one.codes |= parameter.codes
        for block in row.blocks:
            for told in block.fields:
                one = found.setdefault((told.name.lower(), _key(told.label)), _Meaning(told.name, told.label))
                one.english, one.unit = told.english or one.english, told.unit or one.unit
                one.response[row.id] = None
                one.codes |= told.codes
    index: dict[str, list[_Meaning]] = {}
    for one in found.values():
        for key in {_key(one.name), _key(one.label), _key(one.english)} - {""}:
            index.setdefault(key, []).append(one)
    return index


def _key(text: str) -> str:
    return re.sub(r"[\s_]", "", text).lower()


async def explain_field(query: ExplainField, _: Upstream) -> Answer:
    """Label, English name, unit and codes of a field, and the APIs that take or give it. Raises NotFound."""
    known = _meanings()
    found = known.get(_key(query.name))
    if found is None:
        near = get_close_matches(_key(query.name), known, 5, 0.75)
        names = ", ".join(dict.fromkeys(f"{known[key][0].name} {known[key][0].label}" for key in near))
        raise NotFound(
            f"no KIS field is called {query.name[:60]!r}",
            hint=Hint(f"비슷한 이름: {names}", f"Near it: {names}")
            if names
            else Hint("find_api로 찾으세요.", "Try find_api."),
        )
    found = sorted(found, key=lambda one: -(len(one.request) + len(one.response)))[:4]
    told = [_told(one) for one in found]
    return Answer({"meanings": told}, text="\n".join(line for one in told for line in _lines(one)))


def _told(one: _Meaning) -> dict[str, Any]:
    return {
        "name": one.name,
        "label": one.label,
        "english": one.english,
        "unit": one.unit,
        "codes": dict(list(one.codes.items())[:SHOWN_CODES]),
        "request_of": list(one.request)[:SHOWN_PLACES],
        "response_of": list(one.response)[:SHOWN_PLACES],
        "apis": len({*one.request, *one.response}),
    }


def _lines(one: dict[str, Any]) -> Iterator[str]:
    unit = f" [{one['unit']}]" if one["unit"] else ""
    yield f"{one['name']}: {one['label']} {one['english']}{unit} ({one['apis']} APIs)"
    if one["codes"]:
        yield "  값 values: " + ", ".join(f"{code or '(빈값)'} {meaning}" for code, meaning in one["codes"].items())
    if one["request_of"]:
        yield "  요청 request of: " + ", ".join(one["request_of"])
    if one["response_of"]:
        yield "  응답 response of: " + ", ".join(one["response_of"])


async def explain_error(query: ExplainError, _: Upstream) -> Answer:
    """The meaning of an error code, the next step and the APIs that help. Raises NotFound with near codes."""
    codes = [code.upper() for code in _CODE.findall(query.code)] or [query.code.upper()]
    known = next((found for code in codes if (found := error_code(code))), None)
    if known is None:
        near = ", ".join(get_close_matches(codes[0], platform_facts()["errors"], 4, 0.7))
        raise NotFound(
            f"the meaning of {codes[0][:40]!r} is not known",
            hint=Hint(f"응답의 msg1을 보세요. 비슷한 코드: {near}", f"See msg1 of the reply. Codes near it: {near}"),
        )
    ko, en = STEPS[known.kind]
    related = list(RELATED.get(known.kind, ()))
    if known.code == "EGW00131":
        related = ["auth.hashkey"]
    elif known.code in {"OPSP0011", "OPSP0010"}:
        related = ["auth.auth_ws_token"]
    data = {
        "code": known.code,
        "ko": known.ko,
        "en": known.en,
        "kind": known.kind,
        "next_ko": ko,
        "next_en": en,
        "related": related,
        "confidence": platform_facts()["errors_confidence"],
    }
    text = f"{known.code}: {known.ko} · {known.en}\n→ {ko} {en}" + (
        f"\n관련 API: {', '.join(related)}" if related else ""
    )
    return Answer(data, text=text)


_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
MEANINGS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "meanings": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    **{name: {"type": "string"} for name in ("name", "label", "english", "unit")},
                    "codes": {"type": "object"},
                    "request_of": _TEXTS,
                    "response_of": _TEXTS,
                    "apis": {"type": "integer"},
                },
            },
        }
    },
}
ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        **{name: {"type": "string"} for name in ("code", "ko", "en", "kind", "next_ko", "next_en", "confidence")},
        "related": _TEXTS,
    },
}

TOOLS: Final = (
    Tool(
        name="explain_field",
        title="필드 설명",
        description="What a KIS field 필드 means: Korean label, English name, unit, codes, and the APIs that use it.",
        query=ExplainField,
        output=MEANINGS,
        run=explain_field,
        toolset="code",
        open_world=False,
    ),
    Tool(
        name="explain_error",
        title="오류 코드 설명",
        description="What a KIS error code 오류 코드 (msg_cd) means and what to do next.",
        query=ExplainError,
        output=ERROR,
        run=explain_error,
        toolset="code",
        open_world=False,
    ),
)
