"""The long tail: find any of Kiwoom's endpoints, read what it takes and gives, and call it if it only reads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from pydantic import Field

from dari.core.endpoint import Effect, Endpoint
from dari.core.errors import Hint, NotAllowed
from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kiwoom.models import columns, head, list_block, table
from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools.envelope import failing, good, schema, told_gaps

WORD: Final = re.compile(r"[0-9a-z]+|[가-힣]+")
MOST_CODES: Final = 24
"""Values of one parameter that describe_endpoint tells."""


class SearchEndpoints(Query):
    """Arguments of search_endpoints."""

    query: str = Field(min_length=1, max_length=100)
    limit: int = Field(default=8, ge=1, le=30)


class DescribeEndpoint(Query):
    """Arguments of describe_endpoint."""

    endpoint: str = Field(max_length=10)


class CallEndpoint(Query):
    """Arguments of call_endpoint."""

    endpoint: str = Field(max_length=10)
    parameters: dict[str, str] = Field(default_factory=dict)
    cursor: str | None = None
    limit: int = Field(default=30, ge=1, le=900)
    raw: bool = Field(default=False, description="the upstream's own strings")


def _grams(text: str) -> set[str]:
    """Words of Latin script, and pairs of syllables of Korean: 외국인순매수 and 외국인 매수 share most of theirs."""
    found: set[str] = set()
    for word in WORD.findall(text.lower()):
        if word.isascii() or len(word) == 1:
            found.add(word)
        else:
            found |= {word[place : place + 2] for place in range(len(word) - 1)}
    return found


@cache
def _index() -> tuple[tuple[Endpoint, frozenset[str], frozenset[str]], ...]:
    """Every endpoint with the grams of its titles, and of the labels of what it takes and gives."""
    rows = [SPEC.endpoint(one) for one in SPEC.ids()]
    return tuple(
        (
            row,
            frozenset(_grams(f"{row.id} {row.title} {row.title_en} {row.category}")),
            frozenset(_grams(" ".join(_labels(row)))),
        )
        for row in rows
        if row.scope != "auth"
    )


def _labels(row: Endpoint) -> Iterable[str]:
    yield from (one.label for one in row.parameters)
    yield from (one.label for block in row.blocks for one in block.fields)


async def search_endpoints(query: SearchEndpoints, upstream: Upstream) -> Answer:
    """Endpoints whose titles, then labels, share most with the query, in Korean or English."""
    wanted = _grams(query.query)
    scored = [
        (3 * len(wanted & titles) + len(wanted & labels) + 2 * len(wanted & titles) / (1 + len(titles)), row)
        for row, titles, labels in _index()
    ]
    best = sorted((one for one in scored if one[0] > 0), key=lambda one: (-one[0], one[1].id))[: query.limit]
    rows = [
        {
            "id": row.id,
            "title": row.title,
            "title_en": row.title_en,
            "category": row.category,
            "callable": callable_(row),
        }
        for _, row in best
    ]
    lines = [f"{row['id']} {row['title']} ({row['title_en']}) {row['category']}" for row in rows]
    return good(upstream, {"endpoints": rows, "count": len(rows)}, f"API {len(rows)}개 검색됨", lines=lines)


def callable_(row: Endpoint) -> bool:
    """Whether call_endpoint may call it: it reads, over REST."""
    return row.effect is Effect.READ and row.transport == "rest"


async def describe_endpoint(query: DescribeEndpoint, upstream: Upstream) -> Answer:
    """What one endpoint takes (names, values) and gives (our names, units). Raises NotFound with the nearest ids."""
    row = SPEC.endpoint(query.endpoint)
    parameters = [
        {
            "name": one.name,
            "label": one.label,
            "required": one.required,
            **({"codes": dict(list(one.codes.items())[:MOST_CODES])} if one.codes else {}),
            **({"note": one.note} if one.note else {}),
            **({"fixed": one.fixed} if one.fixed is not None else {}),
        }
        for one in row.parameters
    ]
    gives = {
        block.name or "fields": [
            " ".join(filter(None, (column.english, each.label, _unit(each.unit))))
            for column, each in zip(columns(row, block), block.fields, strict=True)
        ]
        for block in row.blocks
    }
    data = {
        "id": row.id,
        "title": row.title,
        "title_en": row.title_en,
        "category": row.category,
        "effect": row.effect.name,
        "scope": row.scope,
        "callable": callable_(row),
        "mock": row.codes.get("paper") is not None,
        "parameters": parameters,
        "gives": gives,
        "max_rows": row.max_rows,
        "source": f"{row.source}, {row.checked}",
    }
    lines = [f"{one['name']} {one['label']}{'' if one['required'] else ' (선택)'}" for one in parameters]
    return good(upstream, data, f"{row.id} {row.title} ({row.title_en})", lines=lines)


def _unit(written: str) -> str:
    """The unit our value is in: amounts are won, quantities shares, whatever the upstream counts in."""
    return f"[{written.partition('_')[0] if written.startswith(('KRW', 'share')) else written}]" if written else ""


async def call_endpoint(query: CallEndpoint, upstream: Upstream) -> Answer:
    """Call one reading endpoint: rows by our names, or `raw` as Kiwoom writes them. Raises NotAllowed for orders."""
    row = SPEC.endpoint(query.endpoint)
    if not callable_(row):
        raise NotAllowed(
            f"{row.id} ({row.title}) is not a reading REST endpoint",
            hint=Hint(
                "주문은 plan → apply, 실시간은 collect_realtime으로만 됩니다.",
                "Orders go by plan → apply; realtime by collect_realtime.",
            ),
        )
    reply = await upstream.ask(row.id, query.parameters, cursor=query.cursor)
    data: dict[str, Any] = {"endpoint": row.id, "title": row.title}
    gaps: list[Gap] = []
    if any(block.name is None for block in row.blocks):
        top = head(row, reply.body, query.parameters)
        data["fields"] = dict(top.raw[0]) if query.raw else top.rows[0]
        if query.raw and (block := list_block(row)):
            data["fields"].pop(block.name, None)
        gaps += told_gaps(top, "data.fields")
    total = 0
    if list_block(row) is not None:
        read = table(row, reply.body, query.parameters)
        total = len(read.rows)
        names = list(read.raw[0] if query.raw and read.raw else read.rows[0]) if read.rows else []
        shown = (read.raw if query.raw else read.rows)[: query.limit]
        data |= {"columns": names, "rows": [[one.get(name) for name in names] for one in shown], "count": len(shown)}
        data |= {"total": total, "truncated": total > len(shown)}
        gaps += told_gaps(read, "data.rows")
        gaps += _unsure(read.unsure)
    data |= {"cursor": reply.cursor, "timestamp": reply.fetched_at.isoformat(timespec="seconds")}
    return good(upstream, data, f"{row.id} {row.title} 조회 완료 ({total}건)", gaps=gaps)


def _unsure(names: frozenset[str]) -> list[Gap]:
    return [
        Gap(f"data.rows.{name}", "counted as the parameters ask; left in the upstream's own unit")
        for name in sorted(names)
    ]


TOOLS: Final = (
    Tool(
        name="search_endpoints",
        title="API 검색",
        description="Search Kiwoom's 206 APIs in Korean or English; then describe_endpoint, call_endpoint.",
        query=SearchEndpoints,
        output=schema({"endpoints": {"type": "array", "items": {"type": "object"}}, "count": "integer"}),
        run=search_endpoints,
        toolset="endpoints",
        failed=failing("API 검색"),
        open_world=False,
    ),
    Tool(
        name="describe_endpoint",
        title="API 설명",
        description="Parameters, allowed values, fields and units of one API.",
        query=DescribeEndpoint,
        output=schema({"id": "string", "parameters": {"type": "array"}, "gives": "object", "callable": "boolean"}),
        run=describe_endpoint,
        toolset="endpoints",
        failed=failing("API 설명", "endpoint"),
        open_world=False,
    ),
    Tool(
        name="call_endpoint",
        title="API 호출",
        description="Call any reading REST API by id (조회 전용; orders are refused). Values in won, shares, percent.",
        query=CallEndpoint,
        output=schema(
            {
                "endpoint": "string",
                "fields": "object",
                "columns": {"type": "array"},
                "rows": {"type": "array"},
                "cursor": {"type": ["string", "null"]},
            }
        ),
        run=call_endpoint,
        toolset="endpoints",
        endpoints=(),
        failed=failing("API 호출", "endpoint"),
    ),
)
