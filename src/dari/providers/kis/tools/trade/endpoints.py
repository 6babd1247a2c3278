"""The whole API: find any of KIS's endpoints, read what it takes and gives, and call it if it only reads."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from dari.core.acts import Acting
from dari.core.endpoint import Effect, Endpoint
from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kis.models.tables import unit_of
from dari.providers.kis.search import find
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.asking import OURS, completed, named, readable, venue_of
from dari.providers.kis.tools.trade.shaping import lines_of, text_of, told

MOST_CODES: Final = 30
MOST_FIELDS: Final = 90
HOW: Final = {"rest": "call_endpoint", "websocket": "collect_realtime"}


class SearchEndpoints(Query):
    """Arguments of search_endpoints."""

    query: str
    limit: int = Field(default=6, ge=1, le=20)


class DescribeEndpoint(Query):
    """Arguments of describe_endpoint."""

    endpoint: str


class CallEndpoint(Query):
    """Arguments of call_endpoint."""

    endpoint: str
    parameters: dict[str, str] = Field(default_factory=dict)
    mode: Literal["", "real", "paper"] = ""
    cursor: str = ""
    columns: list[str] = Field(default_factory=list)
    limit: int = Field(default=30, ge=1, le=500)
    raw: bool = False


async def search_endpoints(query: SearchEndpoints, upstream: Upstream) -> Answer:
    """Endpoints by what a person wants, in Korean or English, best first."""
    answered = find(query.query, query.limit)
    found = [SPEC.endpoint(one.id) for one in answered.found]
    rows = [[row.id, row.title, row.title_en, how(row), row.codes.get("paper") is not None] for row in found]
    data: dict[str, Any] = {"columns": ["endpoint", "title", "title_en", "how", "paper"], "rows": rows}
    gaps = []
    if answered.refusal is not None or answered.abstained:
        reason = answered.refusal.en if answered.refusal is not None else "nothing in the KIS API fits the question"
        gaps.append(Gap("rows", reason))
    lines = [f"{one[0]} {one[1]} ({one[2]})" for one in rows] or ["맞는 API를 찾지 못했습니다."]
    return Answer(data, upstream.sources, tuple(gaps), text_of(f"KIS API {len(rows)}개", lines))


def how(row: Endpoint) -> str:
    """The tool by which an endpoint is reached."""
    if row.scope == "auth":
        return "automatic"
    return "plan_order" if row.effect is Effect.COMMIT else HOW[row.transport]


async def describe_endpoint(query: DescribeEndpoint, upstream: Upstream) -> Answer:
    """What an endpoint takes and gives. Raises NotFound with the nearest ids."""
    row, _ = named(query.endpoint)
    data = described(row)
    lines = [
        f"{one['name']} {one['label']}{'' if one['required'] else ' (선택)'}"
        + (f" = {one['fixed']!r}" if "fixed" in one else "")
        + (f": {', '.join(f'{code} {said}' for code, said in one['codes'].items())}" if "codes" in one else "")
        for one in data["parameters"]
    ]
    return Answer(data, upstream.sources, text=text_of(f"{row.id} {row.title} ({row.title_en})", lines))


def described(row: Endpoint) -> dict[str, Any]:
    """An endpoint as data: also what a resource tells."""
    parameters = [
        {
            "name": one.name,
            "label": one.label,
            "required": one.required and one.fixed is None,
            **({"fixed": one.fixed} if one.fixed is not None else {}),
            **({"codes": dict(list(one.codes.items())[:MOST_CODES])} if one.codes else {}),
            **({"closed": True} if one.closed else {}),
            **({"example": one.sample} if one.sample and not one.codes else {}),
            **({"note": one.note} if one.note else {}),
        }
        for one in row.parameters
        if one.name not in OURS
    ]
    gives = {
        block.name or "top": [
            " ".join(filter(None, (one.english, one.label, f"[{unit_of(one)}]" if unit_of(one) else "")))
            for one in block.fields[:MOST_FIELDS]
        ]
        for block in row.blocks
    }
    variants = [{key: one[key] for key in ("label", "real", "paper")} for one in row.wire["variants"]]
    return {
        "endpoint": row.id,
        "title": row.title,
        "title_en": row.title_en,
        "how": how(row),
        "modes": [mode for mode, code in row.codes.items() if code],
        "tr_id": dict(row.codes),
        **({"variants": variants} if variants else {}),
        "account": row.scope == "account",
        "parameters": parameters,
        "gives": gives,
        "max_rows": row.max_rows,
        "paged": row.wire["paging"]["mode"] != "none",
        "source": f"{row.source}, {row.checked}",
    }


async def call_endpoint(query: CallEndpoint, upstream: Acting) -> Answer:
    """Call one reading endpoint. Raises NotAllowed for orders and streams, InvalidInput before the network."""
    row, tr_id = named(query.endpoint)
    readable(row)
    given = {"tr_id": tr_id, **query.parameters} if tr_id else query.parameters
    wanted = query.mode or None
    mode = wanted or ("real" if row.scope == "market" else upstream.holder(row.id).mode)
    asked = completed(row, given, mode, upstream.now().date())
    reply = await upstream.ask(row.id, asked, mode=wanted, cursor=query.cursor or None, venue=venue_of(asked))
    shown = told(row, reply.body, columns=query.columns, limit=query.limit, raw=query.raw)
    data = {"endpoint": row.id, "title": row.title, **_account(row, wanted, upstream), **shown}
    data["cursor"] = reply.cursor
    return Answer(data, upstream.sources, text=text_of(f"{row.title} ({row.id})", lines_of(shown)))


def _account(row: Endpoint, mode: str | None, upstream: Acting) -> dict[str, str]:
    return {"account": upstream.holder(row.id, mode).masked} if row.scope == "account" else {}


LIST: Final = {"type": "array"}
OBJECT: Final = {"type": "object"}
TEXT: Final = {"type": "string"}
CURSOR: Final = {"type": ["string", "null"]}
FLAG: Final = {"type": "boolean"}

TOOLS: Final = (
    Tool(
        name="search_endpoints",
        title="API 검색",
        description="Find KIS APIs (339) by a question, Korean or English; then describe_endpoint.",
        query=SearchEndpoints,
        output={"type": "object", "properties": {"columns": LIST, "rows": LIST}},
        run=search_endpoints,
        toolset="endpoints",
        open_world=False,
    ),
    Tool(
        name="describe_endpoint",
        title="API 설명",
        description="Parameters, allowed values, fields, units and tr_ids of one API, by its id or tr_id.",
        query=DescribeEndpoint,
        output={"type": "object", "properties": {"endpoint": TEXT, "parameters": LIST, "gives": OBJECT}},
        run=describe_endpoint,
        toolset="endpoints",
        open_world=False,
    ),
    Tool(
        name="call_endpoint",
        title="API 호출",
        description="Call any of 256 reading APIs by id 조회 전용 (orders: plan_order). Codes by value or meaning; "
        "fixed values and account are filled in. columns: all, or some.",
        query=CallEndpoint,
        output={
            "type": "object",
            "properties": {"endpoint": TEXT, "fields": OBJECT, "tables": OBJECT, "cursor": CURSOR, "truncated": FLAG},
        },
        run=call_endpoint,
        toolset="endpoints",
    ),
)
