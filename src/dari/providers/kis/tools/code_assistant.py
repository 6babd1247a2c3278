"""KIS Code Assistant: a sentence finds the API, and a call of it comes back as code that runs."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ConfigDict, Field

from dari.core.endpoint import Endpoint
from dari.core.exchange import Answer
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kis.examples import Example, Language, Style, build
from dari.providers.kis.search import Answered, Found, find
from dari.providers.kis.spec import SPEC

QUESTION_LIMIT: Final = 100_000
"""A longer question is refused; of a long one only the beginning is read."""
SHOWN_PARAMETERS: Final = 6
SOURCE: Final = "KIS developers portal, in the package"


class FindApi(Query):
    """Arguments of find_api."""

    question: str = Field(max_length=QUESTION_LIMIT)
    limit: int = Field(default=5, ge=1, le=10)


class BuildCall(Query):
    """Arguments of build_call."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    api: str = Field(max_length=120, description="id, path or tr_id")
    values: dict[str, str] = Field(default={}, description="parameter → value; also side, action, session, market")
    language: Language = "python"
    style: Style = "httpx2"


async def find_api(query: FindApi, _: Upstream) -> Answer:
    """The endpoints that answer a question, best first; where nothing fits `results` is empty and `near` tells."""
    answered = find(query.question, query.limit)
    told = [_told(one) for one in answered.found]
    data: dict[str, Any] = {"fits": not answered.abstained, "results": [] if answered.abstained else told}
    if answered.abstained:
        data["message"] = _nothing(answered)
        data["near"] = [{"id": one["id"], "title": one["title"]} for one in told[:3]]
    return Answer(data, text=_refused(data) if answered.abstained else _listed(told))


def _told(one: Found) -> dict[str, Any]:
    row = SPEC.endpoint(one.id)
    return {
        "id": row.id,
        "title": row.title,
        "title_en": row.title_en,
        "method": "WS" if row.transport == "websocket" else row.method,
        "path": row.path,
        "tr_id": {mode: code for mode in ("real", "paper") if (code := row.codes.get(mode))},
        "paper": row.codes.get("paper") is not None,
        "required": _required(row),
        "why": list(one.why[:3]),
        "confidence": one.confidence,
    }


def _required(row: Endpoint) -> list[str]:
    """What the caller has to choose: neither account nor constants."""
    own = {"CANO", "ACNT_PRDT_CD"}
    names = [one.name for one in row.parameters if one.required and one.fixed is None and one.name not in own]
    more = len(names) - SHOWN_PARAMETERS
    return [*names[:SHOWN_PARAMETERS], f"+{more}"] if more > 0 else names


def _nothing(answered: Answered) -> str:
    if answered.refusal:
        return f"{answered.refusal.ko} {answered.refusal.en}"
    return "맞는 KIS API를 찾지 못했습니다. No KIS API fits this question."


def _refused(data: dict[str, Any]) -> str:
    near = ", ".join(f"{one['title']} ({one['id']})" for one in data["near"])
    return str(data["message"]) + (f"\n비슷하지만 다른 것 near misses: {near}" if near else "")


def _listed(told: list[dict[str, Any]]) -> str:
    lines = []
    for place, one in enumerate(told, start=1):
        codes = one["tr_id"].get("real") or "-"
        paper = "" if not one["paper"] else " · 모의 paper " + (one["tr_id"].get("paper") or "✓")
        lines.append(f"{place}. {one['title']} · {one['title_en']} [{one['confidence']:.2f}]")
        lines.append(
            f"   {one['id']} · {one['method']} {one['path']} · tr_id {codes}{paper or ' · 모의 미지원 no paper'}"
        )
        if one["required"]:
            lines.append(f"   필요 needs: {', '.join(one['required'])}")
        if one["why"]:
            lines.append(f"   근거 matched: {', '.join(one['why'])}")
    return "\n".join(lines)


async def build_call(query: BuildCall, upstream: Upstream) -> Answer:
    """A complete example. Raises NotFound and InvalidInput, with what there is instead."""
    example = build(query.api, query.values, upstream.now().date(), query.language, query.style)
    told = example.recipe
    data = {
        "api": told.row.id,
        "title": told.row.title,
        "language": example.language,
        "style": example.style,
        "file": example.file,
        "needs": example.needs,
        "mode": told.mode,
        "tr_id": told.tr_id,
        "warnings": list(told.warnings),
        "environment": environment(example),
        "code": example.code,
    }
    return Answer(data, text=_shown(example))


def environment(example: Example) -> list[str]:
    """The environment variables that the example reads."""
    told = example.recipe
    if example.style == "kis_auth":
        return []
    names = list(told.key_names)
    if any(one.source == "account" for one in told.values):
        names.append("KIS_ACCOUNT")
    if told.stream and told.row.scope == "account":
        names.append("KIS_HTS_ID")
    return names


def _shown(example: Example) -> str:
    told = example.recipe
    fence = {"python": "python", "javascript": "js", "curl": "sh"}[example.language]
    needs = [f"파일 file: {example.file} · 준비 needs: {example.needs}"]
    if names := environment(example):
        needs.append("환경변수 environment: " + ", ".join(names))
    return "\n".join([*told.warnings, *needs, f"```{fence}", example.code.rstrip(), "```"])


FOUND: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "fits": {"type": "boolean"},
        "results": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "title": {"type": "string"},
                    "title_en": {"type": "string"},
                    "method": {"type": "string"},
                    "path": {"type": "string"},
                    "tr_id": {"type": "object"},
                    "paper": {"type": "boolean"},
                    "required": {"type": "array", "items": {"type": "string"}},
                    "why": {"type": "array", "items": {"type": "string"}},
                    "confidence": {"type": "number"},
                },
            },
        },
        "message": {"type": "string"},
        "near": {"type": "array", "items": {"type": "object"}},
    },
}
BUILT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        **{
            name: {"type": "string"} for name in ("api", "title", "language", "style", "file", "needs", "mode", "tr_id")
        },
        "warnings": {"type": "array", "items": {"type": "string"}},
        "environment": {"type": "array", "items": {"type": "string"}},
        "code": {"type": "string"},
    },
}

TOOLS: Final = (
    Tool(
        name="find_api",
        title="API 찾기",
        description="Find KIS 한국투자증권 API endpoints for a sentence, field, tr_id, path, HTS screen or error code, "
        "in Korean or English. Says so when KIS offers nothing that fits.",
        query=FindApi,
        output=FOUND,
        run=find_api,
        toolset="code",
        open_world=False,
    ),
    Tool(
        name="build_call",
        title="호출 예제 만들기",
        description="Write a complete program that calls one KIS API 호출 예제: paging and websocket decoding "
        "included, orders on the paper account.",
        query=BuildCall,
        output=BUILT,
        run=build_call,
        toolset="code",
        open_world=False,
    ),
)
